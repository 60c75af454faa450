"""Everything a run needs before its first bar: the same preparation for every host."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import aster_ray
from aster_ray.data.instruments import instruments_for
from aster_ray.data.rules import rules_digest
from aster_ray.data.source import load_market
from aster_ray.data.validate import jump_notes
from aster_ray.engine.algos.norms import Norms, market_norms
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.ports import JournalPort
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import Setup
from aster_ray.kernel.setup import KernelConfig, build_setup
from aster_ray.model.ids import DAY_MS
from aster_ray.model.instrument import Instrument
from aster_ray.research.request import RunRequest
from aster_ray.strategies.contract import Params, Strategy
from aster_ray.venues.live.parents import Manner
from aster_ray.venues.paper import PaperVenue


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A run with its market, contract rules and strategies in hand."""

    request: RunRequest
    market: Market
    instruments: tuple[Instrument, ...]
    setup: Setup
    strategies: tuple[tuple[Strategy, Params], ...]
    notes: tuple[str, ...]

    @property
    def capital(self) -> float:
        """Return equity before the first bar, in quote currency."""
        return self.request.settings.session.capital

    @property
    def sleeves(self) -> tuple[tuple[str, int], ...]:
        """Return (strategy name, symbol index) of every sleeve in decision order."""
        symbols = range(len(self.market.symbols))
        return tuple((strategy.name, n) for n in symbols for strategy, _ in self.strategies)

    @property
    def own_strategies(self) -> tuple[tuple[Strategy, Params], ...]:
        """Return the strategies that come from a person's own files."""
        specs = (spec for spec, _ in self.request.strategies)
        pairs = zip(specs, self.strategies, strict=True)
        return tuple(pair for spec, pair in pairs if ".py" in spec)

    def risk_desk(self) -> RiskDesk:
        """Return a risk desk that has seen the warm-up."""
        desk = RiskDesk(self.setup, self.capital)
        desk.warm_up(self.market)
        return desk

    def execution_desk(self) -> ExecutionDesk:
        """Return an execution desk without orders."""
        largest = self.setup.rules["max_lots"].tolist()
        at_venue = self.request.trades_at_venue
        return ExecutionDesk(self.market.symbols, self.setup.strategies, largest, at_venue=at_venue)

    def paper_venue(self, log: JournalPort | None = None) -> PaperVenue:
        """Return a paper venue that has seen the warm-up; ``log`` makes it durable."""
        venue = PaperVenue(self.setup, self.capital, log=log)
        venue.warm_up(self.market)
        return venue

    def venue_account(self, name: str, remember: int | None = None) -> VenueAccount:
        """Return an account at a real venue that has seen the warm-up.

        Args:
            name: tells its ids from those of other sessions.
            remember: how many orders and trades that are over it keeps; None = all.
        """
        account = VenueAccount(self.setup, self.capital, name, remember=remember)
        account.warm_up(self.market)
        return account

    def manner(self) -> Manner:
        """Return how the session's orders are carried out at a real venue."""
        market, instruments = self.market, self.instruments

        @lru_cache(maxsize=1)
        def of_day(day: int) -> dict[str, Norms]:
            return market_norms(market, instruments, day * DAY_MS)

        settings = self.request.settings
        return Manner(settings.execution, market.timeframe_ms, lambda ms: of_day(ms // DAY_MS))

    def provenance(self) -> dict[str, str]:
        """Return what identifies the run: digests of data, rules, sources, settings; seed."""
        parts = {
            "data": self.market.digest(),
            "rules": rules_digest(self.instruments),
            "sources": sources_digest(),
            "config": self.request.digest(),
            "seed": str(self.request.settings.session.seed),
        }
        text = "|".join(f"{name}={value}" for name, value in sorted(parts.items()))
        return {"run_id": hashlib.blake2s(text.encode(), digest_size=8).hexdigest(), **parts}


def prepare(request: RunRequest, market: Market | None = None) -> Prepared:
    """Load the market (unless given), its contract rules and the strategies."""
    strategies = tuple(request.load_strategies())
    if market is None:
        market = load_market(request.market_request())
    instruments, warnings = instruments_for(market, request.settings.data.path)
    settings = request.settings
    config = KernelConfig(settings.risk, settings.sizing, settings.exits, settings.costs)
    setup = build_setup(instruments, config, market.timeframe_ms, len(strategies))
    notes = (*market.missing, *jump_notes(market), *warnings, *_whole_orders(request))
    return Prepared(request, market, instruments, setup, strategies, notes)


def _whole_orders(request: RunRequest) -> list[str]:
    """Say that a manner of carrying orders out has no effect here, if one is asked for."""
    config = request.settings.execution
    if request.trades_at_venue or not config.is_used:
        return []
    return ["[execution] is for orders at a venue: here each fills whole, as [costs] says"]


@cache
def sources_digest() -> str:
    """Return a hash of the package's own Python sources, independent of where they lie."""
    root = Path(aster_ray.__file__).parent
    state = hashlib.blake2s(digest_size=16)
    for path in sorted(root.rglob("*.py")):
        state.update(path.relative_to(root).as_posix().encode())
        state.update(path.read_bytes())
    return state.hexdigest()
