"""What a SIM may still send, and when: limits counted in parts, as the operator counts.

A kind of limit is a frozen value (what is allowed, ``kinds``) and a meter (what has been used),
joined in ``METERS``: a new kind is a new pair and a new row. Meters answer *when*; since what is
free at one moment need not be so a little later (hours end, a month begins), ``Allowance`` asks
them until all agree.
"""

from appliance.policy.limits.allowance import (
    GOES_FIRST,
    METERS,
    Allowance,
    Recollection,
    recollect,
)
from appliance.policy.limits.calendar import Days, Months, Span, midnight
from appliance.policy.limits.hours import WeekHours
from appliance.policy.limits.kinds import (
    HOUR,
    MINUTE,
    Budget,
    Bundle,
    Daily,
    Gap,
    Hours,
    Limit,
    Monthly,
    Pace,
    RampUp,
    RecipientsDaily,
    RecipientsMonthly,
    Rolling,
)
from appliance.policy.limits.past import Memory, Past, Sent
from appliance.policy.limits.wait import Wait

__all__ = [
    "GOES_FIRST",
    "HOUR",
    "METERS",
    "MINUTE",
    "Allowance",
    "Budget",
    "Bundle",
    "Daily",
    "Days",
    "Gap",
    "Hours",
    "Limit",
    "Memory",
    "Monthly",
    "Months",
    "Pace",
    "Past",
    "RampUp",
    "RecipientsDaily",
    "RecipientsMonthly",
    "Recollection",
    "Rolling",
    "Sent",
    "Span",
    "Wait",
    "WeekHours",
    "midnight",
    "recollect",
]
