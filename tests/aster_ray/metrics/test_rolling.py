from __future__ import annotations

import numpy as np
import pytest

from aster_ray.metrics import performance
from aster_ray.metrics.rolling import rolling_report, rolling_sharpe
from tests.aster_ray.metrics.accounts import DAY, HOUR

START = 1_704_067_200_000


def a_curve(days: int) -> tuple[np.ndarray, np.ndarray]:
    change = np.random.default_rng(4).normal(0.0, 0.003, days * 24)
    ms = START + HOUR * np.arange(days * 24 + 1)
    return ms, 10_000.0 * np.concatenate([[1.0], np.cumprod(1.0 + change)])


@pytest.mark.parametrize(("days", "window"), [(90, 30), (269, 30), (270, 90), (800, 90)])
def test_window_is_the_longest_that_fits_three_times(days: int, window: int) -> None:
    found = rolling_sharpe(*a_curve(days))
    assert found is not None
    assert (found.window, len(found.sharpe), len(found.ms)) == (
        window,
        days - window + 1,
        days - window + 1,
    )


def test_each_value_is_the_sharpe_of_its_own_days() -> None:
    ms, equity = a_curve(120)
    found = rolling_sharpe(ms, equity)
    assert found is not None
    daily = performance.returns(equity[::24])
    for place in (0, 40, len(found.sharpe) - 1):
        wanted = performance.sharpe(daily[place : place + 30], 365.0)
        assert found.sharpe[place] == pytest.approx(wanted, rel=1e-9)
        assert found.ms[place] == START + (place + 30) * DAY


def test_report_leaves_idle_windows_out_and_names_what_it_saw() -> None:
    ms, equity = a_curve(120)
    equity[60 * 24 :] = equity[60 * 24]  # halted
    report = rolling_report(ms, equity)
    assert (report["window_days"], report["windows"]) == (30, 60)
    assert np.isnan(report["latest"])
    assert report["lowest"] <= report["median"] <= report["highest"]
    found = rolling_sharpe(ms, equity)
    assert found is not None
    known = found.sharpe[~np.isnan(found.sharpe)]
    assert report["share_above_zero"] == np.mean(known > 0.0)


def test_a_short_or_ruined_run_has_no_window() -> None:
    ms, equity = a_curve(89)
    assert rolling_sharpe(ms, equity) is None
    assert rolling_report(ms, equity)["window_days"] is None
    ms, equity = a_curve(120)
    equity[-1] = 0.0
    assert rolling_report(ms, equity)["lowest"] is None
