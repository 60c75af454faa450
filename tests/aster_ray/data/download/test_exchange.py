"""The download, the real client and a served exchange together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray.clock import ReplayClock
from aster_ray.data.catalog import Catalog
from aster_ray.data.download.report import DownloadReport
from aster_ray.data.download.request import DownloadRequest
from aster_ray.data.download.run import download
from aster_ray.data.ingest import verify_data
from aster_ray.data.library import SeriesKey
from aster_ray.data.request import MarketRequest
from aster_ray.data.source import load_market
from aster_ray.kernel.records import OPEN
from aster_ray.model.ids import MINUTE_MS
from tests.aster_ray.data.download.conftest import QUICK
from tests.aster_ray.data.download.exchange import (
    HOLE,
    LISTED,
    START_MS,
    a_recording,
    listed,
)

WHOLE = {"start": "2024-01-31", "end": "2024-02-01"}
MINUTES = {"timeframes": ("1m",), "kinds": ("bars",)}


def fetch(catalog: Path, faults: tuple[dict[str, Any], ...] = (), **how: Any) -> DownloadReport:
    """Download BTC and ETH from an exchange that may fail at first."""

    async def scenario() -> DownloadReport:
        exchange = {name: how.pop(name) for name in ("hole", "late", "config") if name in how}
        async with listed(**exchange) as (venue, client):
            for fault in faults:
                await venue.fault(**fault)
            request = DownloadRequest(
                catalog=catalog, **{"symbols": ("BTC", "ETH"), **WHOLE, **how}
            )
            clock, silent = ReplayClock(1), lambda _done, _total: None
            return await download(client, request, clock, silent, QUICK)

    return asyncio.run(scenario())


def test_what_is_downloaded_is_what_was_recorded(tmp_path: Path) -> None:
    report = fetch(tmp_path / "c", timeframes=("1m", "15m", "4h"))
    assert report.findings() == []
    assert report.exit_code("fail") == 0
    assert {(row.kind, row.timeframe): row.rows for row in report.series} == {
        ("bars", "1m"): 2880,
        ("bars", "15m"): 192,
        ("bars", "4h"): 12,
        ("mark", "1m"): 2880,
        ("mark", "15m"): 192,
        ("mark", "4h"): 12,
        ("funding", ""): 6,
    }
    assert len(report.checks) == 8
    recording = a_recording()
    catalog = Catalog(tmp_path / "c")
    for n, symbol in enumerate(recording.symbols):
        bars = catalog.bars(SeriesKey("aster", "um", symbol, "bars", "1m"), None, None)
        assert np.array_equal(bars.open_ms, recording.open_ms[:2880])
        assert np.array_equal(bars.values[:, :4], recording.bars[:2880, n, OPEN : OPEN + 4])
        assert np.array_equal(bars.values[:, 4], recording.volume[:2880, n])
        rates = catalog.funding(SeriesKey("aster", "um", symbol, "funding", ""))
        assert rates.rate.tolist() == [0.0003] * 6
    verify_data(str(tmp_path / "c"))
    market = load_market(MarketRequest(path=str(tmp_path / "c"), timeframe="15m"))
    assert market.missing == ()


FAULTS: list[dict[str, Any]] = [
    {"kind": "json", "status": 429, "code": -1003, "count": 1},
    {"kind": "json", "status": 503, "code": -1000, "count": 2},
    {"kind": "html", "status": 502, "count": 2},
    {"kind": "html", "status": 200, "count": 1},
    {"kind": "reset", "count": 2},
    {"kind": "lost_ack", "count": 2},
    {"kind": "slow", "seconds": 0.4, "count": 2},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']}{fault.get('status')}")
def test_a_venue_that_fails_now_and_then_costs_time_only(
    fault: dict[str, Any], tmp_path: Path
) -> None:
    faults = ({"skip": 3, "path": "/klines", **fault},)
    report = fetch(tmp_path / "c", faults, config={"timeout_s": 0.2}, **MINUTES, symbols=("BTC",))
    assert report.findings() == []
    assert report.series[0].rows == 2880
    # A cut connection is opened anew below us; all else is asked again by us.
    assert report.retries >= (0 if fault["kind"] in ("reset", "lost_ack") else fault["count"])


def test_a_hole_in_the_recording_is_a_gap_in_every_series_it_touches(tmp_path: Path) -> None:
    report = fetch(tmp_path / "c", hole=True, timeframes=("1m", "30m", "4h"), kinds=("bars",))
    rows = {(row.symbol, row.timeframe): row for row in report.series}
    first = START_MS + MINUTE_MS * HOLE.start
    assert rows["BTCUSDT", "1m"].gaps == ((first, 60),)
    assert rows["BTCUSDT", "30m"].gaps == ((START_MS + 4 * 30 * MINUTE_MS, 1),)
    assert rows["BTCUSDT", "4h"].gaps == ()
    assert rows["ETHUSDT", "1m"].gaps == ()
    assert report.exit_code("fail") == 1
    assert report.exit_code("report") == 0


def test_a_symbol_that_was_listed_later_begins_there(tmp_path: Path) -> None:
    report = fetch(tmp_path / "c", late=True, start="2023-12-15", timeframes=("1m", "1h"))
    rows = {(row.symbol, row.kind, row.timeframe): row for row in report.series}
    assert rows["ETHUSDT", "bars", "1m"].first_ms == START_MS + LISTED * MINUTE_MS
    assert rows["ETHUSDT", "mark", "1m"].first_ms == START_MS + LISTED * MINUTE_MS
    assert rows["ETHUSDT", "bars", "1m"].begins_late
    assert rows["BTCUSDT", "bars", "1m"].first_ms == START_MS
    assert report.findings() == []
    verify_data(str(tmp_path / "c"))


def test_the_venues_own_clock_decides_what_has_closed(tmp_path: Path) -> None:
    async def scenario() -> DownloadReport:
        async with listed() as (venue, client):
            # The exchange lives in its recording: let its clock say so.
            now_ms = START_MS + 600 * MINUTE_MS + 30_000
            real_ms = venue.desk.pace.wall_now_ms()
            await venue.control("POST", "clock", {"skew_ms": now_ms - real_ms})
            request = DownloadRequest(
                catalog=tmp_path / "c", start="2024-01-31", symbols=("BTC",), kinds=("bars",)
            )
            return await download(client, request, ReplayClock(1), lambda *_: None, QUICK)

    rows = {row.timeframe: row for row in asyncio.run(scenario()).series}
    assert rows["1m"].rows == 600
    assert rows["15m"].rows == 40
    assert rows["4h"].rows == 2
