"""The house behind the SMPP door: where its operations find intake and store."""

from collections.abc import Sequence

from appliance import withdrawal
from appliance.clock import Clock
from appliance.intake import Intake
from appliance.models import Account
from appliance.policy.categories import Category
from appliance.smpp_server.manner import PLAIN, Manner, priorities, service_types
from appliance.store import Store
from appliance.store.enquiry import Handed
from appliance.store.withdrawal import Selection, Withdrawn
from appliance.submission import Accepted, Submission
from appliance.withdrawal import Replacement


class StoredMessages:
    """What ``operations.Messages`` asks for."""

    def __init__(self, intake: Intake, store: Store, clock: Clock) -> None:
        self._intake, self._store, self._clock = intake, store, clock

    def current(self, account: Account) -> Account:
        """Return the account as it is set now."""
        return self._store.accounts.current(account)

    def load(self, account: Account) -> int:
        """Return how near queue and store are to their bounds."""
        return max(self._intake.gate.load(account), self._store.messages.load)

    async def submit(self, account: Account, asked: Submission) -> Accepted:
        """Store a message."""
        return await self._intake.submit(account, asked)

    def check(self, account: Account, asked: Submission) -> None:
        """Raise what is wrong with a message."""
        self._intake.checked(account, asked)

    def recipient(self, number: str, region: str | None) -> str:
        """Return a number as messages to it are stored."""
        return self._intake.recipient(number, region)

    def new_group(self) -> str:
        """Return an id for several messages that are submitted together."""
        return self._store.enquiry.new_group()

    async def sim(self, number: str) -> int | None:
        """Return the SIM whose own number this is."""
        return await self._store.enquiry.sim(number)

    async def of(self, account: Account, name: str) -> list[Handed]:
        """Return what the account knows by this id."""
        return await self._store.enquiry.of(account.id or 0, name)

    async def waiting_for(self, account: Account, recipient: str) -> list[Handed]:
        """Return what of the account waits for a number."""
        return await self._store.enquiry.waiting(account.id or 0, recipient)

    async def cancel(self, account: Account, names: Sequence[str]) -> Withdrawn:
        """Cancel messages as far as they have not left."""
        chosen = Selection(ids=tuple(names))
        return await withdrawal.cancel(self._store, self._clock, account.id, chosen)

    async def change(self, account: Account, name: str, wanted: Replacement) -> None:
        """Change a message that has not left."""
        await withdrawal.change(self._intake, self._store, account, name, wanted)

    async def supersede(self, account: Account, name: str, asked: Submission) -> None:
        """Let a message that has not left be wholly another: a submit like any other."""
        self._intake.gate.pace(account)
        await withdrawal.supersede(self._intake, self._store, account, name, asked)


def manner_of(account: Account, gsm0: str) -> Manner:
    """Return how an account speaks SMPP; ``gsm0``: what data_coding 0 is where it says nothing."""
    return Manner(
        gsm0=account.gsm0 or gsm0,
        inbound_form=account.inbound_form or PLAIN.inbound_form,
        region=account.region,
        category=Category(account.category) if account.category else PLAIN.category,
        service_types=service_types(account.service_types),
        category_tag=account.category_tag,
        priorities=priorities(account.priorities),
        expire_unreported=account.unreported == "expired",
    )
