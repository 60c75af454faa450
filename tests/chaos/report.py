"""The chaos suite's table: who died how often, and for how long it was felt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.chaos.cases import ROLES
from tests.chaos.suffer import Outcome, Recovery

NOTICED_WITHIN_S = 5.0
_COLUMNS = ("noticed", "answered", "traded")


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def summary(outcomes: Sequence[Outcome], failures: int) -> str:
    """Return the table as text: a row for each actor alone, one for pairs, one for all."""
    groups = [(role, [one for one in outcomes if one.case.victims == {role}]) for role in ROLES]
    groups.append(("two at once", [one for one in outcomes if len(one.case.victims) == 2]))
    groups.append(("all", list(outcomes)))
    head = f"{'':<12}{'cases':>6}{'in flight':>11}"
    head += "".join(f"{name + ' p50':>14}{'p99':>8}" for name in _COLUMNS)
    rows = [head]
    for name, found in groups:
        recoveries = [recovery for one in found for recovery in one.recoveries]
        in_flight = sum(one.in_flight is not None for one in found)
        cells = "".join(_cell(recoveries, column) for column in _COLUMNS)
        rows.append(f"{name:<12}{len(found):>6}{in_flight:>11}{cells}")
    rows.append("seconds: death to noticed; noticed to answering; death to the next close traded")
    noticed = [one.noticed for outcome in outcomes for one in outcome.recoveries]
    soon = sum(seconds <= NOTICED_WITHIN_S for seconds in noticed)
    # Printed, not asserted: on a machine busy with other things it says more about these.
    rows.append(f"noticed within {NOTICED_WITHIN_S:g} s: {soon} of {len(noticed)} deaths")
    rows.append(f"cases {len(outcomes) + failures}, failures {failures}")
    return "\n".join(rows)


def _cell(recoveries: Iterable[Recovery], column: str) -> str:
    values = [value for one in recoveries if (value := getattr(one, column)) is not None]
    if not values:
        return f"{'-':>14}{'-':>8}"
    return f"{quantile(values, 0.5):>14.2f}{quantile(values, 0.99):>8.2f}"
