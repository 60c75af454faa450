"""The ``aster`` command: one file per group of verbs, nothing heavy loaded before a verb runs.

Every verb is non-interactive and knows --json, --config, --seed and --out. Exit codes: 0 done,
1 failed, 2 bad input or configuration, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from aster_ray.cli import (
    configuration,
    doctor,
    flatten,
    guides,
    history,
    live,
    market_data,
    operate,
    replay,
    runs,
    simulator,
    strategy,
)
from aster_ray.cli.process import as_process, run_app

__all__ = ["main"]


def build_app() -> typer.Typer:
    """Return the command with all its verbs."""
    app = typer.Typer(
        name="aster",
        help="Sweep, backtest, paper-trade: one decision path on crypto perpetual futures.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for group in (runs, live, operate, replay, flatten, history, doctor, simulator, guides):
        group.register(app)
    for name, group, summary in (
        ("data", market_data, "Download, import, verify and list market data."),
        ("config", configuration, "Show and check the configuration."),
        ("strategy", strategy, "List strategies or begin a new one."),
    ):
        child = typer.Typer(help=summary, rich_markup_mode=None)
        group.register(child)
        app.add_typer(child, name=name)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never a traceback for what a person can mend."""
    if argv is None:
        return as_process(lambda: main(sys.argv[1:]))
    return run_app(build_app(), "aster", list(argv) or ["--help"])
