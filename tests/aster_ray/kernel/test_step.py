"""Properties of whole runs: nothing is lost, nothing is free, nothing trades without a bar."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aster_ray.kernel.records import CLOSE, MARK_CLOSE, Book, Setup
from aster_ray.model.enums import FillKind
from tests.factories import (
    CAPITAL,
    Session,
    a_market,
    a_setup,
    an_open_setup,
    examples,
    random_signals,
)

COSTS = {
    "taker_fee": 0.0006,
    "maker_fee": 0.0002,
    "slippage": 0.0005,
    "half_spread": 0.0001,
    "liquidation_fee": 0.01,
    "recentre_bars": 6,
}


def open_result(book: Book, setup: Setup) -> np.ndarray:
    """Return each sleeve's unrealized profit at mark."""
    n = book.sleeves["symbol"]
    marks = book.positions["mark"][n]
    qty = book.sleeves["lots"] * setup.rules["lot"][n]
    return np.where(qty != 0.0, qty * (marks - book.sleeves["entry_price"]), 0.0)


def assert_nothing_is_lost(session: Session) -> None:
    book, setup = session.book, session.setup
    sleeves, account = book.sleeves, book.account[0]
    results = sleeves["realized"] - sleeves["fees"] - sleeves["funding"]
    total = float(np.sum(results + open_result(book, setup)))
    assert abs(account["equity"] - (CAPITAL + total)) < 1e-6 * max(1.0, account["equity"] / CAPITAL)
    lots = np.zeros(len(book.positions), np.int64)
    np.add.at(lots, sleeves["symbol"], sleeves["lots"])
    assert lots.tolist() == book.positions["lots"].tolist()
    for name in ("fees", "funding", "slippage"):
        assert abs(float(np.sum(sleeves[name])) - account[name]) < 1e-6, name


def assert_books_agree(session: Session) -> None:
    """The venue's own book and the risk desk's tell the same account."""
    ours, theirs = session.book, session.venue.book
    for name in ("wallet", "equity", "gross", "fees", "funding", "realized", "traded"):
        assert ours.account[0][name] == theirs.account[0][name], name
    # A stop that trails on the close that also orders the position closed is not worth sending.
    stays = ours.sleeves["order_close_lots"] == 0
    for name in ("lots", "entry_price", "realized", "stop", "take_profit", "order_lots"):
        mine, its = ours.sleeves[name][stays], theirs.sleeves[name][stays]
        assert mine.tobytes() == its.tobytes(), name
    assert ours.levels["state"].tolist() == theirs.levels["state"].tolist()


def driven(
    setup: Setup, seed: int, volatility: float, busy: float = 0.3, ladders: bool = True
) -> Any:
    """Yield (session, row, closed) after every close of a random market."""
    symbols, strategies = len(setup.rules), setup.strategies
    market = a_market(150, symbols, seed, volatility=volatility, gaps=0.05)
    signals = random_signals(
        market, strategies, seed, ladders=ladders and strategies > 1, busy=busy
    )
    session = Session(setup)
    session._warm_up(market)
    for t in range(market.start, len(market)):
        closed = session.close(market.bars[t], signals, t)
        yield session, market.bars[t], closed


@given(st.integers(0, 2**31), st.sampled_from([0.003, 0.01, 0.04]))
@settings(max_examples=examples(20))
def test_equity_is_capital_and_what_the_sleeves_made(seed: int, volatility: float) -> None:
    for session, _, _ in driven(a_setup(3, 2, **COSTS), seed, volatility):
        assert_nothing_is_lost(session)
        assert_books_agree(session)


@given(st.integers(0, 2**31), st.sampled_from([3.0, 10.0, 30.0]), st.booleans())
@settings(max_examples=examples(30))
@example(1, 30.0, False)
def test_an_account_never_owes_more_than_it_had(seed: int, leverage: float, limits: bool) -> None:
    setup = an_open_setup(
        3, 2, **COSTS, leverage=leverage, fixed_fraction=leverage / 2, enabled=int(limits)
    )
    for session, _, _ in driven(setup, seed, 0.03, busy=0.5, ladders=False):
        assert session.account["equity"] >= -1e-6
        assert_nothing_is_lost(session)
        assert_books_agree(session)


@given(st.integers(0, 2**31))
@settings(max_examples=examples(15))
def test_a_missing_bar_never_fills_and_never_moves_the_mark(seed: int) -> None:
    before: dict[int, float] = {}
    for session, row, closed in driven(a_setup(3, 2, **COSTS), seed, 0.01):
        missing = np.flatnonzero(np.isnan(row[:, CLOSE]))
        assert not set(closed.fills["symbol"].tolist()) & set(missing.tolist())
        assert not set(closed.orders.intents["symbol"].tolist()) & set(missing.tolist())
        for n, mark in enumerate(session.book.positions["mark"]):
            if n in missing and n in before:
                assert mark == before[n]
            elif n not in missing:
                assert mark == row[n, MARK_CLOSE]
            before[n] = mark


@given(st.integers(0, 2**31), st.sampled_from([0.005, 0.02]))
@settings(max_examples=examples(15))
def test_a_directional_position_always_has_its_stop(seed: int, volatility: float) -> None:
    for session, _, _ in driven(a_setup(3, 2, **COSTS), seed, volatility):
        for sleeve in session.venue.book.sleeves:
            if sleeve["lots"] and np.isnan(sleeve["spacing"]):
                side = 1 if sleeve["lots"] > 0 else -1
                assert not np.isnan(sleeve["stop"])
                assert sleeve["tier"] or side * sleeve["stop"] < side * sleeve["entry_price"]


@given(st.integers(0, 2**31), st.sampled_from([0.5, 0.9, 2.0]))
@settings(max_examples=examples(15))
def test_opening_fills_leave_exposure_within_its_limits(seed: int, max_gross: float) -> None:
    """Sizes are fixed at the mark of the decision, so the move to the next open is allowed for."""
    setup = a_setup(3, 1, **COSTS, max_gross=max_gross, max_symbol=0.4, max_asset=0.4, max_var=1.0)
    account: Any = None
    marks = np.full(3, np.nan)
    for session, _, closed in driven(setup, seed, 0.005, busy=0.5):
        opened = closed.fills[(closed.fills["kind"] == FillKind.MARKET)]
        opened = opened[opened["reason"] == 0]
        if account is not None and len(opened):
            notional = abs(session.book.positions["lots"]) * 0.001
            drift = max(abs(opened["price"] / marks[opened["symbol"]] - 1.0).max(), 0.0)
            slack = 1.0 + drift + abs(session.book.positions["mark"] / marks - 1.0).max()
            equity = account["equity"]
            held = notional * marks
            assert held.sum() <= max_gross * max(equity, session.account["equity"]) * slack
            for n in opened["symbol"]:
                assert held[n] <= 0.4 * max(equity, session.account["equity"]) * slack
        account = session.account.copy()
        marks = session.book.positions["mark"].copy()
