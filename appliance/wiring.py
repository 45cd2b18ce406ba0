"""Who works with whom: the objects of one run, built from the configuration. Decides nothing."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, Self

from appliance import addressing
from appliance.chores import Chores
from appliance.clock import Clock
from appliance.config.reading import Config
from appliance.config.reload import InForce, Reload
from appliance.control import Control
from appliance.dispatch.dispatcher import Dispatcher
from appliance.dispatch.rerouting import Rerouting
from appliance.dispatch.site_rules import RULES, RulesInForce
from appliance.dispatch.waiting import WhyWaiting
from appliance.dispatch.waking import Waking
from appliance.inbox import Inbox, reading
from appliance.intake import Intake, IntakeRules
from appliance.lines import replug
from appliance.lines.allowances import Allowances
from appliance.lines.balances import Balances
from appliance.lines.errands import Errands
from appliance.lines.hands import Hands
from appliance.lines.keeper import Keeper
from appliance.lines.record import Record
from appliance.lines.roster import Roster
from appliance.lines.site import Site
from appliance.modem import discovery
from appliance.modem.driver import Modem
from appliance.modem.pins import Pins
from appliance.modem.ports import holder, open_port
from appliance.modem.values import LineState, SimIdentity, SimRules
from appliance.outbox import Outbox
from appliance.planning import Planning
from appliance.policy.countries import country_of_imsi
from appliance.policy.routes import Routes
from appliance.pool import Pool
from appliance.replies import Replies
from appliance.smpp_server.books import StoredBooks
from appliance.smpp_server.members import MembersOnRecord
from appliance.smpp_server.messages import StoredMessages
from appliance.smpp_server.operations import Operations
from appliance.smpp_server.overview import Overview
from appliance.smpp_server.server import SmppServer
from appliance.smpp_server.troubles import CertificateTrouble
from appliance.store import Store
from appliance.store.inbound import Reading
from appliance.store.space import Space
from appliance.store.values import LineFacts
from appliance.store.ways import Kind, Leads
from appliance.webhook import WebhookCarrier

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What runs side by side; ``smpp`` and ``overview`` are None where that door is shut."""

    intake: Intake
    smpp: SmppServer | None
    overview: Overview | None
    books: StoredBooks
    webhook: WebhookCarrier
    outbox: Outbox
    pool: Pool
    control: Control
    errands: Errands
    record: Record
    chores: Chores
    balances: Balances
    reload: Reload
    rerouting: Rerouting
    waking: Waking
    planning: Planning
    waiting: WhyWaiting

    @classmethod
    def build(
        cls,
        config: Config,
        store: Store,
        clock: Clock,
        read: Callable[[str | None], Config],
        trusted: Callable[[], bool] = lambda: True,
    ) -> Self:
        """Build everything; nothing of it runs yet. ``read`` returns the configuration anew."""
        force, rules = InForce(config), RulesInForce(config, trusted)
        space = Space(config.storage.data, config.storage.keep_free_mb * MEGABYTE)
        store.ways.leads = _leads(force, rules)
        intake, record = Intake(store, clock, _rules(config, store, rules), space), Record(store)
        webhook, allowances = WebhookCarrier(clock), _allowances(force, store, clock)
        outbox, dispatcher = Outbox(store, clock), Dispatcher(store, clock, space, rules.choosing())
        outbox.add(webhook)
        smpp, overview, books = _smpp(config, store, clock, intake, outbox)
        rerouting = Rerouting(store, lambda: rules.site.routes, _settled(rules, dispatcher))
        hands = _hands(config, store, clock, record, dispatcher)
        pool = _pool(force, hands, dispatcher, allowances)
        changing = _Changing(allowances, dispatcher, pool, rules, rerouting)
        return cls(
            intake=intake,
            smpp=smpp,
            overview=overview,
            books=books,
            webhook=webhook,
            outbox=outbox,
            pool=pool,
            control=Control(store, clock, lambda iccid: _sim_name(force, iccid)),
            errands=_errands(store, clock, intake, pool, overview),
            record=record,
            chores=Chores(store, clock, config.messages, config.uncertain.rules, trusted),
            balances=Balances(store, clock, force.sim, pool.keepers),
            reload=_reload(force, read, changing, store, clock),
            rerouting=rerouting,
            waking=Waking(store, clock, dispatcher.outlook),
            planning=Planning(store, lambda: force.config, lambda: rules.site),
            waiting=_waiting(force, store, clock, dispatcher, pool),
        )

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Give what runs until it is cancelled."""
        yield from (self.outbox.run(), self.pool.run(), self.errands.run())
        yield from (self.rerouting.keep(), self.waking.run())
        if self.overview is not None:
            yield self.overview.run()
        # Without the SMPP door nothing waits for its answer; others must hear that, too.
        yield self.books.tell(self.smpp.settled if self.smpp else _nothing)

    def drop(self, account_id: int) -> None:
        """Close the sessions of an account that is no longer allowed in."""
        if self.smpp is not None:
            self.smpp.drop(account_id)


async def _nothing() -> None:
    """Wait for nothing."""


def _smpp(
    config: Config, store: Store, clock: Clock, intake: Intake, outbox: Outbox
) -> tuple[SmppServer | None, Overview | None, StoredBooks]:
    """Return the SMPP door, which is a carrier too, who looks on, and its books.

    Where it is shut there are only the books.
    """
    books = StoredBooks(store, outbox)
    if not config.smpp.enabled:
        return None, None, books
    server = SmppServer(
        config.smpp,
        operations=Operations(StoredMessages(intake, store, clock), clock, gsm0=config.smpp.gsm0),
        members=MembersOnRecord(store.accounts, clock),
        wake=outbox.wake,
        books=books,
        clock=clock,
        certificate=CertificateTrouble(store, clock),
    )
    outbox.add(server)
    return server, Overview(server, store, clock, config.storage.daemon_name), books


def _errands(
    store: Store, clock: Clock, intake: Intake, pool: Pool, overview: Overview | None
) -> Errands:
    unbind = overview.unbind if overview else None
    return Errands(store, clock, intake, pool.keeper, unbind)


@dataclass(frozen=True, slots=True)
class _Changing:
    """What can follow the configuration while it runs."""

    allowances: Allowances
    dispatcher: Dispatcher
    pool: Pool
    rules: RulesInForce
    rerouting: Rerouting


def _reload(
    force: InForce,
    read: Callable[[str | None], Config],
    changing: _Changing,
    store: Store,
    clock: Clock,
) -> Reload:
    """Return what exchanges the configuration; sections not named here wait for a restart."""

    async def limits() -> None:
        await changing.allowances.refresh()
        changing.dispatcher.widened()
        for keeper in changing.pool.keepers():
            keeper.modem.doubt.set()  # what is set for its SIM holds from its next look on

    async def looked_up() -> None:
        """Do nothing: it is looked up each time."""

    async def keywords() -> None:
        store.inbound.exchange(reading_of(force.config))

    async def inbound() -> None:
        await addressing.exchange(store, force.config)

    async def rules() -> None:
        changing.rules.exchange(force.config)
        changing.dispatcher.anew()
        changing.rerouting.again()

    live = dict.fromkeys(("limits", "groups", "sims"), limits) | dict.fromkeys(RULES, rules)
    live |= {"causes": looked_up, "judging": looked_up, "inbound": inbound, "keywords": keywords}
    return Reload(force, read, live, clock)


def reading_of(config: Config) -> Reading:
    """Return how inbound messages are understood and answered."""
    keywords, messages = config.keywords, config.messages
    replies = None
    if keywords.replies:
        replies = Replies(
            keywords.replies,
            countries=config.countries,
            national=messages.languages,
            wide=messages.wide,
        )
    return reading(keywords.extra, keywords.rules, replies)


def _settled(rules: RulesInForce, dispatcher: Dispatcher) -> Callable[[Routes], None]:
    """Return what is done when queued messages are in their lanes."""

    def settled(routes: Routes) -> None:
        rules.settled(routes)
        dispatcher.again()

    return settled


def _leads(force: InForce, rules: RulesInForce) -> Leads:
    """Return what tells by which SIMs messages may go, sooner or later."""

    def leads(kind: Kind, iccid: str, simulated: bool) -> bool:
        contract = force.config.contract_of(iccid, simulated=simulated)
        led = rules.leads(kind.route, contract.group)
        return led and contract.eligible.serves(kind.category, kind.account)

    return leads


def _waiting(
    force: InForce, store: Store, clock: Clock, dispatcher: Dispatcher, pool: Pool
) -> WhyWaiting:
    zone = force.config.site.zone
    return WhyWaiting(store, clock, zone, dispatcher.explain, pool.unready)


def _sim_name(force: InForce, iccid: str) -> str:
    sim = force.sim(iccid)
    return sim.name if sim else ""


def _sim_rules(config: Config, card: SimIdentity) -> SimRules:
    sim = config.sim(card.iccid)
    if sim is None:
        return SimRules(roaming=config.modems.roaming)
    roaming = config.modems.roaming if sim.roaming is None else sim.roaming
    return SimRules(
        enabled=sim.enabled,
        roaming=roaming,
        reports=sim.reports,
        service_centre=sim.service_centre,
    )


def _allowances(force: InForce, store: Store, clock: Clock) -> Allowances:
    return Allowances(
        store,
        clock,
        lambda iccid, simulated: force.config.contract_of(iccid, simulated=simulated),
        force.config.site.zone,
    )


def _rules(config: Config, store: Store, rules: RulesInForce) -> IntakeRules:
    return IntakeRules(
        region=config.numbers.region or None,
        short_codes=config.numbers.short_codes,
        countries=_countries(config, store),
        max_parts=config.messages.max_parts,
        validity=config.messages.validity,
        national=config.messages.languages,
        wide=config.messages.wide,
        site=lambda: rules.site,
        burst=max(config.smpp.window, config.messages.max_parts),
        most_queued=config.messages.most_queued,
    )


def _countries(config: Config, store: Store) -> Callable[[], frozenset[str]]:
    """Return what tells the countries that may be written to: as set, else those of the SIMs."""
    if set_so := config.countries:
        return lambda: set_so
    return lambda: _countries_of(store.lines.subscribers)


@lru_cache(maxsize=1)
def _countries_of(imsis: frozenset[str]) -> frozenset[str]:
    found = {country_of_imsi(imsi) for imsi in imsis}
    return frozenset(country for country in found if country)


def _hands(
    config: Config, store: Store, clock: Clock, record: Record, dispatcher: Dispatcher
) -> Hands:
    return Hands(
        store=store,
        inbox=Inbox(store, clock, config.numbers.region or None),
        clock=clock,
        record=record,
        nudge=dispatcher.nudge,
        again=dispatcher.again,
        held=dispatcher.held,
    )


def _pool(force: InForce, hands: Hands, dispatcher: Dispatcher, allowances: Allowances) -> Pool:
    config = force.config
    site = Site(
        number=lambda iccid: (sim.number or None) if (sim := force.sim(iccid)) else None,
        zone=config.site.zone,
        check_every=timedelta(seconds=config.modems.check_seconds),
        mending=config.mending,
        judging=lambda: force.config.judging.rules,
    )
    return Pool(dispatcher, _finder(config), _keeping(force, hands, site, dispatcher, allowances))


def _finder(config: Config) -> Callable[[], list[discovery.Found]]:
    return lambda: discovery.ports(config.modems.ports, simulated=config.modems.simulated)


def _keeping(
    force: InForce, hands: Hands, site: Site, dispatcher: Dispatcher, allowances: Allowances
) -> Callable[[discovery.Found], Keeper]:
    """Return what makes a caretaker for a modem that was found."""
    roster = Roster(hands.store, hands.clock)
    pins = Pins(hands.store.marks)

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
        return Keeper(
            _modem(force, hands, pins, found),
            facts,
            hands=hands,
            site=site,
            allowances=allowances,
            supply=dispatcher,
            roster=roster,
        )

    return keep


def _holder(force: InForce, port: str) -> str | None:
    """Return which other processes have a port open; the helper sees those of everybody."""
    return holder(port) or replug.holder(Path(force.config.mending.helper), port)


def _modem(force: InForce, hands: Hands, pins: Pins, found: discovery.Found) -> Modem:
    """Return the driver of a modem that was found; what is set for SIMs is asked each time."""
    return Modem(
        found.port,
        slot=found.slot,
        pin=lambda card: force.config.pin(card.iccid if card else None),
        pins=pins,
        rules=lambda card: _sim_rules(force.config, card),
        overrides=lambda: force.config.causes.overrides,
        opener=partial(open_port, baud=force.config.modems.baud, who=partial(_holder, force)),
        candidates=found.candidates,
        known=found.known,
        clock=hands.clock,
        proofs=lambda model: hands.store.proofs.of(model.maker, model.model, model.revision),
    )
