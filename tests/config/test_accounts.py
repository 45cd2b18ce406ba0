"""What can be set for an account: read, shown, refused."""

import pytest

from appliance.config.accounts import SETTINGS, read, shown
from appliance.errors import BadField
from appliance.models import Account

GOOD = {
    "gsm0": {"gsm0338": "gsm0338", "latin1": "latin1", "packed": "packed"},
    "source_rule": {"ignore": "ignore", "sim": "sim", "refuse": "refuse"},
    "inbound_form": {"payload": "payload", "udh": "udh", "sar": "sar"},
    "region": {"DE": "DE"},
    "category": {"otp": "otp"},
    "service_types": {
        "OTP=otp": {"OTP": "otp"},
        "A=otp,B-1=marketing": {"A": "otp", "B-1": "marketing"},
    },
    "category_tag": {"0x1401": 0x1401, "5121": 5121},
    "priorities": {"3=otp": {"3": "otp"}, "0=/2,4=urgent/3": {"0": "/2", "4": "urgent/3"}},
    "unreported": {"unknown": "unknown", "expired": "expired"},
    "max_binds": {"1": 1, "100": 100},
    "allowed_networks": {
        "192.0.2.7": "192.0.2.7/32",
        "192.0.2.0/24, 2001:db8::/32": "192.0.2.0/24,2001:db8::/32",
    },
    "client_certificate": {
        "cn:shop.example": "cn:shop.example",
        f"sha256:{':'.join(['AB'] * 32)}": f"sha256:{'ab' * 32}",
    },
    "outbind": {"esme.example:2775": "esme.example:2775", "[2001:db8::1]:1": "[2001:db8::1]:1"},
    "submits_per_second": {"0": 0, "25": 25},
    "burst": {"1": 1, "50": 50},
    "queue_ceiling": {"0": 0, "100000": 100_000},
}

BAD = {
    "gsm0": ("utf8", "GSM0338", ""),
    "source_rule": ("maybe",),
    "inbound_form": ("parts",),
    "region": ("UK", "de", "Germany"),
    "category": ("spam",),
    "service_types": ("OTP", "OTP=spam", "=otp", "ABCDEF=otp", "A=otp,", "A=otp B=otp"),
    "category_tag": ("0x0424", "x", "0x13ff", "0x4000", "-5000"),
    "priorities": ("3", "5=otp", "3=spam", "3=otp/4", "3=/", "3=", "x=otp"),
    "unreported": ("delivered",),
    "max_binds": ("0", "-1", "two"),
    "allowed_networks": ("", "shop.example", "192.0.2.7/24", "192.0.2.0/33", "192.0.2.7,"),
    "client_certificate": ("", "cn:", "shop.example", "sha256:ab", f"sha256:{'g' * 64}", "o:x"),
    "outbind": ("esme.example", "esme.example:0", "h:65536", "2001:db8::1:5", "a b:1", "h:x"),
    "submits_per_second": ("-1", "2.5", "ten", "1234567890"),
    "burst": ("0", "-1", ""),
    "queue_ceiling": ("-1", "none"),
}


def cases(table):
    return [(key, written) for key, values in table.items() for written in values]


@pytest.mark.parametrize(("key", "written"), cases(GOOD))
def test_a_good_value_is_kept_as_its_column_has_it_and_shown_as_it_is_written(key, written):
    value = read(key, written)

    assert value == GOOD[key][written]
    assert read(key, shown(value)) == value


@pytest.mark.parametrize(("key", "written"), cases(BAD))
def test_a_bad_value_is_refused_with_its_key_and_what_it_may_be(key, written):
    with pytest.raises(BadField) as caught:
        read(key, written)

    assert caught.value.field == key
    assert SETTINGS[key].form in caught.value.reason


def test_a_hyphen_takes_back_what_was_set_and_is_shown_for_it():
    taken_back = {key: read(key, "-") for key in GOOD}
    assert taken_back.pop("max_binds") == 4  # it has a number, whatever is set
    assert set(taken_back.values()) == {None}
    assert shown(None) == "-"


def test_every_setting_is_a_column_and_is_tested_here():
    assert set(SETTINGS) == set(GOOD) == set(BAD)
    assert set(SETTINGS) <= set(Account.model_fields)


def test_what_is_no_setting_is_refused_with_those_that_there_are():
    with pytest.raises(BadField, match="gsm0, source_rule"):
        read("admin", "true")
