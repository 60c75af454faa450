"""Every reason to refuse, reached by the smallest scenario, and every limit by its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aster_ray.kernel.accounting import apply_fill
from aster_ray.kernel.limits import permitted, sleeve_reach, symbol_reach, value_at_risk
from aster_ray.kernel.records import LONG, SHORT
from aster_ray.model.enums import Denial, IntentKind, TradingState
from tests.factories import (
    CAPITAL,
    Session,
    a_bar,
    a_book,
    a_fill,
    a_setup,
    an_open_setup,
    says,
)

HOUR = 3_600_000
HISTORY = (100.0, 101.0, 100.0, 101.0, 100.0)


def denied(session: Session, **columns: Any) -> list[Denial]:
    """Let one flat close pass and return why it was refused."""
    count = len(session.book.sleeves)
    columns.setdefault("code", LONG)
    bars = [a_bar(100.0)] * len(session.setup.rules)
    intents = session.close(bars, says(count, **columns)).orders.intents
    return [Denial(int(x["reason"])) for x in intents if x["kind"] == IntentKind.DENIED]


def opened(session: Session, **columns: Any) -> list[int]:
    count = len(session.book.sleeves)
    columns.setdefault("code", LONG)
    bars = [a_bar(100.0)] * len(session.setup.rules)
    intents = session.close(bars, says(count, **columns)).orders.intents
    return [int(x["lots"]) for x in intents if x["kind"] == IntentKind.MARKET]


def ready(symbols: int = 1, strategies: int = 1, **fields: Any) -> Session:
    """Return a warmed-up session whose limits do not bind unless ``fields`` say so."""
    session = Session(an_open_setup(symbols, strategies, enabled=1, **fields))
    session.warm(*HISTORY)
    return session


def in_state(state: TradingState) -> Session:
    session = ready()
    session.risk.set_state(state)
    return session


def after_a_loss(fraction: float, **fields: Any) -> Session:
    session = ready(**fields)
    for book in (session.book, session.venue.book):
        book.account["wallet"] -= fraction * CAPITAL
    return session


def without_history() -> Session:
    return Session(an_open_setup(enabled=1))


def untried_edge() -> Session:
    session = ready(sizing=3)
    sleeve = session.book.sleeves[0]
    # p = 0.5, b = (100 / 20) / (400 / 20) = 0.25: (0.125 - 0.5) / 0.25 < 0
    sleeve["trips"], sleeve["wins"], sleeve["gain"], sleeve["loss"] = 40, 20, 100.0, 400.0
    return session


SCENARIOS: dict[Denial, tuple[Callable[[], Session], dict[str, Any]]] = {
    Denial.LOW_CONFIDENCE: (ready, {"confidence": 0.49}),
    Denial.NO_STOP: (ready, {"stop_loss": np.nan}),
    Denial.HALTED: (lambda: in_state(TradingState.HALTED), {}),
    Denial.REDUCING: (lambda: in_state(TradingState.REDUCING), {}),
    Denial.DRAWDOWN: (lambda: after_a_loss(0.15, soft_drawdown=0.15, hard_drawdown=0.2), {}),
    Denial.DAILY_LOSS: (lambda: after_a_loss(0.05, daily_loss=0.05), {}),
    Denial.DAILY_OPENS: (lambda: ready(max_daily_opens=0), {}),
    Denial.POSITION_RISK: (lambda: ready(max_position_risk=1e-7), {}),
    Denial.SYMBOL_NOTIONAL: (lambda: ready(max_symbol=1e-6), {}),
    Denial.ASSET_NOTIONAL: (lambda: ready(max_asset=1e-6), {}),
    Denial.GROSS_LEVERAGE: (lambda: ready(max_gross=1e-6), {}),
    Denial.CLUSTER_EXPOSURE: (lambda: ready(max_cluster=1e-6), {}),
    Denial.VALUE_AT_RISK: (lambda: ready(max_var=1e-6), {}),
    Denial.MARGIN: (lambda: after_a_loss(1.0), {}),
    Denial.BRACKET_LEVERAGE: (lambda: ready(fixed_fraction=30.0), {}),  # 25 times above 50,000
    Denial.BELOW_MINIMUM: (lambda: ready(min_notional=1_000.01), {}),
    Denial.NO_EDGE: (untried_edge, {}),
    Denial.BAD_SIGNAL: (ready, {"stop_loss": 1.0}),
}


@pytest.mark.parametrize("code", SCENARIOS, ids=lambda code: code.name)
def test_each_denial_is_reached(code: Denial) -> None:
    build, columns = SCENARIOS[code]
    session = build()
    assert denied(session, **columns) == [code]
    assert session.risk.denials() == {code.name.lower(): 1}
    assert not session.book.sleeves[0]["order_lots"]
    # a wish that stands is refused once, and again after it was withdrawn
    assert denied(session, **columns) == []
    assert denied(session, code=0) == []
    assert denied(session, **columns) == [code]


def test_no_mark_no_trade() -> None:
    session = ready()
    bar = a_bar(100.0, mark=(np.nan, np.nan, np.nan))
    session.book.positions["mark"] = np.nan
    intents = session.close(bar, says(code=LONG)).orders.intents
    assert intents["reason"].tolist() == [Denial.NO_MARK_PRICE]


def test_every_code_has_its_scenario() -> None:
    assert set(SCENARIOS) | {Denial.NONE, Denial.NO_MARK_PRICE} == set(Denial)


def test_without_history_value_at_risk_cannot_be_checked_and_is_denied() -> None:
    assert denied(without_history()) == [Denial.VALUE_AT_RISK]


@pytest.mark.parametrize("stop_loss", [0.0, -0.1, 1.0, 3.0])
def test_a_stop_must_be_a_fraction(stop_loss: float) -> None:
    assert denied(ready(), stop_loss=stop_loss) == [Denial.BAD_SIGNAL]


def test_an_unknown_confidence_is_refused_even_without_limits() -> None:
    assert denied(ready(), confidence=np.nan) == [Denial.BAD_SIGNAL]
    session = Session(an_open_setup(enabled=0))
    assert denied(session, confidence=np.nan) == [Denial.BAD_SIGNAL]
    assert opened(session, confidence=0.0, stop_loss=np.nan) == [10_000]


# What each limit leaves of a wish for 100 % of 10,000 (100,000 lots at 100), worked by hand.
@pytest.mark.parametrize(
    ("fields", "lots"),
    [
        ({}, 100_000),
        ({"max_position_risk": 0.02}, 40_000),  # 0.02 x 10,000 / 0.05 = 4,000 of notional
        ({"max_symbol": 0.2}, 20_000),
        ({"max_asset": 0.3}, 30_000),
        ({"max_gross": 0.25}, 25_000),
        ({"max_cluster": 0.5}, 50_000),
        ({"max_lots": 7_000}, 7_000),
        ({"max_symbol": 0.2, "max_asset": 0.15}, 15_000),
    ],
)
def test_a_limit_shrinks_what_may_open(fields: dict[str, Any], lots: int) -> None:
    assert opened(ready(fixed_fraction=1.0, **fields)) == [lots]
    assert opened(ready(fixed_fraction=1.0, **fields), code=SHORT) == [-lots]


def test_limits_are_fractions_of_equity_not_of_capital() -> None:
    session = after_a_loss(0.1, max_symbol=0.2, fixed_fraction=1.0)
    session.close(a_bar(100.0))
    assert opened(session) == [18_000]  # 20 % of 9,000


def test_what_is_already_held_or_ordered_uses_the_limit_up() -> None:
    session = ready(1, 2, fixed_fraction=0.15, max_symbol=0.2, max_asset=1.0)
    # both at one close: the second gets what the first one's resting order leaves
    assert opened(session) == [15_000, 5_000]
    session.close(a_bar(100.0))
    assert denied(session, code=[0, 0]) == []
    session = ready(1, 2, fixed_fraction=0.15, max_symbol=0.2, max_asset=1.0)
    assert opened(session, code=[LONG, 0]) == [15_000]
    assert opened(session, code=[0, LONG]) == [5_000]


def test_the_asset_limit_adds_up_opposite_sleeves() -> None:
    session = ready(1, 2, fixed_fraction=0.2, max_asset=0.3)
    assert opened(session, code=[LONG, SHORT]) == [20_000, -10_000]


def test_gross_leverage_counts_every_symbol() -> None:
    session = ready(3, 1, fixed_fraction=0.4, max_gross=1.0)
    assert opened(session, code=[LONG, SHORT, LONG]) == [40_000, -40_000, 20_000]


def test_a_cluster_is_symbols_that_move_together_on_the_same_side() -> None:
    # the history is the same for all symbols: correlation 1
    session = ready(2, 1, fixed_fraction=0.4, max_cluster=0.5, cluster_correlation=0.7)
    assert opened(session, code=[LONG, LONG]) == [40_000, 10_000]
    session = ready(2, 1, fixed_fraction=0.4, max_cluster=0.5, cluster_correlation=0.7)
    assert opened(session, code=[LONG, SHORT]) == [40_000, -40_000]  # a hedge is no cluster
    session = ready(2, 1, fixed_fraction=0.4, max_cluster=0.5, cluster_correlation=0.7)
    session.book.covariance[0, 1] = session.book.covariance[1, 0] = -session.book.covariance[0, 0]
    session.setup.limits["covariance_decay"] = 1.0  # keep what was set
    assert opened(session, code=[LONG, SHORT]) == [40_000, -10_000]  # short of the opposite is one


def test_daily_opens_count_pending_orders_and_start_anew_at_midnight() -> None:
    session = ready(3, 1, max_daily_opens=2)
    assert len(opened(session)) == 2
    for _ in range(22):  # closes 01:00 was the first; this is 23:00
        assert session.close([a_bar(100.0)] * 3).orders.close_ms % (24 * HOUR)
    assert denied(session, code=[0, 0, LONG]) == [Denial.DAILY_OPENS]  # 24:00 is still that day
    assert session.account["day_opens"] == 2
    assert len(opened(session, code=[0, 0, 0])) == 0
    assert opened(session, code=[0, 0, LONG]) == [10_000]


def test_closing_is_never_counted_nor_denied() -> None:
    session = ready(max_daily_opens=1)
    opened(session)
    session.close(a_bar(100.0))
    assert session.account["day_opens"] == 1
    assert opened(session, code=4) == [-10_000]
    session.close(a_bar(100.0))
    assert session.account["day_opens"] == 1
    assert denied(session) == [Denial.DAILY_OPENS]


def test_the_daily_loss_is_measured_from_midnight_and_forgiven_there() -> None:
    session = after_a_loss(0.06, daily_loss=0.05)
    assert denied(session) == [Denial.DAILY_LOSS]
    for _ in range(23):
        session.close(a_bar(100.0))
    assert opened(session) == [9_400]


def test_a_soft_drawdown_recovers() -> None:
    session = after_a_loss(0.16, soft_drawdown=0.15, hard_drawdown=0.2)
    assert denied(session) == [Denial.DRAWDOWN]
    for book in (session.book, session.venue.book):
        book.account["wallet"] += 200.0  # 8,600: 14 % below the peak
    session.close(a_bar(100.0))
    assert session.account["state"] == TradingState.ACTIVE
    assert opened(session) == [8_600]


def test_a_hard_drawdown_flattens_and_halts_for_good() -> None:
    session = ready(2, 1, fixed_fraction=1.0, soft_drawdown=0.15, hard_drawdown=0.2)
    session.close([a_bar(100.0)] * 2, says(2, code=LONG, stop_loss=0.5))
    session.close([a_bar(100.0)] * 2)
    fallen = session.close([a_bar(100.0, 100.0, 90.0, 90.0)] * 2)  # 2 x 10 % of 10,000
    assert session.account["equity"] == pytest.approx(8_000.0)
    assert session.account["state"] == TradingState.HALTED
    assert session.account["halted_ms"] == fallen.orders.close_ms
    assert fallen.orders.intents["lots"].tolist() == [-100_000, -100_000]
    session.close([a_bar(90.0)] * 2)
    assert session.account["gross"] == 0.0
    for book in (session.book, session.venue.book):
        book.account["wallet"] += 5_000.0
    session.close([a_bar(90.0)] * 2)
    bars = [a_bar(90.0)] * 2
    intents = session.close(bars, says(2, code=[LONG, 0])).orders.intents
    assert intents["reason"].tolist() == [Denial.HALTED]


def test_value_at_risk_is_the_parametric_one() -> None:
    book, setup = a_book(3), a_setup(3)
    draw = np.random.default_rng(3)
    returns = draw.standard_normal((200, 3)) * [0.01, 0.02, 0.005]
    book.covariance[:] = np.cov(returns.T)
    book.positions["mark"] = [100.0, 50.0, 200.0]
    for n, lots in enumerate((40_000, -60_000, 0)):
        if lots:
            price = float(book.positions["mark"][n])
            apply_fill(book, setup, a_fill(symbol=n, sleeve=n, lots=lots, price=price))
    worth = np.array([40.0 * 100.0, -60.0 * 50.0, 10.0 * 200.0])  # symbol 2 would hold 10 base
    # 1.645 standard deviations of a day of 24 bars
    expected = 1.6448536269514722 * np.sqrt(worth @ book.covariance @ worth * 24)
    assert value_at_risk(book, setup, 2, 10_000) == pytest.approx(expected)
    book.covariance[:] = 0.0
    assert value_at_risk(book, setup, 2, 10_000) == 0.0


def test_value_at_risk_counts_what_opens_at_the_same_close() -> None:
    # One position of 20 % has a VaR of 1.645 x 2,000 x sqrt(24 c); two of them, moving as one,
    # twice that: a limit of one and a half lets the first pass and not the second.
    session = ready(2, 1, fixed_fraction=0.2)
    single = value_at_risk(session.book, session.setup, 0, 20_000)
    session.setup.limits["max_var"] = 1.5 * single / CAPITAL
    session.setup.limits["covariance_decay"] = 1.0
    intents = session.close([a_bar(100.0)] * 2, says(2, code=LONG)).orders.intents
    assert intents["kind"].tolist() == [IntentKind.MARKET, IntentKind.DENIED]
    assert intents["reason"].tolist() == [0, Denial.VALUE_AT_RISK]


def test_a_hedge_lowers_value_at_risk() -> None:
    session = ready(2, 1, fixed_fraction=0.2)
    single = value_at_risk(session.book, session.setup, 0, 20_000)
    session.setup.limits["max_var"] = 1.01 * single / CAPITAL
    session.setup.limits["covariance_decay"] = 1.0
    assert opened(session, code=[LONG, SHORT]) == [20_000, -20_000]


def test_reach_counts_resting_orders_and_both_sides_of_a_ladder() -> None:
    book = a_book(1, 2)
    book.sleeves["lots"] = [100, 0]
    book.sleeves["order_lots"] = [-30, 0]
    assert sleeve_reach(book, 0) == (70, 70)
    book.sleeves["spacing"] = [np.nan, 0.01]
    book.levels["state"][1, [0, 1, 10]] = 1
    book.levels["lots"][1, [0, 1, 10]] = [5, 6, -7]
    # also while the centre is gone: a stop of one side leaves the entries of the other resting
    assert sleeve_reach(book, 1) == (-7, 11)
    assert symbol_reach(book, 2, 0) == (63, 81)
    book.levels["state"][1, 0] = 2  # filled: no longer an entry
    assert sleeve_reach(book, 1) == (-7, 6)


def test_a_wish_of_less_than_a_lot_is_below_the_minimum() -> None:
    session = ready()
    session.close(a_bar(100.0))
    assert permitted(session.book, session.setup, 0, 0, 0.05) == (0, Denial.BELOW_MINIMUM)
    assert permitted(session.book, session.setup, 0, -1, 0.05) == (-1, Denial.NONE)


def test_a_shrunk_order_below_the_minimum_names_the_limit_that_shrank_it() -> None:
    session = ready(max_symbol=0.01, min_notional=500.0)  # 100 of 1,000 would be left
    assert denied(session) == [Denial.SYMBOL_NOTIONAL]
