"""A long inbound message in several deliver_sm: what was acknowledged does not go again."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import Undelivered
from appliance.smpp_server.manner import Manner
from appliance.smpp_server.receipts import deliver_sms, form_of
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_RX,
    DELIVER_SM,
    ENQUIRE_LINK,
    INBOUND,
    PATIENCE,
    RESP,
    fields_of,
    frame,
    notice,
)
from tests.smpp_server.test_checklist import SAR_ORDINAL

LATER = 0x64


def long_one(total=3, **changes):
    return notice(INBOUND, text="x" * 153 * total, **changes)


def ordinal(asked):
    fields = fields_of(asked.body)
    if SAR_ORDINAL in fields["tlvs"]:
        return fields["tlvs"][SAR_ORDINAL][0]
    return fields["short_message"][5]


async def bound(house, form="udh", **fields):
    """Bind a receiver of an account that wants long messages in parts; return both."""
    account = ACCOUNT.model_copy(update={"inbound_form": form})
    house.accounts["acme", "secret"] = account
    return account, await house.client(BIND_RX, **fields)


async def told(house, account, client, owed, statuses):
    """Answer what comes of a notice; return the ordinals, and the notice as it is stored then."""
    house.parts.clear()
    telling = asyncio.ensure_future(house.server.deliver(account, owed))
    ordinals = []
    for status in statuses:
        asked = await client.receive()
        assert asked.command == DELIVER_SM
        ordinals.append(ordinal(asked))
        await client.answer(asked, status)
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([telling])
    for _, parts, form in house.parts:
        owed = replace(owed, parts_taken=parts, parts_form=form, tries=owed.tries + 1)
    return ordinals, owed, telling.exception()


@pytest.mark.parametrize("form", ["udh", "sar"])
async def test_a_part_that_is_refused_goes_again_and_the_ones_before_it_do_not(house, form):
    account, client = await bound(house, form)

    ordinals, owed, error = await told(house, account, client, long_one(), [0, LATER])
    assert (ordinals, str(error)) == ([1, 2], "deliver_sm_resp 0x64")
    assert not error.parked

    ordinals, owed, error = await told(house, account, client, owed, [LATER])
    assert (ordinals, str(error)) == ([2], "deliver_sm_resp 0x64")
    ordinals, owed, error = await told(house, account, client, owed, [0, 0])
    assert (ordinals, error) == ([2, 3], None)
    assert await client.ask(frame(ENQUIRE_LINK)) == (ENQUIRE_LINK | RESP, 0, 1, b"")


async def test_a_part_goes_only_when_it_is_written_down_that_the_one_before_was_taken(house):
    account, client = await bound(house)
    written, may_write = [], asyncio.Event()

    async def slowly(notice, parts, form):
        written.append(parts)
        await may_write.wait()

    house.part_taken = slowly
    telling = asyncio.ensure_future(house.server.deliver(account, long_one(2)))
    await client.answer(await client.receive())
    for _ in range(5):  # what is on its way would come between
        assert await client.ask(frame(ENQUIRE_LINK)) == (ENQUIRE_LINK | RESP, 0, 1, b"")
    assert written == [1]

    may_write.set()
    asked = await client.receive()
    assert (asked.command, ordinal(asked)) == (DELIVER_SM, 2)
    await client.answer(asked)
    await telling
    assert written == [1]  # of the last one the whole notice is done


async def test_what_a_lost_connection_took_along_goes_on_by_the_next_one(house):
    account, client = await bound(house)
    telling = asyncio.ensure_future(house.server.deliver(account, long_one()))
    await client.answer(await client.receive())
    await client.receive()
    client.writer.transport.abort()
    with pytest.raises(Undelivered):
        await telling
    ((_, parts, form),) = house.parts

    client = await house.client(BIND_RX)
    owed = replace(long_one(), parts_taken=parts, parts_form=form)
    assert (await told(house, account, client, owed, [0, 0]))[0] == [2, 3]


@pytest.mark.parametrize(
    ("change", "version"), [({"inbound_form": "sar"}, 0x34), ({"gsm0": "packed"}, 0x34)]
)
async def test_cut_in_another_way_it_goes_from_its_beginning(house, change, version):
    """A peer could not join the first part of one cut with the second of another."""
    account, client = await bound(house)
    _, owed, _ = await told(house, account, client, long_one(), [0, LATER])
    assert owed.parts_taken == 1

    account = account.model_copy(update=change)
    ordinals, *_ = await told(house, account, client, owed, [0, 0, 0])
    assert ordinals == [1, 2, 3]


async def test_a_bind_of_3_3_goes_on_where_one_of_3_4_was_told_the_same_parts(house):
    account, client = await bound(house)
    _, owed, _ = await told(house, account, client, long_one(), [0, LATER])
    await client.close()
    other = await house.client(BIND_RX, version=0x33)
    assert (await told(house, account, other, owed, [0, 0]))[0] == [2, 3]


def cut(form, gsm0, text):
    manner = Manner(inbound_form=form, gsm0=gsm0)
    return deliver_sms(notice(INBOUND, text=text), version=0x34, manner=manner)


@given(
    st.sampled_from(["udh", "sar"]),
    st.sampled_from(["gsm0338", "packed", "latin1"]),
    st.text("xж€é", min_size=161, max_size=900),
    st.text("xж€é", min_size=8, max_size=200),
)
def test_a_form_is_of_one_way_to_cut_one_text(form, gsm0, text, more):
    other = {"udh": "sar", "sar": "udh"}[form]
    said = form_of(cut(form, gsm0, text))

    assert said == form_of(cut(form, gsm0, text))
    assert said != form_of(cut(other, gsm0, text))
    assert said != form_of(cut(form, gsm0, text + more))
    assert text[:4] not in said


async def test_other_news_that_fill_the_window_do_not_make_it_begin_anew(make_house):
    house = await make_house(window=1)
    account, client = await bound(house)
    telling = asyncio.ensure_future(house.server.deliver(account, long_one(2)))
    first = await client.receive()
    other = asyncio.ensure_future(house.server.deliver(account, notice(number=2)))
    await client.answer(first)
    kinds = []
    for _ in range(2):
        asked = await client.receive()
        kinds.append(fields_of(asked.body)["esm_class"])
        await client.answer(asked)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(telling, other)
    assert sorted(kinds) == [0x04, 0x40]
