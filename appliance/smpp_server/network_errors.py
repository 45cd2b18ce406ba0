"""``err`` of a receipt: three digits that say why, from one table. Pure.

Networks and modems count from 0 in two places, which must not be mixed: TP-Status 70 says that
the validity period expired, +CMS 70 would be of the network that refused the part. So each has
digits of its own, and what has happened here has others::

    000        all is well, or it is still on its way
    001-255    TP-Status of a report (3GPP TS 23.040 clause 9.2.3.15), as it is
    299        the modem refused it with a number of its maker's own, above 599
    300-899    +CMS of a refusal (27.005 clause 3.2.5) plus 300: 300-427 the network,
               428-555 the service centre, 600-811 the modem or its SIM, 812-899 its maker
    900        its time was over before it left
    901        taken back by its account, or its recipient said STOP
    902        given up here
    903        the network has said nothing
"""

from collections.abc import Mapping
from typing import Final

from appliance.lifecycle import State

REPORTED: Final = range(256)
"""TP-Status, one octet."""

REFUSED: Final = range(600)
"""+CMS numbers that have digits of their own."""

REFUSED_FROM: Final = 300
"""What is added to a +CMS number."""

MAKERS_OWN: Final = 299
"""Stands for any +CMS number beyond."""

OWN: Final[Mapping[State, int]] = {
    State.EXPIRED: 900,
    State.CANCELLED: 901,
    State.FAILED: 902,
    State.NO_REPORT: 903,
}
"""What stands where no network gave a number."""


def error_of(state: State, code: int | None, *, reported: bool) -> int:
    """Return ``err``, 0-999, of a message that has come to ``state``.

    Args:
        state: where it is.
        code: the number that came with it; None if there was none.
        reported: the number is the TP-Status of a report, else it is +CMS.

    """
    if code is None:
        return OWN.get(state, 0)
    if reported:
        return code if code in REPORTED else MAKERS_OWN
    return code + REFUSED_FROM if code in REFUSED else MAKERS_OWN


def octet_of(state: State, code: int | None) -> int:
    """Return error_code of query_sm_resp (4.8.2), 0-255: the number itself where it fits."""
    return min(OWN.get(state, 0) if code is None else max(code, 0), 255)
