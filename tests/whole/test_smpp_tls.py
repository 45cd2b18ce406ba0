"""An app by TLS on the whole system: its password rotated, the certificate exchanged and broken."""

import asyncio
import ssl

from tests.box import free_port, running_box, until
from tests.smpp_server.esme import BIND_TX, ENQUIRE_LINK, RESP, UNBIND, Client, bind_body, frame
from tests.smpp_server.papers import self_signed


async def connected(port, certificate):
    context = ssl.create_default_context(cafile=certificate)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    return Client(reader, writer)


async def test_tls_rotation_and_a_certificate_that_is_broken(tmp_path):
    port = free_port()
    papers = tmp_path / "papers"
    certificate, key = self_signed(papers, "one")
    async with running_box(
        tmp_path / "data",
        str(tmp_path / "none*"),
        SMPP__TLS_CERTIFICATE=str(certificate),
        SMPP__TLS_KEY=str(key),
        SMPP__TLS_PORT=str(port),
    ) as box:
        account = await box.account(name="esme")
        name, old = account["system_id"].encode(), account["password"].encode()
        before = await connected(port, certificate)
        await before.bind(BIND_TX, system_id=name, password=old)

        rotated = await box.local.post("/local/accounts/esme/password", json={"keep_hours": 1})
        new = rotated.json()["password"].encode()
        for password in (old, new):
            client = await connected(port, certificate)
            await client.bind(BIND_TX, system_id=name, password=password)
            await client.close()
        rotated = await box.local.post("/local/accounts/esme/password", json={"keep_hours": 0})
        assert rotated.json()["old_until"] is None
        assert (await before.receive()).command == UNBIND  # its password opens nothing any more
        await before.close()
        last = rotated.json()["password"].encode()
        client = await connected(port, certificate)
        wrong = await client.ask(frame(BIND_TX, bind_body(system_id=name, password=old)))
        assert wrong[:2] == (BIND_TX | RESP, 0x0E)

        trusted = certificate.read_text()
        certificate.write_text("broken")
        kept = papers / "kept.pem"
        kept.write_text(trusted)
        client = await connected(port, kept)
        await client.bind(BIND_TX, system_id=name, password=last)
        assert (await client.ask(frame(ENQUIRE_LINK)))[:2] == (ENQUIRE_LINK | RESP, 0)
        await client.close()

        async def standing():
            answer = await box.local.get("/local/incidents", params={"lasting": True})
            return [one for one in answer.json()["incidents"] if one["kind"] == "certificate"]

        (incident,) = await until(standing, "the incident is noted")
        assert "tls_certificate" in incident["sentence"]
        certificate.write_text(trusted)
        client = await connected(port, certificate)
        await client.bind(BIND_TX, system_id=name, password=last)
        await client.close()

        async def ended():
            return not await standing()

        await until(ended, "the incident ends")


async def test_files_that_cannot_be_used_keep_the_daemon_from_starting(tmp_path):
    missing = tmp_path / "none.pem"
    told = ""
    try:
        async with running_box(
            tmp_path / "data", str(tmp_path / "none*"), SMPP__TLS_CERTIFICATE=str(missing)
        ):
            pass
    except AssertionError as error:
        told = str(error)
    assert f"[smpp] tls_certificate = {missing}: No such file or directory" in told
