"""The root of the tree."""


class ApplianceError(Exception):
    """Whatever this project raises on purpose."""
