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
    "smpp_server.packing",
    "smpp_server.receipts",
    "smpp_server.rules",
    "smpp_server.session",
    "smpp_server.times",
    "smpp_server.translate",
    "smpp_server.userdata",
}

MODEM = MODEM_CODEC | {
    "modem.at",
    "modem.quotes",
    "modem.ussd_text",
    "modem.profiles",
    "modem.choices",
    "modem.ladder",
    "modem",
}

PURE = {
    "errors": set(),
    "lifecycle": {"errors"},
    "policy.categories": set(),
    "submission": {"lifecycle", "policy.categories"},
    "notice": {"lifecycle", "policy.categories"},
    "incident": set(),
    "policy": {"errors", "lifecycle", "policy.categories", "submission"},
    "text": {"errors"},
    "msisdn": {"errors"},
    "account_settings": {"errors", "msisdn", "policy.categories"},
    "modem.quotes": set(),
    "modem.at": {"errors", "modem.quotes"},
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
    "smpp_server.session": {"errors", "smpp_server.rules", *SMPP_NAMES},
    "smpp_server.times": {"errors"},
    "smpp_server.packing": {"errors", "text"},
    "smpp_server.manner": {"errors", "policy.categories", "account_settings"},
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
        "smpp_server.packing",
        "smpp_server.times",
        "smpp_server.userdata",
        *SMPP_NAMES,
    },
}

LOW = {
    *{"errors", "clock", "logs", "lifecycle", "submission", "notice", "incident"},
    "policy.categories",
}
"""What every room that is not pure may import: the ground, and the values all speak of."""

SENDING = {"store", "models", "policy", "inbox", "text", *MODEM}
"""What carries parts out: the pool and the rooms it is made of."""

WORLDLY = {
    "__init__": set(),
    "clock": set(),
    "logs": set(),
    "credentials": {"errors"},
    "setting_types": {"msisdn"},
    "terms": LOW | {"policy", "msisdn", "setting_types"},
    "settings": LOW | {"policy", "msisdn", "text", "setting_types", "terms", "modem.causes"},
    "keyword_settings": LOW | {"policy", "setting_types", "text"},
    "config": LOW | {"policy", "msisdn", "settings", "terms", "keyword_settings", "rule_settings"},
    "reload": LOW | {"config", "settings", "setting_types"},
    "models": LOW,
    "store": LOW | {"models", "policy", "credentials"},
    "intake": LOW | {"store", "models", "policy", "text", "msisdn", "settings"},
    "withdrawal": LOW | {"intake", "store", "models"},
    "modem": LOW | {"text", *MODEM},
    "inbox": LOW
    | {"store", "models", "policy", "intake", "text", "msisdn", "settings", *MODEM_CODEC},
    "control": LOW | {"store", "models", "policy"},
    "optouts": LOW | {"store", "models", "policy", "msisdn"},
    "replies": LOW | {"store", "policy", "text", "msisdn"},
    "outbox": LOW | {"store", "models", "policy", "settings"},
    "webhook": LOW | {"__init__", "outbox", "store", "models", "settings"},
    "attempt": LOW | SENDING - {"inbox", "modem"},
    "record": LOW | {"store", "models"},
    "judging": LOW | SENDING - {"inbox", "modem"} | {"attempt"},
    "replug": {"errors"},
    "mending": LOW | {"store", "models", "settings", "replug", *MODEM},
    "watching": LOW | {"store", "models", "policy", "settings", "mending", *MODEM},
    "standing": LOW | SENDING - {"inbox"},
    "roster": LOW | {"store", "models"},
    "alarms": LOW | SENDING - {"inbox"},
    "hearing": LOW | SENDING | {"alarms", "standing"},
    "reserved": LOW | {"store", "models", "policy"},
    "offer": {"policy", "policy.categories", "reserved"},
    "waiting": LOW | {"policy", "store"},
    "kept": {"line", "policy"},
    "hands": LOW | {"store", "inbox", "record"},
    "probation": LOW | {"hands", "policy", "store", "watching"},
    "conduct": LOW | SENDING | {"attempt", "hands", "judging", "mending", "probation", "watching"},
    "beginning": LOW | {"store", "models"},
    "line": LOW
    | SENDING
    | {"attempt", "beginning", "conduct", "hands", "hearing", "offer", "reserved"}
    | {"standing", "watching"},
    "ahead": LOW | {"store", "policy"},
    "dispatcher": LOW | {"ahead", "kept", "line", "policy", "store"},
    "rule_settings": LOW | {"policy", "msisdn", "setting_types"},
    "site_rules": LOW | {"ahead", "config", "msisdn", "policy", "store"},
    "rerouting": LOW | {"msisdn", "policy", "store"},
    "planning": LOW | {"store", "policy", "config", "msisdn"},
    "allowances": LOW | {"store", "policy"},
    "site": LOW | SENDING | {"attempt", "hands", "line", "mending", "settings", "watching"},
    "keeper": LOW
    | SENDING
    | {"allowances", "attempt", "hands", "line", "mending", "site", "watching"}
    | {"record", "roster", "standing"},
    "selftest": LOW | SENDING | {"intake", "keeper", "line", "standing"},
    "pool": LOW | {"dispatcher", "keeper", "modem"},
    "errands": LOW | SENDING | {"control", "intake", "line", "keeper", "selftest"},
    "chores": LOW | {"store", "models", "policy", "settings"},
    "timekeeping": LOW | {"store"},
    "balances": LOW | SENDING | {"settings"},
    "smpp_server": LOW
    | {"intake", "withdrawal", "outbox", "store", "models", "policy", "text", "settings"}
    | {"account_settings", *SMPP_PURE},
    "api": LOW
    | {
        "__init__",
        "account_settings",
        "intake",
        "withdrawal",
        "outbox",
        "control",
        "optouts",
        "store",
        "models",
        "planning",
        "policy",
        "config",
        "reload",
        "settings",
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

OUT_OF_REACH = {"pool", "dispatcher", "ahead", "line", "keeper", "attempt", "modem", *MODEM}
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


@pytest.mark.parametrize("name", [name for name in MODULES if name != "config"])
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
