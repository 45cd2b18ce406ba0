"""The configuration, read again while the daemon runs: what can change does, the rest is named."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.config.reading import Config
from appliance.config.settings import Sim
from appliance.config.types import Section
from appliance.errors import ApplianceError

logger = logging.getLogger(__name__)


class InForce:
    """The configuration that holds just now."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def sim(self, iccid: str) -> Sim | None:
        """Return what is set for a SIM just now, None if nothing is."""
        return self.config.sim(iccid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What came of it.

    Attributes:
        changed: sections that hold as they are set now.
        after_restart: keys that are set otherwise now, but hold only after a restart.
        warnings: what is good, but hardly meant.

    """

    changed: tuple[str, ...]
    after_restart: tuple[str, ...]
    warnings: tuple[str, ...]


class Reload:
    """Reads the configuration again.

    Args:
        force: the configuration that holds; it is exchanged.
        read: returns the configuration of a text, or with None that of the daemon's own file.
        exchange: what to do when a section has changed, by the section's name; the other
            sections hold only after a restart.
        clock: says what is over.

    """

    def __init__(
        self,
        force: InForce,
        read: Callable[[str | None], Config],
        exchange: Mapping[str, Callable[[], Awaitable[None]]],
        clock: Clock,
    ) -> None:
        self._force, self._read, self._exchange = force, read, exchange
        self._clock = clock
        self._one_by_one = asyncio.Lock()

    async def __call__(self, text: str | None = None) -> Reloaded:
        """Let what is set now hold, as far as it can without a restart.

        Args:
            text: a configuration file's; None: the daemon's own file is read.

        Raises:
            BadConfig: something in it is wrong; nothing has changed.
            StoreError: what SIMs have sent could not be read; nothing has changed.

        """
        async with self._one_by_one:
            before = self._force.config
            wanted = await asyncio.to_thread(self._read, text)
            sections = [
                name
                for name in Config.model_fields
                if getattr(before, name) != getattr(wanted, name)
            ]
            changed = [name for name in sections if name in self._exchange]
            await self._hold(before, {name: getattr(wanted, name) for name in changed})
            reloaded = Reloaded(
                changed=tuple(changed),
                after_restart=tuple(
                    key
                    for name in sections
                    if name not in changed
                    for key in _differing(name, getattr(before, name), getattr(wanted, name))
                ),
                warnings=tuple(warnings(self._force.config, self._clock)),
            )
        _log(reloaded)
        return reloaded

    async def by_signal(self) -> None:
        """Read the daemon's own file again; what is wrong with it is logged."""
        try:
            await self()
        except ApplianceError as error:
            logger.error("nothing has changed: %s", error)  # noqa: TRY400 - a sentence for people

    async def _hold(self, before: Config, changed: Mapping[str, object]) -> None:
        self._force.config = before.model_copy(update=dict(changed))
        try:
            for work in dict.fromkeys(self._exchange[name] for name in changed):
                await work()
        except BaseException:
            self._force.config = before
            raise


def warnings(config: Config, clock: Clock) -> list[str]:
    """Return what is good in a configuration, but hardly meant, as of today."""
    return config.warnings(clock.now().astimezone(config.site.zone).date())


def _differing(name: str, before: object, wanted: object) -> Iterator[str]:
    if not isinstance(before, Section) or not isinstance(wanted, Section):
        yield name
        return
    for key in type(before).model_fields:
        if getattr(before, key) != getattr(wanted, key):
            yield f"{name}.{key}"


def _log(reloaded: Reloaded) -> None:
    changed = ", ".join(reloaded.changed) or "nothing"
    logger.info("the configuration was read again: changed %s", changed)
    for key in reloaded.after_restart:
        logger.warning("%s is set otherwise now: that holds after a restart", key)
    for warning in reloaded.warnings:
        logger.warning("%s", warning)
