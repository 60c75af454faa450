from __future__ import annotations

from typing import Any

import pytest

from aster_ray.metrics.caveats import caveats
from aster_ray.metrics.significance import Interval
from tests.aster_ray.metrics.accounts import DAY

SURE = Interval(0.5, 2.0)
UNSURE = Interval(-0.5, 2.0)


def a_report(**changes: Any) -> dict[str, Any]:
    """Return a report nobody can doubt, with changes."""
    values = {"days": 400.0, "trips": 200, "sharpe": SURE, "gap": SURE, "net": 50.0, "rest": 20.0}
    values["held"] = 399 * DAY
    values |= changes
    return {
        "period": {"days": values["days"], "to_ms": 400 * DAY},
        "risk": {"last_held_ms": values["held"]},
        "round_trips": {"all": {"round_trips": values["trips"], "net": values["net"]}},
        "extreme_round_trips": {"best": [1] * 5, "net_without_best": values["rest"]},
        "summary": {
            "confidence": {
                "strategy": {"sharpe": values["sharpe"], "level": 0.95},
                "sharpe_difference": values["gap"],
            }
        },
    }


def test_a_long_sure_run_has_none() -> None:
    assert caveats(a_report()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"days": 89.9}, "The run lasted 89.9 days"),
        ({"trips": 29}, "29 closed round trips"),
        ({"sharpe": UNSURE}, "interval of the Sharpe ratio, -0.50 to 2.00, holds zero"),
        ({"gap": UNSURE}, "neither is shown to be better"),
        ({"sharpe": None, "gap": None}, "no confidence interval"),
        ({"rest": 0.0}, "Without its 5 best round trips"),
        ({"days": 0.0}, "no tradable bar"),
        ({"held": None}, "No position was ever held"),
        ({"held": 300 * DAY}, "Nothing was held after 1970-10-28 00:00 UTC: the last 100 of 400"),
    ],
)
def test_each_doubt_is_said_once(changes: dict[str, Any], words: str) -> None:
    (found,) = caveats(a_report(**changes))
    assert words in found


def test_a_losing_run_is_not_told_that_its_best_trips_carried_it() -> None:
    assert caveats(a_report(net=-5.0, rest=-90.0)) == []
    assert caveats(a_report(rest=None)) == []
