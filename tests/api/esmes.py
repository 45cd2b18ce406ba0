"""The HTTP door with a real SMPP server beside it, and apps that are bound to it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from appliance.api.app import build_app
from appliance.lines.errands import Errands
from appliance.models import Account
from appliance.smpp_server.members import MembersOnRecord
from appliance.smpp_server.overview import Overview
from appliance.store.accounts import NewAccount
from tests.api.house import House
from tests.smpp_server.esme import BIND_TRX, Client
from tests.smpp_server.real import RealHouse


class Esmes(RealHouse):
    """An SMPP server with the accounts of the store.

    Attributes:
        overview: what people see of it.
        url: where HTTP is served with it.
        admin: the headers of an account that may look after it.

    """

    def __init__(self, house: House, folder) -> None:
        clock = house.doors.clock
        super().__init__(house.store, None, 0, clock, folder)
        self.overview = Overview(self.server, house.store, clock, "test")
        self.passwords: dict[str, tuple[bytes, bytes]] = {}
        self.url, self.admin = "", {}

    def members(self) -> MembersOnRecord:
        """Return the accounts as they are stored."""
        return MembersOnRecord(self.store.accounts, self.clock)

    async def add(self, name: str, **given: object) -> Account:
        """Make an account."""
        issued = await self.store.accounts.add(NewAccount(name=name, **given), self.clock.now())
        self.passwords[name] = issued.system_id.encode(), issued.password.encode()
        if issued.api_key and given.get("admin"):
            self.admin = {"Authorization": f"Bearer {issued.api_key}"}
        account = await self.store.accounts.by_name(name)
        assert account is not None
        return account

    async def bound(self, name: str, bind: int = BIND_TRX, **fields: object) -> Client:
        """Return a client that is bound as an account."""
        system_id, password = self.passwords[name]
        return await self.client(bind, system_id=system_id, password=password, **fields)


@asynccontextmanager
async def esmes_of(house: House, folder) -> AsyncIterator[Esmes]:
    """Serve SMPP beside HTTP; the accounts are ``shop`` and ``tech``, who is an admin."""
    esmes = Esmes(house, folder)
    await esmes.server.start()
    tcp = socket.create_server(("127.0.0.1", 0))
    esmes.url = f"http://127.0.0.1:{tcp.getsockname()[1]}"
    doors = replace(house.doors, smpp=esmes.overview, drop=esmes.server.drop)
    await house.servers.start(build_app(doors), tcp)
    errands = Errands(
        house.store, esmes.clock, esmes.real_intake, lambda _: None, esmes.overview.unbind
    )
    tasks = [asyncio.create_task(each.run()) for each in (esmes.overview, errands)]
    try:
        await esmes.add("tech", admin=True)
        await esmes.add("till")
        yield esmes
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await esmes.close()
