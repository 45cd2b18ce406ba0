"""Who is answered a keyword, and in how many parts."""

import pytest

from appliance.policy.keywords import Keyword
from appliance.replies import Replies

GERMAN = ["262021234567890"]

SAID = {Keyword.STOP: "Bye. START undoes it.", Keyword.HELP: "Türkçe: ş"}


def replies(**given):
    return Replies(SAID, **({"countries": frozenset()} | given))


@pytest.mark.parametrize(
    ("sender", "answered"),
    [
        ("+4915123456789", True),
        ("+436641234567", False),  # no SIM of ours is Austrian
        ("12345", False),
        ("80888", False),
        ("112", False),
        ("+49112", False),
        ("Acme", False),
        ("015123456789", False),
        ("", False),
    ],
)
def test_phone_numbers_of_our_countries_are_answered_and_nobody_else(sender, answered):
    assert (replies()(Keyword.STOP, sender, GERMAN) is not None) is answered


def test_countries_that_are_set_count_instead_of_the_sims():
    chosen = replies(countries=frozenset({"AT"}))
    assert chosen(Keyword.STOP, "+436641234567", GERMAN) is not None
    assert chosen(Keyword.STOP, "+4915123456789", GERMAN) is None


def test_what_is_not_set_is_not_answered():
    assert replies()(Keyword.START, "+4915123456789", GERMAN) is None


def test_an_answer_is_written_as_messages_are():
    plain = replies()(Keyword.STOP, "+4915123456789", GERMAN)
    wide = replies(wide=True)(Keyword.HELP, "+4915123456789", GERMAN)
    turkish = replies(national=(1,))(Keyword.HELP, "+4915123456789", GERMAN)
    assert (plain.encoding, plain.parts, plain.language, plain.wide) == ("gsm7", 1, 0, False)
    assert (wide.encoding, wide.wide) == ("ucs2", True)
    assert (turkish.encoding, turkish.language) == ("gsm7", 1)
