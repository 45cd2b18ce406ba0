"""The complaints about receiving that users of other gateways have most, by their numbers.

Facts about modems, section 3. Each test would fail on the behaviour that is complained of.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.lifecycle import State
from appliance.submission import Submission
from tests.box import until
from tests.fake_modem import THE_SIX, pdu
from tests.fake_modem.messages import delivers
from tests.fake_modem.sim import Stored as Kept
from tests.whole.keeping import home
from tests.whole.test_receiving import ALICE, emptied, received

BOB = "+4915187654321"


async def all_ready(house, count):
    async def there():
        lines = await house.lines()
        return len(lines) == count and all(line.state == "ready" for line in lines)

    await until(there, f"{count} lines are ready")


async def states(house, names):
    found = [await house.store.views.message(None, name) for name in names]
    return [story.message.state for story in found]


def texts(found):
    return sorted(one.text for one in found)


async def test_complaint_2_delivery_reports_arrive_and_match_on_every_make(tmp_path):
    count = len(THE_SIX)
    async with home(tmp_path, *THE_SIX, modems=count, report_delay=0.05) as house:
        await all_ready(house, count)
        numbers = [f"+49151234567{number:02d}" for number in range(4 * count)]
        names = [(await house.submit(number)).id for number in numbers]

        async def delivered():
            return set(await states(house, names)) == {State.DELIVERED}

        await until(delivered, "every message is delivered")

        async def shown():
            return all(line.reports_proven_at for line in await house.lines())

        await until(shown, "every line shows that its reports come")


async def test_complaint_2_a_line_whose_reports_never_come_shows_it(tmp_path):
    async with home(tmp_path, "e3372", modems=1) as house:
        await house.ready()
        await house.fault("no_reports")
        sent = await house.submit(ALICE)
        await house.on_air(ALICE)

        async def done():
            return await states(house, [sent.id]) == [State.SENT]

        await until(done, "it is sent")
        line = await house.line()
        assert (line.reports, line.reports_proven_at) == ("stored", None)


@pytest.mark.parametrize("make", ["e1550", "ec25", "zte"])
async def test_complaint_3_messages_come_from_whatever_memory_they_lie_in(tmp_path, make):
    async with home(tmp_path, make) as house:
        await house.ready()
        await house.fault("cnmi", values=[0, 0, 0, 0, 0])  # nothing is announced
        modem = house.bank.modems[0]
        for number, name in enumerate(("SM", "ME")):
            (made,) = delivers(ALICE, f"in {name}", modem.network.time())
            octets = pdu.encode_deliver(made)
            modem.memory(name).put(Kept("00" + octets.hex().upper(), len(octets)))
            assert len(await received(house, number + 1)) == number + 1
        assert texts(await received(house, 2)) == ["in ME", "in SM"]
        await house.do("inbound", text="announced again", sender=ALICE)
        assert "announced again" in texts(await received(house, 3))


async def test_complaint_5_a_message_that_comes_back_again_and_again_is_told_once(tmp_path):
    async with home(tmp_path, "zte", check_every=0.1) as house:
        line = await house.ready()
        modem = house.bank.modems[0]
        await house.do("inbound", text="once", sender=ALICE)
        await received(house, 1)
        await emptied(house)
        (made,) = delivers(ALICE, "twice", modem.network.time())
        octets = pdu.encode_deliver(made)
        same = Kept("00" + octets.hex().upper(), len(octets))
        for name in ("SM", "ME", "SM"):  # what was deleted is there again, here and elsewhere
            modem.memory(name).put(replace(same))
            await received(house, 2)
            await emptied(house)
        modem.memory("SM").put(replace(same))
        await house.modems[line.slot].nap(timedelta())  # and after a restart
        await emptied(house)
        assert texts(await received(house, 2)) == ["once", "twice"]


async def test_complaint_6_a_full_memory_silences_nothing(tmp_path):
    async with home(tmp_path, "e1550", check_every=0.1) as house:
        modem = house.bank.modems[0]
        await house.do("fill", memory="SM", what="drafts", count=20)
        await house.do("fill", memory="SM", what="orphans", count=30)
        await house.do("fill", memory="ME", what="junk")
        await house.do("fill", memory="SR", what="old")
        for number in range(5):
            await house.do("inbound", text=f"no room {number}", sender=ALICE)
        assert modem.memory("SM").full
        await house.ready()

        async def there():
            found = await house.store.views.inbound(None, most=1000)
            return [one for one in found if (one.text or "").startswith("no room")]

        async def all_there():
            return len(await there()) == 5

        await until(all_there, "what there was no room for comes")
        await house.do("inbound", text="no room needed", sender=ALICE)

        async def last():
            return len(await there()) == 6

        await until(last, "and so does what comes later")
        await house.line_is(
            "what was deleted for it is told", lambda one: (one.counted or {}).get("drafts_deleted")
        )


NOISE = '\r\n^RSSI:18\r\n+CMTI: "SM",99\r\n\r\nOK\r\n^BOOT:24219405,0,0,0,20'


async def test_complaint_9_notes_in_the_middle_of_answers_and_floods_lose_nothing(tmp_path):
    async with home(tmp_path, "e3372", check_every=0.1, report_delay=0.05) as house:
        await house.ready()
        names = []
        for number in range(10):
            await house.do("inbound", text=f"message {number}", sender=ALICE)
            await house.fault("interrupt", text="^RSSI:18\r\n+CREG: 1", after=1)
            await house.fault("interrupt", text='^HCSQ:"LTE",46,41,131,22\r', after=2)
            names.append((await house.submit(BOB, f"out {number}")).id)

        async def delivered():
            return set(await states(house, names)) == {State.DELIVERED}

        await until(delivered, "every message is delivered")
        assert sum(one.recipient == BOB for one in house.bank.ledger.sent()) == 10
        await house.fault("flood", rate=200_000, seconds=0.3)
        for number in range(10, 20):
            await house.do("say", text=NOISE)
            await house.do("inbound", text=f"message {number}", sender=ALICE)
        found = await received(house, 20)
        assert texts(found) == sorted(f"message {number}" for number in range(20))
        await emptied(house)


@pytest.mark.parametrize("wide", [False, True])
async def test_complaint_10_long_messages_are_whole_and_never_mixed(tmp_path, wide):
    long = {number: f"<{number}>" + f" word{number}" * 60 for number in range(4)}
    async with home(tmp_path, "e3372") as house:
        line = await house.ready()
        await house.do("set", network={"wide_references": wide})
        await house.fault("vanish", power=False)  # parts come while nobody listens, too
        for number, text in long.items():
            sender = (ALICE, BOB)[number % 2]
            await house.do("inbound", text=text, sender=sender, reverse=number > 1)
        slots = house.bank.modems[0].memory("SM").slots
        mixed = sorted(slots.items(), key=lambda item: item[0] * 7 % 11)
        house.bank.modems[0].memory("SM").slots = dict(enumerate(stored for _, stored in mixed))
        await house.do("mend")
        found = await received(house, len(long))
        assert texts(found) == sorted(long.values())
        assert line.slot
        await emptied(house)


EMOJI = "Grüße 👨‍👩‍👧‍👦 aus Köln 🇩🇪 – naïve Ωmega, שלום, 你好 👋🏽! "


def cut_in_a_pair(house, text):
    """Have a text come in two parts, of which each has half of its last character."""
    octets, network = text.encode("utf-16-be"), house.bank.network
    for ordinal, half in enumerate((octets[:-2], octets[-2:]), 1):
        concat = pdu.Concat(77, 2, ordinal)
        body = pdu.Body(half.decode("utf-16-be", "surrogatepass"), concat=concat)
        made = pdu.Deliver(BOB, network.time(), body, dcs=0x08)
        network.inbound_raw(house.bank.modems[0].sim, pdu.encode_deliver(made))


async def test_complaint_11_unicode_and_emoji_come_and_go_unharmed(tmp_path):
    async with home(tmp_path, "e3372", "sim800", modems=2, report_delay=0.05) as house:
        await all_ready(house, 2)
        both = [EMOJI, EMOJI * 4]
        for text in both:
            await house.do("inbound", modem=[0, 1], count=2, text=text, sender=ALICE)
        cut_in_a_pair(house, "Cut in the middle 👋")
        found = await received(house, 5)
        assert texts(found) == sorted([*both * 2, "Cut in the middle 👋"])
        for text in both:
            await house.intake.submit(house.account, Submission(to=BOB, text=text))

        async def gone():
            parts = [one for one in house.bank.ledger.sent() if one.recipient == BOB]
            return parts if sum(one.concat is None for one in parts) and len(parts) > 4 else None

        parts = await until(gone, "both have left")
        single = [one.text for one in parts if one.concat is None]
        assert single in ([], [EMOJI])
        for part in parts:
            part.text.encode("utf-16-be")  # no half of a pair stands alone
