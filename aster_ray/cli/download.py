"""``aster data download``: bars, mark prices and funding of a venue into a catalog."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import api, output, tables
from aster_ray.cli.options import VerbOptions, verb
from aster_ray.errors import BadInputError

if TYPE_CHECKING:
    from rich.console import Console

    from aster_ray.data.download.report import DownloadReport
    from aster_ray.data.download.request import DownloadRequest
    from aster_ray.settings import Settings

_CATALOG = "catalog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(VerbOptions):
    """What to download, and where to."""

    venue: Annotated[
        str | None, typer.Option(help="aster, or ccxt's name of another: binanceusdm, bybit, ...")
    ] = None
    symbols: Annotated[str | None, typer.Option(help="E.g. BTC,ETH; or all.")] = None
    start: Annotated[str | None, typer.Option("--from", help="First day, UTC.")] = None
    end: Annotated[
        str | None, typer.Option("--to", help="Last day, UTC, included; none = up to now.")
    ] = None
    timeframes: Annotated[str, typer.Option(help="E.g. 1m,4h; or all seven.")] = "all"
    kinds: Annotated[str, typer.Option(help="Of bars,mark,funding; or all.")] = "all"
    catalog: Annotated[
        str | None, typer.Option(help="Directory; none = the configured data, else ./catalog.")
    ] = None
    gaps: Annotated[
        str, typer.Option(help="fail or report: how it ends where the venue lacks bars.")
    ] = "fail"
    parallel: Annotated[int, typer.Option(help="Series fetched at a time.")] = 4
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Ask for everything again and compare.")
    ] = False


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "download", Download)(download)


def download(options: Download) -> None:
    """Download bars, mark prices and funding into a catalog; it goes on where it stopped."""
    from aster_ray.data.download.report import GAP_RULES

    if options.gaps not in GAP_RULES:
        raise BadInputError(f"--gaps must be {' or '.join(GAP_RULES)}, was {options.gaps!r}")
    if options.out is not None:
        output.require_writable(options.out)
    settings = _settings(options)
    request = _request(options, settings)
    with output.progress(options, "download") as progress:
        report = asyncio.run(_download(settings, request, progress))
    payload = {
        "catalog": str(request.catalog),
        "bars_per_s_at_most": _bound(settings),
        **report.as_dict(),
    }
    output.emit(options, payload, _table(payload), "download.json")
    code = report.exit_code(options.gaps)
    if code:
        raise typer.Exit(code)


def _settings(options: Download) -> Settings:
    everything = (options.symbols or "").strip().lower() == "all"
    given = {
        "venue": options.venue,
        "symbols": None if everything else options.symbols,
        "start": options.start,
        "end": options.end,
        "seed": options.seed,
    }
    settings = api.load_settings(options.config, given, options.settings)
    if not (everything or settings.data.symbols):
        raise BadInputError("no symbols: name them with --symbols BTC,ETH, or --symbols all")
    return settings


def _request(options: Download, settings: Settings) -> DownloadRequest:
    from aster_ray.data.download.request import DownloadRequest, read_kinds, read_timeframes

    everything = (options.symbols or "").strip().lower() == "all"
    return DownloadRequest(
        catalog=Path(options.catalog or settings.data.path or _CATALOG),
        start=settings.data.start,
        end=settings.data.end,
        symbols=() if everything else settings.data.symbols,
        timeframes=read_timeframes(options.timeframes),
        kinds=read_kinds(options.kinds),
        parallel=options.parallel,
        recheck=options.recheck,
    )


async def _download(
    settings: Settings, request: DownloadRequest, progress: output.Progress
) -> DownloadReport:
    from aster_ray.clock import LiveClock
    from aster_ray.data.download.run import download as run
    from aster_ray.research.live import budget_at
    from aster_ray.store.config import Places
    from aster_ray.venues.connect import connect_market
    from aster_ray.venues.credentials import read_credentials

    client = connect_market(
        settings.venue,
        read_credentials(settings.venue, os.environ),
        shared=budget_at(settings.venue, Places(settings.store, settings.redis)),
    )
    try:
        return await run(client, request, LiveClock(), progress)
    finally:
        await client.close()


def _bound(settings: Settings) -> float | None:
    """Return what the request budget allows, where the venue's weights are known."""
    from aster_ray.data.download.pages import BAR_PAGE
    from aster_ray.venues.aster.weights import weigh
    from aster_ray.venues.config import ASTER

    if settings.venue.name != ASTER:
        return None
    weight = weigh("GET", "/klines", {"limit": BAR_PAGE})
    return BAR_PAGE * settings.venue.weight_per_minute / weight / 60.0


def _table(payload: Mapping[str, Any]) -> Callable[[Console], None]:
    """Draw what is there after a download and what is missing."""

    def render(console: Console) -> None:
        columns = ["series", "rows", "from", "to", "added", "missing"]
        table = tables.grid(columns)
        for row in payload["series"]:
            name = " ".join(filter(None, (row["symbol"], row["kind"], row["timeframe"])))
            extent = [
                tables.moment(row[end]) if row[end] >= 0 else tables.NONE
                for end in ("first_ms", "last_ms")
            ]
            counts = f"{row['added']:,}", f"{row['missing_bars']:,}"
            table.add_row(name, f"{row['rows']:,}", *extent, *counts)
        console.print(table)
        compared = sum(check["compared"] for check in payload["checks"])
        if compared:
            differing = sum(check["differing"] for check in payload["checks"])
            console.print(f"{compared:,} longer bars held against the finest: {differing:,} differ")
        for finding in payload["findings"]:
            console.print(f"finding: {finding}")
        pace = payload["rows_fetched"] / max(payload["seconds"], 1e-9)
        console.print(
            f"{payload['rows_fetched']:,} rows by {payload['requests']:,} requests in "
            f"{payload['seconds']:.1f} s ({pace:,.0f} rows/s), {payload['retries']:,} repeated"
        )
        bound = payload["bars_per_s_at_most"]
        if bound is not None:
            console.print(f"the request budget allows {bound:,.0f} bars/s at most")
        console.print(f"in {payload['catalog']}: use it with --data {payload['catalog']}")

    return render
