"""The order in which a line sends what it has."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from appliance.lines.reserved import Reserved
from tests.dispatch.test_supplied import message


def reserved(*entries):
    """Reserve messages of (id, priority, urgent), one after the other."""
    made = Reserved()
    for number, priority, urgent in entries:
        made.add(replace(message(number), priority=priority), urgent=urgent)
    return made


def taken(made):
    return [made.next().message_id for _ in range(len(made))]


def test_an_urgent_one_goes_before_the_others_and_before_urgent_ones_of_lower_priority():
    made = reserved((1, 0, False), (2, 2, True), (3, 3, True), (4, 2, True))
    assert made.interrupts
    assert taken(made) == [3, 2, 4, 1]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12))
def test_the_order_is_urgent_then_priority_then_age_and_the_others_as_they_came(asked):
    entries = [(number, *each) for number, each in enumerate(asked)]
    urgent = sorted((e for e in entries if e[2]), key=lambda e: (-e[1], e[0]))
    others = [e for e in entries if not e[2]]
    assert taken(reserved(*entries)) == [number for number, _, _ in (*urgent, *others)]
