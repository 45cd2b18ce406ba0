"""Who rings up a SIM is hung up, and told to whom an answer would have gone."""

from tests.apps import Hook
from tests.box import running_bank, running_box, until

CALLER = "+4915112345678"


async def test_a_missed_call_is_told_by_webhook_and_listed(tmp_path):
    hook = Hook()
    options = ("--modems", "2", "--report-delay", "0.05")
    async with (
        hook.listening() as url,
        running_bank(tmp_path / "bank", *options) as bank,
        running_box(tmp_path / "data", bank.ports) as box,
    ):
        hook.secret = (await box.account(webhook_url=url))["webhook_secret"]
        await box.lines_ready(2)
        await bank.control.do("call", modem=0, number=CALLER, every=0.2)
        await bank.control.do("call", modem=1, number="", every=0.2)

        async def told():
            return [one for one in hook.notices if one["type"] == "call.missed"][1:]

        await until(told, "both calls are told")
        calls = sorted((one["data"] for one in hook.notices), key=lambda data: data["caller"] or "")
        shown = (await bank.control.do("modems"))["modems"]
        assert [(one["caller"], one["sim"]) for one in calls] == [
            (None, shown[1]["iccid"]),
            (CALLER, shown[0]["iccid"]),
        ]

        listed = (await box.http.get("/v1/calls", params={"limit": 1})).json()
        older = await box.http.get("/v1/calls", params={"before": listed["next"]})
        found = listed["calls"] + older.json()["calls"]
        assert sorted(found, key=lambda data: data["caller"] or "") == calls

        ended = (await bank.control.do("calls"))["calls"]
        assert {one["ended_by"] for one in ended} == {"hangup"}
        assert CALLER not in box.log.read_text()

        answer = await box.http.get("/v1/calls", params={"before": "i123"})
        assert answer.status_code == 404
