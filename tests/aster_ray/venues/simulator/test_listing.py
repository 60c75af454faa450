from __future__ import annotations

import numpy as np
import pytest

from aster_ray.data.instruments import packaged_instruments
from aster_ray.model.enums import Side
from aster_ray.model.ids import HOUR_MS, MINUTE_MS
from aster_ray.venues.simulator.book import Entry
from aster_ray.venues.simulator.candles import COLUMNS
from aster_ray.venues.simulator.contract import contract_of
from aster_ray.venues.simulator.listing import Listing, PublicTrade

INDEX = 100_000 * 10**8


def nothing(_first_ms: int, _beyond_ms: int) -> np.ndarray:
    """Return an empty recording."""
    return np.zeros((0, COLUMNS), dtype=np.int64)


def a_listing(middle: int, last: int) -> Listing:
    """Return a contract whose book stands around ``middle`` and that traded at ``last`` ticks."""
    contract = contract_of(packaged_instruments()["BTCUSDT"])
    listing = Listing(contract, nothing, nothing, (0, 0), 7)
    listing.book.add(Entry(1, 1, Side.BUY, middle - 10, 5))
    listing.book.add(Entry(1, 2, Side.SELL, middle + 10, 5))
    listing.trade(PublicTrade(1, last, 5, 0, 0, buyer=True))
    listing.next_funding_ms = 8 * HOUR_MS
    return listing


@pytest.mark.parametrize(
    ("middle", "last", "rate", "mark"),
    [
        # With eight hours to go the funded index is 100,100; the book says 100,030.
        (1_000_300, 1_000_200, 100_000, 100_030),  # the book lies between
        (1_000_300, 1_000_500, 100_000, 100_050),  # the last price does
        (1_003_000, 1_000_500, 100_000, 100_100),  # the funded index does
        (999_000, 998_000, -100_000, 99_900),  # all three below the index
    ],
)
def test_the_mark_is_the_median_of_three_estimates(
    middle: int, last: int, rate: int, mark: int
) -> None:
    listing = a_listing(middle, last)
    listing.funding_rate = rate
    listing.revalue(INDEX, 0)
    expected = sorted((INDEX + INDEX * rate // 10**8, middle * 10_000_000, last * 10_000_000))[1]
    assert listing.mark == expected == mark * 10**8


def test_funding_weighs_less_the_nearer_it_is() -> None:
    listing = a_listing(1_000_000, 1_020_000)
    listing.funding_rate = 100_000
    found = []
    for hours in (0, 4, 8):
        listing.revalue(INDEX, hours * HOUR_MS)
        found.append((listing.mark - INDEX) / 10**8)
    assert found == [100.0, 50.0, 0.0]


def test_the_books_distance_is_the_mean_of_five_minutes() -> None:
    listing = a_listing(1_000_000, 1_100_000)
    listing.funding_rate = 0
    for minute in range(7):
        # Seven distances, -20 to 40; the mean of the last five, 0 to 40, is 20.
        listing.revalue(INDEX - (minute - 2) * 10 * 10**8, minute * MINUTE_MS)
    listing.revalue(INDEX, 6 * MINUTE_MS + 1)
    assert listing.mark == INDEX + 20 * 10**8
