"""The configuration is exchanged while everything runs, as far as it can be."""

import logging
from datetime import UTC, datetime

import pytest

from appliance.clock import ManualClock
from appliance.config.reading import Config
from appliance.config.reload import InForce, Reload, Reloaded
from appliance.errors import BadConfig, StoreError

ICCID = "8949020000000000001"

CLOCK = ManualClock(datetime(2026, 5, 4, 12, tzinfo=UTC))


class Site:
    """A file, what was read from it, and how often limits were exchanged."""

    def __init__(self, path):
        self.path = path
        self.path.write_text("")
        self.force = InForce(self.read(None))
        self.exchanged, self.failure = [], None
        exchange = dict.fromkeys(("limits", "sims"), self.exchange)
        self.reload = Reload(self.force, self.read, exchange, CLOCK)

    def read(self, text):
        return Config.load(self.path, text)

    async def exchange(self):
        self.exchanged.append(self.force.config.limits.parts_per_day)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "appliance.toml")


async def test_what_is_set_anew_holds_and_the_rest_is_named(site):
    site.path.write_text(
        f"""
        [limits]
        parts_per_day = 7
        [http]
        port = 9
        host = "0.0.0.0"
        [log]
        level = "debug"
        [[groups]]
        name = "shelf"
        [[sims]]
        iccid = "{ICCID}"
        """
    )
    assert await site.reload() == Reloaded(
        changed=("limits", "sims"),
        after_restart=("http.host", "http.port", "groups", "log.level"),
        warnings=(),
    )
    now = site.force.config
    assert (now.limits.parts_per_day, len(now.sims)) == (7, 1)
    assert (now.http.port, now.log.level) == (8080, "info")
    assert site.exchanged == [7]  # once, although two sections ask for it


async def test_what_has_not_changed_exchanges_nothing(site):
    assert await site.reload() == Reloaded(changed=(), after_restart=(), warnings=())
    assert site.exchanged == []


async def test_a_text_takes_the_place_of_the_file(site):
    assert (await site.reload("[limits]\nparts_per_day = 9")).changed == ("limits",)
    assert site.force.config.limits.parts_per_day == 9
    assert (await site.reload()).changed == ("limits",)
    assert site.force.config.limits.parts_per_day == 200


async def test_a_file_with_mistakes_changes_nothing_and_tells_them_all(site, caplog):
    site.path.write_text("[limits]\nparts_per_day = 0\nparts_per_hour = 9\nweight = 0")
    with pytest.raises(BadConfig) as caught:
        await site.reload()
    assert len(caught.value.complaints) == 2
    await site.reload.by_signal()
    assert "limits.parts_per_day: must be a whole number from 1" in caplog.text
    assert "limits.weight" in caplog.text
    assert site.force.config == Config()
    assert site.exchanged == []


async def test_where_the_use_of_sims_cannot_be_read_nothing_changes(site, caplog):
    site.failure = StoreError("the disk is gone")
    site.path.write_text("[limits]\nparts_per_day = 9")
    await site.reload.by_signal()
    assert "nothing has changed: the disk is gone" in caplog.text
    assert site.force.config == Config()
    site.failure = None
    assert (await site.reload()).changed == ("limits",)


async def test_a_bundle_that_is_over_is_warned_of(site, caplog):
    bundle = "{ parts = 5, from = 2026-04-01, until = 2026-04-30 }"
    with caplog.at_level(logging.INFO):
        reloaded = await site.reload(f"[limits]\nbundle = {bundle}")
    warning = "limits.bundle: it ended on 2026-04-30, so nothing is sent by it"
    assert reloaded.warnings == (warning,)
    assert warning in caplog.text
    assert "the configuration was read again: changed limits" in caplog.text
