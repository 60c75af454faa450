"""``aster strategy``: list, new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import output, tables
from aster_ray.cli.options import VerbOptions, verb

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class New(VerbOptions):
    """The strategy to begin."""

    name: Annotated[str, typer.Argument(help="Lower-case name, e.g. my_idea.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    verb(app, "list", VerbOptions)(list_)
    verb(app, "new", New)(new)


def list_(options: VerbOptions) -> None:
    """List the built-in strategies, their parameters and the bounds of each."""
    from aster_ray.strategies import registry

    payload = {"strategies": [_described(name, registry.load(name)) for name in registry.names()]}
    output.emit(options, payload, _table(payload), "strategies.json")


def new(options: New) -> None:
    """Write a commented strategy file to begin with; --out names the folder."""
    from aster_ray.strategies.template import write_template

    folder = options.out or Path()
    if options.out is not None:
        output.require_writable(options.out)
        options.out.mkdir(parents=True, exist_ok=True)
    path = write_template(options.name, folder)
    payload = {"file": str(path), "run": f"aster backtest --strategy {path}"}
    output.emit(
        options,
        payload,
        lambda console: console.print(f"wrote {path}; try: {payload['run']}", markup=False),
    )


def _described(name: str, strategy: Any) -> dict[str, Any]:
    doc = (type(strategy).__doc__ or "").strip().splitlines()
    return {
        "name": name,
        "summary": doc[0] if doc else "",
        "parameters": [asdict(parameter) for parameter in strategy.parameters],
    }


def _table(payload: Mapping[str, Any]) -> tables.Render:
    """Draw strategies and their parameters."""

    def render(console: Console) -> None:
        for strategy in payload["strategies"]:
            console.print(f"{strategy['name']}: {strategy['summary']}", markup=False)
            table = tables.grid(["parameter", "default", "low", "high", "meaning"])
            for item in strategy["parameters"]:
                numbers = (f"{item[key]:g}" for key in ("default", "low", "high"))
                table.add_row(item["name"], *numbers, item["doc"])
            console.print(table)

    return render
