"""What a process of a session must never write down."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from aster_ray import log


def keep_secrets() -> None:
    """Mask every secret this process was given: its environment's and the cluster's token."""
    log.conceal_environment(os.environ)
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    for path in (Path(named) if named else None, Path("~/.ray/auth_token").expanduser()):
        if path is not None:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                log.conceal([path.read_text(encoding="utf-8").strip()])
