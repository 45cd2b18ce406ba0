"""What can be set for the SMPP door."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from appliance.config.settings import Host, TcpPort
from appliance.config.types import Duration, Section


def _file(value: str) -> str:
    if value and not value.startswith("/"):
        raise ValueError("must be an absolute path, or be empty")
    return value


File = Annotated[str, AfterValidator(_file)]


class Smpp(Section):
    """The SMPP door."""

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: TcpPort = 2775
    tls_certificate: File = ""
    tls_key: File = ""
    tls_client_ca: File = ""
    tls_port: TcpPort = 3550
    plain: bool = True
    system_id: str = Field(default="appliance", pattern=r"^[!-~]{1,15}$")
    session_init_seconds: Duration = 30
    tls_handshake_seconds: Duration = 10
    pdu_read_seconds: Duration = 30
    enquire_link_seconds: Duration = 30
    inactivity_seconds: Duration = 300
    response_seconds: Duration = 60
    leaving_seconds: Annotated[Duration, Field(le=60)] = 2  # systemd waits no longer for us
    proof_seconds: Duration = 5
    wrong_credentials: Literal["invalid_password", "bind_failed"] = "invalid_password"
    most_connections: int = Field(default=2000, ge=1)
    most_unbound_per_address: int = Field(default=100, ge=1)
    retry_seconds: Duration = 5
    retry_longest_seconds: Duration = 300
    window: int = Field(default=50, ge=1)
    gsm0: Literal["gsm0338", "latin1", "packed"] = "gsm0338"

    @field_validator("tls_key", "tls_client_ca")
    @classmethod
    def _has_certificate(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("tls_certificate", "unknown"):
            raise ValueError("needs tls_certificate")
        return value

    @field_validator("retry_longest_seconds")
    @classmethod
    def _not_before_the_first(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("retry_seconds", value):
            raise ValueError("must not be less than retry_seconds")
        return value

    @field_validator("plain")
    @classmethod
    def _some_way_in(cls, value: bool, info: ValidationInfo) -> bool:
        if not value and not info.data.get("tls_certificate", "unknown"):
            raise ValueError("only TLS would be left, and that needs tls_certificate")
        return value
