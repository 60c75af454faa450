from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray.metrics.facts import ORDER_COLUMNS, RunFacts
from aster_ray.model.enums import ExitReason, FillKind
from tests.aster_ray.metrics.accounts import Ledger, flat_market

Browse = Callable[..., AbstractContextManager[Any]]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
START_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z


def two_months(length: int = 60, **changes: Any) -> RunFacts:
    """Sixty days of two symbols: trips every day, a ladder, funding, something left open."""
    days = np.arange(length * 24)[:, None]
    closes = 100.0 + 10.0 * np.sin(days / 40.0 + np.arange(2)) + days / 100.0
    market = flat_market(closes)
    market = replace(market, symbols=("BTCUSDT", "ETHUSDT"), open_ms=market.open_ms + START_MS)
    book = Ledger(market, ("momentum", "grid"))
    for day in range(0, length - 2, 2):
        row, side = day * 24, 1 if day % 4 else -1
        entry, leave = float(closes[row, 0]), float(closes[row + 20, 0])
        book.fill(row, 0, 4 * side, entry, fee=0.1, slippage=0.05)
        book.fund(row + 8, 0, 4 * side, 0.01)
        gain = 4 * side * 0.5 * (leave - entry)
        reason = ExitReason.TAKE_PROFIT if gain > 0 else ExitReason.STOP_LOSS
        book.fill(row + 20, 0, -4 * side, leave, fee=0.1, slippage=0.05, reason=reason)
    book.fill(1_400, 3, 2, float(closes[1_400, 1]), level=1, kind=FillKind.LADDER_ENTRY, fee=0.02)
    order = [
        "o1",
        START_MS,
        "BTCUSDT",
        "momentum",
        "market",
        "buy",
        4,
        None,
        "filled",
        4,
        100.0,
        "",
    ]
    defaults: dict[str, Any] = {
        "orders": {name: [value] for name, value in zip(ORDER_COLUMNS, order, strict=True)},
        "denials": {"no_edge": 1, "drawdown": 3, "margin": 0},
        "notes": ("ETHUSDT: no funding recorded",),
        "provenance": {"seed": "7", "run_id": "0123456789abcdef", "data": "d"},
    }
    return book.facts(**(defaults | changes))


@pytest.fixture(scope="session")
def facts() -> RunFacts:
    return two_months()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start one headless browser for every page of a module that is looked at.

    No longer than that: while it lives, its driver leaves an event loop marked as running in this
    thread, and a later test could not start its own.
    """
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("chromium is absent: install it to see pages drawn")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Any) -> Browse:
    """Return a way to open a file; whatever it complains of or asks for fails the test."""

    @contextmanager
    def open_page(file: Path, width: int, **options: Any) -> Iterator[Any]:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        page = context.new_page()
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: told.append(request.url))
        page.goto(file.as_uri())
        yield page
        context.close()
        assert told == [file.as_uri()]

    return open_page
