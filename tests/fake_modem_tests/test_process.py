"""The bank as a process of its own, seen as a program with pyserial would see it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from tests.fake_modem import Control, Ledger
from tests.fake_modem_tests.talk import submit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def process(tmp_path):
    with run(tmp_path) as started:
        yield started
        started.kill()


def run(directory):
    options = f"--modems 3 --cmgs-delay 0.01 --report-delay 0.01 --dir {directory}".split()
    command = [sys.executable, "-m", "tests.fake_modem", *options]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert started.stdout.readline() == b"ready\n"
    return started


def test_ports_are_there_when_it_says_ready_and_gone_when_it_is_stopped(process, tmp_path):
    assert {path.name for path in tmp_path.iterdir()} == {
        "control",
        "ledger.jsonl",
        "modem0",
        "modem1",
        "modem2",
    }
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"ledger.jsonl"}


def test_a_program_with_pyserial_sends_by_it(process, tmp_path):
    with (
        serial.Serial(str(tmp_path / "modem1"), timeout=5, exclusive=True) as port,
        Control(tmp_path) as control,
    ):
        port.write(b"ATE0\r")
        assert port.read_until(b"OK\r\n").endswith(b"OK\r\n")
        port.write(b"AT+CNMI=2,1,0,1,0\r")
        port.read_until(b"OK\r\n")
        port.write(b"AT+CMGS=18\r")
        assert port.read_until(b"> ") == b"\r\n> "
        port.write(f"{submit()}\x1a".encode())
        answer = port.read_until(b"OK\r\n")
        [entry] = Ledger(tmp_path / "ledger.jsonl").sent()
        assert answer == f"\r\n+CMGS: {entry.reference}\r\n\r\nOK\r\n".encode()
        assert port.read_until(b"+CDS: 26\r\n")
        assert control.do("wait_reports", count=1)["count"] == 1
        shown = control.do("modems", modem=1)["modems"][0]
        assert (shown["make"], shown["iccid"]) == ("sim800", entry.iccid)


def test_killing_a_program_between_pdu_and_answer_leaves_that_pdu_on_the_air(process, tmp_path):
    with Control(tmp_path) as control:
        control.do("hold", modem="modem1")
        killed = os.fork()
        if not killed:
            with serial.Serial(str(tmp_path / "modem1"), timeout=5) as port:
                port.write(b"AT+CMGS=18\r")
                port.read_until(b"> ")
                port.write(f"{submit()}\x1a".encode())
                port.read(10_000)
            os._exit(0)
        event = control.event()
        os.kill(killed, signal.SIGKILL)
        os.waitpid(killed, 0)
        control.do("go", modem="modem1")

        assert [entry.reference for entry in Ledger(tmp_path / "ledger.jsonl").sent()] == [
            event["reference"]
        ]
        with serial.Serial(str(tmp_path / "modem1"), timeout=5) as port:
            port.write(b"ATE0\r")
            assert b"CMGS" not in port.read_until(b"OK\r\n")


def test_the_same_bank_has_the_same_modems_and_sims_again(process, tmp_path):
    with Control(tmp_path) as control:
        before = [(one["imei"], one["iccid"]) for one in control.do("modems")["modems"]]
    assert len(set(before)) == 3
    other = tmp_path / "again"
    with run(other) as second:
        with Control(other) as control:
            assert [(one["imei"], one["iccid"]) for one in control.do("modems")["modems"]] == before
        second.terminate()
