"""Passwords checked off the event loop, remembered without being kept, exchanged in pairs."""

import asyncio
import gc
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from appliance import credentials
from appliance.clock import ManualClock
from appliance.errors import NotNow, Unauthorised
from appliance.models import Account
from appliance.smpp_server.members import MembersOnRecord
from appliance.smpp_server.turns import Turns
from tests.smpp_server.esme import PATIENCE, WHEN

NEW, OLD = credentials.hash_password("newer8ch"), credentials.hash_password("older8ch")


@pytest.fixture
def clock():
    return ManualClock(WHEN)


@pytest.fixture
def known(clock):
    return MembersOnRecord(None, clock)


def account(**fields):
    return Account(id=7, name="Acme", system_id="acme", created_at=WHEN, **fields)


async def test_a_password_found_good_is_recalled_and_nothing_else(known):
    acme = account(password_hash=NEW)
    assert not known.recalls(acme, "newer8ch")
    await known.verify(acme, "newer8ch")
    with pytest.raises(Unauthorised):
        await known.verify(acme, "wrongpw1")

    assert known.recalls(acme, "newer8ch")
    assert not known.recalls(acme, "wrongpw1")
    assert not known.recalls(account(password_hash=OLD), "newer8ch")


async def test_two_passwords_open_until_the_time_of_the_old_one_is_over(known, clock):
    acme = account(
        password_hash=NEW,
        old_password_hash=OLD,
        old_password_until=WHEN + timedelta(hours=1),
    )
    await known.verify(acme, "newer8ch")
    await known.verify(acme, "older8ch")
    assert known.recalls(acme, "older8ch")

    clock.advance(timedelta(hours=1))

    assert not known.recalls(acme, "older8ch")
    with pytest.raises(Unauthorised):
        await known.verify(acme, "older8ch")
    await known.verify(acme, "newer8ch")


@pytest.mark.parametrize("whose", [None, account(), account(password_hash=NEW)])
async def test_a_check_costs_everybody_its_time_and_the_event_loop_none(known, whose):
    checking = asyncio.ensure_future(known.verify(whose, "wrongpw1"))
    turns = 0
    while not checking.done():
        await asyncio.sleep(0)
        turns += 1

    with pytest.raises(Unauthorised):
        await checking
    assert turns > 50  # of the loop, while the password was hashed


async def test_no_password_is_kept_in_memory(known):
    password = "".join(["s3", "cr", "3t", "zz"])
    await known.verify(account(password_hash=credentials.hash_password(password)), password)

    kept = gc.get_referents(known._good)
    assert known._good
    assert all(isinstance(one, bytes) and password.encode() not in one for one in kept if one)


async def test_what_is_remembered_is_bounded(clock):
    known = MembersOnRecord(None, clock, remembered=3)
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = [account(password_hash=cheap.hash("newer8ch")) for _ in range(5)]
    for one in accounts:
        await known.verify(one, "newer8ch")

    recalled = [known.recalls(one, "newer8ch") for one in accounts]
    assert recalled == [False, False, True, True, True]


# Turns


class Queue:
    def __init__(self, **bounds):
        self.turns = Turns(1, **bounds)
        self.served, self.gates, self.tasks = [], {}, {}

    async def _be(self, name, address):
        async with self.turns.turn(address):
            self.served.append(name)
            await self.gates[name].wait()

    async def come(self, name, address="a"):
        self.gates[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._be(name, address))
        for _ in range(3):
            await asyncio.sleep(0)
        return self.tasks[name]

    async def go(self, name):
        self.gates[name].set()
        async with asyncio.timeout(PATIENCE):
            await self.tasks[name]
        for _ in range(3):
            await asyncio.sleep(0)


async def test_addresses_take_turns_however_many_one_of_them_sends():
    queue = Queue()
    for name in ("a1", "a2", "a3", "b1", "a4", "c1"):
        await queue.come(name, name[0])
    for _ in range(6):
        await queue.go(queue.served[-1])

    assert queue.served == ["a1", "a2", "b1", "c1", "a3", "a4"]


async def test_who_comes_too_many_is_sent_away_at_the_cost_of_who_waits_most():
    queue = Queue(waiting=4, per_address=3)
    for name in ("a1", "a2", "a3", "a4", "b1"):
        await queue.come(name, name[0])

    with pytest.raises(NotNow):
        await (await queue.come("a5", "a"))  # three of it wait
    await queue.come("c1", "c")  # all is full: the last of the longest goes
    with pytest.raises(NotNow):
        await queue.tasks["a4"]
    for _ in range(5):
        await queue.go(queue.served[-1])
    assert queue.served == ["a1", "a2", "b1", "c1", "a3"]
    assert queue.turns.waiting == 0


async def test_where_all_wait_alike_the_newcomer_is_sent_away():
    queue = Queue(waiting=2, per_address=3)
    for name in ("a1", "b1", "c1"):
        await queue.come(name, name[0])
    with pytest.raises(NotNow):
        await (await queue.come("d1", "d"))


async def test_one_that_gives_up_waiting_leaves_its_turn_to_the_next():
    queue = Queue()
    for name in ("a1", "b1", "c1"):
        await queue.come(name, name[0])
    queue.tasks["b1"].cancel()
    await queue.go("a1")
    await queue.go("c1")
    assert queue.served == ["a1", "c1"]

    await queue.come("d1", "d")
    assert queue.served[-1] == "d1"


async def test_one_that_gives_up_in_the_moment_of_its_turn_passes_it_on():
    queue = Queue()
    for name in ("a1", "b1", "c1"):
        await queue.come(name, name[0])
    queue.gates["a1"].set()
    queue.tasks["a1"].add_done_callback(lambda _: queue.tasks["b1"].cancel())
    await asyncio.gather(queue.tasks["b1"], return_exceptions=True)
    await asyncio.sleep(0)
    await queue.go("c1")
    assert queue.served[-1] == "c1"
