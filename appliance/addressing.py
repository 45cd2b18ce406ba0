"""Whose inbound messages are, as the configuration has it: held, and exchanged when it is read."""

import logging

from appliance.config.reading import Config
from appliance.errors import BadConfig
from appliance.store import Store

logger = logging.getLogger(__name__)


async def hold(store: Store, config: Config) -> None:
    """Let the configuration's rules for inbound messages hold, and warn of those that cannot.

    A box whose account was revoked must start all the same: its rule fits nothing then.
    """
    store.whose.route_by(config.inbound_routes)
    for complaint in await _unknown(store, config):
        logger.warning("%s: the rule fits nothing", complaint)


async def exchange(store: Store, config: Config) -> None:
    """Let other rules hold from now on.

    Raises:
        BadConfig: one names an account that does not exist; nothing has changed.

    """
    if complaints := await _unknown(store, config):
        raise BadConfig("the configuration", complaints)
    store.whose.route_by(config.inbound_routes)


async def _unknown(store: Store, config: Config) -> list[str]:
    """Complain of rules whose accounts do not exist, or are revoked."""
    if not config.inbound:
        return []
    known = {one.name for one in await store.accounts.all() if one.revoked_at is None}
    return [
        f"inbound.{at}.account: there is no account {one.account!r}"
        for at, one in enumerate(config.inbound)
        if one.account not in known
    ]
