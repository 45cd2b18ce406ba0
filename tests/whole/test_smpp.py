"""An application by SMPP (smpplib) on the whole system, from bind to receipt."""

import asyncio

import pytest
import pytest_asyncio
from smpplib import consts
from smpplib.exceptions import PDUError

from tests.apps import Esme
from tests.box import running_bank, running_box, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Site:
    def __init__(self, bank, box, account):
        self.bank, self.box, self.account = bank, box, account

    def on_air(self, number):
        """Return what a number was sent, long texts joined, in the order of their ends."""
        texts, parts = [], {}
        for entry in self.bank.ledger.sent():
            if entry.recipient != number:
                continue
            if entry.concat is None:
                texts.append(entry.text)
                continue
            key = entry.iccid, entry.concat.reference
            parts.setdefault(key, {})[entry.concat.ordinal] = entry.text
            if len(parts[key]) == entry.concat.total:
                texts.append("".join(text for _, text in sorted(parts.pop(key).items())))
        assert parts == {}
        return texts

    async def state(self, identity):
        return (await self.box.local.get(f"/local/messages/{identity}")).json()["state"]

    async def inbound(self, sender, text):
        await self.bank.control.do("inbound", modem=0, sender=sender, text=text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smpp")
    options = ("--modems", "2", "--cmgs-delay", "0.05", "--report-delay", "0.1")
    async with (
        running_bank(folder / "bank", *options) as bank,
        running_box(folder / "data", bank.ports) as box,
    ):
        await bank.control.do("set", network={"retry_seconds": 1})
        account = await box.account(name="esme")
        await box.lines_ready(2)
        yield Site(bank, box, account)


async def test_a_receipt_has_the_id_of_its_message_and_says_when_and_what(site):
    async with Esme.bound(site.box, site.account) as esme:
        answer = await esme.submit("Hello, how are you today?", "4915120000001")
        assert answer.status == consts.SMPP_ESME_ROK
        receipt = await esme.receipt_of(answer.message_id)
    assert receipt["id"] == receipt["tlv_id"] == answer.message_id
    assert (receipt["stat"], receipt["err"], receipt["dlvrd"]) == ("DELIVRD", "000", "001")
    assert receipt["state"] == consts.SMPP_MESSAGE_STATE_DELIVERED
    assert receipt["text"] == "Hello, how are you t"
    assert (receipt["from"], receipt["to"]) == ("4915120000001", "Acme")
    assert site.on_air("+4915120000001") == ["Hello, how are you today?"]


@pytest.mark.parametrize(
    ("number", "text", "encoding"),
    [
        ("4915120000002", "£ and € and [brackets]", consts.SMPP_ENCODING_DEFAULT),
        ("4915120000003", "Привет, мир 🙂", consts.SMPP_ENCODING_ISO10646),
    ],
)
async def test_any_text_arrives_as_it_was_written(site, number, text, encoding):
    async with Esme.bound(site.box, site.account) as esme:
        answer = await esme.submit(text, number, encoding)
        await esme.receipt_of(answer.message_id)
    assert site.on_air(f"+{number}") == [text]


async def test_each_segment_that_the_app_has_made_goes_out_and_has_its_receipt(site):
    text = "0123456789 " * 40 + "€"
    async with Esme.bound(site.box, site.account) as esme:
        answers = await esme.submit_long(text, "4915120000004")
        for answer in answers:
            await esme.receipt_of(answer.message_id)
    sent = [one for one in site.bank.ledger.sent() if one.recipient == "+4915120000004"]
    assert len(answers) == len(sent) == len({answer.message_id for answer in answers}) == 3
    assert "".join(one.text for one in sorted(sent, key=lambda one: one.concat.ordinal)) == text


async def test_a_long_text_as_payload_is_split_here_and_has_one_receipt(site):
    text = "0123456789 " * 40
    async with Esme.bound(site.box, site.account) as esme:
        payload = {"message_payload": text.encode("ascii")}
        [answer] = await esme.submit_parts([b""], "4915120000005", **payload)
        await esme.receipt_of(answer.message_id)
        assert [one["id"] for one in esme.receipts] == [answer.message_id]
    assert site.on_air("+4915120000005") == [text]


async def test_a_transmitter_sends_and_a_receiver_is_told(site):
    async with (
        Esme.bound(site.box, site.account, "transmitter") as sender,
        Esme.bound(site.box, site.account, "receiver") as receiver,
    ):
        answer = await sender.submit("Hello", "4915120000006")
        assert (await receiver.receipt_of(answer.message_id))["stat"] == "DELIVRD"
        assert sender.receipts == []
        receiver.client.state = consts.SMPP_CLIENT_STATE_BOUND_TRX  # so that it does not object
        refused = await receiver.submit("Hello", "4915120000006")
        assert refused.status == consts.SMPP_ESME_RINVBNDSTS


async def test_an_inbound_message_comes_to_a_receiver_as_it_was_written(site):
    sender = "+4915120000007"
    long = "Ein langer Text mit Umlauten äöü. " * 12
    async with Esme.bound(site.box, site.account, "receiver") as esme:
        for text in ("Hi there", "Привет 🙂", long):
            await site.inbound(sender, text)

        async def all_there():
            return len(esme.inbound) == 3

        await until(all_there, "three messages come")
        by_coding = {(one.data_coding, bool(one.short_message)): one for one in esme.inbound}
    short, cyrillic, joined = by_coding[0, True], by_coding[8, True], by_coding[0, False]
    assert short.short_message == b"Hi there"
    assert cyrillic.short_message.decode("utf-16-be") == "Привет 🙂"
    assert len(joined.message_payload) == len(long)
    assert {one.source_addr for one in esme.inbound} == {b"4915120000007"}
    assert short.destination_addr.decode() in await site_numbers(site)


async def site_numbers(site):
    modems = (await site.bank.control.do("modems"))["modems"]
    return {one["number"].removeprefix("+") for one in modems}


async def test_without_a_wish_for_it_there_is_no_receipt(site):
    async with Esme.bound(site.box, site.account) as esme:
        quiet = await esme.submit("Hello", "4915120000008", registered_delivery=0)
        only_failure = await esme.submit("Hello", "4915120000008", registered_delivery=2)
        failing = await esme.submit("Hello", "4915120999004", registered_delivery=2)
        wanted = await esme.submit("Hello", "4915120000008")
        assert (await esme.receipt_of(failing.message_id))["stat"] == "UNDELIV"
        await esme.receipt_of(wanted.message_id)
        for answer in (quiet, only_failure):

            async def delivered(identity=answer.message_id):
                return await site.state(identity) == "delivered"

            await until(delivered, "they are delivered")
        told = {one["id"] for one in esme.receipts}
    assert told == {failing.message_id, wanted.message_id}


async def test_what_is_refused_for_now_comes_again_and_what_is_not_taken_stays(site):
    async with Esme.bound(site.box, site.account) as esme:
        esme.takes = consts.SMPP_ESME_RX_T_APPN
        answer = await esme.submit("Hello", "4915120000009")

        async def delivered():
            return await site.state(answer.message_id) == "delivered"

        await until(delivered, "it is delivered")
    async with Esme.bound(site.box, site.account) as esme:
        assert (await esme.receipt_of(answer.message_id))["stat"] == "DELIVRD"


async def test_what_is_owed_waits_for_a_bind_over_a_restart_and_a_crash(site):
    number = "+4915120000010"
    await site.bank.control.do("handset", number=number, mood="off")
    async with Esme.bound(site.box, site.account, "transmitter") as esme:
        first = await esme.submit("Hello", number[1:])
        second = await esme.submit("Hello", "4915120000011")

    async def owed():
        return await site.state(second.message_id) == "delivered"

    await until(owed, "a receipt is owed")
    await site.inbound(number, "an answer")
    assert await site.box.stop() == 0
    await site.box.start()
    await site.bank.control.do("switch_on", number=number)

    async def delivered():
        return await site.state(first.message_id) == "delivered"

    await until(delivered, "another receipt is owed")
    await site.box.kill()
    await site.box.start()
    async with Esme.bound(site.box, site.account, "receiver") as esme:
        for answer in (first, second):
            assert (await esme.receipt_of(answer.message_id))["stat"] == "DELIVRD"

        async def answered():
            return [one.short_message for one in esme.inbound] == [b"an answer"]

        await until(answered, "the answer comes")
        assert len(esme.receipts) == 2


async def bind_status(site, system_id, password):
    def work():
        with pytest.raises(PDUError) as caught:
            Esme(site.box.smpp_port).bind("transceiver", system_id, password)
        return caught.value.args[1]

    return await asyncio.to_thread(work)


async def test_wrong_credentials_are_told_as_such_whatever_is_wrong(site):
    name, word = site.account["system_id"], site.account["password"]
    assert await bind_status(site, name, "wrong") == consts.SMPP_ESME_RINVPASWD
    assert await bind_status(site, "nobody", word) == consts.SMPP_ESME_RINVPASWD
    assert await bind_status(site, name, "") == consts.SMPP_ESME_RINVPASWD


async def test_a_revoked_account_is_unbound_and_not_let_in_again(site):
    """Its last bind is closed at once."""
    other = (await site.box.local.post("/local/accounts", json={"name": "other"})).json()
    async with Esme.bound(site.box, other) as esme:
        assert (await site.box.local.delete("/local/accounts/other")).status_code == 204

        async def closed():
            return not esme._reader.is_alive()

        await until(closed, "its bind is closed")
    status = await bind_status(site, other["system_id"], other["password"])
    assert status == consts.SMPP_ESME_RINVPASWD
