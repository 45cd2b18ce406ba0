"""The two commands and what they read, as a shell sees them."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from tests.require import PROBES, ROOT, packages

SCRIPTS = ["run", "test", "lib.sh", "appliance"]

LOCKS = ["requirements.txt", "requirements-dev.txt"]

# what no file of the project may hold: paths of one machine, and hosts that packages come from
FORBIDDEN = re.compile(
    r"/wor[k]/|/roo[t]/|/hom[e]/[a-z]|pypi[.]org|debian[.]org|pythonhosted[.]org"
)


def shell(
    script: str, *, interpreter: str = "sh", **environment: str
) -> subprocess.CompletedProcess:
    """Run a piece of shell that has scripts/lib.sh before it, in the checkout."""
    prelude = f"set -eu; root={shlex.quote(str(ROOT))}; . scripts/lib.sh; python=python3; "
    return subprocess.run(
        [interpreter, "-c", prelude + script],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def lists(tmp_path):
    """Give a function that writes a package list and returns its path."""

    def write(*lines: str) -> str:
        path = tmp_path / "packages.txt"
        path.write_text("\n".join(["# a comment | with | bars | in it", "", *lines, ""]))
        return str(path)

    return write


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("interpreter", ["sh", "dash"])
def test_scripts_are_plain_posix_shell(interpreter, script):
    if shutil.which(interpreter) is None:
        pytest.skip(f"{interpreter} is not installed")
    checked = subprocess.run(
        [interpreter, "-n", ROOT / "scripts" / script], check=False, capture_output=True, text=True
    )

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("script", ["run", "test", "appliance"])
def test_commands_may_be_executed(script):
    assert os.access(ROOT / "scripts" / script, os.X_OK)


def test_the_shell_finds_what_python_finds(lists):
    everything = shell("missing run test").stdout.splitlines()

    assert [line.split("|")[0] for line in everything] == [
        package.name for package in packages().values() if package.found() is None
    ]


def test_a_missing_package_is_named_with_what_is_lost(lists):
    path = lists("run | no-such | command:no-such-command | the moon is not shown")

    assert shell(f"list={path}; missing run").stdout == "no-such|the moon is not shown\n"


def test_only_the_purposes_asked_for_are_looked_at(lists):
    path = lists("test | no-such | command:no-such-command | nothing")

    assert shell(f"list={path}; missing run").stdout == ""


@pytest.mark.parametrize("probe", ["command:sh", "path:/etc/pass*d", "module:json"])
def test_what_is_there_is_not_missing(lists, probe):
    path = lists(f"run | it | {probe} | nothing")

    assert shell(f"list={path}; missing run").stdout == ""


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_what_stays_missing_is_a_failure_in_ci_only(lists, ci, status):
    path = lists("run | no-such | command:no-such-command | the moon is not shown")
    no_apt = f"list={path}; become_root() {{ return 1; }}; install_missing run"

    done = shell(no_apt, CI=ci)

    assert done.returncode == status
    assert "no-such is not installed: the moon is not shown." in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_what_npm_cannot_install_is_a_failure_in_ci_only(tmp_path, ci, status):
    done = shell(f"npm() {{ return 1; }}; install_node_modules {tmp_path}", CI=ci)

    assert done.returncode == status
    assert "an application by node-smpp is not tried" in done.stderr


def test_npm_installs_a_lock_once(tmp_path):
    (tmp_path / "package-lock.json").write_text("{}")
    npm = f"npm() {{ echo asked >&2; mkdir -p {tmp_path}/node_modules; }}"
    twice = f"install_node_modules {tmp_path}; install_node_modules {tmp_path}"

    done = shell(f"{npm}; {twice}")

    assert (done.returncode, done.stderr.count("asked")) == (0, 1)


def test_every_package_of_the_list_has_a_purpose_and_a_probe():
    for package in packages().values():
        assert package.purpose in {"run", "test"}
        assert package.probe.partition(":")[0] in PROBES


def test_tests_run_on_what_the_daemon_runs_on():
    run, dev = ((ROOT / name).read_text().splitlines() for name in LOCKS)

    assert set(run) <= set(dev)


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned(name):
    lines = (ROOT / name).read_text().splitlines()

    assert [line for line in lines if not re.match(r"[a-z0-9-]+==[\w.]+( ; .+)?$", line)] == []


def test_the_readme_names_the_two_commands():
    readme = (ROOT / "README.md").read_text()

    assert "scripts/run" in readme
    assert "scripts/test" in readme


def test_ci_calls_exactly_the_readmes_command():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert len(lines) == 2
    assert lines[1].endswith('/../scripts/test"')


def test_the_makefile_has_no_target_without_a_program():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(targets) == {
        *("run", "test", "lint", "types", "format"),
        *("bench", "soak", "fuzz", "receipts"),
    }


def test_no_tracked_file_names_a_machine_or_where_packages_come_from():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".md", ".py", ".sh", ".toml", ".txt", ".service", ".rules", ".yml", ""}:
            text = path.read_text("utf-8") if path.is_file() else ""
            found += [f"{name}: {match[0]}" for match in FORBIDDEN.finditer(text)]

    assert found == []
