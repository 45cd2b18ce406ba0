"""The whole way: in by a door, out by a modem of every make, and the fate comes back."""

from collections import defaultdict

import pytest
import pytest_asyncio

from tests.box import running_bank, running_box, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAKES = ["e3372", "e1550", "sim800", "sim7600", "ec25", "zte", "sim7670"]

TEXTS = {
    "short": "Hello",
    "long": "Grüße aus Köln, " * 12 + "€",
    "unicode": "Привет, мир 🌍",
    "one too long": "x" * 161,
}


class Site:
    def __init__(self, bank, box):
        self.bank, self.box = bank, box

    def sent(self, text):
        """Return the modems that have sent ``text`` whole."""
        parts = defaultdict(dict)
        for entry in self.bank.ledger.sent():
            key = entry.modem, entry.concat.reference if entry.concat else entry.reference
            parts[key][entry.concat.ordinal if entry.concat else 1] = entry.text
        return [
            modem
            for (modem, _), found in parts.items()
            if "".join(part for _, part in sorted(found.items())) == text
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("light")
    options = ("--modems", str(len(MAKES)), "--makes", ",".join(MAKES), "--report-delay", "0.1")
    async with (
        running_bank(folder / "bank", *options) as bank,
        running_box(folder / "data", bank.ports) as box,
    ):
        await box.account()
        await box.lines_ready(len(MAKES))
        yield Site(bank, box)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_every_make_sends_and_its_reports_come_back(site, text):
    """So many at once as there are lines: the least used goes first, so each gets one."""
    messages = [await site.box.send(f"+4915123450{n:03d}", text) for n in range(len(MAKES))]
    for message in messages:
        assert await site.box.becomes(message["id"], "delivered", "failed") == "delivered"
    assert sorted(site.sent(text)) == [f"modem{number}" for number in range(len(MAKES))]


async def test_what_comes_in_is_kept_and_shown_whole(site):
    long = "Ein sehr langer Text mit Ümlauten. " * 10
    for modem in range(len(MAKES)):
        sender = f"+491709999000{modem}"
        await site.bank.control.do("inbound", modem=modem, sender=sender, text=long)
        await site.bank.control.do("inbound", modem=modem, sender="MyBank", text=f"код 🔐 {modem}")

    async def all_there():
        found = (await site.box.http.get("/v1/inbound")).json()["inbound"]
        texts = [one["text"] for one in found]
        wanted = [long] * len(MAKES) + [f"код 🔐 {modem}" for modem in range(len(MAKES))]
        return sorted(filter(None, texts)) == sorted(wanted)

    await until(all_there, "all are shown")
