"""Texts as the air carries them: alphabets, counting, splitting. Pure.

Names and numbers of clauses are those of 3GPP TS 23.038 (alphabets) and TS 23.040 (SMS).
"""

from appliance.text.alphabet import DEFAULT, Alphabet
from appliance.text.choice import Choice, choose
from appliance.text.coding import Encoding, decode, encoding_of, septets
from appliance.text.elements import elements_of, naming, numbering_in, renumbered, tables_in
from appliance.text.national import LANGUAGES, alphabet_in, alphabet_of
from appliance.text.segments import MOST_PARTS, USER_DATA, Segment, split, split_data

__all__ = [
    "DEFAULT",
    "LANGUAGES",
    "MOST_PARTS",
    "USER_DATA",
    "Alphabet",
    "Choice",
    "Encoding",
    "Segment",
    "alphabet_in",
    "alphabet_of",
    "choose",
    "decode",
    "elements_of",
    "encoding_of",
    "naming",
    "numbering_in",
    "renumbered",
    "septets",
    "split",
    "split_data",
    "tables_in",
]
