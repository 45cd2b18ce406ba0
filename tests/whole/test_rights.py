"""STOP, START and HELP on the air: answered once, and never to machines."""

import pytest

from tests.apps import Hook
from tests.box import running_bank, running_box, until

STOPPED, STARTED, HELPED = "You get no more. START undoes it.", "Welcome back.", "This is the shop."

CONFIG = f"""
[keywords]
help = ["wer da"]
stop_reply = "{STOPPED}"
start_reply = "{STARTED}"
help_reply = "{HELPED}"
"""

ALICE, BOB = "+4915112345001", "+4915112345002"


@pytest.fixture
async def apps(tmp_path):
    hook = Hook()
    options = ("--modems", "2", "--cmgs-delay", "0.05", "--report-delay", "0.05")
    async with (
        hook.listening() as url,
        running_bank(tmp_path / "bank", *options) as bank,
        running_box(tmp_path / "data", bank.ports, config=CONFIG) as box,
    ):
        account = await box.account(name="shop", webhook_url=url)
        hook.secret = account["webhook_secret"]
        await box.lines_ready(2)
        yield bank, box, hook


async def asked(box, what):
    """Pause the SIM that hears, or let it send again."""

    async def done():
        answer = await box.local.post(f"/local/lines/modem1/{what}", params={"wait": 5})
        return answer.status_code == 200 and answer.json()["state"] == "done"

    await until(done, what)


def heard_by(bank, number):
    """Return what a phone has got, and by which modem."""
    return [(one.text, one.modem) for one in bank.ledger.entries() if one.recipient == number]


async def test_each_word_is_answered_once_by_the_sim_that_heard_it_over_a_restart(apps):
    bank, box, hook = apps

    async def says(sender, text, modem=1):
        told = len(hook.inbound)
        await bank.control.do("inbound", modem=modem, sender=sender, text=text)

        async def is_told():
            return len(hook.inbound) > told

        await until(is_told, f"{text} is told to the account")
        return hook.inbound[-1]

    async def gets(number, count):
        async def has():
            return len(heard_by(bank, number)) >= count

        await until(has, f"{number} gets {count}")
        return [text for text, _ in heard_by(bank, number)]

    by = next(iter((await bank.control.do("modems"))["modems"][1:]))["name"]
    assert (await says(ALICE, "STOP"))["opt_out"] is True
    assert await gets(ALICE, 1) == [STOPPED]
    assert heard_by(bank, ALICE)[0][1] == by
    await says(ALICE, "stop.")
    for sender in ("12345", "Acme"):
        for word in ("STOP", "HELP"):
            await says(sender, word)

    # A crash while the answer cannot leave: it is there afterwards, and goes by its own SIM.
    await asked(box, "pause")
    await says(BOB, "Стоп")
    await box.kill()
    await box.start()
    await box.lines_ready(1)
    assert heard_by(bank, BOB) == []
    await asked(box, "resume")
    assert await gets(BOB, 1) == [STOPPED]

    refused = await box.http.post("/v1/messages", json={"to": ALICE, "text": "Hello"})
    assert refused.status_code == 409
    await says(ALICE, "Wer da?")
    await says(ALICE, "start")
    assert (await gets(ALICE, 3))[1:] == [HELPED, STARTED]
    last = await box.send(ALICE, "Hello again")
    await box.becomes(last["id"], "delivered")
    assert await gets(ALICE, 4) == [STOPPED, HELPED, STARTED, "Hello again"]
    assert heard_by(bank, "12345") == heard_by(bank, "Acme") == []
    assert len(heard_by(bank, BOB)) == 1
