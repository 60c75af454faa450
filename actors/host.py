"""Run one session in this process, from taking its folder to its report, and say so on the way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import structlog

from actors.display import Display
from actors.launch import View, local_ray, run_session
from actors.secrecy import keep_secrets
from actors.simulated import exchange_of
from actors.warm import warm_all
from aster_ray import log
from aster_ray.cli.process import ending_signals, handling
from aster_ray.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, AsterError
from aster_ray.research.session import LOGS, RISK_JOURNAL, Session, abandon
from aster_ray.research.tenure import Tenure

LOG_NAME = "host"
_UNDER_WAY = ("running", "draining", "finished")


class PaperResult(NamedTuple):
    """A session that has ended."""

    report: dict[str, Any]
    folder: Path
    exit_code: int


class Interruption:
    """SIGINT, SIGTERM, SIGHUP: the first asks for an orderly end, another of the two aborts.

    A terminal that closes says SIGHUP, often twice, and to the whole process group: nobody is
    there any more to want an abort. Under nohup it is ignored, as it was before.
    """

    def __init__(self) -> None:
        self.number: int | None = None

    @property
    def asked(self) -> bool:
        """Return whether the session shall end."""
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """Return what a command ends with after an orderly end.

        A service that is told to stop and does has done its work; a person's Ctrl-C must also end
        the script around the command, as must the end of its terminal.
        """
        return EXIT_DONE if self.number in (None, signal.SIGTERM) else EXIT_INTERRUPTED

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if not self.asked:
            self.number = number
        elif number != signal.SIGHUP:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals for the time of the block."""
        with handling(self._ask, [signal.SIGINT, *ending_signals()]):
            yield


def host(
    session: Session,
    display: Display,
    on_trading: Callable[[], None] = lambda: None,
    audited: Callable[[], Mapping[str, Any]] = dict,
) -> PaperResult:
    """Run ``session`` to its end and write its report.

    Args:
        session: freshly created.
        display: shows it on the way.
        on_trading: called once, when every actor is ready.
        audited: returns what else the report says of the session, once it is over.

    Raises:
        BadInputError: another process runs it.
        AsterError: an actor failed for good.
    """
    tenure = Tenure(session.folder)
    keep_secrets()
    log.configure_file(session.folder / LOGS / f"{LOG_NAME}.log")
    try:
        with _reported(session, tenure):
            session.journals.upgrade()
            result = _trade((session, tenure), display, on_trading, audited)
            tenure.end(result.exit_code)
            return result
    finally:
        log.close_file()


@contextlib.contextmanager
def _reported(session: Session, tenure: Tenure) -> Iterator[None]:
    """Write down how a session failed; forget one that never began."""
    try:
        yield
    except BaseException as error:
        code = EXIT_FAILED
        if isinstance(error, AsterError):
            code = error.exit_code
        elif isinstance(error, KeyboardInterrupt):
            code = EXIT_INTERRUPTED
        structlog.get_logger().error("session_failed", exit_code=code, exc_info=error)
        if _began(session):
            with contextlib.suppress(AsterError):  # a full disk: why it failed comes first
                tenure.end(code, str(error) or type(error).__name__)
        else:
            tenure.leave()
            abandon(session)
        raise


def _began(session: Session) -> bool:
    """Return whether there is anything to keep; there may be while nobody can look."""
    try:
        return session.journals.exists(RISK_JOURNAL)
    except AsterError:
        return True


def _trade(
    hosted: tuple[Session, Tenure],
    display: Display,
    on_trading: Callable[[], None],
    audited: Callable[[], Mapping[str, Any]],
) -> PaperResult:
    session, tenure = hosted
    logger = structlog.get_logger()
    interruption, told = Interruption(), False

    def watch(view: View) -> None:
        nonlocal told
        if not told and view.state in _UNDER_WAY:
            told = True
            tenure.trades()
            logger.info("trading", session=session.folder.name)
            notify_service("READY=1")
            on_trading()
        with contextlib.suppress(OSError):  # whoever looked on may have left
            display.show(view)

    def stopped() -> bool:
        exchange.look()
        return interruption.asked

    def compared() -> Mapping[str, Any]:
        return {**audited(), **exchange.audit()}

    prepared = session.prepare()
    with exchange_of(session, prepared) as exchange:
        display.say("preparing compiled code (half a minute after a change, else a moment)")
        warm_all(prepared)
        if session.request.brings_exchange:
            display.say("opening the exchange")
            exchange.open()
        display.say("starting a local Ray node")
        with local_ray() as address, interruption.listening():
            tenure.listens_at(address)
            logger.info("hosting", session=session.folder.name, pid=os.getpid())
            result = run_session(session, watch, stopped, compared)
            logger.info("ended", session=session.folder.name, closes=len(result.equity))
            notify_service("STOPPING=1")
    return PaperResult(result.report, session.folder, _exit_code(result.report, interruption))


def _exit_code(report: dict[str, Any], interruption: Interruption) -> int:
    """Return what the command ends with: books that differ are a failure, however it ended."""
    audited = report.get("session", {}).get("exchange", {})
    return interruption.exit_code if audited.get("agrees", True) else EXIT_FAILED


def notify_service(state: str) -> None:
    """Tell the service manager that started this process, if one did (systemd's sd_notify)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as service,
    ):
        service.connect(address.replace("@", "\0", 1))
        service.sendall(state.encode())
