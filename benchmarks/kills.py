"""What kill -9 does to messages in flight."""

from pathlib import Path
from typing import Any

from tests.killing import Plan, kill_again_and_again


async def kills(folder: Path, *, messages: int, times: int) -> dict[str, Any]:
    """Kill the daemon ``times`` between a PDU and its answer, while ``messages`` go out."""
    plan = Plan(messages=messages, in_mid_send=times, anywhere=0)
    count = await kill_again_and_again(folder, plan)
    return {
        "kills_in_mid_send": count.held,
        "sent_twice": len(count.twice),
        "lost": len(count.lost),
        "reports_lost": len(count.reports_lost),
        "reports_of_either_of_two_parts": len(count.untellable),
        "uncertain_never_sent": len(count.uncertain),
    }
