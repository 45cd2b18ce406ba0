"""Who answers STOP gets nothing more, and answers come to whom they are for."""

import pytest
import pytest_asyncio
from smpplib import consts

from tests.apps import Esme, Hook
from tests.box import running_bank, running_box, until
from tests.fake_modem.sim import Sim

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTENS = 2
"""The modem whose SIM may send one part a day: it hears, while the others are busy."""

CONFIG = f"""
[[sims]]
iccid = "{Sim.numbered(LISTENS).iccid}"
parts_per_day = 1

[keywords]
stop = ["basta cosi"]
"""


class Apps:
    """Three modems, a daemon, and two customers: the first with a webhook, then one with SMPP."""

    def __init__(self, bank, box, hook, esme, keys):
        self.bank, self.box, self.hook, self.esme, self.keys = bank, box, hook, esme, keys

    async def post(self, to, account="hook", **fields):
        return await self.box.http.post(
            "/v1/messages",
            json={"to": to, "text": "Hello", **fields},
            headers={"Authorization": f"Bearer {self.keys[account]}"},
        )

    async def send(self, to, account="hook", **fields):
        answer = await self.post(to, account, **fields)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    async def message(self, identity):
        return (await self.box.local.get(f"/local/messages/{identity}")).json()

    async def becomes(self, identity, state):
        async def there():
            message = await self.message(identity)
            return message if message["state"] == state else None

        return await until(there, f"{identity} becomes {state}")

    async def hears(self, sender, text, modem=LISTENS):
        """Let an SMS come in, and wait until the webhook or the ESME has it."""
        before = len(self.hook.inbound) + len(self.esme.inbound)
        await self.bank.control.do("inbound", modem=modem, sender=sender, text=text)

        async def heard():
            return len(self.hook.inbound) + len(self.esme.inbound) > before

        await until(heard, f"{text} is heard")

    def on_air(self, number):
        return [entry for entry in self.bank.ledger.entries() if entry.recipient == number]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stop")
    hook = Hook()
    options = ("--modems", "3", "--cmgs-delay", "0.05", "--report-delay", "0.05")
    async with (
        hook.listening() as url,
        running_bank(folder / "bank", *options) as bank,
        running_box(folder / "data", bank.ports, config=CONFIG, POOL__STICKY_SECONDS="0") as box,
    ):
        first = await box.account(name="hook", webhook_url=url)
        second = await box.account(name="esme")
        hook.secret = first["webhook_secret"]
        await box.lines_ready(3)
        async with Esme.bound(box, second) as esme:
            keys = {"hook": first["api_key"], "esme": second["api_key"]}
            found = Apps(bank, box, hook, esme, keys)
            for number in range(3):  # one by each line: the last SIM may send no more today
                await found.becomes(await found.send(f"+491510000000{number}"), "delivered")
            yield found


@pytest.mark.parametrize(
    ("number", "word"),
    [
        ("+4915111000001", "STOP"),
        ("+4915111000002", " stop! "),
        ("+4915111000003", "СТОП"),
        ("+4915111000004", "退订"),
        ("+4915111000005", "TD"),
        ("+4915111000006", "Basta così"),
    ],
)
async def test_stop_cancels_what_waits_and_both_doors_refuse_the_next(apps, number, word):
    later = "2030-01-01T00:00:00Z"
    by_rest = await apps.send(number, send_at=later)
    by_smpp = await apps.esme.submit("Hello", number[1:], schedule_delivery_time="300101000000000+")
    assert by_smpp.status == 0

    await apps.hears(number, word)

    for identity in (by_rest, by_smpp.message_id):
        message = await apps.becomes(identity, "cancelled")
        assert "STOP" in message["cause"]
    refused = await apps.post(number)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert (problem["type"], problem["field"]) == ("/docs#problem-opted-out", "to")
    answer = await apps.esme.submit("Hello", number[1:])
    assert answer.status == consts.SMPP_ESME_RSUBMITFAIL
    assert apps.on_air(number) == []
    assert (await apps.esme.receipt_of(by_smpp.message_id))["stat"] == "DELETED"
    assert apps.hook.states(by_rest) == ["cancelled"]


async def test_no_word_within_a_sentence_is_a_stop(apps):
    number = "+4915111000010"
    await apps.hears(number, "please do not stop")
    await apps.becomes(await apps.send(number), "delivered")


async def test_start_undoes_a_stop_and_does_not_wake_the_dead(apps):
    number = "+4915111000011"
    waiting = await apps.send(number, send_at="2030-01-01T00:00:00Z")
    await apps.hears(number, "STOP")
    await apps.hears(number, "START")
    await apps.becomes(await apps.send(number), "delivered")
    assert (await apps.esme.submit("Hello", number[1:])).status == 0
    assert (await apps.message(waiting))["state"] == "cancelled"


async def test_stop_holds_what_a_line_has_reserved_and_what_is_left_of_a_long_message(apps):
    number = "+4915111000012"
    await apps.bank.control.do("hold", modem=[0, 1], number=number)
    long = await apps.send(number, text="long " * 80)  # three parts
    other = await apps.send(number, text="held too")
    for _ in range(2):
        await apps.bank.control.event()
    reserved = [await apps.send(number) for _ in range(4)]

    await apps.hears(number, "STOP")
    await apps.bank.control.do("go", modem=[0, 1])

    await apps.becomes(other, "delivered")
    await apps.becomes(long, "cancelled")

    async def settled():
        parts = (await apps.message(long))["story"]["parts"]
        return [part["state"] for part in parts] == ["delivered", "cancelled", "cancelled"]

    await until(settled, "only the part on the air arrives")
    for identity in reserved:
        await apps.becomes(identity, "cancelled")
    assert len(apps.on_air(number)) == 2


async def test_the_stop_itself_comes_to_the_account_and_says_what_it_is(apps):
    number = "+4915111000013"
    await apps.hears(number, "Stop")
    told = next(one for one in apps.hook.inbound if one["sender"] == number)
    assert (told["text"], told["opt_out"]) == ("Stop", True)
    page = (await apps.box.http.get("/")).text
    assert "Is not written to any more." in page
    assert number not in page


async def test_an_answer_comes_to_who_last_wrote_to_the_number_by_that_sim(apps):
    number = "+4915111000020"
    wrote = {}  # who wrote last, by SIM
    while set(wrote.values()) != {"esme", "hook"}:
        account = "hook" if "esme" in wrote.values() else "esme"
        message = await apps.becomes(await apps.send(number, account), "delivered")
        wrote[message["sim"]] = account
    sim = {account: iccid for iccid, account in wrote.items()}
    modems = (await apps.bank.control.do("modems"))["modems"]
    by_sim = {one["iccid"]: one["name"] for one in modems}

    await apps.hears(number, "for the ESME", by_sim[sim["esme"]])
    await apps.hears(number, "for the webhook", by_sim[sim["hook"]])
    await apps.hears(number, "for the default account")  # nobody wrote by that SIM

    assert [one.short_message for one in apps.esme.inbound] == [b"for the ESME"]
    told = [one["text"] for one in apps.hook.inbound if one["sender"] == number]
    assert told == ["for the webhook", "for the default account"]


async def test_what_is_for_nobody_is_kept_and_shown(apps):
    """The last test: it ends the default account."""
    number = "+4915111000030"
    assert (await apps.box.local.delete("/local/accounts/hook")).status_code == 204
    before = len(apps.hook.inbound) + len(apps.esme.inbound)
    await apps.bank.control.do("inbound", modem=LISTENS, sender=number, text="Anybody there?")

    async def shown():
        return "+49151******30" in (await apps.box.http.get("/")).text

    await until(shown, "the page shows it")
    assert "Anybody" not in (await apps.box.http.get("/")).text
    assert len(apps.hook.inbound) + len(apps.esme.inbound) == before
