import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance import msisdn
from appliance.errors import BadNumber, NumberNotAllowed, SubmissionRefused

ANYWHERE: frozenset[str] = frozenset()


def parse(raw, region="DE", short_codes=False, countries=ANYWHERE):
    return msisdn.parse(raw, region=region, short_codes=short_codes, countries=countries)


@pytest.mark.parametrize(
    ("raw", "region", "e164", "country"),
    [
        ("+4915112345678", None, "+4915112345678", "DE"),
        ("004915112345678", None, "+4915112345678", "DE"),
        ("015112345678", "DE", "+4915112345678", "DE"),
        ("+49 (0)151 1234-5678", None, "+4915112345678", "DE"),
        ("+49 [151] 1234.5678", None, "+4915112345678", "DE"),
        ("+789161234567", None, "+79161234567", "RU"),  # with the trunk prefix left in
        ("＋４９１５１１２３４５６７８", None, "+4915112345678", "DE"),
        ("٠١٥١١٢٣٤٥٦٧٨", "DE", "+4915112345678", "DE"),
        ("\u202a+49\u00a0151\u201112345678\u202c", None, "+4915112345678", "DE"),
        ("4915112345678", "DE", "+4915112345678", "DE"),  # no +, and not area code 04915
        ("13812345678", "CN", "+8613812345678", "CN"),
        ("8 916 123-45-67", "RU", "+79161234567", "RU"),
        ("211234", "FO", "+298211234", "FO"),  # six digits, but a number of its country
        ("011 49 151 12345678", "US", "+4915112345678", "DE"),  # the country's own way abroad
        ("+39 06 12345678", None, "+390612345678", "IT"),  # an Italian 0 stays
        ("+77011234567", None, "+77011234567", "KZ"),
        ("+88216123456", None, "+88216123456", None),  # a satellite belongs to no country
        ("+491511234567", None, "+491511234567", "DE"),  # possible, though not valid
    ],
)
def test_a_number_is_read_in_every_form_people_write(raw, region, e164, country):
    assert parse(raw, region) == msisdn.Recipient(e164, short=False, country=country)


@pytest.mark.parametrize(
    ("raw", "region", "reason"),
    [
        ("", "DE", "not a phone number"),
        ("+", "DE", "not a phone number"),
        ("hello", "DE", "not a phone number"),
        ("0800 FLOWERS", "US", "not a phone number"),
        ("tel:+4915112345678;ext=9", "DE", "not a phone number"),
        ("*100#", "DE", "not a phone number"),
        ("+49151\n12345678", "DE", "not a phone number"),
        ("4915112345678+", "DE", "not a phone number"),
        ("1" * 65, "DE", "not a phone number"),
        ("+1 212 555 01001", "DE", "too long for a phone number"),
        ("+1 23", None, "too short for a phone number"),
        ("+1 555 0100", None, "the area code is missing"),
        ("555 0100", "US", "the area code is missing"),
        ("015112345678", None, "the country code is missing: write it with +"),
        ("001 659 123 4567", "HK", "may be read as two numbers: write it with +"),
        ("+999123456789", None, "not a phone number"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(raw, region, reason):
    with pytest.raises(BadNumber) as caught:
        parse(raw, region)
    assert (caught.value.field, caught.value.reason) == ("to", reason)


@pytest.mark.parametrize(
    ("raw", "region", "countries"),
    [
        ("112", "DE", ANYWHERE),
        ("１１２", "DE", ANYWHERE),
        ("1-1-0", "DE", ANYWHERE),
        ("911", None, ANYWHERE),
        ("911", "DE", ANYWHERE),  # phones take it for one everywhere
        ("112", None, ANYWHERE),
        ("0112", "DE", ANYWHERE),
        ("+49112", None, ANYWHERE),
        ("+49 110", None, ANYWHERE),
        ("112911", "DE", ANYWHERE),  # a network may connect it after its first digits
        ("133", "DE", frozenset({"AT"})),  # the police, in a country whose SIMs are here
        ("133", None, ANYWHERE),  # nobody knows where: then nowhere
        ("000", "DE", ANYWHERE),
        ("08", "DE", ANYWHERE),
    ],
)
def test_emergency_numbers_are_never_written_to(raw, region, countries):
    with pytest.raises(SubmissionRefused) as caught:
        parse(raw, region, short_codes=True, countries=countries)
    assert caught.value.field == "to"


def test_an_emergency_number_is_named_as_such_even_where_short_codes_are_off():
    with pytest.raises(NumberNotAllowed) as caught:
        parse("112")
    assert caught.value.reason == "emergency numbers are never written to"


@pytest.mark.parametrize("raw", ["72975", "22 66", "3310", "80999"])
@pytest.mark.parametrize("region", ["DE", None])
def test_short_codes_are_taken_only_if_set(raw, region):
    digits = raw.replace(" ", "")
    taken = parse(raw, region, short_codes=True, countries=frozenset({"DE"}))
    assert taken == msisdn.Recipient(digits, short=True, country=None)

    with pytest.raises(NumberNotAllowed) as caught:
        parse(raw, region)
    assert caught.value.reason == "short codes are not allowed"


def test_only_the_countries_set_are_written_to():
    countries = frozenset({"DE", "AT"})
    assert parse("+4366412345678", countries=countries).country == "AT"
    for foreign in ("+33612345678", "+88216123456"):
        with pytest.raises(NumberNotAllowed) as caught:
            parse(foreign, countries=countries)
        assert caught.value.reason == "this country is not allowed"


def test_a_number_of_a_shared_code_that_cannot_be_told_apart_counts_for_each_of_its_countries():
    unknown = "+15555550100"  # possible, of no known range of the twenty-five that share +1
    assert parse(unknown, countries=frozenset({"CA"})).country == "CA"
    assert parse(unknown).country == "US"


@given(st.text(max_size=80), st.sampled_from([None, "DE", "US", "HK", "FO"]))
def test_whatever_is_written_is_a_recipient_or_our_own_error_without_the_number(raw, region):
    try:
        found = parse(raw, region, short_codes=True)
    except SubmissionRefused as error:
        refused = error
    else:
        assert found.e164.removeprefix("+").isdecimal()
        assert found.short is not found.e164.startswith("+")
        return
    assert refused.field == "to"
    assert not any(character.isdecimal() for character in str(refused))


@given(
    st.from_regex(r"((\+|00)(49|1|39|7|86|298|852)|0?)[1-9][0-9]{4,11}", fullmatch=True),
    st.sampled_from(["DE", "US", "HK"]),
)
def test_a_number_once_read_is_read_the_same_again_by_us_and_from_the_network(raw, region):
    try:
        found = parse(raw, region)
    except SubmissionRefused:
        return
    assert parse(found.e164, region) == found
    assert msisdn.normalise_network(found.e164, region) == found.e164


@pytest.mark.parametrize(
    ("address", "region", "form"),
    [
        ("+4915112345678", "DE", "+4915112345678"),
        ("4915112345678", "DE", "+4915112345678"),
        ("4915112345678", None, "+4915112345678"),
        ("015112345678", "DE", "+4915112345678"),
        ("15112345678", "DE", "+4915112345678"),
        ("004915112345678", "DE", "+4915112345678"),
        ("79161234567", "RU", "+79161234567"),
        ("9161234567", "RU", "+79161234567"),
        ("8613812345678", "CN", "+8613812345678"),
        ("8613812345678", "AT", "+8613812345678"),  # possible in Austria, real in China
        ("436641234567", "US", "+436641234567"),  # foreign, and the network left the + out
        ("015112345678", None, "015112345678"),
        ("+49112", "DE", "+49112"),
        ("72975", "DE", "72975"),
        ("Vodafone", "DE", "Vodafone"),
        (" INFO 24 ", "DE", "INFO 24"),
        ("*100#", "DE", "*100#"),
        ("", "DE", ""),
    ],
)
def test_what_the_network_writes_becomes_the_form_we_keep_where_it_can(address, region, form):
    assert msisdn.normalise_network(address, region) == form


@given(st.text(max_size=30), st.sampled_from([None, "DE", "CN"]))
def test_normalising_twice_changes_nothing_and_never_fails(address, region):
    once = msisdn.normalise_network(address, region)
    assert msisdn.normalise_network(once, region) == once


def test_the_suffix_survives_national_and_international_rewriting():
    for form in ("+4915112345678", "015112345678", "4915112345678", "15112345678"):
        assert msisdn.suffix(form) == "12345678"
    assert msisdn.suffix("72975") == "72975"
    assert msisdn.suffix("INFO24") == "info24"  # never mistaken for the short code 24
    assert msisdn.suffix("") == ""


def test_the_large_tables_of_phonenumbers_stay_on_disk():
    code = (
        "import sys; from appliance import msisdn; "
        "msisdn.parse('+4915112345678', region='DE', short_codes=False, countries=frozenset()); "
        "print([name for name in sys.modules if name.startswith('phonenumbers.')"
        " and any(word in name for word in ('geo', 'carrier', 'tz', 'timezone'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


CODES = sorted(str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def by_phonenumbers(raw):
    """Return what ``phonenumbers`` alone says of an international number, None if it is none."""
    try:
        number = phonenumbers.parse(raw)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    form = phonenumbers.PhoneNumberFormat.E164
    return phonenumbers.format_number(number, form), phonenumbers.region_code_for_number(number)


@given(
    st.sampled_from(["", "0"]),
    st.sampled_from(CODES),
    st.sampled_from(["", "0", "1", "8", "00", "01", "06", "15", "044", "0111"]),
    st.text("0123456789", min_size=3, max_size=17),
)
@example("", "375", "8", "815621996")  # a trunk prefix left in
@example("", "86", "", "128453495762")  # a carrier's code
@example("", "225", "07", "12345678")  # a 0 that stays
@example("", "49", "0", "15112345678")
@example("", "39", "", "0612345678")  # an Italian 0
@example("", "54", "", "91123456789")  # Argentina rewrites what is dialled
@example("0", "49", "", "15112345678")  # no country code
@example("", "7", "8", "9161234567")
def test_what_is_read_by_its_digits_alone_is_read_as_phonenumbers_reads_it(zero, code, start, rest):
    raw = f"+{zero}{code}{start}{rest}"
    country = msisdn._plainly(raw)
    if country is not None:
        assert by_phonenumbers(raw) == (raw, country)
        assert msisdn._read_with_care(raw, "DE", False, ANYWHERE) == parse(raw)


def test_the_example_of_nearly_every_country_is_read_by_its_digits_alone():
    known = [msisdn.example_of(region) for region in phonenumbers.SUPPORTED_REGIONS]
    plain = [number for number in known if number and msisdn._plainly(number)]
    assert len(plain) > 100
    for number in plain:
        assert by_phonenumbers(number) == (number, msisdn._plainly(number))


def test_a_plain_number_is_held_to_the_countries_that_may_be_written_to():
    with pytest.raises(NumberNotAllowed):
        parse("+4915112345678", countries=frozenset({"AT"}))
    assert parse("+4915112345678", countries=frozenset({"AT", "DE"})).country == "DE"
