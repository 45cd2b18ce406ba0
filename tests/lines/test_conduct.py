"""What holds a line besides its limits, as people read it."""

from zoneinfo import ZoneInfo

from appliance.clock import ManualClock
from appliance.modem.values import NotSent
from tests.pooled import pooled
from tests.rooms import START


async def test_how_long_a_line_rests_is_told_by_the_clock_of_the_site(tmp_path):
    clock, tokyo = ManualClock(START), ZoneInfo("Asia/Tokyo")
    async with pooled(tmp_path, clock=clock, zone=tokyo) as pool:
        (line,) = pool.lines
        line._conduct.heed(NotSent("the modem did not answer"))
        says = "stopped: the modem did not answer, next at 21:00:30"
        assert line.held_by(START) == says
