"""The benchmarks of this repository: ``python -m tests.bench`` or ``make bench``.

Equality with vectorbt comes first; nothing is timed when it fails. Exit code 1 means broken
equality or a peer that was held back; a missed bar is printed and is no failure, for a busy
machine misses it too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import engine, equality, latency, latency_tables, load, load_table, sweep
from tests.bench.timing import machine

PARTS = ("equality", "sweep", "engine", "latency", "load")
ALONE = ("latency", "load")  # nothing of these is vectorbt's
FULL = {
    "bars": 100_000,
    "sets": 1_000,
    "repeats": 5,
    "engine_bars": 100_000,
    "closes": 1_000,
    "load_closes": 300,
}
SIZES = (6, 50, 200)  # symbols
HISTORY = "ASTER__STORE__HISTORY"
QUICK = {
    "bars": 20_000,
    "sets": 64,
    "repeats": 3,
    "engine_bars": 10_000,
    "closes": 200,
    "load_closes": 20,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: a smoke test")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no table")
    parser.add_argument(
        "--only",
        choices=PARTS,
        help="one part; equality comes first, except before latency and load",
    )
    parser.add_argument("--load-closes", type=int, help="of the load part; one takes two seconds")
    parser.add_argument("--load-contracts", type=int, default=load.CONTRACTS)
    parser.add_argument(
        "--no-history", action="store_true", help="sessions of latency and load keep no history"
    )
    chosen = parser.parse_args(arguments)
    size = dict(QUICK if chosen.quick else FULL)
    size["load_closes"] = chosen.load_closes or size["load_closes"]
    console = Console(stderr=chosen.json)
    report: dict[str, Any] = {"machine": machine(), "size": size}
    _facts(console, report["machine"])
    failed = chosen.only not in ALONE and not _equal(console, report)
    if not failed and chosen.only in (None, "sweep"):
        rows = sweep.run(size["bars"], size["sets"], size["repeats"])
        report["sweep"] = [row._asdict() | {"held": row.held} for row in rows]
        _sweep(console, rows)
        failed = _held_back(console, rows, chosen.quick)
    if not failed and chosen.only in (None, "engine"):
        found = engine.run(size["engine_bars"], size["repeats"])
        report["engine"] = found._asdict() | {"ratio": found.ratio, "held": found.held}
        _engine(console, found)
    if chosen.no_history:  # the node's processes learn it as in any session
        os.environ[HISTORY] = "false"
    if chosen.only in (None, *ALONE):
        report["history"] = not chosen.no_history
    if not failed and chosen.only in (None, "latency"):
        closes = latency.run(SIZES, size["closes"])
        report["latency"] = [row.plain() for row in closes]
        latency_tables.show(console, closes)
    if not failed and chosen.only in (None, "load"):
        streamed = load.run(chosen.load_contracts, size["load_closes"])
        report["load"] = streamed.plain()
        load_table.show(console, streamed)
    report["load_average_after"] = machine()["load_average"]
    console.print(f"load average afterwards: {report['load_average_after']}", highlight=False)
    if chosen.json:
        print(json.dumps(report, indent=2))
    return int(failed)


def _equal(console: Console, report: dict[str, Any]) -> bool:
    """Return whether our trades are those of vectorbt."""
    compared = equality.check(20_000, 8)
    report["equality"] = [found._asdict() for found in compared]
    _equality(console, compared)
    failed = any(found.differences for found in compared)
    if failed:
        console.print("[red]not equal: nothing is timed[/red]")
    return not failed


def _held_back(console: Console, rows: Sequence[sweep.Row], quick: bool) -> bool:
    """Say whether vectorbt ran slower than it can; a quick run is too short to tell."""
    slow = [row for row in rows if row.sandbagged]
    for row in slow:
        console.print(
            f"[red]{row.strategy}: vectorbt ran {row.vectorbt:.2f} M bar-sets/s, below "
            f"{sweep.LEAST_PEER}: it was held back, so no ratio counts[/red]"
        )
    return bool(slow) and not quick


def _verdict(held: bool) -> str:
    return "[green]held[/green]" if held else "[red]MISSED[/red]"


def _facts(console: Console, facts: dict[str, Any]) -> None:
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)


def _equality(console: Console, compared: Sequence[equality.Equality]) -> None:
    table = Table(title="the same trades and PnL as vectorbt (relative 1e-9)")
    for name in ("strategy", "market", "sets", "long trips", "short trips", "differences"):
        left = name in ("strategy", "market")
        table.add_column(name, justify="left" if left else "right", no_wrap=left)
    for found in compared:
        numbers = (found.sets, found.longs, found.shorts, len(found.differences))
        table.add_row(found.strategy, found.source, *(f"{number:,}" for number in numbers))
    console.print(table)
    for found in compared:
        for text in found.differences[:5]:
            console.print(f"[red]{found.strategy}, {found.source}: {text}[/red]", highlight=False)


def _sweep(console: Console, rows: Sequence[sweep.Row]) -> None:
    first = rows[0]
    title = f"sweep, {first.sets:,} sets x {first.bars:,} bars of {first.source}"
    table = Table(title=f"{title}: million bar-sets per second")
    table.add_column("strategy", no_wrap=True)
    for name in ("ours", "vectorbt", "ratio", "CPU ratio", "trips", "its trips"):
        table.add_column(name, justify="right")
    table.add_column(f">= {sweep.BAR:.0f}x")
    for row in rows:
        numbers = (row.ours, row.vectorbt, row.ratio, row.cpu_ratio, row.trips, row.peer_trips)
        table.add_row(row.strategy, *(f"{number:,.1f}" for number in numbers), _verdict(row.held))
    console.print(table)
    console.print("vectorbt has a warm process per core; in one process, as a call of it runs:")
    for row in rows:
        times = row.ours / row.single
        console.print(f"  {row.strategy} {row.single:,.1f}, ratio {times:,.1f}", highlight=False)


def _engine(console: Console, row: engine.Row) -> None:
    table = Table(title=f"event engine, {row.bars:,} bars of {row.source}: bars per second")
    table.add_column("")
    for name in ("ours", "backtesting.py", "ratio"):
        table.add_column(name, justify="right")
    table.add_column(f">= {engine.BAR:,.0f} bars/s")
    full = (row.ours_full, row.backtesting_full, row.ours_full / row.backtesting_full)
    for name, numbers, verdict in (
        ("events alone", (row.ours, row.backtesting, row.ratio), _verdict(row.held)),
        ("with report or statistics", full, ""),
    ):
        *speeds, ratio = numbers
        table.add_row(name, *(f"{speed:,.0f}" for speed in speeds), f"{ratio:.2f}", verdict)
    table.add_row("round trips", f"{row.trips:,}", f"{row.peer_trips:,}", "", "")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
