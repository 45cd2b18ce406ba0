"""What STOP, START and HELP do, as a site has set them; what is answered, and what is on record."""

import itertools
from datetime import timedelta

import pytest

from appliance.errors import OptedOut
from appliance.inbox import reading
from appliance.lifecycle import Event, State
from appliance.models import ConsentEvent, Outcome
from appliance.policy.consent import KeywordRules, Per, Scope
from appliance.policy.keywords import Keyword
from appliance.replies import Replies
from appliance.store.accounts import NewAccount
from appliance.store.lines import SeenSim
from appliance.store.values import Begun, LineFacts, NotBegun
from tests.store.conftest import ALICE, World
from tests.store.steps import another_sim, begun, end, rows, send_all, state
from tests.store.test_dispatch import begin, first_waiting
from tests.store.test_messages import stop

BOB = "+4915187654321"

FOREIGN = "+8613912345678"

TEXTS = {
    Keyword.STOP: "You get no more. START undoes it.",
    Keyword.START: "Welcome back.",
    Keyword.HELP: "This is the shop. STOP ends it.",
}

_different = itertools.count()


def how(scope=Scope.ALL, per=Per.SITE, texts=TEXTS):
    replies = Replies(texts, countries=frozenset())
    return reading({}, KeywordRules(scope=scope, per=per), replies)


@pytest.fixture
def open_world(open_store, clock):
    """Give what opens a store that obeys as it is told to."""

    async def opened(**given):
        store = await open_store(how=how(**given))
        new = NewAccount(name="shop", local=True, is_default=True)
        issued = await store.accounts.add(new, clock.now())
        account = await store.accounts.by_id(issued.account_id)
        sim = await store.lines.saw(
            SeenSim(
                iccid="89490200001234567890",
                imsi="262021234567890",
                number="+4915100000001",
                simulated=False,
                at=clock.now(),
            )
        )
        world = World(store, account, sim, clock)
        await line(world, "1-1", sim)
        return world

    return opened


async def line(world, slot, sim):
    """Let a SIM sit in a modem."""
    facts = LineFacts(
        slot=slot,
        port=f"/dev/{slot}",
        state="ready",
        cause="",
        next_step="",
        simulated=False,
        changed_at=world.clock.now(),
        sim_id=sim,
    )
    await world.store.lines.tell(facts)


async def says(world, words, sender=ALICE, **given):
    facts = stop(world, words, sender=sender, fingerprint=(next(_different),), **given)
    return await world.store.inbound.take(facts)


async def another_account(world, name="bank"):
    issued = await world.store.accounts.add(NewAccount(name=name, local=True), world.clock.now())
    return issued.account_id


async def may(world, **given):
    try:
        await world.accept(**given)
    except OptedOut:
        return False
    return True


async def waiting_replies(world):
    """Return the answers that wait, oldest first."""
    found = await world.store.dispatch.waiting(world.clock.now(), 100)
    return [one for one in found if one.text in TEXTS.values()]


async def answers(world):
    return [(one.recipient, one.text, one.sim_id) for one in await waiting_replies(world)]


# what a STOP covers


@pytest.mark.parametrize("scope", Scope)
async def test_a_stop_ends_what_is_set(open_world, scope):
    world = await open_world(scope=scope)
    await says(world, "STOP")
    assert not await may(world, category="marketing")
    assert await may(world) is (scope is Scope.MARKETING)


async def test_a_stop_to_marketing_leaves_other_messages_waiting(open_world):
    world = await open_world(scope=Scope.MARKETING)
    bought, advert = await world.accept(), await world.accept(category="marketing")
    await says(world, "STOP")
    assert await state(world, bought) is State.QUEUED
    assert await state(world, advert) is State.CANCELLED


@pytest.mark.parametrize("per", Per)
async def test_a_stop_holds_for_whom_it_is_set(open_world, per):
    world = await open_world(per=per)
    bank = await another_account(world)
    sent = await world.accept()
    await send_all(world, 1)  # the shop wrote last
    theirs, ours = await world.accept(account_id=bank), await world.accept()
    await says(world, "STOP")
    assert await may(world) is False  # the only SIM there is
    assert await may(world, account_id=bank) is (per is Per.ACCOUNT)
    assert await state(world, ours) is (State.QUEUED if per is Per.NUMBER else State.CANCELLED)
    expected = State.CANCELLED if per is Per.SITE else State.QUEUED
    assert await state(world, theirs) is expected
    assert await state(world, sent) is State.SENT


async def test_a_stop_to_a_number_leaves_the_message_to_another_sim(open_world):
    world = await open_world(per=Per.NUMBER)
    other = await another_sim(world)
    await line(world, "1-2", other)
    accepted = await world.accept()
    before = await first_waiting(world)
    await says(world, "STOP")

    refused = await world.store.dispatch.begin(begin(world, before))
    assert isinstance(refused, NotBegun)
    assert "another one may" in refused.why
    assert await state(world, accepted) is State.QUEUED
    (after, *_) = [
        one
        for one in await world.store.dispatch.waiting(world.clock.now(), 10)
        if one.message_id == before.message_id
    ]
    assert (after.refused_by, after.refused_until) == ((world.sim,), after.expires_at)
    assert isinstance(await world.store.dispatch.begin(begin(world, after, sim=other)), Begun)


async def test_a_message_is_taken_with_the_sims_that_must_not_carry_it(open_world):
    world = await open_world(per=Per.NUMBER, texts={})
    other = await another_sim(world)
    await line(world, "1-2", other)
    await says(world, "STOP")
    await world.accept()
    (waiting,) = await world.store.dispatch.waiting(world.clock.now(), 10)
    assert waiting.refused_by == (world.sim,)
    assert not await may(world, pinned_sim_id=world.sim)
    assert await may(world, pinned_sim_id=other)

    await says(world, "STOP", sim_id=other)
    with pytest.raises(OptedOut, match="every SIM"):
        await world.accept()
    result = await world.store.dispatch.begin(begin(world, waiting, sim=other))
    assert isinstance(result, NotBegun)
    assert "every SIM" in result.why


async def test_what_is_left_of_a_long_message_does_not_change_its_sim(open_world):
    world = await open_world(per=Per.NUMBER)
    await line(world, "1-2", await another_sim(world))
    accepted = await world.accept(text="x" * 200, parts=2)
    beginning, attempt = await begun(world)
    await says(world, "STOP")
    await end(world, beginning, attempt)
    story = await world.store.views.message(None, accepted.id)
    assert [part.state for part in story.parts] == [State.SENT, State.CANCELLED]


async def test_what_a_line_gives_back_after_stop_goes_by_another_sim(open_world):
    world = await open_world(per=Per.NUMBER)
    other = await another_sim(world)
    await line(world, "1-2", other)
    await world.accept()
    beginning, attempt = await begun(world)
    await says(world, "STOP")
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, cause="no prompt")
    again = await first_waiting(world)
    assert isinstance(await world.store.dispatch.begin(begin(world, again)), NotBegun)
    again = await first_waiting(world)
    assert isinstance(await world.store.dispatch.begin(begin(world, again, sim=other)), Begun)


@pytest.mark.parametrize(
    ("per", "later"),
    [
        (Per.SITE, Per.SITE),
        (Per.SITE, Per.ACCOUNT),
        (Per.SITE, Per.NUMBER),
        (Per.ACCOUNT, Per.ACCOUNT),
        (Per.NUMBER, Per.NUMBER),
    ],
)
async def test_start_undoes_whatever_a_stop_has_done_before_the_setting_changed(
    open_world, open_store, clock, per, later
):
    world = await open_world(per=per)
    await says(world, "STOP")
    assert not await may(world)
    await world.store.close()
    changed = World(await open_store(how=how(per=later)), world.account, world.sim, clock)
    await says(changed, "START")
    assert await may(changed)


async def test_start_to_one_account_does_not_undo_the_stop_to_another(open_world):
    world = await open_world(per=Per.ACCOUNT, texts={})
    bank = await another_account(world)
    await world.accept()
    await send_all(world, 1)
    await says(world, "STOP")
    await world.accept(account_id=bank)
    await send_all(world, 1)
    await says(world, "START")
    assert await may(world, account_id=bank)
    assert not await may(world)


async def test_a_second_stop_is_one_opt_out_but_stands_twice_on_record(open_world, url):
    world = await open_world()
    await says(world, "STOP")
    await says(world, "stop!")
    assert rows(url, "SELECT count(*) FROM opt_out") == [(1,)]
    assert rows(url, "SELECT count(*) FROM consent") == [(2,)]


async def test_a_stop_after_one_that_ends_by_itself_holds_for_good(open_world):
    world = await open_world()
    from tests.store.test_optout_list import entered

    await entered(world, until=world.clock.now() + timedelta(days=1))
    await says(world, "STOP")
    world.clock.advance(timedelta(days=2))
    assert not await may(world)


# answers


async def test_each_keyword_is_answered_by_the_sim_that_heard_it(open_world):
    world = await open_world()
    for word, keyword in (("STOP", Keyword.STOP), ("HELP", Keyword.HELP), ("START", Keyword.START)):
        await says(world, word)
        assert (ALICE, TEXTS[keyword], world.sim) in await answers(world)


async def test_the_answer_passes_the_opt_out_that_it_answers_and_none_later(open_world):
    world = await open_world()
    await says(world, "STOP")
    (reply,) = await waiting_replies(world)
    beginning, attempt = await begun(world, reply)
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, cause="no prompt")
    await says(world, "HELP")  # one who has opted out is helped
    assert len(await answers(world)) == 2
    await says(world, "START")
    await says(world, "STOP")
    assert await answers(world) == []  # what waited is cancelled; the STOP was answered today
    assert isinstance(await world.store.dispatch.begin(begin(world, reply)), NotBegun)


async def test_an_answer_that_comes_back_to_the_queue_after_another_stop_stays(open_world):
    world = await open_world()
    await says(world, "HELP")
    (reply,) = await waiting_replies(world)
    beginning, attempt = await begun(world, reply)
    world.clock.advance(timedelta(seconds=1))
    await says(world, "STOP")
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, cause="no prompt")
    assert isinstance(await world.store.dispatch.begin(begin(world, reply)), NotBegun)


async def test_a_stop_said_again_keeps_the_answer_that_waits(open_world):
    world = await open_world()
    await says(world, "STOP")
    await says(world, "STOP")
    assert await answers(world) == [(ALICE, TEXTS[Keyword.STOP], world.sim)]


@pytest.mark.parametrize("sender", ["12345", "Acme", "015123456789", FOREIGN, "+4915100000001"])
async def test_no_machine_no_foreigner_and_none_of_ours_is_answered(open_world, sender):
    world = await open_world()
    for word in ("STOP", "HELP", "START"):
        await says(world, word, sender)
    assert await answers(world) == []


async def test_two_gateways_that_answer_each_other_come_to_an_end(open_world):
    world = await open_world()
    for _ in range(10):
        await says(world, "HELP")
        await says(world, "STOP")
        await says(world, "START")
        world.clock.advance(timedelta(hours=2))
    counted = await world.store.views.messages(None, most=100)
    assert sorted(one.text for one in counted) == sorted(TEXTS.values())
    world.clock.advance(timedelta(hours=5))
    await says(world, "HELP")
    counted = await world.store.views.messages(None, most=100)
    assert [one.text for one in counted].count(TEXTS[Keyword.HELP]) == 2


async def test_a_second_reading_answers_nothing_more(open_world):
    world = await open_world()
    facts = stop(world, "HELP")
    await world.store.inbound.take(facts)
    await world.store.inbound.take(facts)
    assert len(await answers(world)) == 1


async def test_an_answer_is_nobodys_so_that_the_next_word_comes_to_who_wrote(open_world):
    world = await open_world()
    bank = await another_account(world)
    await world.accept(account_id=bank)
    await send_all(world, 1)
    await says(world, "HELP")
    (reply,) = await waiting_replies(world)
    beginning, attempt = await begun(world, reply)
    await end(world, beginning, attempt)
    await says(world, "thanks")
    found = await world.store.views.inbound(bank)
    assert [one.text for one in found] == ["thanks", "HELP"]


async def test_nothing_is_answered_where_nothing_is_set(world):
    for word in ("STOP", "HELP", "START"):
        await says(world, word)
    assert await world.store.dispatch.waiting(world.clock.now(), 10) == []


# who it was


@pytest.mark.parametrize(
    ("sender", "recipient", "opted_out"),
    [
        ("015123456789", ALICE, True),
        ("015123456789", "+4917123456789", True),  # the same eight digits
        ("015123456789", BOB, False),
        ("+4917123456789", ALICE, False),  # a whole number is only itself
        ("12345", "+4915100012345", False),
    ],
)
async def test_a_number_in_an_unknown_form_is_known_by_its_last_digits(
    open_world, sender, recipient, opted_out
):
    world = await open_world()
    accepted = await world.accept(recipient=recipient, suffix=recipient[-8:])
    before = await first_waiting(world)
    await says(world, "STOP", sender, suffix=sender[-8:], loose=sender.startswith("0"))
    assert await may(world, recipient=recipient, suffix=recipient[-8:]) is not opted_out
    result = await world.store.dispatch.begin(begin(world, before))
    assert isinstance(result, NotBegun if opted_out else Begun)
    assert await state(world, accepted) is (State.CANCELLED if opted_out else State.SENDING)
    await says(world, "START", sender, suffix=sender[-8:], loose=sender.startswith("0"))
    assert await may(world, recipient=recipient, suffix=recipient[-8:])


# the record


async def test_everything_said_is_on_record_with_its_time_text_and_sim(open_world):
    world = await open_world(per=Per.ACCOUNT, scope=Scope.MARKETING)
    await says(world, "Stop!")
    (view,) = await world.store.opt_outs.shown(None, world.clock.now())
    said_at = world.clock.now()
    world.clock.advance(timedelta(minutes=1))
    await says(world, "HELP")
    await says(world, "START")

    record = await world.store.opt_outs.record(None, view.id)
    assert [(one.event, one.text) for one in record] == [
        (ConsentEvent.OPTED_OUT, "Stop!"),
        (ConsentEvent.HELP, "HELP"),
        (ConsentEvent.OPTED_IN, "START"),
    ]
    first = record[0]
    assert (first.at, first.sim, first.account, first.category, first.source) == (
        said_at,
        "89490200001234567890",
        "shop",
        "marketing",
        "sms",
    )
    (ended,) = await world.store.opt_outs.shown(None, world.clock.now(), ended=True)
    assert ended.ended_at == world.clock.now()
    assert ended.number == ALICE
    assert await world.store.opt_outs.shown(None, world.clock.now()) == []


async def test_what_a_keyword_did_survives_as_a_whole(open_world, open_store, clock):
    world = await open_world()
    await says(world, "STOP")
    await world.store.close()
    again = World(await open_store(how=how()), world.account, world.sim, clock)
    assert await answers(again) == [(ALICE, TEXTS[Keyword.STOP], world.sim)]
    assert not await may(again)


async def test_other_words_hold_from_the_next_message_on(open_world):
    world = await open_world()
    words = reading({Keyword.STOP: ("genug",)})
    await says(world, "genug")
    assert await may(world)
    world.store.inbound.exchange(words)
    await says(world, "Genug!")
    assert not await may(world)
