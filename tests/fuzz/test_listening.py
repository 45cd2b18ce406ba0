import asyncio
import logging
import random

from tests.fuzz.listening import PATIENCE, listening, orderly_peer, storm

PEERS = 300


async def test_whatever_peers_send_ends_no_more_than_their_own_session(tmp_path, caplog):
    async with listening(tmp_path) as house:
        with caplog.at_level(logging.WARNING):
            await storm(house, PEERS, random.Random(20260506))
        async with asyncio.timeout(PATIENCE):
            while house.server.sessions():
                await asyncio.sleep(0)
        await orderly_peer(house.server.port)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
