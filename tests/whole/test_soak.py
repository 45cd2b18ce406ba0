"""The short form of the soak (``make soak``): half a minute of faults that are over soon."""

import pytest

from tests.fake_modem import OnAir
from tests.fake_modem.pdu import Concat
from tests.soak.books import Asked, Books, State, compare
from tests.soak.clients import Told
from tests.soak.gauges import Sample, growth
from tests.soak.soak import Plan, soak

SHORT = Plan(minutes=0.3, modems=6, seed=20261122, rate=12, every=0.7, restarts=2, quick=True)


@pytest.mark.timeout(300)
async def test_nothing_is_lost_and_nothing_is_doubled_whatever_happens(tmp_path):
    said = []
    found = await soak(SHORT, said.append, tmp_path)
    assert found.complaints() == []
    assert found.numbers["accepted"] > 50
    assert found.numbers["inbound"] > 10
    assert (found.kills, found.stops) == (1, 1)
    assert len(found.faults) > 8


# The soak would notice


NUMBER = "+4915100000001"


def on_air(to=NUMBER, ordinal=1, total=1):
    concat = Concat(7, total, ordinal) if total > 1 else None
    return OnAir(0.0, "modem0", "", to, 1, concat, "hello", None, "", accepted=True)


def wrong(*entries, state="delivered", parts=1, told=1, **more):
    app = Told()
    app.fates["m1", state] = told
    books = Books([Asked(NUMBER, app, "m1")], **more)
    return compare(books, {"m1": State(state, parts)}, entries, app)


def test_a_soak_without_faults_has_nothing_to_complain_of():
    assert wrong(on_air()).wrong() == {}
    assert wrong(on_air(ordinal=2, total=2), on_air(total=2), parts=2).wrong() == {}


@pytest.mark.parametrize(
    ("audit", "what"),
    [
        (wrong(), "lost"),
        (wrong(on_air(total=2), parts=2), "lost"),
        (wrong(on_air(), on_air()), "twice"),
        (wrong(on_air(), state="sending"), "stuck"),
        (wrong(state="failed"), "failed"),
        (wrong(on_air(), told=0), "untold"),
        (wrong(on_air(), told=2), "told_twice"),
        (wrong(on_air(), inbound=[(NUMBER, "hi")]), "inbound_lost"),
        (wrong(on_air(), stopped={NUMBER: "hello"}), "after_stop"),
        (wrong(on_air(), taken_after_stop=[NUMBER]), "after_stop"),
    ],
    ids=str,
)
def test_the_soak_notices_what_is_wrong(audit, what):
    assert list(audit.wrong()) == [what]


def answered(*, by, sim):
    """Compare a message that was carried by "A", and whose answer one of two apps was told."""
    asker, first = Told(), Told()
    asker.fates["m1", "delivered"] = 1
    (asker if by == "asker" else first).inbound[NUMBER, "OK"] = 1
    books = Books([Asked(NUMBER, asker, "m1", reply="OK")])
    entry = OnAir(0.0, "modem0", "A", NUMBER, 1, None, "hello", None, "", accepted=True)
    return compare(books, {"m1": State("delivered", 1, sim)}, [entry], first)


def test_an_answer_goes_to_who_asked_unless_the_daemon_thinks_that_another_sim_has_carried_it():
    assert answered(by="asker", sim="A").wrong() == {}
    assert answered(by="first", sim="B").wrong() == {}
    assert list(answered(by="first", sim="A").wrong()) == ["inbound_lost"]
    assert list(answered(by="asker", sim="B").wrong()) == ["inbound_lost"]


def test_what_nobody_knows_of_is_counted_apart():
    assert wrong(state="uncertain").uncertain_not_sent == 1
    assert wrong(on_air(), state="uncertain").uncertain_sent == 1
    assert wrong(on_air(), state="sent").unreported == 1


def test_inbound_messages_that_nobody_sent_or_that_come_twice_are_noticed():
    app = Told()
    app.inbound[NUMBER, "hi"] = 2
    found = compare(Books(inbound=[(NUMBER, "hi")]), {}, [], app)
    assert list(found.wrong()) == ["inbound_twice"]
    assert list(compare(Books(), {}, [], app).wrong()) == ["inbound_twice", "invented"]


def samples(*, leak=0.0, step=0):
    return [Sample(at, 100 + leak * at, 50 + step * at // 100, 9) for at in range(300)]


def test_what_grows_is_noticed_and_what_is_loaded_once_is_not():
    assert all(one.within for one in growth(samples()).values())
    assert all(one.within for one in growth(samples()[:20]).values())
    early = [Sample(at, 80 + min(at, 30), 50, 9) for at in range(300)]
    assert all(one.within for one in growth(early).values())
    assert not growth(samples(leak=0.1))["memory"].within
    assert not growth(samples(step=10))["files"].within
