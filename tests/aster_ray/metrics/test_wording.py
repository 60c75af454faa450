from __future__ import annotations

import pytest

from aster_ray.metrics import wording
from tests.aster_ray.metrics.accounts import DAY


def test_undefined_reads_as_a_dash() -> None:
    for write in (
        wording.percent,
        wording.signed_percent,
        wording.number,
        wording.cash,
        wording.price,
        wording.duration,
        wording.moment,
    ):
        assert write(None) == wording.NOTHING


def test_fractions_become_percents_here_only() -> None:
    assert wording.percent(0.1234) == "12.34 %"
    assert wording.signed_percent(0.05) == "+5.00 %"
    assert wording.cash(-1234.5) == "-1,234.50"
    assert wording.cash(-1e-9) == "+0.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(43_251.5, "43,251.5"), (0.00012345, "0.00012345"), (123_456.7, "123,456.7")],
)
def test_prices_keep_the_digits_that_matter(value: float, text: str) -> None:
    assert wording.price(value) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 min"),
        (90 * 60_000, "1 h 30 min"),
        (26 * 3_600_000, "1 d 2 h"),
        (3_600_000, "1 h"),
        (1_100 * DAY, "1,100 d"),
    ],
)
def test_durations_use_two_units(milliseconds: int, text: str) -> None:
    assert wording.duration(milliseconds) == text


def test_moments_are_utc_to_the_minute() -> None:
    assert wording.moment(1_704_067_260_000) == "2024-01-01 00:01"
    assert wording.words("stop_loss") == "stop loss"


@pytest.mark.parametrize(
    ("symbols", "quote"),
    [
        (["BTCUSDT", "ETHUSDT"], "USDT"),
        (["BTCFDUSD"], "FDUSD"),
        (["BTCUSDT", "ETHUSDC"], None),
        (["S0"], None),
        ([], None),
    ],
)
def test_quote_currency_is_what_all_symbols_end_with(symbols: list[str], quote: str | None) -> None:
    assert wording.quote_currency(symbols) == quote
