"""The one request of ours that an ESME answers with a bind of its own: outbind. Pure."""

from dataclasses import dataclass
from typing import Final

from appliance.smpp_server.fields import CString, Layout, Tlv
from appliance.smpp_server.names import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbind:
    """The body of outbind (4.1.7), by which we ask an ESME to bind."""

    system_id: bytes
    password: bytes = b""
    tlvs: tuple[Tlv, ...] = ()


OUTBIND: Final = Layout(
    Outbind,
    CString("system_id", 16, Status.BAD_SYSTEM_ID),
    CString("password", 9, Status.BAD_PASSWORD),
)
