"""The shape of the house: which room may import which, and what pure rooms keep away from.

A room is a module, or a package with all that is in it; the longest name that fits counts. A new
module that fits no name fails here until it is given its place in ``MAY_IMPORT``.
"""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "appliance"

FILE_LINES = 400

FUNCTION_LINES = 40

MODEM_CODEC = {"modem.pdu", "modem.causes", "modem.values"}

SMPP_NAMES = {"smpp_server.names", "smpp_server.fields", "smpp_server.pdu"}

SMPP_PURE = SMPP_NAMES | {
    "smpp_server.content",
    "smpp_server.manner",
    "smpp_server.masking",
    "smpp_server.network_errors",
    "smpp_server.packing",
    "smpp_server.pcap",
    "smpp_server.receipts",
    "smpp_server.rules",
    "smpp_server.session",
    "smpp_server.tally",
    "smpp_server.calls",
    "smpp_server.trace",
    "smpp_server.lockout",
    "smpp_server.places",
    "smpp_server.guests",
    "smpp_server.times",
    "smpp_server.translate",
    "smpp_server.userdata",
}

MODEM = MODEM_CODEC | {
    "modem.at",
    "modem.headers",
    "modem.quotes",
    "modem.ussd_text",
    "modem.profiles",
    "modem.choices",
    "modem.ladder",
    "modem",
}

PURE = {
    **{package: set() for package in ("config", "dispatch", "lines")},  # nothing of their own
    "errors": set(),
    "lifecycle": {"errors"},
    "policy.categories": set(),
    "submission": {"lifecycle", "policy.categories"},
    "notice": {"lifecycle", "policy.categories"},
    "incident": set(),
    "sessions": set(),
    "policy": {"errors", "lifecycle", "policy.categories", "submission"},
    "text": {"errors"},
    "msisdn": {"errors"},
    "config.accounts": {"errors", "msisdn", "policy.categories"},
    "modem.quotes": set(),
    "modem.headers": set(),
    "modem.at": {"errors", "modem.headers", "modem.quotes"},
    "modem.pdu": {"text", "errors"},
    "modem.ussd_text": {"modem.pdu", "text", "errors"},
    "modem.causes": {"lifecycle", "errors"},
    "modem.values": {"modem.pdu", "modem.causes", "errors"},
    "modem.profiles": {"modem.causes"},
    "modem.choices": {"modem.profiles"},
    "modem.ladder": {"errors"},
    "smpp_server.names": {"errors"},
    "smpp_server.fields": {"errors", "smpp_server.names"},
    "smpp_server.pdu": {"errors", "smpp_server.names", "smpp_server.fields"},
    "smpp_server.rules": SMPP_NAMES,
    "smpp_server.tally": SMPP_NAMES,
    "smpp_server.calls": SMPP_NAMES,
    "smpp_server.masking": {"errors", *SMPP_NAMES},
    "smpp_server.pcap": set(),
    "smpp_server.trace": {
        "errors",
        "smpp_server.masking",
        "smpp_server.pcap",
        *SMPP_NAMES,
    },
    "smpp_server.lockout": set(),
    "smpp_server.places": set(),
    "smpp_server.guests": set(),
    "smpp_server.session": {"errors", "smpp_server.rules", "smpp_server.tally", *SMPP_NAMES},
    "smpp_server.times": {"errors"},
    "smpp_server.packing": {"errors", "text"},
    "smpp_server.network_errors": {"lifecycle"},
    "smpp_server.manner": {"errors", "policy.categories", "config.accounts"},
    "smpp_server.userdata": {"errors", "text", *SMPP_NAMES},
    "smpp_server.content": {
        "errors",
        "text",
        "smpp_server.manner",
        "smpp_server.packing",
        "smpp_server.userdata",
        *SMPP_NAMES,
    },
    "smpp_server.translate": {
        "errors",
        "lifecycle",
        "submission",
        "policy.categories",
        "smpp_server.content",
        "smpp_server.manner",
        "smpp_server.times",
        *SMPP_NAMES,
    },
    "smpp_server.receipts": {
        "errors",
        "text",
        "lifecycle",
        "notice",
        "smpp_server.manner",
        "smpp_server.network_errors",
        "smpp_server.packing",
        "smpp_server.times",
        "smpp_server.userdata",
        *SMPP_NAMES,
    },
}

LOW = {
    *{"errors", "clock", "logs", "lifecycle", "submission", "notice", "incident"},
    "policy.categories",
    "sessions",
}
"""What every room that is not pure may import: the ground, and the values all speak of."""

SENDING = {"store", "models", "policy", "inbox", "text", *MODEM}
"""What carries parts out: the pool and the rooms it is made of."""

WORLDLY = {
    "__init__": set(),
    "clock": set(),
    "logs": set(),
    "credentials": {"errors"},
    "config.types": {"msisdn"},
    "config.terms": LOW | {"policy", "msisdn", "config.types"},
    "config.settings": LOW
    | {"policy", "msisdn", "text", "config.types", "config.terms", "modem.causes"},
    "config.smpp": {"config.settings", "config.types"},
    "config.keywords": LOW | {"policy", "config.types", "text"},
    "config.inbound": LOW | {"policy", "config.types"},
    "config.reading": LOW
    | {"policy", "msisdn", "config.settings", "config.terms", "config.keywords", "config.rules"}
    | {"config.inbound", "config.smpp"},
    "config.reload": LOW | {"config.reading", "config.settings", "config.types"},
    "models": LOW,
    "store": LOW | {"models", "policy", "credentials"},
    "gate": LOW | {"models", "policy"},
    "asked": LOW | {"store", "policy", "text"},
    "intake": LOW
    | {"asked", "gate", "store", "models", "policy", "text", "msisdn", "config.settings"},
    "withdrawal": LOW | {"intake", "store", "models"},
    "modem": LOW | {"text", *MODEM},
    "inbox": LOW
    | {"store", "models", "policy", "intake", "text", "msisdn", "config.settings", *MODEM_CODEC},
    "control": LOW | {"store", "models", "policy"},
    "optouts": LOW | {"store", "models", "policy", "msisdn"},
    "addressing": LOW | {"store", "config.reading"},
    "replies": LOW | {"store", "policy", "text", "msisdn"},
    "outbox": LOW | {"store", "models", "policy", "config.settings"},
    "webhook": LOW | {"__init__", "outbox", "store", "models", "config.settings"},
    "lines.attempt": LOW | SENDING - {"inbox", "modem"},
    "lines.record": LOW | {"store", "models"},
    "lines.judging": LOW | SENDING - {"inbox", "modem"} | {"lines.attempt"},
    "lines.replug": {"errors"},
    "lines.mending": LOW | {"store", "models", "config.settings", "lines.replug", *MODEM},
    "lines.watching": LOW
    | {"store", "models", "policy", "config.settings", "lines.judging", "lines.mending", *MODEM},
    "lines.standing": LOW | SENDING - {"inbox"},
    "lines.roster": LOW | {"store", "models"},
    "lines.alarms": LOW | SENDING - {"inbox"},
    "lines.hearing": LOW | SENDING | {"lines.alarms", "lines.standing"},
    "lines.reserved": LOW | {"store", "models", "policy"},
    "lines.offer": {"msisdn", "policy", "policy.categories", "lines.reserved"},
    "dispatch.waiting": LOW | {"policy", "store"},
    "dispatch.kept": {"lines.line", "policy"},
    "lines.hands": LOW | {"store", "inbox", "lines.record"},
    "lines.probation": LOW | {"lines.hands", "policy", "store", "lines.watching"},
    "lines.conduct": LOW
    | SENDING
    | {
        "lines.attempt",
        "lines.hands",
        "lines.judging",
        "lines.mending",
        "lines.probation",
        "lines.watching",
    },
    "lines.beginning": LOW | {"store", "models"},
    "lines.line": LOW
    | SENDING
    | {
        "lines.attempt",
        "lines.beginning",
        "lines.conduct",
        "lines.hands",
        "lines.hearing",
        "lines.offer",
        "lines.reserved",
    }
    | {"lines.standing", "lines.watching"},
    "dispatch.times": set(),
    "dispatch.waking": LOW | {"policy", "store"},
    "dispatch.supplied": {"dispatch.times", "lines.line"},
    "dispatch.ahead": LOW | {"dispatch.times", "store", "policy"},
    "dispatch.blocked": {"dispatch.ahead", "dispatch.kept", "dispatch.waking", "policy", "store"},
    "dispatch.dispatcher": LOW
    | {"dispatch.ahead", "dispatch.blocked", "dispatch.kept", "dispatch.supplied"}
    | {"lines.line", "policy", "store"},
    "config.rules": LOW | {"policy", "msisdn", "config.types"},
    "dispatch.site_rules": LOW | {"dispatch.ahead", "config.reading", "msisdn", "policy", "store"},
    "dispatch.rerouting": LOW | {"msisdn", "policy", "store"},
    "planning": LOW | {"store", "policy", "config.reading", "msisdn"},
    "lines.allowances": LOW | {"store", "policy"},
    "lines.site": LOW
    | SENDING
    | {
        "lines.attempt",
        "lines.hands",
        "lines.line",
        "lines.mending",
        "config.settings",
        "lines.watching",
    },
    "lines.keeper": LOW
    | SENDING
    | {
        "lines.allowances",
        "lines.attempt",
        "lines.hands",
        "lines.line",
        "lines.mending",
        "lines.site",
        "lines.watching",
    }
    | {"lines.record", "lines.roster", "lines.standing"},
    "lines.selftest": LOW | SENDING | {"intake", "lines.keeper", "lines.line", "lines.standing"},
    "pool": LOW | {"dispatch.dispatcher", "lines.keeper", "modem"},
    "lines.errands": LOW
    | SENDING
    | {"control", "intake", "lines.line", "lines.keeper", "lines.selftest"},
    "chores": LOW | {"store", "models", "policy", "config.settings"},
    "timekeeping": LOW | {"store"},
    "lines.balances": LOW | SENDING | {"config.settings"},
    "smpp_server": LOW
    | {"intake", "withdrawal", "outbox", "store", "models", "policy", "text", "config.settings"}
    | {"config.accounts", "credentials", *SMPP_PURE},
    "api": LOW
    | {
        "__init__",
        "config.accounts",
        "intake",
        "withdrawal",
        "outbox",
        "control",
        "optouts",
        "store",
        "models",
        "planning",
        "policy",
        "config.reading",
        "config.reload",
        "config.settings",
    },
    "service": LOW,
    "usb_helper": set(),
}

BELOW_THE_DAEMON = {*PURE, *WORLDLY}

MAY_IMPORT = {
    **PURE,
    **WORLDLY,
    "wiring": BELOW_THE_DAEMON,
    "daemon": BELOW_THE_DAEMON | {"wiring"},
    "cli": BELOW_THE_DAEMON | {"wiring", "daemon"},
    "__main__": {"cli"},
}

DOORS = {"api", "smpp_server", "webhook"}

OUT_OF_REACH = {
    "pool",
    "dispatch.dispatcher",
    "dispatch.ahead",
    "lines.line",
    "lines.keeper",
    "lines.attempt",
    "modem",
    *MODEM,
}
"""What no door may touch: the pool with its rooms, and the modems."""

WORLD = {
    "asyncio",
    "fastapi",
    "httpx",
    "logging",
    "os",
    "random",
    "serial",
    "socket",
    "sqlalchemy",
    "sqlmodel",
    "subprocess",
    "threading",
    "time",
    "uvicorn",
}

SESSION_MAKERS = {"Session", "create_engine", "sessionmaker", "scoped_session"}

LONG = {
    "store/migrations/versions": "a migration is a list of tables, in one function each way",
}
"""What may be longer than the bounds, and why."""


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}

TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}


def imports(name):
    """Return all that a module imports, wherever it stands in it, as full dotted names."""
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole.removeprefix("appliance.") in MODULES else node.module)
    return found


def ours(name):
    """Return which modules of this project it imports; the package itself is ``__init__``."""
    found = {each for each in imports(name) if each.partition(".")[0] == "appliance"}
    return {each.removeprefix("appliance").lstrip(".") or "__init__" for each in found}


def room_of(name):
    steps = name.split(".")
    names = [".".join(steps[:length]) for length in range(len(steps), 0, -1)]
    room = next((each for each in names if each in MAY_IMPORT), None)
    assert room is not None, f"{name}: give this room its place in MAY_IMPORT"
    return room


@pytest.mark.parametrize("name", MODULES)
def test_a_room_imports_only_what_its_place_allows(name):
    room = room_of(name)
    allowed = MAY_IMPORT[room] | {room}
    assert sorted(each for each in ours(name) if room_of(each) not in allowed) == []


def test_the_table_itself_has_no_circle_and_names_no_room_twice():
    below = {room: allowed - {room} for room, allowed in MAY_IMPORT.items()}
    tuple(TopologicalSorter(below).static_order())
    assert not set(PURE) & set(WORLDLY)


def test_no_module_imports_itself_by_a_detour():
    try:
        tuple(TopologicalSorter({name: ours(name) - {name} for name in MODULES}).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("name", [name for name in MODULES if room_of(name) in PURE])
def test_pure_rooms_do_not_touch_the_world(name):
    assert {each.partition(".")[0] for each in imports(name)} & WORLD == set()


def test_pure_rooms_import_only_pure_rooms():
    for room, allowed in PURE.items():
        assert allowed <= set(PURE), room


@pytest.mark.parametrize("door", sorted(DOORS))
def test_doors_know_neither_each_other_nor_the_pool_nor_the_modems(door):
    others = DOORS - {door}
    inside = [name for name in MODULES if name.partition(".")[0] == door]
    for name in inside:
        reached = {each.partition(".")[0] for each in ours(name)} | set(ours(name))
        assert reached & (others | OUT_OF_REACH) == set(), name


def test_modems_know_nothing_of_the_store():
    for name in MODULES:
        if name.partition(".")[0] == "modem":
            reached = {each.partition(".")[0] for each in ours(name)}
            assert reached & {"store", "models"} == set(), name


@pytest.mark.parametrize("name", MODULES)
def test_only_the_store_opens_a_session(name):
    taken = {
        alias.name
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] in {"sqlalchemy", "sqlmodel"}
        for alias in node.names
    }
    assert name.partition(".")[0] == "store" or taken & SESSION_MAKERS == set()


@pytest.mark.parametrize("name", [name for name in MODULES if name != "config.reading"])
def test_only_the_configuration_reads_the_environment(name):
    read = {
        node.attr
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv", "environb"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert read == set()


@pytest.mark.parametrize("name", [name for name in MODULES if name != "clock"])
def test_only_the_clock_asks_for_the_time(name):
    asked = {
        ast.unparse(node.func)
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    forbidden = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
    assert asked & forbidden == set()


def excused(path):
    return any(str(path.relative_to(ROOT)).startswith(place) for place in LONG)


@pytest.mark.parametrize("name", MODULES)
def test_files_and_functions_are_short(name):
    path = MODULES[name]
    if excused(path):
        return
    assert len(path.read_text("utf-8").splitlines()) <= FILE_LINES
    lengths = {
        node.name: (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {each: long for each, long in lengths.items() if long > FUNCTION_LINES} == {}


def test_what_is_excused_is_there():
    for place in LONG:
        assert (ROOT / place).exists(), place
