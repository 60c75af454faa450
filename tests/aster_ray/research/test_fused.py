"""Shared condition columns: each once, and never more of them than fit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from aster_ray.research.fused import FusedSource, blocks
from aster_ray.strategies.contract import ColumnKey, Condition, Fused, Panel, Params, Series
from aster_ray.strategies.momentum import Momentum
from tests.factories import a_market

PARAMS = [
    {"fast": float(fast), "slow": float(slow), "adx_period": 14.0, "adx_min": 20.0}
    for fast, slow in itertools.product((5, 8, 13), (30, 50, 80, 130))
]


def test_blocks_cover_every_set_in_order() -> None:
    for limit in (0, 100 * 9, 10**9):
        ranges = list(blocks(PARAMS, Momentum.fused, 100, limit))
        edges = [0, *(end for _, end in ranges)]
        assert ranges == list(itertools.pairwise(edges))
        assert edges[-1] == len(PARAMS)


def test_a_block_holds_no_more_conditions_than_fit() -> None:
    rest = {"adx_period": 14.0, "adx_min": 20.0}
    many = [{"fast": 2.0 + k, "slow": 300.0 + k} | rest for k in range(40)]
    ranges = list(blocks(many, Momentum.fused, 100, 100 * 11))
    assert len(ranges) == 4  # ten sets need ten crosses and the one filter
    for begin, end in ranges:
        wanted = {c for own in many[begin:end] for c in Momentum.fused.conditions(own)}
        assert len(wanted) <= 11


def test_one_block_where_all_conditions_fit_and_none_for_no_sets() -> None:
    assert list(blocks(PARAMS, Momentum.fused, 100)) == [(0, len(PARAMS))]
    assert list(blocks([], Momentum.fused, 100)) == []


def test_each_distinct_column_is_worked_out_once_a_symbol() -> None:
    asked: list[ColumnKey] = []
    found: list[Condition] = []

    def column(key: ColumnKey, series: Series) -> np.ndarray:
        asked.append(key)
        return np.full(len(series.close), key[1][0])

    def condition(wanted: Condition, inputs: Sequence[np.ndarray]) -> np.ndarray:
        found.append(wanted)
        return (inputs[0] + wanted.arguments[0]).astype(np.int8)

    def rule(conditions: np.ndarray, index: np.ndarray, code: np.ndarray) -> None:
        code[:] = conditions[index[0]]

    def conditions(params: Params) -> tuple[Condition, ...]:
        return (Condition("sum", (params["fast"],), (("level", (params["slow"],)),)),)

    fused = Fused(conditions, column, condition, rule, lambda own: (1.0, own["fast"] / 9, 0.5))
    market = a_market(50, 2, gaps=0.1)
    params = [
        {"fast": fast, "slow": slow, "stop_loss": stop}
        for fast in (1.0, 2.0)
        for slow in (10.0, 20.0)
        for stop in (0.1, 0.2)
    ]
    source = FusedSource(fused, Panel.of(market), params)
    assert sorted(asked) == [("level", (slow,)) for slow in (10.0, 10.0, 20.0, 20.0)]
    assert len(found) == 2 * 4
    missing = np.isnan(market.bars[:, :, 3])
    assert missing.any()
    said = source.columns(params)
    assert said.code.shape == (8, 50, 2)
    assert said.take_profit.shape == (8, 1, 2)
    for own, code, stop in zip(params, said.code, said.stop_loss, strict=True):
        assert (code[~missing] == own["fast"] + own["slow"]).all()
        assert (code[missing] == 0).all()  # a missing bar says nothing
        assert stop.tolist() == [[own["fast"] / 9] * 2]
