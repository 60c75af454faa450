"""Which closes of a session are judged, from what its supervisor writes down."""

from __future__ import annotations

from pathlib import Path

from actors.executor import CLOSE_TO_VENUE
from actors.hops import HopMeter
from actors.pulse import READY, Pulse, save
from aster_ray import topology
from aster_ray.engine.journal import frame
from aster_ray.research.session import FEED_JOURNAL
from tests.bench.stamps import Stamps

MS = 1_000_000
SECOND = 1_000 * MS


class Session:
    """Writes what a supervisor would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._meter = HopMeter()
        self._handed_over = 0
        self.stamps = Stamps(folder)

    def hand_over(self, *took_ms: float) -> None:
        for one in took_ms:
            self._meter.took(CLOSE_TO_VENUE, int(one * MS))
            self._handed_over += 1

    def release(self, closes: int) -> None:
        with (self._folder / FEED_JOURNAL).open("ab") as journal:
            for _ in range(closes):
                journal.write(frame({"kind": "bars"}))

    def look(self, *, behind: int = 0, asked: int | None = None, state: str = READY) -> None:
        asked = self._handed_over if asked is None else asked
        feed = Pulse(state=READY, progress=asked - 1, says={"behind": behind})
        executor = Pulse(state=state, progress=self._handed_over - 1)
        executor.counts = {7: self._meter.counts()}
        save(self._folder, {topology.FEED: feed, topology.EXECUTOR: executor}, {})
        self.stamps.look()


def about(milliseconds: float | None, wanted: float) -> bool:
    return milliseconds is not None and abs(milliseconds / wanted - 1.0) < 0.01


def test_what_a_session_catches_up_with_is_left_out_until_nothing_is_under_way(
    tmp_path: Path,
) -> None:
    session = Session(tmp_path)
    session.stamps.look()  # nothing is written yet
    session.release(1)
    session.hand_over(9_000.0)
    session.look(state="recovering")
    session.look(behind=3)
    session.look(asked=2)  # one is on its way
    assert session.stamps.at_start is None
    session.release(1)
    session.look()  # one that nobody has asked for yet
    assert session.stamps.at_start is None
    assert session.stamps.judge([0]) == (1, 0, (), None, None)
    session.hand_over(7_000.0)
    session.look()
    assert session.stamps.at_start == 2
    session.hand_over(4.0)
    session.look()
    session.look()
    session.hand_over(8.0)
    session.look()
    judged = session.stamps.judge([0, 0, 9 * SECOND, 11 * SECOND])
    assert (judged.at_start, judged.together, judged.alone) == (2, 0, (2, 3))
    assert judged.counted == judged.later
    assert judged.counted is not None
    assert about(judged.counted.p50_ms, 4.0)
    assert about(judged.counted.p99_ms, 8.0)


def test_a_close_that_waits_for_the_one_before_it_is_told_apart(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.release(1)
    session.hand_over(1.0)
    session.look()
    born = [0]
    for took, at in ((3_000.0, 2 * SECOND), (1_000.0, 4 * SECOND), (5.0, 7 * SECOND)):
        session.hand_over(took)
        session.look()
        born.append(at)
    session.hand_over(6.0, 50.0)  # one look finds both
    session.look()
    born += [9 * SECOND, 9 * SECOND + MS]
    session.hand_over(5.0)  # complete before the longer of the two can have been handed over
    session.look()
    born.append(9 * SECOND + 20 * MS)
    judged = session.stamps.judge(born)
    assert session.stamps.later == 6
    assert judged.alone == (1, 3)
    assert judged.together == 4
    assert judged.counted is not None
    assert judged.later is not None
    assert (judged.counted.messages, judged.later.messages) == (2, 6)
    assert about(judged.later.p99_ms, 3_000.0)
