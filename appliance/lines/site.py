"""What is set for the lines of a site."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from pathlib import Path

from appliance.config.settings import Mending
from appliance.lines.hands import Hands
from appliance.lines.mending import SYSFS, Mender
from appliance.lines.watching import Watch
from appliance.modem.driver import Modem
from appliance.policy.judgement import DEFAULT, JudgementRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is set for SIMs.

    ``number`` is a SIM's own as configured, by its ICCID (None: as the SIM says). ``zone`` is
    the site's, ``mending`` says what may be done to modems that fail, ``judging`` when a SIM
    counts as bad, asked each time; ``sysfs`` is where their USB devices are looked for.
    """

    number: Callable[[str], str | None]
    zone: tzinfo
    check_every: timedelta
    mending: Mending
    judging: Callable[[], JudgementRules] = lambda: DEFAULT
    sysfs: Path = SYSFS


def watch_over(
    modem: Modem, slot: str, hands: Hands, site: Site, news: Callable[[], None]
) -> Watch:
    """Return what watches the lines of a modem and mends it, as the site is set."""
    mender = Mender(
        modem,
        slot,
        store=hands.store,
        clock=hands.clock,
        rules=site.mending,
        zone=site.zone,
        news=news,
        sysfs=site.sysfs,
    )
    return Watch(
        mender,
        slot,
        store=hands.store,
        clock=hands.clock,
        rules=site.judging,
        zone=site.zone,
    )
