"""The latency figures as tables: the verdict, where the time goes, and memory."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.bench.latency import JUDGED, P50_MS, P99_MS, TIMES_FLOOR, Row


def show(console: Console, rows: Sequence[Row]) -> None:
    """Print everything; the bars are judged at the size they are promised for."""
    console.print(_verdicts(rows))
    console.print(_stages(rows))
    console.print(_memory(rows))


def _verdicts(rows: Sequence[Row]) -> Table:
    table = Table(title="bar close to order sent, four processes, lock-step off")
    table.add_column("")
    for row in rows:
        table.add_column(f"{row.symbols} symbols", justify="right", no_wrap=True)
    lines: dict[str, list[str]] = {
        "closes / of which with orders": [f"{row.closes:,} / {row.with_orders:,}" for row in rows],
        "p50 / p99 ms": [f"{row.p50:.2f} / {row.p99:.2f}" for row in rows],
        "floor p50 / p99 ms": [f"{row.floor_p50:.2f} / {row.floor_p99:.2f}" for row in rows],
        "of which one fsync p50 ms": [f"{row.fsync_p50:.2f}" for row in rows],
        "floors": [f"{row.times_floor:.2f}" for row in rows],
        "cores busy: machine / session / stolen by the host": [
            f"{row.machine_busy:.2f} / {row.session_busy:.2f} / {row.stolen:.2f}" for row in rows
        ],
    }
    for name, cells in lines.items():
        table.add_row(name, *cells)
    verdicts = ["[green]held[/green]" if row.held else "[red]MISSED[/red]" for row in rows]
    told = [
        verdict if row.symbols == JUDGED else ""
        for verdict, row in zip(verdicts, rows, strict=True)
    ]
    bar = f"p50 <= {P50_MS:g}, p99 <= {P99_MS:g}, <= {TIMES_FLOOR:g} floors"
    table.add_row(bar, *told)
    return table


def _stages(rows: Sequence[Row]) -> Table:
    """Hops hold pickling, the wire, queueing and the wake-up; the rest is work inside an actor."""
    table = Table(title="where the time goes: p50 / p99 in milliseconds")
    table.add_column("hop or stage")
    for row in rows:
        table.add_column(f"{row.symbols} symbols", justify="right", no_wrap=True, min_width=14)
    for part in ("hops", "stages"):
        names = dict.fromkeys(name for row in rows for name in getattr(row, part))
        for name in names:
            found = [getattr(row, part).get(name) for row in rows]
            shown = (f"{one['p50_ms']:.3f} / {one['p99_ms']:.2f}" if one else "" for one in found)
            table.add_row(name, *shown)
        table.add_section()
    return table


def _memory(rows: Sequence[Row]) -> Table:
    table = Table(title="memory: resident / shared with others / fair part, MiB")
    table.add_column("process")
    for row in rows:
        table.add_column(f"{row.symbols} symbols", justify="right", no_wrap=True)
    for place, role in enumerate(one.role for one in rows[0].memory):
        found = [row.memory[place] for row in rows if place < len(row.memory)]
        table.add_row(
            role, *(f"{m.resident:.0f} / {m.shared:.0f} / {m.proportional:.0f}" for m in found)
        )
    totals = [sum(one.proportional for one in row.memory) for row in rows]
    table.add_row("together", *(f"{total:.0f}" for total in totals))
    return table
