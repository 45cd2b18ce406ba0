"""What a site has set for messages, as an app meets it: refusals by kind, waits, hints."""

from datetime import datetime, timedelta

import pytest

from tests.api.house import NUMBER


async def submit(api, text="Hello", **fields):
    return await api.post("/v1/messages", json={"to": NUMBER, "text": text, **fields})


async def refusal(api, **fields):
    """Return the kind and the words of a refusal."""
    answer = await submit(api, **fields)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    return answer.status_code, problem["type"].rpartition("#problem-")[2], problem["detail"]


async def story(api, name):
    return (await api.get(f"/v1/messages/{name}")).json()


@pytest.fixture
def settings(request):
    return request.param


def given(**settings):
    return pytest.mark.parametrize("settings", [settings], indirect=True)


@given(caps=[{"most": 2, "days": 1}])
async def test_a_recipient_is_written_to_so_often_and_no_more(api):
    for _ in range(2):
        assert (await submit(api)).status_code == 202
    status, kind, said = await refusal(api)
    assert (status, kind) == (409, "too-often")
    assert "2" in said
    assert (await submit(api, to="+4915228817387")).status_code == 202


@given(guards={"same_text_minutes": 10})
async def test_the_same_text_twice_is_refused(api):
    assert (await submit(api)).json()["warnings"] == []
    assert (await refusal(api))[:2] == (409, "too-often")
    assert (await submit(api, "Hello again")).status_code == 202


@given(guards={"same_text_minutes": 10, "same_text": "mark"})
async def test_the_same_text_twice_is_taken_and_marked_where_that_is_set(api):
    await submit(api)
    answer = await submit(api)
    assert answer.status_code == 202
    (warning,) = answer.json()["warnings"]
    assert "same text" in warning


@given(guards={"otp_per_recipient": 1})
async def test_a_flood_of_codes_to_one_number_is_refused(api):
    assert (await submit(api, category="otp")).status_code == 202
    assert (await refusal(api, category="otp"))[:2] == (409, "too-often")
    assert (await submit(api)).status_code == 202


@given(guards={"otp_per_account": 1})
async def test_a_flood_of_codes_of_one_account_is_refused(api):
    assert (await submit(api, category="otp")).status_code == 202
    assert (await refusal(api, category="otp", to="+4915228817387"))[:2] == (409, "too-often")


@given(content={"forbidden": ["casino"]})
async def test_a_forbidden_word_is_refused_with_a_kind_of_its_own(api):
    status, kind, said = await refusal(api, text="Our CASINO is open")
    assert (status, kind) == (422, "not-allowed-here")
    assert "a word that is not allowed" in said


@given(content={"forbidden": ["casino"], "with_forbidden": "warn"})
async def test_a_forbidden_word_is_only_warned_of_where_that_is_set(api):
    (warning,) = (await submit(api, "Our casino is open")).json()["warnings"]
    assert warning == "the text holds a word that is not allowed"


@given(content={"marketing_footer": "Reply STOP to end", "without_footer": "add"})
async def test_a_footer_is_added_to_marketing(api):
    name = (await submit(api, "Sale!", category="marketing")).json()["id"]
    assert (await story(api, name))["text"].endswith("Reply STOP to end")


@given(content={"marketing_footer": "Reply STOP to end", "without_footer": "demand"})
async def test_a_footer_is_demanded_where_that_is_set(api):
    assert (await refusal(api, category="marketing"))[1] == "not-allowed-here"


def hours_to_come(now):
    """Return hours of a day that are not now."""
    begin = now + timedelta(hours=2)
    return f"{begin:%H}:00-{begin + timedelta(hours=1):%H}:00"


@given(quiet={"marketing": hours_to_come(datetime.now().astimezone())}, site={"timezone": "UTC"})
async def test_in_quiet_hours_a_message_waits_and_says_until_when(api):
    name = (await submit(api, category="marketing", time_zone="UTC")).json()["id"]
    found = await story(api, name)
    assert found["state"] == "queued"
    assert found["waits"].startswith("quiet hours: marketing messages go ")
    assert ", next at " in found["waits"]
    assert datetime.fromisoformat(found["send_at"]) > datetime.fromisoformat(found["accepted_at"])
    code = (await submit(api, category="otp", time_zone="UTC")).json()["id"]
    assert "quiet" not in (await story(api, code))["waits"]


@given()
async def test_what_is_asked_for_later_says_so(api, house):
    later = house.now() + timedelta(days=2)
    name = (await submit(api, send_at=later.isoformat())).json()["id"]
    assert (await story(api, name))["waits"].startswith("sent later, as asked, next at ")


@given()
async def test_what_no_sim_has_looked_at_says_so_and_what_was_sent_says_nothing(api, house, local):
    name = (await submit(api)).json()["id"]
    assert (await story(api, name))["waits"] == "it has not been looked at yet"
    shown = (await local.get(f"/local/messages/{name}")).json()
    assert shown["waits"] == "it has not been looked at yet"
    assert "it has not been looked at yet" in (await api.get("/")).text
    await house.has_line()
    await house.send()
    assert (await story(api, name))["waits"] is None
