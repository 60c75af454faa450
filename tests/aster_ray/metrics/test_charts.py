from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.metrics import charts


def test_ticks_are_round_and_inside() -> None:
    assert charts.ticks(0.0, 100.0) == [0.0, 25.0, 50.0, 75.0, 100.0]
    assert charts.ticks(-0.153, 0.0) == pytest.approx([-0.15, -0.1, -0.05, 0.0])
    assert charts.ticks(3.0, 3.0) == [3.0]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_never_leave_the_range(low: float, span: float) -> None:
    high = low + span
    found = charts.ticks(low, high)
    slack = 1e-6 * span
    assert 1 <= len(found) <= 6
    assert all(low - slack <= tick <= high + slack for tick in found)


def test_thinning_keeps_ends_and_extremes() -> None:
    y = np.random.default_rng(0).normal(size=10_000)
    x = np.arange(10_000.0)
    kept_x, kept_y = charts.thinned(x, y)
    assert len(kept_x) <= charts.MAX_POINTS + 2
    assert (kept_x[0], kept_x[-1]) == (0.0, 9_999.0)
    assert (kept_y.min(), kept_y.max()) == (y.min(), y.max())
    assert charts.thinned(x[:10], y[:10])[0] is not None
    assert len(charts.thinned(x[:10], y[:10])[0]) == 10


def test_log_ticks_are_one_two_and_five() -> None:
    assert charts.log_ticks(900.0, 6_000.0) == [1_000.0, 2_000.0, 5_000.0]


def test_equal_returns_are_equal_steps_on_the_log_chart() -> None:
    line = charts.Line("main", np.arange(3.0), np.array([10.0, 100.0, 1_000.0]))
    drawn = charts.log_chart("log", [line], [], ",.0f")
    assert 'points="0.0,300.0 500.0,150.0 1000.0,0.0"' in drawn
    assert ">1,000</span>" in drawn


def test_a_flat_curve_has_a_scale() -> None:
    line = charts.Line("main", np.array([0.0, 1.0]), np.array([5.0, 5.0]))
    assert "nan" not in charts.line_chart("flat", [line], [], ",.2f")


def test_histogram_separates_gains_from_losses_at_zero() -> None:
    drawn = charts.histogram("h", np.array([-0.02, -0.01, 0.0, 0.01, 0.03]), ".1%", bins=5)
    assert drawn.count('class="loss"') == 2
    assert drawn.count('class="gain"') == 3


@pytest.mark.parametrize("value", [0.0, 0.25, -3.0])
def test_histogram_of_equal_values_has_one_bar(value: float) -> None:
    drawn = charts.histogram("h", np.full(4, value), ".1%")
    assert drawn.count("<rect") == 1


def test_floating_bars_start_where_the_last_one_ended() -> None:
    drawn = charts.bar_chart(
        [
            charts.Bar("gross", 100.0, "+100", 0.0),
            charts.Bar("fees", -25.0, "-25", 100.0),
            charts.Bar("net", 75.0, "+75", is_total=True),
        ]
    )
    assert 'class="loss" style="left:75.00%;width:25.00%"' in drawn
    assert 'class="total" style="left:0.00%;width:75.00%"' in drawn


def test_names_are_escaped() -> None:
    assert "<b>" not in charts.bar_chart([charts.Bar("<b>", 1.0, "<b>")])


def test_thinning_several_columns_keeps_the_extremes_of_each() -> None:
    columns = list(np.random.default_rng(3).normal(size=(4, 50_000)))
    rows = charts.kept_rows(columns, 4_000)
    assert len(rows) <= 4_000
    assert (rows[0], rows[-1]) == (0, 49_999)
    for column in columns:
        assert {int(np.argmin(column)), int(np.argmax(column))} <= set(rows.tolist())


def test_a_line_breaks_where_it_is_undefined_and_a_band_has_two_edges() -> None:
    x = np.arange(5.0)
    broken = charts.Line("main", x, np.array([1.0, 2.0, np.nan, 3.0, 4.0]))
    drawn = charts.line_chart("t", [broken], [], ",.0f")
    assert drawn.count("<polyline") == 2
    assert "nan" not in drawn
    band = charts.Line("outer", x, np.full(5, 2.0), lower=np.zeros(5))
    drawn = charts.line_chart("t", [band], [], ",.0f")
    assert 'points="0.0,0.0 250.0,0.0 500.0,0.0 750.0,0.0 1000.0,0.0 1000.0,300.0' in drawn
    nothing = charts.Line("main", x, np.full(5, np.nan))
    assert "<polyline" not in charts.line_chart("t", [nothing], [], ",.0f")


@pytest.mark.parametrize(
    ("low", "high", "is_percent", "spec"),
    [
        (8_000.0, 14_000.0, False, ",.0f"),
        (0.041, 0.0527, False, ",.3f"),
        (-0.6, 0.0, True, ".0%"),
        (-0.006, 0.0, True, ".1%"),
        (0.0, 10.0, False, ",.1f"),
        (5.0, 5.0, False, ",.0f"),
    ],
)
def test_ticks_are_told_apart_without_idle_digits(
    low: float, high: float, is_percent: bool, spec: str
) -> None:
    assert charts.label_format(low, high, is_percent) == spec
    scale = 100.0 if is_percent else 1.0
    texts = [format(tick / scale, spec) for tick in charts.ticks(low * scale, high * scale)]
    assert len(set(texts)) == len(texts)
