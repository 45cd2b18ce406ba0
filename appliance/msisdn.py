"""Phone numbers: what an app or a network writes, made one form. Pure; metadata only as needed.

``phonenumbers`` loads a country's metadata when it is first asked for; its geocoder, carrier and
time zone tables, tens of megabytes, are never imported here.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, ValidationResult, shortnumberinfo

from appliance.errors import BadNumber, NumberNotAllowed

LONGEST: Final = 64
"""Characters of an address as written; no number with its punctuation is longer."""

SHORT_CODE: Final = re.compile(r"[1-9]\d{2,7}")
"""A short code never starts with 0, which is the trunk prefix nearly everywhere."""

SURELY_SHORT: Final = 6
"""Digits up to which a bare number that is no valid number of its country is a short code."""

ALWAYS_EMERGENCY: Final = frozenset({"000", "08", "110", "112", "118", "119", "911", "999"})
"""What a phone treats as an emergency call even without a SIM (3GPP TS 22.101 clause 10.1.1)."""

LONGEST_EMERGENCY: Final = 12
"""Characters up to which an address may be an emergency number with a country code before it."""

SUFFIX: Final = 8
"""Digits at the end of a number that networks leave alone."""

TO: Final = "to"

REMEMBERED: Final = 10_000
"""Numbers whose country, or whose reading, is kept."""

LONGEST_CODE: Final = 3
"""Digits of the longest country code (E.164); none begins another."""

_BETWEEN: Final = re.compile(r"(?:[^\S\r\n]|[()\[\]./\-])+")
_BARE: Final = re.compile(r"\+?[0-9]+")

_IMPOSSIBLE: Final = {
    ValidationResult.INVALID_COUNTRY_CODE: "no such country code",
    ValidationResult.TOO_SHORT: "too short for a phone number",
    ValidationResult.TOO_LONG: "too long for a phone number",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
    ValidationResult.INVALID_LENGTH: "no phone number of its country has this length",
}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message goes to.

    ``e164`` has its ``+``; a short code is its bare digits. ``country`` is ISO 3166 (two
    letters), None for a short code and for a number that belongs to no country.
    """

    e164: str
    short: bool
    country: str | None


def parse(
    raw: str, *, region: str | None, short_codes: bool, countries: frozenset[str]
) -> Recipient:
    """Read the recipient that an app wrote.

    Args:
        raw: ``+…``, ``00…``, or as dialled in ``region``; spaces, dashes, dots, slashes,
            brackets and the digits of any script are understood. Letters are not.
        region: ISO 3166 letters of the country whose national numbers are understood; None: none.
        short_codes: whether short codes may be written to.
        countries: ISO 3166 letters of the countries that may be written to; empty: all.

    Raises:
        BadNumber: it is no possible number. A possible number of a range that is not (yet)
            known to be in use is taken.
        NumberNotAllowed: an emergency number, always; a short code or a country, as set.

    """
    if plain := _plainly(raw):
        return Recipient(raw, short=False, country=_one_allowed(plain, countries=countries))
    return _read_with_care(raw, region, short_codes, countries)


@lru_cache(REMEMBERED)
def _read_with_care(
    raw: str,
    region: str | None,
    short_codes: bool,
    countries: frozenset[str],
) -> Recipient:
    digits = _digits(raw)
    if digits is None:
        raise BadNumber(TO, "not a phone number")
    if _connects_to_emergency(digits, region, countries):
        raise NumberNotAllowed(TO, "emergency numbers are never written to")
    if _is_short(digits, region):
        if not short_codes:
            raise NumberNotAllowed(TO, "short codes are not allowed")
        return Recipient(digits, short=True, country=None)
    e164, number = _only_reading(digits, region)
    return Recipient(e164, short=False, country=_allowed_country(number, countries))


def known_region(region: str) -> bool:
    """Tell whether ``region`` is a country that numbers can be read for (``GB`` is, ``UK`` not)."""
    return region in phonenumbers.SUPPORTED_REGIONS


@lru_cache(REMEMBERED)
def country_of(e164: str) -> str | None:
    """Return the country (ISO 3166) of a number with ``+``, None if that cannot be told."""
    if country := _plainly(e164):
        return country
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return None  # a short code


def calling_code(region: str) -> str:
    """Return how numbers of a country begin, such as ``+49``; other countries' may as well."""
    return f"+{phonenumbers.country_code_for_region(region)}"


def example_of(region: str) -> str:
    """Return a mobile number of a country (ISO 3166) that nobody has, with ``+``; '' for none."""
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    return _e164(number) if number is not None else ""


def normalise_network(address: str, region: str | None) -> str:
    """Return an address as ``parse`` would write it, where that can be told; never raises.

    Args:
        address: a sender, or a report's recipient: international or national, with or without
            ``+``, a short code, or a name.
        region: the SIM's country; None: only international forms can be told.

    Returns:
        E.164 with ``+``; a short code, a name, or what cannot be read: as it came, trimmed.

    """
    if _plainly(address):
        return address
    digits = _digits(address)
    if digits is None or _is_short(digits, region):
        return digits or address.strip()
    readings = [number for number in _readings(digits, region) if _possible(number)]
    if not digits.startswith(("+", "00")):
        # Many networks leave the + out; but a guess is taken only if such a number exists.
        readings += [guess for guess in _international(digits) if _valid(guess)]
    best = readings[0] if readings else None
    if len(readings) > 1:
        best = next(filter(_valid, readings), best)
    return _e164(best) if best else digits


def suffix(number: str) -> str:
    """Return the last 8 digits, all if there are fewer: what national rewriting leaves alone.

    A name has no digits that matter; it is returned whole, casefolded.
    """
    digits = number.removeprefix("+")
    return digits[-SUFFIX:] if digits.isdecimal() else number.strip().casefold()


def is_loose(number: str) -> bool:
    """Tell whether what ``normalise_network`` returned is a phone number, but not E.164.

    Who it is can only be told by its last digits then. Short codes and names are not meant.
    """
    return number.isdecimal() and len(number) >= SUFFIX


def _digits(raw: str) -> str | None:
    """Return ``+`` and ASCII digits, or only digits; None if anything else is in it."""
    if len(raw) > LONGEST:
        return None
    if _BARE.fullmatch(raw):  # nearly always
        return raw
    plain = "".join(
        str(unicodedata.decimal(character, character))
        for character in unicodedata.normalize("NFKC", raw)
        if unicodedata.category(character) != "Cf"  # direction marks, copied from address books
    )
    plain = "".join("-" if _is_dash(character) else character for character in plain).strip()
    bare = _BETWEEN.sub("", plain)
    return bare if _BARE.fullmatch(bare) else None


def _is_dash(character: str) -> bool:
    return unicodedata.category(character) == "Pd" or character == "\N{MINUS SIGN}"


def _connects_to_emergency(digits: str, region: str | None, countries: frozenset[str]) -> bool:
    if digits in ALWAYS_EMERGENCY:
        return True
    if not _is_short(digits, region):
        return len(digits) <= LONGEST_EMERGENCY and any(
            _is_emergency(number) for number in _readings(digits, region)
        )
    if here := countries | ({region} if region else frozenset()):
        return any(shortnumberinfo.connects_to_emergency_number(digits, each) for each in here)
    return any(
        shortnumberinfo.is_emergency_number(digits, each)
        for each in phonenumbers.SUPPORTED_SHORT_REGIONS
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """The numbers of a country that has its code to itself, as far as digits alone tell them.

    ``lengths``: how many digits a national number has; those that an emergency number may have
    are left out. ``prefix``: what may be no part of the number it begins; None: nothing.
    """

    country: str
    lengths: frozenset[int]
    prefix: re.Pattern[str] | None


@cache
def _plan(code: str) -> _Plan | None:
    """Return the plan of a country code, None if it is none, or several countries share it."""
    regions = phonenumbers.region_codes_for_country_code(int(code))
    if code[0] == "0" or len(regions) != 1 or not known_region(regions[0]):
        return None
    metadata = PhoneMetadata.metadata_for_region(regions[0])
    if metadata is None or metadata.general_desc is None:
        return None
    desc, prefix = metadata.general_desc, metadata.national_prefix_for_parsing
    short = PhoneMetadata.short_metadata_for_region(regions[0])
    emergency = max(short.emergency.possible_length) if short and short.emergency else 0
    lengths = set(desc.possible_length) - set(desc.possible_length_local_only)
    return _Plan(
        country=regions[0],
        lengths=frozenset(length for length in lengths if length > max(emergency, SURELY_SHORT)),
        prefix=re.compile(prefix) if prefix else None,
    )


def _plainly(raw: str) -> str | None:
    """Return the country of a number that is E.164 as it is written; None: read it with care.

    Nearly all numbers are, and it takes an eighth of the time that ``phonenumbers`` takes: that
    also takes the code, looks for a national prefix behind it, and counts what is left.
    """
    if raw[:1] != "+" or not _BARE.fullmatch(raw):
        return None
    for end in range(2, LONGEST_CODE + 2):
        if plan := _plan(raw[1:end]):
            national = raw[end:]
            dialled = plan.prefix is not None and plan.prefix.match(national)
            return plan.country if len(national) in plan.lengths and not dialled else None
    return None


def _is_emergency(number: PhoneNumber) -> bool:
    """Tell whether the number without its country code is one (``+49 112``, ``0112``)."""
    return any(
        shortnumberinfo.is_emergency_number(str(number.national_number), region)
        for region in phonenumbers.region_codes_for_country_code(number.country_code or 0)
    )


def _is_short(digits: str, region: str | None) -> bool:
    if not SHORT_CODE.fullmatch(digits):
        return False
    if region is None:
        return len(digits) <= SURELY_SHORT
    number = _read(digits, region)
    if number is None:
        return len(digits) <= SURELY_SHORT
    if _valid(number):  # the Faroe Islands have numbers of six digits
        return False
    return len(digits) <= SURELY_SHORT or shortnumberinfo.is_valid_short_number_for_region(
        number, region
    )


def _only_reading(digits: str, region: str | None) -> tuple[str, PhoneNumber]:
    """Return the one possible number that ``digits`` stand for, in E.164 and read.

    Raises:
        BadNumber: there is none, or there are two: then nobody is written to by mistake.

    """
    if region is None and not digits.startswith(("+", "00")):
        raise BadNumber(TO, "the country code is missing: write it with +")
    readings = {_e164(number): number for number in _readings(digits, region)}
    possible = [reading for reading in readings.items() if _possible(reading[1])]
    if len(possible) > 1:
        raise BadNumber(TO, "may be read as two numbers: write it with +")
    if possible:
        return possible[0]
    raise BadNumber(TO, next(map(_why_impossible, readings.values()), "not a phone number"))


def _readings(digits: str, region: str | None) -> Iterator[PhoneNumber]:
    """Yield what ``digits`` may stand for, possible or not."""
    if digits.startswith("+"):
        yield from _numbers(_read(digits, None))
        return
    if digits.startswith("00"):
        yield from _international(digits[2:])
    if region is None:
        return
    home = list(_at_home(digits, region))
    yield from home or _numbers(_read(digits, region))


def _at_home(digits: str, region: str) -> Iterator[PhoneNumber]:
    """Yield the region's own number if ``digits`` are one with the country code but no +.

    Where numbers are dialled with a trunk prefix, this reading is the better one: +49 151… is a
    German mobile, while 49151… without its 0 is nothing that anyone dials.
    """
    code = phonenumbers.country_code_for_region(region)
    if digits.startswith(str(code)):
        yield from filter(_valid, _international(digits))


def _international(digits: str) -> Iterator[PhoneNumber]:
    return _numbers(_read("+" + digits, None))


def _numbers(number: PhoneNumber | None) -> Iterator[PhoneNumber]:
    if number is not None:
        yield number


def _read(digits: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None


def _possible(number: PhoneNumber) -> bool:
    found = phonenumbers.is_possible_number_with_reason(number)
    return bool(found == ValidationResult.IS_POSSIBLE)


def _why_impossible(number: PhoneNumber) -> str:
    return _IMPOSSIBLE[phonenumbers.is_possible_number_with_reason(number)]


def _valid(number: PhoneNumber) -> bool:
    return phonenumbers.is_valid_number(number)


def _e164(number: PhoneNumber) -> str:
    return f"+{number.country_code}{phonenumbers.national_significant_number(number)}"


def _allowed_country(number: PhoneNumber, countries: frozenset[str]) -> str | None:
    """Return the number's country; of several that share its code and cannot be told apart, one.

    Raises:
        NumberNotAllowed: none of them is among ``countries``.

    """
    exact = phonenumbers.region_code_for_number(number)
    code = number.country_code or 0
    sharing = (exact,) if exact else phonenumbers.region_codes_for_country_code(code)
    return _one_allowed(*(home for home in sharing if known_region(home)), countries=countries)


def _one_allowed(*homes: str, countries: frozenset[str]) -> str | None:
    allowed = [home for home in homes if home in countries] if countries else list(homes)
    if countries and not allowed:
        raise NumberNotAllowed(TO, "this country is not allowed")
    return allowed[0] if allowed else None
