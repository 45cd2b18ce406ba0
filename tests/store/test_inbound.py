"""Inbound messages: stored once, joined, understood, routed; the SIM may forget them then."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from appliance.chores import Chores
from appliance.config.settings import Messages
from appliance.errors import OptedOut
from appliance.lifecycle import State
from appliance.store.accounts import NewAccount
from appliance.store.chores import CHUNK
from appliance.store.engine import open_engine
from appliance.store.notices import PREFIX as NOTICE
from appliance.text import Encoding, septets
from tests.store.conftest import ALICE
from tests.store.steps import HOURS, another_sim, begun, end, rows, send_all, state, told
from tests.store.test_messages import stop

BOB = "+4915187654321"

SETTINGS = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

_different = itertools.count()


def piece(world, text="Hello", **given):
    """Make one inbound part; each is new."""
    return stop(world, text, **({"fingerprint": (next(_different),)} | given))


def pieces(world, *texts, reference=7, **given):
    return [
        piece(
            world,
            text,
            total=len(texts),
            ordinal=ordinal,
            concat_reference=reference,
            **given,
        )
        for ordinal, text in enumerate(texts, 1)
    ]


async def take(world, *facts):
    return [await world.store.inbound.take(each) for each in facts]


async def stored(world, account_id=None):
    """Return the inbound messages, oldest first."""
    return (await world.store.views.inbound(account_id, most=1000))[::-1]


async def texts(world):
    return [one.text for one in await stored(world)]


async def another_account(world, name="bank", **given):
    given = {"webhook_url": "http://127.0.0.1:1/", "local": True} | given
    issued = await world.store.accounts.add(NewAccount(name=name, **given), world.clock.now())
    return issued.account_id


async def test_an_inbound_message_is_stored_and_owed_to_its_account(world):
    (taken,) = await take(world, piece(world, "Hello"))
    assert (taken.new, taken.complete) == (True, True)

    (one,) = await stored(world)
    assert (one.text, one.data, one.sender, one.state, one.missing) == (
        "Hello",
        None,
        ALICE,
        "complete",
        0,
    )
    (owed,) = await world.store.notices.owed(world.account.id, 10)
    news = owed.notice.news
    assert (news.inbound_id, news.text, news.sender, news.opt_out) == (
        one.id,
        "Hello",
        ALICE,
        False,
    )
    assert (news.sim_number, news.sim) == ("+4915100000001", "89490200001234567890")
    assert owed.notice.public_id.startswith(NOTICE)


async def test_the_same_part_twice_is_stored_and_told_once(world):
    facts = piece(world)
    first, second = await take(world, facts, facts)
    assert (first.new, second.new) == (True, False)
    assert (second.inbound_id, second.complete) == (first.inbound_id, True)
    assert await texts(world) == ["Hello"]
    assert len(await world.store.notices.owed(world.account.id, 10)) == 1


async def test_the_same_part_many_times_at_once_is_stored_once(world):
    facts = piece(world)
    taken = await asyncio.gather(*(world.store.inbound.take(facts) for _ in range(10)))
    assert sum(one.new for one in taken) == 1
    assert await texts(world) == ["Hello"]


async def test_the_same_words_sent_again_are_another_message(world):
    await take(world, piece(world), piece(world))
    assert await texts(world) == ["Hello", "Hello"]


async def test_one_pdu_on_two_sims_is_two_messages(world):
    other = await another_sim(world)
    facts = piece(world)
    await take(world, facts, piece(world, sim_id=other, fingerprint=facts.fingerprint))
    assert len(await stored(world)) == 2


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_parts_are_joined_in_whatever_order_they_come(world, order):
    parts = pieces(world, "one ", "two ", "three")
    taken = await take(world, *(parts[number] for number in order))
    assert [one.complete for one in taken] == [False, False, True]
    assert await texts(world) == ["one two three"]
    assert len(await world.store.notices.owed(world.account.id, 10)) == 1


async def test_a_part_read_twice_does_not_stand_for_the_one_that_is_missing(world):
    parts = pieces(world, "one ", "two")
    again = await take(world, parts[0], parts[0])
    assert [one.complete for one in again] == [False, False]
    (one,) = await stored(world)
    assert (one.state, one.missing, one.text) == ("waiting", 1, None)
    await take(world, parts[1], parts[1], parts[0])
    assert await texts(world) == ["one two"]


@pytest.mark.parametrize("wide", [False, True])
async def test_references_of_8_and_of_16_bits_are_different_ones(world, wide):
    ours = pieces(world, "one ", "two", concat_wide=wide)
    theirs = pieces(world, "eins ", "zwei", concat_wide=not wide)
    await take(world, ours[0], theirs[0], theirs[1], ours[1])
    assert sorted(await texts(world)) == ["eins zwei", "one two"]


@pytest.mark.parametrize(
    "differs",
    [{"sender": BOB}, {"reference": 8}, {"sim_id": 2}],
    ids=["sender", "reference", "sim"],
)
async def test_parts_of_different_messages_are_never_joined(world, differs):
    assert await another_sim(world) == 2
    ours, theirs = pieces(world, "one ", "two"), pieces(world, "eins ", "zwei", **differs)
    await take(world, ours[0], theirs[1], ours[1], theirs[0])
    assert sorted(await texts(world)) == ["eins zwei", "one two"]


async def test_parts_of_messages_of_different_lengths_are_never_joined(world):
    two, three = pieces(world, "one ", "two"), pieces(world, "eins ", "zwei ", "drei")
    await take(world, two[0], three[0], three[1], three[2], two[1])
    assert sorted(await texts(world)) == ["eins zwei drei", "one two"]


async def test_a_second_message_with_the_same_reference_is_told_apart_by_its_time(world):
    first = pieces(world, "one ", "two")
    world.clock.advance(timedelta(minutes=10))
    second = pieces(world, "eins ", "zwei")
    await take(world, first[0], second[0], second[1], first[1])
    assert sorted(await texts(world)) == ["eins zwei", "one two"]


@SETTINGS
@given(order=st.permutations(range(6)), minutes=st.integers(61, 10_000))
async def test_two_long_messages_with_one_reference_are_told_apart_in_any_order(
    world, order, minutes
):
    at = world.clock.now()
    sender = f"+49151{next(_different):08}"
    later = at + timedelta(minutes=minutes)
    parts = pieces(world, "1", "2", "3", sender=sender, sent_at=at)
    parts += pieces(world, "a", "b", "c", sender=sender, sent_at=later)
    await take(world, *(parts[number] for number in order))
    found = [one.text for one in await stored(world) if one.sender == sender]
    assert sorted(found) == ["123", "abc"]


async def test_a_message_with_the_reference_of_one_that_was_received_is_a_new_one(world):
    await take(world, *pieces(world, "one ", "two"))
    world.clock.advance(timedelta(seconds=20))
    await take(world, *pieces(world, "eins ", "zwei"))
    assert await texts(world) == ["one two", "eins zwei"]


async def test_a_part_long_lost_is_not_completed_by_another_message(world):
    await take(world, pieces(world, "one ", "two")[0])
    world.clock.advance(30 * HOURS)
    late = pieces(world, "eins ", "zwei")
    assert [one.complete for one in await take(world, late[1])] == [False]
    await take(world, late[0])
    assert await texts(world) == [None, "eins zwei"]


async def test_a_stamp_that_cannot_be_read_does_not_keep_parts_apart(world):
    await take(world, *pieces(world, "one ", "two", sent_at=None))
    assert await texts(world) == ["one two"]


async def test_a_character_on_the_border_of_two_parts_is_read_whole(world):
    octets = "Ж😀!".encode("utf-16-be")
    halves = [octets[:4], octets[4:]]
    facts = pieces(world, "1", "2", encoding="ucs2")
    await take(world, *(_carrying(each, half) for each, half in zip(facts, halves, strict=True)))
    assert await texts(world) == ["Ж😀!"]


def _carrying(facts, payload):
    return replace(facts, payload=payload)


async def test_data_of_8_bits_is_kept_as_it_is(world):
    octets = bytes(range(100))
    await take(world, _carrying(piece(world, encoding="binary", udh=b"\x05\x04\x0b\x84"), octets))
    (one,) = await stored(world)
    assert (one.text, one.data, one.keyword) == (None, octets, None)
    (owed,) = await world.store.notices.owed(world.account.id, 10)
    assert (owed.notice.news.text, owed.notice.news.data) == (None, octets)


async def test_what_cannot_be_decoded_is_kept_raw_and_told_to_nobody(world, url):
    raw = b"\x00\x01no PDU"
    facts = piece(world, sender=None, encoding=None, payload=b"", raw=raw, sent_at=None)
    first, again = await take(world, facts, facts)
    assert (first.new, first.complete, again.new) == (True, False, False)

    (one,) = await stored(world)
    assert (one.state, one.text, one.account, one.missing) == ("undecodable", None, None, 0)
    assert rows(url, "SELECT raw FROM inbound") == [(raw,)]
    assert await world.store.notices.owed(world.account.id, 10) == []


@SETTINGS
@given(
    payload=st.binary(max_size=140),
    encoding=st.sampled_from(Encoding),
    language=st.integers(0, 65535),
    sender=st.sampled_from(["", "BANK", "22000", ALICE]),
)
async def test_whatever_comes_is_stored(world, payload, encoding, language, sender):
    facts = piece(world, encoding=encoding.value, language=language, sender=sender)
    (taken,) = await take(world, _carrying(facts, payload))
    assert (taken.new, taken.complete) == (True, True)


async def test_a_text_with_a_null_in_it_is_stored_on_every_database(world):
    facts = piece(world, encoding="ucs2")
    await take(world, _carrying(facts, "a\0b".encode("utf-16-be")))
    assert await texts(world) == ["a\N{REPLACEMENT CHARACTER}b"]


WORDS = ["STOP", "stop.", "СТОП", "退订", "TD", "Arrêt", "unsubscribe", "abmelden", "الغاء"]


def said(world, word, **given):
    """Make an inbound message of one word, in the alphabet that has it."""
    try:
        payload, encoding = septets(word), "gsm7"
    except Exception:  # noqa: BLE001 - any character that the default alphabet lacks
        payload, encoding = word.encode("utf-16-be"), "ucs2"
    return _carrying(piece(world, encoding=encoding, **given), payload)


@pytest.mark.parametrize("word", WORDS)
async def test_stop_in_many_languages_cancels_what_waits_and_refuses_what_comes(world, word):
    waiting = await world.accept()
    (owed_before,) = [len(await world.store.notices.owed(world.account.id, 10))]
    await take(world, said(world, word))

    assert await state(world, waiting) is State.CANCELLED
    with pytest.raises(OptedOut):
        await world.accept()
    (one,) = await stored(world)
    assert (one.keyword, one.text) == ("stop", word)
    owed = await world.store.notices.owed(world.account.id, 10)
    assert len(owed) == owed_before + 2  # of the cancelling, and of the STOP itself
    assert [one.notice.news.opt_out for one in owed if hasattr(one.notice.news, "sender")] == [True]


async def test_stop_in_two_parts_is_understood_when_it_is_whole(world):
    parts = pieces(world, "ST", "OP")
    await take(world, parts[0])
    accepted = await world.accept()
    await take(world, parts[1])
    assert await state(world, accepted) is State.CANCELLED


async def test_a_sentence_with_stop_in_it_is_an_answer(world):
    accepted = await world.accept()
    await take(world, said(world, "please do not stop"))
    assert await state(world, accepted) is State.QUEUED


async def test_stop_holds_for_every_account_and_every_sim(world):
    other, sim = await another_account(world), await another_sim(world)
    accepted = [await world.accept(), await world.accept(account_id=other)]
    await take(world, said(world, "STOP", sim_id=sim))
    assert [await state(world, one) for one in accepted] == [State.CANCELLED] * 2
    with pytest.raises(OptedOut):
        await world.accept(account_id=other)


async def test_stop_leaves_others_and_what_is_on_the_air_alone(world):
    on_its_way = await world.accept()
    await begun(world)
    other = await world.accept(recipient=BOB, suffix=BOB[-8:])
    await take(world, said(world, "STOP"))
    assert await state(world, on_its_way) is State.SENDING
    assert await state(world, other) is State.QUEUED


async def test_a_part_that_comes_back_after_stop_is_not_sent_again(world):
    from appliance.lifecycle import Event
    from appliance.models import Outcome
    from appliance.store.values import NotBegun
    from tests.store.test_dispatch import begin, first_waiting

    accepted = await world.accept()
    beginning, attempt = await begun(world)
    await take(world, said(world, "STOP"))
    await end(world, beginning, attempt, Outcome.RELEASED, Event.RELEASE, cause="no prompt")

    for waiting in await world.store.dispatch.waiting(world.clock.now(), 10):
        assert isinstance(await world.store.dispatch.begin(begin(world, waiting)), NotBegun)
    assert await state(world, accepted) is State.CANCELLED
    with pytest.raises(IndexError):
        await first_waiting(world)


async def test_start_undoes_stop(world):
    await take(world, said(world, "STOP"))
    await take(world, said(world, "START"))
    accepted = await world.accept()
    assert await state(world, accepted) is State.QUEUED
    await begun(world)
    assert [one.keyword for one in await stored(world)] == ["stop", "start"]


async def test_stop_again_after_start_counts_again(world):
    for word in ("STOP", "START", "STOP"):
        await take(world, said(world, word))
    with pytest.raises(OptedOut):
        await world.accept()


async def test_stop_said_twice_is_one_opt_out_and_one_start_ends_it(world, url):
    await take(world, said(world, "STOP"), said(world, "STOP"))
    assert rows(url, "SELECT count(*) FROM opt_out") == [(1,)]
    await take(world, said(world, "START"))
    await world.accept()


async def test_start_of_somebody_else_undoes_nothing(world):
    await take(world, said(world, "STOP"), said(world, "START", sender=BOB))
    with pytest.raises(OptedOut):
        await world.accept()


async def test_stop_of_a_number_we_never_wrote_to_is_harmless_and_remembered(world):
    await take(world, said(world, "STOP", sender=BOB), said(world, "STOP", sender=""))
    with pytest.raises(OptedOut):
        await world.accept(recipient=BOB, suffix=BOB[-8:])
    await world.accept()


async def wrote(world, account_id, *, sim=None, to=ALICE):
    await world.accept(account_id=account_id, recipient=to, suffix=to[-8:], receipts="none")
    await send_all(world, 1, sim=sim)


async def routed(world, **given):
    """Take one inbound message; return the name of its account, and to whom it is owed."""
    await take(world, piece(world, **given))
    name = (await stored(world))[-1].account
    return name, await world.store.notices.creditors()


async def test_an_answer_goes_to_who_wrote_last_by_that_sim(world):
    bank = await another_account(world)
    await wrote(world, world.account.id)
    await wrote(world, bank)
    assert await routed(world) == ("bank", [bank])


async def test_who_wrote_by_another_sim_or_to_another_number_gets_no_answer(world):
    bank, sim = await another_account(world), await another_sim(world)
    await wrote(world, bank, sim=sim)
    await wrote(world, bank, to=BOB)
    assert await routed(world) == ("shop", [world.account.id])
    assert await routed(world, sim_id=sim) == ("bank", [world.account.id, bank])


async def test_who_only_wanted_to_write_gets_no_answer(world):
    bank = await another_account(world)
    await world.accept(account_id=bank)
    assert (await routed(world))[0] == "shop"


async def test_what_belongs_to_nobody_goes_to_the_default_account(world):
    await another_account(world)
    assert (await routed(world))[0] == "shop"
    await another_account(world, "new", is_default=True)
    assert (await routed(world))[0] == "new"


async def test_the_answer_to_a_revoked_account_goes_to_the_default_one(world):
    bank = await another_account(world)
    await wrote(world, bank)
    await world.store.accounts.revoke("bank", world.clock.now())
    assert await routed(world) == ("shop", [world.account.id])


async def test_what_belongs_to_nobody_and_has_no_default_account_is_kept_and_shown(world):
    await world.store.accounts.revoke("shop", world.clock.now())
    assert await routed(world) == (None, [])
    assert await texts(world) == ["Hello"]


async def test_an_account_that_asks_by_itself_is_shown_but_not_told(world):
    quiet = await another_account(world, "quiet", local=True, webhook_url=None)
    await wrote(world, quiet)
    assert await routed(world) == ("quiet", [])
    assert [one.text for one in await stored(world, quiet)] == ["Hello"]
    assert await stored(world, world.account.id) == []


async def test_a_whole_message_is_routed_by_who_wrote_until_then(world):
    bank = await another_account(world)
    parts = pieces(world, "one ", "two")
    await take(world, parts[0])
    await wrote(world, bank)
    await take(world, parts[1])
    assert [one.account for one in await stored(world)] == ["bank"]
    assert await told(world) == []


async def test_each_part_is_read_in_its_own_coding(world):
    parts = pieces(world, "1", "2", "3", "4")
    codings = [
        ("gsm7", 0, septets("Hello ")),
        ("ucs2", 0, "Ж😀".encode("utf-16-be")),
        ("gsm7", 0, septets(" and Ä")),
        ("gsm7", 1, b"\x1b\x49"),  # the Turkish single shift table
    ]
    facts = [
        replace(each, encoding=encoding, language=language, payload=payload)
        for each, (encoding, language, payload) in zip(parts, codings, strict=True)
    ]
    await take(world, facts[3], facts[1], facts[0], facts[2])
    assert await texts(world) == ["Hello Ж😀 and Äİ"]


async def test_an_escape_on_the_border_of_two_parts_is_read_whole(world):
    facts = pieces(world, "1", "2")
    halves = [septets("5 ") + b"\x1b", b"\x65 only"]
    await take(world, *(_carrying(each, half) for each, half in zip(facts, halves, strict=True)))
    assert (await texts(world))[0].startswith("5 €")


async def test_a_message_with_a_part_that_is_no_text_is_data(world):
    facts = pieces(world, "1", "2")
    binary = replace(facts[1], encoding="binary", payload=b"\x00\xff")
    await take(world, _carrying(facts[0], septets("ab")), binary)
    (one,) = await stored(world)
    assert (one.text, one.data, one.keyword) == (None, b"ab\x00\xff", None)


async def test_parts_stored_by_an_earlier_release_are_joined(world, url):
    first, second = pieces(world, "one ", "two")
    await take(world, first)
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(sql('UPDATE inbound SET segments = \'{"1": "6f6e6520"}\''))
    engine.dispose()
    await take(world, second)
    assert await texts(world) == ["one two"]


async def give_up(world):
    now = world.clock.now()
    return await world.store.inbound.give_up(now - 24 * HOURS, now)


async def owed(world):
    found = await world.store.notices.owed(world.account.id, 100)
    return [(one.notice.news.text, one.notice.news.missing) for one in found]


async def test_parts_that_are_missing_for_long_are_told_of_once_with_what_is_there(world):
    parts = pieces(world, "one ", "two ", "three ", "four")
    await take(world, parts[1], parts[3])
    world.clock.advance(23 * HOURS)
    assert await give_up(world) == 0
    assert await owed(world) == []
    world.clock.advance(2 * HOURS)
    assert await give_up(world) == 1
    assert await give_up(world) == 0
    (one,) = await stored(world)
    assert (one.state, one.text, one.missing, one.account) == (
        "incomplete",
        "…two …four",
        2,
        "shop",
    )
    assert await owed(world) == [("…two …four", 2)]


async def test_a_late_part_completes_a_message_that_was_given_up_and_it_is_told_whole(world):
    parts = pieces(world, "one ", "two ", "three")
    await take(world, parts[0])
    world.clock.advance(30 * HOURS)
    await give_up(world)
    (before,) = await stored(world)
    (second,) = await take(world, parts[2])
    assert not second.complete
    (one,) = await stored(world)
    assert (one.state, one.text, one.missing) == ("incomplete", "one …three", 1)
    (third,) = await take(world, parts[1])
    assert third.complete
    (one,) = await stored(world)
    assert (one.id, one.state, one.text, one.missing) == (
        before.id,
        "complete",
        "one two three",
        0,
    )
    assert await owed(world) == [("one two three", 0)] * 2


async def test_only_a_whole_message_can_be_a_stop(world):
    accepted = await world.accept()
    parts = pieces(world, "STOP", " calling me at night")
    await take(world, parts[0])
    world.clock.advance(25 * HOURS)
    await give_up(world)
    assert await state(world, accepted) is State.QUEUED
    (one,) = await stored(world)
    assert one.keyword is None
    late = pieces(world, "ST", "OP", reference=9)
    await take(world, late[0])
    world.clock.advance(25 * HOURS)
    await give_up(world)
    await take(world, late[1])
    assert (await stored(world))[-1].keyword == "stop"
    with pytest.raises(OptedOut):
        await world.accept()


async def test_many_that_are_given_up_are_told_in_several_passes(world):
    parts = [pieces(world, "one ", "two", reference=number)[0] for number in range(CHUNK + 5)]
    await take(world, *parts)
    world.clock.advance(25 * HOURS)
    await Chores(world.store, world.clock, Messages()).run()
    assert {one.state for one in await stored(world)} == {"incomplete"}


async def test_class_and_indication_are_kept_and_told(world):
    parts = pieces(world, "one ", "two")
    await take(world, replace(parts[0], message_class=0), replace(parts[1], indication="voicemail"))
    (one,) = await stored(world)
    assert (one.message_class, one.indication) == (0, "voicemail")
    (told_of,) = await world.store.notices.owed(world.account.id, 10)
    news = told_of.notice.news
    assert (news.message_class, news.indication, news.missing) == (0, "voicemail", 0)
