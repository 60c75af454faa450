"""Optuna's TPE as a Ray Tune search, in generations: the same seed draws the same sets anywhere.

Asked set by set, what comes next would depend on which worker answered first. So a generation is
asked whole, cut into blocks, and told back in its own order once all its blocks are done.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from aster_ray.errors import ConfigError
from aster_ray.kernel.simulator import Outcome
from aster_ray.research.sweep import METRICS, Sets
from tune.blocks import outcomes_of

_GENERATION = 32
_BLOCKS = 4  # of a generation
_PATIENCE = 50  # asks per wanted set before the space counts as exhausted

Values = tuple[float, ...]


class GenerationSearch(Searcher):
    """Draw ``count`` distinct allowed sets, each generation informed by all before it."""

    def __init__(
        self,
        grid: Mapping[str, Sequence[float]],
        settle: Callable[[Sequence[float]], Sets],
        count: int,
        seed: int,
        metric: str,
    ) -> None:
        """Search the listed values of ``grid``; ``settle`` raises for what is not allowed."""
        super().__init__(metric="outcomes", mode="max")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        more = METRICS[metric]
        self._study = optuna.create_study(
            sampler=sampler, direction="maximize" if more else "minimize"
        )
        self._grid = {name: tuple(values) for name, values in grid.items()}
        self._settle, self._count, self._field = settle, count, metric
        self._asked: dict[Values, int] = {}  # values -> number of the Optuna trial
        self._queue: list[list[Values]] = []  # blocks not handed out yet
        self._running: dict[str, list[Values]] = {}
        self._generation: list[Values] = []
        self.found: dict[Values, Outcome] = {}
        self._exhausted = False

    @property
    def order(self) -> list[Values]:
        """Return every set handed out, in the order it was drawn."""
        return list(self._asked)

    @property
    def is_over(self) -> bool:
        """Return whether every wanted set was handed out and came back."""
        handed = len(self._asked) >= self._count or self._exhausted
        return handed and not self._queue and not self._running

    def suggest(self, trial_id: str) -> Any:
        """Return the next block, None while a generation is still running, or the end."""
        if not self._queue:
            if self._running:
                return None
            self._tell()
            self._ask()
        if not self._queue:
            return Searcher.FINISHED
        block = self._queue.pop(0)
        self._running[trial_id] = block
        return {"values": [list(values) for values in block]}

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """Keep what a block found; a block that failed is told as such."""
        block = self._running.pop(trial_id, [])
        if result is not None and not error and "outcomes" in result:
            self.found |= dict(zip(block, outcomes_of(result["outcomes"]), strict=True))

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: such a search is not continued."""

    def restore(self, checkpoint_path: str) -> None:
        """Begin anew."""

    def _tell(self) -> None:
        for values in self._generation:
            outcome = self.found.get(values)
            score = None if outcome is None else getattr(outcome, self._field)
            if score is None:
                self._study.tell(self._asked[values], state=TrialState.FAIL)
            else:
                self._study.tell(self._asked[values], score)
        self._generation = []

    def _ask(self) -> None:
        wanted = min(_GENERATION, self._count - len(self._asked))
        patience = _PATIENCE * max(wanted, 0)
        while len(self._generation) < wanted and patience > 0 and not self._exhausted:
            patience -= 1
            trial = self._study.ask()
            values = tuple(
                column[trial.suggest_int(name, 0, len(column) - 1)]
                for name, column in self._grid.items()
            )
            if values in self._asked or not self._is_allowed(values):
                self._study.tell(trial, state=TrialState.FAIL)
                continue
            self._asked[values] = trial.number
            self._generation.append(values)
        self._exhausted = len(self._generation) < wanted
        size = -(-len(self._generation) // _BLOCKS)
        cuts = range(0, len(self._generation), max(1, size))
        self._queue = [self._generation[begin : begin + size] for begin in cuts]

    def _is_allowed(self, values: Values) -> bool:
        try:
            self._settle(values)
        except ConfigError:
            return False
        return True
