"""Money as whole hundred-millionths of the quote asset.

Every balance, fee, payment and margin inside the exchange is such an integer, here called units,
and so is every rate (a fraction times 1e8). Sums are therefore exact: what leaves one account
arrives in another, to the last unit. Only ``divide`` rounds, half to even, and it is odd in its
argument: a payment and its mirror image always cancel.
"""

from __future__ import annotations

from decimal import Decimal

PLACES = 8
UNIT = 100_000_000


def to_units(value: Decimal | int | str) -> int:
    """Return an amount or a fraction as units.

    Raises:
        ValueError: it is not a number, or finer than one unit.
    """
    units = Decimal(value).scaleb(PLACES)
    if not units.is_finite() or units != units.to_integral_value():
        raise ValueError(f"{value} is not a whole number of 1e-{PLACES}")
    return int(units)


def nearest_units(value: float) -> int:
    """Return a float, such as a recorded mark price or rate, as the nearest units."""
    return int((Decimal(repr(float(value))).scaleb(PLACES)).to_integral_value())


def divide(numerator: int, denominator: int) -> int:
    """Return the quotient rounded to the nearest integer, halves to the even one."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))


def at_rate(amount: int, rate: int) -> int:
    """Return ``amount`` times a fraction that is given in units."""
    return divide(amount * rate, UNIT)


def units_text(units: int, places: int = PLACES) -> str:
    """Write units with a fixed number of decimals, rounded to them."""
    return decimal_text(divide(units, int(10 ** (PLACES - places))), places)


def decimal_text(scaled: int, places: int) -> str:
    """Write ``scaled`` / 10 ** ``places`` with exactly that many decimals."""
    sign = "-" if scaled < 0 else ""
    if places == 0:
        return f"{sign}{abs(scaled)}"
    whole, rest = divmod(abs(scaled), 10**places)
    return f"{sign}{whole}.{rest:0{places}d}"
