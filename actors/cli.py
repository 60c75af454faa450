"""What ``aster paper`` does once its options are read."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import Any

from actors.daemon import Detached, detach
from actors.display import display_for
from actors.host import PaperResult, host
from aster_ray import log
from aster_ray.errors import BadInputError
from aster_ray.research.request import RunRequest, refuse_real_money
from aster_ray.research.session import Session, create_session, next_folder
from aster_ray.research.tenure import SESSIONS, held_message, is_held
from aster_ray.store.config import Places, export


def paper(request: RunRequest, out: Path | None, as_json: bool) -> PaperResult:
    """Run a paper session and write its report.

    Args:
        request: what to trade.
        out: folder of the session; None = the next free ``runs/paper-N``.
        as_json: show nothing on the way.
    """
    with display_for(as_json=as_json) as display:
        display.say("loading the market")
        return host(_begin(request, out), display)


def paper_detached(request: RunRequest, out: Path | None, as_json: bool) -> Detached:
    """Start a paper session in a process of its own; return once it trades."""
    with display_for(as_json=as_json) as display:
        display.say("loading the market")
        session = _begin(request, out)
        display.say("starting the session")
        return detach(session)


def share_places(request: RunRequest) -> None:
    """Let the processes of the session know where things are kept: it may hold passwords."""
    settings: Any = request.settings
    os.environ.update(export(Places(settings.store, settings.redis)))
    log.conceal_environment(os.environ)


def _begin(request: RunRequest, out: Path | None) -> Session:
    if not request.brings_exchange:
        refuse_real_money(request)
    share_places(request)
    if out is not None and is_held(out):
        raise BadInputError(held_message(out))
    folder = next_folder(SESSIONS) if out is None else out
    try:
        return create_session(request, folder, uuid.uuid4().hex[:8])
    except BaseException:
        if out is None:
            with contextlib.suppress(OSError):
                folder.rmdir()  # nothing half-written
        raise
