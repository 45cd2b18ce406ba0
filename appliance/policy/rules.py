"""All that a site has set for messages, in one value. Pure."""

from dataclasses import dataclass, field
from datetime import timedelta

from appliance.policy.caps import Caps, FloodGuard
from appliance.policy.choosing import STICKY
from appliance.policy.content import ContentRules
from appliance.policy.quiet import QuietHours
from appliance.policy.routes import Routes
from appliance.policy.uncertain import UncertainRules


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """What is set. It is exchanged whole when the configuration is read again.

    Attributes:
        content: what a text must and must not hold.
        caps: how often one recipient may be written to.
        floods: what stops a flood of one-time passwords; None: nothing does.
        quiet: when people are left alone; None: never.
        routes: which SIMs carry what.
        uncertain: what becomes of parts that may or may not have been sent.
        sticky: how long a message waits for the SIM that its recipient knows.

    """

    content: ContentRules = field(default_factory=ContentRules)
    caps: Caps = field(default_factory=Caps)
    floods: FloodGuard | None = None
    quiet: QuietHours | None = None
    routes: Routes = field(default_factory=Routes)
    uncertain: UncertainRules = field(default_factory=UncertainRules)
    sticky: timedelta = STICKY
