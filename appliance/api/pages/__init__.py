"""Our pages: templates rendered here, with headers that let nothing else in."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

CODE: Final = re.compile(r"`([^`]+)`")

ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def _with_code(text: str) -> Markup:
    """Return text in which `words` are code, as descriptions in an OpenAPI document have it."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


ENVIRONMENT.filters["with_code"] = _with_code


def fragment(template: str, context: Mapping[str, Any]) -> str:
    """Return a rendered template."""
    return ENVIRONMENT.get_template(template).render(context)


def render(template: str, context: Mapping[str, Any]) -> HTMLResponse:
    """Return a whole page."""
    return HTMLResponse(fragment(template, context), headers=HEADERS)


def moment(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return a moment as people read it, in ``zone``: with its day if that is not today."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"{local:%H:%M:%S}"
    return f"{local:%d %b %H:%M}" if local.year == today.year else f"{local:%d %b %Y}"
