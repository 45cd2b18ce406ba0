"""The port on real pseudo-terminals: the test holds the other end."""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import termios
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.errors import CommandRefused, ModemSilent, PortBusy, PortGone
from appliance.modem.at import prefixed
from appliance.modem.ports import holder, open_port
from appliance.modem.turns import Rank, Turns
from tests.modem.peer import FAST, HASTY

CSQ = prefixed("+CSQ:", fields=(2, 2))
CMGS = prefixed("+CMGS:", fields=(1, 2))


async def test_a_command_gets_its_answer(peer, opened):
    peer.replies[b"AT+CSQ"] = b"\r\n+CSQ: 17,99\r\n\r\nOK\r\n"
    link = await opened()
    said = await link.command("AT+CSQ", CSQ)
    assert [line.line for line in said] == ["+CSQ: 17,99"]
    assert peer.heard == b"AT+CSQ\r"


async def test_a_refusal_carries_port_command_and_code(peer, opened):
    peer.replies[b"AT+CMGF=0"] = b"\r\n+CMS ERROR: 302\r\n"
    link = await opened()
    with pytest.raises(CommandRefused) as caught:
        await link.command("AT+CMGF=0")
    assert (caught.value.port, caught.value.command, caught.value.code) == (
        peer.port,
        "AT+CMGF=0",
        302,
    )


async def test_commands_of_several_callers_are_put_one_at_a_time(peer, opened):
    link = await opened()
    callers = [asyncio.create_task(link.command(f"AT+C{number}")) for number in range(3)]
    for number in range(3):
        await peer.hears(f"AT+C{number}\r".encode())
        assert f"AT+C{number + 1}".encode() not in peer.heard
        peer.say(b"\r\nOK\r\n")
    await asyncio.gather(*callers)


async def test_the_urgent_goes_first_and_a_part_before_a_chore(peer, opened):
    link = await opened(timing=replace(FAST, patience=timedelta(seconds=60)))
    first = asyncio.create_task(link.command("AT+FIRST"))
    await peer.hears(b"AT+FIRST\r")
    others = [
        asyncio.create_task(link.command(f"AT+{rank.name}", rank=rank))
        for rank in (Rank.CHORE, Rank.SEND, Rank.URGENT)
    ]
    for name in (b"URGENT", b"SEND", b"CHORE"):
        peer.say(b"\r\nOK\r\n")
        await peer.hears(b"AT+" + name + b"\r")
    peer.say(b"\r\nOK\r\n")
    await asyncio.gather(first, *others)


async def test_a_chore_that_has_waited_long_goes_before_a_part(peer, opened):
    link = await opened(timing=replace(FAST, patience=timedelta()))
    first = asyncio.create_task(link.command("AT+FIRST"))
    await peer.hears(b"AT+FIRST\r")
    chore = asyncio.create_task(link.command("AT+CHORE", rank=Rank.CHORE))
    part = asyncio.create_task(link.command("AT+SEND", rank=Rank.SEND))
    peer.say(b"\r\nOK\r\n")
    await peer.hears(b"AT+CHORE\r")
    assert b"AT+SEND" not in peer.heard
    peer.say(b"\r\nOK\r\n")
    await peer.hears(b"AT+SEND\r")
    peer.say(b"\r\nOK\r\n")
    await asyncio.gather(first, chore, part)


async def test_what_holds_a_turn_is_not_interleaved(peer, opened):
    link = await opened()
    async with link.turns.turn(Rank.CHORE):
        other = asyncio.create_task(link.command("AT+OTHER", rank=Rank.URGENT))
        for text in ("AT+ONE", "AT+TWO"):
            asked = asyncio.create_task(link.ask(text))
            await peer.hears(text.encode() + b"\r")
            peer.say(b"\r\nOK\r\n")
            await asked
        assert b"OTHER" not in peer.heard
    await peer.hears(b"AT+OTHER\r")
    peer.say(b"\r\nOK\r\n")
    await other


async def test_a_caller_that_is_cancelled_leaves_the_answer_to_nobody(peer, opened):
    link = await opened()
    caller = asyncio.create_task(link.command("AT+CSQ", CSQ))
    await peer.hears(b"AT+CSQ\r")
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    following = asyncio.create_task(link.command("AT+CGMM"))
    peer.say(b"\r\n+CSQ: 1,99\r\n\r\nOK\r\n")
    await peer.hears(b"AT+CGMM\r")
    assert not following.done()
    peer.say(b"\r\n+CME ERROR: 4\r\n")
    with pytest.raises(CommandRefused):
        await following


async def test_a_waiter_that_is_cancelled_loses_its_turn_to_the_next(peer, opened):
    link = await opened()
    first, second, third = (
        asyncio.create_task(link.command(f"AT+C{number}")) for number in range(3)
    )
    await peer.hears(b"AT+C0\r")
    second.cancel()
    peer.say(b"\r\nOK\r\n")
    await peer.hears(b"AT+C2\r")
    peer.say(b"\r\nOK\r\n")
    await asyncio.gather(first, third)
    assert b"AT+C1" not in peer.heard


async def test_a_late_ok_never_answers_a_later_question(peer, opened):
    link = await opened(timing=HASTY)
    with pytest.raises(ModemSilent):
        await link.command("AT+SLOW")
    following = asyncio.create_task(link.command("AT+CSQ", CSQ, within=FAST.answer))
    await peer.hears(b"\x1bAT\r")
    peer.say(b"\r\nOK\r\n\r\nOK\r\n")  # the late one, and that for AT
    await peer.hears(b"\x1bAT\r\x1bAT\r")
    assert b"AT+CSQ" not in peer.heard
    peer.replies |= {b"AT": b"\r\nOK\r\n", b"AT+CSQ": b"\r\n+CSQ: 3,99\r\n\r\nOK\r\n"}
    peer.say(b"\r\nOK\r\n")
    assert [said.line for said in await following] == ["+CSQ: 3,99"]


async def test_a_modem_that_stays_silent_is_reported_so(peer, opened):
    link = await opened(timing=replace(HASTY, wake=timedelta(milliseconds=150)))
    with pytest.raises(ModemSilent):
        await link.command("AT+SLOW")
    with pytest.raises(ModemSilent) as caught:
        await link.command("AT+CSQ")
    assert caught.value.command == "AT"
    assert b"AT+CSQ" not in peer.heard


async def test_the_second_final_of_a_refusal_does_not_answer_the_next_command(peer, opened):
    link = await opened()
    refused = asyncio.create_task(link.command("AT+CNMA"))
    following = asyncio.create_task(link.command("AT+CSQ", CSQ))
    await peer.hears(b"AT+CNMA\r")
    peer.say(b"\r\n+CMS ERROR: 340\r\n")
    with pytest.raises(CommandRefused):
        await refused
    peer.say(b"\r\nERROR\r\n")
    await peer.hears(b"AT+CSQ\r")
    peer.say(b"\r\n+CSQ: 3,99\r\n\r\nOK\r\n")
    assert await following


async def test_a_header_whose_pdu_never_comes_is_told_in_the_end(peer, opened):
    link = await opened(timing=HASTY)
    peer.say(b"\r\n+CDS: 25\r\n")
    async with asyncio.timeout(5):
        while not link.heard:
            await asyncio.sleep(0.005)
    assert link.heard == ["+CDS: 25"]


async def test_a_prompt_gives_time_for_the_body(peer, opened):
    link = await opened(timing=HASTY)
    async with link.turns.turn(Rank.SEND):
        exchange = await link.begin("AT+CMGS=4", CMGS, prompt=True, within=FAST.prompt)
        await peer.hears(b"AT+CMGS=4\r")
        peer.say(b"\r\n> ")
        await exchange.prompt()
        link.give(exchange, b"00AB", FAST.answer)
        await peer.hears(b"00AB\x1a")
        peer.say(b"\r\n+CMGS: 9\r\n\r\nOK\r\n")
        assert [said.line for said in await exchange.answer()] == ["+CMGS: 9"]
        assert exchange.left


async def test_a_missing_prompt_is_left_with_escape(peer, opened):
    link = await opened(timing=HASTY)
    async with link.turns.turn(Rank.SEND):
        exchange = await link.begin("AT+CMGS=4", CMGS, prompt=True, within=HASTY.prompt)
        with pytest.raises(ModemSilent):
            await exchange.prompt()
    await peer.hears(b"AT+CMGS=4\r\x1b")


async def test_a_stick_that_stops_reading_takes_no_ctrl_z_and_holds_up_nobody(peers, opened):
    stuck, well = peers(), peers()
    well.replies[b"AT"] = b"\r\nOK\r\n"
    bad, good = await opened(stuck.port, HASTY), await opened(well.port)
    stuck.stop_reading()
    async with bad.turns.turn(Rank.SEND):
        exchange = await bad.begin("AT+CMGS=4", CMGS, prompt=True, within=HASTY.prompt)
        os.write(stuck.master, b"\r\n> ")
        await exchange.prompt()
        bad.give(exchange, b"00" * 100_000, FAST.answer)  # more than any buffer takes
        await good.command("AT")
        with pytest.raises(ModemSilent):
            await exchange.answer()
        assert not exchange.left
    with pytest.raises(ModemSilent):
        await bad.command("AT")
    await good.command("AT")
    await bad.close()
    await good.command("AT")


async def test_a_stick_that_reads_again_gets_the_rest(peer, opened):
    link = await opened()
    peer.stop_reading()
    async with link.turns.turn(Rank.SEND):
        exchange = await link.begin("AT+CMGS=4", CMGS, prompt=True, within=FAST.prompt)
        peer.say(b"\r\n> ")
        await exchange.prompt()
        link.give(exchange, b"00" * 20_000, FAST.answer)
        assert not exchange.left
        asyncio.get_running_loop().add_reader(peer.master, peer._hear)
        await peer.hears(b"\x1a")
        assert exchange.left
        assert peer.heard == b"AT+CMGS=4\r" + b"00" * 20_000 + b"\x1a"
        peer.say(b"\r\n+CMGS: 9\r\n\r\nOK\r\n")
        await exchange.answer()


async def test_when_the_port_dies_everything_waiting_is_told_and_it_is_said_once(peer, opened):
    link = await opened()
    callers = [asyncio.create_task(link.command("AT")) for _ in range(3)]
    await peer.hears(b"AT\r")
    peer.hang_up()
    for caller in callers:
        with pytest.raises(PortGone):
            await caller
    with pytest.raises(PortGone):
        await link.command("AT")
    await link.close()
    assert len(link.deaths) == 1
    assert not link.alive


async def test_closing_tells_whoever_waits(peer, opened):
    link = await opened()
    caller = asyncio.create_task(link.command("AT"))
    await peer.hears(b"AT\r")
    await link.close()
    with pytest.raises(PortGone):
        await caller
    await link.close()


async def test_a_port_can_be_opened_again_after_closing(peer, opened):
    peer.replies[b"AT"] = b"\r\nOK\r\n"
    for _ in range(3):
        link = await opened()
        await link.command("AT")
        await link.close()


async def test_a_port_that_is_not_there_says_so(opened, tmp_path):
    with pytest.raises(PortGone, match="No such file"):
        await opened(str(tmp_path / "none"))


async def test_a_file_that_is_no_port_says_so(opened, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PortGone):
        await opened(str(tmp_path / "file"))


HOLD = """
import fcntl, serial, sys, termios
port = serial.Serial(sys.argv[1], exclusive=sys.argv[2] == "flock")
if sys.argv[2] == "TIOCEXCL":  # as ModemManager does; the superuser gets in all the same
    fcntl.ioctl(port, termios.TIOCEXCL)
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["flock", "TIOCEXCL"])
async def test_a_port_that_another_process_holds_names_it(peer, opened, how):
    command = [sys.executable, "-c", HOLD, peer.port, how]
    holding = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        await asyncio.to_thread(holding.stdout.readline)
        with pytest.raises(PortBusy) as caught:
            await opened()
        assert f"({holding.pid})" in caught.value.holder
    finally:
        holding.communicate()


async def test_a_real_port_that_another_process_reads_without_a_lock_is_taken(peer):
    """A pseudo-terminal stands for one: what is asked of it is who else has it open."""
    command = [sys.executable, "-c", HOLD, peer.port, "no lock"]
    holding = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        await asyncio.to_thread(holding.stdout.readline)
        assert f"({holding.pid})" in holder(peer.port)
    finally:
        holding.communicate()
    assert holder(peer.port) is None


class Slow:
    """A driver that lets open() wait until it is told."""

    def __init__(self):
        self.go, self.closed = threading.Event(), threading.Event()

    def open(self, name):
        self.go.wait(30)
        port = open_port(name)
        slow = self

        class Noted:
            def fileno(self):
                return port.fileno()

            def close(self):
                port.close()
                slow.closed.set()

        return Noted()


async def test_a_port_that_blocks_on_open_delays_nobody_and_is_given_back(peers, opened):
    slow, other, well = Slow(), peers(), peers()
    well.replies[b"AT"] = b"\r\nOK\r\n"
    opening = asyncio.create_task(
        opened(other.port, replace(FAST, open=timedelta(milliseconds=300)), opener=slow.open)
    )
    good = await opened(well.port)
    for _ in range(10):
        await good.command("AT")
    assert not opening.done()
    with pytest.raises(PortGone, match="does not open"):
        await opening
    slow.go.set()
    assert await asyncio.to_thread(slow.closed.wait, 5)
    assert await opened(other.port)  # nobody holds it any more


async def test_an_opening_that_is_cancelled_gives_the_port_back(peer, opened):
    slow = Slow()
    opening = asyncio.create_task(opened(opener=slow.open))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    slow.go.set()
    assert await asyncio.to_thread(slow.closed.wait, 5)


async def test_a_port_that_blocks_on_close_delays_nobody(peers, opened):
    held, well = threading.Event(), peers()
    well.replies[b"AT"] = b"\r\nOK\r\n"

    def sticky(name):
        port = open_port(name)
        port.really_close, port.close = port.close, lambda: held.wait(30) and port.really_close()
        return port

    bad = await opened(peers().port, replace(FAST, open=timedelta(milliseconds=200)), opener=sticky)
    good = await opened(well.port)
    closing = asyncio.create_task(bad.close())
    for _ in range(10):
        await good.command("AT")
    await closing
    held.set()


async def test_a_flood_on_one_port_leaves_the_others_their_turn(peers, opened):
    noisy, well = peers(), peers()
    well.replies[b"AT+CSQ"] = b"\r\n+CSQ: 17,99\r\n\r\nOK\r\n"
    loud, good = await opened(noisy.port), await opened(well.port)
    noisy.stop_reading()
    os.set_blocking(noisy.master, True)
    stop = threading.Event()

    def flood():
        garbage = os.urandom(4096)
        while not stop.is_set():
            with contextlib.suppress(OSError):
                os.write(noisy.master, garbage)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(100):
            assert await good.command("AT+CSQ", CSQ)
    finally:
        stop.set()
        await asyncio.to_thread(thread.join)
    assert loud.alive


async def test_a_socket_is_a_port_too(opened):
    over = asyncio.Event()

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r"):
                writer.write(b"\r\nOK\r\n")
        writer.close()
        await writer.wait_closed()
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = await opened(f"socket://127.0.0.1:{port}")
    await link.command("AT")
    await link.close()
    await over.wait()
    server.close()


@pytest.mark.parametrize("name", ["socket://", "socket://127.0.0.1", "socket://127.0.0.1:1"])
async def test_a_socket_that_is_not_there_says_so(opened, name):
    with pytest.raises(PortGone):
        await opened(name)


async def test_the_bytes_are_traced_at_debug_and_nowhere_else(peer, opened, caplog):
    peer.replies[b"AT+SECRET"] = b"\r\nOK\r\n"
    link = await opened()
    with caplog.at_level(logging.INFO):
        await link.command("AT+SECRET")
        assert "SECRET" not in caplog.text
    with caplog.at_level(logging.DEBUG):
        await link.command("AT+SECRET")
    assert "SECRET" in caplog.text


async def test_the_port_is_raw_exclusive_and_without_flow_control(peer, opened):
    link = await opened()
    iflag, oflag, cflag, lflag, *_ = termios.tcgetattr(link._fd)
    assert not lflag & (termios.ECHO | termios.ICANON)
    assert not cflag & termios.CRTSCTS
    assert not iflag & (termios.IXON | termios.IXOFF)
    assert not oflag & termios.OPOST
    with pytest.raises(PortBusy):
        await opened()


async def test_a_turn_that_is_handed_to_one_just_cancelled_goes_on_to_the_next():
    turns = Turns(timedelta(seconds=60))
    got = []

    async def wait(name):
        async with turns.turn(Rank.SEND):
            got.append(name)

    async with turns.turn(Rank.URGENT):
        first, second = (asyncio.create_task(wait(name)) for name in ("first", "second"))
        await asyncio.sleep(0)
    first.cancel()  # its turn has come, and it has not noticed yet
    await asyncio.wait([first, second], timeout=5)
    assert got == ["second"]
