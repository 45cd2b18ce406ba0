"""The documentation page, made from the OpenAPI document: no script, nothing from elsewhere."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from appliance.api.pages import render
from appliance.api.problems import ALL_KINDS

router = APIRouter()

Json = Mapping[str, Any]

PLACES: Final = {"path": "in the path", "query": "in the query", "header": "a header"}

WORDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "enum": lambda values: ", ".join(map(str, values)),
    "const": str,
    "format": lambda name: "time" if name == "date-time" else str(name),
    "contentEncoding": str,
    "type": str,
}
"""What a schema says of its values, the most telling first."""


METHODS: Final = ("post", "get", "put", "delete")

VERSION: Final = "/v1/"

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a table of fields."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for, or that a webhook tells.

    Attributes:
        sent: the type of its body; '' if it has none.
        example: of that body; '' if there is none.

    """

    anchor: str
    method: str
    path: str
    title: str
    text: str
    secured: bool
    parameters: list[Field]
    body: list[Field]
    answer: list[Field]
    status: str
    sent: str
    example: str


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    """Show how to use the API."""
    document = request.app.openapi()
    schemas = document["components"]["schemas"]
    context = {
        "info": document["info"],
        "operations": list(_operations(document["paths"], schemas)),
        "webhooks": list(_operations(document.get("webhooks", {}), schemas)),
        "problems": ALL_KINDS,
        "base": str(request.base_url).rstrip("/"),
    }
    return render("docs.html", context)


def _operations(paths: Json, schemas: Json) -> Iterator[Operation]:
    """Yield them by noun, and of each noun what one begins with first."""
    nouns = list(dict.fromkeys(map(_noun, paths)))
    all_of_them = [(path, method) for path, methods in paths.items() for method in methods]

    def place(one: tuple[str, str]) -> tuple[int, bool, int, str, int]:
        path, method = one
        return nouns.index(_noun(path)), "{" in path, path.count("/"), path, METHODS.index(method)

    for path, method in sorted(all_of_them, key=place):
        yield _operation(path, method, paths[path][method], schemas)


def _noun(path: str) -> str:
    return path.removeprefix(VERSION).partition("/")[0]


def _operation(path: str, method: str, found: Json, schemas: Json) -> Operation:
    sent = next(iter(found.get("requestBody", {}).get("content", {})), "")
    body = _resolved(_content(found.get("requestBody", {})), schemas)
    status = next(code for code in found["responses"] if code.startswith("2"))
    answer = _resolved(_content(found["responses"][status]), schemas)
    title, _, text = found.get("description", "").partition("\n")
    return Operation(
        anchor=found["operationId"],
        method=method.upper(),
        path=path,
        title=title,
        text=text.strip(),
        secured="security" in found,
        parameters=[_parameter(one, schemas) for one in found.get("parameters", [])],
        body=[_optional(field) for field in _fields(body, schemas)],
        answer=[replace(field, required=False) for field in _fields(answer, schemas)],
        status=status,
        sent=sent,
        example=_example(body) if sent == JSON else "",
    )


def _parameter(found: Json, schemas: Json) -> Field:
    place = PLACES[found["in"]]
    kind = f"{_kind(found['schema'], schemas)}, {place}"
    field = Field(found["name"], kind, found["required"], found.get("description", ""))
    return _optional(field)


def _optional(field: Field) -> Field:
    """Say of what may be left out what it is, and not that null is the same as leaving it out."""
    return field if field.required else replace(field, kind=field.kind.replace(" or null", ""))


def _example(schema: Json) -> str:
    """Return the first example as JSON, its fields in the schema's order.

    A schema that has none is made one of its fields' examples.
    """
    fields: Json = schema.get("properties", {})
    of_fields = {name: one["examples"][0] for name, one in fields.items() if "examples" in one}
    example: Json = next(iter(schema.get("examples", [])), of_fields)
    ordered = {name: example[name] for name in fields if name in example}
    return json.dumps(ordered, ensure_ascii=False, indent=2) if ordered else ""


def _fields(schema: Json, schemas: Json, prefix: str = "") -> list[Field]:
    """Return the fields of an object; those of objects inside it under dotted names."""
    fields = []
    required = schema.get("required", [])
    for name, found in schema.get("properties", {}).items():
        kind = _kind(found, schemas)
        description = found.get("description", "")
        fields.append(Field(prefix + name, kind, name in required, description))
        inner, dots = _inner(found, schemas)
        fields += _fields(inner, schemas, f"{prefix}{name}{dots}")
    return fields


def _inner(schema: Json, schemas: Json) -> tuple[Json, str]:
    """Return the object that a field holds, itself or in a list; an empty one if it holds none."""
    if schema.get("type") == "array":
        return _resolved(schema["items"], schemas), "[]."
    return _resolved(schema, schemas), "."


def _kind(schema: Json, schemas: Json) -> str:
    """Return what a value may be, in words."""
    if "anyOf" in schema:
        return " or ".join(_kind(choice, schemas) for choice in schema["anyOf"])
    found = _resolved(schema, schemas)
    if found.get("type") == "array":
        return f"list of {_kind(found['items'], schemas)}"
    for key, word in WORDS.items():
        if key in found:
            return word(found[key])
    return "any"


def _content(holder: Json) -> Json:
    schema: Json = holder.get("content", {}).get(JSON, {}).get("schema", {})
    return schema


def _resolved(schema: Json, schemas: Json) -> Json:
    """Follow a reference, if it is one."""
    reference = schema.get("$ref")
    found: Json = schemas[reference.rpartition("/")[2]] if reference else schema
    return found
