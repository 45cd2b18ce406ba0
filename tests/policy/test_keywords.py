from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy import words
from appliance.policy.keywords import ALIKE, Keyword, fold, keyword

TABLE = {Keyword.STOP: words.STOP, Keyword.START: words.START, Keyword.HELP: words.HELP}

ROWS = [
    (meaning, word)
    for meaning, languages in TABLE.items()
    for said in languages.values()
    for word in said
]

LANGUAGES = {"en", "ru", "uk", "zh", "de", "fr", "es", "pt", "it", "pl", "tr", "ar"}


@pytest.mark.parametrize(("meaning", "word"), ROWS, ids=[word for _, word in ROWS])
def test_each_word_is_understood_in_any_case_and_width_with_signs_around_it(meaning, word):
    full_width = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)
    for written in (
        word,
        word.upper(),
        word.title(),
        full_width,
        f' "{word}"!!! \n',
        f"«{word}» 🛑",
    ):
        assert keyword(written) is meaning, written


@pytest.mark.parametrize("languages", TABLE.values())
def test_every_language_shipped_can_opt_out_and_in_and_ask_for_help(languages):
    assert set(languages) == LANGUAGES


def test_no_word_means_two_things():
    folded = {meaning: {fold(w) for m, w in ROWS if m is meaning} for meaning in Keyword}
    for one, other in combinations(Keyword, 2):
        assert not folded[one] & folded[other], (one, other)


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "CTOП",  # three Latin letters and a П
        "СТОП",
        "CTOΠ",  # as GSM 7-bit has it: with a Greek Pi
        "SТОР",  # S, and a Cyrillic ТОР
        "ЅТОР",
        "ＳＴＯＰ",
        "𝐒𝐓𝐎𝐏",
        "ⓈⓉⓄⓅ",
        "S T O P",
        "St\u200bop",
        "\u202astop\u202c",
        "退订",
        "退訂",
        "退 订。",
        "【退订】",
        "TD",
        "td.",
        "T",
        "Т",  # Cyrillic
        "ＴＤ",
        "OPT-OUT",
        "opt out",
        "Stop All",
        "Arret",
        "ARRÊT",
        "Rezygnuje",
        "İPTAL",
        "IPTAL",
        "ıptal",
        "الغاء الاشتراك",
        "إِلْغَاء",
        "إلغـــاء",
        "ВІДПИСАТИСЬ",
    ],
)
def test_an_opt_out_is_understood_however_it_is_written(text):
    assert keyword(text) is Keyword.STOP


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "!!!",
        "🛑",
        "0",
        "please do not stop",
        "Stop it, you are funny",
        "не стоп",
        "Bus stop",
        "我想退订一下宽带吗",
        "TDK",
        "to",
        "yes",
        "fine",
        "red",
        "stop " + "!" * 200,
        "stop\n\nbest regards",
    ],
)
def test_what_is_no_keyword_as_a_whole_is_none(text):
    assert keyword(text) is None


def test_words_of_the_configuration_are_understood_as_the_shipped_ones_are():
    extra = {
        Keyword.STOP: ("Nie mehr!", "ЗАМОЛЧИ"),
        Keyword.START: ("Weiter",),
        Keyword.HELP: ("Wer da?",),
    }
    assert keyword("WER  DA", extra) is Keyword.HELP
    assert keyword("nie  mehr", extra) is Keyword.STOP
    assert keyword("замолчи.", extra) is Keyword.STOP
    assert keyword("WEITER", extra) is Keyword.START
    assert keyword("nie mehr") is None


def test_a_word_of_the_configuration_that_is_only_signs_matches_nothing():
    extra = {Keyword.STOP: ("", "!!!", "🛑")}
    for text in ("", "!!!", "🛑", "?"):
        assert keyword(text, extra) is None


def test_who_says_stop_is_left_alone_even_if_the_configuration_calls_it_start():
    assert keyword("stop", {Keyword.START: ("stop",)}) is Keyword.STOP


@given(st.text())
def test_folding_twice_changes_nothing_and_any_text_has_an_answer(text):
    assert fold(fold(text)) == fold(text)
    assert keyword(text) in {None, *Keyword}


@given(st.sampled_from(ROWS), st.text(alphabet=" .,!?;:\"'()[]«»。！…\n\t-—*🛑", max_size=8))
def test_signs_on_either_side_change_nothing(row, signs):
    meaning, word = row
    assert keyword(signs + word + signs) is meaning


@given(st.sampled_from(ROWS), st.text(alphabet="bqz哈ж", min_size=1, max_size=5))
def test_a_word_more_makes_it_a_sentence(row, other):
    _, word = row
    assert keyword(f"{word} {other}") is None
    assert keyword(f"{other} {word}") is None


SPELLINGS = {
    taken_for: [chr(letter), *(chr(letter).upper() if len(chr(letter).upper()) == 1 else "")]
    for letter, taken_for in ALIKE.items()
}
"""Letters that are taken for another one."""


@st.composite
def look_alikes(draw):
    """Spell a word with whatever letters look like its own, in any width and case."""
    meaning, word = draw(st.sampled_from(ROWS))
    spelt = []
    for letter in word:
        twins = [letter, letter.upper() if len(letter.upper()) == 1 else letter]
        twins += [c for c in SPELLINGS.get(fold(letter), ()) if fold(c) == fold(letter)]
        if "!" <= letter <= "~":
            twins.append(chr(ord(letter) + 0xFEE0))
        spelt.append(draw(st.sampled_from(twins)))
    return meaning, "".join(spelt)


@given(look_alikes())
def test_letters_that_look_the_same_spell_the_same_word(spelt):
    meaning, written = spelt
    assert keyword(written) is meaning


@given(
    look_alikes(), st.sampled_from(["please", "不要", "пожалуйста", "bitte", "لا"]), st.booleans()
)
def test_no_spelling_within_a_sentence_is_a_keyword(spelt, other, before):
    _, written = spelt
    assert keyword(f"{other} {written}" if before else f"{written} {other} !") is None
