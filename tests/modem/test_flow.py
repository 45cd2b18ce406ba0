"""What is garbage, and how fast a port is read that says too much."""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.modem.flow import BURST, MANY, PATIENCE, PAUSE, RATE, WINDOW, Flow

TEXT = b"\r\n+CREG: 1\r\n" * 400
NOISE = bytes(range(256)) * 16


def run(data, seconds, rate, start=1000.0):
    """Say ``data`` again and again, ``rate`` bytes a second; return the flow and what was read."""
    flow, now, read, end = Flow(), start, 0, start + seconds
    while now < end:
        pause = flow.take(data, now)
        read += len(data)
        now += pause + len(data) / rate
    return flow, read


def test_a_busy_uart_and_a_full_memory_that_is_listed_are_never_held_up():
    flow, now = Flow(), 1000.0
    assert not any(flow.take(TEXT, now) for _ in range(BURST // len(TEXT)))
    flow, read = run(TEXT, seconds=20, rate=11_520)
    assert flow.garbage == 0
    assert read >= 20 * 11_520


def test_a_flood_is_read_no_faster_than_its_share():
    _, read = run(NOISE, seconds=20, rate=500_000)
    assert RATE * 18 < read < BURST + RATE * 21


def test_noise_is_garbage_at_any_speed_that_matters():
    assert run(NOISE, seconds=5, rate=500_000)[0].garbage >= 3
    assert run(NOISE[:64], seconds=5, rate=4 * MANY)[0].garbage >= 3


def test_a_few_odd_bytes_are_not_garbage():
    assert run(TEXT + b"\xe4\xf6\xfc" * 10, seconds=10, rate=20_000)[0].garbage == 0
    assert run(NOISE[:64], seconds=10, rate=MANY / 4)[0].garbage == 0


def test_text_without_end_is_garbage_after_a_while_too():
    assert run(TEXT, seconds=WINDOW * (PATIENCE - 1), rate=500_000)[0].garbage == 0
    assert run(TEXT, seconds=WINDOW * (PATIENCE + 4), rate=500_000)[0].garbage > 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=4096), st.floats(0, 5)), max_size=60))
def test_no_bytes_at_any_pace_hold_a_port_up_for_longer_than_a_moment(said):
    flow, now = Flow(), 0.0
    for data, later in said:
        assert 0 <= flow.take(data, now) <= 2 * PAUSE + len(data) / RATE
        now += later
