"""A second reader of SMPP bodies, which shares no line with the door's own codec.

It knows one thing: whether a body can be cut into the fields that SMPP 3.4 gives its command. It
is written straight from the clauses, one letter for each field of a format.
"""

from collections.abc import Callable, Iterator

LONGEST_PDU = 70_000

FORMATS = {
    # command_id: fields in order; a number is a C-octet string of so many octets at most
    0x01: (16, 9, 13, "o", "o", "o", 41),  # bind_receiver (4.1.3)
    0x02: (16, 9, 13, "o", "o", "o", 41),
    0x09: (16, 9, 13, "o", "o", "o", 41),
    0x03: (65, "o", "o", 21),  # query_sm (4.8.1)
    0x04: (6, *"oo", 21, *"oo", 21, *"ooo", 17, 17, *"oooo", "m"),  # submit_sm (4.4.1)
    0x21: (6, *"oo", 21, "d", *"ooo", 17, 17, *"oooo", "m"),  # submit_multi (4.5.1)
    0x103: (6, *"oo", 65, *"oo", 65, *"ooo"),  # data_sm (4.7.1)
    0x08: (6, 65, *"oo", 21, *"oo", 21),  # cancel_sm (4.9.1)
    0x07: (65, *"oo", 21, 17, 17, *"oo", "m"),  # replace_sm (4.10.1)
    0x06: (),
    0x15: (),
}

LENGTHS = {  # of optional parameters whose length is fixed, or bounded (5.3.2)
    0x0017: (4, 4),
    0x001E: (1, 65),
    0x0204: (2, 2),
    0x020A: (2, 2),
    0x020B: (2, 2),
    0x020C: (2, 2),
    0x020E: (1, 1),
    0x020F: (1, 1),
    0x0210: (1, 1),
    0x0423: (3, 3),
    0x0427: (1, 1),
    0x0428: (1, 1),
}


class Broken(Exception):
    """The octets cannot be cut into these fields."""


class Octets:
    """What is left of a body."""

    def __init__(self, body: bytes) -> None:
        self._rest: Iterator[int] = iter(body)
        self.left = len(body)

    def one(self) -> int:
        """Take an octet."""
        if not self.left:
            raise Broken("it ends too early")
        self.left -= 1
        return next(self._rest)

    def several(self, count: int) -> None:
        """Take so many."""
        for _ in range(count):
            self.one()

    def string(self, most: int) -> None:
        """Take a C-octet string, its NUL included."""
        for _ in range(most):
            if self.one() == 0:
                return
        raise Broken(f"no NUL in {most} octets")

    def message(self) -> None:
        """Take sm_length and short_message."""
        length = self.one()
        if length > 254:
            raise Broken("sm_length 255")
        self.several(length)

    def destinations(self) -> None:
        """Take number_of_dests and dest_address."""
        count = self.one()
        if not 0 < count < 255:
            raise Broken("number_of_dests")
        for _ in range(count):
            flag = self.one()
            if flag == 1:
                self.several(2)
            elif flag != 2:
                raise Broken("dest_flag")
            self.string(21)

    def optional(self) -> None:
        """Take the optional parameters, to the end."""
        while self.left:
            tag = self.one() << 8 | self.one()
            length = self.one() << 8 | self.one()
            shortest, longest = LENGTHS.get(tag, (0, 0xFFFF))
            if not shortest <= length <= longest:
                raise Broken("the length of an optional parameter")
            self.several(length)


def is_broken(command: int, body: bytes) -> bool:
    """Tell whether a body cannot be one of this command."""
    octets = Octets(body)
    take: dict[str, Callable[[], object]] = {
        "o": octets.one,
        "m": octets.message,
        "d": octets.destinations,
    }
    try:
        for field in FORMATS[command]:
            if isinstance(field, int):
                octets.string(field)
            else:
                take[field]()
        octets.optional()
    except Broken:
        return True
    return False
