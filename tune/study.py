"""A sweep as a Ray Tune experiment: hand out blocks, collect outcomes, survive an interruption."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from aster_ray.errors import AsterError, ConfigError
from aster_ray.kernel.simulator import Outcome
from tune.blocks import Block, Workload, blocks_of, outcomes_of
from tune.storage import EXPERIMENT, Storage

# Read by Ray Tune while it is imported, in this process and in its workers.
for _name, _value in {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no CSV, JSON and TensorBoard files per trial
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # a strategy file is named relative to where the job began
    "RAY_AIR_NEW_OUTPUT": "0",  # with verbose=0 the one output that is really silent
}.items():
    os.environ.setdefault(_name, _value)

import ray.tune as ray_tune  # noqa: E402 - after its settings
from ray.tune import Callback, FailureConfig, RunConfig, TuneConfig, Tuner  # noqa: E402

Progress = Callable[[int, int], None]
Values = tuple[float, ...]
_RETRIES = 3  # of a block whose machine went away


def identity(workload: Workload) -> str:
    """Return a digest of everything a block's outcome depends on."""
    state = hashlib.blake2s(digest_size=16)
    state.update(f"{workload.request.digest()}|{workload.market.digest()}|".encode())
    state.update(repr(workload.names).encode())
    state.update(workload.values.tobytes())
    return state.hexdigest()


def run_blocks(
    workload: Workload, size: int, storage: Storage, progress: Progress
) -> list[Outcome]:
    """Run every set of the workload and return the outcomes in its order.

    Raises:
        KeyboardInterrupt: stopped by a person; the experiment can be continued.
        AsterError: a block failed, again and again.
    """
    digest = identity(workload)
    if storage.resumed:
        earlier, size = storage.recorded()
        if earlier != digest:
            problem = f"--resume {storage.folder} is a sweep of other data, settings or sets"
            raise ConfigError([f"{problem}: repeat the options it was begun with"])
    else:
        storage.record(digest, size)
    sets = len(workload.values)
    blocks = blocks_of(sets, size)
    trainable = _trainable(workload)
    if storage.resumed and Tuner.can_restore(str(storage.experiment)):
        tuner = Tuner.restore(
            str(storage.experiment),
            trainable=trainable,
            resume_unfinished=True,
            restart_errored=True,
            param_space={"block": ray_tune.grid_search(blocks)},
        )
    else:
        tuner = Tuner(
            trainable,
            param_space={"block": ray_tune.grid_search(blocks)},
            tune_config=TuneConfig(reuse_actors=True),
            run_config=_run_config(storage, Counting(progress, sets)),
        )
    done: dict[int, list[Outcome]] = {}
    for result in _fit(tuner):
        if "outcomes" in result:
            done[result["config"]["block"][0]] = outcomes_of(result["outcomes"])
    if len(done) < len(blocks):
        raise KeyboardInterrupt
    progress(sets, sets)
    return [outcome for begin, _ in blocks for outcome in done[begin]]


def run_search(
    workload: Workload, search: Any, count: int, storage: Storage, progress: Progress
) -> dict[Values, Outcome]:
    """Run a search that decides on the way (``guided.GenerationSearch``) to its end."""
    tuner = Tuner(
        _trainable(workload),
        tune_config=TuneConfig(reuse_actors=True, search_alg=search, num_samples=-1),
        run_config=_run_config(storage, Counting(progress, count)),
    )
    found: dict[Values, Outcome] = {}
    unfinished = False
    for result in _fit(tuner):
        unfinished = unfinished or "outcomes" not in result
        values = result.get("config", {}).get("values", [])
        outcomes = outcomes_of(result.get("outcomes", []))
        found |= dict(zip(map(tuple, values), outcomes, strict=False))
    if unfinished or not search.is_over:
        raise KeyboardInterrupt
    return found


def _trainable(workload: Workload) -> Any:
    return ray_tune.with_resources(
        ray_tune.with_parameters(Block, workload=workload), resources={"cpu": 1}
    )


def _run_config(storage: Storage, callback: Callback) -> RunConfig:
    return RunConfig(
        name=EXPERIMENT,
        storage_path=str(storage.folder),
        verbose=0,
        callbacks=[callback],
        failure_config=FailureConfig(max_failures=_RETRIES),
    )


def _fit(tuner: Tuner) -> list[Mapping[str, Any]]:
    """Run an experiment and return what each trial reported; its words go nowhere.

    Standard output belongs to the result, and Tune's advice is about other ways to use it.
    """
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            grid = tuner.fit()
    finally:
        logger.setLevel(level)
    results: list[Mapping[str, Any]] = []
    for place in range(len(grid)):
        result = grid[place]
        if result.error is not None:
            lines = [line for line in str(result.error).strip().splitlines() if line.strip()]
            raise AsterError(f"a block of the sweep failed: {lines[-1] if lines else 'no reason'}")
        results.append({**(result.metrics or {}), "config": result.config or {}})
    return results


class Counting(Callback):
    """Tell a progress bar how many sets are done."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[Any, Any], **info: Any
    ) -> None:
        """Count a block."""
        self._done += len(result.get("outcomes", ()))
        self._progress(min(self._done, self._total), self._total)

    def __reduce__(self) -> tuple[type[Counting], tuple[Progress, int]]:
        """Leave the bar behind: Tune pickles its callbacks with the experiment."""
        return (Counting, (_silent, self._total))


def _silent(_done: int, _total: int) -> None:
    """Say nothing."""
