"""The trading environment: an agent's actions through the kernel that every other host uses.

E episodes run side by side in compiled code. An action is a signed fraction of full size per symbol
(``observation.TARGETS``); it becomes the signal a strategy would have given, and sizing, limits,
exits, fills, funding and liquidation happen to it as to any strategy. The reward is the log change
of equity from close to close, all costs paid.

An episode is a window of the market. It ends early when a drawdown limit halts the account or
nothing is left. The step after an end begins the next window: its action is ignored and its reward
is zero (what gymnasium calls NEXT_STEP autoreset).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from aster_ray._jit import bound
from aster_ray.errors import ConfigError
from aster_ray.kernel.books import new_book
from aster_ray.kernel.covariance import covariance_path
from aster_ray.kernel.episodes import (
    ACCOUNT_COLUMNS,
    SYMBOL_COLUMNS,
    Run,
    World,
    begin_episodes,
    step_episodes,
)
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, MARK_CLOSE, Book, Setup, SignalColumns
from aster_ray.kernel.simulator import shared
from aster_ray.research import observation


class Arena(NamedTuple):
    """What an episode is fought over; ``setup`` has one sleeve per symbol."""

    market: Market
    setup: Setup
    capital: float  # quote currency, at the beginning of every episode


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeConfig:
    """How episodes are cut from the market.

    Attributes:
        envs: episodes side by side.
        steps: decisions per episode.
        stop_loss: protective stop of every position, fraction of the entry price.
        seed: of the windows drawn.
    """

    envs: int = 64
    steps: int = 512
    stop_loss: float = 0.05
    seed: int = 0

    def problems(self) -> list[str]:
        """Return what is out of range."""
        found = []
        if self.envs < 1:
            found.append(f"envs must be at least 1, was {self.envs}")
        if self.steps < 1:
            found.append(f"steps must be at least 1, was {self.steps}")
        if not 0.0 < self.stop_loss < 1.0:
            found.append(f"stop_loss must lie above 0 and below 1, was {self.stop_loss:g}")
        return found


class Step(NamedTuple):
    """What a step brought to each of E episodes."""

    observation: np.ndarray  # f4[E, D]
    reward: np.ndarray  # f8[E]
    terminated: np.ndarray  # b1[E]
    truncated: np.ndarray  # b1[E]


class TradingEnv:
    """E accounts that trade windows of one market."""

    def __init__(self, arena: Arena, config: EpisodeConfig) -> None:
        """Prepare the market once.

        Raises:
            ConfigError: an option is out of range, or the market is shorter than an episode.
        """
        problems = config.problems()
        market, setup = arena.market, arena.setup
        if setup.strategies != 1:
            problems.append(f"an environment has one sleeve per symbol, not {setup.strategies}")
        self.first = max(market.start, observation.lookback() - 1)
        self.last_first = len(market) - 1 - config.steps
        if not problems and self.last_first < self.first:
            needed = self.first + config.steps + 1
            problems.append(
                f"episodes of {config.steps} steps need {needed} bars, the market has "
                f"{len(market)}: take a longer period or shorter episodes"
            )
        if problems:
            raise ConfigError(problems)
        self.arena, self.config = arena, config
        self.inputs = observation.inputs(market.symbols)
        self._world = world_of(market, float(setup.limits["covariance_decay"][0]))
        self._codes, self._units = observation.action_codes()
        self._fresh = new_book(len(market.symbols), 1, arena.capital, ladders=False)
        self._books = _books(self._fresh, config.envs)
        self._run = _run(config.envs, self._world)
        self._signals = _signals(config.envs, len(market.symbols), config.stop_loss)
        self._draw = [np.random.default_rng([config.seed, e]) for e in range(config.envs)]
        self._every = np.arange(config.envs)
        stage = (setup, self._world)
        self._begin = bound(
            begin_episodes, self._books, self._fresh, *stage, self._run, self._every
        )
        self._step = bound(step_episodes, self._books, *stage, self._signals, self._run)

    @property
    def actions(self) -> int:
        """Return how many actions there are per symbol."""
        return len(self._codes)

    @property
    def equity(self) -> np.ndarray:
        """Return f8[E], equity at the last close of each episode."""
        return np.array(self._books.account["equity"])

    @property
    def rows(self) -> np.ndarray:
        """Return i8[E], the market row at whose close the next action is decided on."""
        return self._run.row.copy()

    def account(self, e: int) -> Any:
        """Return the account record of an episode."""
        return self._books.account[e]

    def reset(self, seed: int | None = None, first: np.ndarray | None = None) -> np.ndarray:
        """Begin every episode and return f4[E, D].

        Args:
            seed: of the windows from here on; None = go on drawing.
            first: i8[E], the rows to begin at instead of drawn ones.
        """
        if seed is not None:
            self._draw = [np.random.default_rng([seed, e]) for e in range(self.config.envs)]
        if first is None:
            self._place(self._every)
        else:
            if (first < self.first).any() or (first > self.last_first).any():
                raise ValueError(f"episodes begin within {self.first}..{self.last_first}")
            self._run.row[:] = first
            self._run.until[:] = first + self.config.steps
        self._restart(self._every)
        return self._run.observation.copy()

    def step(self, actions: np.ndarray) -> Step:
        """Take one decision in every episode.

        Args:
            actions: i8[E, N], index into ``observation.TARGETS`` per symbol.
        """
        run = self._run
        ended = np.flatnonzero(run.over)
        np.take(self._codes, actions, out=self._signals.code)
        np.take(self._units, actions, out=self._signals.target_units)
        self._step(self._books, self.arena.setup, self._world, self._signals, run)
        if len(ended):
            self._place(ended)
            self._restart(ended)
        return Step(
            run.observation.copy(), run.reward.copy(), run.terminated.copy(), run.truncated.copy()
        )

    def _place(self, chosen: np.ndarray) -> None:
        """Draw where the next windows begin; each episode draws for itself."""
        for e in chosen.tolist():
            first = int(self._draw[e].integers(self.first, self.last_first + 1))
            self._run.row[e] = first
            self._run.until[e] = first + self.config.steps

    def _restart(self, chosen: np.ndarray) -> None:
        stage = (self.arena.setup, self._world)
        self._begin(self._books, self._fresh, *stage, self._run, chosen)


def world_of(market: Market, decay: float) -> World:
    """Return a market as episodes share it."""
    rows, count = market.bars.shape[:2]
    path = np.zeros((rows, count, count))
    marks = np.ascontiguousarray(market.bars[:, :, MARK_CLOSE])
    scratch = np.full(count, np.nan), np.zeros((count, count))
    covariance_path(marks, decay, *scratch, path)
    here = np.where(np.isnan(market.bars[:, :, CLOSE]), -1, np.arange(rows)[:, None])
    upto = np.maximum.accumulate(here, axis=0)
    seen = np.vstack([np.full((1, count), -1), upto[:-1]]).astype(np.int64)
    return World(
        bars=shared(np.ascontiguousarray(market.bars)),
        open_ms=shared(np.ascontiguousarray(market.open_ms, np.int64)),
        timeframe_ms=market.timeframe_ms,
        covariance=path,
        seen=seen,
        features=observation.market_columns(market),
    )


def _books(fresh: Book, envs: int) -> Book:
    """Return the tables of ``envs`` accounts: those of one with another leading axis."""
    tables = []
    for index, table in enumerate(fresh):
        single = index == 0  # the account is one record already
        shape = (envs,) if single else (envs, *table.shape)
        wide = np.zeros(shape, table.dtype)
        tables.append(wide.view(np.recarray) if table.dtype.names else wide)
    return Book(*tables)


def _run(envs: int, world: World) -> Run:
    width = world.features.shape[1] + SYMBOL_COLUMNS * world.bars.shape[1] + ACCOUNT_COLUMNS
    return Run(
        row=np.zeros(envs, np.int64),
        until=np.zeros(envs, np.int64),
        over=np.zeros(envs, np.bool_),
        reward=np.zeros(envs),
        terminated=np.zeros(envs, np.bool_),
        truncated=np.zeros(envs, np.bool_),
        observation=np.zeros((envs, width), np.float32),
    )


def _signals(envs: int, symbols: int, stop_loss: float) -> SignalColumns:
    return SignalColumns(
        code=np.zeros((envs, symbols), np.int8),
        confidence=np.ones((1, symbols)),
        stop_loss=np.full((1, symbols), stop_loss),
        take_profit=np.full((1, symbols), np.nan),
        target_units=np.ones((envs, symbols)),
        ladder=np.full((1, symbols, 4), np.nan),
    )


def replayed(arena: Arena, config: EpisodeConfig, first: int, actions: np.ndarray) -> SignalColumns:
    """Return the columns of ``simulate`` that stand for ``actions`` i8[R, N] taken from ``first``.

    After the last action nothing is said.
    """
    rows, count = arena.market.bars.shape[:2]
    codes, units = observation.action_codes()
    code = np.zeros((rows, count), np.int8)
    target = np.ones((rows, count))
    code[first : first + len(actions)] = codes[actions]
    target[first : first + len(actions)] = units[actions]
    return _signals(1, count, config.stop_loss)._replace(code=code, target_units=target)
