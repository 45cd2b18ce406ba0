"""Whom a SIM serves, and why it does not serve others, in words."""

import pytest

from appliance.policy.contract import Contract, Eligible

ALICE = "+4915123456789"


@pytest.mark.parametrize(
    ("eligible", "why"),
    [
        (Eligible(), ""),
        (Eligible(categories=frozenset({"otp", "transactional"})), ""),
        (
            Eligible(categories=frozenset({"urgent", "otp"})),
            "it carries only otp, urgent messages",
        ),
        (Eligible(accounts=frozenset({"shop"})), ""),
        (Eligible(accounts=frozenset({"bank"})), "it carries messages of bank only"),
        (Eligible(countries=frozenset({"DE"})), ""),
        (Eligible(prefixes=("+49151",)), ""),
        (Eligible(prefixes=("+43",), countries=frozenset({"DE"})), ""),
        (Eligible(prefixes=("+49",), countries=frozenset({"AT"})), ""),
        (
            Eligible(prefixes=("+43", "+41"), countries=frozenset({"FR"})),
            "it writes only to FR, +43, +41",
        ),
    ],
)
def test_a_sim_serves_whom_it_is_set_for_and_says_why_it_serves_nobody_else(eligible, why):
    assert eligible.why_not("transactional", "shop", ALICE, "DE") == why


def test_a_short_code_is_of_no_country():
    assert Eligible().why_not("otp", "shop", "12345", None) == ""
    eligible = Eligible(countries=frozenset({"DE"}))
    assert eligible.why_not("otp", "shop", "12345", None) == "it writes only to DE"


def test_a_sim_without_settings_has_no_limits_and_serves_all():
    contract = Contract()
    assert (contract.limits, contract.weight, contract.price, contract.group) == ((), 1, None, "")
    assert contract.eligible == Eligible()
