"""The clockwork, without a word about how fast anything is."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from tests.bench import timing


def test_runs_take_turns_and_each_is_repeated() -> None:
    order: list[str] = []
    runs = {name: (lambda name=name: order.append(name) or 0.0) for name in ("one", "other")}
    assert timing.interleaved(runs, 3).keys() == runs.keys()
    assert order == ["one", "other"] * 3


def test_medians_forgive_one_bad_run_and_count_other_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall = iter([0.0, 2.0, 10.0, 19.0, 20.0, 21.0])
    cpu = iter([0.0, 1.0, 1.0, 2.0, 2.0, 3.0])
    clock = SimpleNamespace(perf_counter=lambda: next(wall), process_time=lambda: next(cpu))
    monkeypatch.setattr(timing, "time", clock)
    spent = timing.interleaved({"run": lambda: 0.5}, 3)["run"]
    assert spent == timing.Spent(wall=2.0, cpu=1.5)


def test_a_part_is_timed_inside_a_run_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1.0, 4.0, 10.0, 10.5])
    monkeypatch.setattr(
        timing, "time", SimpleNamespace(perf_counter=lambda: next(clock), time=time.time)
    )
    original = timing.machine
    with timing.timed_part("tests.bench.timing", "machine") as part:
        assert timing.machine()["cores"] == timing.cores()
        timing.machine()
        assert part.take() == 3.5
        assert part.take() == 0.0
    assert timing.machine is original
