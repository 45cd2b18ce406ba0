"""What people ask of lines, of the running daemon: USSD, PIN, pause, reset, a test message."""

import asyncio
import os
from dataclasses import dataclass

import pytest
import pytest_asyncio

from appliance.store.requests import CUT_SHORT
from tests.box import running_bank, running_box, until
from tests.forking import run

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAKES = "e3372,sim7600,ec25,zte,sim7600"

FIRST, SECOND, THIRD, LOCKED, LAST_TRY = (f"modem{number}" for number in range(5))

PIN, WRONG = "73190468", "20486913"

MENU = [{"text": "1 Balance\n2 Exit", "m": 1}, {"text": "You have 7 left", "m": 0}]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Site:
    def __init__(self, bank, box):
        self.bank, self.box = bank, box
        self._number = 0

    async def ask(self, line, what, body=None, wait=60):
        """Ask as the admin account, over REST."""
        place, query = f"/v1/lines/{line}/{what}", {"wait": wait}
        answer = await self.box.http.post(place, json=body, params=query)
        assert answer.status_code in (200, 202), answer.text
        return answer.json()

    async def line(self, slot):
        return (await self.box.http.get(f"/v1/lines/{slot}")).json()

    async def becomes(self, slot, state, cause=""):
        async def there():
            line = await self.line(slot)
            return line if line["state"] == state and cause in line["cause"] else None

        return await until(there, f"{slot} becomes {state}: {cause}")

    async def command(self, *arguments, said=""):
        """Run ``appliance modems …`` as a process of its own, which reads ``said``."""
        env = {**os.environ, "APPLIANCE_STORAGE__DATA": str(self.box.data), "COLUMNS": "200"}
        async with asyncio.timeout(100):
            ended = await run("appliance", "modems", *arguments, env=env, reading=said.encode())
        assert "Traceback" not in ended.err.decode()
        return Ended(ended.returncode, ended.out.decode(), ended.err.decode())

    async def tries_left(self, modem):
        return (await self.bank.control.do("modems", modem=modem))["modems"][0]["pin_tries"]

    async def submitted(self, count):
        """Submit so many messages to different numbers; return their ids by number."""
        sent = {}
        for _ in range(count):
            self._number += 1
            number = f"+4915140{self._number:06d}"
            sent[number] = (await self.box.send(number, "Hello"))["id"]
        return sent

    async def delivered(self, sent):
        """Wait until they are delivered; return by which modem each left, in that order."""
        for message in sent.values():
            assert await self.box.becomes(message, "delivered", "failed") == "delivered"
        entries = self.bank.ledger.sent()
        return {entry.recipient: entry.modem for entry in entries if entry.recipient in sent}

    async def send(self, count):
        """Send so many messages; return the modems that they left by when all are delivered."""
        return set((await self.delivered(await self.submitted(count))).values())

    async def killed_and_started(self):
        await self.box.kill()
        await self.box.start()
        await self.box.lines_ready(3)

    def written(self):
        """Return all that the daemon has written: its database, and its log."""
        files = [self.box.log, *self.box.data.iterdir()]
        return b"".join(file.read_bytes() for file in files if file.is_file())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("control")
    options = ("--modems", "5", "--makes", MAKES, "--cmgs-delay", "0.05", "--report-delay", "0.05")
    async with running_bank(folder / "bank", *options) as bank:
        await bank.control.do("set", boot_pace=0.1)
        await bank.control.do("fault", modem=LOCKED, kind="pin", pin=PIN, tries=3)
        await bank.control.do("fault", modem=LAST_TRY, kind="pin", pin=PIN, tries=1)
        async with running_box(
            folder / "data", bank.ports, MODEMS__CHECK_SECONDS="0.5", LOG__LEVEL="debug"
        ) as box:
            await box.account(admin=True)
            await box.lines_ready(3)
            yield Site(bank, box)


async def test_a_code_is_answered_over_rest_and_on_the_command_line(site):
    done = await site.ask(FIRST, "ussd", {"code": "*100#"})
    assert (done["state"], done["error"]) == ("done", None)
    assert done["answer"] == {"text": "Your balance is 10.00 EUR", "more": False}
    ended = await site.command("ussd", SECOND, "*100#")
    assert (ended.code, ended.out) == (0, "Your balance is 10.00 EUR\n"), ended.err


async def test_a_network_that_asks_back_is_answered_step_by_step(site):
    await site.bank.control.do("ussd", code="*111#", replies=MENU)
    done = await site.ask(FIRST, "ussd", {"code": "*111#"})
    assert done["answer"] == {"text": "1 Balance\n2 Exit", "more": True}
    done = await site.ask(FIRST, "ussd-answer", {"text": "1"})
    assert done["answer"] == {"text": "You have 7 left", "more": False}
    ended = await site.command("ussd", SECOND, "*111#", said="1\n")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("1 Balance\n2 Exit\n")
    assert ended.out.endswith("You have 7 left\n")


async def test_a_dialogue_that_is_left_open_is_ended_by_an_empty_answer(site):
    await site.bank.control.do("ussd", code="*111#", replies=MENU)
    assert (await site.command("ussd", FIRST, "*111#", said="\n")).code == 0
    done = await site.ask(FIRST, "ussd-answer", {"text": "1"})
    assert done["state"] == "failed"
    assert "asked nothing" in done["error"]


async def test_an_unknown_line_is_answered_with_the_ones_there_are(site):
    ended = await site.command("reset", "modem9")
    assert (ended.code, ended.out) == (1, "")
    assert FIRST in ended.err


async def test_a_wrong_pin_costs_one_try_and_says_so(site):
    await site.becomes(LOCKED, "pin_needed")
    for _ in range(2):  # the second time it is not even tried
        done = await site.ask(LOCKED, "pin", {"pin": WRONG})
        assert done["state"] == "failed"
        assert "PIN" in done["error"]
        assert await site.tries_left(LOCKED) == 2


async def test_the_right_pin_opens_the_sim_and_is_kept_nowhere(site):
    ended = await site.command("pin", LOCKED, said=f"{PIN}\n")
    assert ended.code == 0, ended.err
    assert ended.out == f"{LOCKED}: ready\n"
    await site.becomes(LOCKED, "ready")
    assert (await site.ask(LOCKED, "pin", {"pin": PIN}))["state"] == "failed"  # it is open
    written = site.written()
    assert LOCKED.encode() in written
    for pin in (PIN, WRONG):
        assert pin.encode() not in written
        assert pin.encode("ascii").hex().encode() not in written


async def test_the_last_try_is_never_taken(site):
    await site.becomes(LAST_TRY, "pin_needed")
    done = await site.ask(LAST_TRY, "pin", {"pin": PIN})
    assert done["state"] == "failed"
    assert "only one try is left" in done["error"]
    assert await site.tries_left(LAST_TRY) == 1


async def test_a_pin_that_is_none_never_leaves_the_command(site):
    ended = await site.command("pin", LAST_TRY, said="12x4\n")
    assert ended.code == 1
    assert "pin" in ended.err
    assert "12x4" not in ended.err


async def test_a_test_message_goes_by_the_sim_that_is_asked(site):
    for modem in (SECOND, THIRD, SECOND):
        before = len(site.bank.ledger.sent())
        ended = await site.command("test", modem, "+4915130000001", "--text", "Does it work?")
        assert ended.code == 0, ended.err
        assert ended.out.endswith(": delivered\n")
        (sent,) = site.bank.ledger.sent()[before:]
        assert (sent.modem, sent.text) == (modem, "Does it work?")


async def test_a_test_message_to_what_is_no_number_says_so(site):
    done = await site.ask(SECOND, "test-message", {"to": "nobody"})
    assert done["state"] == "failed"
    assert done["error"].startswith("to: ")


async def test_a_reset_restarts_the_modem_and_says_how_it_is(site):
    ended = await site.command("reset", THIRD)
    assert (ended.code, ended.out) == (0, f"{THIRD}: ready\n"), ended.err
    assert (await site.line(THIRD))["mended"]["reset"] == 1


async def test_a_paused_sim_leaves_its_messages_to_others_and_says_why(site):
    others = [SECOND, THIRD, LOCKED]
    await site.bank.control.do("hold", modem=[FIRST, *others])
    in_hand = await site.submitted(4)
    for _ in in_hand:
        await site.bank.control.event()
    reserved, later = await site.submitted(8), await site.submitted(6)
    ended = await site.command("pause", FIRST, "--reason", "lent out")
    assert ended.code == 0
    assert f"appliance modems resume {FIRST}" in ended.out
    await site.bank.control.do("go", modem=others)
    left_by = await site.delivered({**reserved, **later})
    assert FIRST not in left_by.values()
    assert list(left_by)[-1] in later  # what the paused one had reserved has not waited for all
    await site.bank.control.do("go", modem=FIRST)  # what it had in hand is its last
    assert FIRST in (await site.delivered(in_hand)).values()
    assert FIRST not in await site.send(6)
    line = await site.becomes(FIRST, "ready", "paused by somebody on this box: lent out")
    assert line["next_step"] == f"Resume it with: appliance modems resume {FIRST}"
    assert "lent out" in (await site.box.http.get("/")).text
    done = await site.ask(FIRST, "test-message", {"to": "+4915130000001"})
    assert done["state"] == "failed"
    assert "lent out" in done["error"]


async def test_it_stays_paused_when_the_daemon_was_killed_until_it_is_resumed(site):
    await site.killed_and_started()
    assert FIRST not in await site.send(6)
    await site.becomes(FIRST, "ready", "lent out")
    ended = await site.command("resume", FIRST)
    assert (ended.code, ended.out) == (0, f"{FIRST}: sends again\n")
    line = await site.becomes(FIRST, "ready")
    assert line["cause"] == ""
    assert FIRST in await site.send(6)
    assert (await site.command("resume", FIRST)).out == f"{FIRST}: was not paused\n"


async def test_what_was_under_way_when_the_daemon_was_killed_fails_and_is_not_repeated(site):
    await site.bank.control.do("ussd", code="*123*55#", replies=[{"text": None}])
    asked = await site.ask(SECOND, "ussd", {"code": "*123*55#"}, wait=0)
    place = f"/v1/requests/{asked['id']}"

    async def taken():
        return (await site.box.http.get(place)).json()["state"] == "taken"

    await until(taken, "it is being carried out")
    await site.bank.control.do("ussd", code="*123*55#", replies=[{"text": "Topped up"}])
    await site.killed_and_started()
    found = (await site.box.http.get(place)).json()
    assert (found["state"], found["answer"], found["error"]) == ("failed", None, CUT_SHORT)
    assert (await site.ask(SECOND, "ussd", {"code": "*100#"}))["state"] == "done"
    assert site.box.log.read_text().count(f"{SECOND}: ussd: ") == 3  # none of them the lost one
    assert (await site.box.http.get(place)).json() == found


async def test_a_line_whose_modem_is_gone_says_so(site):
    await site.bank.control.do("fault", modem=THIRD, kind="vanish")
    await site.becomes(THIRD, "no_answer")
    done = await site.ask(THIRD, "ussd", {"code": "*100#"})
    assert done["state"] == "failed"
    assert "not ready" in done["error"]
