import os
import re
import tomllib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ValidationError

import appliance
from appliance.config.inbound import InboundSetting
from appliance.config.reading import Config, journal_reads_stderr
from appliance.config.rules import CapSetting, RouteSetting
from appliance.config.settings import Sim, Site
from appliance.config.terms import Group, Terms
from appliance.errors import BadConfig
from appliance.modem.causes import Kind, Overrides
from appliance.policy.categories import Category
from appliance.policy.contract import Contract, Eligible
from appliance.policy.keywords import Keyword, keyword
from appliance.policy.limits import (
    Budget,
    Bundle,
    Daily,
    Gap,
    Hours,
    Monthly,
    Months,
    Pace,
    RampUp,
    RecipientsDaily,
    RecipientsMonthly,
    Rolling,
    WeekHours,
)
from appliance.policy.uncertain import UncertainRules
from appliance.submission import WhenUncertain

SHIPPED = Path(appliance.__file__).with_name("appliance.toml")
ICCID = "8949020000000000001"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in [name for name in os.environ if name.upper().startswith("APPLIANCE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def load(tmp_path):
    def write_and_load(text):
        path = tmp_path / "appliance.toml"
        path.write_text(text)
        return Config.load(path)

    return write_and_load


@pytest.fixture
def complaints(load):
    def of(text):
        with pytest.raises(BadConfig) as caught:
            load(text)
        return list(caught.value.complaints)

    return of


# The shipped file


def uncommented(text):
    """Bring out the example at the end: its lines have no blank after the sign."""
    return re.sub(r"^#(?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)


def test_the_shipped_file_has_every_key_and_no_other():
    written = tomllib.loads(uncommented(SHIPPED.read_text()))
    written["sims"], others = written["sims"][0], Config.model_fields
    assert set(written["groups"].pop()) < set(Group.model_fields)
    assert set(written) == set(others)
    models = {name: type(getattr(Config(), name)) for name in others} | {"sims": Sim}
    several_of = {"routes": RouteSetting, "caps": CapSetting, "inbound": InboundSetting}
    for several, model in several_of.items():
        assert set(written[several].pop()) <= set(model.model_fields)
        del models[several]
    del models["groups"]
    for section, model in models.items():
        assert issubclass(model, BaseModel)
        assert list(written[section]) == list(model.model_fields), section


def test_the_shipped_file_says_what_holds_without_it(load):
    assert load(SHIPPED.read_text()) == Config()
    assert load("") == Config()


def test_each_key_of_the_shipped_file_is_explained_above_it():
    """Two keys may share a comment; a key after an empty line has its own."""
    lines = SHIPPED.read_text().splitlines()
    for above, line in pairwise(lines):
        if re.match(r"#?[a-z_]+ = ", line):
            assert above.startswith("#") or above == 'host = "127.0.0.1"', line
            assert above != "#", line


def test_the_example_of_a_sim_is_good(load):
    (sim,) = load(uncommented(SHIPPED.read_text())).sims
    assert sim.name == "Shelf 1"


# Files


def test_a_missing_file_is_fine_only_where_nobody_named_it(tmp_path, monkeypatch):
    missing = tmp_path / "none.toml"
    monkeypatch.setattr(appliance.config.reading, "DEFAULT_PATH", missing)
    assert Config.load(None) == Config()
    with pytest.raises(BadConfig) as caught:
        Config.load(missing)
    assert str(caught.value) == f"{missing}: there is no such file"


def test_the_default_file_is_read_if_it_is_there(tmp_path, monkeypatch):
    path = tmp_path / "appliance.toml"
    path.write_text("[http]\nport = 9\n")
    monkeypatch.setattr(appliance.config.reading, "DEFAULT_PATH", path)
    assert Config.load().http.port == 9


def test_what_is_no_file_and_what_is_no_toml_is_told(tmp_path, complaints):
    with pytest.raises(BadConfig, match="Is a directory"):
        Config.load(tmp_path)
    (complaint,) = complaints("[http\nport = 1")
    assert complaint.startswith("no TOML: ")
    assert "line 1" in complaint


def test_a_file_in_another_encoding_is_told(tmp_path):
    path = tmp_path / "appliance.toml"
    path.write_bytes("[site]\n# Köln".encode("latin-1"))
    with pytest.raises(BadConfig, match="no TOML"):
        Config.load(path)


# Complaints


def test_all_complaints_are_told_at_once_and_each_says_where(complaints, monkeypatch):
    monkeypatch.setenv("APPLIANCE_LOG__LEVEL", "loud")
    monkeypatch.setenv("APPLIANCE_HTTP_PORT", "1")
    found = complaints(
        f"""
        [http]
        port = "x"
        [htp]
        port = 1
        [[sims]]
        iccid = "{ICCID}"
        parts_per_dya = 7
        [[sims]]
        iccid = "{ICCID}F"
        parts_per_day = 0
        """
    )
    assert sorted(found) == [
        "APPLIANCE_HTTP_PORT: no such setting (a setting is APPLIANCE_SECTION__KEY)",
        "htp: there is no such key",
        "http.port: must be a whole number",
        ("log.level: should be 'debug', 'info', 'warning' or 'error' (from APPLIANCE_LOG__LEVEL)"),
        "sims.0.parts_per_dya: there is no such key",
        f"sims.1.iccid: {ICCID} is sims.0 already",
        'sims.1.parts_per_day: must be a whole number from 1, or "none"',
    ]


def test_the_sentence_has_the_file_before_each_complaint(load, tmp_path):
    with pytest.raises(BadConfig) as caught:
        load("a = 1\nb = 2")
    path = tmp_path / "appliance.toml"
    assert str(caught.value).splitlines() == [
        f"{path}: a: there is no such key",
        f"{path}: b: there is no such key",
    ]


WRONG = [
    ("storage", 'database = "mysql://x"', 'must begin with "postgresql+psycopg://"'),
    ("storage", 'database = "postgresql://x"', 'must begin with "postgresql+psycopg://"'),
    ("storage", 'database = "sqlite:///relative.db"', "must begin with"),
    ("storage", "keep_free_mb = -1", "must be 0 or more"),
    ("http", "port = 65536", "must be 65535 or less"),
    ("http", "port = -1", "must be 0 or more"),
    ("http", 'host = ""', "must be a name or an address"),
    ("http", 'host = "http://x"', "without slashes"),
    ("smpp", 'system_id = "sixteen-letters-"', "must be 1 to 15 ASCII"),
    ("smpp", 'gsm0 = "ascii"', "should be 'gsm0338', 'latin1' or 'packed'"),
    ("smpp", "window = 0", "must be 1 or more"),
    ("smpp", "leaving_seconds = 61", "must be 60 or less"),
    ("smpp", "pdu_read_seconds = 0", "must be more than 0"),
    ("smpp", "most_connections = 0", "must be 1 or more"),
    ("smpp", 'tls_certificate = "server.pem"', "absolute path"),
    ("smpp", 'tls_key = "/etc/server.key"', "needs tls_certificate"),
    ("smpp", 'tls_client_ca = "/etc/ca.pem"', "needs tls_certificate"),
    ("smpp", "plain = false", "needs tls_certificate"),
    ("smpp", "response_seconds = 0", "must be more than 0"),
    ("smpp", "response_seconds = inf", "finite number"),
    ("modems", 'ports = ["ttyUSB0"]', 'must be "auto", or absolute paths'),
    ("modems", 'ports = ["socket://host"]', 'must be "auto", or absolute paths'),
    ("modems", 'ports = ["/dev/ttyUSB0", 7]', 'must be "auto", or absolute paths'),
    ("modems", "ports = 7", 'must be "auto", or absolute paths'),
    ("modems", 'simulated = ["auto"]', "must be absolute paths"),
    ("modems", 'pin = "12"', "must be 4 to 8 digits"),
    ("modems", 'pin = "12a4"', "must be 4 to 8 digits"),
    ("limits", "parts_per_minute = 0", 'must be a whole number from 1, or "none"'),
    ("limits", "parts_per_minute = 1.5", 'must be a whole number from 1, or "none"'),
    ("limits", "parts_per_minute = true", 'must be a whole number from 1, or "none"'),
    ("limits", 'parts_per_day = "many"', 'must be a whole number from 1, or "none"'),
    ("limits", "minimum_gap_seconds = -1", "must be 0 or more"),
    ("limits", "parts_per_hour = 0", 'must be a whole number from 1, or "none"'),
    ("limits", "parts_per_month = -1", 'must be a whole number from 1, or "none"'),
    ("limits", "month_starts_on = 0", "must be 1 or more"),
    ("limits", "month_starts_on = 32", "must be 31 or less"),
    ("limits", "parts_per_rolling = [{ parts = 0, hours = 1 }]", "must be a whole number from 1"),
    ("limits", "parts_per_rolling = [{ parts = 5 }]", "is required"),
    ("limits", "parts_per_rolling = [{ parts = 5, hours = 0 }]", "must be more than 0"),
    ("limits", "parts_per_rolling = 5", "must be a list"),
    ("limits", "recipients_per_day = 0", 'must be a whole number from 1, or "none"'),
    ("limits", "recipients_per_month = 0", 'must be a whole number from 1, or "none"'),
    ("limits", "gap_jitter_seconds = -1", "must be 0 or more"),
    ("limits", 'hours = ["8-20"]', "'8-20' must be like 'Mon-Fri 08:00-20:00'"),
    ("limits", 'hours = ["Mon 08:00-08:00"]', "has no length"),
    ("limits", "price_per_part = 0", "must be 0.000001 or more"),
    ("limits", "price_per_part = -0.1", "must be 0.000001 or more"),
    ("limits", "budget_per_month = 0", "must be 0.000001 or more"),
    ("limits", "budget_per_month = 5", "needs price_per_part"),
    ("limits", "bundle = { parts = 5, from = 2026-06-01 }", "is required"),
    ("limits", "bundle = { from = 2026-06-01, until = 2026-06-02 }", "is required"),
    (
        "limits",
        "bundle = { parts = 5, from = 2026-06-02, until = 2026-06-01 }",
        "must not be before from",
    ),
    ("limits", "ramp_up = [20, 0]", "must be a whole number from 1"),
    ("limits", "ramp_up = [20, 10]", "must not fall from one day to the next"),
    ("limits", "weight = 0", "must be more than 0"),
    ("limits", 'categories = ["ads"]', "should be 'otp', 'urgent', 'transactional' or 'marketing'"),
    ("limits", 'accounts = [""]', "is empty"),
    ("limits", 'destinations = ["0151"]', 'must be a prefix such as "+49"'),
    ("limits", 'destinations = ["Germany"]', "or two letters of ISO 3166"),
    ("numbers", 'region = "UK"', "two letters of ISO 3166"),
    ("numbers", 'countries = ["DE", "Austria"]', "two letters of ISO 3166"),
    ("messages", "max_parts = 256", "must be 255 or less"),
    ("messages", "max_parts = 0", "must be 1 or more"),
    ("messages", "validity_hours = 10585", "must be 10584 or less"),
    ("messages", "most_tries = 0", "must be 1 or more"),
    ("uncertain", 'otp = "guess"', "should be 'hold', 'resend' or 'fail'"),
    ("uncertain", 'marketing = "resend"', "must be hold or fail: nobody may get it twice"),
    ("uncertain", "otp_after_minutes = 0", "must be more than 0"),
    ("uncertain", 'accounts = {shop = "guess"}', "should be 'hold', 'resend' or 'fail'"),
    ("keywords", 'stop = ["!!!"]', "must have a letter or a digit"),
    ("keywords", 'help = [""]', "must have a letter or a digit"),
    ("keywords", 'scope = "some"', "should be 'all' or 'marketing'"),
    ("keywords", 'per = "sim"', "should be 'site', 'account' or 'number'"),
    ("keywords", 'stop_reply = "Stop!"', "must not be a keyword itself"),
    ("keywords", f'help_reply = "{"x" * 460}"', "must fit into 3 SMS"),
    ("site", "trust_clock = 3", 'must be true, false, or "auto"'),
    ("storage", "lease_seconds = 0", "must be more than 0"),
    ("storage", "takeover_seconds = -1", "must be more than 0"),
    ("judging", "consecutive = 0", "must be 1 or more"),
    ("judging", "rate = 1.1", "must be 1 or less"),
    ("judging", "rate = 0", "must be more than 0"),
    ("judging", "window_minutes = 0", "must be more than 0"),
    ("judging", "least_parts = 0", "must be 1 or more"),
    ("judging", "unreported = 0", "must be 1 or more"),
    ("judging", "probe_after_minutes = 1441", "must be 1440 or less"),
    ("site", 'timezone = "Europe/Berln"', "no such time zone"),
    ("site", 'timezone = "../etc/passwd"', "no such time zone"),
    ("log", 'level = "INFO"', "should be 'debug', 'info', 'warning' or 'error'"),
]


@pytest.mark.parametrize(("section", "line", "words"), WRONG, ids=[line for _, line, _ in WRONG])
def test_a_wrong_value_is_told_once_and_by_its_place(complaints, section, line, words):
    (complaint,) = complaints(f"[{section}]\n{line}")
    assert complaint.startswith(f"{section}.{line.partition(' ')[0]}")
    assert words in complaint


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('iccid = "123"', "must be 18 to 20 digits"),
        ('iccid = "894902000000000000x"', "must be 18 to 20 digits"),
        (f'iccid = "{ICCID}"\nnumber = "0151"', "must be a number with its country code"),
        (f'iccid = "{ICCID}"\npin = "1"', "must be 4 to 8 digits"),
        ('name = "no ICCID"', "is required"),
    ],
)
def test_a_wrong_sim_is_told(complaints, line, words):
    (complaint,) = complaints(f"[[sims]]\n{line}")
    assert complaint.startswith("sims.0.")
    assert words in complaint


# The environment


def test_the_environment_wins_over_the_file_and_leaves_the_rest(load, monkeypatch):
    monkeypatch.setenv("APPLIANCE_HTTP__PORT", "9090")
    monkeypatch.setenv("APPLIANCE_HTTP__ALLOWED_HOSTS", "sms.example.org, box")
    monkeypatch.setenv("APPLIANCE_MODEMS__PORTS", "/dev/ttyUSB2,/tmp/fake/modem*")
    monkeypatch.setenv("APPLIANCE_MODEMS__ROAMING", "true")
    monkeypatch.setenv("APPLIANCE_LIMITS__PARTS_PER_DAY", "none")
    monkeypatch.setenv("APPLIANCE_LIMITS__PARTS_PER_MINUTE", "12")
    monkeypatch.setenv("APPLIANCE_KEYWORDS__STOP", "raus")
    config = load('[http]\nport = 1\nhost = "0.0.0.0"')
    assert (config.http.port, config.http.host) == (9090, "0.0.0.0")
    assert config.http.allowed_hosts == ("sms.example.org", "box")
    assert config.modems.ports == ("/dev/ttyUSB2", "/tmp/fake/modem*")
    assert config.modems.roaming is True
    assert (config.limits.parts_per_day, config.limits.parts_per_minute) == ("none", 12)
    assert config.keywords.stop == ("raus",)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("APPLIANCE_COLOUR", "APPLIANCE_COLOUR: no such setting"),
        ("APPLIANCE_HTTPS__PORT", "APPLIANCE_HTTPS__PORT: no such setting"),
        ("appliance_colour", "appliance_colour: no such setting"),
        ("APPLIANCE_HTTP__PROT", "http.prot: there is no such key"),
        ("APPLIANCE_HTTP", "http: must be a table of keys and values"),
        ("APPLIANCE_SIMS__0__PIN", "sims: must be a list"),
    ],
)
def test_an_unknown_variable_is_refused(complaints, monkeypatch, name, complaint):
    monkeypatch.setenv(name, "1")
    (found,) = complaints("")
    assert found.startswith(complaint)


def test_the_constructor_reads_no_environment(monkeypatch):
    monkeypatch.setenv("APPLIANCE_HTTP__PORT", "9090")
    assert Config().http.port == 8080
    assert Config.load(SHIPPED).http.port == 9090


# Secrets


def test_secrets_are_shown_nowhere(load):
    config = load(
        f"""
        [storage]
        database = "postgresql+psycopg://me:hunter2@db/sms"
        [modems]
        pin = "8642"
        [[sims]]
        iccid = "{ICCID}"
        pin = "97531"
        """
    )
    for shown in (repr(config), str(config), repr(config.sims), repr(config.storage)):
        assert not re.search("hunter2|8642|97531", shown)
    assert config.storage.database_url == "postgresql+psycopg://me:hunter2@db/sms"
    assert config.pin(ICCID) == "97531"


def test_a_complaint_does_not_repeat_what_was_set(load):
    with pytest.raises(BadConfig) as caught:
        load('[modems]\npin = "s3cret"\n[storage]\ndatabase = "s3cret"\n[limits]\nx = "s3cret"')
    error, told = caught.value, []
    while error is not None:
        told += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    assert len(caught.value.complaints) == 3
    assert not [sentence for sentence in told if "s3cret" in sentence]


# What is made of it


def test_values_never_change():
    with pytest.raises(ValidationError):
        Config().http.port = 1
    with pytest.raises(ValidationError):
        Config().http = None


def test_the_database_is_a_file_in_the_data_directory_unless_set(load):
    assert (
        load('[storage]\ndata = "/srv/x"').storage.database_url == "sqlite:////srv/x/appliance.db"
    )
    named = load('[storage]\ndatabase = "sqlite:////srv/y.db"')
    assert named.storage.database_url == "sqlite:////srv/y.db"


def test_the_socket_lies_in_the_data_directory_unless_set(load):
    assert load('[storage]\ndata = "/srv/x"').socket_path == Path("/srv/x/appliance.sock")
    assert load('[http]\nsocket = "/run/a"').socket_path == Path("/run/a")


def test_a_daemon_without_a_name_has_the_machines(load):
    assert load('[storage]\ndaemon = "left"').storage.daemon_name == "left"
    assert load("").storage.daemon_name


def test_times_have_their_unit(load):
    messages = load("[messages]\nvalidity_hours = 0.5\nkeep_notices_days = 2").messages
    assert messages.validity == timedelta(minutes=30)
    assert messages.report_window == timedelta(hours=72)
    assert messages.keep_notices == timedelta(days=2)


def test_uncertain_parts_are_held_unless_it_is_set_by_category_or_account(load):
    rules = load('[uncertain]\notp = "resend"\notp_after_minutes = 5\naccounts = {shop = "fail"}')
    rules = rules.uncertain.rules
    assert rules.of(None, "bank", Category.OTP) is WhenUncertain.RESEND
    assert rules.of(None, "bank", Category.URGENT) is WhenUncertain.HOLD
    assert rules.of(None, "shop", Category.OTP) is WhenUncertain.FAIL
    assert rules.after[Category.OTP] == timedelta(minutes=5)
    assert load("").uncertain.rules == UncertainRules(
        by_category=dict.fromkeys(Category, WhenUncertain.HOLD)
    )


def test_no_national_table_is_used_unless_it_is_set(load):
    messages = load("").messages
    assert (messages.languages, messages.wide) == ((), False)


def test_national_tables_are_named_by_their_languages_in_the_order_of_liking(load):
    messages = load('[messages]\nnational = ["hindi", "turkish"]').messages
    assert messages.languages == (6, 1)


def test_the_coding_may_be_set_in_the_environment(load, monkeypatch):
    monkeypatch.setenv("APPLIANCE_MESSAGES__NATIONAL", "turkish, spanish")
    monkeypatch.setenv("APPLIANCE_MESSAGES__CONCAT_REFERENCE_BITS", "16")
    messages = load("").messages
    assert (messages.languages, messages.wide) == ((1, 2), True)


@pytest.mark.parametrize("value", ['["Turkish"]', '["klingon"]', '["turkish", 7]', "7"])
def test_a_language_that_has_no_table_is_complained_of(complaints, value):
    (complaint,) = complaints(f"[messages]\nnational = {value}")
    assert complaint.startswith("messages.national")


@pytest.mark.parametrize("value", ["7", '"sixteen"', "true", "[8]", "16.5", '"8 "'])
def test_references_have_8_bits_or_16(complaints, value):
    (complaint,) = complaints(f"[messages]\nconcat_reference_bits = {value}")
    assert complaint.startswith("messages.concat_reference_bits")


def test_a_sim_has_its_own_limits_else_the_default_ones(load):
    config = load(
        f"""
        [limits]
        minimum_gap_seconds = 2
        [site]
        timezone = "Europe/Berlin"
        [[sims]]
        iccid = "{ICCID}F"
        parts_per_minute = 3
        parts_per_day = "none"
        """
    )
    berlin = ZoneInfo("Europe/Berlin")
    gap = Gap(timedelta(seconds=2))
    assert config.limits_of(ICCID, simulated=False) == (Pace(3), gap)
    assert config.limits_of("89" * 10, simulated=False) == (Pace(6), gap, Daily(200, berlin))
    assert config.limits_of("89" * 10, simulated=True) == ()
    assert config.limits_of(ICCID, simulated=True) == (Pace(3),)


def test_none_is_no_limit(load):
    none = 'parts_per_minute = "none"\nparts_per_day = "none"\nminimum_gap_seconds = "none"'
    assert load(f"[limits]\n{none}").limits_of(ICCID, simulated=False) == ()


EVERYTHING = """
parts_per_minute = 3
parts_per_hour = 60
parts_per_day = 100
parts_per_month = 2000
month_starts_on = 15
parts_per_rolling = [{ parts = 300, hours = 48 }]
recipients_per_day = 50
recipients_per_month = 500
minimum_gap_seconds = 2
gap_jitter_seconds = 5
hours = ["Mon-Fri 08:00-20:00"]
price_per_part = 0.05
budget_per_month = 50
bundle = { parts = 1000, from = 2026-06-01, until = 2026-06-30 }
ramp_up = [20, 40]
weight = 2
categories = ["otp"]
accounts = ["shop"]
destinations = ["+49", "at"]
"""


def test_every_kind_of_limit_can_be_set(load):
    config = load(f"[site]\ntimezone = 'Europe/Berlin'\n[[sims]]\niccid = '{ICCID}'\n{EVERYTHING}")
    berlin, days = ZoneInfo("Europe/Berlin"), (date(2026, 6, 1), date(2026, 6, 30))
    contract = config.contract_of(ICCID, simulated=True)
    assert contract.limits == (
        Pace(3),
        Pace(60, timedelta(hours=1), "hour limit"),
        Gap(timedelta(seconds=2), timedelta(seconds=5), ICCID),
        Rolling(300, timedelta(hours=48)),
        Hours(WeekHours.parse(["Mon-Fri 08:00-20:00"]), berlin),
        Daily(100, berlin),
        Monthly(2000, berlin, 15),
        RecipientsDaily(50, berlin),
        RecipientsMonthly(500, berlin, 15),
        Budget(50, 0.05, Months(berlin, 15)),
        Bundle(1000, *days, berlin),
        RampUp((20, 40), berlin),
    )
    assert (contract.weight, contract.price) == (2, 0.05)
    assert contract.eligible == Eligible(
        categories=frozenset({"otp"}),
        accounts=frozenset({"shop"}),
        prefixes=("+49",),
        countries=frozenset({"AT"}),
    )


def test_a_sim_wins_over_its_group_and_the_group_over_the_default(load):
    config = load(
        f"""
        [limits]
        parts_per_hour = 60
        weight = 3
        hours = ["08:00-20:00"]
        [[groups]]
        name = "shelf"
        parts_per_minute = 2
        parts_per_day = 50
        hours = "none"
        [[sims]]
        iccid = "{ICCID}"
        group = "shelf"
        parts_per_minute = 6
        parts_per_hour = "none"
        """
    )
    contract = config.contract_of(ICCID, simulated=False)
    assert contract.limits == (Pace(6), Daily(50, config.site.zone))
    assert (contract.group, contract.weight) == ("shelf", 3)
    other = config.contract_of("89" * 10, simulated=False)
    assert (other.group, other.limits[0], len(other.limits)) == ("", Pace(6), 4)
    assert config.contract_of(ICCID, simulated=True) == contract


def test_what_no_limit_means_for_everything_that_can_be_set(load):
    words = "\n".join(
        f'{key} = "none"' for key in Terms.model_fields if key not in {"weight", "month_starts_on"}
    )
    text = f"[limits]\n{EVERYTHING}\n[[sims]]\niccid = '{ICCID}'\n{words}"
    contract = load(text).contract_of(ICCID, simulated=False)
    assert contract == Contract(weight=2)


def test_limits_can_be_set_in_the_environment(load, monkeypatch):
    monkeypatch.setenv("APPLIANCE_LIMITS__HOURS", "Mon-Fri 08:00-20:00, Sat 10:00-14:00")
    monkeypatch.setenv("APPLIANCE_LIMITS__RAMP_UP", "20,40")
    monkeypatch.setenv("APPLIANCE_LIMITS__PRICE_PER_PART", "0.05")
    monkeypatch.setenv("APPLIANCE_LIMITS__DESTINATIONS", "+49,at")
    limits = load("").limits
    assert limits.hours == ("Mon-Fri 08:00-20:00", "Sat 10:00-14:00")
    assert (limits.ramp_up, limits.price_per_part) == ((20, 40), 0.05)
    assert limits.destinations == ("+49", "AT")


def test_a_group_that_is_set_nowhere_or_twice_is_told(complaints):
    found = complaints(
        f"""
        [[groups]]
        name = "shelf"
        [[groups]]
        name = "shelf"
        parts_per_day = 0
        [[sims]]
        iccid = "{ICCID}"
        group = "shlef"
        """
    )
    assert sorted(found) == [
        "groups.1.name: shelf is groups.0 already",
        'groups.1.parts_per_day: must be a whole number from 1, or "none"',
        "sims.0.group: no group is called shlef (there is: shelf)",
    ]


def test_limits_that_contradict_each_other_are_told_where_they_meet(complaints, load):
    sim = f'[[sims]]\niccid = "{ICCID}"\ngroup = "dear"'
    group = "[[groups]]\nname = 'dear'\nbudget_per_month = 5"
    assert complaints(f"{group}\n{sim}") == [
        "groups.0.budget_per_month: needs price_per_part, by which it is counted",
        "sims.0.budget_per_month: needs price_per_part, by which it is counted",
    ]
    assert load(f"[limits]\nprice_per_part = 0.1\n{group}\n{sim}")
    assert complaints(f"[limits]\nprice_per_part = 0.1\n{group}\n{sim}\nprice_per_part = 'none'")


def test_a_bundle_that_is_over_is_warned_of(load):
    bundle = "bundle = { parts = 5, from = 2026-06-01, until = 2026-06-30 }"
    config = load(f'[[sims]]\niccid = "{ICCID}"\n{bundle}')
    assert config.warnings(date(2026, 6, 30)) == []
    assert config.warnings(date(2026, 7, 1)) == [
        "sims.0.bundle: it ended on 2026-06-30, so nothing is sent by it"
    ]


def test_a_sim_has_its_own_pin_else_the_default_one(load):
    config = load(f'[modems]\npin = "1111"\n[[sims]]\niccid = "{ICCID}"\npin = "2222"')
    assert config.pin(ICCID) == "2222"
    assert config.pin("89" * 10) == "1111"
    assert config.pin(None) == "1111"
    assert load("").pin(ICCID) is None


def test_an_empty_pin_of_its_own_means_that_none_is_tried(load):
    config = load(f'[modems]\npin = "1111"\n[[sims]]\niccid = "{ICCID}"\npin = ""')
    assert config.pin(ICCID) is None


def test_regions_are_taken_in_either_case(load):
    config = load('[numbers]\nregion = "de"\ncountries = ["de", "AT"]')
    assert (config.numbers.region, config.countries) == ("DE", frozenset({"DE", "AT"}))


def test_words_of_the_configuration_reach_the_keywords(load):
    extra = load('[keywords]\nstop = ["Schluss!"]').keywords.extra
    assert keyword("SCHLUSS", extra) is Keyword.STOP


@pytest.mark.parametrize(
    ("set_", "complaint"),
    [
        ('start = ["stop"]', "start: 'stop' means stop already"),
        ('stop = ["Weiter"]\nhelp = ["weiter!"]', "stop: 'Weiter' means help already"),
    ],
)
def test_no_word_of_the_configuration_may_mean_two_things(load, set_, complaint):
    with pytest.raises(BadConfig, match=complaint):
        load(f"[keywords]\n{set_}")


def test_the_zone_is_the_one_set_else_the_machines(load):
    assert load('[site]\ntimezone = "Asia/Shanghai"').site.zone == ZoneInfo("Asia/Shanghai")
    assert datetime.now(UTC).astimezone(Site().zone).utcoffset() is not None


def test_the_journal_is_recognised_by_what_stderr_is(monkeypatch, tmp_path):
    with (tmp_path / "stream").open("w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        told = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{told.st_dev}:{told.st_ino}")
        assert journal_reads_stderr()
        for other in (f"{told.st_dev}:{told.st_ino + 1}", "x", "", "1:2:3"):
            monkeypatch.setenv("JOURNAL_STREAM", other)
            assert not journal_reads_stderr()
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not journal_reads_stderr()


# PINs as credentials


@pytest.fixture
def credential(tmp_path, monkeypatch):
    """Give what hands a credential over as systemd does."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))

    def hand_over(name, content):
        (folder / name).write_text(content)

    return hand_over


def test_a_pin_may_come_as_a_credential(load, credential):
    credential("pin", "1111\n")
    credential("shelf-1", "2222")
    config = load(
        f'[modems]\npin_credential = "pin"\n[[sims]]\niccid = "{ICCID}"\npin_credential = "shelf-1"'
    )
    assert (config.pin(ICCID), config.pin(None)) == ("2222", "1111")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("s3cret", "modems.pin_credential: the credential 'pin' holds no PIN of 4 to 8 digits"),
        ("", "modems.pin_credential: the credential 'pin' holds no PIN of 4 to 8 digits"),
        ("sécret", "modems.pin_credential: the credential 'pin' holds no PIN of 4 to 8 digits"),
        (None, "modems.pin_credential: the credential 'pin': No such file or directory"),
    ],
)
def test_a_bad_credential_is_named_and_its_content_is_not(
    complaints, credential, content, complaint
):
    if content is not None:
        credential("pin", content)
    assert complaints('[modems]\npin_credential = "pin"') == [complaint]


def test_a_pin_is_not_set_twice(complaints, credential):
    credential("pin", "1111")
    (said,) = complaints('[modems]\npin = "2222"\npin_credential = "pin"')
    assert said.startswith("modems.pin_credential: pin is set too")


def test_without_credentials_it_is_said_what_is_missing(complaints, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (said,) = complaints('[modems]\npin_credential = "pin"')
    assert "LoadCredential" in said


def test_a_credential_has_a_name_and_no_path(complaints):
    (said,) = complaints('[modems]\npin_credential = "../shadow"')
    assert said.startswith("modems.pin_credential: ")


# What errors mean


def test_the_kind_of_an_error_can_be_set_by_its_number(load):
    causes = load('[causes]\ncms = { 38 = "sim" }\ncme = { 14 = "passing" }').causes
    assert causes.overrides == Overrides({38: Kind.SIM}, {14: Kind.PASSING})
    assert load("").causes.overrides == Overrides()


def test_the_kind_of_an_error_can_come_from_the_environment(load, monkeypatch):
    monkeypatch.setenv("APPLIANCE_CAUSES__CMS__38", "sim")
    assert load("[causes]\ncms = { 42 = 'number' }").causes.cms == {38: Kind.SIM, 42: Kind.NUMBER}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('cms = { 38 = "again" }', "causes.cms.38: "),
        ('cms = { busy = "passing" }', "causes.cms.busy"),
        ('cme = { 14 = 3, "-1" = "sim" }', "causes.cme.14: "),
        ('cme = { "-1" = "sim" }', "causes.cme.-1"),
        ('cms = { 70000 = "sim" }', "causes.cms.70000"),
        ('cmt = { 38 = "sim" }', "causes.cmt: "),
    ],
)
def test_a_wrong_number_or_kind_is_refused_with_its_key(complaints, text, key):
    assert any(each.startswith(key) for each in complaints(f"[causes]\n{text}"))


def test_what_may_be_sent_twice_is_set_only_with_a_warning(load):
    risky = '{ 500 = "passing", 512 = "device", 38 = "sim", 255 = "number", 332 = "maybe_sent" }'
    config = load(f"[causes]\ncms = {risky}\ncme = {{ 31 = 'sim' }}")
    assert [each.partition(":")[0] for each in config.warnings(date(2026, 6, 1))] == [
        "causes.cms.500",
        "causes.cms.512",
        "causes.cme.31",
    ]
