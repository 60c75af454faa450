"""A contract in the exchange's own arithmetic: ticks, lots, units, and the filters of its rules."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from aster_ray.errors import BadInputError
from aster_ray.model.instrument import Instrument
from aster_ray.venues.simulator.amounts import (
    PLACES,
    UNIT,
    at_rate,
    decimal_text,
    divide,
    nearest_units,
    to_units,
)
from aster_ray.venues.simulator.refusals import Reason, RefusedError

HIGHEST_PRICE = 1_000_000
# A resting order may be this many times the largest market order: 100 and 10 for BTCUSDT.
_LIMIT_TO_MARKET = 10


@dataclass(frozen=True, slots=True)
class Tier:
    """One bracket of the margin table, all in units."""

    floor: int
    cap: int
    rate: int
    deduction: int
    leverage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the venue publishes beside tick and lot; fractions in units.

    The defaults are those of BTCUSDT. ``ASTERUSDT`` publishes 0.05 and 0.15 for the last two, which
    stand in for every contract that is less liquid than the two largest.
    """

    price_band: int = UNIT // 50  # a limit price may be this far on the wrong side of the mark
    take_bound: int = UNIT // 50  # a market order trades no further from the mark
    trigger_protect: int = UNIT // 50  # largest gap of last and mark for protected triggers
    max_orders: int = 200
    max_stops: int = 10


LIQUID = Filters()
OTHERS = Filters(price_band=UNIT // 20, take_bound=UNIT // 20, trigger_protect=15 * UNIT // 100)
_MOST_LIQUID = ("BTCUSDT", "ETHUSDT")


@dataclass(frozen=True, slots=True)
class Contract:
    """One perpetual.

    Attributes:
        instrument: tick, lots, fees and brackets as the rest of the project knows them.
        filters: what only an exchange checks.
        value: units that one lot is worth per tick of price; always whole.
        lot_units: one lot as a base quantity times 1e8.
    """

    instrument: Instrument
    filters: Filters
    tiers: tuple[Tier, ...]
    value: int
    lot_units: int
    tick_units: int
    price_places: int
    qty_places: int

    @property
    def symbol(self) -> str:
        """Return the venue id."""
        return self.instrument.symbol

    @property
    def max_ticks(self) -> int:
        """Return the highest price an order may name."""
        return HIGHEST_PRICE * UNIT // self.tick_units

    @property
    def max_lots(self) -> int:
        """Return the largest resting order; a market order is held to ``instrument.max_lots``."""
        return self.instrument.max_lots * _LIMIT_TO_MARKET

    @property
    def min_notional(self) -> int:
        """Return the smallest order value in units."""
        return nearest_units(self.instrument.min_notional)

    def notional(self, lots: int, ticks: int) -> int:
        """Return what signed ``lots`` are worth at a price in ticks: exact."""
        return lots * ticks * self.value

    def worth(self, lots: int, price: int) -> int:
        """Return what signed ``lots`` are worth at a price in units, to the nearest unit."""
        return divide(lots * self.lot_units * price, UNIT)

    def ticks_below(self, price: int) -> int:
        """Return the highest price on the grid that is not above ``price`` (units)."""
        return price // self.tick_units

    def ticks_above(self, price: int) -> int:
        """Return the lowest price on the grid that is not below ``price`` (units)."""
        return -(-price // self.tick_units)

    def tier(self, notional: int) -> Tier:
        """Return the bracket that holds an absolute notional."""
        held = self.tiers[0]
        for tier in self.tiers:
            if notional >= tier.floor:
                held = tier
        return held

    def maintenance(self, notional: int) -> int:
        """Return the maintenance margin of an absolute notional."""
        tier = self.tier(notional)
        return max(0, at_rate(notional, tier.rate) - tier.deduction)

    @property
    def max_leverage(self) -> int:
        """Return the highest leverage of any bracket."""
        return self.tiers[0].leverage

    def max_notional(self, leverage: int) -> int:
        """Return the largest position, in units, that a leverage allows."""
        return max((tier.cap for tier in self.tiers if tier.leverage >= leverage), default=0)

    def price_text(self, ticks: int) -> str:
        """Write a price on the grid."""
        return decimal_text(
            ticks * self.tick_units // 10 ** (PLACES - self.price_places), self.price_places
        )

    def qty_text(self, lots: int) -> str:
        """Write a signed quantity."""
        return decimal_text(
            lots * self.lot_units // 10 ** (PLACES - self.qty_places), self.qty_places
        )

    def mean_price_text(self, cost: int, lots: int) -> str:
        """Write the average price at which ``lots`` came to be worth ``cost`` units."""
        places = max(5, self.price_places + 1)
        if lots == 0:
            return decimal_text(0, places)
        scaled = divide(cost * 10**places, lots * self.lot_units)
        return decimal_text(scaled, places)

    def read_price(self, text: str, field: str = "price") -> int:
        """Return a price parameter as ticks, checked against PRICE_FILTER.

        Raises:
            RefusedError: it is no number, negative, off the grid or out of range.
        """
        stop = field != "price"
        price = _read_decimal(text, field)
        if price <= 0:
            raise RefusedError(Reason.STOP_NEGATIVE if stop else Reason.PRICE_NEGATIVE)
        if price > HIGHEST_PRICE:
            raise RefusedError(Reason.STOP_ABOVE_MAX if stop else Reason.PRICE_ABOVE_MAX)
        if -_exponent(price) > PLACES:
            raise RefusedError(Reason.PRECISION)
        ticks, rest = divmod(to_units(price), self.tick_units)
        if ticks == 0:
            raise RefusedError(Reason.PRICE_BELOW_MIN)
        if rest:
            raise RefusedError(Reason.PRICE_TICK)
        return ticks

    def read_qty(self, text: str, *, market: bool) -> int:
        """Return a quantity parameter as lots, checked against LOT_SIZE or MARKET_LOT_SIZE.

        Raises:
            RefusedError: it is no number, not positive, off the grid or out of range.
        """
        qty = _read_decimal(text, "quantity")
        if qty <= 0:
            raise RefusedError(Reason.QTY_NEGATIVE)
        if -_exponent(qty) > PLACES:
            raise RefusedError(Reason.PRECISION)
        lots, rest = divmod(to_units(qty), self.lot_units)
        if rest:
            # ``precision`` counts decimals, ``step`` what the decimals may be.
            finer = -_exponent(qty) > self.qty_places
            raise RefusedError(Reason.PRECISION if finer else Reason.QTY_STEP)
        if lots < self.instrument.min_lots:
            raise RefusedError(Reason.QTY_BELOW_MIN)
        if lots > (self.instrument.max_lots if market else self.max_lots):
            raise RefusedError(Reason.QTY_ABOVE_MAX)
        return lots


def _read_decimal(text: str, field: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise RefusedError(Reason.MISSING, field)
    return number


def _exponent(number: Decimal) -> int:
    """Return the power of ten of the last digit that matters."""
    return int(number.normalize().as_tuple().exponent)


def contract_of(instrument: Instrument, filters: Filters | None = None) -> Contract:
    """Express an instrument in whole numbers.

    Raises:
        BadInputError: a lot at one tick is not worth whole units, so money could not be exact.
    """
    try:
        value = to_units(instrument.tick * instrument.lot)
        lot_units, tick_units = to_units(instrument.lot), to_units(instrument.tick)
    except ValueError as error:
        raise BadInputError(
            f"instrument {instrument.symbol}: tick {instrument.tick} x lot {instrument.lot} must "
            f"be a whole number of 1e-{PLACES} to be simulated exactly"
        ) from error
    if filters is None:
        filters = LIQUID if instrument.symbol in _MOST_LIQUID else OTHERS
    return Contract(
        instrument=instrument,
        filters=filters,
        tiers=_tiers(instrument),
        value=value,
        lot_units=lot_units,
        tick_units=tick_units,
        price_places=max(0, -_exponent(instrument.tick)),
        qty_places=max(0, -_exponent(instrument.lot)),
    )


def _tiers(instrument: Instrument) -> tuple[Tier, ...]:
    """Turn the brackets into whole numbers, deriving each deduction so that margin has no jump."""
    floors = [nearest_units(step.floor) for step in instrument.brackets]
    # The last bracket has no floor above it: a billion stands for "no end".
    caps = [*floors[1:], max(10 * floors[-1], 10**9 * UNIT)]
    tiers: list[Tier] = []
    deduction, before = 0, 0
    for step, floor, cap in zip(instrument.brackets, floors, caps, strict=True):
        rate = nearest_units(step.rate)
        deduction += at_rate(floor, rate - before)
        before = rate
        tiers.append(Tier(floor, cap, rate, deduction, int(step.leverage)))
    return tuple(tiers)
