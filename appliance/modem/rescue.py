"""What is done to a modem through its port: ask again, bring it into step, let it restart."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from appliance.errors import CommandRefused, ModemError, ModemSilent, ModemUnwell
from appliance.modem.at import Said
from appliance.modem.flow import WINDOW
from appliance.modem.ladder import Rung, Symptom
from appliance.modem.link import Link
from appliance.modem.ports import Opener
from appliance.modem.turns import Rank
from appliance.modem.values import Timing

AT_WITHIN: Final = timedelta(seconds=2)
"""How long an AT may take that has nothing to do but to be answered."""

AGAIN: Final = 2
"""How often AT is said once more before anything else is tried."""

MayTake = Callable[[Rung], bool]
"""Told before a step is taken; says whether its limits allow it."""

Tell = Callable[[str], None]
"""Told what went unanswered, before the port is brought into step again."""


async def prove(link: Link, may_take: MayTake, tell: Tell) -> None:
    """Make sure that the modem answers, and answers what was asked.

    Waits for its turn: a modem that is busy with a part is not silent. Where there is no answer,
    or nothing but garbage, the two lowest rungs of the ladder are tried.

    Raises:
        ModemSilent: it does not answer.
        ModemUnwell: it says garbage without end.
        PortGone: the port died or is closed.

    """
    async with link.turns.turn(Rank.CHORE):
        garbage, link.flow.garbage = link.flow.garbage, 0
        if garbage:
            await _through_garbage(link, may_take, tell)
        elif link.out_of_step:
            await _resync(link, may_take, tell)
        else:
            await _wake(link, may_take, tell)


async def reset(port: str, command: str, timing: Timing, opener: Opener) -> None:
    """Open a port just to have its modem restart, whether it answers or not.

    Raises:
        PortBusy, PortGone: the port cannot be opened.

    """
    link = Link(port, on_indication=_ignore, on_gone=_ignore, timing=timing, opener=opener)
    await link.open()
    try:
        link.leave_prompt()
        for said in ("AT", command):  # the first ends what may stand half written
            with contextlib.suppress(ModemError):
                await link.put(said, min(timing.answer, AT_WITHIN))
    finally:
        await link.close()


async def _wake(link: Link, may_take: MayTake, tell: Tell) -> None:
    if await _answers(link):
        return
    if may_take(Rung.AGAIN):
        for _ in range(AGAIN):
            if await _answers(link):
                break
    await _resync(link, may_take, tell)


async def _answers(link: Link) -> bool:
    try:
        await link.put("AT", min(link.timing.answer, AT_WITHIN))
    except ModemSilent:
        return False
    except CommandRefused:
        pass  # an answer all the same
    return True


async def _resync(link: Link, may_take: MayTake, tell: Tell) -> None:
    if link.silence:
        tell(link.silence)
    if not may_take(Rung.RESYNC):
        raise ModemSilent(link.port, "AT", link.timing.wake)
    await link.resync()


async def _through_garbage(link: Link, may_take: MayTake, tell: Tell) -> None:
    await _resync(link, may_take, tell)
    await asyncio.sleep(2 * WINDOW)
    if link.flow.garbage:
        raise ModemUnwell(link.port, Symptom.GARBAGE, "it says garbage without end")


def _ignore(_what: Said | ModemError) -> None:
    """Let it pass: the modem is about to restart."""
