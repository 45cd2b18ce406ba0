"""The local page: what a technician sees, in a real browser and without JavaScript."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import Browser, async_playwright, expect

from appliance.api import page
from appliance.api.words import LINES, STATES, line_word, signal
from appliance.clock import ManualClock
from appliance.incident import Incident, IncidentKind
from appliance.lifecycle import State
from tests.api.house import ICCID, NUMBER
from tests.require import require

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-quic",
    "--disable-component-update",
    "--disable-sync",
]
SECRET = "the-secret-text-4711"
SIZES = {"desktop": (1280, 900), "phone": (360, 740)}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = require("chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        await started.close()


async def fill(house, api) -> None:
    """One line, a delivered, a failed and a waiting message, an answer."""
    await house.has_line()
    for _ in range(3):
        await api.post("/v1/messages", json={"to": NUMBER, "text": SECRET, "reference": None})
    await house.send()
    await house.delivered()
    await house.send(refused="the number is not assigned")
    await house.comes_in(SECRET)


async def test_the_page_shows_lines_queue_and_last_messages_in_words(house, api):
    await fill(house, api)
    shown = (await api.get("/")).text

    assert "1 of 1 line ready." in shown
    for words in ("Testnet", "good, −71 dBm", "Huawei E3372", "delivered", "waiting"):
        assert words in shown
    assert "the number is not assigned" in shown


async def test_numbers_are_masked_texts_absent_and_the_iccid_is_short(house, api):
    await fill(house, api)
    shown = (await api.get("/")).text

    assert SECRET not in shown
    assert "8817386" not in shown
    assert "+49152******86" in shown
    assert ICCID not in shown
    assert f"…{ICCID[-4:]}" in shown


async def test_what_is_typed_into_a_sim_or_a_cause_is_no_markup(house, api):
    await house.has_line(operator="<script>alert(1)</script>", cause="<b>", state="denied")

    shown = (await api.get("/")).text
    assert "<script>alert" not in shown
    assert "&lt;b&gt;" in shown


async def test_the_page_says_what_to_do_where_there_is_nothing_yet(api):
    shown = (await api.get("/")).text

    assert "Plug one in" in shown
    assert "appliance send" in shown
    assert "Send an SMS from your phone" in shown


async def test_a_bad_line_shows_its_cause_and_the_next_step(house, api):
    await house.has_line(
        state="pin_needed", cause="The SIM asks for its PIN.", next_step="Set pin under [[sims]]."
    )
    shown = (await api.get("/")).text

    for words in ("needs its PIN", "The SIM asks for its PIN.", "Set pin under [[sims]]."):
        assert words in shown
    assert "pin_needed" not in shown
    assert "No line can send just now." in shown


async def test_the_page_may_load_nothing_from_elsewhere(house, api):
    await fill(house, api)
    for place in ("/", "/docs"):
        answer = await api.get(place)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)
    assert (await api.get("/static/page.css")).status_code == 200


async def test_without_javascript_the_page_reloads_itself(api):
    shown = (await api.get("/")).text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in shown


@pytest.mark.parametrize("settings", [{"site": {"timezone": "Asia/Tokyo"}}])
async def test_today_begins_at_the_sites_midnight(house, settings):
    clock = ManualClock(datetime(2030, 1, 1, 16, 30, tzinfo=UTC))
    doors = page.Doors(
        intake=house.doors.intake,
        control=house.doors.control,
        store=house.store,
        clock=clock,
        config=house.config,
        ready=lambda: True,
        drop=lambda _: None,
    )
    assert doors.today == datetime(2030, 1, 1, 15, 0, tzinfo=UTC)
    clock.advance(timedelta(days=1))
    assert doors.today == datetime(2030, 1, 2, 15, 0, tzinfo=UTC)
    assert (await page.read(doors))["now"] == "01:30"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_the_page_fits_its_window_and_the_browser_complains_of_nothing(
    house, api, browser, scheme, size
):
    await fill(house, api)
    await house.has_line("2", "89490200001234567891", state="denied", cause="C" * 80)
    await house.comes_in("STOP")
    width, height = size
    view = await browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    complaints: list[str] = []
    view.on("console", lambda message: complaints.append(message.text))
    view.on("pageerror", lambda error: complaints.append(str(error)))
    for place in ("/", "/docs"):
        await view.goto(house.url + place)
        assert await view.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []


async def test_an_open_page_changes_when_something_happens(house, api, browser):
    view = await browser.new_page()
    await view.goto(house.url)
    await expect(view.locator("#link")).to_have_text("Live")
    await expect(view.locator("#lines")).to_contain_text("No modem has been found")

    await fill(house, api)

    await expect(view.locator("#lines")).to_contain_text("Testnet")
    await expect(view.locator("#messages")).to_contain_text("delivered")
    await expect(view.locator("#inbound tbody tr")).to_have_count(1)


async def test_a_section_that_did_not_change_is_left_alone(house, api, browser):
    view = await browser.new_page()
    await view.goto(house.url)
    await expect(view.locator("#link")).to_have_text("Live")
    await view.evaluate("document.getElementById('inbound').remembered = true")

    await house.has_line()

    await expect(view.locator("#lines")).to_contain_text("Testnet")
    assert await view.evaluate("document.getElementById('inbound').remembered === true")


async def test_without_javascript_the_page_can_be_read(house, api, browser):
    await fill(house, api)
    view = await browser.new_page(java_script_enabled=False)
    await view.goto(house.url)

    await expect(view.locator("#messages tbody tr")).to_have_count(3)
    await expect(view.locator("#link")).to_contain_text("Reloads every 15 s")


async def next_event(lines: AsyncIterator[str]) -> str:
    """Return the data of the next event that has some."""
    data: list[str] = []
    async with asyncio.timeout(20):
        async for line in lines:
            if line.startswith("data:"):
                data.append(line)
            elif not line and data:
                return "\n".join(data)
    raise AssertionError("the stream has ended")


async def test_events_come_at_most_once_a_second_and_miss_no_last_change(house, api):
    loop = asyncio.get_running_loop()
    async with api.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        await next_event(lines)
        began, events = loop.time(), 0
        for number in range(30):
            await house.has_line(operator=f"Net{number}")
        shown = ""
        while "Net29" not in shown:
            shown = await next_event(lines)
            events += 1
        assert events <= loop.time() - began + 1


async def test_streams_end_when_the_daemon_stops(house, api):
    async with api.stream("GET", "/events") as answer:
        lines = answer.aiter_lines()
        await next_event(lines)
        house.doors.stopping.set()
        async with asyncio.timeout(5):
            assert [line async for line in lines if line.startswith("data:")] == []


async def test_only_so_many_streams_are_held_open(house, api):
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=house.url, limits=limits) as client,
        AsyncExitStack() as held,
    ):
        for _ in range(page.MOST_STREAMS):
            answer = await held.enter_async_context(client.stream("GET", "/events"))
            assert answer.status_code == 200
        assert (await client.get("/events")).status_code == 503


def test_every_state_has_words():
    assert set(STATES) == set(State)
    assert line_word("something_new").text == "something new"
    assert not [word for word in LINES.values() if "_" in word.text]


def test_signal_is_said_in_words():
    assert signal(None).bars == 0
    assert [signal(dbm).bars for dbm in (-51, -80, -95, -113)] == [4, 3, 2, 1]


async def test_what_happened_stands_with_what_to_do_until_it_is_over(house, api):
    sim = await house.has_line()
    facts = {"slot": "1-1.2", "sim_id": sim, "at": datetime.now(UTC)}
    await house.store.incidents.note(
        Incident(
            kind=IncidentKind.LOW_BALANCE,
            sentence="The balance is 1.20.",
            next_step="Top the SIM up.",
            lasting=True,
            **facts,
        )
    )
    await house.store.incidents.note(
        Incident(kind=IncidentKind.MENDED, sentence="The modem was restarted.", **facts)
    )
    shown = (await api.get("/")).text
    standing, happened = shown.index("The balance is 1.20."), shown.index("The modem was restarted")
    assert standing < happened, "what stands comes first, however old"
    assert "Top the SIM up." in shown
    await house.store.incidents.end_for_sim(IncidentKind.LOW_BALANCE, sim, datetime.now(UTC))
    shown = (await api.get("/")).text
    assert "The balance is 1.20." in shown
    assert "Top the SIM up." not in shown


async def test_a_paused_sim_is_no_line_that_is_ready_and_a_held_one_says_so(house, api):
    sim = await house.has_line()
    await house.has_line("2", "89490200001234567891", cause="day limit 3/3, next at 00:00")
    shown = (await api.get("/")).text
    assert "2 of 2 lines ready, 1 held back by limits or hours." in shown
    assert "Day limit 3/3, next at 00:00." in shown, "a sentence among others"

    await house.store.lines.pause(sim, "paused by somebody: lent out", house.now())
    shown = (await api.get("/")).text
    assert "1 of 2 lines ready" in shown
    assert '<span class="state warn">paused</span>' in shown


async def test_the_words_of_the_page_are_explained_without_javascript(house, browser):
    view = await browser.new_page(java_script_enabled=False)
    await view.goto(house.url)
    await view.get_by_text("What the words mean").press("Enter")
    await expect(view.locator(".words")).to_contain_text("A modem with its SIM.")


async def test_a_line_tells_its_reports_memory_and_mending(house, api):
    await house.has_line(
        reports="stored",
        storage="SM 17/20",
        mending="Reopening the port (step 3 of 6).",
        mended={"reopen": 2, "reset": 1},
        counted={"broadcasts": 7, "full": 1},
    )
    shown = (await api.get("/")).text
    for words in ("not seen yet", "SM 17/20", "Reopening the port (step 3 of 6)."):
        assert words in shown
    assert "port reopened twice, restarted once" in shown
    assert "memory full once, cell broadcast ignored 7 times" in shown
