from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aster_ray.metrics import tables
from aster_ray.metrics.facts import ORDER_COLUMNS, RunFacts
from aster_ray.metrics.round_trips import RoundTrip
from tests.aster_ray.metrics.accounts import Ledger, flat_market


def test_equity_has_a_row_per_close(facts: RunFacts) -> None:
    table = tables.equity_table(facts)
    assert table.column_names == ["ms", "equity", "gross", "drawdown", "buy_and_hold"]
    assert table["equity"].to_pylist() == facts.equity.tolist()
    assert max(table["drawdown"].to_pylist()) > 0.0


def test_trades_are_round_trips_with_the_open_ones_last(facts: RunFacts) -> None:
    table = tables.trips_table(facts)
    assert tuple(table.column_names) == RoundTrip._fields
    assert table["is_open"].to_pylist() == [False] * 29 + [True]
    net = facts.equity[-1] - facts.capital
    assert sum(table["net"].to_pylist()) == pytest.approx(net)


def test_orders_keep_their_columns(facts: RunFacts) -> None:
    table = tables.orders_table(facts)
    assert tuple(table.column_names) == ORDER_COLUMNS
    assert table["client_order_id"].to_pylist() == ["o1"]
    assert table["price"].to_pylist() == [None]


def test_fills_have_names_and_a_settlement_has_no_notional(facts: RunFacts) -> None:
    rows = tables.fills_table(facts).to_pylist()
    assert len(rows) == len(facts.fills)
    assert (rows[0]["symbol"], rows[0]["strategy"], rows[0]["kind"]) == (
        "BTCUSDT",
        "momentum",
        "market",
    )
    assert rows[0]["notional"] == pytest.approx(2.0 * rows[0]["price"])
    assert (rows[1]["kind"], rows[1]["notional"]) == ("funding", 0.0)


def test_fills_are_in_order_of_time_and_those_of_one_moment_keep_theirs(facts: RunFacts) -> None:
    turned = dataclasses.replace(facts, fills=facts.fills[::-1].copy())
    ms = tables.fills_table(turned)["ms"].to_pylist()
    assert ms == sorted(ms)
    assert ms[0] < ms[-1]
    fills = facts.fills.copy()
    fills["ms"] = fills["ms"][0]
    prices = tables.fills_table(dataclasses.replace(facts, fills=fills))["price"].to_pylist()
    assert prices == fills["price"].tolist()


def test_types_of_an_empty_run_equal_those_of_a_full_one(facts: RunFacts) -> None:
    empty = Ledger(flat_market(np.full((3, 1), 100.0))).facts()
    for build in (tables.trips_table, tables.orders_table, tables.fills_table):
        assert build(empty).schema == build(facts).schema
