"""What the SMPP server has counted, for Prometheus.

Labels are bounded, whatever a peer sends: accounts by their names (none: of sessions that were
never bound), commands and statuses by ours, ``other`` for the rest.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance.smpp_server.desk import Desk
from appliance.smpp_server.names import RESPONSE, Command, Status
from appliance.smpp_server.rules import BOUND_BY
from appliance.smpp_server.tally import OTHER, Direction, Tally
from appliance.smpp_server.trace import command_name, status_name

BINDS: Final = {command | RESPONSE: state.value for command, state in BOUND_BY.items()}

Counts = Mapping[int, Tally]
"""What was counted, by account; 0: of sessions that were never bound."""


def metrics(desk: Desk, names: Mapping[int, str]) -> Iterator[Metric]:
    """Yield all of it; ``names`` are those of the accounts by their ids."""
    counts = _counted(desk)
    yield _pdus(counts, names)
    yield _binds(counts, names)
    yield _refusals(counts, names)
    yield _receipts(counts, desk.again, names)
    yield _sessions(desk, names)


def _counted(desk: Desk) -> Counts:
    """Add up what sessions have counted: those that ended, and those that are somebody's.

    One that is not bound yet may become somebody's; counted now, its numbers would move.
    """
    found: dict[int, Tally] = {}
    for account_id, past in desk.past.items():
        found.setdefault(account_id, Tally()).add(past)
    for connection in desk.connections:
        if connection.account_id:
            found.setdefault(connection.account_id, Tally()).add(connection.session.tally)
    return found


def _pdus(counts: Counts, names: Mapping[int, str]) -> Metric:
    labels = ("account", "direction", "command", "status")
    family = CounterMetricFamily("appliance_smpp_pdus", "PDUs that came and went.", labels=labels)
    for account_id, tally in counts.items():
        for (direction, command, status), number in tally.pdus.items():
            which = (_name(account_id, names), direction.value, _command(command), _status(status))
            family.add_metric(which, number)
    return family


def _binds(counts: Counts, names: Mapping[int, str]) -> Metric:
    family = CounterMetricFamily(
        "appliance_smpp_binds", "Binds that were let in.", labels=("account", "bind")
    )
    for account_id, tally in counts.items():
        for command, bind in BINDS.items():
            if number := tally.pdus.get((Direction.OUT, command, Status.OK), 0):
                family.add_metric((_name(account_id, names), bind), number)
    return family


def _refusals(counts: Counts, names: Mapping[int, str]) -> Metric:
    labels = ("account", "command", "status")
    family = CounterMetricFamily(
        "appliance_smpp_refusals", "Requests that were refused, binds included.", labels=labels
    )
    for account_id, tally in counts.items():
        for (direction, command, status), number in tally.pdus.items():
            if direction is Direction.OUT and status != Status.OK:
                asked = _command(command).removesuffix("_resp")
                family.add_metric((_name(account_id, names), asked, _status(status)), number)
    return family


def _receipts(counts: Counts, again: Mapping[int, int], names: Mapping[int, str]) -> Metric:
    family = CounterMetricFamily(
        "appliance_smpp_receipts",
        "Receipts and inbound messages: sent, acked, refused, and retried (sent once more).",
        labels=("account", "what"),
    )
    for account_id, tally in counts.items():
        found: Counter[str] = Counter(retried=again.get(account_id, 0))
        for (direction, command, status), number in tally.pdus.items():
            if command == Command.DELIVER_SM and direction is Direction.OUT:
                found["sent"] += number
            elif command == Command.DELIVER_SM | RESPONSE and direction is Direction.IN:
                found["acked" if status == Status.OK else "refused"] += number
        for what, number in found.items():
            if number:
                family.add_metric((_name(account_id, names), what), number)
    return family


def _sessions(desk: Desk, names: Mapping[int, str]) -> Metric:
    family = GaugeMetricFamily(
        "appliance_smpp_sessions", "Sessions that are bound now.", labels=("account", "bind")
    )
    bound = Counter(
        (_name(one.account_id, names), one.session.state.value)
        for account_id in names
        for one in desk.binds.of(account_id)
    )
    for which, number in bound.items():
        family.add_metric(which, number)
    return family


def _name(account_id: int, names: Mapping[int, str]) -> str:
    """Return what an account is called; one that was made this moment has its number."""
    return names.get(account_id, str(account_id) if account_id else "")


def _command(command: int) -> str:
    return "other" if command == OTHER else command_name(command)


def _status(status: int) -> str:
    return "other" if status == OTHER else status_name(status)
