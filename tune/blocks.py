"""What one trial does: many parameter sets over the shared market, through the sweep itself.

A trial costs a tenth of a second and more, a set a few milliseconds: so a trial is a block of sets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from ray import tune as ray_tune

from aster_ray.kernel.market import Market
from aster_ray.kernel.simulator import Outcome
from aster_ray.research.prepare import prepare
from aster_ray.research.request import RunRequest
from aster_ray.research.sweep import settler, sweep_sets

# Bars times sets of a trial: at least what Tune itself costs, at most a few seconds.
_SMALLEST, _LARGEST = 4e6, 120e6
_TRIALS = 64


class Workload(NamedTuple):
    """What every trial shares: it lies in the object store once per node."""

    request: RunRequest  # whose warm-up covers every set
    market: Market
    names: tuple[str, ...]
    values: np.ndarray  # f8[sets, names] for blocks known in advance, else empty


class Block(ray_tune.Trainable):
    """Run the sets of one block; an actor keeps its prepared market from block to block.

    The configuration is ``{"block": [begin, end]}``, rows of the workload's values, or
    ``{"values": [[...], ...]}`` where a search decides on the way.
    """

    def setup(self, config: dict[str, Any], workload: Workload | None = None) -> None:
        """Prepare the market once for all blocks of this actor."""
        if workload is None:
            raise TypeError("a block needs the workload: wrap it in tune.with_parameters")
        self._workload = workload
        self._config = config
        self._prepared = prepare(workload.request, workload.market)
        self._settle = settler(workload.request, workload.names)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next block."""
        self._config = new_config
        return True

    def step(self) -> dict[str, Any]:
        """Run the block and report a row of plain numbers for each set, in order."""
        values = self._config.get("values")
        if values is None:
            begin, end = self._config["block"]
            values = self._workload.values[begin:end].tolist()
        outcomes = sweep_sets(self._prepared, [self._settle(own) for own in values])
        return {"outcomes": [dataclasses.astuple(one) for one in outcomes], "done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Keep nothing: a block is done or done again."""

    def load_checkpoint(self, checkpoint: object) -> None:
        """Begin anew."""


def outcomes_of(rows: Sequence[Sequence[Any]]) -> list[Outcome]:
    """Return what ``Block.step`` reported as outcomes."""
    return [Outcome(*row) for row in rows]


def block_size(sets: int, market: Market, strategies: int) -> int:
    """Return how many sets a trial should run."""
    cost = max(1, len(market) * len(market.symbols) * strategies)
    wanted = np.clip(np.ceil(sets / _TRIALS), np.ceil(_SMALLEST / cost), max(1.0, _LARGEST / cost))
    return int(max(1, min(sets, wanted)))


def blocks_of(sets: int, size: int) -> list[list[int]]:
    """Cut ``sets`` into [begin, end] of at most ``size``."""
    return [[begin, min(begin + size, sets)] for begin in range(0, sets, size)]
