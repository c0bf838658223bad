"""What all pages share: templates in which text stays text, and images inside the page."""

import base64
from functools import cache
from typing import Any

import jinja2

TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Characters that turn the direction of writing, and of what follows them on the page."""


def template(name: str) -> jinja2.Template:
    """A template of the pages; whatever is put into it is text, never markup, and turns nothing beside it."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("bench.analysis.pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_straight,
    )


def _straight(value: Any) -> Any:
    return value.translate(TURNS) if isinstance(value, str) and not value.isascii() else value


def inline(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
