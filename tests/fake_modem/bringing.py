"""The verbs by which something comes to a modem from outside: messages, calls, USSD, old stock."""

from collections.abc import Callable
from typing import Any

from tests.fake_modem import calls, stock, ussd
from tests.fake_modem.bench import Bench, Fields
from tests.fake_modem.modem import FakeModem


def inbound(
    bench: Bench,
    chosen: list[FakeModem],
    text: str,
    *,
    sender: str | None = None,
    senders: list[str] | None = None,
    count: int = 1,
    **options: Any,
) -> Fields:
    """Send ``count`` messages to the modems in turn, from the senders in turn."""
    from_whom = senders or [sender or "+4915112345678"]
    parts = 0
    for index in range(count):
        sim = chosen[index % len(chosen)].sim
        assert sim is not None
        said = text.replace("{n}", str(index))
        parts += bench.network.inbound(sim, from_whom[index % len(from_whom)], said, **options)
    return {"parts": parts}


def raw(bench: Bench, chosen: list[FakeModem], tpdu: str, *, report: bool = False) -> None:
    for modem in chosen:
        assert modem.sim is not None
        bench.network.inbound_raw(modem.sim, bytes.fromhex(tpdu), report=report)


def call(
    _bench: Bench, chosen: list[FakeModem], number: str, rings: int = 10, every: float = 3.0
) -> None:
    for modem in chosen:
        calls.ring(modem, number, rings, every)


def say(_bench: Bench, chosen: list[FakeModem], text: str) -> None:
    for modem in chosen:
        modem.indicate(text)


def script(bench: Bench, chosen: list[FakeModem], code: str, replies: list[Fields]) -> None:
    """Have the network answer a code so; if not all modems are meant, for these SIMs alone."""
    made = tuple(ussd.Reply(**reply) for reply in replies)
    if chosen == bench.modems:
        bench.network.ussd[code] = made
        return
    for modem in chosen:
        assert modem.sim is not None
        modem.sim.ussd[code] = made


def fill(
    _bench: Bench, chosen: list[FakeModem], memory: str = "SM", what: str = "old", **options: Any
) -> Fields:
    """Put old stock into a memory of each modem; see ``stock``."""
    return {"put": [stock.fill(modem, memory, what, **options) for modem in chosen]}


def broadcast(bench: Bench, chosen: list[FakeModem], text: str, channel: int = 50) -> Fields:
    """Broadcast in the cell of each modem; ``heard``: how many pages each took notice of."""
    return {"heard": [bench.network.broadcast(modem, text, channel) for modem in chosen]}


BRINGS: dict[str, Callable[..., Fields | None]] = {
    "inbound": inbound,
    "raw": raw,
    "call": call,
    "say": say,
    "ussd": script,
    "fill": fill,
    "broadcast": broadcast,
}
