"""The whole way: in by a door, out by a modem, and the fate comes back."""

import pytest

from tests.box import running_bank, running_box, until

MAKES = ["e3372", "e1550", "sim800", "sim7600", "ec25", "zte", "sim7670"]


@pytest.mark.parametrize("make", MAKES)
async def test_a_message_is_sent_and_its_report_comes_back(tmp_path, make):
    async with (
        running_bank(
            tmp_path / "bank", "--modems", "1", "--makes", make, "--report-delay", "0.1"
        ) as bank,
        running_box(tmp_path / "data", bank.ports) as box,
    ):
        await box.account()
        long = "Grüße aus Köln, " * 12 + "€"
        texts = ["Hello", long, "Привет, мир 🌍", "x" * 161]
        sent = [await box.send("+4915123450001", text) for text in texts]
        for one in sent:
            assert await box.becomes(one["id"], "delivered", "failed") == "delivered"
        joined: dict[str, str] = {}
        for entry in bank.ledger.sent():
            key = f"{entry.concat.reference}" if entry.concat else entry.text
            joined[key] = joined.get(key, "") + entry.text
        assert sorted(joined.values()) == sorted(texts)


async def test_what_comes_in_is_kept_and_shown_whole(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "2") as bank,
        running_box(tmp_path / "data", bank.ports) as box,
    ):
        await box.account()
        await box.lines_ready(2)
        long = "Ein sehr langer Text mit Ümlauten. " * 10
        await bank.control.do("inbound", modem=0, sender="+4917099990000", text=long)
        await bank.control.do("inbound", modem=1, sender="MyBank", text="Ваш код 🔐 1234")

        async def both():
            found = (await box.http.get("/v1/inbound")).json()["inbound"]
            return {one["sender"]: one["text"] for one in found if one["text"]} == {
                "+4917099990000": long,
                "MyBank": "Ваш код 🔐 1234",
            }

        await until(both, "both are shown")
