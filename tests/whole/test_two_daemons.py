"""Two daemons on one PostgreSQL, each with its own modems: nothing lost, nothing twice."""

import asyncio
import signal
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from tests.apps import Esme
from tests.box import READY_SECONDS, running_bank, running_box, start, until
from tests.killing import Receiver

LINES = 3

LONG = " and more" * 20  # makes a second part

QUICK = {"STORAGE__LEASE_SECONDS": "1.5", "STORAGE__TAKEOVER_SECONDS": "1.5"}
"""A daemon that is lost is so after three seconds."""


@asynccontextmanager
async def side(folder, url, name, first, **settings):
    """Run a daemon with a bank of its own."""
    options = (
        *("--modems", str(LINES), "--makes", "e3372,sim7600,zte", "--first", str(first)),
        *("--cmgs-delay", "0.05", "--report-delay", "0.2"),
    )
    async with (
        running_bank(folder / f"bank-{name}", *options) as bank,
        running_box(
            folder / name,
            bank.ports,
            STORAGE__DATABASE=url,
            STORAGE__DAEMON=name,
            **{**QUICK, **settings},
        ) as box,
    ):
        # A report that was read and not acknowledged when its daemon was killed comes again then.
        await bank.control.do("set", network={"retry_seconds": 1})
        yield box, bank


@pytest.fixture
async def pair(tmp_path, postgres_url):
    async with (
        side(tmp_path, postgres_url, "a", 0) as a,
        side(tmp_path, postgres_url, "b", 50) as b,
    ):
        await a[0].account()
        b[0].http.headers.update(a[0].http.headers)
        for box, _ in (a, b):
            await box.lines_ready(LINES)
        yield a, b


def parts(*banks):
    """Count the parts on the air, by the number of their message and their ordinal."""
    return Counter(
        (entry.recipient, entry.concat.ordinal if entry.concat else 1)
        for bank in banks
        for entry in bank.ledger.sent()
    )


async def submit(box, numbers, **more):
    return [
        (
            await box.send(
                f"+49151234{number:05d}", f"message {number}{LONG * (number % 5 == 0)}", **more
            )
        )["id"]
        for number in numbers
    ]


async def taken_over(box):
    async def there():
        incidents = (await box.local.get("/local/incidents")).json()["incidents"]
        return "daemon_lost" in {one["kind"] for one in incidents}

    await until(there, "the other one has taken over")


async def settled(box, names, *states):
    async def there():
        found = [await box.state(name) for name in names]
        return found if set(found) <= set(states) else None

    return await until(there, f"all are {states}", 90)


async def test_one_is_killed_in_mid_work_and_the_other_goes_on(pair):
    (a, bank_a), (b, bank_b) = pair
    for modem in range(LINES):  # between Ctrl-Z and its answer when the kill comes
        await bank_a.control.do("hold", modem=modem)
    names = await submit(b, range(60))
    for _ in range(LINES):
        await bank_a.control.event()
    await a.kill()
    await taken_over(b)
    # The rest of a long message waits for the SIM that has begun it.
    found = Counter(await settled(b, names, "delivered", "uncertain", "sending"))
    assert set(parts(bank_a, bank_b).values()) == {1}
    assert found["delivered"] >= 60 - LINES
    assert (
        0 < found["uncertain"] + found["sending"] <= LINES
    )  # a report may be quicker than the kill

    await a.start()  # the reports of what was held come now, and settle it
    await bank_a.control.do("go")
    await settled(b, names, "delivered")
    assert set(parts(bank_a, bank_b).values()) == {1}
    assert len(parts(bank_a, bank_b)) == 60 + 12


async def test_one_that_sleeps_longer_than_its_lease_sends_nothing_twice(pair):
    (a, bank_a), (b, bank_b) = pair
    names = await submit(b, range(80))
    await bank_a.control.do("wait_sent", count=3)
    a.process.send_signal(signal.SIGSTOP)
    await taken_over(b)
    a.process.send_signal(signal.SIGCONT)
    await settled(b, names, "delivered", "uncertain")
    assert set(parts(bank_a, bank_b).values()) == {1}
    more = await submit(a, range(80, 100))
    await settled(a, more, "delivered")
    assert set(parts(bank_a, bank_b).values()) == {1}


async def test_work_is_spread_and_told_once_whoever_took_it(pair, tmp_path, postgres_url):
    (a, bank_a), (b, bank_b) = pair
    receiver = Receiver()
    async with receiver.listening() as url:
        new = {"name": "told", "webhook_url": url}
        account = (await a.local.post("/local/accounts", json=new)).json()
        for box in (a, b):
            box.http.headers["Authorization"] = f"Bearer {account['api_key']}"
        names = await submit(a, range(20)) + await submit(b, range(20, 40))
        assert set(await settled(b, names, "delivered")) == {"delivered"}
        assert set(parts(bank_a, bank_b).values()) == {1}
        assert len(parts(bank_a, bank_b)) == 40 + 8
        assert bank_a.ledger.sent()
        assert bank_b.ledger.sent()

        async def told():
            return all(receiver.told[name, "delivered"] for name in names)

        await until(told, "all are told")
        assert set(receiver.told.values()) == {1}
        await no_twin_of(a, tmp_path, postgres_url)
        await a.kill()
        after = await submit(b, range(41, 45))

        async def told_after():
            return all(receiver.told[name, "delivered"] for name in after)

        await until(told_after, "the other one tells what follows")


async def test_a_receiver_is_told_by_the_daemon_it_is_bound_at_whoever_has_sent(
    tmp_path, postgres_url
):
    """One daemon at a time carries what an account is owed: the one where somebody takes it."""
    nothing = str(tmp_path / "none*")
    other = running_box(
        tmp_path / "b", nothing, STORAGE__DATABASE=postgres_url, STORAGE__DAEMON="b", **QUICK
    )
    async with side(tmp_path, postgres_url, "a", 0) as (a, _), other as b:
        account = await a.account()
        await a.lines_ready(1)
        async with Esme.bound(a, account) as esme:  # A carries from now on
            first = (await esme.submit("hello", "4915123400000")).message_id
            await esme.receipt_of(first)
        for near, far in ((b, a), (a, b), (b, a)):
            async with Esme.bound(near, account, "receiver") as receiver:
                async with Esme.bound(far, account, "transmitter") as sender:
                    name = (await sender.submit("hello", "4915123400001")).message_id
                assert (await receiver.receipt_of(name))["stat"] == "DELIVRD"
                assert len(receiver.receipts) == 1


async def test_a_daemon_without_smpp_holds_up_no_receipt_of_another(tmp_path, postgres_url):
    """What came to it by REST is told by the other one, which asks it how far it has answered."""
    nothing = str(tmp_path / "none*")
    other = running_box(
        tmp_path / "b", nothing, STORAGE__DATABASE=postgres_url, STORAGE__DAEMON="b", **QUICK
    )
    async with (
        side(tmp_path, postgres_url, "a", 0, SMPP__ENABLED="false") as (a, _),
        other as b,
    ):
        account = await a.account()
        await a.lines_ready(1)
        async with Esme.bound(b, account, "receiver") as receiver:
            name = (await a.send("+4915123400001", "hello", receipts="final"))["id"]
            assert (await receiver.receipt_of(name))["stat"] == "DELIVRD"


async def no_twin_of(box, folder, url):
    """See that a second daemon of the same name does not start."""
    assert box.process.returncode is None
    log = folder / "twin.log"
    env = {
        "APPLIANCE_STORAGE__DATABASE": url,
        "APPLIANCE_STORAGE__DAEMON": "a",
        "APPLIANCE_STORAGE__DATA": str(folder / "twin"),
        "APPLIANCE_MODEMS__PORTS": str(folder / "none*"),
    }
    twin = await start("appliance", "run", env=env, log=log)
    async with asyncio.timeout(READY_SECONDS):
        assert await twin.wait() == 1
    assert "another daemon named 'a' works on this database" in log.read_text()
