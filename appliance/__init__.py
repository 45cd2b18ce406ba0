"""A self-hosted SMS gateway: a pool of USB GSM modems behind SMPP and REST."""

__version__ = "0.1.0"
