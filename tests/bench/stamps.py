"""What a session counted of one hop, taken apart close by close.

A session reports durations as counts by bin, of all closes together. Looked at often enough, each
look finds at most one close more than the last: its bin is its duration, in the session's own
stamp. Closes that are found together cannot be told apart, and are not judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from actors.executor import CLOSE_TO_VENUE
from actors.hops import HopStatistics, add_up
from actors.pulse import Pulse, load
from aster_ray import topology
from aster_ray.engine.journal_tail import JournalTail
from aster_ray.research.session import FEED_JOURNAL


class Judged(NamedTuple):
    """The closes of a session by what became of them.

    Attributes:
        at_start: before the pipeline first stood still, with nothing to catch up with: not judged.
        together: later, but complete before the one before had been handed over, or found with
            another: not judged.
        alone: numbers of the closes that are judged: complete while the pipeline stood still.
        counted: what these took.
        later: what all closes took that came after the start, judged or not.
    """

    at_start: int
    together: int
    alone: tuple[int, ...]
    counted: HopStatistics | None
    later: HopStatistics | None


class Stamps:
    """Looks at the figures of a session as its supervisor writes them down.

    Args:
        folder: of the session.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._feed, self._out = JournalTail(folder / FEED_JOURNAL), 0
        self._known: Counter[int] = Counter()
        self._groups: list[Counter[int]] = []  # closes found by one look after the start
        self.at_start: int | None = None  # closes before it; None until then

    @property
    def later(self) -> int:
        """Return how many closes came after the start."""
        return sum(group.total() for group in self._groups)

    def look(self) -> None:
        """Take what is new; the start is the first moment at which nothing is under way."""
        pulses, _ = load(self._folder)
        if topology.EXECUTOR not in pulses:
            return
        bins = _bins(pulses[topology.EXECUTOR])
        fresh, self._known = bins - self._known, bins
        if self.at_start is not None:
            if fresh:
                self._groups.append(fresh)
        elif self._stands_still(pulses, bins.total()):
            self.at_start = bins.total()

    def _stands_still(self, pulses: dict[str, Pulse], handed_over: int) -> bool:
        """Return whether every close that is due is out, and every one that is out is through.

        A feed's progress is what it was asked for, and the last one out only if nobody is late.
        """
        self._out += sum(record["kind"] == "bars" for record in self._feed.new_records())
        if not all(pulse.ready for pulse in pulses.values()):
            return False
        feed, executor = pulses[topology.FEED], pulses[topology.EXECUTOR]
        through = handed_over - 1 == feed.progress == executor.progress
        return feed.says.get("behind") == 0 and through and handed_over == self._out > 0

    def judge(self, born_ns: Sequence[int]) -> Judged:
        """Return which closes count; ``born_ns`` says when each was complete, from the first on."""
        if self.at_start is None:
            return Judged(self._known.total(), 0, (), None, None)
        alone, counted, later = [], Counter[int](), Counter[int]()
        seq, free_ns = self.at_start, 0.0  # when the close before had been handed over
        for group in self._groups:
            later += group
            if group.total() == 1 and born_ns[seq] > free_ns:
                alone.append(seq)
                counted += group
            longest = add_up([{CLOSE_TO_VENUE: {max(group): 1}}])[CLOSE_TO_VENUE].p50_ms
            seq += group.total()
            free_ns = born_ns[seq - 1] + (longest or 0.0) * 1e6
        together = later.total() - len(alone)
        return Judged(self.at_start, together, tuple(alone), _figures(counted), _figures(later))


def _bins(pulse: Pulse) -> Counter[int]:
    """Return bin -> how many closes, of all processes the executor has had."""
    found: Counter[int] = Counter()
    for counts in pulse.counts.values():
        found.update(counts.get(CLOSE_TO_VENUE, {}))
    return found


def _figures(bins: Counter[int]) -> HopStatistics | None:
    return add_up([{CLOSE_TO_VENUE: bins}])[CLOSE_TO_VENUE] if bins else None
