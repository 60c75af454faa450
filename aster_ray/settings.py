"""All sections of ``aster.toml`` in one place; each lives beside the component it configures."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any

from aster_ray import config, log
from aster_ray.data.config import DataConfig
from aster_ray.data.live.config import FeedConfig
from aster_ray.doctor.config import DoctorConfig
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.config import SessionConfig, StrategiesConfig
from aster_ray.kernel.config import CostsConfig, ExitsConfig, RiskConfig, SizingConfig
from aster_ray.store.config import RedisConfig, StoreConfig
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.simulator.config import SimulatorConfig

DEFAULT_FILE = Path("aster.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The effective configuration of a command, checked as a whole."""

    session: SessionConfig = field(default_factory=SessionConfig)
    data: DataConfig = field(default_factory=DataConfig)
    strategies: StrategiesConfig = field(default_factory=StrategiesConfig)
    risk: RiskConfig = field(default_factory=RiskConfig)
    sizing: SizingConfig = field(default_factory=SizingConfig)
    exits: ExitsConfig = field(default_factory=ExitsConfig)
    costs: CostsConfig = field(default_factory=CostsConfig)
    venue: VenueConfig = field(default_factory=VenueConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    redis: RedisConfig = field(default_factory=RedisConfig)
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    feed: FeedConfig = field(default_factory=FeedConfig)
    doctor: DoctorConfig = field(default_factory=DoctorConfig)
    simulator: SimulatorConfig = field(default_factory=SimulatorConfig)

    def sections(self) -> dict[str, Any]:
        """Return name -> section."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}

    def plain(self, *, identity_only: bool = False) -> dict[str, Any]:
        """Return JSON-ready values, secrets masked; ``identity_only`` drops paths and pace.

        A section of which nothing is left (where things are kept) is dropped as a whole.
        """
        shown = {
            name: config.plain(section, identity_only=identity_only)
            for name, section in self.sections().items()
        }
        return {name: values for name, values in shown.items() if values}

    def digest(self) -> str:
        """Return a hash of every value that can change a result."""
        return config.digest(self.sections())


SECTIONS: Mapping[str, type[Any]] = {
    item.name: typing.get_type_hints(Settings)[item.name] for item in dataclasses.fields(Settings)
}


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    options: Sequence[config.Entry] = (),
    beneath: Sequence[config.Entry] = (),
) -> Settings:
    """Merge defaults < ``path`` (or ``./aster.toml`` if there) < ``environ`` < ``options``.

    Args:
        path: configuration file.
        environ: environment variables.
        options: what a command line says.
        beneath: defaults of a verb's own, which lie between those of all and the file.

    Raises:
        ConfigError: every problem of every source at once.
    """
    file = path if path is not None or not DEFAULT_FILE.is_file() else DEFAULT_FILE
    entries = config.read_file(file) if file is not None else []
    entries += config.read_environment(environ or {})
    settings = Settings(**config.build(SECTIONS, [*beneath, *entries, *options]))
    log.conceal(secret_values(settings.sections()))
    return settings


def secret_values(sections: Mapping[str, Any]) -> list[str]:
    """Return every secret of some sections, for whoever keeps them out of logs and messages."""
    return [
        value.value
        for section in sections.values()
        for item in dataclasses.fields(section)
        if isinstance(value := getattr(section, item.name), config.Secret) and value.value
    ]


def schema() -> dict[str, Any]:
    """Return the JSON schema of ``aster.toml``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aster.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _section_schema(kind) for name, kind in SECTIONS.items()},
    }


def _section_schema(kind: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    properties: dict[str, Any] = {}
    extra: Any = False
    for item in dataclasses.fields(kind):
        if item.metadata.get("tables"):
            extra = {"type": "object", "additionalProperties": {"type": "number"}}
            continue
        shape = _type_schema(hints[item.name])
        default = item.default
        if default is not MISSING and not isinstance(default, config.Secret | None):
            shape["default"] = list(default) if isinstance(default, tuple) else default
        properties[item.name] = shape
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip().splitlines()[0],
        "additionalProperties": extra,
        "properties": properties,
    }


def _type_schema(hint: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return _type_schema(next(kind for kind in arguments if kind is not type(None)))
    if origin is tuple:
        return {"type": "array", "items": _type_schema(arguments[0])}
    if origin is not None:
        return {"type": "object", "additionalProperties": _type_schema(arguments[1])}
    names = {bool: "boolean", int: "integer", float: "number"}
    return {"type": names.get(hint, "string")}
