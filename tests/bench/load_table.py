"""The load figures as a table: the verdict, what was streamed, and who used the processors."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.bench.latency import P50_MS, P99_MS, TIMES_FLOOR
from tests.bench.load import UPDATES_A_SECOND, Row

_USUAL = 100  # closes from which on a percentile is more than the longest of them


def show(console: Console, row: Row) -> None:
    """Print it beside its bars."""
    title = f"streams to orders at a simulated exchange, {row.contracts} contracts"
    table = Table(title=f"{title}, {row.seconds:.0f} s")
    table.add_column("")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("bar", no_wrap=True)
    for name, cell, verdict in (*_latency(row), *_streams(row), *_processors(row)):
        table.add_row(name, cell, verdict)
    console.print(table)
    console.print(_stages(row))


def _latency(row: Row) -> list[tuple[str, str, str]]:
    longest = " (the longest)" if row.closes < _USUAL else ""
    judged = "" if row.told else "[red]too few[/red]"
    return [
        ("closes judged / with orders", f"{row.closes:,} / {row.with_orders:,}", judged),
        ("closes left out: at the start / not idle", f"{row.at_start:,} / {row.together:,}", ""),
        ("orders / fills / bars left out", f"{row.orders:,} / {row.fills:,} / {row.left_out}", ""),
        (
            f"bar close to order sent, p99{longest} ms",
            f"{row.p99:.2f}",
            f"<= {P99_MS:g}: {_verdict(row.held_p99)}",
        ),
        (
            "bar close to order sent, p50 ms",
            f"{row.p50:.2f}",
            f"<= {P50_MS:g}: {_verdict(row.held_p50)}",
        ),
        ("p99 with those not idle", f"{row.later_p99:.2f}", ""),
        (
            f"floor beside the streams ({row.bare:,} closes), p50 / p99 ms",
            f"{row.bare_p50:.2f} / {row.bare_p99:.2f}",
            "",
        ),
        (
            "floors by p50 / by p99",
            f"{row.floors_p50:.2f} / {row.floors_p99:.2f}",
            f"<= {TIMES_FLOOR:g}: {_verdict(row.held_floors)}",
        ),
        (
            "floor with nothing beside it, p50 / p99 ms",
            f"{row.floor_p50:.2f} / {row.floor_p99:.2f}",
            "",
        ),
        (
            "before it: bar over to confirmed by REST, p50 / p99 ms",
            f"{row.confirmed_p50:.0f} / {row.confirmed_p99:.0f}",
            "",
        ),
    ]


def _streams(row: Row) -> list[tuple[str, str, str]]:
    total = row.updates
    lines = [
        (
            "updates a second and contract / slowest",
            f"{total.average:.2f} / {total.least:.2f}",
            f">= {UPDATES_A_SECOND:g}: {_verdict(row.paced)}",
        )
    ]
    for kind, rate in row.rates.items():
        lines.append((f"  of which {kind}", f"{rate.average:.2f} / {rate.least:.2f}", ""))
    return lines


def _processors(row: Row) -> list[tuple[str, str, str]]:
    return [(f"cores busy: {name}", f"{cores:.2f}", "") for name, cores in row.busy.items()]


def _stages(row: Row) -> Table:
    """Of every close, those of the start too."""
    table = Table(title="where the time goes, all closes: p50 / p99 in milliseconds")
    table.add_column("hop or stage")
    table.add_column("", justify="right", no_wrap=True)
    for found in (row.hops, row.stages):
        for name, one in found.items():
            table.add_row(name, f"{one['p50_ms']:.3f} / {one['p99_ms']:.2f}")
        table.add_section()
    return table


def _verdict(held: bool) -> str:
    return "[green]held[/green]" if held else "[red]MISSED[/red]"
