"""Where the money went: price PnL before costs, less slippage, fees and funding, is the net.

All in quote currency; costs are negative where they cost. The price PnL is recomputed from the
cash of every fill and the last marks, not from the account's own books, so that ``difference``
(equity change less net) is a check and not a tautology: it is rounding, below 1e-6, in a run whose
books are right.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.marks import last_marks
from aster_ray.model.enums import FillKind


class Waterfall(NamedTuple):
    """``gross + slippage = realized + unrealized``; that ``+ fees + funding = net``."""

    gross: float  # price PnL had every fill happened at its reference price
    slippage: float
    realized: float  # locked by closing fills at their own prices
    unrealized: float  # of what is still open, at the last mark
    fees: float
    funding: float
    net: float
    difference: float  # final equity - capital - net


class Ledger(NamedTuple):
    """Totals of a set of fills; fees, funding and slippage positive where paid."""

    price_pnl: float
    realized: float
    unrealized: float
    fees: float
    funding: float
    slippage: float
    traded: float  # notional
    fills: int

    @property
    def net(self) -> float:
        """Return the result after costs, open positions at the last mark."""
        return self.price_pnl - self.fees - self.funding


def ledger(facts: RunFacts, sleeves: set[int] | None = None) -> Ledger:
    """Return the totals of the fills of ``sleeves`` (all of them when None)."""
    fills = facts.fills
    if sleeves is not None:
        fills = fills[np.isin(fills["sleeve"], sorted(sleeves))]
    is_funding = fills["kind"] == FillKind.FUNDING
    trades, settled = fills[~is_funding], fills[is_funding]
    qty = trades["lots"] * facts.lots[trades["symbol"]]
    open_lots = np.zeros(len(facts.sleeves), np.int64)
    np.add.at(open_lots, trades["sleeve"], trades["lots"])
    held = np.flatnonzero(open_lots)
    symbols = np.array([facts.sleeves[sleeve][1] for sleeve in held], np.int64)
    value = open_lots[held] * facts.lots[symbols] * last_marks(facts)[symbols]
    price_pnl = math.fsum([*(-qty * trades["price"]).tolist(), *value.tolist()])
    realized = math.fsum(trades["realized"].tolist())
    return Ledger(
        price_pnl=price_pnl,
        realized=realized,
        # Exactly nothing where nothing is held, not the rounding of two long sums.
        unrealized=price_pnl - realized if len(held) else 0.0,
        fees=math.fsum(trades["fee"].tolist()),
        funding=math.fsum(settled["fee"].tolist()),
        slippage=math.fsum(trades["slippage"].tolist()),
        traded=math.fsum((np.abs(qty) * trades["price"]).tolist()),
        fills=len(trades),
    )


def waterfall(facts: RunFacts) -> Waterfall:
    """Return the steps from gross to net over the whole run."""
    total = ledger(facts)
    change = float(facts.equity[-1]) - facts.capital if len(facts.equity) else 0.0
    # Subtracted, not negated: no cost reads 0.0, never -0.0.
    return Waterfall(
        gross=total.price_pnl + total.slippage,
        slippage=0.0 - total.slippage,
        realized=total.realized,
        unrealized=total.unrealized,
        fees=0.0 - total.fees,
        funding=0.0 - total.funding,
        net=total.net,
        difference=change - total.net,
    )
