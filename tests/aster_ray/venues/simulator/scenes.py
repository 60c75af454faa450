"""An exchange with a market a test can draw, and one account to trade with.

The market stands at 100,000 for BTC and 3,000 for ETH unless a test says otherwise; a step lasts
15 seconds, so a bar has four.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aster_ray.data.instruments import packaged_instruments
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, HIGH, LOW, MARK_CLOSE, MARK_HIGH, MARK_LOW, OPEN
from aster_ray.model.ids import DAY_MS, MINUTE_MS
from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.amounts import to_units
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.floor import Conduct
from aster_ray.venues.simulator.intake import read_order
from aster_ray.venues.simulator.listing import Listing
from aster_ray.venues.simulator.order import Order
from aster_ray.venues.simulator.tape import Tape, tape_of

HISTORY = 30
START_MS = 20_000 * DAY_MS + 450 * MINUTE_MS  # half an hour before funding settles
PRICES = {"BTCUSDT": 100_000.0, "ETHUSDT": 3_000.0}
STEP_MS = 15_000

Bar = tuple[float, float, float, float]


def a_market(
    bars: Sequence[Bar] | None = None, *, minutes: int = 60, volume: float = 60.0, **columns: Any
) -> Market:
    """Return flat history, then the bars of BTC (flat if none are given); ETH stays flat.

    ``columns`` may hold ``mark``, closes of BTC's mark price, and ``funding``, a rate in every row.
    """
    played = list(bars) if bars is not None else [(PRICES["BTCUSDT"],) * 4] * minutes
    rows = HISTORY + len(played)
    values = np.zeros((rows, 2, 8))
    for n, price in enumerate(PRICES.values()):
        values[:, n, :7] = price
    for row, bar in enumerate(played, HISTORY):
        values[row, 0, [OPEN, HIGH, LOW, CLOSE]] = bar
        values[row, 0, [MARK_HIGH, MARK_LOW, MARK_CLOSE]] = bar[1], bar[2], bar[3]
    if "mark" in columns:
        values[HISTORY:, 0, MARK_CLOSE] = columns["mark"]
    return Market(
        symbols=tuple(PRICES),
        timeframe_ms=MINUTE_MS,
        open_ms=START_MS + MINUTE_MS * (np.arange(rows) - HISTORY),
        bars=values,
        volume=np.full((rows, 2), volume),
        funding_rate=np.full((rows, 2), columns.get("funding", 0.0)),
        start=HISTORY,
    )


def a_tape(market: Market) -> Tape:
    """Return a market as a tape."""
    instruments = [packaged_instruments()[symbol] for symbol in market.symbols]
    return tape_of(market, instruments, market.start)


class Scene:
    """One exchange and its first account."""

    def __init__(
        self,
        market: Market | None = None,
        *,
        deposit: str = "10000",
        conduct: Conduct | None = None,
        step_ms: int = STEP_MS,
        leaps: bool = False,
    ) -> None:
        self.leaps = leaps
        self.exchange = Exchange(
            a_tape(market or a_market()),
            step_ms=step_ms,
            conduct=conduct,
            deposit=to_units(deposit),
        )
        self.floor = self.exchange.floor
        self.account = self.exchange.account("0xAAAA")
        self._sent = 0

    @property
    def btc(self) -> Listing:
        """Return the contract most tests trade."""
        return self.floor.listings["BTCUSDT"]

    def place(self, account: Account | None = None, **params: Any) -> Order:
        """Send parameters as the wire has them; they are accepted or refused, nothing trades."""
        self._sent += 1
        fields = {"symbol": "BTCUSDT", **params}
        contract = self.floor.listings[fields["symbol"]].contract
        request = read_order(
            {name: str(value) for name, value in fields.items()}, contract, f"t{self._sent}"
        )
        return self.exchange.place(account or self.account, request)

    def send(self, account: Account | None = None, **params: Any) -> Order:
        """Send an order and let it reach the book."""
        order = self.place(account, **params)
        self.exchange.activate(order)
        return order

    def market(self, side: str, qty: str, **params: Any) -> Order:
        """Trade at once."""
        return self.send(side=side, type="MARKET", quantity=qty, **params)

    def limit(self, side: str, qty: str, price: float, **params: Any) -> Order:
        """Trade at a price or rest."""
        fields = {"timeInForce": "GTC", **params}
        return self.send(side=side, type="LIMIT", quantity=qty, price=price, **fields)

    def wait(self, minutes: float = 1.0) -> None:
        """Let time pass."""
        until = self.floor.now_ms + int(minutes * MINUTE_MS)
        (self.exchange.leap if self.leaps else self.exchange.advance)(until)

    def lots(self) -> int:
        """Return what the account holds of BTC in one-way mode."""
        return self.account.position("BTCUSDT").lots

    def heard(self, account: Account | None = None) -> list[dict[str, Any]]:
        """Return and forget what the account's stream was told."""
        number = (account or self.account).number
        found = [payload for who, payload in self.floor.told if who == number]
        self.floor.told.clear()
        return found
