"""Texts as the air carries them: alphabets, counting, splitting. Pure.

Names and numbers of clauses are those of 3GPP TS 23.038 (alphabets) and TS 23.040 (SMS).
"""

from appliance.text.alphabet import DEFAULT, Alphabet
from appliance.text.coding import Encoding, decode, encoding_of, septets
from appliance.text.national import alphabet_of
from appliance.text.segments import MOST_PARTS, USER_DATA, Segment, split, split_data

__all__ = [
    "DEFAULT",
    "MOST_PARTS",
    "USER_DATA",
    "Alphabet",
    "Encoding",
    "Segment",
    "alphabet_of",
    "decode",
    "encoding_of",
    "septets",
    "split",
    "split_data",
]
