"""What is set for messages: refused at start with the key that is wrong, else made into rules."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appliance.config.reading import Config
from appliance.dispatch.site_rules import RulesInForce, site_rules
from appliance.errors import BadConfig
from appliance.policy.caps import Cap, Per
from appliance.policy.categories import Category
from appliance.policy.routes import EVERY_SIM, Destination

SIM = '[[sims]]\niccid = "8949020000000000001"\ngroup = "fast"\n[[groups]]\nname = "fast"\n'


@pytest.fixture
def load(tmp_path):
    def write_and_load(text):
        path = tmp_path / "appliance.toml"
        path.write_text(text)
        return Config.load(path)

    return write_and_load


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[routes]]\nname = "r"\ngroups = ["gone"]', "routes.0.groups: there is no group 'gone'"),
        ('[[routes]]\nname = "r"\ngroups = []', "routes.0.groups"),
        ('[[routes]]\ngroups = ["all"]', "routes.0.name"),
        (
            '[[groups]]\nname = "idle"\n[[routes]]\nname = "r"\ngroups = ["idle"]',
            "routes.0.groups: no SIM belongs to any of them",
        ),
        (
            '[[routes]]\nname = "r"\ngroups = ["all"]\n[[routes]]\nname = "r"\ngroups = ["all"]',
            "routes.1.name: another route has this name",
        ),
        (
            '[[routes]]\nname = "r"\ngroups = ["all"]\nprefixes = ["0049"]',
            "routes.0.prefixes",
        ),
        (
            '[[routes]]\nname = "r"\ngroups = ["all"]\nnext_group_after_minutes = 0',
            "routes.0.next_group_after_minutes",
        ),
        ('[quiet]\nmarketing = "21:00-09:00"', "quiet.marketing"),
        ('[quiet]\nmarketing = "always"', "quiet.marketing"),
        ('[quiet]\notp = "09:00-20:00"', "quiet.otp"),
        ('[quiet]\ncountries = { XX = "09:00-20:00" }', "quiet.countries"),
        ('[quiet]\nzones = { DE = "Europe/Nowhere" }', "quiet.zones"),
        ('[quiet]\nholidays = { DE = ["no day"] }', "quiet.holidays"),
        ("[[caps]]\nmost = 0\ndays = 1", "caps.0.most"),
        ("[[caps]]\nmost = 1", "caps.0"),
        ("[[caps]]\nmost = 1\ndays = 1\nhours = 1", "caps.0"),
        ("[[caps]]\nmost = 1\ndays = 0", "caps.0.days"),
        ('[guards]\nsame_text = "drop"', "guards.same_text"),
        ("[guards]\notp_per_account = 0", "guards.otp_per_account"),
        ('[content]\nwithout_footer = "ignore"', "content.without_footer"),
        ("[pool]\nsticky_seconds = -1", "pool.sticky_seconds"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(load, text, complaint):
    with pytest.raises(BadConfig) as caught:
        load(text)
    assert any(complaint in each for each in caught.value.complaints), caught.value.complaints


def test_without_settings_nothing_is_held_capped_or_routed(load):
    rules = site_rules(load(""))
    assert rules.quiet is None
    assert rules.floods is None
    assert rules.caps.reach == timedelta()
    everybody = Destination(account="x", category=Category.MARKETING, recipient="+491511234567")
    assert rules.routes.of(everybody).groups == (EVERY_SIM,)


def test_a_route_leads_to_its_groups_alone_once_all_messages_follow_it(load):
    sims = '[[groups]]\nname = "fast"\n[[groups]]\nname = "slow"\n'
    sims += '[[sims]]\niccid = "89490200001234567890"\ngroup = "fast"\n'
    sims += '[[sims]]\niccid = "89490200001234567892"\ngroup = "slow"\n'
    routes = '[[routes]]\nname = "codes"\ngroups = ["fast"]\ncategories = ["otp"]\n'
    routes += '[[routes]]\nname = "rest"\ngroups = ["fast", "all"]\n'
    force = RulesInForce(load(sims + routes))
    assert force.leads("codes", "slow"), "messages may be in lanes of former rules still"
    force.settled(force.site.routes)
    assert [force.leads("codes", group) for group in ("fast", "slow", "")] == [True, False, False]
    assert all(force.leads("rest", group) for group in ("fast", "slow", ""))
    assert force.leads("no longer set", "slow")
    assert force.leads("", "slow"), "of what no rule is for"


def test_routes_caps_and_hours_are_made_as_they_are_set(load):
    config = load(
        SIM + '[[routes]]\nname = "codes"\ngroups = ["fast", "all"]\ncategories = ["otp"]\n'
        "next_group_after_minutes = 5\n"
        '[[caps]]\nmost = 3\ndays = 7\ncategories = ["marketing"]\nper = "account"\n'
        "[guards]\notp_per_recipient = 5\n"
        '[quiet]\nmarketing = "09:00-20:00"\nholidays = { all = [2026-12-25] }\n'
        '[site]\ntimezone = "Europe/Berlin"\n'
    )
    rules = site_rules(config)
    code = Destination(account="x", category=Category.OTP, recipient="+491511234567")
    route = rules.routes.of(code)
    assert route.groups == ("fast", EVERY_SIM)
    assert route.fallback_after == timedelta(minutes=5)
    marketing, otp = rules.caps.caps
    assert marketing == Cap(
        most=3,
        window=timedelta(days=7),
        categories=frozenset({Category.MARKETING}),
        per=Per.ACCOUNT,
    )
    assert otp.most == 5
    assert rules.quiet is not None
    assert rules.quiet.site == ZoneInfo("Europe/Berlin")
    assert rules.quiet.holidays == {"": frozenset({date(2026, 12, 25)})}


def test_other_rules_hold_as_soon_as_they_are_exchanged(load):
    rules = RulesInForce(load(""))
    night = datetime(2026, 5, 4, 1, tzinfo=UTC)
    choosing = rules.choosing()
    assert choosing.routes().named("codes").name == ""
    rules.exchange(load(SIM + '[[routes]]\nname = "codes"\ngroups = ["fast"]\n'))
    assert choosing.routes().named("codes").name == "codes"
    assert night < night + choosing.sticky()
