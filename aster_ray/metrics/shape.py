"""Whether a report that was read has the shape a run gives it: what tables and readers rely on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aster_ray.errors import BadInputError

# Sections that are one table of plain values, and those that are a table per name.
_PLAIN = ("run", "period", "waterfall", "denials", "risk")
_NUMBERS = ("waterfall", "denials")
_TABLES = ("round_trips", "by_symbol", "by_strategy", "exit_reasons")
_SUMMARIES = ("strategy", "buy_and_hold")
_LISTS = ("symbols", "missing", "notes")
_INTEGERS = (("period", "bars"), ("risk", "liquidations"))


def check_shape(report: Mapping[str, Any]) -> None:
    """Raise BadInputError for the first thing that is not as ``build_report`` makes it."""
    for name in _PLAIN:
        _plain(_table(report, name), name)
    for section, key in _INTEGERS:
        if type(report[section].get(key)) is not int:
            raise BadInputError(f"{section}.{key} must be a whole number")
    for name in _TABLES:
        for key in _table(report, name):
            _numbers(_table(report[name], key, f"{name}."), f"{name}.{key}")
    summary = _table(report, "summary")
    for name in _SUMMARIES:
        _numbers(_table(summary, name, "summary."), f"summary.{name}")
    for name in _NUMBERS:
        _numbers(report[name], name)
    data = _table(report, "data")
    for name in _LISTS:
        values = data.get(name)
        if not isinstance(values, list) or not all(isinstance(text, str) for text in values):
            raise BadInputError(f"data.{name} must be a list of texts")
    _table(report, "config")
    if "session" in report:
        for name, value in _table(report, "session").items():
            if isinstance(value, Mapping):
                _session_group(value, f"session.{name}")
    _finite(report)


def _table(owner: Mapping[str, Any], name: str, prefix: str = "") -> Mapping[str, Any]:
    if name not in owner:
        raise BadInputError(f"section {prefix}{name} is missing")
    if not isinstance(owner[name], Mapping):
        raise BadInputError(f"{prefix}{name} must be a table, was {type(owner[name]).__name__}")
    found: Mapping[str, Any] = owner[name]
    return found


def _plain(table: Mapping[str, Any], name: str) -> None:
    for key, value in table.items():
        if isinstance(value, Mapping | list):
            raise BadInputError(f"{name}.{key} must be one value, was {type(value).__name__}")


def _numbers(table: Mapping[str, Any], name: str) -> None:
    """Check a table of numbers; what is undefined is null."""
    _plain(table, name)
    for key, value in table.items():
        if value is not None and type(value) not in (int, float):
            raise BadInputError(f"{name}.{key} must be a number, was {value!r}")


def _session_group(group: Mapping[str, Any], name: str) -> None:
    """Check plain values, tables of such, and lists of either, by name."""
    for key, value in group.items():
        rows = value if isinstance(value, list) else [value]
        for row in rows:
            if isinstance(row, Mapping):
                _plain(row, f"{name}.{key}")
            else:
                _plain({key: row}, name)


def _finite(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInputError("a number is too large to be one")
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            _finite(item)
