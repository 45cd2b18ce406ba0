"""Modems that fail in many ways, each brought back by the lowest step that helps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.config.settings import Mending
from appliance.lines import conduct, mending, watching
from appliance.modem.ladder import Rung
from appliance.policy.judgement import JudgementRules
from tests.box import until
from tests.whole.keeping import helper, home

pytestmark = pytest.mark.timeout(120)

NUMBER = "+4915120000001"

RESTS = Mending(give_up_minutes=0.01)  # so that giving up is over soon


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(mending, "SETTLE", timedelta(milliseconds=500))


def taken(line):
    return set(line.mended or {})


async def test_one_silent_moment_is_met_by_asking_again_and_bringing_into_step(tmp_path):
    async with home(tmp_path) as here:
        await here.ready()
        await here.fault("hang", cure="escape")
        line = await here.line_is("it was brought into step", lambda one: "resync" in taken(one))
        await here.submit(NUMBER)
        await here.on_air(NUMBER)
        line = await here.line_is("nothing is being done", lambda one: not one.mending)
        assert taken(line) == {"again", "resync"}
        assert await here.incidents() == []


@pytest.mark.parametrize(("cure", "rung"), [("reopen", Rung.REOPEN), ("cfun", Rung.RESET)])
async def test_a_modem_that_hangs_comes_back_by_the_step_that_helps_and_no_higher(
    tmp_path, cure, rung
):
    async with home(tmp_path) as here:
        await here.ready()
        await here.fault("hang", cure=cure)
        await here.line_is("the step is shown", lambda one: "(step 3 of 6)" in one.mending)
        line = await here.line_is(
            "it is ready again", lambda one: one.state == "ready" and rung in taken(one)
        )
        assert max(map(list(Rung).index, map(Rung, taken(line)))) == list(Rung).index(rung)
        said = [sentence for kind, sentence in await here.incidents() if kind == "mended"]
        assert len(said) == len(taken(line) - {"again", "resync"})
        await here.submit(NUMBER)
        await here.on_air(NUMBER)


async def test_a_stick_that_only_replugging_helps_is_replugged_by_the_helper(tmp_path):
    rules = Mending(helper=str(tmp_path / "helper.sock"))
    async with (
        helper(tmp_path / "helper.sock", tmp_path / "sysfs") as served,
        home(tmp_path, sysfs=True, mending=rules) as here,
    ):
        await here.ready()
        await here.fault("hang", cure="usb")
        line = await here.line_is(
            "it is ready again", lambda one: one.state == "ready" and "usb" in taken(one)
        )
        assert served == [0]
        assert line.mended["usb"] == 1
        assert (
            "mended",
            "The modem's USB device was turned off and on, because it did not answer.",
        ) in (await here.incidents())


async def test_what_nothing_helps_is_given_up_said_so_and_tried_again_now_and_then(tmp_path):
    async with home(tmp_path, mending=RESTS) as here:
        await here.ready()
        await here.fault("hang", cure="never")
        line = await here.line_is("it is given up", lambda one: "given up; next try" in one.mending)
        await here.stands("given_up")
        assert line.state == "no_answer"
        assert "usb" not in taken(line)  # there is no USB device
        await here.do("mend", modem=0)
        await here.ready()
        await here.stands("given_up", standing=False)
        line = await here.line_is("nothing is being done", lambda one: not one.mending)


async def test_counts_outlive_a_restart_of_the_daemon(tmp_path):
    async with home(tmp_path) as here:
        await here.ready()
        await here.store.lines.tell(_counted(await here.line()))
        assert await here.store.lines.mended("modem0") == ({"usb": 3}, {})
        keeper = here.pool.keeper("modem0")
        await keeper._mender.remember()
        assert keeper._mender.mended["usb"] == 3


async def test_a_modem_is_not_restarted_oftener_because_the_daemon_was(tmp_path):
    taken_before = [datetime.now(UTC) - timedelta(minutes=each) for each in (40, 30, 20)]
    async with home(tmp_path, mending=RESTS) as here:
        await here.ready()
        rungs = {"reset": [moment.isoformat() for moment in taken_before]}
        await here.store.lines.tell(replace(_counted(await here.line()), rungs=rungs))
        await here.pool.keeper("modem0")._mender.remember()
        await here.fault("hang", cure="cfun")
        line = await here.line_is("it is given up", lambda one: "given up; next try" in one.mending)
        assert "reset" not in taken(line)
        assert (await here.store.lines.mended("modem0"))[1] == rungs


def _counted(line):
    from appliance.store.values import LineFacts

    return LineFacts(
        slot=line.slot,
        port=line.port,
        state="ready",
        cause="",
        next_step="",
        simulated=True,
        changed_at=line.changed_at,
        mended={"usb": 3},
    )


async def test_a_missing_sim_is_no_business_of_the_ladder(tmp_path):
    async with home(tmp_path) as here:
        await here.ready()
        await here.fault("sim_out")
        line = await here.line_is("the SIM is missed", lambda one: one.state == "sim_missing")
        before = here.bank.modems[0].stats["commands"]

        async def looked_again():
            return here.bank.modems[0].stats["commands"] > before

        await until(looked_again, "it is looked at again")
        line = await here.line()
        assert not taken(line) - {"again", "resync"}
        await here.fault("sim_in")
        await here.ready()


async def test_registered_and_nothing_gets_out_is_an_incident_and_restarts_the_modem(tmp_path):
    rules = Mending(failures=2)
    async with home(tmp_path, mending=rules) as here:
        await here.ready()
        await here.fault("mute_network", code=41, cure="cfun")
        for number in range(3):
            await here.submit(f"+491512000001{number}")
        await here.line_is("it was restarted", lambda one: "reset" in taken(one))
        assert "nothing_out" in {kind for kind, _ in await here.incidents()}
        await here.ready()
        await here.submit(NUMBER)
        await here.on_air(NUMBER)
        await here.stands("nothing_out", standing=False)


async def test_a_modem_that_finds_no_network_for_long_is_restarted(tmp_path, monkeypatch):
    monkeypatch.setattr(conduct, "LOST", timedelta(seconds=1))
    async with home(tmp_path) as here:
        await here.ready()
        await here.fault("coverage", coverage="searching")
        await here.line_is("it was restarted", lambda one: "reset" in taken(one))
        said = "The modem was restarted, because it has searched for a network for long."
        assert ("mended", said) in await here.incidents()
        await here.fault("coverage", coverage="home")
        await here.ready()
        await here.submit(NUMBER)
        await here.on_air(NUMBER)


async def test_somebody_may_have_a_modem_restarted(tmp_path):
    async with home(tmp_path) as here:
        await here.ready()
        health = await here.pool.keeper("modem0").reset("asked for by a test")
        assert health.state == "ready"
        assert (await here.line_is("it is counted", lambda one: one.mended)).mended == {"reset": 1}
        await here.ready()


async def test_a_flood_of_garbage_is_mended_and_the_neighbour_sends_on(tmp_path):
    async with home(tmp_path, modems=2, mending=RESTS) as here:
        await here.ready(0)
        await here.ready(1)
        await here.fault("garbage", rate=500_000, cure="reopen")
        for number in range(20):
            await here.submit(f"+49151200001{number:02d}")
        await until(_all_sent(here, 20), "all are sent")
        line = await here.line_is(
            "it is ready again", lambda one: one.state == "ready" and "reopen" in taken(one)
        )
        assert "reset" not in taken(line)


def _all_sent(here, count):
    async def there():
        return len({one.recipient for one in here.bank.ledger.sent()}) >= count

    return there


# Reports


async def test_missing_reports_are_an_incident_one_restart_and_over_when_one_comes(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(watching, "OLD_ENOUGH", timedelta())
    monkeypatch.setattr(watching, "LOOK_AGAIN", timedelta())
    judging = JudgementRules(unreported=3, probe_after=timedelta(seconds=0.5))
    async with home(tmp_path, modems=4, judging=judging) as here:
        for number in range(4):
            await here.ready(number)
        await here.fault("no_reports")
        for number in range(32):
            await here.submit(f"+49151200001{number:02d}")
        await here.stands("reports_missing")
        await here.line_is("it was restarted", lambda one: "reset" in taken(one))
        await here.do("mend", modem=0)
        await here.ready(0)
        for number in range(32, 64):
            await here.submit(f"+49151200001{number:02d}")
        await here.stands("reports_missing", standing=False)
        await here.line_is("it sends again", lambda one: not one.cause)
        assert (await here.line()).mended["reset"] == 1
