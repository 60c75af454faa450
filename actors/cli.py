"""What ``aster paper`` does once its options are read."""

from __future__ import annotations

import contextlib
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from actors.display import display_for
from actors.launch import local_ray, run_session
from actors.warm import warm_all
from aster_ray.research.request import RunRequest
from aster_ray.research.session import (
    Session,
    abandon,
    create_session,
    next_folder,
)

RUNS = Path("runs")


class PaperResult(NamedTuple):
    """A session that has ended."""

    report: dict[str, Any]
    folder: Path
    interrupted: bool


class Interruption:
    """Ctrl-C and SIGTERM: the first asks for an orderly end, the second aborts."""

    def __init__(self) -> None:
        self.asked = False

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take both signals for the time of the block."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def paper(request: RunRequest, out: Path | None, as_json: bool) -> PaperResult:
    """Run a paper session and write its report.

    Args:
        request: what to trade.
        out: folder of the session; None = the next free ``runs/paper-N``.
        as_json: show nothing on the way.
    """
    interruption = Interruption()
    with display_for(as_json=as_json) as display:
        display.say("loading the market")
        session = _begin(request, out)
        try:
            display.say("preparing compiled code (half a minute after a change, else a moment)")
            warm_all(session.prepare())
            display.say("starting a local Ray node")
            with local_ray(), interruption.listening():
                result = run_session(session, display.show, lambda: interruption.asked)
        except BaseException:
            abandon(session)
            raise
    return PaperResult(result.report, session.folder, interruption.asked)


def _begin(request: RunRequest, out: Path | None) -> Session:
    folder = next_folder(RUNS) if out is None else out
    try:
        return create_session(request, folder, uuid.uuid4().hex[:8])
    except BaseException:
        if out is None:
            with contextlib.suppress(OSError):
                folder.rmdir()  # nothing half-written
        raise
