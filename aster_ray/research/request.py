"""What to run: the effective configuration with every strategy found and its parameters settled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from aster_ray.data.config import DataConfig
from aster_ray.data.live.config import FeedConfig
from aster_ray.data.request import MarketRequest
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.config import LIVE, PAPER, SIMULATOR, SessionConfig, StrategiesConfig
from aster_ray.errors import BadInputError, ConfigError
from aster_ray.kernel.config import CostsConfig, ExitsConfig, RiskConfig, SizingConfig
from aster_ray.strategies import registry
from aster_ray.strategies.contract import Strategy
from aster_ray.strategies.parameters import warmup_of
from aster_ray.venues.config import VenueConfig

Params = dict[str, float]


class RunSettings(Protocol):
    """The sections a run reads; ``aster_ray.settings.Settings``, which lies above, has them."""

    @property
    def session(self) -> SessionConfig: ...  # noqa: D102 - the section's class says what it is
    @property
    def data(self) -> DataConfig: ...  # noqa: D102
    @property
    def strategies(self) -> StrategiesConfig: ...  # noqa: D102
    @property
    def risk(self) -> RiskConfig: ...  # noqa: D102
    @property
    def sizing(self) -> SizingConfig: ...  # noqa: D102
    @property
    def exits(self) -> ExitsConfig: ...  # noqa: D102
    @property
    def costs(self) -> CostsConfig: ...  # noqa: D102
    @property
    def venue(self) -> VenueConfig: ...  # noqa: D102
    @property
    def feed(self) -> FeedConfig: ...  # noqa: D102
    @property
    def execution(self) -> ExecutionConfig: ...  # noqa: D102

    def plain(self, *, identity_only: bool = False) -> dict[str, Any]:
        """Return JSON-ready values, secrets masked."""
        ...


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that is ready to start.

    Attributes:
        settings: whose ``strategies`` section already holds the parameters below.
        strategies: (name or FILE.py:Class, every parameter) in the order of their sleeves.
    """

    settings: RunSettings
    strategies: tuple[tuple[str, Params], ...]

    @property
    def is_live(self) -> bool:
        """Return whether bars come from a venue as they close."""
        return self.settings.session.feed == LIVE

    @property
    def trades_at_venue(self) -> bool:
        """Return whether orders go to an account at a venue, simulated or not."""
        return self.settings.session.orders != PAPER

    @property
    def brings_exchange(self) -> bool:
        """Return whether orders go to a simulated exchange of the session's own."""
        return self.settings.session.orders == SIMULATOR

    def on_paper(self) -> RunRequest:
        """Return the same run with its orders matched against the bars themselves."""
        settings = cast(Any, self.settings)
        session = dataclasses.replace(settings.session, orders=PAPER)
        return RunRequest(dataclasses.replace(settings, session=session), self.strategies)

    def load_strategies(self) -> list[tuple[Strategy, Params]]:
        """Return the strategies themselves, each with its parameters."""
        return [(registry.load(spec), params) for spec, params in self.strategies]

    def warmup(self) -> int:
        """Return how many bars the slowest strategy needs before it may be trusted."""
        return max(warmup_of(strategy, params) for strategy, params in self.load_strategies())

    def market_request(self) -> MarketRequest:
        """Return which bars the run reads."""
        return market_request(self.settings, self.warmup())

    def config(self) -> dict[str, Any]:
        """Return the configuration for a report: the same text wherever files lie."""
        shown = self.settings.plain(identity_only=True)
        shown["strategies"] = {"use": [_portable(spec) for spec, _ in self.strategies]} | {
            _portable(spec): params for spec, params in self.strategies
        }
        return shown

    def digest(self) -> str:
        """Return a hash of all that can change a result beside the data and the package."""
        files = [_content(spec) for spec, _ in self.strategies]
        text = json.dumps([self.config(), files], sort_keys=True, allow_nan=False)
        return hashlib.blake2s(text.encode(), digest_size=16).hexdigest()


def market_request(settings: RunSettings, warmup: int) -> MarketRequest:
    """Return which bars the settings name, ``warmup`` bars before them included."""
    data = settings.data
    return MarketRequest(
        path=data.path,
        symbols=data.symbols,
        timeframe=data.timeframe,
        start=data.start,
        end=data.end,
        warmup=max(warmup, data.warmup),
        gaps=data.gaps,
        max_gap=data.max_gap,
        seed=settings.session.seed,
        venue=data.venue,
    )


def build_request(
    settings: RunSettings, strategies: Sequence[str] = (), params: Sequence[str] = ()
) -> RunRequest:
    """Find the strategies and settle their parameters.

    Args:
        settings: checked sections.
        strategies: names or FILE.py:Class that replace ``settings.strategies.use``.
        params: ``name=value`` or ``strategy.name=value``, above the configured ones.

    Raises:
        BadInputError: a strategy cannot be loaded, or a parameter does not fit; all at once.
    """
    specs = tuple(dict.fromkeys(strategies)) or settings.strategies.use
    loaded = {spec: registry.load(spec) for spec in specs}
    given, problems = _configured(settings.strategies.parameters, loaded)
    for text in params:
        try:
            spec, name, value = _assignment(text, loaded)
        except ValueError as error:
            problems.append(f"--param {text}: {error}")
        else:
            given[spec][name] = value
    settled: dict[str, Params] = {}
    for spec, strategy in loaded.items():
        try:
            settled[spec] = registry.resolve_params(strategy, given[spec])
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    section = StrategiesConfig(use=specs, parameters=settled)
    effective = cast(RunSettings, dataclasses.replace(cast(Any, settings), strategies=section))
    return RunRequest(effective, tuple(settled.items()))


def _configured(
    tables: Mapping[str, Mapping[str, float]], loaded: Mapping[str, Strategy]
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Return the configured parameters of each strategy in use, and tables nobody knows."""
    given: dict[str, dict[str, float]] = {spec: {} for spec in loaded}
    problems: list[str] = []
    for name, table in tables.items():
        owners = _owners(name, loaded)
        for spec in owners:
            given[spec] |= table
        if not owners and name not in registry.names() and ".py" not in name:
            known = ", ".join((*registry.names(), *loaded))
            problems.append(f"strategies.{name}: no such strategy; known are {known}")
    return given, problems


def _owners(name: str, loaded: Mapping[str, Strategy]) -> list[str]:
    return [spec for spec, strategy in loaded.items() if name in (spec, strategy.name)]


def _assignment(text: str, loaded: Mapping[str, Strategy]) -> tuple[str, str, float]:
    """Return (strategy, parameter, value); raise ValueError with the remedy."""
    left, equals, right = text.partition("=")
    owner, _, name = left.strip().rpartition(".")
    if not equals or not name:
        raise ValueError("write name=value or strategy.name=value")
    try:
        value = float(right)
    except ValueError:
        raise ValueError(f"{right!r} is not a number") from None
    if owner:
        owners = _owners(owner, loaded)
        if not owners:
            raise ValueError(f"strategy {owner!r} does not run here; {', '.join(loaded)} do")
    else:
        owners = [
            spec
            for spec, strategy in loaded.items()
            if any(parameter.name == name for parameter in strategy.parameters)
        ]
        if len(owners) > 1:
            raise ValueError(f"several strategies have it; write {owners[0]}.{name}={right}")
        if not owners and len(loaded) == 1:
            owners = list(loaded)  # its own message lists what it has
        if not owners:
            raise ValueError(f"none of {', '.join(loaded)} has a parameter {name!r}")
    return owners[0], name, value


def _file_of(spec: str) -> Path | None:
    file, _, _ = spec.rpartition(":")
    file = file if file.endswith(".py") else spec
    return Path(file) if file.endswith(".py") else None


def _portable(spec: str) -> str:
    file = _file_of(spec)
    return spec if file is None else file.name + spec.removeprefix(str(file))


def _content(spec: str) -> str:
    file = _file_of(spec)
    return "" if file is None else hashlib.blake2s(file.read_bytes()).hexdigest()


def refuse_real_money(request: RunRequest) -> None:
    """Let orders go to a venue only where it is a simulator on this machine.

    Raises:
        BadInputError: they would go to a real exchange, for which there is ``aster live``.
    """
    venue = request.settings.venue
    if request.trades_at_venue and not venue.is_simulated:
        raise BadInputError(
            f"session.orders = venue would trade real money at {venue.rest or venue.name}, which "
            "only aster live does: leave it out to trade on paper, or let venue.rest and "
            "venue.stream be those of an aster simulator on this machine"
        )


def absolute(request: RunRequest) -> RunRequest:
    """Return the request with every path absolute: actors may start anywhere."""
    settings: Any = request.settings
    data = settings.data
    if data.path:
        data = dataclasses.replace(data, path=str(Path(data.path).resolve()))
    strategies = tuple((_resolved(spec), params) for spec, params in request.strategies)
    section = StrategiesConfig(
        use=tuple(spec for spec, _ in strategies), parameters=dict(strategies)
    )
    return RunRequest(dataclasses.replace(settings, data=data, strategies=section), strategies)


def _resolved(spec: str) -> str:
    file, _, name = spec.rpartition(":")
    if not file.endswith(".py"):
        file, name = spec, ""
    if not file.endswith(".py"):
        return spec
    path = str(Path(file).resolve())
    return f"{path}:{name}" if name else path
