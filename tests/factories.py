"""Builders every suite shares: contracts, setups, books, bars, markets, signals and hosts.

Defaults make numbers easy to work by hand: 10,000 of capital, lots of 0.001, ticks of 0.01, no
costs unless asked for. ``a_setup(taker_fee=0.001, max_gross=2.0)`` overrides any field of RULES or
LIMITS by its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aster_ray.engine.core import Engine, run_close
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.journal import FileJournal
from aster_ray.engine.messages import BarBatch, OrderBatch, SignalBatch, VenueReport
from aster_ray.engine.ports import JournalPort
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.kernel.books import new_book, records
from aster_ray.kernel.config import CostsConfig, ExitsConfig, RiskConfig, SizingConfig
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import (
    EXIT_LONG,
    EXIT_SHORT,
    FILL,
    LONG,
    ROW_COLUMNS,
    RULES,
    SHORT,
    Book,
    Setup,
    SignalColumns,
)
from aster_ray.kernel.setup import KernelConfig, build_setup
from aster_ray.kernel.simulate import Timeline, Trace, simulate
from aster_ray.kernel.simulator import shared
from aster_ray.model.ids import DAY_MS, HOUR_MS
from aster_ray.model.instrument import Instrument, continuous_brackets
from aster_ray.model.order import OrderKind, OrderRequest
from aster_ray.venues.paper import PaperVenue

CAPITAL = 10_000.0
START_MS = 20_000 * DAY_MS  # midnight UTC
BASES = ("BTC", "ETH", "SOL", "SUI", "ASTER", "PENGU")
# Maintenance 1 % up to 50,000, 2 % up to 250,000, then 5 %: deductions 0, 500 and 8,000.
BRACKETS = ((0, "0.01", 50), (50_000, "0.02", 25), (250_000, "0.05", 10))
NO_ORDERS = (np.nan, np.nan, np.nan, np.nan)  # a ladder row that says nothing
COMPILED = not int(os.environ.get("NUMBA_DISABLE_JIT") or 0)


def an_instrument(base: str = "BTC", **changes: Any) -> Instrument:
    """Return a contract with round numbers."""
    fields: dict[str, Any] = {
        "symbol": f"{base}USDT",
        "base": base,
        "quote": "USDT",
        "tick": Decimal("0.01"),
        "lot": Decimal("0.001"),
        "min_lots": 1,
        "max_lots": 1_000_000_000,
        "min_notional": 0.0,
        "brackets": continuous_brackets([(Decimal(a), Decimal(b), c) for a, b, c in BRACKETS]),
    }
    return Instrument(**{**fields, **changes})


def a_request(client_order_id: str, **changes: Any) -> OrderRequest:
    """Return a market order for one lot of the first symbol."""
    fields: dict[str, Any] = {
        "decided_ms": START_MS,
        "symbol": 0,
        "sleeve": 0,
        "kind": OrderKind.MARKET,
        "lots": 1,
        "price": np.nan,
    }
    return OrderRequest(client_order_id, **{**fields, **changes})


def a_config(**sections: dict[str, Any]) -> KernelConfig:
    """Return the standard configuration without costs; ``a_config(risk={"max_gross": 2.0})``."""
    free = {"maker_fee": 0.0, "taker_fee": 0.0, "slippage": 0.0, "liquidation_fee": 0.0}
    return KernelConfig(
        RiskConfig(**sections.get("risk", {})),
        SizingConfig(**sections.get("sizing", {})),
        ExitsConfig(**sections.get("exits", {})),
        CostsConfig(**{**free, **sections.get("costs", {})}),
    )


def a_setup(
    symbols: int = 1,
    strategies: int = 1,
    *,
    config: KernelConfig | None = None,
    timeframe_ms: int = HOUR_MS,
    **fields: Any,
) -> Setup:
    """Return a setup; ``fields`` override columns of RULES (one or one a symbol) or LIMITS."""
    instruments = [an_instrument(base) for base in BASES[:symbols]]
    setup = build_setup(instruments, config or a_config(), timeframe_ms, strategies)
    for name, value in fields.items():
        table = setup.rules if name in (RULES.names or ()) else setup.limits
        if name not in (table.dtype.names or ()):
            raise TypeError(f"{name} is no field of RULES or LIMITS")
        table[name] = value
    return setup


def an_open_setup(symbols: int = 1, strategies: int = 1, **fields: Any) -> Setup:
    """Return a setup whose limits and exit plans never bind: positions are what signals say."""
    loose: dict[str, Any] = {
        "max_position_risk": 1e6,
        "max_symbol": 1e6,
        "max_asset": 1e6,
        "max_gross": 40.0,
        "max_cluster": 1e6,
        "max_var": 1e6,
        "daily_loss": 1e6,
        "soft_drawdown": 2.0,
        "hard_drawdown": 2.0,
        "max_daily_opens": 1_000_000,
        "max_daily_ladder_opens": 1_000_000,
        "holding_ms": 0,
        "give_back": 0.0,
        "tier_gain_1": 1e6,
        "tier_gain_2": 1e6,
        "tier_gain_3": 1e6,
        "sizing": 0,
        "fixed_fraction": 0.1,
    }
    return a_setup(symbols, strategies, **{**loose, **fields})


def a_book(
    symbols: int = 1, strategies: int = 1, capital: float = CAPITAL, *, ladders: bool = True
) -> Book:
    """Return the book of an account that has not traded yet."""
    return new_book(symbols, strategies, capital, ladders=ladders)


def a_fill(**fields: Any) -> Any:
    """Return one FILL record: by default a market fill of sleeve 0 with no stop reported."""
    fill = records(1, FILL)
    for name in ("stop", "stop_high", "take_profit"):
        fill[name] = np.nan
    fill["level"] = -1
    for name, value in fields.items():
        fill[name] = value
    return fill[0]


def a_bar(
    open_: float = 100.0,
    high: float | None = None,
    low: float | None = None,
    close: float | None = None,
    *,
    mark: tuple[float, float, float] | None = None,
    funding: float = 0.0,
) -> np.ndarray:
    """Return one bar row f8[8]; what is left out is flat, and the mark (high, low, close) is last.

    ``funding`` is cash per unit of base asset, paid by longs at the bar's open.
    """
    close = open_ if close is None else close
    high = max(open_, close) if high is None else high
    low = min(open_, close) if low is None else low
    return np.array([open_, high, low, close, *(mark or (high, low, close)), funding])


def no_bar() -> np.ndarray:
    """Return the row of a symbol that has no bar."""
    return np.full(ROW_COLUMNS, np.nan)


def market_of(bars: np.ndarray, *, timeframe_ms: int = HOUR_MS, start: int = 0) -> Market:
    """Wrap bars f8[T, N, 8] as a market that begins at midnight UTC."""
    rows, count = bars.shape[:2]
    return Market(
        symbols=tuple(f"{base}USDT" for base in BASES[:count]),
        timeframe_ms=timeframe_ms,
        open_ms=START_MS + timeframe_ms * np.arange(rows, dtype=np.int64),
        bars=np.ascontiguousarray(bars),
        volume=np.ones((rows, count)),
        funding_rate=np.zeros((rows, count)),
        start=start,
    )


def a_market(
    rows: int = 300,
    symbols: int = 2,
    seed: int = 0,
    *,
    volatility: float = 0.01,
    gaps: float = 0.02,
    start: int = 10,
) -> Market:
    """Return a seeded market that tries everything: trends, jumps, gaps, funding of both signs.

    The symbols share a factor, open away from the last close, lack ``gaps`` of their bars, and
    their mark price lies near the last price.
    """
    draw = np.random.default_rng(seed)
    common = draw.standard_t(4, (rows, 1))
    own = draw.standard_t(4, (rows, symbols))
    jumps = draw.choice([-8.0, 0.0, 8.0], (rows, symbols), p=[0.01, 0.98, 0.01])
    returns = np.clip(volatility * (0.6 * common + 0.6 * own + jumps), -0.45, 0.8)
    close = np.round(100.0 * np.cumprod(1.0 + returns, axis=0), 2)
    before = np.vstack([np.full((1, symbols), 100.0), close[:-1]])
    opened = np.round(before * (1.0 + 0.2 * volatility * draw.standard_t(3, (rows, symbols))), 2)
    opened, close = np.maximum(opened, 0.5), np.maximum(close, 0.5)
    wick = np.abs(draw.normal(0.0, volatility / 2, (2, rows, symbols)))
    high = np.round(np.maximum(opened, close) * (1.0 + wick[0]), 2)
    low = np.round(np.minimum(opened, close) * np.maximum(1.0 - wick[1], 0.5), 2)
    tilt = 1.0 + draw.normal(0.0, 0.0005, (rows, symbols))
    bars = np.stack([opened, high, low, close, high * tilt, low * tilt, close * tilt], axis=2)
    rate = draw.normal(0.0001, 0.001, (rows, symbols)) * (np.arange(rows) % 8 == 0)[:, None]
    bars = np.concatenate([bars, (rate * opened)[:, :, None]], axis=2)
    missing = draw.random((rows, symbols)) < gaps
    bars[missing] = np.nan
    market = market_of(bars, start=min(start, rows))
    market.funding_rate[:] = np.where(missing, 0.0, rate)
    return market


def says(sleeves: int = 1, **columns: Any) -> SignalColumns:
    """Return one row of signals: a value for all sleeves or one per sleeve; silent by default.

    ``ladder`` is (centre, spacing, levels, size).
    """
    ladder = np.empty((1, sleeves, 4))
    ladder[:] = columns.pop("ladder", NO_ORDERS)
    values = {"code": 0, "confidence": 1.0, "stop_loss": 0.05, "take_profit": np.nan}
    values |= {"target_units": 1.0} | columns
    row = {name: np.empty((1, sleeves)) for name in values}
    for name, value in values.items():
        row[name][:] = value
    return SignalColumns(code=row.pop("code").astype(np.int8), ladder=ladder, **row)


def random_signals(
    market: Market, strategies: int = 1, seed: int = 0, *, ladders: bool = False, busy: float = 0.1
) -> SignalColumns:
    """Return seeded signals for every sleeve; ``ladders`` makes the last strategy a grid."""
    draw = np.random.default_rng([seed, 1])
    rows, symbols = market.bars.shape[:2]
    count = symbols * strategies
    shape = (rows, count)
    code = draw.choice([0, LONG, SHORT], shape, p=[1 - busy, busy / 2, busy / 2])
    code |= draw.choice([0, EXIT_LONG, EXIT_SHORT], shape, p=[0.96, 0.02, 0.02])
    code[np.isnan(market.bars[:, :, 3]).repeat(strategies, axis=1)] = 0
    ladder = np.full((rows if ladders else 1, count, 4), np.nan)
    if ladders:
        grid = np.arange(strategies - 1, count, strategies)
        code[:, grid] = 0
        ladder[:, grid, 0] = market.bars[:, :, 3]  # NaN where there is no bar
        ladder[:, grid, 1] = draw.choice([0.01, 0.02, 0.03], (rows, len(grid)))
        ladder[:, grid, 2] = draw.integers(1, 6, (rows, len(grid)))
        ladder[:, grid, 3] = 1.0
        ladder[draw.random(rows) < 0.05] = np.nan
    return SignalColumns(
        code=code.astype(np.int8),
        confidence=np.round(draw.uniform(0.4, 1.0, shape), 3),
        stop_loss=np.where(draw.random(shape) < 0.03, np.nan, draw.uniform(0.005, 0.2, shape)),
        take_profit=np.where(draw.random(shape) < 0.5, np.nan, draw.uniform(0.01, 0.3, shape)),
        target_units=draw.choice([0.25, 0.5, 1.0], shape),
        ladder=ladder,
    )


def examples(count: int) -> int:
    """Return how many examples a property of many bars gets: few where nothing is compiled."""
    return count if COMPILED else max(3, count // 4)


class Simulated(NamedTuple):
    """What the compiled host left behind."""

    book: Book
    equity: np.ndarray
    gross: np.ndarray
    fills: np.ndarray


def simulated(
    setup: Setup,
    market: Market,
    signals: SignalColumns,
    capital: float = CAPITAL,
    *,
    ladders: bool = True,
) -> Simulated:
    """Run a market through ``simulate``; warm-up rows have equity NaN."""
    book = a_book(len(market.symbols), setup.strategies, capital, ladders=ladders)
    rows, count = market.bars.shape[:2]
    none_known = np.zeros((0, count, count))
    timeline = Timeline(shared(market.open_ms), market.timeframe_ms, market.start, none_known)
    fills = records(rows * len(book.fills), FILL)
    equity, gross = np.full(rows, np.nan), np.full(rows, np.nan)
    trace = Trace(equity, gross, fills, np.zeros(1, np.int64), np.zeros(4))
    simulate(book, setup, shared(market.bars), timeline, signals, trace)
    return Simulated(book, equity, gross, fills[: trace.fill_count[0]])


class Closed(NamedTuple):
    """What one close time brought."""

    said: SignalBatch
    report: VenueReport
    orders: OrderBatch

    @property
    def fills(self) -> Any:
        """Return the FILL records."""
        return self.report.fills


class Session:
    """The event engine over a paper venue, one close time a call: what hosts do, by hand."""

    def __init__(
        self,
        setup: Setup,
        capital: float = CAPITAL,
        *,
        timeframe_ms: int = HOUR_MS,
        log: JournalPort | None = None,
    ) -> None:
        count = len(setup.rules)
        self.setup = setup
        self.timeframe_ms = timeframe_ms
        self.venue = PaperVenue(setup, capital, log=log)
        self.risk = RiskDesk(setup, capital)
        names = [f"{b}USDT" for b in BASES[:count]]
        largest = setup.rules["max_lots"].tolist()
        self.execution = ExecutionDesk(names, setup.strategies, largest)
        self.engine = Engine(self, self.risk, self.execution)
        self.next_seq = 0
        self.start_ms = START_MS
        self._signals = says(count * setup.strategies)
        self._index = 0

    @property
    def book(self) -> Book:
        """Return the risk desk's book."""
        return self.risk.book

    @property
    def account(self) -> Any:
        """Return the account record."""
        return self.book.account[0]

    def on_bars(self, batch: BarBatch) -> SignalBatch:
        """Answer with the row given to the close in progress."""
        return SignalBatch(batch, self._signals, self._index)

    def batch(self, bars: np.ndarray | Sequence[np.ndarray]) -> BarBatch:
        """Number the next close time."""
        rows = np.array(bars, dtype=np.float64).reshape(len(self.setup.rules), ROW_COLUMNS)
        open_ms = self.start_ms + self.next_seq * self.timeframe_ms
        nothing = np.zeros(len(rows))
        close_ms = open_ms + self.timeframe_ms
        return BarBatch(self.next_seq, open_ms, close_ms, rows, nothing, nothing)

    def close(
        self,
        bars: np.ndarray | Sequence[np.ndarray],
        signals: SignalColumns | None = None,
        index: int = 0,
    ) -> Closed:
        """Let one close time pass: match, decide on ``signals``, send."""
        batch = self.batch(bars)
        self._signals = says(len(self.book.sleeves)) if signals is None else signals
        self._index = index
        orders, report = run_close(self.engine, self.venue, batch)
        self.next_seq += 1
        return Closed(self.on_bars(batch), report, orders)

    def run(self, market: Market, signals: SignalColumns) -> list[Closed]:
        """Pass every tradable row of a market; row ``t`` of ``signals`` belongs to row ``t``."""
        return list(self.steps(market, signals))

    def steps(self, market: Market, signals: SignalColumns) -> Iterator[Closed]:
        """Pass a market close by close, for whoever looks in between."""
        self._warm_up(market)
        for t in range(market.start, len(market)):
            yield self.close(market.bars[t], signals, t)

    def warm(self, *closes: float) -> None:
        """Give the covariance some history: bars before the session, the same for all symbols."""
        bars = np.array([[a_bar(price)] * len(self.setup.rules) for price in closes])
        self._warm_up(market_of(bars, start=len(closes)))
        self.start_ms = START_MS  # the session itself begins at midnight

    def _warm_up(self, market: Market) -> None:
        self.start_ms = int(market.open_ms[0]) + market.start * self.timeframe_ms
        self.risk.warm_up(market)
        self.venue.warm_up(market)


class Scene(NamedTuple):
    """A market, what strategies say about it, and a session to put both through."""

    session: Session
    market: Market
    signals: SignalColumns

    def steps(self) -> Iterator[Closed]:
        """Pass the market close by close."""
        return self.session.steps(self.market, self.signals)


def a_busy_scene(
    rows: int = 120,
    seed: int = 0,
    setup: Setup | None = None,
    *,
    volatility: float = 0.03,
    gaps: float = 0.02,
    ladders: bool = True,
    busy: float = 0.3,
    log: JournalPort | None = None,
) -> Scene:
    """Return a scene of two symbols with much to do; ``setup`` says how many strategies, or two."""
    setup = setup or a_setup(2, 2, taker_fee=0.0006, slippage=0.0005, recentre_bars=6)
    market = a_market(rows, 2, seed, volatility=volatility, gaps=gaps)
    signals = random_signals(market, setup.strategies, seed, ladders=ladders, busy=busy)
    return Scene(Session(setup, log=log), market, signals)


def an_open_journal(path: Path) -> FileJournal:
    """Return a journal that was read to its end and takes records."""
    journal = FileJournal(path)
    for _ in journal.recover():
        pass
    return journal
