"""A session in a process of its own: started, waited for until it trades, and left alone.

    python -m actors.daemon FOLDER FD

runs the session that was created in FOLDER. Everything it needs stands in the session's own files;
over the pipe FD it says one line of JSON once it trades, or why it does not.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from actors.display import Silence
from actors.host import LOG_NAME, host
from actors.launch import share_import_path
from aster_ray import log
from aster_ray.cli.process import ending_signals, interrupt
from aster_ray.errors import EXIT_FAILED, EXIT_INTERRUPTED, AsterError
from aster_ray.research.session import LOGS, Session, abandon, load_session

OUTPUT = f"{LOG_NAME}.out"


class Detached(NamedTuple):
    """A session that goes on without us."""

    folder: Path
    pid: int


class StartError(AsterError):
    """A detached session that did not come to trade; ends with its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def detach(session: Session) -> Detached:
    """Start ``session`` in a process group of its own and return once it trades.

    Raises:
        StartError: it failed before; nothing of it goes on.
    """
    share_import_path()
    output = session.folder / LOGS / OUTPUT
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "actors.daemon", str(session.folder), str(writing)]
    with output.open("w+b") as file, os.fdopen(reading, "rb") as pipe:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)
        try:
            line = pipe.readline()
        except BaseException:
            process.send_signal(signal.SIGTERM)
            process.wait()
            raise
        if not line:
            code = process.wait()
            file.seek(0)
            last = file.read().decode(errors="replace").strip().splitlines()[-1:]
            abandon(session)
            reason = log.redact_text(last[0]) if last else f"it ended with exit code {code}"
            raise StartError(f"session {session.folder} did not start: {reason}", EXIT_FAILED)
    told: Mapping[str, Any] = json.loads(line)
    if told["exit_code"] is not None:
        process.wait()
        raise StartError(told["failure"], told["exit_code"])
    process.returncode = 0  # not ours to wait for: Popen would warn that it goes on
    return Detached(session.folder, process.pid)


class Pipe:
    """The one line a waiting parent gets."""

    def __init__(self, descriptor: int) -> None:
        # No process that is started from here may hold the other end of it open.
        os.set_inheritable(descriptor, False)
        self._file = os.fdopen(descriptor, "wb")

    def tell(self, exit_code: int | None, failure: str = "") -> None:
        """Say that trading began, or how it failed; what comes later is nobody's business."""
        if self._file.closed:
            return
        line = json.dumps({"exit_code": exit_code, "failure": log.redact_text(failure)})
        with contextlib.suppress(OSError), self._file:  # the parent may have left
            self._file.write(line.encode() + b"\n")


def run(folder: Path, pipe: Pipe) -> int:
    """Run the session in ``folder``; return the exit code of this process."""
    try:
        session = load_session(folder)
        return host(session, Silence(), lambda: pipe.tell(None)).exit_code
    except AsterError as error:
        pipe.tell(error.exit_code, str(error))
        return error.exit_code
    except KeyboardInterrupt:
        pipe.tell(EXIT_INTERRUPTED, "interrupted")
        return EXIT_INTERRUPTED
    except BaseException as error:
        pipe.tell(EXIT_FAILED, f"{type(error).__name__}: {error}")
        raise


def _crash(kind: type[BaseException], error: BaseException, _trace: object) -> None:
    """Write a defect's last words without what must not be written."""
    sys.stderr.write(log.redact_text(f"{kind.__name__}: {error}\n"))


if __name__ == "__main__":
    for number in ending_signals():
        signal.signal(number, interrupt)
    sys.excepthook = _crash
    sys.exit(run(Path(sys.argv[1]), Pipe(int(sys.argv[2]))))
