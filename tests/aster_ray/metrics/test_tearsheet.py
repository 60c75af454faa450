from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from aster_ray.metrics.facts import RunFacts, no_fills
from aster_ray.metrics.report import build_report
from aster_ray.metrics.tearsheet import render
from aster_ray.metrics.wording import NOTHING
from tests.aster_ray.metrics.conftest import two_months

VOID = {"meta", "br", "line", "rect", "polyline", "polygon", "input"}


class Page(HTMLParser):
    """Collect tags and text; every element that opens must close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID or (tag == "rect" and not self.get_starttag_text().endswith("/>")):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(facts: RunFacts) -> tuple[str, Page]:
    html = render(build_report(facts), facts)
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return html, page


def test_page_is_well_formed_small_and_needs_nothing_else(facts: RunFacts) -> None:
    html, page = page_of(facts)
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "srcset", "action", "onload", "onclick", "onerror"}
    places = [value for name, value in page.attributes if name == "href"]
    assert places
    assert all(value and value.startswith("#") for value in places)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttp", html)
    assert len(html) < 300_000


def test_only_the_script_of_the_page_may_run_and_nothing_may_be_loaded(facts: RunFacts) -> None:
    html, page = page_of(facts)
    policy = next(value for _, value in page.attributes if value and "default-src" in value)
    code = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(code) == 1
    digest = base64.b64encode(hashlib.sha256(code[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )


def test_what_the_script_reads_is_the_run(facts: RunFacts) -> None:
    html, _ = page_of(facts)
    data = json.loads(re.findall(r'id="data">(.*?)</script>', html)[0])
    curve = data["tables"]["curve"]
    assert data["start"] + 60_000 * curve["ms"][-1] == facts.close_ms[-1]
    assert curve["equity"][-1] == round(facts.equity[-1], 2)
    assert set(data["candles"]) == {"BTCUSDT", "ETHUSDT"}
    assert len(data["candles"]["BTCUSDT"]["trips"]) == 29


def test_page_shows_every_part(facts: RunFacts) -> None:
    _, page = page_of(facts)
    for text in (
        "What to doubt",
        "Equity and drawdown",
        "buy and hold",
        "From gross to net",
        "Monthly returns",
        "Rolling Sharpe ratio",
        "Exposure",
        "Trades on candles",
        "Best and worst round trips",
        "Exit reasons",
        "take profit",
        "Who earned it",
        "By symbol",
        "By strategy",
        "Deepest drawdowns",
        "Daily returns",
        "Resampled paths",
        "ETHUSDT",
        "Open positions",
        "Denied by our own risk desk",
        "Costs assumed",
        "How it was made",
        "no funding recorded",
        "0123456789abcdef",
    ):
        assert text in page.text


def test_same_run_same_bytes(facts: RunFacts) -> None:
    assert page_of(facts)[0] == page_of(two_months())[0]


def test_text_from_outside_is_escaped() -> None:
    evil = "<script>alert('x')</script>"
    facts = two_months(
        notes=(evil,),
        denials={evil: 1},
        provenance={"run_id": evil, evil: evil},
        config={evil: evil},
        session={"hops": {evil: evil}},
    )
    market = replace(facts.market, symbols=(evil, "ETHUSDT"), missing=(evil,))
    sleeves = tuple((evil if name == "grid" else name, at) for name, at in facts.sleeves)
    html, page = page_of(replace(facts, market=market, sleeves=sleeves))
    assert html.count("<script") == 2  # the data and the page's own
    assert evil in page.text


def test_every_undefined_number_says_why(facts: RunFacts) -> None:
    still = replace(
        facts, fills=no_fills(), equity=np.full(len(facts.equity), facts.capital), notes=()
    )
    html, page = page_of(still)
    reasons = [value for name, value in page.attributes if name == "title"]
    assert "no round trip was closed" in reasons
    assert "returns never deviated, fewer than two of them, or equity reached zero" in reasons
    for dash in re.findall(rf"<(\w+)[^>]*>{NOTHING}<", html):
        assert dash in {"abbr", "td"}
    assert "None" not in page.text
    assert not re.search(r"\b(?:nan|inf)\b", page.text)


def test_page_of_a_run_without_bars_and_of_one_without_fills(facts: RunFacts) -> None:
    still = replace(
        facts, fills=no_fills(), equity=np.full(len(facts.equity), facts.capital), notes=()
    )
    _, page = page_of(still)
    assert "Exit reasons" not in page.text
    empty = np.empty(0)
    _, page = page_of(replace(still, close_ms=facts.close_ms[:0], equity=empty, gross=empty))
    assert "no tradable bar" in page.text


def test_halt_liquidation_and_broken_books_are_shouted(facts: RunFacts) -> None:
    equity = facts.equity.copy()
    equity[-1] += 5.0
    _, page = page_of(replace(facts, equity=equity, halted_ms=1_704_070_800_000, liquidations=1))
    assert "Trading halted at 2024-01-01 01:00 UTC." in page.text
    assert "1 liquidation(s)." in page.text
    assert "do not trust this run" in page.text
