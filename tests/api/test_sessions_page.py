"""The page's part about SMPP, in a real browser: what is shown, and what an admin does there."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.api.esmes import esmes_of
from tests.api.test_page import ARGUMENTS
from tests.require import require
from tests.smpp_server.esme import BIND_RX, BIND_TRX, SUBMIT_SM, UNBIND, frame, submit_body

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

SLOW = 20_000
"""Milliseconds: a page that took long to read rests before it is read again."""


@pytest.fixture
async def esmes(house, tmp_path):
    async with esmes_of(house, tmp_path) as esmes:
        yield esmes


@pytest.fixture
async def browser():
    path = require("chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        await started.close()


async def managing(browser: Browser, esmes) -> Page:
    """Return the page with an admin's key given."""
    view = await browser.new_page()
    await view.goto(esmes.url)
    await view.fill("#key", esmes.admin["Authorization"].split()[1])
    await view.get_by_role("button", name="Manage").click()
    await expect(view.locator("body")).to_have_class("managing")
    view.on("dialog", lambda dialog: dialog.accept())
    return view


async def test_the_page_shows_who_is_bound_and_offers_nothing_without_a_key(esmes, browser):
    client = await esmes.bound("till")
    await client.ask(frame(SUBMIT_SM, submit_body(to=(1, 1, b"x")), sequence=2))
    await esmes.store.pausing.pause("shop", "<b>unpaid</b>", esmes.clock.now())
    view = await browser.new_page()
    await view.goto(esmes.url)
    shown = view.locator("#sessions")
    for words in ("till", "127.0.0.1:", "SMPP 3.4, no TLS", "sends and receives"):
        await expect(shown).to_contain_text(words)
    await expect(shown).to_contain_text("submit_sm: bad destination (0x0B)")
    await expect(shown).to_contain_text(": <b>unpaid</b>")
    await expect(shown).to_contain_text("asked after silence of 30 s")
    for button in await shown.locator("button").all():
        assert not await button.is_visible()


async def test_a_wrong_key_opens_nothing_and_says_so(house, esmes, browser):
    view = await browser.new_page()
    await view.goto(esmes.url)
    for key, words in (("nonsense", "unknown or revoked"), (house.issued.api_key, "--admin")):
        await view.fill("#key", key)
        await view.get_by_role("button", name="Manage").click()
        await expect(view.locator("#said")).to_contain_text(words)
    await expect(view.locator("body")).not_to_have_class("managing")


async def test_an_admin_unbinds_pauses_and_lets_in_again(esmes, browser):
    client = await esmes.bound("till", BIND_RX)
    view = await managing(browser, esmes)
    await view.get_by_role("button", name="Unbind").click()
    unbind = await client.receive()
    assert unbind.command == UNBIND
    await client.answer(unbind)
    await expect(view.locator("#sessions")).to_contain_text("No app is bound", timeout=SLOW)

    client = await esmes.bound("till", BIND_TRX)
    await view.get_by_role("button", name="Pause").click(timeout=SLOW)
    assert (await client.receive()).command == UNBIND
    await view.get_by_role("button", name="Let in again").click(timeout=SLOW)
    await expect(view.locator("#sessions")).not_to_contain_text("Paused", timeout=SLOW)
    await esmes.bound("till")


async def test_an_admin_traces_and_takes_the_trace_along(esmes, browser):
    client = await esmes.bound("till")
    view = await managing(browser, esmes)
    await view.get_by_role("button", name="Trace 10 min").click()
    await expect(view.locator("#sessions")).to_contain_text(
        "numbers and texts hidden", timeout=SLOW
    )
    await client.ask(frame(SUBMIT_SM, submit_body(text=b"the secret"), sequence=2))
    for name, ending in (("Lines", "till.txt"), ("Capture", "till.pcap")):
        async with view.expect_download() as coming:
            await view.get_by_role("button", name=name).click()
        download = await coming.value
        assert download.suggested_filename == ending
        content = Path(await download.path()).read_bytes()
        assert b"the secret" not in content
        assert len(content) > 100
    assert json.dumps(await view.evaluate("Object.values(localStorage)")) == "[]"


@pytest.mark.parametrize("sessions", [0, 1, 30])
async def test_it_fits_every_window_and_the_browser_complains_of_nothing(esmes, browser, sessions):
    await esmes.store.accounts.set("till", "max_binds", 40)
    for _ in range(sessions):
        client = await esmes.bound("till")
        await client.ask(frame(SUBMIT_SM, submit_body(to=(1, 1, b"x")), sequence=2))
    await esmes.store.pausing.pause("shop", "W" * 190, esmes.clock.now())
    for scheme in ("light", "dark"):
        for width, height in SIZES.values():
            view = await browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            complaints: list[str] = []
            view.on("console", lambda message, said=complaints: said.append(message.text))
            view.on("pageerror", lambda error, said=complaints: said.append(str(error)))
            await view.goto(esmes.url)
            await view.evaluate("document.body.classList.add('managing')")
            assert await view.evaluate("document.documentElement.scrollWidth") <= width
            assert await view.locator("#sessions tbody tr td.from").count() == sessions
            assert complaints == []
            await view.close()
