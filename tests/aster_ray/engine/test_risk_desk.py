from __future__ import annotations

import numpy as np
import pytest

from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.kernel.records import LONG, SHORT
from aster_ray.model.enums import TradingState
from tests.factories import (
    CAPITAL,
    Session,
    a_bar,
    a_busy_scene,
    a_market,
    a_setup,
    an_open_setup,
    says,
)


def test_it_is_the_fold_of_what_it_was_given() -> None:
    session, market, _ = scene = a_busy_scene(120, 3, volatility=0.02)
    twin, heard = RiskDesk(session.setup, CAPITAL), []
    twin.warm_up(market)
    for closed in scene.steps():
        again = twin.on_close(closed.said, closed.report)
        assert again.intents.tobytes() == closed.orders.intents.tobytes()
        assert again[3:] == closed.orders[3:]
        heard.append(len(again.intents))
    assert sum(heard) > 50
    for mine, its in zip(session.book, twin.book, strict=True):
        assert mine.tobytes() == its.tobytes()


def test_sleeve_equity_adds_up_to_the_account() -> None:
    session = Session(an_open_setup(2, 2, enabled=0, taker_fee=0.001))
    session.close([a_bar(100.0)] * 2, says(4, code=[LONG, SHORT, LONG, 0]))
    session.close([a_bar(100.0)] * 2)
    session.close([a_bar(100.0, funding=0.01), a_bar(110.0)])
    made = session.risk.sleeve_equity()
    # the two sleeves of symbol 0 crossed without cost; each pays or receives 10 x 0.01
    assert made[:2].tolist() == pytest.approx([-0.1, 0.1])
    # symbol 1: 10 base bought at 100 for a fee of 1, now 110
    assert made[2:].tolist() == pytest.approx([99.0, 0.0])
    assert CAPITAL + made.sum() == pytest.approx(session.account["equity"])


def test_warm_up_moves_marks_and_covariance_and_trades_nothing() -> None:
    market = a_market(40, 2, 1, start=40, gaps=0.0)
    desk = RiskDesk(a_setup(2), CAPITAL)
    desk.warm_up(market)
    assert desk.book.positions["mark"].tolist() == market.bars[-1, :, 6].tolist()
    assert (np.diag(desk.book.covariance) > 0.0).all()
    assert desk.book.account[0]["bar"] == 0
    assert desk.book.account[0]["equity"] == CAPITAL


def test_an_operator_may_pause_and_flatten() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG))
    session.close(a_bar(100.0))
    session.risk.set_state(TradingState.REDUCING)
    assert not len(session.close(a_bar(100.0)).orders.intents)  # what is held stays
    session.risk.set_state(TradingState.HALTED)
    closed = session.close(a_bar(100.0))
    assert closed.orders.intents["lots"].tolist() == [-10_000]
    assert closed.orders.state == TradingState.HALTED
    session.close(a_bar(100.0))
    assert session.account["gross"] == 0.0


def test_denials_are_counted_by_their_label() -> None:
    session = Session(an_open_setup(1, 2, enabled=0))
    session.close(a_bar(100.0), says(2, code=LONG, stop_loss=[2.0, 3.0]))
    assert session.risk.denials() == {"bad_signal": 2}
