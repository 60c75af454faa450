"""Buy and hold of the same symbols over the same bars: the result of having no opinion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.kernel.records import CLOSE, FUNDING, MARK_CLOSE, OPEN
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.marks import carried, tradable_rows


class BuyAndHold(NamedTuple):
    """The passive account; costs positive where paid."""

    equity: np.ndarray  # f8[T] per tradable close, in quote currency
    gross: np.ndarray  # f8[T], notional held at mark
    fees: float
    funding: float
    slippage: float
    traded: float


def buy_and_hold(facts: RunFacts) -> BuyAndHold:
    """Split the capital equally over the traded symbols, each bought whole at its first open.

    A share waits as cash until its symbol has a bar. Entry pays half spread, slippage and the
    taker fee out of the share, so nothing is borrowed; funding is paid from the next bar on;
    quantities are not rounded to lots; nothing is sold at the end.
    """
    rows = tradable_rows(facts)
    traded = sorted({symbol for _, symbol in facts.sleeves}) or range(len(facts.lots))
    symbols = np.array(list(traded), np.int64)
    if len(rows) == 0 or len(symbols) == 0:
        flat = np.full(len(rows), facts.capital)
        return BuyAndHold(flat, np.zeros(len(rows)), 0.0, 0.0, 0.0, 0.0)
    bars = facts.market.bars[rows][:, symbols]
    opens, paid_per_unit = bars[:, :, OPEN], np.nan_to_num(bars[:, :, FUNDING])
    known = np.where(np.isnan(bars[:, :, MARK_CLOSE]), bars[:, :, CLOSE], bars[:, :, MARK_CLOSE])
    marks = carried(known)

    is_listed = ~np.isnan(opens)
    enters = is_listed.any(axis=0)
    entry = np.argmax(is_listed, axis=0)
    price = np.where(enters, opens[entry, np.arange(len(symbols))], 1.0)
    cost = facts.market_cost[symbols]
    paid = price * (1.0 + cost)
    share = facts.capital / len(symbols)
    qty = np.where(enters, share / (paid * (1.0 + facts.taker_fee[symbols])), 0.0)

    at = np.arange(len(rows))[:, None]
    value = np.where(at >= entry, qty * np.nan_to_num(marks), 0.0)
    # Bought at the open, after the settlement of that moment.
    funding = np.cumsum(np.where(at > entry, qty * paid_per_unit, 0.0), axis=0)
    cash = np.where((at >= entry) & enters, 0.0, share)
    return BuyAndHold(
        equity=np.sum(cash + value - funding, axis=1),
        gross=np.sum(value, axis=1),
        fees=float(np.sum(qty * paid * facts.taker_fee[symbols])),
        funding=float(np.sum(funding[-1])),
        slippage=float(np.sum(qty * price * cost)),
        traded=float(np.sum(qty * paid)),
    )
