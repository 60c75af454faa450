"""Download market data of a venue into a catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from aster_ray.clock import Clock, monotonic_ns
from aster_ray.data.columns import BarTable, moment
from aster_ray.data.download.crosscheck import CrossCheck, compare_timeframes
from aster_ray.data.download.pages import Pages, Patience, SilentVenueError
from aster_ray.data.download.report import DownloadReport, describe
from aster_ray.data.download.request import DownloadRequest, choose_symbols
from aster_ray.data.download.series import SeriesDownload, Workbench
from aster_ray.data.download.store import Store
from aster_ray.data.library import FUNDING
from aster_ray.data.parts import make_directory, refuse_other_files, writing
from aster_ray.data.rules import readable
from aster_ray.engine.ports import MarketClient
from aster_ray.errors import BadInputError, DataError
from aster_ray.model.instrument import Instrument

Progress = Callable[[int, int], None]
# Somebody waits for the first answer; nobody does for the thousandth.
_FIRST_ATTEMPTS = 3


async def download(
    client: MarketClient,
    request: DownloadRequest,
    clock: Clock,
    progress: Progress,
    patience: Patience | None = None,
) -> DownloadReport:
    """Bring what is missing of the request into its catalog and report what is there then.

    Every chunk is stored when it has come; whoever stops this loses at most one per series.

    Args:
        client: the venue; its own budget limits the rate of requests.
        request: what is wanted.
        clock: dates the chunks; what has closed is told by the venue's clock.
        progress: is told about how many rows are done, of how many.
        patience: with a venue that does not answer.

    Raises:
        BadInputError: the venue cannot be reached, or does not have a symbol; nothing was changed.
        DataError: the place cannot be written, or another process writes into it.
    """
    began = monotonic_ns()
    refuse_other_files(request.catalog)
    pages = Pages(client, patience or Patience())
    rules, now_ms = await _greet(pages)
    symbols = choose_symbols(request.symbols, tuple(rules), client.name)
    keys = request.keys(client.name, symbols)
    work = [SeriesDownload(key, request.span(key, now_ms), request.recheck) for key in keys]
    if all(item.span[0] >= item.span[1] for item in work):
        raise DataError(
            f"nothing has closed between {moment(request.begin_ms)} and now, {moment(now_ms)} at "
            f"{client.name}; choose an earlier --from"
        )
    make_directory(request.catalog)
    with writing(request.catalog):
        store = Store(request.catalog, client.name)
        store.begin(keys)
        meter = _meter(work, store, progress)
        bench = Workbench(pages, store, clock, request.begin_ms, now_ms, meter)
        stopped = await _work(work, bench, request.parallel)
        series = tuple(describe(item, store) for item in work)
        checks = tuple(_cross_checks(work, store, rules))
    return DownloadReport(
        venue=client.name,
        begin_ms=request.begin_ms,
        end_ms=max(item.span[1] for item in work),
        series=series,
        checks=checks,
        stopped=stopped,
        requests=pages.requests,
        retries=pages.retries,
        rows_fetched=pages.rows,
        seconds=(monotonic_ns() - began) / 1e9,
    )


async def _greet(pages: Pages) -> tuple[dict[str, Instrument], int]:
    """Return the venue's contracts by name, and its time."""
    client = pages.client
    patience = replace(pages.patience, attempts=min(_FIRST_ATTEMPTS, pages.patience.attempts))
    try:
        now_ms = await pages.ask(client.server_time_ms, patience)
        rules = await pages.ask(client.instruments, patience)
    except SilentVenueError as error:
        raise BadInputError(
            f"venue {client.name} cannot be reached ({error}): check the network and the venue's "
            "address; nothing was changed"
        ) from error
    return {item.symbol: item for item in readable(rules)}, now_ms


def _meter(
    work: Sequence[SeriesDownload], store: Store, progress: Progress
) -> Callable[[float], None]:
    """Return what counts rows' worth of time for the progress of all series together."""
    total = sum(item.rows_in(item.todo(store)) for item in work)
    done = 0.0

    def advance(rows: float) -> None:
        nonlocal done
        done += rows
        progress(min(int(done), int(total)), int(total))

    return advance


async def _work(work: Sequence[SeriesDownload], bench: Workbench, parallel: int) -> str:
    """Download all series, some at a time; return why that ended early, empty if it did not."""
    turns = asyncio.Semaphore(parallel)

    async def one(item: SeriesDownload) -> None:
        async with turns:
            await item.run(bench)

    tasks = [asyncio.create_task(one(item)) for item in work]
    try:
        await asyncio.gather(*tasks)
    except SilentVenueError as error:
        return f"stopped: {error}. What was fetched is stored; the same command goes on from there"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await bench.end()
    return ""


def _cross_checks(
    work: Sequence[SeriesDownload], store: Store, rules: dict[str, Instrument]
) -> list[CrossCheck]:
    """Compare every timeframe of a symbol with the finest that was downloaded."""
    found = []
    bars = [item for item in work if item.key.kind != FUNDING and item.span[0] < item.span[1]]
    for name in dict.fromkeys((item.key.symbol, item.key.kind) for item in bars):
        mine = [item for item in bars if (item.key.symbol, item.key.kind) == name]
        mine.sort(key=lambda item: item.key.timeframe_ms)
        fine = store.rows(mine[0].key, mine[0].span)._replace(origin=mine[0].key.timeframe)
        for item in mine[1:]:
            coarse = store.rows(item.key, item.span)
            if isinstance(fine, BarTable) and isinstance(coarse, BarTable):
                found.append(compare_timeframes(fine, coarse, item.key, rules[name[0]]))
    return found
