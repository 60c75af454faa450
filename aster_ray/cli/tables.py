"""Results as tables for people: every function returns what draws one on a console."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aster_ray.cli.books import show_books
from aster_ray.metrics.wording import FRACTIONS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Render = Callable[["Console"], None]

NONE = "-"
_HOUR_MS = 3_600_000
# What every row of execution has, and of what its cost may be made.
_COSTS = ("orders", "notional", "filled", "total", "total_bps")
_COST_PARTS = ("maker", "fees_bps", "delay_bps", "spread_bps", "impact_bps", "opportunity_bps")


def run_table(report: Mapping[str, Any], folder: Path) -> Render:
    """Draw the report of a backtest or a session; ``folder`` is where the files are."""

    def render(console: Console) -> None:
        _heading(console, report)
        _summary(console, report.get("summary", {}))
        _waterfall(console, report.get("waterfall", {}))
        _groups(console, "strategy", report.get("by_strategy", {}))
        _groups(console, "symbol", report.get("by_symbol", {}))
        reasons = {
            name: row.get("round_trips", 0)
            for name, row in report.get("exit_reasons", {}).items()
            if isinstance(row, Mapping)
        }
        _counts(console, "exits", reasons)
        _counts(console, "denied", report.get("denials", {}))
        _counts(console, "liquidations", {"": report.get("risk", {}).get("liquidations", 0)})
        _session(console, report.get("session", {}))
        data = report.get("data", {})
        for note in (*data.get("missing", ()), *data.get("notes", ())):
            console.print(f"note: {note}", markup=False)
        halted = report.get("risk", {}).get("halted_at")
        if halted:
            console.print(f"halted at {halted}", markup=False)
        console.print(f"written to {folder}", markup=False)

    return render


def sweep_table(payload: Mapping[str, Any], names: Sequence[str], top: int) -> Render:
    """Draw the best sets of a sweep."""
    rows = payload["rows"][:top]

    def render(console: Console) -> None:
        columns = list(rows[0]) if rows else list(names)
        table = grid(columns)
        for row in rows:
            table.add_row(
                *(f"{row[key]:g}" if key in names else _measure(key, row[key]) for key in columns)
            )
        console.print(table)
        console.print(f"{payload['sets']} sets, by {payload['metric']}", markup=False)
        if rows and "warmup" in payload:
            best = " ".join(f"--param {name}={rows[0][name]:.12g}" for name in names)
            console.print(
                f"all sets see the same bars, from {payload['anchor']}, {payload['warmup']:,} of "
                f"them as warm-up; the first row again, to the bit: aster backtest {best} "
                f"--warmup {payload['warmup']} and the other options of this sweep",
                markup=False,
            )
        if len(payload["rows"]) > 1 and "selection" not in payload:
            console.print(
                f"the best of {payload['sets']} is better than it will be: `python -m tune.sweep "
                "--holdout 0.25` says what luck alone would show and how it does on later bars",
                markup=False,
            )

    return render


def comparison_table(payload: Mapping[str, Any], folder: Path) -> Render:
    """Draw runs side by side; below each other run's number its difference from the first."""

    def render(console: Console) -> None:
        period = payload["period"]
        console.print(f"{period['from']} to {period['to']}, {payload['measured_over']}")
        names = [run["name"] for run in payload["runs"]]
        columns = [names[0], *(part for name in names[1:] for part in (name, "difference"))]
        table = grid(["", *columns])
        for name, row in payload["measures"].items():
            cells = [_measure(name, row["values"][0])]
            for value, change in zip(row["values"][1:], row["differences"], strict=True):
                cells += [_measure(name, value), _difference(name, change)]
            table.add_row(_words(name), *cells)
        console.print(table)
        for row in payload["beside_first"]:
            console.print(_luck(names[0], row), markup=False)
        for warning in payload["warnings"]:
            console.print(f"warning: {warning}", markup=False)
        console.print(f"written to {folder}", markup=False)

    return render


def _difference(name: str, change: float | None) -> str:
    if change is None:
        return NONE
    sign = "-" if change < 0 else "+" if change > 0 else ""
    if name in FRACTIONS:
        return f"{sign}{abs(change) * 100:.2f} points"
    return sign + _measure(name, abs(change))


def _luck(first: str, row: Mapping[str, Any]) -> str:
    """Say whether a difference of Sharpe ratios can be told from luck."""
    gap, interval = row["daily_sharpe_difference"], row["interval"]
    if gap is None or interval is None:
        return f"{row['name']} less {first}: {row['undefined']}"
    holds = interval["low"] <= 0.0 <= interval["high"]
    verdict = "cannot be told from luck" if holds else "more than luck"
    return (
        f"{row['name']} less {first}: daily Sharpe {gap:+.2f} "
        f"(95 % interval {interval['low']:.2f} to {interval['high']:.2f}), {verdict}"
    )


def quality_table(payload: Mapping[str, Any]) -> Render:
    """Draw the quality of series after an import or a check."""

    def render(console: Console) -> None:
        table = grid(["series", "rows", "from", "to", "missing", "findings"])
        for series in payload["series"]:
            findings = "; ".join(series["warnings"]) or "none"
            extent = (moment(series["first_ms"]), moment(series["last_ms"]))
            missing = str(series["missing_bars"])
            table.add_row(series["origin"], f"{series['rows']:,}", *extent, missing, findings)
        console.print(table)
        _ignored(console, payload)

    return render


def series_table(payload: Mapping[str, Any]) -> Render:
    """Draw what a place holds."""

    def render(console: Console) -> None:
        table = grid(["venue", "market", "symbol", "kind", "timeframe", "rows", "from", "to"])
        for series in payload["series"]:
            name = (series[key] for key in ("venue", "market", "symbol", "kind", "timeframe"))
            extent = (moment(series["first_ms"]), moment(series["last_ms"]))
            table.add_row(*name, f"{series['rows']:,}", *extent)
        console.print(table)
        _ignored(console, payload)

    return render


def _heading(console: Console, report: Mapping[str, Any]) -> None:
    run, period = report.get("run", {}), report.get("period", {})
    symbols = ", ".join(report.get("data", {}).get("symbols", ()))
    console.print(f"run {run.get('run_id', NONE)}: {symbols}", markup=False)
    console.print(
        f"{period.get('from', NONE)} to {period.get('to', NONE)}, {period.get('bars', 0):,} bars",
        markup=False,
    )


def _summary(console: Console, summary: Mapping[str, Any]) -> None:
    strategy, held = summary.get("strategy", {}), summary.get("buy_and_hold", {})
    table = grid(["", "strategy", "buy and hold"])
    for name, value in strategy.items():
        table.add_row(_words(name), _measure(name, value), _measure(name, held.get(name)))
    console.print(table)


def _waterfall(console: Console, steps: Mapping[str, Any]) -> None:
    names = ("gross", "slippage", "fees", "funding", "net")
    parts = [f"{name} {_measure(name, steps.get(name))}" for name in names if name in steps]
    if parts:
        console.print("profit: " + " -> ".join(parts), markup=False)


def _groups(console: Console, title: str, groups: Mapping[str, Mapping[str, Any]]) -> None:
    if not groups:
        return
    columns = ("round_trips", "win_rate", "profit_factor", "traded", "fees", "funding", "net")
    table = grid([title, *columns])
    for name, row in groups.items():
        table.add_row(name, *(_measure(column, row.get(column)) for column in columns))
    console.print(table)


def _counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    parts = [f"{name} {count}".strip() for name, count in counts.items() if count]
    if parts:
        console.print(f"{title}: {', '.join(parts)}", markup=False)


def _session(console: Console, session: Mapping[str, Any]) -> None:
    """Draw what a paper session adds: a table per group of numbers, a line per single number."""
    for name, value in session.items():
        if name == "exchange":
            show_books(console, value)
        elif name == "execution":
            _executions(console, value)
        elif isinstance(value, Mapping) and any(isinstance(row, Mapping) for row in value.values()):
            rows = {key: row for key, row in value.items() if isinstance(row, Mapping)}
            columns = list(dict.fromkeys(column for row in rows.values() for column in row))
            table = grid([_words(name), *map(_words, columns)])
            for key, row in rows.items():
                table.add_row(key, *(_measure(column, row.get(column)) for column in columns))
            console.print(table)
        elif isinstance(value, Mapping):
            parts = ", ".join(f"{_words(key)} {_measure(key, item)}" for key, item in value.items())
            console.print(f"{_words(name)}: {parts or 'none'}", markup=False)
        elif not isinstance(value, list):
            console.print(f"{_words(name)}: {_measure(name, value)}", markup=False)


def _executions(console: Console, found: Mapping[str, Any]) -> None:
    """Draw what executions cost; a part that is nothing in every row takes no column."""
    rows = {key: row for key, row in found.items() if isinstance(row, Mapping)}
    parts = [name for name in _COST_PARTS if any(row.get(name) for row in rows.values())]
    columns = (*_COSTS, *parts)
    table = grid(["execution", *columns, "mean bps (95 %)"])
    for key, row in rows.items():
        mean, low, high = (
            _measure(name, row.get(name)) for name in ("mean_bps", "mean_low_bps", "mean_high_bps")
        )
        if low != NONE:
            mean += f" ({low} to {high})"
        table.add_row(key, *(_cost(name, row.get(name)) for name in columns), mean)
    if rows:
        console.print(table)


def _cost(name: str, value: Any) -> str:
    if value is None or name not in ("filled", "maker"):
        return _measure(name, value)
    return f"{value:.2%}"


def _ignored(console: Console, payload: Mapping[str, Any]) -> None:
    for item in payload["ignored"]:
        parts = ": ".join(str(value) for value in item.values())
        console.print(f"ignored {parts}", markup=False)


def grid(columns: Sequence[str]) -> Table:
    """Return an empty table with these columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        is_text = index == 0 or column in ("findings", "meaning")
        # Where a terminal is too narrow a number goes on below: cut, it would be another number.
        table.add_column(_words(column), justify="left" if is_text else "right", overflow="fold")
    return table


def _words(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ")


def _measure(name: str, value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool | str):
        return str(value)
    if name.endswith("_ms") and isinstance(value, int | float):
        return _duration(value)
    if name in FRACTIONS:
        return f"{value:.2%}"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if abs(value) >= 1.0 or value == 0 else f"{value:.4g}"


def _duration(ms: float) -> str:
    hours = ms / _HOUR_MS
    if hours < 1.0:
        return f"{ms:.2f} ms" if ms < 10_000 else f"{ms / 1e3:,.1f} s"
    return f"{hours:.1f} h" if hours < 48.0 else f"{hours / 24:.1f} d"


def moment(ms: int) -> str:
    """Return a UTC time to the minute."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
