"""Keys to the user stream: an hour long, extended on request, silent after they expire."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from aster_ray.venues.simulator.refusals import Reason, RefusedError

LIFE_MS = 3_600_000


class ListenKeys:
    """The keys of all accounts, on the wall clock."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._keys: dict[int, str] = {}  # by account
        self._ends: dict[str, int] = {}

    def issue(self, account: int) -> str:
        """Return the account's key, new or extended."""
        key = self._keys.get(account)
        if key is None or key not in self._ends:
            key = self._keys[account] = secrets.token_hex(32)
        self._ends[key] = self._now_ms() + LIFE_MS
        return key

    def extend(self, account: int) -> None:
        """Give the account's key another hour.

        Raises:
            RefusedError: it has none.
        """
        key = self._keys.get(account)
        if key is None or key not in self._ends:
            raise RefusedError(Reason.BAD_LISTEN_KEY)
        self._ends[key] = self._now_ms() + LIFE_MS

    def close(self, account: int) -> None:
        """Give a key back."""
        key = self._keys.pop(account, None)
        if key is not None:
            self._ends.pop(key, None)

    def of(self, account: int) -> str | None:
        """Return the living key of an account."""
        key = self._keys.get(account)
        return key if key in self._ends else None

    def is_alive(self, key: str) -> bool:
        """Return whether a key opens a stream."""
        return key in self._ends

    def size(self) -> int:
        """Return how many keys are remembered."""
        return len(self._ends)

    def expire(self) -> list[str]:
        """Return and forget the keys whose hour is over."""
        now = self._now_ms()
        over = [key for key, end in self._ends.items() if end <= now]
        for key in over:
            del self._ends[key]
        return over

    def expire_all(self) -> None:
        """Let every key end at the next look."""
        for key in self._ends:
            self._ends[key] = 0
