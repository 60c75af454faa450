"""A mapping that forgets: what a process remembers for as long as it lives must not grow."""

from __future__ import annotations


class Latest(dict[str, str]):
    """Keeps the entries that were made last; ``most`` of None keeps all."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self._most = most

    def note(self, key: str, value: str = "") -> None:
        """Make an entry, and drop the oldest if there are too many."""
        self[key] = value
        if self._most is not None and len(self) > self._most:
            del self[next(iter(self))]
