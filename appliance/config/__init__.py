"""The configuration: what may be set, how it is read, and how it changes while running."""
