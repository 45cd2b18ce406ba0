"""TLS beside plain TCP or instead of it: certificates that change, and those of clients."""

import asyncio
import hashlib
import shutil
import ssl

import pytest

from appliance.errors import BadCertificate, CannotListen
from appliance.models import Account
from appliance.smpp_server.tls import Certificates, Nobody
from tests.smpp_server.esme import (
    ACCOUNT,
    BIND_TRX,
    ENQUIRE_LINK,
    PATIENCE,
    RESP,
    SUBMIT_SM,
    UNBIND,
    WHEN,
    Client,
    bind_body,
    frame,
    submit_body,
)
from tests.smpp_server.papers import self_signed, signed

ALIVE = (ENQUIRE_LINK | RESP, 0, 1, b"")


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """Make certificates once: two of a server, one of who signs for clients, two of clients."""
    folder = tmp_path_factory.mktemp("papers")
    signer = self_signed(folder, "signer")
    return {
        "one": self_signed(folder, "one"),
        "two": self_signed(folder, "two"),
        "signer": signer,
        "shop": signed(folder, "shop", signer),
        "stranger": self_signed(folder, "stranger"),
    }


@pytest.fixture
def installed(papers, tmp_path):
    """Return what installs a pair of files where the server reads them."""
    places = tmp_path / "server.pem", tmp_path / "server.key"

    def install(name):
        for source, place in zip(papers[name], places, strict=True):
            fresh = place.with_suffix(".new")
            shutil.copyfile(source, fresh)
            fresh.replace(place)
        return {"tls_certificate": str(places[0]), "tls_key": str(places[1])}

    return install


class Told(Nobody):
    """Keeps what it hears of new files."""

    def __init__(self, told):
        self.troubled = told.append


def trusting(*certificates, own=None):
    context = ssl.create_default_context()
    context.check_hostname = False  # the names are those of the papers, not of the machine
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT if hasattr(ssl, "VERIFY_X509_STRICT") else -1
    for certificate, _ in certificates:
        context.load_verify_locations(certificate)
    if own:
        context.load_cert_chain(*own)
    return context


async def secure(house, context):
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", house.server.tls_port, ssl=context
        )
    client = Client(reader, writer)
    house.clients.append(client)
    return client


async def test_tls_is_there_beside_plain_tcp(make_house, installed, papers):
    house = await make_house(**installed("one"))
    plain, client = await house.client(BIND_TRX), await secure(house, trusting(papers["one"]))

    await client.bind(BIND_TRX, version=0x34)
    answer = await client.ask(frame(SUBMIT_SM, submit_body(), sequence=2))

    assert answer[:3] == (SUBMIT_SM | RESP, 0, 2)
    assert await plain.ask(frame(ENQUIRE_LINK)) == ALIVE
    shown = [info.tls for info in house.server.sessions()]
    assert shown[0] is None
    assert shown[1].startswith("TLSv1.3 TLS_")


async def test_tls_may_be_the_only_way_in(make_house, installed, papers):
    house = await make_house(plain=False, **installed("one"))
    client = await secure(house, trusting(papers["one"]))

    assert house.server.port == 0
    await client.bind()


async def test_an_unbind_over_tls_is_answered_and_closed(make_house, installed, papers):
    house = await make_house(**installed("one"))
    client = await secure(house, trusting(papers["one"]))
    await client.bind()

    assert await client.ask(frame(UNBIND, sequence=9)) == (UNBIND | RESP, 0, 9, b"")
    assert await client.closed() == b""


async def test_a_wrong_password_over_tls_is_answered_and_closed(make_house, installed, papers):
    house = await make_house(**installed("one"))
    client = await secure(house, trusting(papers["one"]))

    answer = await client.ask(frame(BIND_TRX, bind_body(password=b"wrong")) + frame(ENQUIRE_LINK))

    assert answer[:2] == (BIND_TRX | RESP, 0x0E)
    assert await client.closed() == b""


async def test_who_speaks_no_tls_at_its_port_is_closed_and_harms_nobody(
    make_house, installed, papers
):
    house = await make_house(**installed("one"))
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.tls_port)
    writer.write(frame(BIND_TRX, bind_body()))
    async with asyncio.timeout(PATIENCE):
        await reader.read()
    writer.close()

    await (await secure(house, trusting(papers["one"]))).bind()


async def test_a_handshake_that_does_not_go_on_is_closed(make_house, installed):
    house = await make_house(tls_handshake_seconds=0.05, **installed("one"))
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.tls_port)

    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == b""
    writer.close()


async def test_handshakes_that_do_not_go_on_are_counted_among_the_strangers(
    make_house, installed, papers
):
    house = await make_house(most_unbound_per_address=3, **installed("one"))
    silent = [await asyncio.open_connection("127.0.0.1", house.server.tls_port) for _ in range(10)]

    client = await secure(house, trusting(papers["one"]))
    await client.bind()

    async with asyncio.timeout(PATIENCE):
        for reader, _ in silent[:8]:  # the oldest made room
            assert await reader.read() == b""
    for _, writer in silent:
        writer.close()


async def test_a_new_certificate_is_shown_without_a_restart_and_sessions_go_on(
    make_house, installed, papers
):
    house = await make_house(**installed("one"))
    before = await secure(house, trusting(papers["one"]))
    await before.bind()

    installed("two")
    after = await secure(house, trusting(papers["two"]))
    await after.bind()

    assert await before.ask(frame(ENQUIRE_LINK)) == ALIVE
    with pytest.raises(ssl.SSLError):
        await secure(house, trusting(papers["one"]))


async def test_broken_new_files_change_nothing_and_are_told_once(
    make_house, installed, papers, tmp_path, caplog
):
    files = installed("one")
    house = await make_house(**files)
    (tmp_path / "server.pem").write_text("no certificate at all")

    for _ in range(2):
        await (await secure(house, trusting(papers["one"]))).bind()

    told = [record.getMessage() for record in caplog.records if "holds on" in record.getMessage()]
    assert len(told) == 1
    assert f"tls_certificate = {files['tls_certificate']}" in told[0]


def test_trouble_with_new_files_is_told_and_that_it_is_over(installed, papers, tmp_path):
    told = []
    files = installed("one")
    read = Certificates(files["tls_certificate"], files["tls_key"], "", Told(told))
    first = read.context

    shutil.copyfile(papers["two"][1], tmp_path / "server.key")  # a key of another
    assert read.context is first
    (tmp_path / "server.key").unlink()
    assert read.context is first
    installed("two")
    assert read.context is not first

    assert [type(one) for one in told] == [BadCertificate, BadCertificate, type(None)]
    assert told[1].key == "tls_key"


@pytest.mark.parametrize(
    ("files", "key"),
    [
        ({"tls_certificate": "missing"}, "tls_certificate"),
        ({"tls_key": "missing"}, "tls_key"),
        ({"tls_client_ca": "missing"}, "tls_client_ca"),
        ({"tls_client_ca": "server.key"}, "tls_client_ca"),
        ({"tls_certificate": "server.key"}, "tls_certificate"),
        ({"tls_key": ""}, "tls_certificate"),
    ],
)
async def test_files_that_cannot_be_used_stop_the_start_and_are_named(
    make_house, installed, tmp_path, files, key
):
    given = {name: str(tmp_path / file) if file else "" for name, file in files.items()}
    with pytest.raises(BadCertificate) as caught:
        await make_house(**(installed("one") | given))
    assert caught.value.key == key


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(installed, tmp_path):
    files = installed("one")
    (tmp_path / "server.key").write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    with pytest.raises(BadCertificate):
        Certificates(files["tls_certificate"], files["tls_key"], "")


async def test_a_port_that_is_taken_is_named(make_house, installed):
    house = await make_house()
    with pytest.raises(CannotListen) as caught:
        await make_house(tls_port=house.server.port, **installed("one"))
    assert (caught.value.door, caught.value.port) == ("SMPP over TLS", house.server.port)


# Certificates of clients


def certain(house, wanted):
    house.accounts["acme", "secret"] = Account(
        id=7, name="Acme", system_id="acme", created_at=WHEN, client_certificate=wanted
    )


async def bound(house, context):
    client = await secure(house, context)
    return (await client.ask(frame(BIND_TRX, bind_body()))).status


async def test_an_account_may_be_bound_to_its_certificate(make_house, installed, papers):
    house = await make_house(**installed("one"), tls_client_ca=str(papers["signer"][0]))
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(papers["shop"][0].read_text()))
    with_it = trusting(papers["one"], own=papers["shop"])
    without = trusting(papers["one"])

    for wanted in ("cn:shop", f"sha256:{fingerprint.hexdigest()}"):
        certain(house, wanted)
        assert await bound(house, with_it) == 0
        assert await bound(house, without) == 0x0D
    plain = await house.client()
    assert (await plain.ask(frame(BIND_TRX, bind_body()))).status == 0x0D

    certain(house, "cn:bank")
    assert await bound(house, with_it) == 0x0D
    house.accounts["acme", "secret"] = ACCOUNT
    assert await bound(house, without) == 0


async def test_a_certificate_that_nobody_vouches_for_is_refused(make_house, installed, papers):
    house = await make_house(**installed("one"), tls_client_ca=str(papers["signer"][0]))
    certain(house, "cn:stranger")

    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await bound(house, trusting(papers["one"], own=papers["stranger"]))
