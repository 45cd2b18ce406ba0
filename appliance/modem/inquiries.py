"""Questions to a modem, a function each. A refusal is an answer: then nothing is known."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from appliance.errors import CommandRefused
from appliance.modem import answers
from appliance.modem.at import NOTHING, Answer, bare, listed, prefixed
from appliance.modem.causes import code_of
from appliance.modem.link import Link
from appliance.modem.profiles import ICCID_COMMANDS, STANDARD_TRIES, Profile, profile_for
from appliance.modem.values import ModemIdentity

READ_REGISTRATION: Final = r":\s*\d\s*,\s*\d{1,2}\s*(?:,|$)"  # unsolicited ones lack the mode

REGISTRATION: Final = tuple(
    (f"AT+{name}?", prefixed(f"+{name}:", fields=(2, 9), pattern=READ_REGISTRATION))
    for name in ("CREG", "CGREG", "CEREG")
)

PIN: Final = prefixed("+CPIN:")

PIN_ENDS: Final = Answer(PIN.prefixes, ends=True)

CMGS: Final = prefixed("+CMGS:", fields=(1, 2))

CMGL: Final = listed("+CMGL:", fields=(3, 4))

CMGR: Final = listed("+CMGR:", fields=(1, 4))

CPMS: Final = prefixed("+CPMS:")

ANYTHING: Final = prefixed("+C")  # where the lines do not matter

CNMI: Final = prefixed("+CNMI:")

ICCID: Final = bare(  # as it is, or behind the name of this or another command
    r'(?:[+^#!]?\w*(?:CCID|SCID|CRSM)\b.*|"?[0-9A-Fa-f]{18,22}"?)'
)

PDU_MODE: Final = 0  # of AT+CMGF, 27.005 clause 3.2.3

SIM_MISSING: Final = frozenset({10, 310})

SIM_FAILED: Final = frozenset({13, 15, 313, 315})

Lines = tuple[str, ...]


async def lines(link: Link, text: str, answer: Answer = NOTHING) -> Lines:
    """Ask, and return the information lines; none where the modem refuses."""
    try:
        return tuple(said.line for said in await link.command(text, answer))
    except CommandRefused:
        return ()


async def word(link: Link, text: str, own: str = "", pattern: str = "") -> str:
    """Return the first bare line of an answer, '' where there is none."""
    found = await lines(link, text, bare(pattern, own=own))
    return answers.without_prefix(found[0]) if found else ""


async def identity(link: Link, slot: str) -> ModemIdentity:
    """Return what the modem says of itself, '' for what it does not tell (yet)."""
    maker = await word(link, "AT+CGMI", "+CGMI:")
    model = await word(link, "AT+CGMM", "+CGMM:")
    revision = await word(link, "AT+CGMR", "+CGMR:")
    imei = await word(link, "AT+CGSN", pattern=r'(?:\+CGSN:\s*)?"?\d{14,17}"?')
    return ModemIdentity(imei, slot, maker, model, revision, profile_for(maker, model).name)


async def pin_state(link: Link, profile: Profile) -> tuple[str, int | None]:
    """Return what the SIM wants ("READY", "SIM PIN", …) or '' and the number of the error."""
    try:
        said = await link.command("AT+CPIN?", PIN_ENDS if profile.pin_answer_ends else PIN)
    except CommandRefused as error:
        return "", code_of(error.final)
    return (answers.fields(said[0].line)[0] if said else "READY"), None


async def pin_tries(link: Link, profile: Profile) -> int | None:
    """Return how many tries the PIN has left, None where the modem does not tell."""
    for how in filter(None, (profile.pin_tries, STANDARD_TRIES)):
        for line in await lines(link, how.command, prefixed(how.prefix)):
            tries = answers.number_in(line, how.field)
            if tries is not None:
                return tries
    return None


async def iccid(link: Link, commands: Sequence[str]) -> tuple[str, str] | None:
    """Return the SIM's ICCID and the command that told it, None where none of them does."""
    for command in commands:
        if found := answers.iccid(await lines(link, command, ICCID)):
            return found, command
    return None


def iccid_commands(profile: Profile) -> tuple[str, ...]:
    """Return the commands to try for the ICCID: the profile's, then all that are known."""
    return tuple(dict.fromkeys((*profile.iccid, *ICCID_COMMANDS)))


async def imsi(link: Link) -> str | None:
    """Return the SIM's IMSI, None where the modem does not tell."""
    return await word(link, "AT+CIMI", pattern=r'(?:\+CIMI:\s*)?"?\d{6,15}"?') or None


async def own_number(link: Link) -> str | None:
    """Return the SIM's own number, None where it does not know it."""
    return answers.own_number(await lines(link, "AT+CNUM", prefixed("+CNUM:")))


async def functionality(link: Link) -> int | None:
    """Return <fun> of AT+CFUN? (27.007 clause 8.2), None where the modem does not tell."""
    said = await lines(link, "AT+CFUN?", prefixed("+CFUN:"))
    return answers.number_in(said[0], 0) if said else None


async def operator_mode(link: Link) -> int | None:
    """Return <mode> of AT+COPS? (27.007 clause 7.3), None where the modem does not tell."""
    said = await lines(link, "AT+COPS?", prefixed("+COPS:"))
    return answers.number_in(said[0], 0) if said else None


async def service_centre(link: Link) -> str | None:
    """Return the address of the service centre that the SIM knows."""
    said = await lines(link, "AT+CSCA?", prefixed("+CSCA:"))
    return (answers.fields(said[0])[0] or None) if said else None


async def clock(link: Link) -> datetime | None:
    """Return the time by the modem's clock, None where it does not know it."""
    return answers.clock(await lines(link, "AT+CCLK?", prefixed("+CCLK:")))


async def message_services(link: Link) -> frozenset[int]:
    """Return the values that AT+CSMS takes; none where the modem does not tell."""
    return await _only_choices(link, "AT+CSMS=?", "+CSMS:")


async def in_pdu_mode(link: Link) -> bool:
    """Say whether messages are written as PDUs; True where the modem does not tell."""
    said = await lines(link, "AT+CMGF?", prefixed("+CMGF:"))
    return not said or answers.number_in(said[0], 0) in (None, PDU_MODE)


async def message_formats(link: Link) -> frozenset[int]:
    """Return the values that AT+CMGF takes (0: PDU mode); none where it does not tell."""
    return await _only_choices(link, "AT+CMGF=?", "+CMGF:")


async def _only_choices(link: Link, text: str, prefix: str) -> frozenset[int]:
    said = await lines(link, text, prefixed(prefix))
    return frozenset().union(*answers.choices(said[0])) if said else frozenset()


async def registration(link: Link) -> str:
    """Return "home", "roaming", "denied", "searching" or "none": the best of 2G, 3G and 4G."""
    said: list[str] = []
    for text, shape in REGISTRATION:
        said += await lines(link, text, shape)
        if answers.registration(said) == "home":
            break
    return answers.registration(said)


async def operator(link: Link) -> str | None:
    """Return the network's name."""
    return answers.operator(await lines(link, "AT+COPS?", prefixed("+COPS:")))


async def signal_dbm(link: Link) -> int | None:
    """Return the received strength in dBm."""
    level = answers.signal_dbm(await lines(link, "AT+CSQ", prefixed("+CSQ:", fields=(2, 2))))
    if level is not None:
        return level
    return answers.extended_signal_dbm(await lines(link, "AT+CESQ", prefixed("+CESQ:")))


async def memories(link: Link) -> tuple[tuple[str, ...], ...]:
    """Return the memories offered to read, to write, for arrivals."""
    said: Sequence[str] = await lines(link, "AT+CPMS=?", CPMS)
    return answers.memories(said[0]) if said else ()


async def notification_choices(link: Link) -> tuple[frozenset[int], ...]:
    """Return the values AT+CNMI takes, a set for each parameter; none where it does not tell."""
    said = await lines(link, "AT+CNMI=?", CNMI)
    return answers.choices(said[0]) if said else ()


async def notifications(link: Link) -> tuple[int, ...] | None:
    """Return what AT+CNMI is set to, None where the modem does not tell."""
    for line in await lines(link, "AT+CNMI?", CNMI):
        return tuple(int(field) for field in answers.fields(line) if field.isdecimal())
    return None
