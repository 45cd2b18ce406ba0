"""Every timer is as it is set; and what a peer of SMPP 3.3 is told has no optional parameters."""

import asyncio
from datetime import timedelta

import pytest

from appliance.smpp_server.pdu import Pdu, decode
from appliance.smpp_server.rules import Timing
from tests.smpp_server.esme import (
    BIND_TRX,
    CANCEL_SM,
    DATA_SM,
    ENQUIRE_LINK,
    INBOUND,
    NEWS,
    QUERY_SM,
    REPLACE_SM,
    RESP,
    SUBMIT_MULTI,
    SUBMIT_SM,
    bind_body,
    cancel_body,
    data_body,
    frame,
    multi_body,
    notice,
    query_body,
    replace_body,
    submit_body,
    tlv,
)

TO = (1, 1, b"4915112345678")


async def test_every_timer_is_as_it_is_set_and_can_be_shown(make_house):
    names = ("session_init", "pdu_read", "enquire_link", "inactivity", "response", "leaving")
    seconds = dict(zip((*names, "proof"), range(11, 18), strict=True))

    house = await make_house(**{f"{name}_seconds": value for name, value in seconds.items()})

    assert house.server.timing == Timing(
        **{name: timedelta(seconds=value) for name, value in seconds.items()}
    )


@pytest.mark.parametrize("version", [0x00, 0x33])
async def test_s15_no_optional_parameter_is_sent_to_a_peer_before_3_4(real, version):
    client = await real.client()
    said = [await client.ask(frame(BIND_TRX, bind_body(version=version)))]
    said.append(await client.ask(frame(SUBMIT_SM, submit_body(registered=1), sequence=2)))
    name = said[-1].body.partition(b"\0")[0]
    several = multi_body([TO, (1, 1, b"12")])
    for command, body in (
        (DATA_SM, data_body(tail=tlv(0x424, b"hello"))),
        (SUBMIT_MULTI, several),
        (QUERY_SM, query_body(name, (1, 1, b"4915100000"))),
        (REPLACE_SM, replace_body(name, source=(1, 1, b"4915100000"))),
        (CANCEL_SM, cancel_body(name, source=(1, 1, b"4915100000"))),
        (ENQUIRE_LINK, b""),
    ):
        said.append(await client.ask(frame(command, body, sequence=3)))
        assert said[-1][:2] == (command | RESP, 0)
    for news in (NEWS, INBOUND):
        delivery = asyncio.ensure_future(real.server.deliver(real.account, notice(news)))
        said.append(await client.receive())
        await client.answer(said[-1])
        await delivery

    assert len(said) == 10
    for one in said:
        assert decode(Pdu(*one)).tlvs == (), one


@pytest.mark.parametrize(("version", "tags"), [(0x34, set()), (0x4F, set()), (0x50, {0x428})])
async def test_s15_what_5_0_has_new_is_sent_only_to_those_who_know_it(house, version, tags):
    client = await house.client(BIND_TRX, version=version)

    answer = await client.ask(frame(SUBMIT_SM, submit_body(), sequence=2))

    assert {one.tag for one in decode(Pdu(*answer)).tlvs} == tags
