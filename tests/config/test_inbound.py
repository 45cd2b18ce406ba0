import pytest

from appliance.config.reading import Config
from appliance.errors import BadConfig
from appliance.policy.inbound_routes import InboundRoute, accounts_for, first_word

ICCID = "8949020000000000001F"

SIM = f'[[sims]]\niccid = "{ICCID}"\nname = "Shelf 1"\n'


def load(tmp_path, text):
    file = tmp_path / "appliance.toml"
    file.write_text(text, "utf-8")
    return Config.load(file)


def row(**given):
    return "[[inbound]]\n" + "".join(f"{key} = {value}\n" for key, value in given.items())


def test_rules_name_sims_by_number_iccid_or_name(tmp_path):
    config = load(
        tmp_path,
        SIM
        + row(account='"shop"', sims='["Shelf 1", "+4915228817386", "89490200001234567890"]')
        + row(account='"bank"', keywords='["Join", "ЗАПИСЬ"]'),
    )
    first, second = config.inbound_routes
    assert first == InboundRoute(
        account="shop",
        sims=frozenset({"8949020000000000001", "+4915228817386", "89490200001234567890"}),
    )
    assert second.keywords == {first_word("join"), first_word("запись")}


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([{"account": '"shop"'}], "inbound.0: needs sims, keywords, or both"),
        ([{"account": '""', "keywords": '["a"]'}], "inbound.0.account"),
        ([{"keywords": '["a"]'}], "inbound.0.account"),
        (
            [{"account": '"shop"', "sim": '"x"', "keywords": '["a"]'}],
            "inbound.0.sim: there is no such key",
        ),
        ([{"account": '"shop"', "keywords": '["two words"]'}], "'two words' must be one word"),
        ([{"account": '"shop"', "keywords": '["!"]'}], "'!' must be one word"),
        ([{"account": '"shop"', "sims": '["Shelf 2"]'}], "inbound.0.sims: 'Shelf 2' is neither"),
        ([{"account": '"shop"', "sims": '["015228817386"]'}], "inbound.0.sims: '015228817386'"),
        (
            [
                {"account": '"shop"', "keywords": '["a", "b"]'},
                {"account": '"bank"', "keywords": '["B"]', "sims": '["Shelf 1"]'},
            ],
            "inbound.1: nothing reaches it: inbound.0 takes all of it",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_place(tmp_path, rows, complaint):
    with pytest.raises(BadConfig) as caught:
        load(tmp_path, SIM + "".join(row(**each) for each in rows))
    assert complaint in str(caught.value)


def test_rules_that_part_what_they_take_are_good(tmp_path):
    rows = (
        row(account='"shop"', keywords='["a"]', sims='["Shelf 1"]')
        + row(account='"bank"', sims='["Shelf 1"]')
        + row(account='"shop"', keywords='["a"]')
    )
    assert len(load(tmp_path, SIM + rows).inbound_routes) == 3


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Join", "join"),
        ("\n JOIN, please", "join"),
        ("“Join!” he said", "join"),
        ("jo-in us", "join"),
        ("¡Únete ya!", "unete"),
        ("", ""),
        ("... 🙂", ""),
        ("🙂 ok", "ok"),
    ],
)
def test_the_first_word_is_found_in_any_spelling(text, word):
    assert first_word(text) == first_word(word)
    assert bool(first_word(text)) == bool(word)


def test_the_rules_are_asked_in_order():
    routes = [
        InboundRoute(account="a", sims=frozenset({"+49151"}), keywords=frozenset({"x"})),
        InboundRoute(account="b", keywords=frozenset({"x"})),
        InboundRoute(account="c", sims=frozenset({"8949"})),
    ]
    assert list(accounts_for(routes, "8949F", "+49151", "X y")) == ["a", "b", "c"]
    assert list(accounts_for(routes, "8949", None, None)) == ["c"]
    assert list(accounts_for(routes, "1", "+49151", "y")) == []
