"""The settings of a session as its folder keeps them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aster_ray import config
from aster_ray.data.config import DataConfig
from aster_ray.data.live.config import FeedConfig
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.config import SessionConfig, StrategiesConfig
from aster_ray.kernel.config import CostsConfig, ExitsConfig, RiskConfig, SizingConfig
from aster_ray.research.request import RunSettings
from aster_ray.venues.config import VenueConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSettings:
    """The sections of a run as they were written down; satisfies ``RunSettings``."""

    session: SessionConfig
    data: DataConfig
    strategies: StrategiesConfig
    risk: RiskConfig
    sizing: SizingConfig
    exits: ExitsConfig
    costs: CostsConfig
    execution: ExecutionConfig
    venue: VenueConfig
    feed: FeedConfig

    def plain(self, *, identity_only: bool = False) -> dict[str, Any]:
        """Return JSON-ready values; a section of which nothing is left is dropped."""
        shown = {
            item.name: config.plain(getattr(self, item.name), identity_only=identity_only)
            for item in dataclasses.fields(self)
        }
        return {name: values for name, values in shown.items() if values}


_SECTIONS: Mapping[str, type[Any]] = {
    "session": SessionConfig,
    "data": DataConfig,
    "strategies": StrategiesConfig,
    "risk": RiskConfig,
    "sizing": SizingConfig,
    "exits": ExitsConfig,
    "costs": CostsConfig,
    "execution": ExecutionConfig,
    "venue": VenueConfig,
    "feed": FeedConfig,
}


def written_settings(settings: RunSettings) -> dict[str, dict[str, Any]]:
    """Return what is written down; keys and passwords actors learn from their environment."""

    def is_secret(name: str, key: str) -> bool:
        return isinstance(getattr(getattr(settings, name), key, None), config.Secret)

    return {
        name: {key: value for key, value in values.items() if not is_secret(name, key)}
        for name, values in settings.plain().items()
        if name in _SECTIONS
    }


def read_settings(written: Mapping[str, Mapping[str, Any]], origin: str) -> RecordedSettings:
    """Return what ``written_settings`` gave, read from the file named ``origin``.

    Raises:
        ConfigError: it fits no section.
    """
    return RecordedSettings(**config.build(_SECTIONS, list(_entries(written, origin))))


def _entries(settings: Mapping[str, Mapping[str, Any]], origin: str) -> Iterator[config.Entry]:
    for section, values in settings.items():
        for key, value in values.items():
            if isinstance(value, Mapping):
                for name, item in value.items():
                    yield config.Entry((section, key, name), item, origin)
            elif value is not None:
                yield config.Entry((section, key), value, origin)
