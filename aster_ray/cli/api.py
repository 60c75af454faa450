"""The same runs from Python: ``from aster_ray import backtest, sweep``.

>>> result = backtest("momentum", symbols="BTC,ETH", end="2025-05-31")  # doctest: +SKIP
>>> result.report["performance"]["sharpe"]  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aster_ray.config import Entry, read_assignments
from aster_ray.errors import ConfigError

if TYPE_CHECKING:
    from aster_ray.research.backtest import RunResult
    from aster_ray.research.request import RunRequest
    from aster_ray.research.sweep import SweepResult
    from aster_ray.settings import Settings

# Option of a run -> the setting it stands for.
OPTION_PATHS: Mapping[str, tuple[str, str]] = {
    "data": ("data", "path"),
    "symbols": ("data", "symbols"),
    "timeframe": ("data", "timeframe"),
    "start": ("data", "start"),
    "end": ("data", "end"),
    "gaps": ("data", "gaps"),
    "warmup": ("data", "warmup"),
    "risk": ("risk", "profile"),
    "capital": ("session", "capital"),
    "seed": ("session", "seed"),
    "speed": ("session", "speed"),
    "venue": ("venue", "name"),
}
# As they are spelled on the command line.
_FLAGS = {"start": "--from", "end": "--to"}


def load_settings(
    config: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    assignments: Iterable[str] = (),
    beneath: Sequence[Entry] = (),
) -> Settings:
    """Merge defaults, file, environment, ``section.key=value`` assignments and options.

    What lies ``beneath`` gives way to everything but the defaults.
    """
    from aster_ray import settings

    entries = read_assignments(assignments)
    for name, value in (options or {}).items():
        if name not in OPTION_PATHS:
            raise ConfigError([f"unknown option {name!r}; known are {', '.join(OPTION_PATHS)}"])
        if value is not None:
            plain = list(value) if isinstance(value, tuple) else value
            flag = _FLAGS.get(name, f"--{name}")
            if name == "symbols" and plain == "":
                # A variable of a script that is not set must not trade the whole market.
                raise ConfigError([f"{flag} is empty: name symbols, or leave it out for all"])
            entries.append(Entry(OPTION_PATHS[name], plain, flag, isinstance(value, str)))
    path = None if config is None else Path(config)
    return settings.load(path, os.environ, entries, beneath)


def request_run(strategies: Sequence[str], params: Sequence[str], settings: Settings) -> RunRequest:
    """Return a checked request for a run; an empty ``strategies`` takes the configured ones."""
    from aster_ray.research.request import build_request

    return build_request(settings, strategies, params)


def backtest(
    *strategies: str,
    params: Mapping[str, float] | None = None,
    settings: Mapping[str, Any] | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    **options: Any,
) -> RunResult:
    """Run a backtest, the same as ``aster backtest``.

    Args:
        strategies: names or FILE.py:Class; none = the configured ones.
        params: strategy parameters, ``{"fast": 12}`` or ``{"momentum.fast": 12}``.
        settings: any setting, ``{"risk.max_gross": 2.0}``.
        config: configuration file; ``./aster.toml`` if it is there.
        out: directory to write the report, the tear sheet and the tables to.
        options: data, symbols, timeframe, start, end, gaps, risk, capital, seed.
    """
    from aster_ray.metrics.files import check_run_folder
    from aster_ray.research.backtest import run_backtest, write_run

    if out is not None:
        check_run_folder(Path(out))
    effective = load_settings(config, options, _assigned(settings))
    result = run_backtest(request_run(strategies, _assigned(params), effective))
    if out is not None:
        write_run(result, Path(out))
    return result


def sweep(
    strategy: str,
    grid: Mapping[str, Sequence[float] | str],
    settings: Mapping[str, Any] | None = None,
    config: str | Path | None = None,
    **options: Any,
) -> SweepResult:
    """Try every combination of ``grid``, the same as ``aster sweep``.

    Args:
        strategy: a name or FILE.py:Class.
        grid: parameter -> values, or ``"8:24:4"`` (last value included).
        settings: any setting, ``{"costs.taker_fee": 0.0004}``.
        config: configuration file; ``./aster.toml`` if it is there.
        options: as for ``backtest``.
    """
    from aster_ray.research.grid import parse_grid
    from aster_ray.research.sweep import run_sweep

    texts = [
        f"{name}={values if isinstance(values, str) else ','.join(map(_number, values))}"
        for name, values in grid.items()
    ]
    effective = load_settings(config, options, _assigned(settings))
    request = request_run((strategy,), (), effective)
    return run_sweep(request, parse_grid(texts, request), lambda _done, _total: None)


def _number(value: float) -> str:
    return repr(float(value))  # a numpy number's own repr is no number


def _assigned(values: Mapping[str, Any] | None) -> list[str]:
    def text(value: Any) -> str:
        return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

    return [f"{name}={text(value)}" for name, value in (values or {}).items()]
