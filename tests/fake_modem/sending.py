"""AT+CMGS from the prompt to the final answer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fake_modem import hanging, pdu
from tests.fake_modem.commands import CMS_TEXTS
from tests.fake_modem.faults import Fate, Planned

if TYPE_CHECKING:
    from tests.fake_modem.modem import FakeModem


@dataclass(frozen=True, slots=True)
class Prompt:
    """A PDU is awaited. ``length``: octets of its TPDU, as AT+CMGS announced."""

    length: int


def prompt(modem: "FakeModem", length: int) -> None:
    """Ask for a PDU."""
    modem.prompting = Prompt(length)
    if modem.faults.prompt_missing():
        return
    delay, modem.faults.late_prompt = modem.faults.late_prompt, 0.0
    if delay:
        modem.later(delay, _late_prompt, modem, modem.prompting)
    else:
        modem.emit(modem.personality.prompt.encode())


def _late_prompt(modem: "FakeModem", asked: Prompt) -> None:
    if modem.prompting is asked:
        modem.emit(modem.personality.prompt.encode())


def take(modem: "FakeModem", asked: Prompt, text: bytes) -> None:
    """Take the PDU that came after a prompt."""
    modem.stats["submits"] += 1
    if hanging.at_ctrl_z(modem):
        return None
    hexed = bytes(octet for octet in text if octet not in b"\r\n ").decode("ascii", "replace")
    try:
        octets = bytes.fromhex(hexed)
        submit = pdu.decode_submit(octets)
    except ValueError:
        return _local_refusal(modem, 304)
    if len(octets) - 1 - octets[0] != asked.length:
        return _local_refusal(modem, 304)
    if not (submit.smsc or modem.smsc):
        return _local_refusal(modem, 330)
    modem.busy = True
    delay = modem.jittered(modem.settings.cmgs_delay, modem.settings.cmgs_jitter)
    if delay:
        modem.later(delay, _to_network, modem, submit, hexed.upper())
    else:
        _to_network(modem, submit, hexed.upper())
    return None


def _local_refusal(modem: "FakeModem", code: int) -> None:
    """Refuse without anything having left the modem: nothing in the ledger."""
    modem.stats["pdus_refused"] += 1
    modem.answer((), error(modem, code))


def error(modem: "FakeModem", code: int | None) -> str:
    """Return the final line of an error after Ctrl-Z; None is a plain ERROR."""
    if code is None:
        return "ERROR"
    return f"+CMS ERROR: {CMS_TEXTS.get(code, code) if modem.error_form == 2 else code}"


def _to_network(modem: "FakeModem", submit: pdu.Submit, raw: str) -> None:
    """Put the PDU on the air; it is in the ledger before anything is answered."""
    if modem.sim is None or not modem.registered:
        modem.busy = False
        _local_refusal(modem, 310 if modem.sim is None else 331)
        modem.work()
        return None
    if mute := modem.faults.muted():
        modem.stats["network_muted"] += 1
        return _answer(modem, (), error(modem, mute.code))
    modem.links.append(modem.more_to_come)
    reference = modem.next_reference()
    plan = modem.faults.fate_of(submit.recipient)
    refusal = modem.network.refusal(submit)
    failed = plan is not None and plan.fate is Fate.ERROR
    accepted = plan.sent if plan and failed else refusal is None
    modem.network.submit(modem, submit, reference, raw, accepted=accepted)
    if plan and failed:
        final = error(modem, plan.code)
        _answer(modem, (), final)
    elif refusal is not None:
        _answer(modem, (), error(modem, refusal))
    elif plan is None:
        _answer(modem, (f"+CMGS: {reference}",), "OK")
    else:
        _other_fate(modem, plan, submit, reference)
    return None


def _answer(modem: "FakeModem", lines: tuple[str, ...], final: str) -> None:
    modem.busy = False
    modem.answer(lines, final)
    modem.work()


def _other_fate(modem: "FakeModem", plan: Planned, submit: pdu.Submit, reference: int) -> None:
    lines = (f"+CMGS: {reference}",)
    if plan.fate is Fate.HOLD:
        modem.held = lambda: _answer(modem, lines, "OK")
        if plan.tell:
            plan.tell(
                {
                    "event": "held",
                    "modem": modem.name,
                    "recipient": submit.recipient,
                    "reference": reference,
                }
            )
        return
    if plan.fate is Fate.LATE and plan.busy:
        modem.later(plan.seconds, _answer, modem, lines, "OK")
        return
    modem.busy = False
    if plan.fate is Fate.LATE:
        modem.later(plan.seconds, modem.answer, lines, "OK")
    modem.work()
