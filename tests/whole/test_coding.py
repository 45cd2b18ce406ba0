"""What goes on the air: national tables, 16-bit references, a service centre, no validity."""

import pytest
import pytest_asyncio

from appliance.modem.pdu import decode
from tests.box import running_bank, running_box, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = {"MESSAGES__NATIONAL": "turkish,hindi", "MESSAGES__CONCAT_REFERENCE_BITS": "16"}


class Site:
    def __init__(self, bank, box):
        self.bank, self.box = bank, box

    async def on_air(self, to, count):
        """Wait until so many PDUs to a number were on the air; return them read, oldest first."""

        async def there():
            found = [entry for entry in self.bank.ledger.entries() if entry.recipient == to]
            return found if len(found) >= count else None

        return [decode(bytes.fromhex(entry.pdu)) for entry in await until(there, f"{count} PDUs")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coding")
    async with (
        running_bank(folder / "bank", "--modems", "1") as bank,
        running_box(folder / "data", bank.ports, **SETTINGS) as box,
    ):
        await box.account()
        await box.lines_ready(1)
        yield Site(bank, box)


@pytest.mark.parametrize(
    ("to", "text", "languages", "parts"),
    [
        ("+4915123400001", "Görüşürüz, iyi günler şimdilik", (0, 1), 1),
        ("+4915123400002", "ışık, şeker, çiğ köfte; " * 12, (1, 0), 2),
        ("+4915123400003", "नमस्ते, आप कैसे हैं? ठीक. " * 10, (6, 0), 2),
        ("+4915123400004", "Hello", (0, 0), 1),
        ("+4915123400005", "şeker 😀 " * 20, (0, 0), 3),
    ],
)
async def test_texts_go_in_the_tables_that_were_chosen_and_are_read_by_them(
    site, to, text, languages, parts
):
    message = await site.box.send(to, text)
    assert message["parts"] == parts
    found = await site.on_air(to, parts)
    assert [part.languages for part in found] == [languages] * parts
    found.sort(key=lambda part: part.concat.ordinal if part.concat else 0)
    assert "".join(part.text for part in found) == text
    assert {part.concat.wide for part in found if part.concat} <= {True}
    assert await site.box.becomes(message["id"], "delivered", "failed") == "delivered"


async def test_a_message_goes_by_the_service_centre_that_it_names(site):
    to = "+4915123400010"
    await site.box.send(to, "Hello", service_centre="+491722270333")
    (found,) = await site.on_air(to, 1)
    assert found.smsc == "+491722270333"


@pytest.mark.parametrize(
    ("to", "text", "parts"),
    [("+49151234998198", "Hello", 1), ("+49151234998199", "x" * 200, 2)],
)
async def test_a_centre_without_validity_periods_gets_the_part_once_more_without(
    site, to, text, parts
):
    """The handset's centre refuses (+CMS 198, 199) what has a validity period."""
    message = await site.box.send(to, text)
    assert await site.box.becomes(message["id"], "delivered", "failed") == "delivered"
    found = await site.on_air(to, 1 + parts)
    assert [part.validity is None for part in found] == [False] + [True] * parts
