"""Every way in which our books and a venue's ledger can differ is found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.venue_orders import Stage
from aster_ray.venues.live.audit import agrees, audit

SYMBOL = "BTCUSDT"
RULES = (packaged_instruments()[SYMBOL],)


def books() -> tuple[Any, dict[str, Any]]:
    """Return an account that bought two lots, and the venue's ledger of it."""
    lot = float(RULES[0].lot)
    account = SimpleNamespace(
        orders={"a-3": SimpleNamespace(stage=Stage.OPEN)},
        finished={"a-1": "filled", "a-2": "canceled", "a-4": "too late: decided anew"},
        booked=SimpleNamespace(trades={f"{SYMBOL}/7": ""}),
        position=lambda _n: 2,
        book=SimpleNamespace(
            account=np.array(
                [(10_000.0 - 0.04 - 0.5, 0.04, 0.5)],
                dtype=[("wallet", "f8"), ("fees", "f8"), ("funding", "f8")],
            ),
            positions=np.array([(2, 100_000.0)], dtype=[("lots", "i8"), ("entry_price", "f8")]),
        ),
    )
    ledger = {
        "orders": {"a-1": "FILLED", "a-2": "CANCELED", "a-3": "NEW"},
        "fills": [
            {
                "symbol": SYMBOL,
                "trade_id": 7,
                "side": "BUY",
                "price": "100000",
                "qty": str(2 * lot),
            }
        ],
        "positions": {f"{SYMBOL}:BOTH": str(2 * lot)},
        "income": [
            {"kind": "TRANSFER", "amount": "10000"},
            {"kind": "COMMISSION", "amount": "-0.04"},
            {"kind": "FUNDING_FEE", "amount": "-0.5"},
            {"kind": "REALIZED_PNL", "amount": "3"},
        ],
    }
    return account, ledger


def compared(account: Any, ledger: dict[str, Any]) -> dict[str, Any]:
    return audit(cast(VenueAccount, account), RULES, ledger)


def test_books_that_say_the_same_agree() -> None:
    found = compared(*books())
    assert agrees(found), found
    assert (found["orders"], found["fills"]) == (3, 1)


def unknown_order(_account: Any, ledger: Any) -> None:
    ledger["orders"]["a-9"] = "NEW"


def order_of_nobody(account: Any, _ledger: Any) -> None:
    account.finished["a-9"] = "filled"


def order_gone(_account: Any, ledger: Any) -> None:
    del ledger["orders"]["a-3"]


def order_still_open(_account: Any, ledger: Any) -> None:
    ledger["orders"]["a-2"] = "NEW"


def another_end(_account: Any, ledger: Any) -> None:
    ledger["orders"]["a-2"] = "FILLED"


def lost_fill(account: Any, _ledger: Any) -> None:
    account.booked.trades.clear()


def invented_fill(account: Any, _ledger: Any) -> None:
    account.booked.trades[f"{SYMBOL}/8"] = ""


def another_position(account: Any, _ledger: Any) -> None:
    account.position = lambda _n: 1


def a_fee_more(account: Any, _ledger: Any) -> None:
    account.book.account["fees"] += 0.01


def funding_less(account: Any, _ledger: Any) -> None:
    account.book.account["funding"] -= 0.01


def a_cent_more(account: Any, _ledger: Any) -> None:
    account.book.account["wallet"] += 0.01


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (unknown_order, "orders_missing"),
        (order_of_nobody, "orders_invented"),
        (order_gone, "orders_invented"),
        (order_still_open, "orders_different"),
        (another_end, "orders_different"),
        (lost_fill, "missing"),
        (invented_fill, "invented"),
        (another_position, "positions"),
        (a_fee_more, "fees_difference"),
        (funding_less, "funding_difference"),
        (a_cent_more, "cash_difference"),
    ],
)
def test_a_difference_is_found_where_it_is(change: Any, where: str) -> None:
    account, ledger = books()
    change(account, ledger)
    found = compared(account, ledger)
    assert found[where]
    assert not agrees(found)


def test_the_venues_own_orders_and_what_a_cent_hides_are_no_difference() -> None:
    account, ledger = books()
    ledger["orders"]["autoclose-7"] = "FILLED"
    account.book.account["fees"] += 0.004
    assert agrees(compared(account, ledger))
