"""What nobody has foreseen, on its way into the log."""

import logging
import traceback
from typing import Final

logger: Final = logging.getLogger(__name__)


def log_unexpected(what: str, peer: str, error: Exception) -> None:
    """Log where it happened, but not the error's own words: they may hold a text or a number."""
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s: %s at\n%s", peer, what, type(error).__name__, where)
