"""Applications by other people's SMPP clients on the whole system, from bind to unbind."""

import pytest
import pytest_asyncio

from tests.box import running_bank, running_box
from tests.esmes.harness import CLIENTS, Site
from tests.esmes.recorder import recording
from tests.esmes.wireshark import complaints, dissected, said
from tests.require import give_up

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNBIND, RESPONSE = 0x06, 0x80000000

TEXTS = {
    "short": "Grüße aus Köln, 5 € [netto]",
    "ucs2": "Привет, мир 🙂",
    "long": "Ein langer Text mit Umlauten: äöü, Zeile für Zeile. " * 8,
}

NUMBERS = {client: f"49151300000{number:02}" for number, client in enumerate(CLIENTS)}

PARTS = {"smpplib": 3, "naz": 3, "node-smpp": 3}
"""How many receipts the long text has with a client that makes parts of it and asks for all."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("esmes")
    options = ("--modems", "1", "--cmgs-delay", "0.05", "--report-delay", "0.1")
    async with (
        running_bank(folder / "bank", *options) as bank,
        running_box(folder / "data", bank.ports) as box,
        recording(folder / "esmes.pcap", box.smpp_port) as recorder,
    ):
        await box.lines_ready(1)
        yield Site(bank, box, recorder, folder)


@pytest.mark.parametrize("client", CLIENTS)
async def test_texts_go_out_and_have_receipts_with_their_ids_and_answers_come(site, client):
    number = NUMBERS[client]
    async with site.running(client) as app:
        for form, text in TEXTS.items():
            await app.order("submit", form=form, to=number, text=text)
        for form in TEXTS:
            [submitted] = await app.says("submitted", form=form)
            assert len(submitted["ids"]) == (PARTS.get(client, 1) if form == "long" else 1)
            for identity in submitted["ids"]:
                await app.says("receipt", id=identity, stat="DELIVRD")
        for text in TEXTS.values():
            await site.bank.control.do("inbound", modem=0, sender=f"+{number}", text=text)
            await app.says("inbound", text=text, **{"from": number})
        await app.order("unbind")
        await app.says("unbound")
        receipts = [one["id"] for one in app.events if one["event"] == "receipt"]

    conversation = site.recorder.conversations[-1]
    assert (UNBIND, 0) in said(conversation, by_us=False)
    assert said(conversation)[-1] == (UNBIND | RESPONSE, 0)
    assert sorted(site.on_air(f"+{number}")) == sorted(TEXTS.values())
    assert len(receipts) == len(set(receipts)) == 2 + PARTS.get(client, 1)


async def test_wireshark_reads_all_that_we_have_told_them_and_complains_of_nothing(site):
    """It has to find every PDU of ours, in its order: so it has taken them for SMPP."""
    if not site.recorder.conversations:
        give_up("the applications were not run: nothing is recorded")

    assert complaints(site.recorder.path) == []
    found = dissected(site.recorder.path)
    assert found == [pdu for one in site.recorder.conversations for pdu in said(one)]
