"""One contract's order book: price first, then time; it is never crossed and never locked."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from aster_ray.model.enums import Side

MARKET = 0  # owner of the simulated liquidity; accounts count from 1
# By name, because Python 3.11 looks the members of an enum up slowly, and every quote asks.
_BUY, _SELL = Side.BUY, Side.SELL


class Entry:
    """Lots that rest at a price; one per order of an account.

    Attributes:
        owner: number of the account, or ``MARKET``.
        order_id: of the order it belongs to; 0 for the simulated liquidity.
        side: what it wants to do.
        ticks: its price.
        lots: what is left; only the book changes it.
    """

    __slots__ = ("lots", "order_id", "owner", "side", "ticks")

    def __init__(self, owner: int, order_id: int, side: Side, ticks: int, lots: int) -> None:
        self.owner = owner
        self.order_id = order_id
        self.side = side
        self.ticks = ticks
        self.lots = lots


class _Half:
    """The bids or the asks. A rank is a price turned so that the best is the smallest."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.ranks: list[int] = []
        self.queues: dict[int, deque[Entry]] = {}

    def rank(self, ticks: int) -> int:
        return -self.side * ticks

    def add(self, entry: Entry) -> None:
        rank = self.rank(entry.ticks)
        queue = self.queues.get(rank)
        if queue is None:
            queue = self.queues[rank] = deque()
            insort(self.ranks, rank)
        queue.append(entry)

    def remove(self, entry: Entry) -> None:
        rank = self.rank(entry.ticks)
        queue = self.queues[rank]
        queue.remove(entry)
        if not queue:
            del self.queues[rank]
            del self.ranks[bisect_left(self.ranks, rank)]


class Book:
    """All resting orders of one contract.

    Attributes:
        update_id: counts changes; what market-data messages are numbered by.
        own: the entries of accounts, in the order in which they came.
    """

    def __init__(self) -> None:
        self._halves = {Side.BUY: _Half(Side.BUY), Side.SELL: _Half(Side.SELL)}
        self.update_id = 0
        self.own: dict[Entry, None] = {}

    def replace(self, side: Side, entries: Iterable[Entry]) -> None:
        """Let a side consist of the simulated liquidity's entries, one a price, best first.

        Raises:
            ValueError: an account's order stands in the book.
        """
        if self.own:
            raise ValueError("orders of accounts stand in the book")
        half = self._halves[side]
        half.queues = {half.rank(entry.ticks): deque((entry,)) for entry in entries}
        half.ranks = list(half.queues)

    def best(self, side: Side) -> int | None:
        """Return the best price in ticks of a side, None where it is empty."""
        ranks = self._halves[side].ranks
        return -side * ranks[0] if ranks else None

    def front(self, side: Side) -> Entry | None:
        """Return whose turn it is on a side: the oldest entry at the best price."""
        half = self._halves[side]
        return half.queues[half.ranks[0]][0] if half.ranks else None

    def reaches(self, side: Side, ticks: int | None) -> bool:
        """Return whether an order of ``side`` with this limit (None: any price) would trade."""
        best = self.best(_other(side))
        return best is not None and (ticks is None or side * (ticks - best) >= 0)

    def add(self, entry: Entry) -> None:
        """Put an entry behind all others of its price.

        Raises:
            ValueError: it is empty, or would trade: then it must be matched first.
        """
        if entry.lots <= 0 or entry.ticks <= 0:
            raise ValueError(f"entry of {entry.lots} lots at {entry.ticks} ticks cannot rest")
        if self.reaches(entry.side, entry.ticks):
            raise ValueError(f"{entry.side.name} at {entry.ticks} ticks would cross the book")
        self._halves[entry.side].add(entry)
        if entry.owner != MARKET:
            self.own[entry] = None
        self.update_id += 1

    def take(self, entry: Entry, lots: int) -> None:
        """Execute part or all of the entry whose turn it is.

        Raises:
            ValueError: it is another's turn, or it has fewer lots.
        """
        if entry is not self.front(entry.side):
            raise ValueError(f"order {entry.order_id} is not first in the book")
        self.shrink(entry, lots)

    def shrink(self, entry: Entry, lots: int) -> None:
        """Take lots off an entry; it keeps its place, and leaves when nothing is left."""
        if not 0 < lots <= entry.lots:
            raise ValueError(f"cannot take {lots} of {entry.lots} lots")
        entry.lots -= lots
        if entry.lots == 0:
            self.remove(entry)
        else:
            self.update_id += 1

    def remove(self, entry: Entry) -> None:
        """Withdraw an entry."""
        self._halves[entry.side].remove(entry)
        if entry.owner != MARKET:
            del self.own[entry]
        self.update_id += 1

    @property
    def size(self) -> int:
        """Return how many prices hold entries."""
        return sum(len(half.ranks) for half in self._halves.values())

    def levels(self, side: Side, count: int) -> list[tuple[int, int]]:
        """Return up to ``count`` (ticks, lots) from the best price on."""
        half = self._halves[side]
        return [
            (-side * rank, sum(entry.lots for entry in half.queues[rank]))
            for rank in half.ranks[:count]
        ]

    def lots_within(self, side: Side, ticks: int | None) -> int:
        """Return how much an order of ``side`` with this limit could trade at once."""
        half = self._halves[_other(side)]
        worst = None if ticks is None else half.rank(ticks)
        total = 0
        for rank in half.ranks:
            if worst is not None and rank > worst:
                break
            total += sum(entry.lots for entry in half.queues[rank])
        return total

    def entries(self, side: Side) -> Iterator[Entry]:
        """Yield the entries of a side in the order in which they would trade."""
        half = self._halves[side]
        for rank in half.ranks:
            yield from half.queues[rank]


def cross(
    book: Book, side: Side, lots: int, ticks: int | None, report: Callable[[Entry, int], None]
) -> int:
    """Trade up to ``lots`` against the other side and return what is left.

    Args:
        book: the book.
        side: of the one who takes.
        lots: how much is wanted.
        ticks: worst price; None takes any.
        report: called after each execution with the entry (already reduced) and the lots; it may
            change the book.
    """
    while lots > 0 and book.reaches(side, ticks):
        entry = book.front(_other(side))
        if entry is None:
            break
        traded = min(lots, entry.lots)
        book.take(entry, traded)
        lots -= traded
        report(entry, traded)
    return lots


def _other(side: Side) -> Side:
    return _SELL if side is _BUY else _BUY
