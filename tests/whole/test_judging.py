"""A SIM that fails: paused over restarts, tried with one message, paused longer or resumed."""

from datetime import timedelta

from appliance.policy.categories import Category
from appliance.policy.judgement import JudgementRules
from appliance.submission import Submission
from tests.box import running_bank, running_box, until
from tests.whole.keeping import home

BARRED = 8  # operator determined barring: this SIM may not

RULES = JudgementRules(consecutive=3, probe_after=timedelta(seconds=0.5))


async def submit(here, numbers, **given):
    for number in numbers:
        asked = Submission(to=f"+49151200001{number:02d}", text="hello", **given)
        await here.intake.submit(here.account, asked)


async def all_out(here, count):
    async def there():
        return len({one.recipient for one in here.bank.ledger.sent()}) >= count

    await until(there, f"{count} are sent")


async def test_a_refused_sim_gives_its_messages_to_others_and_is_tried_with_one(tmp_path):
    async with home(tmp_path, modems=2, judging=RULES) as here:
        await here.ready(0)
        await here.ready(1)
        await here.fault("mute_network", code=BARRED, cure="never")
        await submit(here, range(20))
        await here.stands("sim_refused")
        await all_out(here, 20)
        assert {one.modem for one in here.bank.ledger.sent()} == {"modem1"}
        paused = await here.line_is("it says why", lambda line: "judged: " in line.cause)
        assert "3 parts in a row were refused" in paused.cause

        await here.do("mend", modem=0)
        for number in range(20, 90):
            await submit(here, [number])
            await all_out(here, number + 1)
            if here.bank.ledger.sent()[-1].modem == "modem0":
                break
        await here.stands("sim_refused", standing=False)
        sim = here.pool.keeper("modem0").sim_id
        assert here.store.lines.paused(sim) is None


async def test_each_trial_in_vain_makes_the_next_pause_longer(tmp_path):
    async with home(tmp_path, judging=RULES) as here:
        await here.ready()
        sim = here.pool.keeper("modem0").sim_id
        await here.fault("mute_network", code=BARRED, cure="never")
        for number in range(40):
            await submit(here, [number])

        async def paused_often():
            paused = here.store.lines.paused(sim)
            return paused if paused is not None and paused.pauses >= 3 else None

        paused = await until(paused_often, "it was tried twice in vain")
        assert paused.reason.startswith("judged: ")
        assert here.bank.ledger.sent() == []


async def test_no_password_is_what_a_sim_is_tried_with(tmp_path):
    async with home(tmp_path, judging=RULES) as here:
        await here.ready()
        await here.fault("mute_network", code=BARRED, cure="never")
        await submit(here, range(3), category=Category.URGENT)
        await here.stands("sim_refused")
        await here.do("mend", modem=0)
        await submit(here, [10], category=Category.OTP)  # which would go before all others
        await submit(here, [11])
        await all_out(here, 2)
        assert here.bank.ledger.sent()[0].recipient != "+4915120000110"


async def test_a_judged_sim_stays_paused_over_a_restart_until_somebody_resumes_it(tmp_path):
    async with (
        running_bank(tmp_path / "bank", "--modems", "1", "--makes", "e3372") as bank,
        running_box(
            tmp_path / "data",
            bank.ports,
            JUDGING__CONSECUTIVE="2",
            JUDGING__PROBE_AFTER_MINUTES="600",
        ) as box,
    ):
        await box.account()
        await box.lines_ready(1)
        await bank.control.do("fault", kind="mute_network", code=BARRED, cure="never")
        for number in range(3):
            await box.send(f"+4915123450{number:03d}", "hello")

        async def paused():
            (line,) = (await box.local.get("/local/lines")).json()
            return "judged: 2 parts in a row were refused" in line["cause"]

        await until(paused, "it is paused")
        await box.kill()
        await bank.control.do("mend", modem=0)
        await box.start()
        await until(paused, "it still is")
        assert bank.ledger.sent() == []
        answer = await box.local.post("/local/lines/modem0/resume", json={})
        assert answer.status_code < 300, answer.text
        await box.send("+4915123450099", "hello")  # the others have been put off meanwhile
        await bank.control.do("wait_sent", count=1)
