"""Exit plans by hand: a long of 10 base from 100 unless said otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, LONG, SHORT
from aster_ray.model.enums import ExitReason, FillKind, IntentKind
from tests.factories import Session, a_bar, an_open_setup, no_bar, says

HOUR = 3_600_000
TIERS: dict[str, Any] = {
    "tier_gain_1": 0.08,
    "tier_lock_1": 0.03,
    "tier_gain_2": 0.15,
    "tier_lock_2": 0.08,
    "tier_gain_3": 0.25,
    "tier_lock_3": 0.15,
}


def holding(side: int = 1, **fields: Any) -> Session:
    session = Session(an_open_setup(enabled=0, **fields))
    session.close(a_bar(100.0), says(code=LONG if side > 0 else SHORT))
    session.close(a_bar(100.0))
    return session


def toward(side: int, gain: float) -> float:
    return round(100.0 * (1.0 + side * gain), 2)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("gain", "tier", "lock"),
    [(0.0799, 0, None), (0.08, 1, 0.03), (0.1499, 1, 0.03), (0.15, 2, 0.08), (0.25, 3, 0.15)],
)
def test_a_tier_locks_profit(side: int, gain: float, tier: int, lock: float | None) -> None:
    session = holding(side, **TIERS)
    peak = toward(side, gain)
    closed = session.close(a_bar(100.0, max(100.0, peak), min(100.0, peak), toward(side, 0.05)))
    stop = toward(side, -0.05 if lock is None else lock)
    assert session.book.sleeves[0]["tier"] == tier
    assert session.book.sleeves[0]["stop"] == pytest.approx(stop)
    moved = [float(x["stop"]) for x in closed.orders.intents if x["kind"] == IntentKind.MOVE_STOP]
    assert moved == ([] if lock is None else [pytest.approx(stop)])
    assert session.venue.book.sleeves[0]["stop"] == session.book.sleeves[0]["stop"]


@pytest.mark.parametrize(("leverage", "peak", "stop"), [(1.0, 108.0, 103.0), (10.0, 100.81, 100.3)])
def test_on_margin_a_tier_is_reached_by_price_times_leverage(
    leverage: float, peak: float, stop: float
) -> None:
    session = holding(leverage=leverage, margin_basis=1, **TIERS)
    session.close(a_bar(100.0, peak - 0.02, 100.0, 100.5))
    assert session.book.sleeves[0]["stop"] == 95.0
    session.close(a_bar(100.0, peak, 100.0, 100.5))
    assert session.book.sleeves[0]["stop"] == pytest.approx(stop)


def test_on_price_leverage_does_not_matter() -> None:
    session = holding(leverage=10.0, margin_basis=0, **TIERS)
    session.close(a_bar(100.0, 107.99, 100.0, 100.5))
    assert session.book.sleeves[0]["stop"] == 95.0
    session.close(a_bar(100.0, 108.0, 100.0, 100.5))
    assert session.book.sleeves[0]["stop"] == 103.0


def test_a_new_tier_counts_from_the_next_bar_and_ends_as_a_trailing_stop() -> None:
    session = holding(**TIERS)
    # up to 108 and down to 101 in one bar: the stop of 103 was not there yet
    assert not len(session.close(a_bar(100.0, 108.0, 101.0, 104.0)).fills)
    fill = session.close(a_bar(104.0, 104.0, 102.0, 102.5)).fills[0]
    assert (fill["kind"], fill["reason"]) == (FillKind.STOP, ExitReason.TRAILING_STOP)
    assert fill["price"] == 103.0


def test_a_tier_never_loosens() -> None:
    session = holding(**TIERS)
    session.close(a_bar(100.0, 126.0, 110.0, 120.0))
    assert session.book.sleeves[0]["stop"] == 115.0
    session.close(a_bar(120.0, 121.0, 116.0, 116.0))
    assert session.book.sleeves[0]["stop"] == 115.0


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("peak", "close", "exits"),
    [
        (0.10, 0.0701, False),
        (0.10, 0.07, True),  # 30 % of 10 % given back
        (0.0799, 0.01, False),  # never armed
        (0.08, 0.0559, True),
        (0.08, 0.0561, False),
    ],
)
def test_giving_back_thirty_percent_of_the_peak_profit_closes(
    side: int, peak: float, close: float, exits: bool
) -> None:
    session = holding(side, give_back=0.3, give_back_armed=0.08)
    best, last = toward(side, peak), 100.0 * (1.0 + side * close)
    closed = session.close(a_bar(100.0, max(best, 100.0), min(best, 100.0), last))
    assert [int(x["reason"]) for x in closed.orders.intents] == (
        [ExitReason.GIVE_BACK] if exits else []
    )


def test_give_back_on_margin_multiplies_by_leverage() -> None:
    session = holding(give_back=0.3, give_back_armed=0.08, margin_basis=1, leverage=10.0)
    closed = session.close(a_bar(100.0, 100.9, 100.0, 100.6))  # +9 % to +6 % on margin
    assert closed.orders.intents["reason"].tolist() == [ExitReason.GIVE_BACK]


def test_the_holding_limit_is_exact() -> None:
    session = holding(holding_ms=36 * HOUR)
    # filled at the open of bar 1; bar 36 closes 36 hours later
    for _ in range(34):
        assert not len(session.close(a_bar(100.0)).orders.intents)
    closed = session.close(a_bar(100.0))
    assert closed.orders.intents["reason"].tolist() == [ExitReason.HOLDING_LIMIT]
    assert closed.orders.close_ms - session.book.sleeves[0]["entry_ms"] == 36 * HOUR
    fill = session.close(a_bar(101.0)).fills[0]
    assert fill["reason"] == ExitReason.HOLDING_LIMIT
    assert fill["price"] == 101.0


@pytest.mark.parametrize(("side", "code"), [(1, EXIT_LONG), (-1, EXIT_SHORT)])
def test_invalidation_closes_its_own_side_only(side: int, code: int) -> None:
    session = holding(side)
    other = EXIT_SHORT if code == EXIT_LONG else EXIT_LONG
    assert not len(session.close(a_bar(100.0), says(code=other)).orders.intents)
    closed = session.close(a_bar(100.0), says(code=code))
    assert closed.orders.intents["reason"].tolist() == [ExitReason.INVALIDATION]
    assert session.close(a_bar(100.0)).fills["reason"].tolist() == [ExitReason.INVALIDATION]
    assert session.book.positions[0]["lots"] == 0


def test_a_reversal_closes_even_when_the_new_side_is_denied() -> None:
    session = holding()
    closed = session.close(a_bar(100.0), says(code=SHORT, stop_loss=-1.0))
    assert closed.orders.intents["kind"].tolist() == [IntentKind.DENIED, IntentKind.MARKET]
    assert closed.orders.intents[1]["lots"] == -10_000
    session.close(a_bar(100.0))
    assert session.book.positions[0]["lots"] == 0


def test_the_first_reason_that_holds_is_the_one_given() -> None:
    session = holding(give_back=0.3, give_back_armed=0.08, holding_ms=2 * HOUR)
    closed = session.close(a_bar(100.0, 110.0, 100.0, 101.0), says(code=SHORT | EXIT_LONG))
    assert closed.orders.intents[-1]["reason"] == ExitReason.GIVE_BACK
    session = holding(holding_ms=2 * HOUR)
    closed = session.close(a_bar(100.0), says(code=SHORT | EXIT_LONG))
    assert closed.orders.intents[-1]["reason"] == ExitReason.HOLDING_LIMIT


def test_scaling_in_and_out_by_target_units() -> None:
    session = Session(an_open_setup(enabled=0))
    step = {"code": LONG, "stop_loss": 0.05}
    session.close(a_bar(100.0), says(target_units=0.5, **step))
    session.close(a_bar(100.0), says(target_units=1.0, **step))
    sleeve = session.book.sleeves[0]
    # half of a full size of 10,000 lots, then the rest at 110: (5 x 100 + 5 x 110) / 10 = 105
    assert (sleeve["lots"], sleeve["stop"]) == (5_000, 95.0)
    session.close(a_bar(110.0), says(target_units=1.0, **step))
    assert (sleeve["lots"], sleeve["entry_price"], sleeve["units"]) == (10_000, 105.0, 1.0)
    assert sleeve["stop"] == 99.75  # 105 x 0.95: it only tightens
    # the same again asks for nothing
    assert not len(session.close(a_bar(110.0), says(target_units=1.0, **step)).orders.intents)
    closed = session.close(a_bar(110.0), says(target_units=0.25, **step))
    assert closed.orders.intents["lots"].tolist() == [-7_500]
    fill = session.close(a_bar(110.0), says(target_units=0.25, **step)).fills[0]
    assert fill["reason"] == ExitReason.SCALE_OUT
    assert fill["realized"] == pytest.approx(7.5 * 5.0)
    assert (sleeve["lots"], sleeve["entry_price"], sleeve["stop"]) == (2_500, 105.0, 99.75)
    assert sleeve["units"] == 0.25


def test_adding_at_a_worse_price_does_not_loosen_the_stop() -> None:
    session = Session(an_open_setup(enabled=0))
    step = {"code": LONG, "stop_loss": 0.05}
    session.close(a_bar(100.0), says(target_units=0.5, **step))
    session.close(a_bar(100.0), says(target_units=1.0, **step))
    session.close(a_bar(96.0))  # average 98 asks for 93.1
    assert session.book.sleeves[0]["stop"] == 95.0


def test_nothing_is_decided_while_a_bar_is_missing() -> None:
    session = holding(holding_ms=2 * HOUR)
    assert not len(session.close(no_bar(), says(code=EXIT_LONG)).orders.intents)
    closed = session.close(a_bar(100.0))
    assert closed.orders.intents["reason"].tolist() == [ExitReason.HOLDING_LIMIT]


def test_a_tier_that_cannot_tighten_the_stop_names_the_exit_the_same_in_both_books() -> None:
    """A lock of 0.15 % of an average entry of 100.3 is 100 on a tick of 1: where the stop is."""
    session = Session(an_open_setup(enabled=0, tick=1.0, leverage=20.0, margin_basis=1, **TIERS))
    session.close(a_bar(100.0), says(code=LONG, target_units=0.7))
    session.close(a_bar(100.0), says(code=LONG, stop_loss=0.001))
    session.close(a_bar(101.0, 101.0, 100.2, 100.5))
    sleeve = session.book.sleeves[0]
    assert sleeve["entry_price"] == pytest.approx(100.3)
    assert sleeve["stop"] == 100.0
    assert sleeve["tier"] == session.venue.book.sleeves[0]["tier"] == 0
    assert session.close(a_bar(99.0)).fills[0]["reason"] == ExitReason.STOP_LOSS
