"""Who holds a lease, in words for whoever is in the way of it."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aster_ray import clock
from aster_ray.errors import LeaseHeldError


def _host() -> str:
    return socket.gethostname()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One taking of a lease.

    Attributes:
        what: the session, as a person knows it.
        host: name of its machine.
        pid: of its process there.
        since_ms: when it took the lease, by its own clock.
        token: tells this taking from every other.
    """

    what: str
    host: str = field(default_factory=_host)
    pid: int = field(default_factory=os.getpid)
    since_ms: int = field(default_factory=lambda: clock.LiveClock().now_ms())
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)

    def text(self) -> str:
        """Return the same text for the same taking."""
        return json.dumps(self.plain(), sort_keys=True)

    def __str__(self) -> str:
        """Say who it is and since when."""
        at = dt.datetime.fromtimestamp(self.since_ms / 1e3, dt.UTC)
        return f"{self.what} (process {self.pid} on {self.host}) since {at:%Y-%m-%d %H:%M:%S} UTC"


def read_holder(values: Mapping[str, Any] | str) -> Holder:
    """Return the holder that ``plain`` or ``text`` was made of.

    Raises:
        ValueError: it was made of none.
    """
    content = json.loads(values) if isinstance(values, str) else values
    try:
        return Holder(**content)
    except TypeError as error:
        raise ValueError(f"no holder of a lease: {error}") from error


def held_error(account: str, holder: Holder, left_s: float) -> LeaseHeldError:
    """Say who is in the way, and what to do about it."""
    error = LeaseHeldError(
        f"account {account} is traded by {holder}: end that session, or wait "
        f"{max(left_s, 0.0):.0f} s after its last sign of life"
    )
    error.what = holder.what
    return error
