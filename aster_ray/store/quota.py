"""The arithmetic of a rate budget: a bucket that never lets a venue's window overflow."""

from __future__ import annotations

from dataclasses import dataclass

from aster_ray.model.enums import Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a venue allows behind one address.

    Attributes:
        limit: weight per window, as the venue counts it.
        window_s: length of the venue's window in seconds.
        burst: weight that may be spent at once.
        create_reserve: fraction of ``burst`` that opening something leaves for protection.
        poll_reserve: fraction of ``burst`` that looking leaves for everything else.
    """

    limit: int = 2_400
    window_s: float = 60.0
    burst: int = 300
    create_reserve: float = 0.2
    poll_reserve: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < 2 * self.burst < self.limit:
            raise ValueError(f"burst must be below half of limit {self.limit}, was {self.burst}")
        if not 0.0 <= self.create_reserve <= self.poll_reserve < 1.0:
            raise ValueError("reserves must rise from create to poll and stay below 1")

    @property
    def rate(self) -> float:
        """Return the weight that comes back per second.

        Whatever window the venue counts: one full bucket, what comes back, and one more bucket if
        the count was lost on the way (a restart) are together no more than the limit.
        """
        return (self.limit - 2 * self.burst) / self.window_s

    def reserve(self, urgency: Urgency) -> float:
        """Return what this urgency must leave in the bucket."""
        fractions = {
            Urgency.PROTECT: 0.0,
            Urgency.CREATE: self.create_reserve,
            Urgency.POLL: self.poll_reserve,
        }
        return self.burst * fractions[urgency]

    def within(self, weight: int, urgency: Urgency) -> int:
        """Return ``weight``, or all there ever is for this urgency where it is larger."""
        return max(1, min(weight, int(self.burst - self.reserve(urgency))))

    def needed(self, weight: int, urgency: Urgency) -> float:
        """Return what the bucket must hold before ``weight`` may be spent.

        Raises:
            ValueError: it never will.
        """
        needed = weight + self.reserve(urgency)
        if weight < 1 or needed > self.burst:
            raise ValueError(
                f"weight {weight} cannot be spent as {urgency.name.lower()}: a burst is "
                f"{self.burst}, of which {self.reserve(urgency):g} are kept for what is more urgent"
            )
        return needed
