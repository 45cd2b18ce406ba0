"""The daemon's end and its start: in good order, by a crash, beside another one."""

import asyncio
import signal
from collections import Counter

from tests.apps import Esme
from tests.box import Box, running_bank, running_box, start, stop, until
from tests.whole.blocking import Blocking

PATIENCE = 5
"""Seconds that the daemon waits for answers at a terminal."""

SLACK = 10
"""Seconds in which a busy machine does the rest; without a hang nothing comes near."""


async def ends(box, number=signal.SIGTERM):
    """Tell the daemon to stop and return its status; it must not take for ever."""
    async with asyncio.timeout(PATIENCE + SLACK):
        return await stop(box.process, number)


def times_on_air(bank):
    return Counter(entry.text for entry in bank.ledger.entries())


async def states(box, ids):
    return {(await box.message(identity))["state"] for identity in ids}


async def test_what_is_in_flight_is_awaited_and_the_rest_is_kept(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "2", "--cmgs-delay", "1") as bank,
        running_box(tmp_path / "data", bank.ports) as box,
    ):
        await box.account()
        await box.lines_ready(2)
        await bank.control.do("set", network={"retry_seconds": 1})
        async with box.http.stream("GET", "/events"):  # somebody looks at the page
            texts = [f"message {count}" for count in range(6)]
            ids = [
                (await box.send(f"+491511234{at:04d}", text))["id"] for at, text in enumerate(texts)
            ]
            long = (await box.send("+4915112349999", "long " * 70))["id"]

            async def in_flight():
                stats = (await bank.control.do("stats"))["modems"]
                return all(one["submits"] for one in stats.values())

            await until(in_flight, "both modems have a part")
            assert await ends(box, signal.SIGINT) == 0
        assert len(times_on_air(bank)) == 2  # what was in flight, and nothing more

        await bank.control.do("set", cmgs_delay=0.1)
        await box.start()
        assert "uncertain" not in await states(box, [*ids, long])
        for identity in [*ids, long]:
            assert await box.becomes(identity, "delivered", "failed") == "delivered"
        assert [text for text in texts if times_on_air(bank)[text] != 1] == []
        assert "uncertain" not in box.log.read_text()


async def test_a_long_message_goes_on_where_it_was_and_by_its_own_sim(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "3", "--cmgs-delay", "0.1") as bank,
        running_box(tmp_path / "data", bank.ports) as box,
    ):
        await box.account()
        await box.lines_ready(3)
        await bank.control.do("hold", number="+4915112340001")
        message = (await box.send("+4915112340001", "long " * 120))["id"]  # four parts
        held = await bank.control.event()
        stopping = asyncio.create_task(ends(box))
        await bank.control.do("wait_sent", count=1)

        async def told():
            return "stopping" in box.log.read_text()

        await until(told, "it begins to stop")
        await bank.control.do("go", modem=held["modem"])
        assert await stopping == 0
        await box.start()
        assert await box.becomes(message, "delivered", "failed") == "delivered"
        sent = bank.ledger.sent()
        assert [(one.modem, one.concat.ordinal) for one in sent] == [
            (held["modem"], ordinal) for ordinal in (1, 2, 3, 4)
        ]
        assert len({one.concat.reference for one in sent}) == 1


async def test_neither_bad_ports_nor_a_mute_esme_keep_it_from_ending(tmp_path):
    blocking = Blocking(tmp_path / "blocking", tmp_path / "bank")
    blocking.block("open", "modem2")
    async with (
        running_bank(tmp_path / "bank", "--modems", "4", "--cmgs-delay", "0.1") as bank,
        running_box(tmp_path / "data", bank.ports, process_env=blocking.environment) as box,
    ):
        account = await box.account()
        await box.lines_ready(3)
        blocking.block("close", "modem3")
        await bank.control.do("fault", modem=[0, 1], kind="lost", number="+4915112340002")
        await bank.control.do("fault", modem=1, kind="deaf")
        message = (await box.send("+4915112340002", "never answered"))["id"]
        await bank.control.do("wait_sent", count=1)
        async with Esme.bound(box, account):  # smpplib does not answer an unbind
            assert await ends(box) == 0
        blocking.let_go("open", "modem2")
        blocking.let_go("close", "modem3")
        await box.start()
        assert await box.becomes(message, "delivered", "failed") == "delivered"  # by its report
        assert times_on_air(bank)["never answered"] == 1


async def test_a_second_daemon_and_taken_ports_are_told_in_a_sentence(tmp_path):
    async with running_box(tmp_path / "data", str(tmp_path / "none*")) as box:
        await box.account()

        async def refused(name, data, **ports):
            other = Box(data, str(tmp_path / "none*"), {})
            env = other._env | {f"APPLIANCE_{door}__PORT": str(at) for door, at in ports.items()}
            log = tmp_path / f"{name}.log"
            process = await start("appliance", "run", env=env, log=log)
            await other.http.aclose()
            await other.local.aclose()
            async with asyncio.timeout(30):
                assert await process.wait() == 1
            said = log.read_text().splitlines()
            assert "Traceback" not in said
            return said[-1]

        second, http, smpp = await asyncio.gather(
            refused("second", tmp_path / "data"),
            refused("http", tmp_path / "other", HTTP=box.http_port),
            refused("smpp", tmp_path / "another", SMPP=box.smpp_port),
        )
        assert f"{tmp_path / 'data'}: another daemon uses this data directory" in second
        assert f"HTTP cannot listen on 127.0.0.1 port {box.http_port}: Address already" in http
        assert f"SMPP cannot listen on 127.0.0.1 port {box.smpp_port}: Address already" in smpp
        assert (await box.send("+4915112340003", "still here"))["state"] == "queued"
        assert (await box.local.get("/local/messages")).status_code == 200


async def test_after_a_crash_with_a_long_queue_it_is_ready_and_sends_what_waits(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "4", "--cmgs-delay", "0.02") as bank,
        running_box(tmp_path / "data", str(tmp_path / "none*")) as box,
    ):
        await box.account()
        texts = [f"no. {count}" for count in range(1000)]

        async def submit(some):
            return [(await box.send("+4915112340004", text))["id"] for text in some]

        await asyncio.gather(*(submit(texts[first::20]) for first in range(20)))
        await box.kill()
        for name in ("APPLIANCE_MODEMS__PORTS", "APPLIANCE_MODEMS__SIMULATED"):
            box._env[name] = bank.ports
        await box.start()
        await bank.control.do("wait_sent", count=200)
        on_air = times_on_air(bank)
        assert set(on_air.values()) == {1}
        assert set(on_air) <= set(texts)
