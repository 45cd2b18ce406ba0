"""The daemon on a machine that has no clock of its own, and whose clock was not set yet."""

import sys

from appliance import clock

clock.is_synchronised = clock.has_own_clock = lambda: False

if __name__ == "__main__":
    from appliance.cli import main  # which takes them from there

    sys.exit(main())
