"""The backtest: engine, replay and paper venue in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aster_ray.engine.core import Engine, run_close
from aster_ray.engine.strategy_desk import PreparedSignals
from aster_ray.metrics.files import write_run_files
from aster_ray.research.lookahead import refuse_look_ahead
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.record import Recorder, RunResult, finish
from aster_ray.research.request import RunRequest
from aster_ray.venues.replay import ReplayFeed

__all__ = ["RunResult", "run_backtest", "run_prepared", "write_run"]

Progress = Callable[[int, int], None]
_REPORT_EVERY = 2048


def run_backtest(request: RunRequest, progress: Progress | None = None) -> RunResult:
    """Run every close time of the requested market through one account, on paper.

    Args:
        request: what to run.
        progress: called with (closes done, closes in all) now and then.
    """
    prepared = prepare(request.on_paper())
    refuse_look_ahead(prepared)
    return run_prepared(prepared, progress)


def run_prepared(prepared: Prepared, progress: Progress | None = None) -> RunResult:
    """Run a market that is already in hand."""
    feed = ReplayFeed(prepared.market)
    venue = prepared.paper_venue()
    signals = PreparedSignals(prepared.strategies, prepared.market)
    engine = Engine(signals, prepared.risk_desk(), prepared.execution_desk())
    recorder = Recorder()
    for batch in feed.batches():
        recorder.add(*run_close(engine, venue, batch))
        if progress is not None and batch.seq % _REPORT_EVERY == 0:
            progress(batch.seq, len(feed))
    if progress is not None:
        progress(len(feed), len(feed))
    return finish(prepared, (engine.risk, engine.execution), recorder)


def write_run(result: RunResult, out: Path) -> Path:
    """Write report, tear sheet and tables into the run folder ``out``; all of them or none."""
    return write_run_files(result.report, result.facts, out)
