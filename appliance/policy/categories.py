"""What kind of message it is: decides priority, quiet hours, opt-out."""

from enum import StrEnum
from typing import Final


class Category(StrEnum):
    """What an account says a message is for."""

    OTP = "otp"
    URGENT = "urgent"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"


PRIORITY: Final = {
    Category.OTP: 3,
    Category.URGENT: 2,
    Category.TRANSACTIONAL: 1,
    Category.MARKETING: 0,
}
"""The higher leaves first. 0-3, as SMPP's priority_flag."""
