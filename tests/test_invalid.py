"""What is wrong with a value is said in words that tell what to write instead."""

import pytest
from pydantic import ValidationError

from appliance.api.optouts import OptOutRequest
from appliance.api.schemas import AccountRequest, SendRequest
from appliance.config.settings import Mending, Modems
from appliance.control import Pin, Ussd
from appliance.errors.invalid import why_invalid

TO = {"to": "+4915228817386"}
GOOD = TO | {"text": "Hello"}
TIME = "must be a time such as 2030-01-31T08:00:00+01:00"

SAID = [
    (SendRequest, TO | {"text": ""}, "text", "is empty"),
    (SendRequest, TO | {"text": 5}, "text", "must be a string"),
    (SendRequest, {"text": "x"}, "to", "is required"),
    (SendRequest, GOOD | {"batch": "b" * 256}, "batch", "must be 255 characters at most"),
    (SendRequest, GOOD | {"priority": 9}, "priority", "must be 3 or less"),
    (SendRequest, GOOD | {"validity_seconds": 0}, "validity_seconds", "must be 1 or more"),
    (SendRequest, GOOD | {"send_at": "tomorrow"}, "send_at", TIME),
    (SendRequest, GOOD | {"send_at": 5}, "send_at", "must be a string such as 2030-01-31"),
    (
        SendRequest,
        GOOD | {"send_at": "2030-12-31T18:00:00"},
        "send_at",
        "needs its offset from UTC, as in 2030-01-31T08:00:00+01:00",
    ),
    (
        OptOutRequest,
        {"number": "+4915228817386", "until": "2020-01-01"},
        "until",
        "needs its offset from UTC, as in 2030-01-31T08:00:00+01:00",
    ),
    (Pin, {"pin": "12"}, "pin", "must be 4 to 8 digits"),
    (Ussd, {"code": "balance"}, "code", "must be a code such as *100#"),
    (
        AccountRequest,
        {"name": "a b"},
        "name",
        "must be letters, digits, dots, hyphens and underscores, 63 at most",
    ),
    (
        AccountRequest,
        {"name": "a", "webhook_url": "ftp://x"},
        "webhook_url",
        "must be an address that begins with http:// or https://",
    ),
    (Mending, {"helper": "run"}, "helper", "must be a path that begins with /"),
    (Modems, {"pin_credential": "/x"}, "pin_credential", "must be the name of a credential"),
    (Modems, {"baud": "fast"}, "baud", "must be a whole number"),
]


@pytest.mark.parametrize(("model", "given", "field", "said"), SAID)
def test_what_is_wrong_tells_what_to_write(model, given, field, said):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(given)
    (found,) = caught.value.errors()
    assert found["loc"][0] == field
    assert why_invalid(found).startswith(said)


def test_special_words_go_first_and_ours_stay_as_they_are():
    found = {"type": "value_error", "msg": "Value error, is no base64"}
    assert why_invalid(found) == "is no base64"
    assert why_invalid(found, {"value_error": "is wrong"}) == "is wrong"
