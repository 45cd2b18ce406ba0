"""Fixtures of the HTTP door."""

from tests.api.house import api, house, local, settings

__all__ = ["api", "house", "local", "settings"]
