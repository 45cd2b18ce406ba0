"""What settings are made of: tables, and values that several of them have."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from appliance.msisdn import known_region

UNLIMITED: Final = "none"


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def is_many(value: object) -> object:
    """Take one string for a list: in the environment, commas part what it holds."""
    if isinstance(value, str):
        return tuple(piece for each in value.split(",") if (piece := each.strip()))
    return value


def whole_number(value: object) -> int | None:
    """Return a whole number from 1, also one of the environment; None if it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return None


def _count(value: object) -> object:
    if value == UNLIMITED or (value := whole_number(value)) is not None:
        return value
    raise ValueError(f'must be a whole number from 1, or "{UNLIMITED}"')


def _gap(value: object) -> object:
    return 0 if value == UNLIMITED else value


def _region(value: str) -> str:
    region = value.upper()
    if region and not known_region(region):
        raise ValueError("must be two letters of ISO 3166, such as DE or GB")
    return region


Many = BeforeValidator(is_many)

Count = Annotated[int | Literal["none"], PlainValidator(_count)]
"""A number from 1, or "none": no limit."""

Duration = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""More than nothing; the unit stands in the key."""

GapSeconds = Annotated[float, BeforeValidator(_gap), Field(ge=0, allow_inf_nan=False)]

Region = Annotated[str, AfterValidator(_region)]
