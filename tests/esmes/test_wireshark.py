"""Whether a frame that is no good is seen in a recording, whoever has sent it."""

import asyncio
import struct

import pytest

from tests.esmes.recorder import CLIENT, SERVER, Conversation, Pcap, recording
from tests.esmes.wireshark import complaints, dissected, pdus, said

TEXT = b"\0\1\1123\0\1\1456\0\0\0\0\0\0\0\0\0\0"  # deliver_sm up to sm_length

GOOD = TEXT + b"\5hello" + b"\x04\x27\x00\x01\x02"

BAD = {
    "a body cut off": TEXT[:9],
    "a text longer than its PDU": TEXT + b"\x09hello",
    "a string without an end": b"abc",
    "a parameter longer than its PDU": TEXT + b"\5hello" + b"\x00\x1e\x00\x09abc",
}


def pdu(body, command=5, status=0):
    return struct.pack(">IIII", 16 + len(body), command, status, 1) + body


def recorded(path, side, octets):
    pcap = Pcap(path)
    Conversation(pcap, 20_000).says(side, octets)
    pcap.close()
    return path


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_malformed_frame_of_ours_is_seen(tmp_path, body):
    assert complaints(recorded(tmp_path / "bad.pcap", SERVER, pdu(body)))


def test_what_others_send_is_not_ours_to_mend(tmp_path):
    path = recorded(tmp_path / "theirs.pcap", CLIENT, pdu(BAD["a body cut off"]))

    assert complaints(path) == []
    assert dissected(path) == []


def test_good_frames_are_found_wherever_they_are_cut(tmp_path):
    octets = pdu(GOOD) + pdu(b"", 0x80000015, 0) + pdu(b"", 0x80000004, 0x58)
    pcap = Pcap(tmp_path / "good.pcap")
    conversation = Conversation(pcap, 20_000)
    for start in range(0, len(octets), 21):
        conversation.says(SERVER, octets[start : start + 21])
    pcap.close()

    assert complaints(pcap.path) == []
    assert dissected(pcap.path) == pdus(octets) == said(conversation)
    assert len(pdus(octets)) == 3


async def test_a_recorder_carries_what_is_said_and_keeps_it(tmp_path):
    async def shout(reader, writer):
        writer.write((await reader.readexactly(5)).upper())
        await reader.read()
        writer.close()

    async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with recording(tmp_path / "it.pcap", port) as recorder:
            reader, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"HELLO"
            writer.close()
            await reader.read()

    [conversation] = recorder.conversations
    assert conversation.said == {CLIENT: b"hello", SERVER: b"HELLO"}
