"""Decisions only: limits, keywords, uncertainty, what is owed. ``now`` is an argument."""
