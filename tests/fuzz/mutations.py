"""Good PDUs, and what can be done to them."""

import random
import struct

from tests.smpp_server.esme import (
    address,
    bind_body,
    cancel_body,
    data_body,
    frame,
    multi_body,
    query_body,
    replace_body,
    submit_body,
)

BINDS = (0x01, 0x02, 0x09)


def tlv(tag: int, value: bytes) -> bytes:
    """Return an optional parameter."""
    return struct.pack(">HH", tag, len(value)) + value


TAILS = (
    b"",
    tlv(0x0424, b"hello" * 20),
    tlv(0x020C, b"\0\1") + tlv(0x020E, b"\2") + tlv(0x020F, b"\1"),
    tlv(0x1400, b"otp") + tlv(0x0204, b"\0\7"),
)

SUBMITS = (
    submit_body(),
    submit_body(text=b"x" * 254),
    submit_body(text=b"\5\0\3\1\2\1hi", esm_class=0x40),
    submit_body(text=b"", tail=TAILS[1]),
    submit_body(tail=TAILS[2], coding=8, registered=1, priority=3),
    submit_body(schedule=b"260102030405006+", validity=b"000001000000000R", service_type=b"CMT"),
)

BODIES = {
    0x01: (bind_body(),),
    0x02: (bind_body(),),
    0x09: (bind_body(),),
    0x03: (query_body(b"m1"), query_body(b"m1", (1, 1, b"4915100000"))),
    0x04: SUBMITS,
    0x21: (
        multi_body([(1, 1, b"4915112345678"), (1, 1, b"4915112345679")]),
        multi_body([b"\2list\0", (1, 1, b"4915112345679")], tail=TAILS[3]),
    ),
    0x103: (data_body(tail=TAILS[1]), data_body(tail=TAILS[1] + TAILS[2])),
    0x08: (cancel_body(b"m1"), cancel_body(to=(1, 1, b"4915112345678"))),
    0x07: (replace_body(b"m1"), replace_body(b"m1", tail=TAILS[3])),
    0x06: (b"",),
    0x15: (b"",),
}
"""Good bodies of every request that an ESME may send."""

assert address(1, 1, b"49") == b"\1\x0149\0"


def mutated(dice: random.Random, octets: bytes) -> bytes:
    """Return octets that one to three things have happened to."""
    for _ in range(dice.randint(1, 3)):
        octets = dice.choice(HURTS)(dice, octets)
    return octets


def _flip(dice: random.Random, octets: bytes) -> bytes:
    if not octets:
        return b"\0"
    at = dice.randrange(len(octets))
    return octets[:at] + bytes((octets[at] ^ 1 << dice.randrange(8),)) + octets[at + 1 :]


def _set(dice: random.Random, octets: bytes) -> bytes:
    if not octets:
        return b"\xff"
    at = dice.randrange(len(octets))
    odd = dice.choice((0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, dice.randrange(256)))
    return octets[:at] + bytes((odd,)) + octets[at + 1 :]


def _cut(dice: random.Random, octets: bytes) -> bytes:
    return octets[: dice.randint(0, len(octets))]


def _drop(dice: random.Random, octets: bytes) -> bytes:
    at = dice.randint(0, len(octets))
    return octets[:at] + octets[at + dice.randint(1, 4) :]


def _insert(dice: random.Random, octets: bytes) -> bytes:
    at = dice.randint(0, len(octets))
    return octets[:at] + dice.randbytes(dice.randint(1, 20)) + octets[at:]


def _repeat(dice: random.Random, octets: bytes) -> bytes:
    at = dice.randint(0, len(octets))
    return octets[:at] + octets[at : at + dice.randint(1, 30)] * dice.randint(2, 9) + octets[at:]


def _strings_without_end(_dice: random.Random, octets: bytes) -> bytes:
    return octets.replace(b"\0", b"A")


def _tail(dice: random.Random, octets: bytes) -> bytes:
    length = dice.choice((0, 1, 2, 3, 5, 100, 0xFFFF))
    head = struct.pack(">HH", dice.choice((0x20C, 0x424, 0x427, 0x1E, 0x9999)), length)
    return octets + head + dice.randbytes(dice.randint(0, 6))


HURTS = (_flip, _set, _cut, _drop, _insert, _repeat, _strings_without_end, _tail)


def request(dice: random.Random, sequence: int) -> tuple[int, bytes]:
    """Return a command and a body of it that something has happened to, in a frame that fits."""
    command = dice.choice(tuple(BODIES))
    body = mutated(dice, dice.choice(BODIES[command]))
    return command, frame(command, body, sequence=sequence)


def stream(dice: random.Random) -> bytes:
    """Return some frames of any kind, whose headers something may have happened to as well."""
    frames = []
    for sequence in range(1, dice.randint(2, 6)):
        command = dice.choice(
            (*BODIES, 0x05, 0x0B, 0x102, 0x80000000, 0x80000004, 0x80000005, 0x77)
        )
        body = dice.choice(BODIES.get(command, (b"\0", b"")))
        frames.append(frame(command, body, sequence=sequence, status=dice.choice((0, 0, 0x58))))
    whole = b"".join(frames)
    return mutated(dice, whole) if dice.random() < 0.8 else whole
