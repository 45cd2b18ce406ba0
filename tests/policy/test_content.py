"""What must stand in a message, and what must not."""

import pytest

from appliance.policy.categories import Category
from appliance.policy.content import ContentRules, Footer, OnForbidden

MARKETING, OTP = Category.MARKETING, Category.OTP


def test_without_rules_every_text_goes_as_it_is():
    assert ContentRules().check("Buy now", MARKETING).text == "Buy now"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Buy now", "Buy now Reply STOP to end"),
        ("Buy now\n", "Buy now\nReply STOP to end"),
        ("Buy. REPLY  stop to end!", "Buy. REPLY  stop to end!"),
    ],
)
def test_a_footer_is_added_to_marketing_that_has_none(text, sent):
    rules = ContentRules(footer="Reply STOP to end")
    assert rules.check(text, MARKETING).text == sent
    assert rules.check("Your code is 1234", OTP).text == "Your code is 1234"


def test_or_it_is_demanded():
    rules = ContentRules(footer="Reply STOP to end", on_missing=Footer.DEMAND)
    assert "footer" in rules.check("Buy now", MARKETING).refusal
    assert rules.check("Buy now. Reply STOP to end", MARKETING).refusal == ""
    assert rules.check("Your code is 1234", OTP).refusal == ""


@pytest.mark.parametrize("text", ["Casino!", "the ＣＡＳＩＮＯ tonight", "go to\ncasino"])
def test_a_forbidden_word_is_found_whatever_its_case_and_width(text):
    assert ContentRules(forbidden=["casino"]).check(text, OTP).refusal


def test_a_forbidden_word_inside_another_is_none():
    assert ContentRules(forbidden=["ass"]).check("classic", OTP).refusal == ""


def test_words_of_writings_without_spaces_are_found_anywhere():
    assert ContentRules(forbidden=["赌博"]).check("来赌博吧", OTP).refusal


def test_or_it_is_only_warned_of_and_neither_says_the_word():
    rules = ContentRules(forbidden=["casino", "win money"], on_forbidden=OnForbidden.WARN)
    checked = rules.check("Win  money in the casino", OTP)
    assert checked.refusal == ""
    assert checked.warnings == ("the text holds words that are not allowed",)
