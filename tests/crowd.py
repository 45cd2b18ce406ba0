"""Many queued messages at once: written by the database itself, since accepting takes its time."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from appliance.store.engine import open_engine

STEP: Final = 256
"""From one message's id to the next: its parts' ids lie in between."""

_NUMBERS: Final = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers"
    " WHERE n + 1 < :count)",
    "postgresql": "WITH numbers(n) AS (SELECT generate_series(0, :count - 1))",
}
_KEY: Final = {
    "sqlite": "CAST(printf('%016d', n) AS BLOB)",
    "postgresql": "convert_to(lpad(n::text, 16, '0'), 'UTF8')",
}
_MESSAGES: Final = """
INSERT INTO message (id, account_id, lane_id, door, category, priority, recipient, recipient_key,
 recipient_suffix_key, text, flash, encoding, language, wide, without_validity, parts, state,
 not_before, expires_at, when_uncertain, revision, accepted_at, changed_at)
{numbers} SELECT :first + n * 256, :account, :lane, 'rest', :category, :priority,
 '{prefix}' || substr(CAST(10000000 + n AS TEXT), 2), {key}, {key}, {words},
 {no}, 'gsm7', 0, {no}, {no}, :parts, 'queued', :due, :end, 'hold', 0, :due, :due FROM numbers
"""
_PARTS: Final = """
INSERT INTO part (id, message_id, ordinal, state, changed_at)
{numbers}, ordinals(o) AS ({ordinals})
 SELECT :first + n * 256 + o, :first + n * 256, o, 'queued', :due FROM numbers, ordinals
"""


def crowd(
    url: str,
    *,
    account_id: int,
    lane_id: int,
    count: int,
    now: datetime,
    first: int = STEP,
    parts: int = 1,
    category: str = "marketing",
    priority: int = 0,
    prefix: str = "+49151",
) -> None:
    """Queue ``count`` messages, due for a minute, to as many recipients.

    ``first`` is the id of the first one, far below those of today; ``parts`` is how many each has.
    """
    engine = open_engine(url)
    dialect = engine.dialect.name
    words = "x" * (20 if parts == 1 else 150 * parts)
    places = {
        "numbers": _NUMBERS[dialect],
        "key": _KEY[dialect],
        "no": "false" if dialect == "postgresql" else "0",
        "prefix": prefix,
        "words": f"'{words}'",
        "ordinals": " UNION ALL ".join(f"SELECT {n}" for n in range(1, parts + 1)),
    }
    form = "%Y-%m-%d %H:%M:%S.%f" + ("+00:00" if dialect == "postgresql" else "")
    due, end = (now + delta for delta in (-timedelta(minutes=1), timedelta(days=3)))
    values = {"count": count, "first": first, "account": account_id, "lane": lane_id}
    values |= {"category": category, "priority": priority, "parts": parts}
    values |= {"due": due.strftime(form), "end": end.strftime(form)}
    with engine.begin() as connection:
        for statement in (_MESSAGES, _PARTS):
            filled = statement.format(**places)
            wanted = {name: value for name, value in values.items() if f":{name}" in filled}
            connection.execute(text(filled), wanted)
    engine.dispose()
