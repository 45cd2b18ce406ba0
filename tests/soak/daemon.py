"""The daemon on a machine whose /sys and /dev are those that a bank of simulated modems shows.

Which they are stands in the environment: ``SOAK_SYSFS``, the bank's tree, and ``SOAK_UARTS``, the
ports of modems that are on no USB, with blanks between. Everything else is the daemon as it is.
"""

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from appliance import wiring
from appliance.cli import main
from appliance.config.reading import Config
from appliance.lines.site import Site
from appliance.modem import discovery

SYSFS, UARTS = "SOAK_SYSFS", "SOAK_UARTS"


def finder(_config: Config):
    """Return what looks for modems: as on any machine, and none of them is a real one."""
    sysfs, uarts = Path(os.environ[SYSFS]), os.environ[UARTS].split()

    def find() -> list[discovery.Found]:
        sticks = discovery.ports("auto", sysfs=sysfs, dev=sysfs / "dev")
        return [replace(found, simulated=True) for found in sticks + discovery.ports(uarts)]

    return find


if __name__ == "__main__":
    wiring._finder = finder
    wiring.Site = partial(Site, sysfs=Path(os.environ[SYSFS]))
    sys.exit(main())
