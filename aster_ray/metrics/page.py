"""One self-contained page: head, style, script and a policy that lets nothing in or out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from typing import Any

from aster_ray.metrics.stylesheet import STYLE


class Section:
    """A titled part of a page that can be jumped to; empty where it has nothing to say."""

    def __init__(self, key: str, title: str, body: str, style: str = "") -> None:
        self.key, self.title, self.style = key, title, style
        self.body = body

    def __str__(self) -> str:
        style = f' class="{self.style}"' if self.style else ""
        head = f'<h2 id="h-{self.key}">{escape(self.title)}</h2>'
        label = f' aria-labelledby="h-{self.key}"'
        return f'<section id="s-{self.key}"{style}{label}>{head}{self.body}</section>'


@cache
def script() -> str:
    """Return the page's own script."""
    return (resources.files("aster_ray.metrics") / "tearsheet.js").read_text(encoding="utf-8")


def compose(title: str, top: str, sections: Sequence[Section], data: Mapping[str, Any]) -> str:
    """Return a whole page; ``data`` is what its script reads.

    Nothing but the script below may run and nothing may be loaded or sent: the browser holds the
    page to it, whatever a name or a note in it contains.
    """
    code = script()
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    filled = [section for section in sections if section.body]
    links = "".join(f'<a href="#s-{section.key}">{escape(section.title)}</a>' for section in filled)
    # What is no text of ours must not end the element it stands in.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>\n{top}\n"
        f'<nav aria-label="sections">{links}</nav>\n'
        + "\n".join(str(section) for section in filled)
        + f'\n</main><script type="application/json" id="data">{text}</script>'
        f"<script>{code}</script></body></html>\n"
    )
