"""The whole way on PostgreSQL: one setting is all that changes."""

from tests.box import running_bank, running_box, until


async def test_messages_go_out_and_come_in_over_a_crash(tmp_path, postgres_url):
    options = (
        "--modems",
        "2",
        "--makes",
        "e3372,zte",
        "--cmgs-delay",
        "0.1",
        "--report-delay",
        "0.1",
    )
    async with (
        running_bank(tmp_path / "bank", *options) as bank,
        running_box(tmp_path / "data", bank.ports, STORAGE__DATABASE=postgres_url) as box,
    ):
        await box.account()
        texts = [f"message {number} " + "long " * (40 * (number % 2)) for number in range(10)]
        sent = [
            await box.send(f"+491512345{number:04d}", text) for number, text in enumerate(texts)
        ]
        await bank.control.do("wait_sent", count=3)
        await box.kill()
        await bank.control.do("inbound", modem=0, sender="+4915123450099", text="STOP")
        await box.start()
        for one in sent:
            assert await box.becomes(one["id"], "delivered", "uncertain") in (
                "delivered",
                "uncertain",
            )

        async def refused():
            body = {"to": "+4915123450099", "text": "more"}
            return (await box.http.post("/v1/messages", json=body)).status_code == 409

        await until(refused, "the opt-out holds")
        parts = [(entry.recipient, entry.concat, entry.text) for entry in bank.ledger.sent()]
        assert len(parts) == len({str(part) for part in parts})
        assert not (tmp_path / "data" / "appliance.db").exists()
