"""Status reports, however they come: the right message gets the right state, and its owner is told.

Every message goes in twice, by an account with a webhook and by one with SMPP.
"""

import asyncio
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from tests.apps import Esme, Hook
from tests.box import running_bank, running_box, until
from tests.fake_modem import pdu

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAKES = ["e3372", "sim800", "sim7600", "ec25", "zte", "e1550"]  # stored, direct, acknowledged


class Apps:
    """A bank of every make, a daemon, and its two customers."""

    def __init__(self, bank, box, hook, esme):
        self.bank, self.box, self.hook, self.esme = bank, box, hook, esme

    async def send(self, number, text):
        """Submit by both doors; return the two ids."""
        answer = await self.esme.submit(text, number.removeprefix("+"))
        assert answer.status == 0
        return (await self.box.send(number, text))["id"], answer.message_id

    async def send_many(self, number):
        """Submit so many that every modem gets some; return (text, id by REST, id by SMPP)."""
        texts = [f"{number} no. {count}" for count in range(len(MAKES))]
        return [(text, *(await self.send(number, text))) for text in texts]

    async def told(self, by_rest, by_smpp, state, word, error=0):
        """Wait until both customers are told of a fate, and look whether that is all they were."""

        async def there():
            return state in self.hook.states(by_rest) and self.esme.receipt(by_smpp)

        await until(there, f"{state} is told")
        finals = [one for one in self.hook.states(by_rest) if one != "sent"]
        assert finals == [state]
        receipts = [one for one in self.esme.receipts if one["id"] == by_smpp]
        assert [(one["stat"], int(one["err"]), one["tlv_id"]) for one in receipts] == [
            (word, error, by_smpp)
        ]

    async def all_delivered(self, sent):
        for text, *ids in sent:
            await self.told(*ids, "delivered", "DELIVRD")
            for message in await self.stories(*ids):
                [attempt] = message["story"]["attempts"]
                assert (message["state"], attempt["status"]) == ("delivered", 0)
                assert (attempt["sim"], attempt["reference"]) in self.on_air(text)

    def on_air(self, text):
        """Return (SIM, reference) of each PDU with this text."""
        return {
            (one.iccid, one.reference) for one in self.bank.ledger.sent() if one.text == text
        }

    async def stories(self, *ids):
        return [
            (await self.box.local.get(f"/local/messages/{identity}")).json() for identity in ids
        ]

    async def becomes(self, identity, state):
        async def there():
            [message] = await self.stories(identity)
            return message if message["state"] == state else None

        return await until(there, f"{identity} becomes {state}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    hook = Hook()
    options = ("--modems", str(len(MAKES)), "--makes", ",".join(MAKES), "--report-delay", "0.2")
    async with (
        hook.listening() as url,
        running_bank(folder / "bank", *options, "--cmgs-delay", "0.1") as bank,
        running_box(folder / "data", bank.ports, MODEMS__CHECK_SECONDS="0.5") as box,
    ):
        esme_account = await box.account(name="esme")
        hook.secret = (await box.account(name="hook", webhook_url=url))["webhook_secret"]
        await bank.control.do("set", network={"expire_seconds": 0.3})
        await box.lines_ready(len(MAKES))
        async with Esme.bound(box, esme_account) as esme:
            yield Apps(bank, box, hook, esme)


@pytest.fixture
def settings(apps):
    """Change what the modems do, for one test."""
    usual = {"report_timing": "after", "report_copies": 1, "report_delay": 0.2, "chunk": 0}
    changed = {}

    class Settings:
        async def __call__(self, **values):
            changed.update(values)
            await apps.bank.control.do("set", **values)

    return Settings(), usual, changed


@pytest.mark.parametrize(
    ("how", "number"),
    [
        ({"report_timing": "early"}, "+4915110000001"),
        ({"report_timing": "in_answer"}, "+4915110000002"),
        ({"report_copies": 3}, "+4915110000003"),
        ({"report_delay": 2.5}, "+4915110000004"),
        ({"report_timing": "early", "report_copies": 2, "chunk": 1}, "+4915110000005"),
    ],
    ids=["before-the-answer", "in-an-answer", "three-times", "seconds-late", "early-twice-cut"],
)
async def test_a_report_that_comes_at_any_time_settles_its_message_once(apps, how, number):
    usual = {"report_timing": "after", "report_copies": 1, "report_delay": 0.2, "chunk": 0}
    await apps.bank.control.do("set", **how)
    try:
        await apps.all_delivered(await apps.send_many(number))
    finally:
        await apps.bank.control.do("set", **usual)


async def test_references_that_come_round_settle_their_own_messages(apps):
    await apps.bank.control.do("set", reference=254)
    number = "+4915110000010"
    sent = await apps.send_many(number) + await apps.send_many(number)
    by_modem = {}
    for entry in apps.bank.ledger.sent():
        if entry.recipient == number:
            by_modem.setdefault(entry.modem, []).append(entry.reference)
    await apps.all_delivered([(text, *ids) for text, *ids in sent[: len(MAKES)]])
