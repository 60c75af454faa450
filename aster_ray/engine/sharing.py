"""What the processes that serve one account share, on one machine or on several.

Beside ``aster_ray.engine.ports``: there the engine ends and the world begins, here one process ends
and the next one begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from aster_ray.model.enums import Urgency


class Grant(NamedTuple):
    """The right to trade one account, numbered."""

    epoch: int  # above every earlier one of the account, whatever was lost or restarted since
    previous: int  # the epoch before it, 0 where that is not known


class LeasePort(Protocol):
    """The sole right to trade one account: at most one holder has an epoch that ``check`` passes.

    Raises:
        RetryableError: the store of the lease does not answer; nothing may be sent meanwhile.
    """

    @property
    def epoch(self) -> int:
        """Return the epoch held last; 0 before the first."""
        ...

    @property
    def ttl_s(self) -> float:
        """Return for how long the right lasts unless it is renewed, in seconds."""
        ...

    def acquire(self) -> Grant:
        """Take the right under a new epoch.

        Raises:
            LeaseHeldError: somebody else has it; says who, and since when.
        """
        ...

    def renew(self) -> None:
        """Hold it for another ``ttl_s`` from now.

        Raises:
            LeaseLostError: it ran out, or somebody else has it.
        """
        ...

    def check(self) -> None:
        """Return only if something may be sent now: call it right before every send.

        Raises:
            LeaseLostError: as ``renew``.
        """
        ...

    def release(self) -> None:
        """Let go, so that the next need not wait; without it nothing happens."""
        ...


class RateBudgetPort(Protocol):
    """How much may be asked of a venue; one budget for everybody behind one address."""

    def take(self, weight: int, urgency: Urgency) -> float:
        """Spend ``weight`` and return 0, or spend nothing and return after how many seconds to ask.

        Raises:
            RetryableError: the store of the budget does not answer; nothing was spent.
        """
        ...

    def spent(self, weight: int) -> None:
        """Take the venue's own count of what its running window has seen, where it is higher."""
        ...

    def pause(self, seconds: float) -> None:
        """Let nobody spend anything for so long: the venue said to go away."""
        ...


class SnapshotPort(Protocol):
    """How a session stands, for whoever looks on without asking its actors."""

    def publish(self, status: Mapping[str, Any]) -> None:
        """Put plain values in the place of the last ones; they last for a while only."""
        ...

    def latest(self) -> dict[str, Any] | None:
        """Return what was published last; None where nothing was lately."""
        ...
