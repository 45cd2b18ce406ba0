"""Limits are changed while the daemon sends: by its command, over its socket, and by SIGHUP."""

import os
import signal

from tests.box import running_bank, running_box, until
from tests.fake_modem.sim import Sim
from tests.forking import run

ICCID = Sim.numbered(0).iccid

OTHERWISE = "[keywords]\nstop = ['genug']\n[judging]\nconsecutive = 2"


def config(parts, more=""):
    return f'[[sims]]\niccid = "{ICCID}"\nparts_per_day = {parts}\n{more}'


async def says(box, cause):
    async def there():
        (line,) = (await box.local.get("/local/lines")).json()
        return cause in line["cause"]

    await until(there, f"the line says {cause}")


async def on_air(bank, count):
    async def there():
        return len(list(bank.ledger.entries())) >= count

    await until(there, f"{count} are sent")


async def test_limits_change_while_the_daemon_runs_and_what_was_sent_keeps_counting(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "1", "--cmgs-delay", "0.01") as bank,
        running_box(tmp_path / "data", bank.ports, config=config(3)) as box,
    ):
        path = tmp_path / "data.toml"
        await box.account()
        await box.lines_ready(1)
        for number in range(12):
            await box.send(f"+49151{number:08d}", f"no. {number}")
        await says(box, "day limit 3/3, next at 00:00")

        # The file is read again at a signal.
        path.write_text(config(5))
        box.process.send_signal(signal.SIGHUP)
        await says(box, "day limit 5/5, next at 00:00")

        # Over the socket, with what can only change at a start.
        path.write_text(config(7, "[log]\nlevel = 'debug'"))
        answer = await box.local.post("/local/reload", json={})
        assert answer.json() == {
            "changed": ["sims"],
            "after_restart": ["log.level"],
            "warnings": [],
        }
        await says(box, "day limit 7/7, next at 00:00")

        # By the command, that sends the text of a file.
        other = tmp_path / "other.toml"
        other.write_text(config(9))
        assert "sims" in await command(box, "reload", "--config", str(other))
        await says(box, "day limit 9/9, next at 00:00")

        # A mistake changes nothing.
        text = config(0, "[limits]\nweight = 0")
        answer = await box.local.post("/local/reload", json={"text": text})
        assert answer.status_code == 422
        assert "sims.0.parts_per_day" in answer.json()["detail"]
        assert "limits.weight" in answer.json()["detail"]
        await on_air(bank, 9)

        # Back to a lower limit: what was sent keeps counting.
        await command(box, "reload")
        await says(box, "day limit 9/7, next at 00:00")
        assert len(list(bank.ledger.entries())) == 9


async def test_a_sim_is_disabled_and_what_errors_mean_is_changed_while_the_daemon_runs(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "1", "--cmgs-delay", "0.01") as bank,
        running_box(tmp_path / "data", bank.ports, config=config(3)) as box,
    ):
        await box.lines_ready(1)
        text = config(3, f"enabled = false\n[causes]\ncms = {{ 500 = 'passing' }}\n{OTHERWISE}")
        answer = (await box.local.post("/local/reload", json={"text": text})).json()
        assert set(answer["changed"]) == {"sims", "causes", "keywords", "judging"}
        assert answer["after_restart"] == []
        (warning,) = answer["warnings"]
        assert warning.startswith("causes.cms.500: ")
        await says(box, "is disabled in the configuration")
        assert "switched off" in (await box.http.get("/")).text


async def command(box, *arguments):
    env = {name: value for name, value in os.environ.items() if "APPLIANCE_" not in name}
    ended = await run("appliance", *arguments, "--data", str(box.data), env=env)
    assert ended.returncode == 0, ended.err.decode()
    return ended.out.decode() + ended.err.decode()
