"""Lists in pages: ``limit`` and ``before``, newest first."""

from collections.abc import Sequence
from typing import Annotated, Final, Protocol, TypeVar

from fastapi import Query

MOST: Final = 200


class Named(Protocol):
    """Whatever has a public id."""

    @property
    def id(self) -> str:
        """Return the public id."""
        ...


Item = TypeVar("Item", bound=Named)

Limit = Annotated[int, Query(ge=1, le=MOST, description="How many at most.")]

Before = Annotated[
    str | None,
    Query(
        pattern="^[A-Za-z][0-9A-Za-z]{1,13}$",
        description="Only those older than this one: an id, such as `next` of the page before.",
    ),
]


def page(found: Sequence[Item], limit: int) -> tuple[Sequence[Item], str | None]:
    """Cut ``limit`` + 1 rows to a page, and say what to ask on with: None at the end."""
    if len(found) <= limit:
        return found, None
    return found[:limit], found[limit - 1].id
