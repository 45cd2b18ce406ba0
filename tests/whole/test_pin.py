"""SIMs that want their PIN: the right one is entered, a wrong one once, and the page says so."""

from itertools import count

import pytest
import pytest_asyncio

from tests.box import running_bank, running_box, until
from tests.fake_modem.sim import Sim

pytestmark = pytest.mark.asyncio(loop_scope="module")

RIGHT, GENERAL, WRONG, BLOCKED, LAST = (f"modem{number}" for number in range(5))

CONFIG = f"""
[modems]
pin = "2222"

[[sims]]
iccid = "{Sim.numbered(0).iccid}"
pin = "1111"
service_centre = "+491722270333"

[[sims]]
iccid = "{Sim.numbered(2).iccid}"
pin = "9999"
"""

MAKES = "e3372,ec25,sim7600,zte,e1550"


class Site:
    def __init__(self, bank, box):
        self.bank, self.box = bank, box

    async def line(self, slot):
        lines = (await self.box.local.get("/local/lines")).json()
        return next((line for line in lines if line["slot"] == slot), None)

    async def becomes(self, slot, state, cause=""):
        async def there():
            line = await self.line(slot)
            return line if line and line["state"] == state and cause in line["cause"] else None

        return await until(there, f"{slot} becomes {state}: {cause}")

    async def tries_left(self, modem):
        """Let the modem itself tell how many tries are left."""
        return (await self.bank.control.do("modems", modem=modem))["modems"][0]["pin_tries"]

    async def fault(self, modem, kind, **fields):
        await self.bank.control.do("fault", modem=modem, kind=kind, **fields)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pin")
    options = ("--modems", "5", "--makes", MAKES, "--cmgs-delay", "0.05", "--report-delay", "0.05")
    async with running_bank(folder / "bank", *options) as bank:
        await bank.control.do("set", boot_pace=0.1)
        for modem, pin, tries in (
            (RIGHT, "1111", 3),
            (GENERAL, "2222", 3),
            (WRONG, "3333", 3),
            (BLOCKED, "4444", 0),
            (LAST, "2222", 1),
        ):
            await bank.control.do("fault", modem=modem, kind="pin", pin=pin, tries=tries)
        async with running_box(
            folder / "data", bank.ports, config=CONFIG, MODEMS__CHECK_SECONDS="0.5"
        ) as box:
            await box.account()
            yield Site(bank, box)


async def test_the_pin_of_the_sim_and_the_general_one_open_their_sims(site):
    for modem in (RIGHT, GENERAL):
        await site.becomes(modem, "ready")
        assert await site.tries_left(modem) == 3
    sent = [(await site.box.send("+4915130000001", f"no. {number}"))["id"] for number in range(2)]
    for message in sent:
        assert await site.box.becomes(message, "delivered", "failed") == "delivered"


async def test_a_sim_is_driven_as_its_section_says(site):
    assert (await site.becomes(RIGHT, "ready"))["service_centre"] == "+491722270333"
    assert (await site.becomes(GENERAL, "ready"))["service_centre"] != "+491722270333"


async def test_a_wrong_pin_is_tried_once_however_often_the_modem_starts(site):
    line = await site.becomes(WRONG, "pin_needed", "refused")
    assert "not tried again" in line["cause"]
    assert line["next_step"]
    assert await site.tries_left(WRONG) == 2
    await site.fault(WRONG, "vanish", seconds=0.1)

    async def started_again():
        return site.box.log.read_text().count(f"{line['port']}: {line['cause']}") >= 3

    await until(started_again, "it is started again and again")
    assert await site.tries_left(WRONG) == 2
    assert line["cause"] in (await site.box.http.get("/")).text


async def test_a_sim_that_wants_its_puk_says_so(site):
    line = await site.becomes(BLOCKED, "puk_needed", "PUK")
    assert line["next_step"]
    page = (await site.box.http.get("/")).text
    assert "needs its PUK" in page
    assert line["cause"] in page


async def test_the_last_try_is_left_to_people(site):
    await site.becomes(LAST, "pin_needed", "only one try is left")
    assert await site.tries_left(LAST) == 1


async def test_a_sim_that_comes_to_want_its_pin_is_opened_again(site):
    await site.fault(RIGHT, "pin", pin="1111")
    await site.becomes(RIGHT, "ready")

    numbers = count()

    async def sends():
        to = f"+49151300{next(numbers):05d}"  # each knows no SIM yet
        message = (await site.box.send(to, "once more"))["id"]
        await site.box.becomes(message, "delivered")
        return any(one.modem == RIGHT for one in site.bank.ledger.sent()[-4:])

    await until(sends, "it sends again")


async def test_a_wrong_pin_is_not_tried_again_by_the_next_daemon(site):
    await site.box.stop()
    await site.box.start()
    await site.becomes(WRONG, "pin_needed", "refused")
    await site.becomes(RIGHT, "ready")
    assert await site.tries_left(WRONG) == 2


async def test_no_pin_is_in_the_log(site):
    log = site.box.log.read_text()
    assert [pin for pin in ("1111", "2222", "3333", "9999") if f'"{pin}"' in log] == []
    assert "CPIN=" not in log
