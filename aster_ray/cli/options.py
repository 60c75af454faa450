"""Options shared by verbs: a dataclass per family, turned into a command's signature.

A verb is a function of one options object, so that adding an option touches one place.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from aster_ray.cli.streams import results_only

Options = TypeVar("Options", bound="VerbOptions")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbOptions:
    """What every verb knows."""

    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
    config: Annotated[
        Path | None, typer.Option(help="Configuration file; ./aster.toml if it is there.")
    ] = None
    seed: Annotated[int | None, typer.Option(help="Seed of everything drawn at random.")] = None
    out: Annotated[Path | None, typer.Option(help="Directory to write results to.")] = None
    settings: Annotated[
        list[str],
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Any setting; repeatable."),
    ] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOptions(VerbOptions):
    """Which bars."""

    data: Annotated[
        str | None, typer.Option(help="Folder or catalog of bars; none = the built-in market.")
    ] = None
    symbols: Annotated[str | None, typer.Option(help="E.g. BTC,ETH,SOL; none = all.")] = None
    timeframe: Annotated[str | None, typer.Option(help="1m 3m 5m 15m 30m 1h 4h.")] = None
    start: Annotated[str | None, typer.Option("--from", help="First day, UTC.")] = None
    end: Annotated[str | None, typer.Option("--to", help="Last day, UTC, included.")] = None
    gaps: Annotated[str | None, typer.Option(help="allow or forbid missing bars.")] = None
    warmup: Annotated[
        int | None, typer.Option(help="Least bars of warm-up; strategies may need more.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(MarketOptions):
    """What to trade, on which bars, with which strategies and limits."""

    strategy: Annotated[
        list[str], typer.Option(metavar="NAME|FILE.py:CLASS", help="Repeatable.")
    ] = field(default_factory=list)
    param: Annotated[
        list[str],
        typer.Option(metavar="[STRATEGY.]NAME=VALUE", help="Strategy parameter; repeatable."),
    ] = field(default_factory=list)
    risk: Annotated[str | None, typer.Option(help="standard, conservative, aggressive or off.")] = (
        None
    )
    capital: Annotated[float | None, typer.Option(help="Starting equity.")] = None


def verb(
    app: typer.Typer, name: str, kind: type[Options]
) -> Callable[[Callable[[Options], None]], Callable[[Options], None]]:
    """Register a function of one options object as a command with one option per field."""
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = dataclasses.fields(kind)

    def register(function: Callable[[Options], None]) -> Callable[[Options], None]:
        @functools.wraps(function)
        def command(**values: Any) -> None:
            # A repeatable option that was not given arrives as None.
            given = {
                item.name: [] if _is_list(item) and values[item.name] is None else values[item.name]
                for item in fields
            }
            with results_only():
                function(kind(**given))

        parameters = [
            inspect.Parameter(
                item.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_default(item),
                annotation=hints[item.name],
            )
            for item in fields
        ]
        setattr(command, "__signature__", inspect.Signature(parameters))  # noqa: B010 - untyped
        command.__annotations__ = {item.name: hints[item.name] for item in fields}
        del command.__wrapped__  # its signature is not the command's
        app.command(name)(command)
        return function

    return register


def _is_list(item: dataclasses.Field[Any]) -> bool:
    return item.default_factory is list


def _default(item: dataclasses.Field[Any]) -> Any:
    if item.default is not MISSING:
        return item.default
    return [] if _is_list(item) else inspect.Parameter.empty
