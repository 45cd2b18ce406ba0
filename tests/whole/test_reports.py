"""Status reports, however they come: the right message gets the right state, and its owner is told.

Every message goes in twice, by an account with a webhook and by one with SMPP.
"""

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from tests.apps import Esme, Hook
from tests.box import running_bank, running_box, until
from tests.fake_modem import pdu
from tests.fake_modem.faults import ModemSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAKES = ["e3372", "sim800", "sim7600", "ec25", "zte", "e1550"]  # stored, direct, acknowledged

WORDS = {"delivered": "DELIVRD", "failed": "UNDELIV", "expired": "EXPIRED"}


class Apps:
    """A bank of every make, a daemon, and its two customers."""

    def __init__(self, bank, box, hook, esme):
        self.bank, self.box, self.hook, self.esme = bank, box, hook, esme
        self._count = 0

    @asynccontextmanager
    async def modems_set(self, **values):
        """Let all modems behave so for a while."""
        usual = asdict(ModemSettings(cmgs_delay=0.1, report_delay=0.2))
        await self.bank.control.do("set", **values)
        try:
            yield
        finally:
            await self.bank.control.do("set", **{name: usual[name] for name in values})

    async def send(self, number):
        """Submit a text by both doors; return it with the two ids, webhook's first."""
        self._count += 1
        text = f"text {self._count}"
        answer = await self.esme.submit(text, number.removeprefix("+"))
        assert answer.status == 0
        return text, (await self.box.send(number, text))["id"], answer.message_id

    async def send_many(self, number):
        """Submit so much that every modem gets something to do."""
        return [await self.send(number) for _ in MAKES]

    async def settled(self, sent, state, error=0):
        """Wait until both customers were told of a fate, and look whether it is the right one."""
        text, by_rest, by_smpp = sent

        async def told():
            return state in self.hook.states(by_rest) and self.esme.receipt(by_smpp)

        await until(told, f"{sent} is told to be {state}")
        assert [one for one in self.hook.states(by_rest) if one != "sent"] == [state]
        assert (self.hook.told(by_rest, state)["cause_code"] or 0) == error
        receipts = [one for one in self.esme.receipts if one["id"] == by_smpp]
        assert [(one["stat"], int(one["err"])) for one in receipts] == [(WORDS[state], error)]
        assert receipts[0]["tlv_id"] == by_smpp
        attempts = [await self.attempts(message) for message in (by_rest, by_smpp)]
        assert [[one["status"] for one in each] for each in attempts] == [[error], [error]]
        named = Counter((one["sim"], one["reference"]) for each in attempts for one in each)
        assert named == self.on_air(text)

    def on_air(self, text):
        """Count the PDUs with this text by SIM and reference."""
        return Counter(
            (one.iccid, one.reference) for one in self.bank.ledger.sent() if one.text == text
        )

    async def report(self, iccid, reference, number):
        """Let the network say once more that a part was delivered."""
        modems = (await self.bank.control.do("modems"))["modems"]
        modem = next(one["name"] for one in modems if one["iccid"] == iccid)
        now = datetime.now(UTC).replace(microsecond=0)
        said = pdu.encode_report(pdu.StatusReport(reference, number, now, now, 0x00))
        await self.bank.control.do("raw", modem=modem, tpdu=said.hex(), report=True)

    async def message(self, identity):
        return (await self.box.local.get(f"/local/messages/{identity}")).json()

    async def attempts(self, identity):
        return (await self.message(identity))["story"]["attempts"]

    async def becomes(self, identity, state, outcome, status=None):
        """Wait until a message is in a state, its first attempt has ended, and perhaps reported."""

        async def there():
            message = await self.message(identity)
            attempt, *_ = message["story"]["attempts"] or [{"outcome": None, "status": None}]
            found = message["state"], attempt["outcome"], attempt["status"]
            return message if found == (state, outcome, status) else None

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


@pytest.mark.parametrize(
    ("number", "how"),
    [
        ("+4915110000001", {"report_timing": "early"}),
        ("+4915110000002", {"report_timing": "in_answer"}),
        ("+4915110000003", {"report_copies": 3}),
        ("+4915110000004", {"report_delay": 2.5}),
        ("+4915110000005", {"report_timing": "early", "report_copies": 2, "chunk": 1}),
    ],
    ids=["before-the-answer", "in-an-answer", "three-times", "seconds-late", "early-twice-cut"],
)
async def test_a_report_settles_its_message_once_whenever_it_comes(apps, number, how):
    async with apps.modems_set(**how):
        for sent in await apps.send_many(number):
            await apps.settled(sent, "delivered")


async def test_reports_on_references_that_come_round_find_their_own_messages(apps):
    number = "+4915110000010"
    await apps.bank.control.do("set", reference=254)
    await apps.bank.control.do("handset", number=number, mood="off")
    later = await apps.send_many(number)
    for _, *ids in later:
        for identity in ids:
            await apps.becomes(identity, "sent", "sent", 0x22)
    await apps.bank.control.do("handset", number=number, mood="refuses", status=0x41)
    refused = await apps.send_many(number)
    for sent in refused:
        await apps.settled(sent, "failed", 0x41)
    await apps.bank.control.do("switch_on", number=number)
    for sent in later:
        await apps.settled(sent, "delivered")
    used = {one.reference for one in apps.bank.ledger.sent() if one.recipient == number}
    assert {254, 255, 0, 1} <= used


async def test_a_temporary_report_settles_nothing_and_the_final_one_does(apps):
    number = "+4915110999001"
    _, by_rest, by_smpp = sent = await apps.send(number)
    for identity in (by_rest, by_smpp):
        message = await apps.becomes(identity, "sent", "sent", 0x22)
        assert not message["final"]
    assert apps.hook.states(by_rest) == ["sent"]
    assert apps.esme.receipt(by_smpp) is None
    await apps.bank.control.do("switch_on", number=number)
    await apps.settled(sent, "delivered")


@pytest.mark.parametrize(
    ("number", "state", "status"),
    [
        ("+4915110999003", "expired", 0x46),
        ("+4915110999004", "failed", 0x41),
        ("+4915110999005", "failed", 0x49),
        ("+4915110999006", "failed", 0x62),
    ],
)
async def test_a_report_of_failure_says_why(apps, number, state, status):
    _, by_rest, _ = sent = await apps.send(number)
    await apps.settled(sent, state, status)
    message = await apps.message(by_rest)
    assert message["final"]
    assert message["cause_code"] == status
    assert message["cause"]


async def test_forwarded_but_unconfirmed_is_no_delivery(apps):
    _, *ids = await apps.send("+4915110999010")
    for identity in ids:
        await apps.becomes(identity, "sent", "sent", 0x01)


async def test_without_a_report_a_message_stays_sent(apps):
    _, *ids = await apps.send("+4915110999007")
    for identity in ids:
        await apps.becomes(identity, "sent", "sent")


async def test_a_late_delivery_corrects_a_failure(apps):
    number = "+4915110000020"
    await apps.bank.control.do("handset", number=number, mood="refuses", status=0x62)
    text, by_rest, by_smpp = sent = await apps.send(number)
    await apps.settled(sent, "failed", 0x62)
    for iccid, reference in apps.on_air(text):
        await apps.report(iccid, reference, number)

    async def corrected():
        receipt = apps.esme.receipt(by_smpp)
        return "delivered" in apps.hook.states(by_rest) and receipt["stat"] == "DELIVRD"

    await until(corrected, "both are told")
    assert apps.hook.states(by_rest)[-2:] == ["failed", "delivered"]


async def test_a_report_that_fits_nothing_is_kept_and_shown(apps):
    line = (await apps.box.local.get("/local/lines")).json()[0]
    await apps.report(line["sim"], 77, "+4915110000099")

    async def shown():
        return "1</b> report fits no message" in (await apps.box.http.get("/")).text

    await until(shown, "the page shows it")


REFUSALS = [
    (1, "failed", "refused"),
    (96, "failed", "refused"),
    (38, "queued", "refused"),
    (500, "uncertain", "uncertain"),
    (332, "uncertain", "uncertain"),
]


async def refused(apps, door, code):
    """Submit to a number that the network refuses with this code; return the message's id."""
    number = f"+49151{10 + len(door)}998{code:03d}"
    if door == "rest":
        return (await apps.box.send(number, "refused"))["id"]
    return (await apps.esme.submit("refused", number[1:])).message_id


@pytest.mark.parametrize("door", ["rest", "smpp"])
async def test_what_one_sim_may_not_five_try_at_once_and_each_of_them_once(apps, door):
    message = await apps.becomes(await refused(apps, door, 21), "failed", "refused")
    tried = [one["sim"] for one in message["story"]["attempts"]]
    assert len(set(tried)) == len(tried) == 5
    assert (message["cause_code"], "given up after 5 tries" in message["cause"]) == (21, True)


@pytest.mark.parametrize("door", ["rest", "smpp"])
async def test_a_refusal_at_submit_is_judged_by_its_code(apps, door):
    ids = {code: await refused(apps, door, code) for code, _, _ in REFUSALS}
    for code, state, outcome in REFUSALS:
        message = await apps.becomes(ids[code], state, outcome)
        assert message["cause"]
        (attempt,) = message["story"]["attempts"]
        assert attempt["cause"]
        if outcome == "refused":
            assert (message["cause_code"], attempt["code"]) == (code, code)
    if door == "smpp":
        await apps.esme.receipt_of(ids[96])
        told = [(one["id"], one["stat"], int(one["err"])) for one in apps.esme.receipts]
        assert (ids[1], "UNDELIV", 301) in told  # +CMS ERROR: 1
        assert (ids[96], "UNDELIV", 396) in told
