"""A server whose messages go where they go in earnest: into intake and a store."""

import asyncio
from datetime import timedelta

from appliance.errors import Unauthorised
from appliance.intake import Intake, IntakeRules
from appliance.outbox import Outbox
from appliance.smpp_server.books import StoredBooks
from appliance.smpp_server.messages import StoredMessages
from appliance.smpp_server.operations import Operations
from appliance.store.space import Space
from appliance.store.values import Overdue
from tests.smpp_server.esme import RESP, SUBMIT_SM, House, fields_of, frame, submit_body
from tests.store.test_messages import stop

RULES = IntakeRules(
    region="DE",
    short_codes=True,
    countries=frozenset,
    max_parts=10,
    validity=timedelta(days=3),
)


class RealHouse(House):
    """``account`` is bound as ``acme``, with the password ``secret``."""

    def __init__(self, store, account, sim, clock, folder):
        self.store, self.account, self.sim, self.clock = store, account, sim, clock
        self.real_intake = Intake(store, clock, RULES, Space(folder, 0))
        super().__init__()

    def operations(self):
        messages = StoredMessages(self.real_intake, self.store, self.clock)
        return Operations(messages, self.clock, gsm0="gsm0338")

    def books(self):
        self.kept = StoredBooks(self.store, Outbox(self.store, self.clock))
        return self.kept

    async def find(self, system_id):
        return self.account if system_id == "acme" else None

    async def verify(self, account, password):
        if account is None or password != "secret":
            raise Unauthorised

    async def set(self, key, value):
        await self.store.accounts.set(self.account.name, key, value)

    async def submitted(self, client, **fields):
        """Submit a message and return its id."""
        answer = await client.ask(frame(SUBMIT_SM, submit_body(**fields), sequence=50))
        assert answer[:2] == (SUBMIT_SM | RESP, 0), answer
        return answer.body.partition(b"\0")[0]

    async def stored(self, name):
        """Return a message as the page shows it."""
        return (await self.store.views.message(None, name.decode())).message

    async def all_stored(self):
        return await self.store.views.messages(None)

    async def asked(self, name):
        """Return a message as it was asked for."""
        found = await self.store.replacement.known(self.account.id, name.decode())
        return found.asked

    async def told(self, client):
        """Let the account be told what it is owed now; return the fields of each deliver_sm."""
        taken = []
        for owed in await self.store.notices.owed(self.account.id, 100):
            delivery = asyncio.ensure_future(self.server.deliver(self.account, owed.notice))
            asked = await client.receive()
            await client.answer(asked)
            await delivery
            await self.store.notices.done(owed.notice.id, self.clock.now())
            taken.append(fields_of(asked.body))
        return taken

    async def stop(self, sender):
        """Let somebody say STOP."""
        await self.store.inbound.take(stop(self, sender=sender))

    async def unreported(self):
        """Let the time be over in which a report may come."""
        soon = self.clock.now() + timedelta(seconds=1)
        await self.store.chores.silence(
            Overdue(now=soon, no_report_before=soon, uncertain_before={})
        )
