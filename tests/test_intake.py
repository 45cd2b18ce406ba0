"""What an account asks for is checked whole before anything of it is stored."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from appliance.asked import LONGEST_NAME
from appliance.clock import ManualClock
from appliance.errors import (
    BadField,
    BadNumber,
    NoRoom,
    NumberNotAllowed,
    OptedOut,
    ReferenceUsed,
    TooManyParts,
)
from appliance.intake import FURTHEST, LONGEST_HEADER, Intake, IntakeRules
from appliance.lifecycle import State
from appliance.policy.categories import Category
from appliance.policy.rules import SiteRules
from appliance.policy.uncertain import UncertainRules
from appliance.store.space import Space
from appliance.submission import Door, Receipts, Submission, WhenUncertain
from tests.rooms import START, add_account, add_sim, opened
from tests.store.conftest import World
from tests.store.test_messages import stop

TO = "+4915123456789"

HOURS = timedelta(hours=1)

RULES = {
    "region": "DE",
    "short_codes": False,
    "countries": lambda: frozenset({"DE", "AT"}),
    "max_parts": 3,
    "validity": 72 * HOURS,
}


class Front:
    """What a door does: it submits, and looks at what was stored."""

    def __init__(self, store, account, clock, folder, *, keep_free=0, **rules):
        self.store, self.account, self.clock = store, account, clock
        self.intake = Intake(store, clock, IntakeRules(**(RULES | rules)), Space(folder, keep_free))

    async def submit(self, **asked):
        asked = {"to": TO} | asked
        if "data" not in asked:
            asked.setdefault("text", "Hello")
        return await self.intake.submit(self.account, Submission(**asked))

    async def stored(self):
        return await self.store.views.messages(None)

    async def story(self, accepted):
        return (await self.store.views.message(self.account.id, accepted.id)).message


@pytest.fixture
def clock():
    return ManualClock(START)


@pytest.fixture
async def house(tmp_path, clock):
    """Open a store with an account, and make doors to it by other rules."""
    async with opened(tmp_path, clock) as store:
        account = await add_account(store, clock)

        def make(**rules):
            return Front(store, account, clock, tmp_path, **rules)

        yield make


@pytest.fixture
def door(house):
    return house()


async def test_what_is_taken_waits_as_it_was_asked_for(door, clock):
    accepted = await door.submit(text="x" * 161, reference="order-1", category=Category.OTP)
    assert (accepted.state, accepted.parts, accepted.encoding, accepted.repeated) == (
        State.QUEUED,
        2,
        "gsm7",
        False,
    )
    found = await door.story(accepted)
    assert (found.to, found.text, found.priority, found.category, found.reference) == (
        TO,
        "x" * 161,
        3,
        "otp",
        "order-1",
    )
    assert (found.not_before, found.expires_at) == (clock.now(), clock.now() + 72 * HOURS)


@pytest.mark.parametrize("to", ["0151 23456789", "+49 (151) 234-567-89", "004915123456789"])
async def test_one_number_is_one_recipient_however_it_is_written(door, to):
    assert (await door.story(await door.submit(to=to))).to == TO


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("", BadNumber),
        ("hello", BadNumber),
        ("+49", BadNumber),
        ("112", NumberNotAllowed),
        ("+49112", NumberNotAllowed),
        ("22000", NumberNotAllowed),
        ("+33612345678", NumberNotAllowed),
    ],
)
async def test_a_wrong_number_is_refused_by_its_field_and_nothing_is_stored(door, to, error):
    with pytest.raises(error) as caught:
        await door.submit(to=to)
    assert caught.value.field == "to"
    assert to not in str(caught.value) or len(to) < 4
    assert await door.stored() == []


async def test_short_codes_may_be_allowed_but_no_emergency_number(house):
    door = house(short_codes=True)
    assert (await door.story(await door.submit(to="22000"))).to == "22000"
    with pytest.raises(NumberNotAllowed):
        await door.submit(to="110")


async def test_the_countries_are_asked_for_at_each_message(house):
    countries = set()
    door = house(countries=lambda: frozenset(countries))
    await door.submit(to="+33612345678")
    countries.add("DE")
    with pytest.raises(NumberNotAllowed):
        await door.submit(to="+33612345678")
    await door.submit()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"text": None}, "text"),
        ({"text": "a", "data": b"a"}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "a\ud800b"}, "text"),
        ({"reference": ""}, "reference"),
        ({"reference": "x" * (LONGEST_NAME + 1)}, "reference"),
        ({"reference": "a\0b"}, "reference"),
        ({"idempotency_key": "x" * (LONGEST_NAME + 1)}, "idempotency_key"),
        ({"idempotency_key": "\udfff"}, "idempotency_key"),
        ({"priority": -1}, "priority"),
        ({"priority": 4}, "priority"),
        ({"udh": bytes(LONGEST_HEADER + 1)}, "udh"),
        ({"udh": b"\x05"}, "udh"),
        ({"udh": b"\x00\x03\x42"}, "udh"),
        ({"not_before": START + FURTHEST + HOURS}, "not_before"),
        ({"not_before": datetime.max.replace(tzinfo=UTC)}, "not_before"),
        ({"expires_at": START}, "expires_at"),
        ({"expires_at": START - HOURS}, "expires_at"),
        ({"expires_at": START + HOURS, "not_before": START + HOURS}, "expires_at"),
        ({"expires_at": datetime.max.replace(tzinfo=timezone(-12 * HOURS))}, "expires_at"),
        ({"validity": timedelta()}, "validity"),
        ({"validity": timedelta.max}, "validity"),
    ],
    ids=str,
)
async def test_a_wrong_field_is_named_and_nothing_is_stored(door, asked, field):
    with pytest.raises(BadField) as caught:
        await door.submit(**asked)
    assert caught.value.field == field
    assert await door.stored() == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"text": "x" * 460}, "text"),
        ({"text": "Ж" * 202}, "text"),
        ({"text": "x" * 40_000}, "text"),
        ({"data": bytes(403)}, "data"),
    ],
    ids=["gsm7", "ucs2", "endless", "binary"],
)
async def test_a_message_of_too_many_parts_is_refused(door, asked, field):
    with pytest.raises(TooManyParts) as caught:
        await door.submit(**asked)
    assert caught.value.field == field
    assert await door.stored() == []


def coding(door):
    """Return how what was stored last is to be coded."""
    with door.store._engine.connect() as connection:
        columns = "language, wide, service_centre, parts, encoding"
        statement = f"SELECT {columns} FROM message ORDER BY id DESC LIMIT 1"
        return tuple(connection.exec_driver_sql(statement).one())


async def test_national_tables_are_used_only_where_the_site_allows_them(house):
    await house().submit(text="ş" * 155)
    assert coding(house()) == (0, False, None, 3, "ucs2")
    turkish = house(national=(1,), wide=True)
    await turkish.submit(text="ş" * 155)
    assert coding(turkish) == (256, True, None, 1, "gsm7")
    await turkish.submit(text="Hello")
    assert coding(turkish) == (0, True, None, 1, "gsm7")


async def test_tables_that_a_header_of_the_accounts_own_names_are_those_it_is_written_in(door):
    await door.submit(text="şeker", udh=bytes.fromhex("240101"))
    assert coding(door) == (1, False, None, 1, "gsm7")
    await door.submit(text="şeker", udh=bytes.fromhex("05040B8423F0"))
    assert coding(door) == (0, False, None, 1, "ucs2")


@pytest.mark.parametrize(("wide", "parts"), [(False, 1), (True, 2)])
async def test_wide_references_take_their_room(house, wide, parts):
    door = house(wide=wide, max_parts=255)
    await door.submit(text="x" * 153 * 2)
    assert coding(door)[3] == 1 + parts
    await door.submit(data=bytes(134 * 2))
    assert coding(door)[3] == 1 + parts


async def test_a_message_may_have_255_parts(house):
    door = house(max_parts=255)
    await door.submit(text="x" * 153 * 255)
    assert coding(door)[3] == 255
    with pytest.raises(TooManyParts):
        await door.submit(text="x" * (153 * 255 + 1))


async def test_a_message_may_name_its_service_centre(door):
    await door.submit(service_centre="+491710760000", reference="order-1")
    assert coding(door)[2] == "+491710760000"
    assert (await door.submit(service_centre="+491710760000", reference="order-1")).repeated
    for other in (None, "+491722270333"):
        with pytest.raises(ReferenceUsed):
            await door.submit(service_centre=other, reference="order-1")


@pytest.mark.parametrize(
    "centre",
    ["", "+", "491710760000", "+0491710760000", "+49171x", "+1234", "+49\n", "+" + "1" * 16],
)
async def test_a_service_centre_that_is_no_international_number_is_refused_by_its_field(
    door, centre
):
    with pytest.raises(BadField) as caught:
        await door.submit(service_centre=centre)
    assert caught.value.field == "service_centre"
    assert await door.stored() == []


@pytest.mark.parametrize(
    ("asked", "parts", "encoding"),
    [
        ({"text": ""}, 1, "gsm7"),
        ({"text": "x" * 459}, 3, "gsm7"),
        ({"text": "€" * 80}, 1, "gsm7"),
        ({"text": "Ж" * 70}, 1, "ucs2"),
        ({"data": bytes(402)}, 3, "binary"),
        ({"data": bytes(130), "udh": b"\x05\x04\x0b\x84\x23\xf0"}, 1, "binary"),
    ],
    ids=["empty", "gsm7", "extension", "ucs2", "binary", "header"],
)
async def test_parts_are_counted_as_they_will_be_sent(door, asked, parts, encoding):
    accepted = await door.submit(**asked)
    assert (accepted.parts, accepted.encoding) == (parts, encoding)
    found = await door.story(accepted)
    assert (found.text, found.data) == (asked.get("text"), asked.get("data"))


async def test_a_validity_counts_from_when_the_message_may_leave(door, clock):
    later = clock.now() + 5 * HOURS
    found = [
        await door.story(await door.submit(**asked))
        for asked in (
            {"validity": HOURS},
            {"validity": HOURS, "not_before": later},
            {"not_before": later},
            {"expires_at": later + HOURS, "not_before": later},
        )
    ]
    assert [one.expires_at - clock.now() for one in found] == [
        HOURS,
        6 * HOURS,
        77 * HOURS,
        6 * HOURS,
    ]


@pytest.mark.parametrize(
    "past", [START - HOURS, datetime.min.replace(tzinfo=timezone(14 * HOURS))], ids=str
)
async def test_what_should_have_left_before_leaves_now(door, clock, past):
    found = await door.story(await door.submit(not_before=past))
    assert (found.not_before, found.expires_at) == (clock.now(), clock.now() + 72 * HOURS)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [(None, "fail"), (WhenUncertain.RESEND, "resend"), (WhenUncertain.HOLD, "hold")],
)
async def test_what_to_do_about_uncertainty_is_asked_for_or_set_for_the_site(house, asked, stored):
    rules = UncertainRules(by_category={Category.TRANSACTIONAL: WhenUncertain.FAIL})
    door = house(site=lambda: SiteRules(uncertain=rules))
    await door.submit(when_uncertain=asked)
    with door.store._engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT when_uncertain FROM message").scalars().all()
    assert found == [stored]


@pytest.mark.parametrize("name", ["reference", "idempotency_key"])
async def test_a_repetition_is_answered_as_the_first_time_whenever_it_comes(door, clock, name):
    first = await door.submit(**{name: "order-1"}, validity=HOURS)
    clock.advance(HOURS)
    again = await door.submit(**{name: "order-1"}, validity=HOURS)
    assert (again.id, again.repeated) == (first.id, True)
    assert len(await door.stored()) == 1


@pytest.mark.parametrize(
    "differs",
    [
        {"text": "Bye"},
        {"to": "+4915123456780"},
        {"category": Category.OTP},
        {"priority": 3},
        {"flash": True},
        {"validity": HOURS},
        {"not_before": START + HOURS},
        {"expires_at": START + HOURS},
    ],
    ids=str,
)
async def test_another_request_under_the_same_key_is_refused(door, differs):
    await door.submit(idempotency_key="key")
    with pytest.raises(ReferenceUsed):
        await door.submit(**({"idempotency_key": "key"} | differs))
    assert len(await door.stored()) == 1


async def test_the_same_number_written_otherwise_is_the_same_request(door):
    first = await door.submit(to="0151 23456789", reference="order-1")
    assert (await door.submit(to=TO, reference="order-1")).id == first.id


async def test_who_said_stop_is_written_to_no_more(door, clock):
    sim = await add_sim(door.store, clock)
    await door.store.inbound.take(stop(World(door.store, door.account, sim, clock)))
    with pytest.raises(OptedOut) as caught:
        await door.submit(to="0151 23456789")
    assert caught.value.field == "to"
    assert TO not in str(caught.value)
    assert await door.stored() == []


async def test_nothing_is_taken_when_the_disk_is_nearly_full(house):
    full = house(keep_free=1 << 62)
    with pytest.raises(NoRoom):
        await full.submit()
    assert await full.stored() == []
    await house(keep_free=1).submit()


async def test_the_addresses_of_an_esme_and_its_wish_are_kept_for_its_receipts(door, clock):
    addresses = {
        "smpp_source": "SHOP",
        "smpp_source_ton": 5,
        "smpp_dest": TO[1:],
        "smpp_dest_ton": 1,
    }
    await door.submit(door=Door.SMPP, receipts=Receipts.ALL, expires_at=START + HOURS, **addresses)
    clock.advance(HOURS)
    await door.store.chores.expire(clock.now())
    (owed,) = await door.store.notices.owed(door.account.id, 10)
    assert {name: getattr(owed.notice.news, name) for name in addresses} == addresses


@pytest.mark.parametrize("name", ["reference", "idempotency_key"])
async def test_a_repetition_after_its_time_is_answered_as_the_first_time(door, clock, name):
    asked = {name: "order-1", "expires_at": clock.now() + HOURS}
    first = await door.submit(**asked)
    clock.advance(2 * HOURS)
    again = await door.submit(**asked)
    assert (again.id, again.repeated) == (first.id, True)
    with pytest.raises(ReferenceUsed):
        await door.submit(**asked, text="another")
    with pytest.raises(BadField) as caught:
        await door.submit(**(asked | {name: "order-2"}))
    assert caught.value.field == "expires_at"
    assert len(await door.stored()) == 1


async def test_an_account_may_have_a_policy_of_its_own_but_none_sends_marketing_twice(house):
    rules = UncertainRules(by_account={"shop": WhenUncertain.RESEND})
    door = house(site=lambda: SiteRules(uncertain=rules))
    await door.submit(category=Category.OTP)
    await door.submit(category=Category.MARKETING)
    with pytest.raises(BadField):
        await door.submit(category=Category.MARKETING, when_uncertain=WhenUncertain.RESEND)
    with door.store._engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT when_uncertain FROM message ORDER BY id")
        assert found.scalars().all() == ["resend", "hold"]


async def test_a_batch_and_a_time_zone_are_kept_with_the_message(door):
    await door.submit(batch="sale", time_zone="Asia/Kolkata")
    with door.store._engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT batch, time_zone FROM message").all()
    assert found == [("sale", "Asia/Kolkata")]
