"""Who asks: a bearer API key becomes an account."""

from typing import Annotated, Final

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from appliance.api.doors import Doors
from appliance.errors import Forbidden, Unauthorised
from appliance.models import Account

SCHEME: Final = "bearer "


class ApiKeyBearer(SecurityBase):
    """``Authorization: Bearer KEY``: one dependency that authenticates and documents itself."""

    def __init__(self) -> None:
        self.model = HTTPBearer(
            description="The API key of an account, shown once by `appliance account add NAME`."
        )
        self.scheme_name = "API key"

    async def __call__(self, request: Request) -> Account:
        """Return the account that asks.

        Raises:
            Unauthorised: there is no key, or it opens nothing.

        """
        header = request.headers.get("authorization", "")
        if header[: len(SCHEME)].lower() != SCHEME:
            raise Unauthorised("send the header Authorization: Bearer and your API key")
        doors: Doors = request.app.state.doors
        key = header[len(SCHEME) :].strip()
        return await doors.store.accounts.authenticate_key(key, doors.clock.monotonic())


CurrentAccount = Annotated[Account, Depends(ApiKeyBearer())]


async def admin(account: CurrentAccount) -> Account:
    """Return the account that asks, if it may look after lines.

    Raises:
        Forbidden: it may not.

    """
    if not account.admin:
        raise Forbidden("this needs the key of an account made with --admin")
    return account


CurrentAdmin = Annotated[Account, Depends(admin)]
