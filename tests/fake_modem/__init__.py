r"""Simulated GSM modems with a simulated network behind them: what the tests measure with.

In memory::

    network = Network()
    modem = FakeModem("ec25", network, say=received.extend)
    modem.receive(b"AT+CSQ\\r")

On pseudo-terminals, in the same process::

    async with Bank(tmp_path, makes=["e3372", "sim800"]) as bank: ...

As a process of its own: ``python -m tests.fake_modem --modems 4 --dir DIR``, controlled by
``Control(DIR)`` or ``AsyncControl(DIR)`` (the verbs: ``server``), judged by
``Ledger(DIR / "ledger.jsonl").sent()``. What handsets do stands in ``handsets``.
Nothing here imports the product.
"""

from tests.fake_modem.bank import Bank
from tests.fake_modem.control import AsyncControl, Control, ControlError
from tests.fake_modem.faults import Fate, Faults, ModemSettings, Planned
from tests.fake_modem.handsets import Handset, Mood
from tests.fake_modem.ledger import Ledger, LedgerWriter, OnAir
from tests.fake_modem.modem import FakeModem
from tests.fake_modem.network import Network, NetworkSettings
from tests.fake_modem.personalities import PERSONALITIES, THE_SIX, Personality
from tests.fake_modem.sim import Sim

__all__ = [
    "PERSONALITIES",
    "THE_SIX",
    "AsyncControl",
    "Bank",
    "Control",
    "ControlError",
    "FakeModem",
    "Fate",
    "Faults",
    "Handset",
    "Ledger",
    "LedgerWriter",
    "ModemSettings",
    "Mood",
    "Network",
    "NetworkSettings",
    "OnAir",
    "Personality",
    "Planned",
    "Sim",
]
