"""Questions about several rows at once, as hot statements: a list has no fixed statement."""

from collections.abc import Sequence
from functools import cache
from itertools import chain, repeat
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam

from appliance.store.hot import hot
from appliance.store.writer import Transaction

MOST: Final = 64
"""Keys of one statement; more are asked for by several."""


class Among:
    """A question about the rows whose key is one of some."""

    def __init__(self, question: Select[Any], key: ColumnElement[Any]) -> None:
        self._question, self._key = question, key
        self._of = cache(self._made)

    def read(self, transaction: Transaction, keys: Sequence[Any]) -> list[Any]:
        """Return the rows, in no order; no key may be there twice."""
        rows: list[Any] = []
        for at in range(0, len(keys), MOST):
            some = keys[at : at + MOST]
            # Powers of two, so that few statements are made: the last key fills up.
            count = 1 << (len(some) - 1).bit_length()
            asked = chain(some, repeat(some[-1], count - len(some)))
            given = {f"key{number}": key for number, key in enumerate(asked)}
            rows += transaction.execute(self._of(count), given)
        return rows

    def _made(self, count: int) -> Select[Any]:
        keys: list[BindParameter[Any]] = [bindparam(f"key{number}") for number in range(count)]
        return hot(self._question.where(self._key.in_(keys)))
