"""Who works with whom: the objects of one run, built from the configuration. Decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from appliance.chores import Chores
from appliance.clock import Clock
from appliance.config import Config
from appliance.inbox import Inbox
from appliance.intake import Intake, IntakeRules
from appliance.keeper import Allowances, Keeper, Site
from appliance.line import Hands
from appliance.modem import discovery
from appliance.modem.driver import Modem
from appliance.modem.values import LineState, SimIdentity
from appliance.outbox import Outbox
from appliance.policy.countries import country_of_imsi
from appliance.pool import Dispatcher, Pool
from appliance.record import Record
from appliance.smpp_server.server import SmppServer
from appliance.store import Store
from appliance.store.space import Space
from appliance.store.values import LineFacts
from appliance.webhook import WebhookCarrier

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What runs side by side; ``smpp`` is None where that door is shut."""

    intake: Intake
    smpp: SmppServer | None
    webhook: WebhookCarrier
    outbox: Outbox
    pool: Pool
    record: Record
    chores: Chores

    @classmethod
    def build(cls, config: Config, store: Store, clock: Clock) -> Self:
        """Build everything; nothing of it runs yet."""
        space = Space(config.storage.data, config.storage.keep_free_mb * MEGABYTE)
        intake = Intake(store, clock, _rules(config, store), space)
        webhook = WebhookCarrier(clock)
        outbox = Outbox(store, clock)
        outbox.add(webhook)
        smpp = None
        if config.smpp.enabled:
            smpp = SmppServer(
                config.smpp,
                intake=intake,
                authenticate=store.accounts.authenticate_smpp,
                wake=outbox.wake,
                clock=clock,
            )
            outbox.add(smpp)
        record = Record(store)
        return cls(
            intake=intake,
            smpp=smpp,
            webhook=webhook,
            outbox=outbox,
            pool=_pool(config, store, clock, record, Dispatcher(store, clock, space)),
            record=record,
            chores=Chores(store, clock, config.messages),
        )

    def drop(self, account_id: int) -> None:
        """Close the sessions of an account that is no longer allowed in."""
        if self.smpp is not None:
            self.smpp.drop(account_id)


def _rules(config: Config, store: Store) -> IntakeRules:
    return IntakeRules(
        region=config.numbers.region or None,
        short_codes=config.numbers.short_codes,
        countries=_countries(config, store),
        max_parts=config.messages.max_parts,
        validity=config.messages.validity,
        when_uncertain=config.messages.when_uncertain,
    )


def _countries(config: Config, store: Store) -> Callable[[], frozenset[str]]:
    """Return what tells the countries that may be written to: as set, else those of the SIMs."""

    def countries() -> frozenset[str]:
        if config.countries:
            return config.countries
        found = {country_of_imsi(imsi) for imsi in store.lines.subscribers}
        return frozenset(country for country in found if country)

    return countries


def _pool(
    config: Config, store: Store, clock: Clock, record: Record, dispatcher: Dispatcher
) -> Pool:
    hands = Hands(
        store=store,
        inbox=Inbox(store, clock, config.numbers.region or None),
        clock=clock,
        record=record,
        nudge=dispatcher.nudge,
        again=dispatcher.again,
    )
    site = Site(
        limits=lambda iccid, simulated: config.limits_of(iccid, simulated=simulated),
        number=lambda iccid: (sim.number or None) if (sim := config.sim(iccid)) else None,
        zone=config.site.zone,
        check_every=timedelta(seconds=config.modems.check_seconds),
    )
    return Pool(dispatcher, _finder(config), _keeping(config, hands, site, dispatcher))


def _finder(config: Config) -> Callable[[], list[discovery.Found]]:
    return lambda: discovery.ports(config.modems.ports, simulated=config.modems.simulated)


def _keeping(
    config: Config, hands: Hands, site: Site, dispatcher: Dispatcher
) -> Callable[[discovery.Found], Keeper]:
    """Return what makes a caretaker for a modem that was found."""
    allowances = Allowances(hands, site)

    def pin(card: SimIdentity | None) -> str | None:
        return config.pin(card.iccid if card else None)

    def keep(found: discovery.Found) -> Keeper:
        facts = LineFacts(
            slot=found.slot,
            port=found.port,
            state=LineState.starting.value,
            cause="",
            next_step="",
            simulated=found.simulated,
            changed_at=hands.clock.now(),
        )
        modem = Modem(found.port, slot=found.slot, pin=pin, roaming=config.modems.roaming)
        return Keeper(
            modem, facts, hands=hands, site=site, allowances=allowances, supply=dispatcher
        )

    return keep
