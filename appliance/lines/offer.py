"""A line as choosing sees it: made once, and kept up to date, since it is asked for often."""

from collections.abc import Callable
from datetime import datetime

from appliance.lines.reserved import Reserved
from appliance.msisdn import calling_code
from appliance.policy.categories import Category
from appliance.policy.choosing import Free, MaySend
from appliance.policy.contract import Contract
from appliance.policy.routes import Destination


class Offer:
    """What one line offers to messages."""

    def __init__(
        self,
        sim_id: int,
        slot: str,
        contract: Callable[[], Contract],
        may_send: MaySend,
        probing: Callable[[], bool],
        *,
        hangs: Callable[[datetime], str],
    ) -> None:
        """``contract`` tells what is set for the SIM; if that names it not, ``slot`` does.

        ``probing`` tells whether the SIM is tried with one message after it was bad; ``hangs``
        why its modem does not get on with what it has, '' if it does.
        """
        self._probing, self._hangs = probing, hangs
        self._sim_id, self._slot = sim_id, slot
        self._contract, self._may_send = contract, may_send
        self._sent = 0.0  # parts by its weight, to share evenly
        self._made: tuple[Contract, Free] | None = None

    def count(self, parts: int) -> None:
        """Count parts that it is given."""
        self._sent += parts / self._contract().weight

    def free(self, ahead: int, reserved: Reserved, network: str | None) -> Free:
        """Return the line, which may have ``ahead`` messages reserved and is in ``network``."""
        contract = self._contract()
        if self._made is None or self._made[0] is not contract:
            self._made = contract, self._make(contract)
        free = self._made[1]
        free.room, free.pending = ahead - len(reserved), reserved.parts
        free.ahead, free.given = reserved.ahead_of, 0
        free.sent, free.network = self._sent, network
        return free

    def _make(self, contract: Contract) -> Free:
        return Free(
            sim_id=self._sim_id,
            name=contract.name or self._slot,
            groups=frozenset({contract.group} if contract.group else ()),
            may_send=self._may_send,
            refuses=lambda to: self._refuses(contract, to),
            bars=lambda beginning: contract.eligible.bars(beginning, calling_code),
            hangs=self._hangs,
            weight=contract.weight,
            price=contract.price or 0.0,
        )

    def _refuses(self, contract: Contract, to: Destination) -> str:
        """Return why a message may not go by it, whenever; '' if it may."""
        if to.category is Category.OTP and self._probing():
            return "tried again after failures: not with a one-time password"
        return contract.eligible.why_not(to.category, to.account, to.recipient, to.country)
