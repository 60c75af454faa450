"""A simulated exchange of a session's own: the session's market, served beside it.

It belongs to the process that hosts the session and ends with it, however that ends: the exchange
reads its standard input, which nobody writes to and which closes with that process.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actors.launch import share_import_path
from actors.place import PLACE, UNLIMITED
from aster_ray import clock, log
from aster_ray.cli.process import keeping_signals
from aster_ray.config import Secret
from aster_ray.errors import AsterError, BadInputError
from aster_ray.research.prepare import Prepared
from aster_ray.research.session import LOGS, VENUE_JOURNAL, Session
from aster_ray.venues.credentials import AGENT_KEY, WALLET
from aster_ray.venues.live.audit import agrees, audit

OUTPUT = "exchange.out"
_ANSWER_S, _START_S, _GOODBYE_S = 30.0, 300.0, 5.0


class Elsewhere:
    """What a session has that brings no exchange."""

    def open(self) -> None:
        """Do nothing."""

    def look(self) -> None:
        """Do nothing."""

    def audit(self) -> dict[str, Any]:
        """Return nothing to say."""
        return {}


class Exchange(Elsewhere):
    """The exchange of one session, in a process of its own.

    Args:
        session: whose.
        prepared: what it trades.
        process: the exchange, loading or serving.
    """

    def __init__(
        self, session: Session, prepared: Prepared, process: subprocess.Popen[bytes]
    ) -> None:
        self._session = session
        self._prepared = prepared
        self._process = process
        self._control = ""
        self._user = ""

    def open(self) -> None:
        """Wait until it serves, and let the processes that start from here on know where.

        The account has a new key of its own, which dies with it.
        """
        from aster_ray.venues.aster.signer import address_of

        place = self._first_document()
        self._control = place["control"]
        _ask(f"{self._control}/quota", {"weight_limit": UNLIMITED, "order_limit": UNLIMITED})
        key = "0x" + secrets.token_hex(32)
        log.conceal([key, key.removeprefix("0x")])
        self._user = address_of(Secret(key))
        stream = place["streams"].removesuffix("/fstream")
        told = {"rest": place["http"], "stream": stream, "control": self._control}
        os.environ.update({PLACE: json.dumps(told), AGENT_KEY: key, WALLET: ""})

    def look(self) -> None:
        """See whether it still serves.

        Raises:
            AsterError: it ended.
        """
        if self._process.poll() is not None:
            raise AsterError(self.verdict())

    def verdict(self) -> str:
        """Return how it ended, in words."""
        code = self._process.returncode
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        last = _last_line(self._session.folder / LOGS / OUTPUT)
        return (
            f"the simulated exchange of session {self._session.folder} ended ({how})"
            f"{': ' + last if last else ''}; nothing was sent since, and the journals are whole up "
            "to the last close"
        )

    def audit(self) -> dict[str, Any]:
        """Return how the session's log and the exchange's own ledger compare."""
        ledger = _ask(f"{self._control}/accounts/{self._user}")
        account = self._prepared.venue_account(self._session.token)
        for record in self._session.journals.scan(VENUE_JOURNAL):
            account.apply(record)
        found = audit(account, self._prepared.instruments, ledger)
        return {"exchange": {"agrees": agrees(found), **found}}

    def _first_document(self) -> dict[str, Any]:
        """Return the JSON document it begins with."""
        output, text = self._process.stdout, b""
        end_ns = clock.monotonic_ns() + int(_START_S * 1e9)
        while output is not None and clock.monotonic_ns() < end_ns:
            if not select.select([output], [], [], 0.5)[0]:
                continue
            part = os.read(output.fileno(), 65536)
            if not part:
                break
            text += part
            with contextlib.suppress(ValueError):
                found: dict[str, Any] = json.loads(text)
                return found
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GOODBYE_S)
        last = _last_line(self._session.folder / LOGS / OUTPUT)
        raise AsterError(f"the simulated exchange does not start: {last or 'no answer'}")


@contextlib.contextmanager
def exchange_of(session: Session, prepared: Prepared) -> Iterator[Elsewhere]:
    """Run the exchange that a session brings, if it brings one, for the time of the block.

    Raises:
        BadInputError: what an exchange is made of is not installed.
        AsterError: the exchange did not outlive the block.
    """
    if not session.request.brings_exchange:
        yield Elsewhere()
        return
    _require_libraries()
    before = {name: os.environ.get(name) for name in (PLACE, AGENT_KEY, WALLET)}
    with _served(session, prepared) as process:
        exchange = Exchange(session, prepared, process)
        try:
            yield exchange
        except AsterError as error:
            # Whoever trades there only sees that nobody answers; we know why.
            if process.poll() is None or str(error) == exchange.verdict():
                raise
            raise AsterError(f"{exchange.verdict()}; {error}") from error
        finally:
            _restore(before)


def _require_libraries() -> None:
    try:
        import ccxt  # noqa: F401

        from aster_ray.venues.aster import signer  # noqa: F401
        from aster_ray.venues.simulator import opening  # noqa: F401
    except ImportError as error:
        raise BadInputError(
            f"trading at the simulated exchange needs {error.name}, which is not installed: "
            "pip install -c constraints.txt -e . installs it; --plain does without"
        ) from error


@contextlib.contextmanager
def _served(session: Session, prepared: Prepared) -> Iterator[subprocess.Popen[bytes]]:
    """Run a simulator of the session's market."""
    share_import_path()
    with keeping_signals(), (session.folder / LOGS / OUTPUT).open("wb") as errors:
        process = subprocess.Popen(
            _command(prepared),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=session.folder,  # where no aster.toml lies
            start_new_session=True,  # Ctrl-C is for the session, which ends it in order
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _command(prepared: Prepared) -> list[str]:
    """Return how to serve a market whose time stands still until the session moves it."""
    settings, market = prepared.request.settings, prepared.market
    started = datetime.fromtimestamp(int(market.open_ms[market.start]) / 1000, UTC)
    return [
        *(sys.executable, "-m", "aster_ray.cli", "simulator", "--json", "--attached"),
        *("--host", "127.0.0.1", "--port", "0"),
        *("--pace", "stepped", "--time", "recorded", "--latency", "0"),
        *("--replay", settings.data.path, "--symbols", ",".join(market.symbols)),
        *("--seed", str(settings.session.seed), "--deposit", repr(settings.session.capital)),
        *("--from", started.strftime("%Y-%m-%dT%H:%M")),
    ]


def _ask(address: str, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the simulator, which we started ourselves, answers; a state is posted.

    Raises:
        AsterError: it does not answer.
    """
    data = None if state is None else json.dumps(state).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data, headers)  # noqa: S310 - http, our own
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        raise AsterError(f"the simulated exchange does not answer: {error}") from error
    return found


def _last_line(file: Path) -> str:
    """Return the last line of what a process said; empty for nothing."""
    with contextlib.suppress(OSError):
        lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return log.redact_text(lines[-1]) if lines else ""
    return ""


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
