"""Shared indicator columns: each once, and never more of them than fit."""

from __future__ import annotations

import itertools

import numpy as np

from aster_ray.research.fused import FusedSource, blocks
from aster_ray.strategies.contract import ColumnKey, Fused, Panel, Params, Series
from aster_ray.strategies.momentum import Momentum
from tests.factories import a_market

PARAMS = [
    {"fast": float(fast), "slow": float(slow), "adx_period": 14.0}
    for fast, slow in itertools.product((5, 8, 13), (30, 50, 80, 130))
]


def test_blocks_cover_every_set_in_order() -> None:
    for limit in (0, 8 * 100 * 9, 10**9):
        ranges = list(blocks(PARAMS, Momentum.fused, 100, limit))
        edges = [0, *(end for _, end in ranges)]
        assert ranges == list(itertools.pairwise(edges))
        assert edges[-1] == len(PARAMS)


def test_a_block_holds_no_more_columns_than_fit() -> None:
    many = [{"fast": 2.0 + k, "slow": 300.0 + k, "adx_period": 14.0} for k in range(40)]
    ranges = list(blocks(many, Momentum.fused, 100, 8 * 100 * 11))
    assert len(ranges) == 8  # five sets need ten averages and the one ADX
    for begin, end in ranges:
        keys = {key for own in many[begin:end] for key in Momentum.fused.keys(own)}
        assert len(keys) <= 11


def test_one_block_where_all_columns_fit_and_none_for_no_sets() -> None:
    assert list(blocks(PARAMS, Momentum.fused, 100)) == [(0, len(PARAMS))]
    assert list(blocks([], Momentum.fused, 100)) == []


def test_each_distinct_column_is_computed_once_a_symbol() -> None:
    asked: list[ColumnKey] = []

    def column(key: ColumnKey, series: Series) -> np.ndarray:
        asked.append(key)
        return np.full(len(series.close), key[1][0])

    def rule(columns: np.ndarray, index: np.ndarray, params: np.ndarray, code: np.ndarray) -> None:
        code[:] = columns[index[0]] + params[0]

    def keys(params: Params) -> tuple[ColumnKey, ...]:
        return (("level", (params["slow"],)),)

    fused = Fused(keys, column, rule, lambda _: (1.0, 0.05, float("nan")))
    market = a_market(50, 2, gaps=0.1)
    params = [
        {p.name: 1.0 for p in Momentum.parameters} | {"fast": fast, "slow": slow}
        for fast in (1.0, 2.0)
        for slow in (10.0, 20.0)
    ]
    source = FusedSource(Momentum(), fused, Panel.of(market), params)
    assert sorted(asked) == [("level", (slow,)) for slow in (10.0, 10.0, 20.0, 20.0)]
    missing = np.isnan(market.bars[:, :, 3])
    assert missing.any()
    for own in params:
        said = source.columns(own)
        assert said.code.shape == (50, 2)
        assert (said.code[~missing] == own["fast"] + own["slow"]).all()
        assert (said.code[missing] == 0).all()  # a missing bar says nothing
        assert said.stop_loss.tolist() == [[0.05, 0.05]]
