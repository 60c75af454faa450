from __future__ import annotations

import numpy as np

from aster_ray.data.assemble import SymbolTables, assemble, symbol_columns
from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.kernel.records import CLOSE, FUNDING, MARK_CLOSE, MARK_HIGH, MARK_LOW

HOUR_MS = 3_600_000
EPOCH_MS = 1_704_067_200_000


def bars(rows: list[int], price: float = 100.0) -> BarTable:
    times = EPOCH_MS + HOUR_MS * np.array(rows, dtype=np.int64)
    close = price + np.array(rows, dtype=np.float64)
    values = np.column_stack(
        [close - 0.5, close + 1.0, close - 1.0, close, np.full(len(rows), 7.0)]
    )
    return BarTable("x", HOUR_MS, times, values)


def funding(hours: list[float], rates: list[float]) -> FundingTable:
    times = EPOCH_MS + (HOUR_MS * np.array(hours)).astype(np.int64)
    return FundingTable("f", times, np.array(rates))


def test_symbols_share_the_union_of_their_times_and_are_nan_where_absent() -> None:
    market = assemble(
        [
            SymbolTables("AUSDT", bars([0, 1, 2, 4]), None, None),
            SymbolTables("BUSDT", bars([2, 3, 4], 10.0), None, None),
        ],
        HOUR_MS,
    )
    assert ((market.open_ms - EPOCH_MS) // HOUR_MS).tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(market.bars[3, 0]).all()
    assert np.isnan(market.bars[:2, 1]).all()
    assert market.bars[:, 0, CLOSE][[0, 1, 2, 4]].tolist() == [100.0, 101.0, 102.0, 104.0]
    assert market.volume[3, 0] == 0.0
    assert market.bars.flags.c_contiguous


def test_mark_prices_replace_last_prices_where_they_are_known() -> None:
    mark = bars([1, 2], 90.0)
    found = symbol_columns(SymbolTables("AUSDT", bars([0, 1, 2]), mark, None))
    assert found.rows[:, MARK_CLOSE].tolist() == [100.0, 91.0, 92.0]
    assert found.rows[:, MARK_HIGH].tolist() == [101.0, 92.0, 93.0]
    assert found.rows[:, MARK_LOW].tolist() == [99.0, 90.0, 91.0]
    assert "mark price missing on 1 of 3 bars, last price used there" in found.notes


def test_absent_marks_and_funding_are_named() -> None:
    market = assemble([SymbolTables("AUSDT", bars([0, 1]), None, None, ("spot",))], HOUR_MS)
    assert market.missing == (
        "AUSDT: spot",
        "AUSDT: no mark price, last price used",
        "AUSDT: no funding rates, none charged",
    )


def test_funding_is_paid_on_the_mark_open_of_the_bar_that_contains_it() -> None:
    settled = funding([0, 1.5, 1.75, 2], [0.001, 0.002, 0.003, -0.004])
    found = symbol_columns(SymbolTables("AUSDT", bars([0, 1, 2]), bars([0, 1, 2], 90.0), settled))
    assert found.rate.tolist() == [0.001, 0.005, -0.004]
    expected = np.array([0.001 * 89.5, 0.002 * 90.5 + 0.003 * 90.5, -0.004 * 91.5])
    assert np.allclose(found.rows[:, FUNDING], expected, rtol=1e-15)


def test_a_settlement_inside_a_hole_is_paid_after_it() -> None:
    found = symbol_columns(SymbolTables("AUSDT", bars([0, 1, 5]), None, funding([3], [0.001])))
    assert found.rate.tolist() == [0.0, 0.0, 0.001]


def test_settlements_outside_the_bars_do_not_count() -> None:
    settled = funding([-1, 2, 3], [0.5, 0.001, 0.5])
    found = symbol_columns(SymbolTables("AUSDT", bars([1, 2]), None, settled))
    assert found.rate.tolist() == [0.0, 0.001]


def test_long_stretches_without_funding_are_named() -> None:
    rows = list(range(24 * 10))
    settled = funding([0, 8, 16, 24 * 5, 24 * 5 + 8], [0.0001] * 5)
    found = symbol_columns(SymbolTables("AUSDT", bars(rows), None, settled))
    assert found.notes[1:] == (
        "no funding rates from 2024-01-01 16:00 to 2024-01-06 00:00, none charged",
        "no funding rates from 2024-01-06 08:00 to 2024-01-11 00:00, none charged",
    )
    nothing = symbol_columns(SymbolTables("AUSDT", bars(rows), None, funding([-8], [0.1])))
    assert nothing.notes[1:] == ("no funding rates in this period, none charged",)


def test_four_holes_are_three_and_a_count() -> None:
    rows = list(range(24 * 20))
    settled = funding([0, 48, 96, 144], [0.0001] * 4)
    found = symbol_columns(SymbolTables("AUSDT", bars(rows), None, settled))
    assert found.notes[-1] == "and 1 more holes in funding"
