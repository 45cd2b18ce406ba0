"""What pydantic found wrong, in words that tell what to write instead, without what was given."""

from collections.abc import Mapping
from typing import Any, Final

WORDS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_unicode": "is no valid Unicode",
    "string_type": "must be a string",
    "string_too_long": "must be {max_length} characters at most",
    "string_pattern_mismatch": "is not of the form {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table of keys and values",
    "model_type": "must be a table of keys and values",
    "greater_than": "must be more than {bound}",
    "greater_than_equal": "must be {bound} or more",
    "less_than": "must be less than {bound}",
    "less_than_equal": "must be {bound} or less",
    "timezone_aware": "needs its offset from UTC, as in 2030-01-31T08:00:00+01:00",
    "datetime_type": "must be a time such as 2030-01-31T08:00:00+01:00",
    "datetime_parsing": "must be a time such as 2030-01-31T08:00:00+01:00",
    "datetime_from_date_parsing": "must be a time such as 2030-01-31T08:00:00+01:00",
}
"""By kind of error, with the bounds it tells of; kinds not here keep pydantic's words."""

LEAST: Final = "must be {min_length} characters or more"

FORMS: Final[Mapping[str, str]] = {
    "^[0-9]{4,8}$": "must be 4 to 8 digits",
    "^[*#][0-9*#]{1,158}$": "must be a code such as *100#",
    "^[^\\s/]+$": "must be a name or an address, without slashes",
    "^([A-Za-z0-9_-][A-Za-z0-9_.-]{0,63})?$": (
        "must be the name of a credential: letters, digits, hyphens, underscores and dots"
    ),
    "^/.+$": "must be a path that begins with /",
    "^[0-9A-F]{18,20}$": "must be 18 to 20 digits, without spaces",
    "^(\\+[1-9][0-9]{5,14})?$": "must be a number with its country code, such as +4915228817386",
    "^[!-~]{1,15}$": "must be 1 to 15 ASCII characters without spaces",
    "^https?://[^\\s/?#]+": "must be an address that begins with http:// or https://",
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$": (
        "must be letters, digits, dots, hyphens and underscores, 63 at most,"
        " the first a letter or a digit"
    ),
}
"""Patterns as people understand them."""


def why_invalid(found: Mapping[str, Any], special: Mapping[str, str] | None = None) -> str:
    """Return what is wrong by one of ``ValidationError.errors()``; ``special`` words go first."""
    kind, context = found["type"], found.get("ctx", {})
    if special and kind in special:
        return special[kind]
    if kind == "string_pattern_mismatch" and context["pattern"] in FORMS:
        return FORMS[context["pattern"]]
    if kind == "string_too_short":
        return "is empty" if context["min_length"] == 1 else LEAST.format_map(context)
    message: str = found["msg"]
    if kind in WORDS:
        bound = message.rpartition(" ")[2]  # as people write it: 0.000001, not 1e-06
        return WORDS[kind].format_map({**context, "bound": bound})
    return message.removeprefix("Value error, ").replace("Input should be", "should be")
