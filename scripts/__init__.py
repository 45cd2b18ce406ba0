"""What runs a checkout; no part of the package."""
