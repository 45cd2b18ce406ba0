"""Receipts that a hostile ESME takes from a daemon that is killed: none lost, none out of order."""
