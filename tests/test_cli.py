"""The command line, as a process of its own, against a real daemon's socket or none."""

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appliance import __version__
from appliance.cli import main
from appliance.errors import StoreLocked
from appliance.store.bell import CHANGES
from appliance.store.lock import DirectoryLock
from tests.api.house import NUMBER, House, house, settings
from tests.forking import run
from tests.smpp_server.papers import self_signed

__all__ = ["house", "settings"]

TEXT = "the secret text"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


async def appliance(data: Path, *arguments: str, **environment: str) -> Ended:
    """Run a command as a process of its own; its time zone is Tokyo's, its terminal wide."""
    env = {
        **{key: value for key, value in os.environ.items() if "APPLIANCE" not in key},
        "APPLIANCE_STORAGE__DATA": str(data),
        "APPLIANCE_SITE__TIMEZONE": "Asia/Tokyo",
        "COLUMNS": "200",
        **environment,
    }
    async with asyncio.timeout(60):
        said = await run("appliance", *arguments, env=env)
    assert "Traceback" not in said.err.decode()
    return Ended(said.returncode, said.out.decode(), said.err.decode())


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Give what runs a command in this process, where nothing else has to run beside it."""
    monkeypatch.setenv("APPLIANCE_STORAGE__DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return command


def data_of(house: House) -> Path:
    return house.config.storage.data


async def until_queued(house: House, count: int) -> None:
    """Wait until messages have come in."""
    bell = house.store.bells.listen(CHANGES)
    async with asyncio.timeout(30):
        while len(await house.store.views.messages(None)) < count:
            await bell.wait()


async def test_send_accepts_a_message_as_the_local_account(house):
    ended = await appliance(data_of(house), "send", NUMBER, TEXT)

    assert ended.code == 0
    (stored,) = await house.store.views.messages(None)
    assert ended.out == f"{stored.id}: accepted, 1 part (gsm7)\n"
    assert (stored.account, stored.text, stored.to) == ("local", TEXT, NUMBER)


async def test_send_wait_ends_well_when_the_message_is_delivered(house):
    await house.has_line()
    command = asyncio.create_task(appliance(data_of(house), "send", NUMBER, TEXT, "--wait"))
    await until_queued(house, 1)
    await house.send()
    await house.delivered()

    ended = await command
    assert ended.code == 0
    assert ended.out.endswith(": delivered\n")


async def test_send_wait_fails_when_the_message_is_refused(house):
    await house.has_line()
    command = asyncio.create_task(
        appliance(data_of(house), "send", NUMBER, TEXT, "--wait", "--json")
    )
    await until_queued(house, 1)
    await house.send(refused="the number is not assigned")

    ended = await command
    assert ended.code == 1
    assert ended.json()["state"] == "failed"
    assert ended.json()["cause"] == "the number is not assigned"


async def test_send_wait_says_when_it_has_waited_in_vain(house):
    ended = await appliance(data_of(house), "send", NUMBER, TEXT, "--wait", "--timeout", "0.2")

    assert ended.code == 4
    assert ended.out.endswith(": waiting\n")


async def test_a_refused_message_names_its_field_and_repeats_nothing(house):
    ended = await appliance(data_of(house), "send", "112", TEXT)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("to: ")
    assert TEXT not in ended.err


async def test_modems_shows_each_line_in_words_with_cause_and_next_step(house):
    await house.has_line()
    await house.has_line(
        "1-1.3",
        "89490200001234567891",
        state="pin_needed",
        cause="The SIM asks for its PIN.",
        next_step="Set pin under [[sims]].",
        model="E1550",
        signal_dbm=None,
    )
    ended = await appliance(data_of(house), "modems")

    assert ended.code == 0
    title, *rows = ended.out.splitlines()
    assert title.split()[:4] == ["LINE", "MODEM", "STATE", "OPERATOR"]
    assert "good, −71 dBm" in ended.out
    assert "needs its PIN" in ended.out
    assert "1-1.3: The SIM asks for its PIN. Set pin under [[sims]]." in rows[-1]
    found = (await appliance(data_of(house), "modems", "--json")).json()
    assert {line["state"] for line in found} == {"ready", "pin_needed"}
    await house.store.lines.pause(await house.has_line(), "lent out", house.now())
    assert "paused" in (await appliance(data_of(house), "modems")).out


async def test_messages_are_listed_without_texts_and_shown_one_by_one_with_them(house):
    await house.has_line()
    await appliance(data_of(house), "send", NUMBER, TEXT)
    await house.send()
    listed = await appliance(data_of(house), "messages")
    (one,) = await house.store.views.messages(None)
    shown = await appliance(data_of(house), "messages", one.id)

    assert one.id in listed.out
    assert TEXT not in listed.out
    assert TEXT in shown.out
    assert "sent, unconfirmed" in shown.out
    assert [line.split()[2] for line in shown.out.splitlines()[-3:]] == ["all", "1", "1"]
    story = (await appliance(data_of(house), "messages", one.id, "--json")).json()["story"]
    assert [step["state"] for step in story["history"]] == ["queued", "sending", "sent"]


async def test_messages_are_listed_by_what_is_asked_for(house):
    for number in (NUMBER, "+4915228817399"):
        await appliance(data_of(house), "send", number, TEXT)
    found = await appliance(data_of(house), "messages", "--to", NUMBER, "--json")
    (one,) = found.json()
    assert one["to"] == NUMBER
    assert one["waits"] in (await appliance(data_of(house), "messages", "--to", NUMBER)).out
    told = (await appliance(data_of(house), "messages", one["id"])).out
    assert told.count(one["waits"]) == 1, "why it waits is said once"
    found = await appliance(data_of(house), "messages", "--state", "failed", "--json")
    assert found.json() == []
    assert (await appliance(data_of(house), "messages", "--state", "failed")).out == (
        "No message fits.\n"
    )
    assert (await appliance(data_of(house), "messages", "--state", "lost")).code == 2


async def test_messages_are_cancelled_by_id_or_number_and_counted(house):
    await house.has_line()
    for _ in range(3):
        await appliance(data_of(house), "send", NUMBER, TEXT)
    await house.send()
    sent, first, last = reversed(await house.store.views.messages(None))
    ended = await appliance(data_of(house), "messages", "cancel", first.id)
    assert (ended.code, ended.out.splitlines()) == (
        0,
        ["cancelled: 1", "on the air already: 0", "fate known already: 0"],
    )
    found = (await appliance(data_of(house), "messages", "cancel", "--to", NUMBER, "--json")).json()
    assert found == {"cancelled": 1, "on_air": 1, "final": 1, "finished": True}
    states = [one.state for one in await house.store.views.messages(None)]
    assert states == ["cancelled", "cancelled", "sent"]
    assert {sent.id, last.id} < {one.id for one in await house.store.views.messages(None)}
    for arguments in ([], ["--batch", "sale"], [first.id, "--to", NUMBER]):
        ended = await appliance(data_of(house), "messages", "cancel", *arguments)
        assert ended.code == 1, arguments
        assert "exactly one" in ended.err or "whose" in ended.err


async def test_times_are_those_of_the_site(house):
    await appliance(data_of(house), "send", NUMBER, TEXT)
    (one,) = await house.store.views.messages(None)
    listed = await appliance(data_of(house), "messages")

    assert f"{one.accepted_at.astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:%M:%S}" in listed.out


async def test_list_may_be_said_where_a_list_is_shown_anyway(house):
    await house.has_line()
    data = data_of(house)
    for group in ("messages", "modems"):
        assert (await appliance(data, group, "list")) == (await appliance(data, group))
    assert (await appliance(data, "messages", "list", "--limit", "5", "--json")).json() == []


async def test_an_unknown_message_is_said_to_be_unknown(house):
    for name in ("m123", "no/such thing"):
        ended = await appliance(data_of(house), "messages", name)
        assert ended.code == 1
        assert "there is no such message" in ended.err.lower() or "not found" in ended.err.lower()


async def test_accounts_are_made_listed_and_revoked_through_the_daemon(house):
    data = data_of(house)
    made = (
        await appliance(data, "account", "add", "crm", "--webhook", "http://x.example/", "--json")
    ).json()
    assert set(made) == {"name", "api_key", "system_id", "password", "webhook_secret"}
    account = await house.store.accounts.authenticate_key(made["api_key"], 0.0)
    assert (account.name, account.carrier) == ("crm", "webhook")

    listed = (await appliance(data, "account", "list")).out
    assert "crm" in listed
    assert "shop (default)" in listed
    assert made["api_key"] not in listed

    assert (await appliance(data, "account", "revoke", "crm")).code == 0
    assert house.dropped == [account.id]
    again = await appliance(data, "account", "revoke", "crm")
    assert (again.code, again.out) == (1, "")


async def test_a_name_that_is_taken_or_kept_is_refused(house):
    taken = await appliance(data_of(house), "account", "add", "shop")
    kept = await appliance(data_of(house), "account", "add", "local")

    assert (taken.code, kept.code) == (1, 1)
    assert "already" in taken.err
    assert "command line" in kept.err


async def test_the_local_account_is_not_listed(house):
    await appliance(data_of(house), "send", NUMBER, TEXT)

    listed = (await appliance(data_of(house), "account", "list", "--json")).json()
    assert [account["name"] for account in listed] == ["shop"]


def test_accounts_can_be_made_while_no_daemon_runs(here, tmp_path, monkeypatch):
    monkeypatch.setenv("APPLIANCE_STORAGE__DATA", str(tmp_path / "new"))
    made = here("account", "add", "crm", "--json").json()
    listed = here("account", "list", "--json").json()
    taken = here("account", "add", "crm")
    revoked = here("account", "revoke", "crm")

    assert made["api_key"].startswith("sk_")
    assert [account["name"] for account in listed] == ["crm"]
    assert listed[0]["is_default"]
    assert (taken.code, revoked.code) == (1, 0)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_another_process_holds_is_left_alone(here, tmp_path):
    lock = DirectoryLock(tmp_path)
    lock.take()
    try:
        ended = here("account", "list")
    finally:
        lock.free()

    assert ended.code == 3
    assert ended.err.strip() == str(StoreLocked(str(tmp_path)))


@pytest.mark.parametrize("arguments", [("send", NUMBER, TEXT), ("modems",), ("messages",)])
def test_without_a_daemon_the_others_say_how_to_start_it(here, arguments):
    ended = here(*arguments)

    assert (ended.code, ended.out) == (3, "")
    assert "not running" in ended.err
    assert "appliance run" in ended.err


def test_a_directory_that_cannot_be_used_is_named(here, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("APPLIANCE_STORAGE__DATA", str(tmp_path / "file"))
    ended = here("account", "list")

    assert ended.code == 1
    assert str(tmp_path / "file") in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("send", NUMBER),
        ("send", NUMBER, TEXT, "--colour"),
        ("account", "add", "a name with blanks"),
        ("account", "add", "crm", "--webhook", "ftp://x.example"),
        ("messages", "--limit", "0"),
    ],
)
def test_wrong_calls_end_with_two(here, arguments):
    assert (here(*arguments)).code == 2


def test_check_says_every_wrong_key_at_once(here, tmp_path):
    file = tmp_path / "appliance.toml"
    file.write_text("[http]\nprot = 1\n[limits]\nparts_per_day = -1\n")
    ended = here("check", "--config", str(file))
    told = here("check", "--config", str(file), "--json")

    assert (ended.code, told.code) == (1, 1)
    assert "http.prot" in ended.err
    assert "limits.parts_per_day" in ended.err
    assert told.json()["good"] is False
    assert len(told.json()["complaints"]) == 2


def test_check_shows_what_would_be_used(here, tmp_path):
    ended = here("check", "--data", str(tmp_path / "elsewhere"))

    assert ended.code == 0
    assert str(tmp_path / "elsewhere") in ended.out


def test_a_broken_configuration_stops_every_command_with_its_complaints(here, monkeypatch):
    monkeypatch.setenv("APPLIANCE_HTTP__PORT", "many")
    ended = here("modems")

    assert ended.code == 1
    assert "http.port" in ended.err


@pytest.mark.parametrize(
    "command",
    [
        *("", "run", "check", "send", "modems", "messages", "account", "account add"),
        *("messages show", "messages cancel"),
        *(f"modems {word}" for word in ("ussd", "pin", "reset", "pause", "resume", "test")),
        "modems self-test",
    ],
)
def test_every_command_explains_itself(here, command):
    ended = here(*command.split(), "--help")

    assert ended.code == 0
    assert "Usage" in ended.out


def test_the_exit_codes_are_in_the_help(here):
    assert "Exit codes" in here("--help").out


async def test_account_set_holds_for_the_daemon_and_is_shown(house):
    data = data_of(house)
    types = "OTP=otp,MKT=marketing"
    assert (await appliance(data, "account", "add", "erp")).code == 0

    ended = await appliance(data, "account", "set", "erp", "service_types", types)
    assert (ended.code, ended.out) == (0, f"erp: service_types is {types}\n")
    stored = await house.store.accounts.by_name("erp")
    assert stored.service_types == {"OTP": "otp", "MKT": "marketing"}

    ended = await appliance(data, "account", "show", "erp", "--json")
    values = {one["key"]: one["value"] for one in ended.json()}
    assert (values["service_types"], values["gsm0"]) == (types, "-")

    ended = await appliance(data, "account", "set", "erp", "gsm0", "utf8")
    assert ended.code == 1
    assert ended.err == "gsm0: no such value; it may be gsm0338, latin1, or packed\n"
    assert (await appliance(data, "account", "set", "nobody", "gsm0", "latin1")).code == 1


def test_the_version_is_told_and_a_modem_that_cannot_be_opened_is_a_failure(here):
    assert here("--version").out == f"{__version__}\n"
    ended = here("modems", "trace", "/dev/nosuch")
    assert (ended.code, "It cannot send" in ended.out) == (1, True)


def test_account_set_works_without_a_daemon(here):
    assert here("account", "add", "erp").code == 0

    assert here("account", "set", "erp", "gsm0", "packed").out == "erp: gsm0 is packed\n"
    told = here("account", "show", "erp").out
    assert "gsm0: packed\n" in told
    assert "It may be gsm0338, latin1, or packed." in told
    assert "region: not set: as [numbers] region says\n" in told
    assert max(map(len, told.splitlines())) < 200, "a table of it would be read by nobody"
    ended = here("account", "set", "erp", "gsm0", "-")
    assert ended.out == "erp: gsm0 is unset: as [smpp] gsm0 says\n"
    assert here("account", "set", "erp", "colour", "red").err.startswith("colour: no such setting")


def use(monkeypatch, certificate, key):
    monkeypatch.setenv("APPLIANCE_SMPP__TLS_CERTIFICATE", str(certificate))
    monkeypatch.setenv("APPLIANCE_SMPP__TLS_KEY", str(key))


def test_check_shows_the_certificate_and_how_long_it_holds(here, tmp_path, monkeypatch):
    certificate, key = self_signed(tmp_path / "papers", "one", 12)
    use(monkeypatch, certificate, key)
    ended, told = here("check"), here("check", "--json")

    assert (ended.code, told.code) == (0, 0)
    assert f"{certificate}, holds until 20" in ended.out
    assert "11 days left, get a new one" in ended.out
    assert f"{key}, readable, fits" in ended.out
    until = datetime.fromisoformat(told.json()["tls_certificate_until"])
    assert timedelta(days=11) < until - datetime.now(UTC) <= timedelta(days=12)

    use(monkeypatch, *self_signed(tmp_path / "papers", "two", 90))
    assert "days left" not in here("check").out


def test_check_says_what_is_wrong_with_the_files_for_tls(here, tmp_path, monkeypatch):
    certificate, _ = self_signed(tmp_path / "papers", "one")
    _, other = self_signed(tmp_path / "papers", "two")
    for key, complaint in ((tmp_path / "none.key", "No such file"), (other, "mismatch")):
        use(monkeypatch, certificate, key)
        ended, told = here("check"), here("check", "--json")
        assert (ended.code, told.code) == (1, 1)
        assert complaint in ended.err
        assert complaint in told.json()["complaints"][0]
    monkeypatch.setenv("APPLIANCE_SMPP__ENABLED", "false")
    off = here("check")
    assert off.code == 0
    assert "Certificate" not in off.out
