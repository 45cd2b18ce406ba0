"""Group commit: verbs share transactions, are answered after the commit, and never hurt others."""

import asyncio
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from appliance.errors import NotFound, StoreClosed, StoreError
from appliance.lifecycle import State
from appliance.store import writer
from appliance.store.base import Reader
from appliance.store.bell import Bells
from appliance.store.engine import open_engine
from appliance.store.writer import LARGEST_BATCH, Verb, Writer
from tests.store.steps import begun, end, on_postgresql, report, rows, state
from tests.store.test_dispatch import first_waiting

PATIENCE = 20  # seconds; what is waited for comes in milliseconds


class Bench:
    """A writer over a table of its own, and verbs that tell how they were run."""

    def __init__(self, url: str, *, gated: bool = True) -> None:
        self.url = url
        self.engine = open_engine(url)
        with self.engine.begin() as connection:
            connection.execute(text("CREATE TABLE word (word TEXT PRIMARY KEY, batch INTEGER)"))
        self.bells = Bells()
        self.writer = Writer(self.engine, self.bells)
        self.batches: list[list[str]] = []
        self.go, self.busy = threading.Event(), threading.Event()
        self.store = Verb("store", self._store)
        self.urgent = Verb("urgent", self._store, urgent=True)
        self.patient = Verb("patient", self._store, patient=True)
        self.hold = Verb("hold", self._hold)

    def _store(self, transaction, words):
        self.batches.append(list(words))
        for word in words:
            if word == "raises":
                raise ValueError(word)
            if word == "breaks":
                transaction.connection.execute(text("INSERT INTO nowhere VALUES (1)"))
            insert = text("INSERT INTO word VALUES (:word, :batch)")
            transaction.connection.execute(insert, {"word": word, "batch": len(self.batches)})
            transaction.topics.add(word)
        return [NotFound("word", word) if word == "unknown" else word.upper() for word in words]

    def _hold(self, _transaction, items):
        self.busy.set()
        assert self.go.wait(PATIENCE)
        return items

    def stored(self) -> set[str]:
        return {word for (word,) in rows(self.url, "SELECT word FROM word")}

    async def together(self, *words, verb=None):
        """Ask for all these while the writer is busy, so that they share the next transaction."""
        self.go.clear()
        self.busy.clear()
        holding = asyncio.create_task(self.writer.run(self.hold, None))
        await asyncio.to_thread(self.busy.wait, PATIENCE)
        asked = [asyncio.create_task(self.writer.run(verb or self.store, word)) for word in words]
        while self.writer.waiting < len(words):
            await asyncio.sleep(0)
        self.go.set()
        await holding
        return await asyncio.gather(*asked, return_exceptions=True)


@pytest.fixture
async def bench(url):
    bench = Bench(url)
    yield bench
    bench.go.set()
    await bench.writer.close()
    with bench.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS bad"))
        connection.execute(text("DROP TABLE word"))
    bench.engine.dispose()


async def test_like_verbs_that_wait_share_one_call_and_one_transaction(bench):
    before = bench.writer.beat
    assert await bench.together("a", "b", "c") == ["A", "B", "C"]
    assert bench.batches == [["a", "b", "c"]]
    assert bench.writer.beat == before + 2  # one of them held the writer busy


async def test_the_writer_is_woken_when_a_round_of_the_loop_has_asked_for_all_it_asks_for(bench):
    bench.go.set()
    asked = asyncio.ensure_future(bench.writer.run(bench.hold, "first"))
    woken: list[bool] = []
    # In the same round: by now the thread would have begun, had it been given anything.
    asyncio.get_running_loop().call_soon(lambda: woken.append(bench.busy.wait(0.05)))
    async with asyncio.timeout(PATIENCE):
        assert await asked == "first"
    assert woken == [False]


async def test_an_urgent_verb_takes_along_what_was_asked_before_it(bench):
    before = asyncio.ensure_future(bench.writer.run(bench.store, "before"))
    urgent = asyncio.ensure_future(bench.writer.run(bench.urgent, "urgent"))
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(before, urgent)
    assert bench.stored() == {"before", "urgent"}
    assert bench.writer.waiting == 0


async def test_no_transaction_takes_more_verbs_than_it_may(bench):
    words = [str(number) for number in range(LARGEST_BATCH + 10)]
    assert await bench.together(*words) == words
    assert [len(batch) for batch in bench.batches] == [LARGEST_BATCH, 10]


async def test_urgent_verbs_go_first_and_each_kind_keeps_its_order(bench):
    bench.go.clear()
    holding = asyncio.create_task(bench.writer.run(bench.hold, None))
    await asyncio.to_thread(bench.busy.wait, PATIENCE)
    asked = [("a", bench.store), ("b", bench.urgent), ("c", bench.store), ("d", bench.urgent)]
    tasks = [asyncio.create_task(bench.writer.run(verb, word)) for word, verb in asked]
    while bench.writer.waiting < len(tasks):
        await asyncio.sleep(0)
    bench.go.set()
    await asyncio.gather(holding, *tasks)
    assert bench.batches == [["b", "d"], ["a", "c"]]


async def test_a_patient_verb_shares_the_commit_of_the_next_one_and_goes_before_it(
    bench, monkeypatch
):
    monkeypatch.setattr(writer, "LINGER", PATIENCE)
    before = bench.writer.beat
    patient = asyncio.create_task(bench.writer.run(bench.patient, "a"))
    while not bench.writer.waiting:
        await asyncio.sleep(0)
    await asyncio.to_thread(bench.stored)  # time for the thread, had it been given the verb
    assert bench.writer.waiting == 1
    assert await bench.writer.run(bench.store, "b") == "B"
    assert await patient == "A"
    assert bench.batches == [["a"], ["b"]]
    assert bench.writer.beat == before + 1


async def test_a_patient_verb_waits_for_nobody_for_long(bench):
    assert await bench.writer.run(bench.patient, "a") == "A"
    assert bench.stored() == {"a"}


async def test_closing_writes_what_still_waits_for_company(bench):
    patient = asyncio.create_task(bench.writer.run(bench.patient, "a"))
    await asyncio.sleep(0)
    await bench.writer.close()
    assert await patient == "A"
    assert bench.stored() == {"a"}


async def test_a_result_that_is_an_error_fails_its_own_verb_only(bench):
    good, bad, other = await bench.together("a", "unknown", "b")
    assert (good, other, type(bad)) == ("A", "B", NotFound)


@pytest.mark.parametrize("bad", ["raises", "breaks"])
async def test_a_verb_that_fails_does_not_hurt_its_neighbours(bench, bad):
    first, failed, last = await bench.together("a", bad, "b")
    assert (first, last) == ("A", "B")
    assert isinstance(failed, StoreError)
    assert bench.stored() == {"a", "b"}


async def test_what_fails_is_named_without_the_values_that_were_to_be_stored(bench):
    await bench.writer.run(bench.store, "+4915123456789")
    failed = (await bench.together("+4915123456789"))[0]
    assert isinstance(failed, StoreError)
    assert "4915123456789" not in str(failed)


async def test_a_verb_is_answered_when_its_result_is_committed_and_not_before(bench):
    committed = bench.stored()
    seen_inside = []

    def peek(transaction, items):
        bench._store(transaction, items)
        seen_inside.append(bench.stored())
        return items

    await bench.writer.run(Verb("peek", peek), "a")
    assert (committed, seen_inside, bench.stored()) == (set(), [set()], {"a"})


async def test_bells_ring_when_what_they_tell_of_can_be_read(bench):
    bell = bench.bells.listen("a")
    seen = asyncio.Event()

    async def listen():
        await bell.wait()
        assert bench.stored() == {"a"}
        seen.set()

    listening = asyncio.create_task(listen())
    await bench.writer.run(bench.store, "a")
    async with asyncio.timeout(PATIENCE):
        await seen.wait()
    await listening


async def test_when_a_commit_fails_all_its_members_fail_and_nothing_is_stored(bench):
    deferred = "word TEXT REFERENCES word (word) DEFERRABLE INITIALLY DEFERRED"
    with bench.engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE bad ({deferred})"))

    def spoil(transaction, items):
        bench._store(transaction, items)
        transaction.connection.execute(text("INSERT INTO bad VALUES ('not there')"))
        return items

    spoiling = Verb("spoil", spoil)
    answers = await bench.together("a", "b", "c", verb=spoiling)
    assert [type(answer) for answer in answers] == [StoreError] * 3
    assert bench.stored() == set()
    assert bench.batches == [["a", "b", "c"]]  # it may have been committed: it is not run again
    assert await bench.writer.run(bench.store, "d") == "D"
    assert bench.stored() == {"d"}


async def test_what_waits_for_a_lock_is_done_when_the_lock_is_free(bench):
    with bench.engine.connect() as other:
        if bench.engine.dialect.name == "sqlite":
            other.exec_driver_sql("INSERT INTO word VALUES ('held', 0)")
        else:
            other.execute(text("LOCK TABLE word IN EXCLUSIVE MODE"))
        asked = asyncio.create_task(bench.writer.run(bench.store, "a"))
        while not asked.done() and not bench.writer._jobs.empty():
            await asyncio.sleep(0)
        assert not asked.done()
        other.rollback()
    assert await asked == "A"


@on_postgresql
async def test_a_deadlock_with_another_session_is_tried_again_as_a_whole(bench, url):
    with bench.engine.begin() as connection:
        connection.execute(text("INSERT INTO word VALUES ('left', 0), ('right', 0)"))
    patient = open_engine(make_url(url).set(username="postgres").render_as_string())
    change = text("UPDATE word SET batch = batch + 1 WHERE word = :word")
    ours, theirs, over = threading.Event(), threading.Event(), threading.Event()
    runs = []

    def cross(transaction, items):
        runs.append(items)
        assert len(runs) == 1 or over.wait(PATIENCE)  # or both might meet once more
        transaction.connection.execute(change, {"word": "left"})
        ours.set()
        assert theirs.wait(PATIENCE)
        transaction.connection.execute(change, {"word": "right"})
        return items

    def other_session():
        with patient.begin() as connection:
            connection.execute(text("SET LOCAL deadlock_timeout = '10min'"))  # ours finds out
            connection.execute(change, {"word": "right"})
            theirs.set()
            assert ours.wait(PATIENCE)
            connection.execute(change, {"word": "left"})
        over.set()

    try:
        other = asyncio.create_task(asyncio.to_thread(other_session))
        answer = await bench.writer.run(Verb("cross", cross), "x")
        await other
    finally:
        for each in (ours, theirs, over):
            each.set()
        patient.dispose()
    assert (answer, len(runs)) == ("x", 2)
    assert rows(url, "SELECT batch FROM word") == [(2,), (2,)]


@on_postgresql
async def test_a_transaction_that_cannot_be_serialised_is_run_again_a_few_times(bench, url):
    runs = []

    def lose(transaction, items):
        runs.append(items)
        if len(runs) < 4:
            raise_it = "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$"
            transaction.connection.execute(text(raise_it))
        return items

    assert await bench.writer.run(Verb("lose", lose), "x") == "x"
    assert len(runs) == 4


@on_postgresql
async def test_a_broken_connection_is_replaced_and_the_verb_is_run_again(bench, url):
    lost = []

    def cut(transaction, items):
        bench._store(transaction, items)
        if not lost:
            lost.append(True)
            mine = transaction.connection.execute(text("SELECT pg_backend_pid()")).scalar()
            rows(url, "SELECT pg_terminate_backend(:mine, 5000)", mine=mine)
            transaction.connection.execute(text("SELECT 1"))
        return items

    assert await bench.writer.run(Verb("cut", cut), "a") == "a"
    assert bench.stored() == {"a"}


@on_postgresql
async def test_a_connection_that_breaks_at_the_commit_fails_its_verbs_and_runs_none_again(
    bench, url
):

    def cut(transaction, items):
        bench._store(transaction, items)
        mine = transaction.connection.execute(text("SELECT pg_backend_pid()")).scalar()
        rows(url, "SELECT pg_terminate_backend(:mine, 5000)", mine=mine)
        return items

    with pytest.raises(StoreError):
        await bench.writer.run(Verb("cut", cut), "a")
    assert bench.batches == [["a"]]
    assert await bench.writer.run(bench.store, "b") == "B"
    assert bench.stored() == {"b"}


async def test_a_caller_that_gives_up_does_not_stop_its_verb_nor_the_others(bench):
    bench.go.clear()
    holding = asyncio.create_task(bench.writer.run(bench.hold, None))
    await asyncio.to_thread(bench.busy.wait, PATIENCE)
    impatient = asyncio.create_task(bench.writer.run(bench.store, "a"))
    patient = asyncio.create_task(bench.writer.run(bench.store, "b"))
    while bench.writer.waiting < 2:
        await asyncio.sleep(0)
    impatient.cancel()
    bench.go.set()
    assert await patient == "B"
    await holding
    assert impatient.cancelled()
    assert bench.stored() == {"a", "b"}


async def test_closing_writes_what_was_asked_for_and_takes_no_more(bench):
    bench.go.clear()
    holding = asyncio.create_task(bench.writer.run(bench.hold, None))
    await asyncio.to_thread(bench.busy.wait, PATIENCE)
    asked = [asyncio.create_task(bench.writer.run(bench.store, word)) for word in "abc"]
    while bench.writer.waiting < 3:
        await asyncio.sleep(0)
    closing = asyncio.create_task(bench.writer.close())
    while not bench.writer._closed:
        await asyncio.sleep(0)
    with pytest.raises(StoreClosed):
        await bench.writer.run(bench.store, "late")
    bench.go.set()
    assert await asyncio.gather(*asked) == ["A", "B", "C"]
    await asyncio.gather(holding, closing)
    assert bench.stored() == {"a", "b", "c"}


async def test_a_reader_sees_one_moment_of_the_database(bench):
    reader = Reader(bench.engine)
    between, written = threading.Event(), threading.Event()

    def look_twice(connection):
        count = text("SELECT count(*) FROM word")
        first = connection.execute(count).scalar()
        between.set()
        assert written.wait(PATIENCE)
        return first, connection.execute(count).scalar()

    looking = asyncio.create_task(reader.run(look_twice))
    await asyncio.to_thread(between.wait, PATIENCE)
    await bench.writer.run(bench.store, "a")
    written.set()
    assert await looking == (0, 0)
    await reader.close()


async def test_a_read_that_fails_is_an_error_of_the_store_without_its_values(bench):
    reader = Reader(bench.engine)
    with pytest.raises(StoreError) as caught:
        await reader.run(
            lambda connection: connection.execute(
                text("SELECT * FROM nowhere WHERE word = :word"), {"word": "+4915123456789"}
            )
        )
    assert "4915123456789" not in str(caught.value)
    await reader.close()


@on_postgresql
async def test_the_store_outlives_a_database_that_throws_everybody_out(world, url):
    everybody = (
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    accepted = await world.accept()
    rows(url, everybody)
    waiting = await first_waiting(world)
    rows(url, everybody)
    beginning, attempt = await begun(world, waiting)
    rows(url, everybody)
    await end(world, beginning, attempt)
    rows(url, everybody)
    assert await world.store.reports.take(report(world))
    assert await state(world, accepted) is State.DELIVERED


async def test_a_database_that_cannot_be_had_at_first_fails_verbs_and_is_had_later(tmp_path):
    folder = tmp_path / "later"
    engine = open_engine(f"sqlite:///{folder / 'appliance.db'}")
    writer = Writer(engine, Bells())
    verb = Verb("count", lambda transaction, items: [transaction.sqlite for _ in items])
    try:
        with pytest.raises(StoreError, match="count"):
            await writer.run(verb, None)
        folder.mkdir()
        assert await writer.run(verb, None) is True
    finally:
        await writer.close()
        engine.dispose()
