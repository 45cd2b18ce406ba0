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


CODES = {"DE": "+49", "US": "+1"}


@pytest.mark.parametrize(
    ("eligible", "beginning", "bars"),
    [
        (Eligible(), "+33", False),  # it may write to all
        (Eligible(categories=frozenset({"otp"})), "+33", False),  # that says nothing of numbers
        (Eligible(prefixes=("+4915",)), "+4", False),
        (Eligible(prefixes=("+4915",)), "+49", False),
        (Eligible(prefixes=("+4915",)), "+4916", True),
        (Eligible(prefixes=("+4915",)), "+49151", False),
        (Eligible(countries=frozenset({"DE"})), "+33", True),
        (Eligible(countries=frozenset({"DE"})), "+49", False),
        (Eligible(countries=frozenset({"US"})), "+1416", False),  # Canada shares the code
        (Eligible(prefixes=("+336",), countries=frozenset({"DE"})), "+33", False),
        (Eligible(prefixes=("+336",), countries=frozenset({"DE"})), "+337", True),
    ],
)
def test_numbers_are_barred_only_where_none_that_begins_so_may_be_written_to(
    eligible, beginning, bars
):
    assert eligible.bars(beginning, CODES.__getitem__) is bars
