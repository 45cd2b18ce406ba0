import os
import re
import tomllib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ValidationError

import appliance.config
from appliance.config import Config, journal_reads_stderr
from appliance.errors import BadConfig
from appliance.policy.keywords import Keyword, keyword
from appliance.policy.limits import Daily, Gap, Pace
from appliance.settings import Sim, Site
from appliance.submission import WhenUncertain

SHIPPED = Path(appliance.config.__file__).with_name("appliance.toml")
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
    assert set(written) == set(others)
    models = {name: type(getattr(Config(), name)) for name in others} | {"sims": Sim}
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
    monkeypatch.setattr(appliance.config, "DEFAULT_PATH", missing)
    assert Config.load(None) == Config()
    with pytest.raises(BadConfig) as caught:
        Config.load(missing)
    assert str(caught.value) == f"{missing}: there is no such file"


def test_the_default_file_is_read_if_it_is_there(tmp_path, monkeypatch):
    path = tmp_path / "appliance.toml"
    path.write_text("[http]\nport = 9\n")
    monkeypatch.setattr(appliance.config, "DEFAULT_PATH", path)
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
        "htp: Extra inputs are not permitted",
        "http.port: Input should be a valid integer, unable to parse string as an integer",
        (
            "log.level: Input should be 'debug', 'info', 'warning' or 'error'"
            " (from APPLIANCE_LOG__LEVEL)"
        ),
        "sims.0.parts_per_dya: Extra inputs are not permitted",
        f"sims.1.iccid: {ICCID} is sims.0 already",
        'sims.1.parts_per_day: must be a whole number from 1, or "none"',
    ]


def test_the_sentence_has_the_file_before_each_complaint(load, tmp_path):
    with pytest.raises(BadConfig) as caught:
        load("a = 1\nb = 2")
    path = tmp_path / "appliance.toml"
    assert str(caught.value).splitlines() == [
        f"{path}: a: Extra inputs are not permitted",
        f"{path}: b: Extra inputs are not permitted",
    ]


WRONG = [
    ("storage", 'database = "mysql://x"', 'must begin with "postgresql+psycopg://"'),
    ("storage", 'database = "postgresql://x"', 'must begin with "postgresql+psycopg://"'),
    ("storage", 'database = "sqlite:///relative.db"', "must begin with"),
    ("storage", "keep_free_mb = -1", "greater than or equal to 0"),
    ("http", "port = 65536", "less than or equal to 65535"),
    ("http", "port = -1", "greater than or equal to 0"),
    ("http", 'host = ""', "should match pattern"),
    ("http", 'host = "http://x"', "should match pattern"),
    ("smpp", 'system_id = "sixteen-letters-"', "should match pattern"),
    ("smpp", 'gsm0 = "ascii"', "should be 'gsm0338' or 'latin1'"),
    ("smpp", "window = 0", "greater than or equal to 1"),
    ("smpp", "response_seconds = 0", "greater than 0"),
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
    ("limits", "minimum_gap_seconds = -1", "greater than or equal to 0"),
    ("numbers", 'region = "UK"', "two letters of ISO 3166"),
    ("numbers", 'countries = ["DE", "Austria"]', "two letters of ISO 3166"),
    ("messages", "max_parts = 256", "less than or equal to 255"),
    ("messages", "max_parts = 0", "greater than or equal to 1"),
    ("messages", "validity_hours = 10585", "less than or equal to 10584"),
    ("messages", 'when_uncertain = "guess"', "should be 'hold', 'resend' or 'fail'"),
    ("keywords", 'stop = ["!!!"]', "must have a letter or a digit"),
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
        ('iccid = "123"', "should match pattern"),
        ('iccid = "894902000000000000x"', "should match pattern"),
        (f'iccid = "{ICCID}"\nnumber = "0151"', "should match pattern"),
        (f'iccid = "{ICCID}"\npin = "1"', "must be 4 to 8 digits"),
        ('name = "no ICCID"', "Field required"),
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
        ("APPLIANCE_HTTP__PROT", "http.prot: Extra inputs are not permitted"),
        ("APPLIANCE_HTTP", "http: Input should be a valid dictionary"),
        ("APPLIANCE_SIMS__0__PIN", "sims: Input should be a valid tuple"),
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
    assert messages.uncertain_after == timedelta(hours=24)
    assert messages.keep_notices == timedelta(days=2)
    assert messages.when_uncertain is WhenUncertain.HOLD


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
    assert config.limits_of("89" * 10, simulated=False) == (Pace(6), Daily(200, berlin), gap)
    assert config.limits_of("89" * 10, simulated=True) == ()
    assert config.limits_of(ICCID, simulated=True) == (Pace(3),)


def test_none_is_no_limit(load):
    none = 'parts_per_minute = "none"\nparts_per_day = "none"\nminimum_gap_seconds = "none"'
    assert load(f"[limits]\n{none}").limits_of(ICCID, simulated=False) == ()


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
