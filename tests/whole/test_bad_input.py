"""Bad input at both doors: a clear error, nothing stored, nothing private in the log."""

import httpx
import pytest
import pytest_asyncio
from smpplib import consts

from tests.apps import Esme, Hook
from tests.box import running_bank, running_box, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD = {"to": "+4915140000001", "text": "Hello"}

SECRET_TEXT = "Xylophon-Geheimnis"
"""In every text of this module, so that it can be looked for in the log."""


class Site:
    def __init__(self, bank, box, esme, account, hook_account):
        self.bank, self.box, self.esme = bank, box, esme
        self.account, self.hook_account = account, hook_account

    async def count(self):
        """Return how many messages are stored, of all accounts."""
        found, before = 0, None
        while True:
            query = {"limit": 200} | ({"before": before} if before else {})
            page = (await self.box.local.get("/local/messages", params=query)).json()
            found += len(page)
            if len(page) < 200:
                return found
            before = page[-1]["id"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("input")
    hook = Hook()
    options = ("--modems", "2", "--cmgs-delay", "0.02", "--report-delay", "0.05")
    async with (
        hook.listening() as url,
        running_bank(folder / "bank", *options) as bank,
        running_box(folder / "data", bank.ports, LOG__LEVEL="info") as box,
    ):
        hook_account = await box.account(name="hook", webhook_url=url + "secret-path")
        account = await box.account(name="esme")
        await box.lines_ready(2)
        async with Esme.bound(box, account) as esme:
            yield Site(bank, box, esme, account, hook_account)


BAD_FIELDS = [
    ("to", {"to": ""}),
    ("to", {"to": "no number"}),
    ("to", {"to": "+49"}),
    ("to", {"to": "+49 151 4000000123456789"}),
    ("to", {"to": "015140000001"}),  # national, and no region is set
    ("to", {"to": "112"}),
    ("to", {"to": "+1 212 555 0100"}),  # not a country of the SIMs
    ("to", {"to": None}),
    ("to", {"to": 4915140000001}),
    ("text", {"text": ""}),
    ("text", {"text": SECRET_TEXT * 200}),
    ("text", {"text": f"{SECRET_TEXT}\0"}),
    ("text", {"text": None}),
    ("text", {"data": "AAEC"}),  # beside the text
    ("data", {"text": None, "data": "no base64!"}),
    ("data", {"text": None, "data": "AAEC" * 1000}),
    ("colour", {"colour": "red"}),
    ("reference", {"reference": ""}),
    ("reference", {"reference": "x" * 256}),
    ("category", {"category": "spam"}),
    ("priority", {"priority": 4}),
    ("priority", {"priority": True}),
    ("send_at", {"send_at": "tomorrow"}),
    ("send_at", {"send_at": "2030-01-01T00:00:00"}),
    ("send_at", {"send_at": "2100-01-01T00:00:00Z"}),
    ("expires_at", {"expires_at": "2001-01-01T00:00:00Z"}),
    ("validity_seconds", {"validity_seconds": 0}),
    ("validity_seconds", {"validity_seconds": 60, "expires_at": "2030-01-01T00:00:00Z"}),
    ("flash", {"flash": "yes"}),
    ("receipts", {"receipts": "sometimes"}),
    ("when_uncertain", {"when_uncertain": "pray"}),
]


@pytest.mark.parametrize(("field", "change"), BAD_FIELDS, ids=lambda value: str(value)[:40])
async def test_rest_names_the_field_that_is_wrong_and_stores_nothing(site, field, change):
    before = await site.count()
    body = {name: value for name, value in ({**GOOD, **change}).items() if value is not None}
    answer = await site.box.http.post("/v1/messages", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["field"]) == (422, field)
    assert problem["detail"].startswith(f"{field}: ")
    assert SECRET_TEXT not in answer.text
    assert await site.count() == before


async def test_rest_names_every_field_that_is_wrong(site):
    answer = await site.box.http.post("/v1/messages", json={"priority": 9, "colour": "red"})
    assert {one["field"] for one in answer.json()["errors"]} == {"to", "priority", "colour"}


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (400, {"content": b'{"to": "+49151', "headers": {"Content-Type": "application/json"}}),
        (422, {"data": {"to": "+4915140000001"}}),
        (422, {"json": ["+4915140000001"]}),
        (401, {"json": GOOD, "headers": {"Authorization": "Bearer sk_wrong-secret-key"}}),
        (401, {"json": GOOD, "headers": {"Authorization": "Basic dXNlcjpwYXNz"}}),
        (421, {"json": GOOD, "headers": {"Host": "evil.example"}}),
        (422, {"json": GOOD, "headers": {"Idempotency-Key": "x" * 256}}),
    ],
)
async def test_rest_explains_every_kind_of_wrong_request(site, status, request_):
    before = await site.count()
    answer = await site.box.http.post("/v1/messages", **request_)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert await site.count() == before


async def test_rest_refuses_a_reference_that_stands_for_something_else(site):
    first = await site.box.http.post("/v1/messages", json=GOOD | {"reference": "order-1"})
    again = await site.box.http.post("/v1/messages", json=GOOD | {"reference": "order-1"})
    before = await site.count()
    other = await site.box.http.post(
        "/v1/messages", json=GOOD | {"reference": "order-1", "text": f"{SECRET_TEXT} 2"}
    )
    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["field"]) == (409, "reference")
    assert await site.count() == before


async def test_what_is_not_there_or_not_ones_own_is_the_same(site):
    mine = (await site.box.send(**GOOD))["id"]
    key = site.hook_account["api_key"]
    theirs = {"Authorization": f"Bearer {key}"}
    foreign = await site.box.http.get(f"/v1/messages/{mine}", headers=theirs)
    missing = await site.box.http.get("/v1/messages/m0000000000000", headers=theirs)
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()


S = consts

BAD_SUBMITS = [
    (S.SMPP_ESME_RINVDSTADR, {"destination_addr": "12"}),
    (S.SMPP_ESME_RINVDSTADR, {"destination_addr": ""}),
    (S.SMPP_ESME_RINVDSTADR, {"destination_addr": "no number"}),
    (S.SMPP_ESME_RINVDSTADR, {"destination_addr": "12125550100"}),
    (S.SMPP_ESME_RINVDSTTON, {"dest_addr_ton": S.SMPP_TON_ALNUM}),
    (S.SMPP_ESME_RINVDSTNPI, {"dest_addr_npi": 7}),
    (S.SMPP_ESME_RINVSRCTON, {"source_addr_ton": 9}),
    (S.SMPP_ESME_RINVSRCADR, {"source_addr": "A\tB"}),
    (S.SMPP_ESME_RINVMSGLEN, {"message_payload": SECRET_TEXT.encode() * 200, "short_message": b""}),
    (S.SMPP_ESME_RINVMSGLEN, {"data_coding": 8, "short_message": b"\x04\x16\x04"}),
    (S.SMPP_ESME_RSUBMITFAIL, {"data_coding": 0x0C}),
    (S.SMPP_ESME_RINVESMCLASS, {"esm_class": 0x02}),
    (S.SMPP_ESME_RINVESMCLASS, {"esm_class": 0x40, "short_message": b"\x7fno header"}),
    (S.SMPP_ESME_RINVPRTFLG, {"priority_flag": 4}),
    (S.SMPP_ESME_RINVREPFLAG, {"replace_if_present_flag": 2}),
    (S.SMPP_ESME_RINVSCHED, {"schedule_delivery_time": "tomorrow"}),
    (S.SMPP_ESME_RINVEXPIRY, {"validity_period": "010101000000000+"}),
    (S.SMPP_ESME_RINVSERTYP, {"service_type": "WAP"}),
    (S.SMPP_ESME_RINVDFTMSGID, {"sm_default_msg_id": 1}),
    (S.SMPP_ESME_RINVREGDLVFLG, {"registered_delivery": 3}),
]


@pytest.mark.parametrize(("status", "change"), BAD_SUBMITS, ids=lambda value: str(value)[:40])
async def test_smpp_answers_the_exact_status_and_stores_nothing(site, status, change):
    before = await site.count()
    fields = {"short_message": SECRET_TEXT.encode(), **change}
    [answer] = await site.esme.submit_parts([b""], "4915140000002", **fields)
    assert (answer.status, answer.message_id) == (status, "")
    assert await site.count() == before


async def test_a_days_events_leave_nothing_private_in_the_log(site):
    """The last test: it reads what all the others have left there, too."""
    box, bank = site.box, site.bank
    number, sender = "+4915140000077", "+4915140000088"
    await bank.control.do("fault", kind="error", code=500, number="+4915140000078")
    sent = [
        (await box.send(to, f"{SECRET_TEXT} {to}"))["id"]
        for to in (number, "+4915140999004", "+4915140998038", "+4915140000078")
    ]
    await site.esme.submit(SECRET_TEXT, number[1:])
    await bank.control.do("inbound", sender=sender, text=f"{SECRET_TEXT} от меня")
    await bank.control.do("inbound", sender="SecretBank", text=f"{SECRET_TEXT} 1234")
    await bank.control.do("inbound", sender=sender, text="STOP")
    await bank.control.do("raw", tpdu="04" + "FF" * 30)
    await box.becomes(sent[0], "delivered")
    await box.becomes(sent[1], "failed")
    await box.becomes(sent[3], "uncertain")

    async def opted_out():
        answer = await box.http.post("/v1/messages", json=GOOD | {"to": sender})
        return answer.status_code == 409

    await until(opted_out, "STOP is understood")
    async with httpx.AsyncClient(base_url=str(box.http.base_url)) as stranger:
        assert (await stranger.get(f"/v1/messages/{number}")).status_code == 401
        assert (await stranger.get("/v1/messages", params={"to": number})).status_code == 401
    await box.kill()
    await box.start()
    assert await box.stop() == 0

    log = box.log.read_text("utf-8")
    assert "part.sent" in log
    assert "inbound.came" in log
    numbers = [number, sender, "+4915140999004", "+4915140998038", GOOD["to"], "+12125550100"]
    lines = (await site.bank.control.do("modems"))["modems"]
    private = {
        "a text": SECRET_TEXT,
        "a text in UCS-2": SECRET_TEXT.encode("utf-16-be").hex(),
        "a name": "SecretBank",
        "a password": site.account["password"],
        "a path of a webhook": "secret-path",
        "a wrong key": "wrong-secret-key",
        **{f"number {one}": one[-9:] for one in numbers},
        **{f"SIM {one['iccid']}": one["number"][-9:] for one in lines},
        **{f"key {count}": key for count, key in enumerate(_secrets(site))},
    }
    assert [what for what, value in private.items() if value.lower() in log.lower()] == []
    assert "Traceback" not in log


def _secrets(site):
    for account in (site.account, site.hook_account):
        yield from filter(None, (account["api_key"], account["webhook_secret"]))
