"""What was booked is told from what was not, without keeping all of it."""

from __future__ import annotations

from aster_ray.engine.booked import Booked
from aster_ray.model.ids import DAY_MS, HOUR_MS


def test_trades_are_forgotten_but_those_the_venue_took_are_not() -> None:
    booked = Booked(remember=2)
    booked.trade("taken", taken_away=True)
    for key in ("a", "b", "c"):
        booked.trade(key, taken_away=False)
    assert booked.count == 4
    assert [key in booked for key in ("taken", "a", "b", "c")] == [True, False, True, True]


def test_payments_are_known_for_as_long_as_they_may_come_again() -> None:
    booked = Booked()
    booked.payment("old", HOUR_MS)
    booked.payment("new", HOUR_MS + DAY_MS)
    assert "old" in booked  # a day ago, no more
    booked.payment("late", 2 * HOUR_MS)
    assert booked.last_payment_ms == HOUR_MS + DAY_MS
    booked.payment("newer", 2 * HOUR_MS + DAY_MS + 1)
    assert [key in booked for key in ("old", "late", "new", "newer")] == [False, False, True, True]
