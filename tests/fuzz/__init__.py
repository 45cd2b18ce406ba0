"""Hostile bytes for the SMPP door: a state machine over its session, and mutated PDUs."""
