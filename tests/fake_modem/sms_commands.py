"""The SMS commands of 3GPP TS 27.005, in PDU mode."""

import re
from typing import TYPE_CHECKING

from tests.fake_modem import receiving, sending
from tests.fake_modem.commands import Cms, Lines, Request, Said, command
from tests.fake_modem.sim import Memory, Stored

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem


@command("+CMGF")
def message_format(modem: "FakeModem", request: Request) -> Lines:
    """Choose PDU or text mode; messages can be sent and read only in PDU mode here."""
    if request.kind == "set":
        modem.pdu_mode = request.number(0) == 0
        return []
    return ["+CMGF: (0,1)"] if request.kind == "test" else [f"+CMGF: {int(not modem.pdu_mode)}"]


@command("+CSMS")
def service(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "test":
        return [f"+CSMS: {modem.personality.csms}"]
    if request.kind == "read":
        return [f"+CSMS: {modem.csms},1,1,1"]
    if request.number(0) not in (0, 1):
        raise Cms(302)
    modem.csms = request.number(0)
    return ["+CSMS: 1,1,1"]


@command("+CPMS")
def storage(modem: "FakeModem", request: Request) -> Lines:
    make = modem.personality
    if request.kind == "test":
        return [f"+CPMS: {make.cpms}"]
    if request.kind == "set":
        names, offered = request.arguments, _offered(make.cpms)
        if not 1 <= len(names) <= len(offered) or any(map(_not_offered, names, offered)):
            raise Cms(302)
        modem.preferred[: len(names)] = names
    fields = []
    for name in modem.preferred[: len(_offered(make.cpms))]:
        memory = modem.memory(name)
        assert memory is not None
        used = f"{len(memory.slots)},{memory.size}"
        fields.append(f'"{name}",{used}' if request.kind == "read" else used)
    return [f"+CPMS: {','.join(fields)}"]


def _offered(test_answer: str) -> list[str]:
    return re.findall(r"\(([^)]*)\)", test_answer)


def _not_offered(name: str, offered: str) -> bool:
    return f'"{name}"' not in offered


@command("+CNMI")
def indications(modem: "FakeModem", request: Request) -> Lines:
    offered = modem.personality.cnmi
    if request.kind == "test":
        return ["+CNMI: " + ",".join(f"({values})" for values in offered)]
    if request.kind == "read":
        return [f"+CNMI: {','.join(map(str, modem.cnmi))}"]
    wanted = [request.number(index, now) for index, now in enumerate(modem.cnmi)]
    if len(request.arguments) > 5 or wanted[0] in modem.personality.cnmi_refuses:
        raise Cms(303)
    if any(value not in allowed(values) for value, values in zip(wanted, offered, strict=True)):
        raise Cms(302)
    if wanted[0] not in modem.cnmi_ignores:
        modem.cnmi = wanted
    return []


def allowed(values: str) -> set[int]:
    """Read a list such as ``0-2`` or ``0,1,3``."""
    spans = [span.split("-") for span in values.split(",")]
    return {number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)}


@command("+CSCB")
def broadcasts(_modem: "FakeModem", request: Request) -> Lines:
    """Choose the channels of cell broadcast: all are heard here."""
    return {"test": ["+CSCB: (0,1)"], "read": ['+CSCB: 0,"",""']}.get(request.kind, [])


@command("+CSCA")
def service_centre(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "set":
        modem.smsc = request.arguments[0]
        return []
    if request.kind == "test":
        return []
    return [f'+CSCA: "{modem.smsc}",{145 if modem.smsc.startswith("+") else 129}']


@command("+CSMP")
def text_parameters(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "set":
        modem.first_octet = request.number(0, modem.first_octet)
        if modem.personality.name == "zte":
            modem.smsc = ""  # this make forgets its service centre
    return [f"+CSMP: {modem.first_octet},167,0,0"] if request.kind == "read" else []


@command("+CMMS")
def more_messages(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "set":
        modem.more_to_come = request.number(0)
    return {"test": ["+CMMS: (0-2)"], "read": [f"+CMMS: {modem.more_to_come}"]}.get(
        request.kind, []
    )


@command("+CMGS")
def send(modem: "FakeModem", request: Request) -> Lines:
    """Ask for the PDU."""
    if request.kind == "test":
        return []
    if not modem.pdu_mode:
        raise Cms(303)
    sending.prompt(modem, request.number(0))
    return None


@command("+CNMA")
def acknowledge(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "test":
        return ["+CNMA: (0-2)"]
    taken = request.number(0, 0) if request.kind == "set" else 0
    if not modem.csms or not receiving.acknowledge(modem, taken=taken != 2):
        raise Said(*modem.personality.cnma_refused)
    return []


def _readable(modem: "FakeModem", name: str) -> dict[int, Stored]:
    """Return what can be read in a memory, by the make's own index."""
    if not modem.pdu_mode:
        raise Cms(303)
    memory = modem.memory(name)
    first, shown = modem.personality.first_index, modem.personality.report_readable
    slots = memory.slots.items() if memory else ()
    return {slot + first: stored for slot, stored in sorted(slots) if shown or not stored.report}


def _shown(modem: "FakeModem", stored: Stored) -> str:
    status = str(stored.state)
    if stored.report and not modem.personality.report_stat:
        status = ""
    stored.read = True
    return f"{status},,{stored.length}\r\n{stored.pdu}"


@command("+CMGR")
def read(modem: "FakeModem", request: Request) -> Lines:
    stored = _readable(modem, modem.preferred[0]).get(request.number(0))
    if stored:
        return [f"+CMGR: {_shown(modem, stored)}"]
    if modem.personality.empty_slot:
        raise Said(modem.personality.empty_slot)
    return []


@command("+CMGL")
def list_all(modem: "FakeModem", request: Request) -> Lines:
    if request.kind == "test":
        return ["+CMGL: (0-4)"]
    wanted = request.number(0, 0) if request.kind == "set" else 0
    fits = {4: (0, 1, 2, 3)}.get(wanted, (wanted,))
    slots = _readable(modem, modem.preferred[0])
    return [
        f"+CMGL: {index},{_shown(modem, stored)}"
        for index, stored in slots.items()
        if stored.state in fits
    ]


@command("+CMGD")
def delete(modem: "FakeModem", request: Request) -> Lines:
    """Delete a slot; with a flag 1 to 4, all that was read (and sent, and not sent, and unread)."""
    memory = modem.memory(modem.preferred[0])
    assert memory is not None
    first = modem.personality.first_index
    if request.kind == "test":
        return [f"+CMGD: ({','.join(str(slot + first) for slot in sorted(memory.slots))}),(0-4)"]
    if len(request.arguments) > 1 and not modem.personality.delete_flags:
        raise Cms(302)
    slot, flag = request.number(0) - first, request.number(1, 0)
    if not 0 <= slot < memory.size:
        raise Cms(321)
    if flag:
        modem.stats["mass_deletions"] = modem.stats.get("mass_deletions", 0) + 1
        kept = {1: (0, 2), 2: (0, 2), 3: (0,)}.get(flag, ())
        memory.slots = {at: stored for at, stored in memory.slots.items() if stored.state in kept}
    elif memory.slots.pop(slot, None) is None and modem.personality.delete_empty:
        raise Said(modem.personality.delete_empty)
    _room(modem, memory)
    return []


def _room(modem: "FakeModem", memory: Memory) -> None:
    """Tell the network that there is room again, where there was none."""
    if modem.owes_room and not memory.full:
        modem.later(0, receiving.room_again, modem)
