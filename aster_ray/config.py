"""Configuration: merge, coerce, check, and report every problem at once.

This module knows no section. Sections are frozen dataclasses beside the component they configure;
``aster_ray.settings`` assembles them. Later sources win, key by key:
defaults < preset of the section < ``aster.toml`` < ``ASTER__SECTION__KEY`` < command options.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import tomllib
import types
import typing
from collections import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from aster_ray.errors import ConfigError

ENVIRONMENT_PREFIX = "ASTER__"
MASK = "***"

_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}
_EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
}


class Section(Protocol):
    """A frozen, slotted, keyword-only dataclass that can judge its own values.

    Two class variables are optional: ``PRESETS`` maps a value of the field named by ``PRESET_KEY``
    to keys that lie below every explicit one. Field metadata: ``tables`` (bool) collects unknown
    sub-tables, ``keys`` rewrites a table's keys, ``identity=False`` keeps a field out of digests.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def problems(self) -> list[str]:
        """Return one sentence per value out of range, each naming key, value and remedy."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Text that shows itself only where ``value`` is asked for."""

    value: str = ""

    def __repr__(self) -> str:
        return f"Secret({MASK})" if self.value else "Secret()"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Entry:
    """One value on its way into a section; ``origin`` is how messages name the place it is from."""

    path: tuple[str, ...]
    value: object
    origin: str
    is_text: bool = False


def read_file(path: Path) -> list[Entry]:
    """Read a TOML file: tables are sections."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"cannot read {path}: {error.strerror or error}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path} is not valid TOML: {error}"]) from None

    def walk(prefix: tuple[str, ...], value: object) -> Iterator[Entry]:
        if isinstance(value, dict) and len(prefix) < 3:
            for key, item in value.items():
                yield from walk((*prefix, str(key)), item)
        else:
            yield Entry(prefix, value, path.name)

    return list(walk((), document))


def read_environment(environ: Mapping[str, str]) -> list[Entry]:
    """Read ``ASTER__RISK__MAX_GROSS=2`` and ``ASTER__STRATEGIES__MOMENTUM__FAST=12``."""
    return [
        Entry(tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")), value, name, True)
        for name, value in sorted(environ.items())
        if name.startswith(ENVIRONMENT_PREFIX)
    ]


def read_assignments(assignments: Iterable[str], origin: str = "--set") -> list[Entry]:
    """Read ``risk.max_gross=2``; a table key may hold dots: ``strategies.my.py:Mine.fast=3``."""
    entries = []
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        parts = [part.strip() for part in name.split(".")]
        if not equals or len(parts) < 2 or not all(parts):
            raise ConfigError([f"{origin} {assignment!r}: write section.key=value"])
        if len(parts) > 3:
            parts = [parts[0], ".".join(parts[1:-1]), parts[-1]]
        entries.append(Entry(tuple(parts), value.strip(), f"{origin} {name.strip()}", True))
    return entries


def build(sections: Mapping[str, type[Any]], entries: Sequence[Entry]) -> dict[str, Any]:
    """Return one instance per section, or raise a ``ConfigError`` that lists every problem."""
    problems: list[str] = []
    by_section: dict[str, list[Entry]] = {name: [] for name in sections}
    for entry in entries:
        section = entry.path[0]
        if section not in sections:
            problems.append(f"{entry.origin}: unknown section {_unknown(section, sections)}")
        elif len(entry.path) < 2:
            problems.append(f"{entry.origin}: {section!r} is a section, give section.key a value")
        else:
            by_section[section].append(entry)
    built: dict[str, Any] = {}
    for name, kind in sections.items():
        built[name] = _section(name, kind, by_section[name], problems)
        problems += [f"{name}.{problem}" for problem in built[name].problems()]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return built


def _unknown(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"{name!r}; did you mean {close[0]!r}?" if close else f"{name!r}"


def _section(name: str, kind: type[Any], entries: list[Entry], problems: list[str]) -> Any:
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    rest = next((key for key, field in fields.items() if field.metadata.get("tables")), None)
    values: dict[str, Any] = {}
    for entry in entries:
        key = entry.path[1]
        if key in fields and key != rest:
            _assign(values, entry, fields[key], hints[key], problems)
        elif rest is not None and len(entry.path) == 3:
            table = values.setdefault(rest, {}).setdefault(key, {})
            _put(table, entry.path[2], float, entry, problems)
        else:
            hint = _unknown(key, (known for known in fields if known != rest))
            problems.append(f"{entry.origin}: unknown key in [{name}]: {hint}")
    return kind(**_with_preset(kind, values))


def _assign(
    values: dict[str, Any], entry: Entry, field: Field[Any], hint: Any, problems: list[str]
) -> None:
    """Put one entry into ``values`` if it fits, else add to ``problems``."""
    if typing.get_origin(hint) is abc.Mapping:
        inside = typing.get_args(hint)[1]
        if len(entry.path) != 3:
            what = "number" if inside is float else _EXPECTED[inside]
            problems.append(f"{entry.origin}: {'.'.join(entry.path)} is a table of key = {what}")
            return
        rewrite = field.metadata.get("keys", str)
        table = values.setdefault(field.name, {})
        _put(table, rewrite(entry.path[2]), inside, entry, problems)
    elif len(entry.path) != 2:
        problems.append(f"{entry.origin}: {'.'.join(entry.path[:2])} is a value, not a table")
    else:
        _put(values, field.name, hint, entry, problems)


def _put(target: dict[str, Any], key: str, hint: Any, entry: Entry, problems: list[str]) -> None:
    try:
        target[key] = coerce(entry.value, hint, is_text=entry.is_text)
    except ValueError as error:
        problems.append(f"{entry.origin}: {'.'.join(entry.path)} {error}")


def _with_preset(kind: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Lay the section's chosen preset below the explicit keys."""
    presets: Mapping[str, Mapping[str, Any]] = getattr(kind, "PRESETS", {})
    if not presets:
        return values
    key = kind.PRESET_KEY
    chosen = values.get(key, kind.__dataclass_fields__[key].default)
    merged = dict(presets.get(chosen, {}))
    for name, value in values.items():
        below = merged.get(name)
        merged[name] = {**below, **value} if isinstance(below, Mapping) else value
    return merged


def coerce(value: object, hint: Any, *, is_text: bool = False) -> Any:
    """Return ``value`` as ``hint``; text comes from the environment and the command line."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if is_text and str(value).strip().lower() in ("", "none"):
            return None
        return coerce(value, next(a for a in arguments if a is not type(None)), is_text=is_text)
    if origin is tuple:
        items = [part.strip() for part in str(value).split(",")] if is_text else value
        if not isinstance(items, list):
            raise ValueError(f"expected a list, was {value!r}")
        if is_text and str(value).strip() and not any(items):
            raise ValueError(f"expected values between the commas, was {value!r}: leave it out")
        return tuple(coerce(item, arguments[0], is_text=is_text) for item in items if item != "")
    if hint is Secret:
        return Secret(coerce(value, str, is_text=is_text))
    result = _from_text(str(value), hint) if is_text else _from_toml(value, hint)
    if result is None or (isinstance(result, float) and not math.isfinite(result)):
        raise ValueError(f"expected {_EXPECTED[hint]}, was {value!r}")
    return result


def _from_text(value: str, hint: Any) -> Any:
    if hint is bool:
        return _WORDS.get(value.strip().lower())
    try:
        return hint(value)
    except ValueError:
        return None


def _from_toml(value: object, hint: Any) -> Any:
    if isinstance(value, bool) and hint is not bool:
        return None
    if hint is float and isinstance(value, int):
        return float(value)
    return value if isinstance(value, hint) else None


def plain(section: Any, *, identity_only: bool = False) -> dict[str, Any]:
    """Return a section as JSON-ready values with its secrets masked."""
    shown: dict[str, Any] = {}
    for field in dataclasses.fields(section):
        if identity_only and not field.metadata.get("identity", True):
            continue
        value = getattr(section, field.name)
        if isinstance(value, Secret):
            value = MASK if value.value else ""
        if field.metadata.get("tables"):
            shown |= {name: dict(table) for name, table in sorted(value.items())}
        elif isinstance(value, Mapping):
            shown[field.name] = dict(sorted(value.items()))
        else:
            shown[field.name] = list(value) if isinstance(value, tuple) else value
    return shown


def digest(sections: Mapping[str, Any]) -> str:
    """Return a hash of every value that can change a result."""
    content = {name: plain(value, identity_only=True) for name, value in sections.items()}
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.blake2s(text.encode(), digest_size=16).hexdigest()


def outside(section: Any, low: float, high: float, *names: str) -> list[str]:
    """Return a problem for every named field that is not in ``[low, high]``."""
    return [
        f"{name} must be {_interval(low, high)}, was {value!r}"
        for name in names
        if (value := getattr(section, name)) is not None and not low <= value <= high
    ]


def not_above(section: Any, low: float, *names: str) -> list[str]:
    """Return a problem for every named field that is not greater than ``low``."""
    return [
        f"{name} must be greater than {low:g}, was {value!r}"
        for name in names
        if (value := getattr(section, name)) is not None and not value > low
    ]


def not_among(section: Any, name: str, choices: Iterable[str]) -> list[str]:
    """Return a problem if the named field is none of ``choices``."""
    value, known = getattr(section, name), tuple(choices)
    if value in known:
        return []
    close = difflib.get_close_matches(str(value), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return [f"{name} must be one of {', '.join(known)}, was {value!r}{hint}"]


def _interval(low: float, high: float) -> str:
    if math.isinf(high):
        return f"at least {low:g}"
    return f"at most {high:g}" if math.isinf(low) else f"between {low:g} and {high:g}"
