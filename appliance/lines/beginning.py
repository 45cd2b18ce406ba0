"""An attempt that is being written down while the modem is asked for its prompt."""

import asyncio

from appliance.store.values import Begin, Begun, NotBegun

Beginning = asyncio.Task[Begun | NotBegun]


def known_reference(beginning: Beginning, begin: Begin) -> int | None:
    """Return the reference of a part's concatenation header, None if there is none (yet)."""
    if begin.concat_reference is not None or not beginning.done() or beginning.exception():
        return begin.concat_reference
    begun = beginning.result()
    return begun.concat_reference if isinstance(begun, Begun) else None


async def committed(beginning: Beginning) -> bool:
    """Return whether the attempt is written down: only then may the PDU go."""
    return isinstance(await beginning, Begun)
