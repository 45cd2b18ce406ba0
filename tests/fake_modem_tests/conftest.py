"""A modem in memory, and a bank on pseudo-terminals, both quick."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.fake_modem import Bank, FakeModem, ModemSettings, Network
from tests.fake_modem_tests.talk import Talk, in_memory

QUICK = ModemSettings(cmgs_delay=0.005, report_delay=0.01, boot_pace=0.01, cnma_seconds=0.05)


@pytest.fixture
async def network() -> Network:
    made = Network()
    made.settings.reply_delay = 0.01
    return made


@pytest.fixture
def meet(network: Network) -> Callable[[str], tuple[FakeModem, Talk]]:
    """Give a modem of a make, without echo, and somebody to talk to it."""

    def make(make_name: str) -> tuple[FakeModem, Talk]:
        modem = FakeModem(make_name, network)
        for name, value in vars(QUICK).items():
            setattr(modem.settings, name, value)
        modem.echo = False
        return modem, in_memory(modem)

    return make


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    """Give one modem of each make on real ports."""
    async with Bank(tmp_path / "bank", settings=QUICK) as made:
        made.network.settings.reply_delay = 0.01
        yield made
