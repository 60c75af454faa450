"""How numbers read to a person: the only place where fractions become percents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

NOTHING = "–"  # noqa: RUF001 - a typographic dash: this number is undefined

# Measures that are fractions, shown as percents to people only.
FRACTIONS = frozenset(
    {
        "total_return",
        "cagr",
        "volatility",
        "max_drawdown",
        "daily_value_at_risk",
        "daily_conditional_value_at_risk",
        "best_day",
        "worst_day",
        "time_in_market",
        "win_rate",
    }
)
# Longer names first: what ends in FDUSD also ends in USD.
_QUOTES = ("FDUSD", "USDT", "USDC", "USD1", "BUSD", "USDE", "USDF", "USD", "EUR", "BTC", "ETH")


def percent(value: float | None, digits: int = 2) -> str:
    """Return a fraction as a percentage."""
    return NOTHING if value is None else f"{round(value * 100, digits) + 0.0:,.{digits}f} %"


def signed_percent(value: float | None) -> str:
    """Return a fraction as a percentage with its sign."""
    return NOTHING if value is None else f"{value * 100:+,.2f} %"


def number(value: float | None, digits: int = 2) -> str:
    """Return a ratio or a count."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def cash(value: float | None) -> str:
    """Return an amount of quote currency with its sign."""
    return NOTHING if value is None else f"{round(value, 2) + 0.0:+,.2f}"


def price(value: float | None) -> str:
    """Return a price with as many digits as tell it apart."""
    return NOTHING if value is None else f"{value:,.6g}" if abs(value) < 1e5 else f"{value:,.1f}"


def duration(milliseconds: float | None) -> str:
    """Return a length of time in its two largest units."""
    if milliseconds is None:
        return NOTHING
    minutes = round(milliseconds / 60_000)
    days, rest = divmod(minutes, 1_440)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days:,} d {hours} h" if hours else f"{days:,} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def moment(milliseconds: int | None) -> str:
    """Return a UTC date and time to the minute."""
    if milliseconds is None:
        return NOTHING
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def words(name: str) -> str:
    """Return a column or enum name as words: ``stop_loss`` becomes ``stop loss``."""
    return name.replace("_", " ")


def quote_currency(symbols: Sequence[str]) -> str | None:
    """Return the currency that venue ids such as BTCUSDT are quoted in; None unless they agree."""
    found = {next((name for name in _QUOTES if symbol.endswith(name)), "") for symbol in symbols}
    return found.pop() or None if len(found) == 1 else None
