"""Until when our certificate holds: read from the file, complained of in time."""

import base64
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock, SystemClock
from appliance.errors import BadCertificate
from appliance.smpp_server.tls import Certificates, holds_until
from appliance.smpp_server.troubles import CertificateTrouble
from tests.rooms import START, opened
from tests.smpp_server.papers import self_signed, signed

DAY = timedelta(days=1)


def enddate(certificate):
    """Return what OpenSSL reads."""
    said = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-in", str(certificate)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return datetime.strptime(said.strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)


@pytest.mark.parametrize("days", [1, 400, 20_000])  # the last one is written as GeneralizedTime
def test_it_is_read_as_openssl_reads_it(tmp_path, days):
    certificate, _ = self_signed(tmp_path, "one", days)
    assert holds_until(certificate.read_bytes()) == enddate(certificate)


def test_a_certificate_of_version_1_and_one_behind_which_others_stand(tmp_path):
    signer = self_signed(tmp_path, "signer", 10)
    leaf, _ = signed(tmp_path, "leaf", signer)  # OpenSSL writes no version where it needs none
    whole = leaf.read_bytes() + signer[0].read_bytes()
    assert holds_until(whole) == enddate(leaf) != enddate(signer[0])
    assert holds_until(b"a key may stand before it\n" + whole) == enddate(leaf)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_octets_that_are_no_certificate_are_refused_and_no_more(before, inside):
    body = base64.encodebytes(inside)
    for pem in (before, b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----"):
        with pytest.raises(ValueError):
            holds_until(pem)


# What is said of it


@pytest.fixture
async def world(tmp_path):
    clock = ManualClock(START)
    async with opened(tmp_path, clock) as store:
        yield store, clock, CertificateTrouble(store, clock)


async def standing(store, trouble):
    if trouble._last is not None:
        await trouble._last
    found = await store.incidents.shown(lasting=True)
    return [one.sentence for one in found if one.kind == "certificate_ends"]


async def test_a_certificate_is_complained_of_thirty_days_before_it_ends(world):
    store, clock, trouble = world
    until = clock.now() + 31 * DAY
    trouble.ends(until)
    assert await standing(store, trouble) == []

    clock.advance(DAY)
    for _ in range(3):  # it is looked at every minute
        trouble.ends(until)
    said = f"the certificate of the SMPP server expires at {until:%Y-%m-%d %H:%M} UTC"
    assert await standing(store, trouble) == [said]
    assert len(await store.incidents.shown()) == 1

    clock.advance(30 * DAY)
    trouble.ends(until)
    assert await standing(store, trouble) == [
        said.replace("expires", "expired") + ": apps refuse it"
    ]
    trouble.ends(until + 90 * DAY)
    assert await standing(store, trouble) == []


async def test_what_an_earlier_daemon_said_ends_with_the_new_one_and_where_tls_is_left_out(world):
    store, clock, trouble = world
    for after in (clock.now() + 90 * DAY, None):
        trouble.ends(clock.now() + DAY)
        assert len(await standing(store, trouble)) == 1
        trouble = CertificateTrouble(store, clock)
        trouble.ends(after)
        assert await standing(store, trouble) == []


def test_each_look_tells_when_the_certificate_that_is_shown_ends(tmp_path):
    certificate, key = self_signed(tmp_path / "papers", "one", 5)
    other, other_key = self_signed(tmp_path / "papers", "two", 50)
    told, troubles = [], []
    onlooker = SimpleNamespace(ends=told.append, troubled=troubles.append)
    found = Certificates(str(certificate), str(key), "", onlooker)
    found_at_first = enddate(certificate)
    assert found.until == found_at_first
    found.refresh()
    key.write_bytes(other_key.read_bytes())
    certificate.write_bytes(other.read_bytes())
    found.refresh()
    certificate.write_text("broken")
    found.refresh()

    assert told == [found_at_first, enddate(other), enddate(other)]  # broken files change nothing
    assert told[0] < told[1]
    assert [type(one) for one in troubles] == [type(None), BadCertificate]
    assert SystemClock().now() < told[0] < SystemClock().now() + 6 * DAY
