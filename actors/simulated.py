"""A simulated exchange of a session's own: the session's market, served beside it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from actors.launch import share_import_path
from aster_ray import log
from aster_ray.cli.process import keeping_signals
from aster_ray.engine.config import VENUE
from aster_ray.errors import AsterError, BadInputError
from aster_ray.research.prepare import prepare
from aster_ray.research.request import RunRequest
from aster_ray.venues.config import ASTER
from aster_ray.venues.credentials import AGENT_KEY, WALLET

_ANSWER_S = 10.0
_UNLIMITED = 1_000_000
_GOODBYE_S = 5.0


class Simulated(NamedTuple):
    """A request that trades at an exchange of its own."""

    request: RunRequest
    wallet: str
    control: str

    def ledger(self) -> dict[str, Any]:
        """Return the exchange's own books of the session's account."""
        return _ask(f"{self.control}/accounts/{self.wallet}")


def _ask(address: str, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the simulator, which we started ourselves, answers; a state is posted."""
    data = None if state is None else json.dumps(state).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data, headers)  # noqa: S310 - http, our own
    with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


@contextlib.contextmanager
def simulated(request: RunRequest) -> Iterator[Simulated]:
    """Serve the market of ``request`` for the time of the block, and let its orders go there.

    The account has a new key of its own, which dies with it.

    Raises:
        BadInputError: what an exchange is made of is not installed, or the market has no minutes.
    """
    settings: Any = request.settings
    if settings.venue.name != ASTER or settings.venue.rest:
        raise BadInputError(
            "--simulator brings a venue of its own: leave [venue] name, rest and stream out"
        )
    try:
        from aster_ray.config import Secret
        from aster_ray.venues.aster.signer import address_of
    except ImportError as error:
        raise BadInputError(
            f"the simulator needs {error.name}, which is not installed: "
            "pip install 'aster-ray[simulator,live]'"
        ) from error
    market = prepare(request).market
    started = datetime.fromtimestamp(int(market.open_ms[market.start]) / 1000, UTC)
    command = [
        *(sys.executable, "-m", "aster_ray.cli", "simulator", "--json", "--port", "0"),
        *("--pace", "stepped", "--time", "recorded", "--latency", "0"),
        *("--symbols", ",".join(market.symbols), "--seed", str(settings.session.seed)),
        *("--from", started.strftime("%Y-%m-%dT%H:%M")),
        *("--deposit", repr(settings.session.capital)),
        *(("--replay", settings.data.path) if settings.data.path else ()),
    ]
    key = "0x" + secrets.token_hex(32)
    log.conceal([key, key.removeprefix("0x")])
    share_import_path()
    with _served(command) as place, _environment({AGENT_KEY: key, WALLET: ""}):
        venue = dataclasses.replace(
            settings.venue,
            rest=place["http"],
            stream=place["streams"].removesuffix("/fstream"),
            control=place["control"],
            nonce_window_s=10.0,
            # Its time stands still while we think: a minute of ours may be a month of its.
            weight_per_minute=_UNLIMITED,
            orders_per_minute=_UNLIMITED,
        )
        _ask(f"{place['control']}/quota", {"weight_limit": _UNLIMITED, "order_limit": _UNLIMITED})
        session = dataclasses.replace(settings.session, orders=VENUE)
        changed = dataclasses.replace(settings, venue=venue, session=session)
        yield Simulated(
            RunRequest(changed, request.strategies), address_of(Secret(key)), place["control"]
        )


@contextlib.contextmanager
def _served(command: list[str]) -> Iterator[dict[str, Any]]:
    """Run a simulator; yield where it listens."""
    with keeping_signals():
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the session, which ends it in order
        )
    try:
        yield _first_document(process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _first_document(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return the JSON document a command begins with."""
    text = b""
    while process.stdout is not None:
        line = process.stdout.readline()
        text += line
        if not line:
            break
        with contextlib.suppress(ValueError):
            found: dict[str, Any] = json.loads(text)
            return found
    _, error = process.communicate()
    raise AsterError(f"the simulator does not start: {error.decode(errors='replace').strip()}")


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables that the processes of a session inherit."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
