from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aster_ray.metrics import traces
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.report import build_report
from aster_ray.metrics.tearsheet import render
from aster_ray.model.enums import FillKind
from tests.aster_ray.metrics.accounts import DAY, HOUR
from tests.aster_ray.metrics.conftest import START_MS, two_months


def as_booked(facts: RunFacts) -> RunFacts:
    """Return the same run with market orders stamped by the open that filled them."""
    fills = facts.fills.copy()
    fills["ms"][fills["kind"] == FillKind.MARKET] -= HOUR
    return replace(facts, fills=fills)


def test_net_exposure_is_rebuilt_from_the_fills_and_agrees_with_gross(facts: RunFacts) -> None:
    net = traces.net_exposure(as_booked(facts))
    assert net is not None
    assert np.max(np.abs(net)) <= np.max(facts.gross)
    # Until the ladder opens only one symbol is held: net is gross with the side's sign.
    assert np.abs(net[:1_400]) == pytest.approx(facts.gross[:1_400])
    assert net.min() < 0.0 < net.max()


def test_net_exposure_that_contradicts_the_account_is_not_shown(facts: RunFacts) -> None:
    booked = as_booked(facts)
    assert traces.net_exposure(replace(booked, gross=booked.gross * 1.01)) is None
    page = render(build_report(facts), replace(booked, gross=booked.gross * 1.01))
    assert "cannot be rebuilt" in page


def test_tables_hold_the_curves_of_the_report(facts: RunFacts) -> None:
    report = build_report(facts)
    columns = traces.tables(facts, report)
    assert set(columns) == {"curve", "band"}  # sixty days hold no window of thirty, three times
    curve = columns["curve"]
    assert curve["equity"][-1] == report["summary"]["strategy"]["final_equity"]
    assert curve["hold"][-1] == report["summary"]["buy_and_hold"]["final_equity"]
    assert -curve["drawdown"].min() == report["risk"]["max_drawdown"]
    assert curve["gross"].max() == report["risk"]["peak_leverage"]
    assert columns["band"]["equity"][-1] == curve["equity"][-1]
    long = two_months(120)
    assert traces.tables(long, build_report(long))["rolling"]["ms"][0] == START_MS + 30 * DAY


def test_a_ruined_run_has_no_exposure(facts: RunFacts) -> None:
    equity = facts.equity.copy()
    equity[-1] = -1.0
    ruined = replace(facts, equity=equity)
    report = build_report(ruined)
    assert "gross" not in traces.tables(ruined, report)["curve"]
    page = render(report, ruined)
    assert "equity reached zero: nothing can follow" in page
    assert 'id="exposure"' not in page


def test_what_the_script_gets_is_thinned_but_keeps_extremes_and_ends() -> None:
    long = two_months(240)
    columns = traces.tables(long, build_report(long))
    packed = traces.packed([traces.EQUITY, traces.DRAWDOWN], columns)
    table, curve = packed["tables"]["curve"], columns["curve"]
    assert set(packed["tables"]) == {"curve"}
    assert len(table["ms"]) <= traces.ZOOM_ROWS
    assert packed["start"] + 60_000 * table["ms"][-1] == curve["ms"][-1]
    for key in ("equity", "hold", "drawdown"):
        digits = 2 if key != "drawdown" else 6
        assert max(table[key]) == round(float(curve[key].max()), digits) + 0.0
        assert min(table[key]) == round(float(curve[key].min()), digits) + 0.0


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234.5, "cash", "1,234.50 USDT"),
        (-0.0123, "percent", "-1.23 %"),
        (0.5, "times", "0.50 x equity"),
        (-1.5, "ratio", "-1.50"),
    ],
)
def test_numbers_carry_their_unit(value: float, unit: str, text: str) -> None:
    assert traces.written(value, unit, "USDT") == text


def test_a_legend_without_a_last_number_says_why() -> None:
    ms = START_MS + DAY * np.arange(40)
    sharpe = np.append(np.ones(39), np.nan)
    table = {"ms": ms, "sharpe": sharpe, "zero": np.zeros(40)}
    drawn = traces.figure(traces.ROLLING, table, "USDT")
    assert 'title="no full window in which returns moved"' in drawn
    assert "title=" not in traces.figure(traces.ROLLING, table | {"sharpe": np.ones(40)}, "USDT")
