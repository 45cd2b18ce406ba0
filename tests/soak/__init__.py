"""A soak: one daemon, many modems of many makes, traffic, and faults without end; then the books.

``python -m tests.soak --help`` says how; ``make soak`` runs it for some minutes.
"""
