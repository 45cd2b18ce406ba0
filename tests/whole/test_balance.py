"""A SIM that runs out of credit: asked after so many parts, and stopped before it is empty."""

from tests.box import running_bank, running_box, until
from tests.fake_modem.sim import Sim

CONFIG = f"""
[[sims]]
iccid = "{Sim.numbered(0).iccid}"
balance_code = "*100#"
balance_pattern = 'balance is (-?[0-9.,]+)'
balance_minimum = 5
balance_after_parts = 2
"""


async def test_what_is_sent_lowers_the_balance_until_the_sim_stops(tmp_path):
    options = ("--modems", "1", "--report-delay", "0.05")
    async with running_bank(tmp_path / "bank", *options) as bank:
        await bank.control.do("set", price=3)
        async with running_box(tmp_path / "data", bank.ports, config=CONFIG) as box:
            await box.account(admin=True)
            await box.lines_ready(1)

            async def standing():
                answer = await box.http.get("/v1/incidents", params={"lasting": True})
                return {one["kind"]: one for one in answer.json()["incidents"]}

            async def asked():
                found = (await box.http.get("/v1/lines")).json()["lines"][0]
                return found["cause"].startswith("balance 4.00 is below 5.00")

            for number in range(2):
                sent = await box.send(f"+491510000000{number}", "Hello")
                assert await box.becomes(sent["id"], "delivered") == "delivered"
            await until(asked, "the line says why it sends nothing")
            assert set(await standing()) == {"low_balance"}

            waiting = await box.send("+4915100000009", "Hello")
            assert await box.state(waiting["id"]) == "queued"
            assert len(bank.ledger.sent()) == 2
            assert "EUR" not in box.log.read_text()
