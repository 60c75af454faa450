"""Configuration of what is kept and what is shared."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aster_ray import config, log
from aster_ray.config import Secret, outside

# Of this process and those it starts; beside ASTER__..., which the next command reads again.
_VARIABLE = "ASTER_PLACES"
STATE_VARIABLE = "ASTER_STATE_DIR"
FILE, SQL = "file", "sql"  # what ``store.journal`` may be
_POSTGRESQL = ("postgresql", "postgresql+psycopg")
_SCHEMES = (*_POSTGRESQL, "sqlite")
_REDIS_SCHEMES = ("redis", "rediss", "unix")
_ELSEWHERE: dict[str, Any] = {"identity": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """Where the journals and the history of sessions are kept.

    Every order waits for the journals: as files in the session's folder (``file``), or in a
    database, whose commit takes several times as long (``python -m tests.bench.storage``). The
    history follows them, a moment behind and never in their way.

    Attributes:
        journal: ``file``, or ``sql``: PostgreSQL where ``url`` names one, else SQLite (WAL, every
            commit on disk) in a file of its own, journal.sqlite in the session's folder. A session
            goes on where it began. A PostgreSQL that goes away is waited for, for a minute, and
            nothing is sent meanwhile.
        url: database of the history, postgresql+psycopg://user:password@host/name; empty = SQLite
            in the session's folder. Give it as ASTER__STORE__URL where it holds a password.
        history: whether journals, orders, trades, positions, signals and metrics are kept in it.
    """

    journal: str = field(default=FILE, metadata=_ELSEWHERE)
    url: Secret = field(default_factory=Secret, metadata=_ELSEWHERE)
    history: bool = field(default=True, metadata=_ELSEWHERE)

    def problems(self) -> list[str]:
        """Return what is out of range."""
        found = []
        if self.journal not in (FILE, SQL):
            found.append(f"journal must be {FILE} or {SQL}, not {self.journal!r}")
        if self.url.value and _scheme(self.url) not in _SCHEMES:
            found.append("url must begin with postgresql+psycopg:// or sqlite:///")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisConfig:
    """What several machines share: the lease of the account, the rate budget, the snapshot.

    Attributes:
        url: redis://[user:password@]host:port/0, rediss:// with TLS; empty = this machine only,
            by files. Give it as ASTER__REDIS__URL where it holds a password.
        lease_ttl: seconds after which the lease of an executor that went silent is free.
        snapshot_ttl: seconds for which a published snapshot counts as live.
        address: name of the public address this machine has: those that name the same share one
            rate budget at a venue, which counts by address.
        budget_share: part of a venue's request weight that each process keeps to by itself while
            Redis does not answer.
    """

    url: Secret = field(default_factory=Secret, metadata=_ELSEWHERE)
    lease_ttl: float = field(default=10.0, metadata=_ELSEWHERE)
    snapshot_ttl: float = field(default=15.0, metadata=_ELSEWHERE)
    address: str = field(default="", metadata=_ELSEWHERE)
    budget_share: float = field(default=0.25, metadata=_ELSEWHERE)

    def problems(self) -> list[str]:
        """Return what is out of range."""
        found = [
            *outside(self, 1.0, 300.0, "lease_ttl"),
            *outside(self, 1.0, 3600.0, "snapshot_ttl"),
            *outside(self, 0.01, 1.0, "budget_share"),
        ]
        if self.url.value and _scheme(self.url) not in _REDIS_SCHEMES:
            found.append("url must begin with redis://, rediss:// or unix://")
        return found


def is_postgresql(url: Secret) -> bool:
    """Return whether ``url`` names a PostgreSQL."""
    return _scheme(url) in _POSTGRESQL


def _scheme(url: Secret) -> str:
    try:
        return urlsplit(url.value).scheme
    except ValueError:
        return ""


class Places(NamedTuple):
    """Both sections, as a process of a session has them."""

    store: StoreConfig
    redis: RedisConfig


_SECTIONS: Mapping[str, type[Any]] = {"store": StoreConfig, "redis": RedisConfig}


def places_from_environment(environ: Mapping[str, str]) -> Places:
    """Return both sections as whoever started this process meant them.

    A session's own files hold no secret, so this is how its actors learn them: from what ``export``
    left, else from the ASTER__STORE__... and ASTER__REDIS__... of the node they run on.

    Raises:
        ConfigError: every problem at once.
    """
    if left := environ.get(_VARIABLE):
        content = json.loads(left)
        entries = [
            config.Entry((section, key), value, _VARIABLE)
            for section, values in content.items()
            for key, value in values.items()
        ]
    else:
        entries = [e for e in config.read_environment(environ) if e.path[0] in _SECTIONS]
    places = Places(**config.build(_SECTIONS, entries))
    log.conceal([url.value for url in (places.store.url, places.redis.url) if url.value])
    return places


def export(places: Places) -> dict[str, str]:
    """Return the variable from which ``places_from_environment`` reads the same sections."""
    content = {
        name: {
            field.name: value.value if isinstance(value, Secret) else value
            for field in dataclasses.fields(section)
            for value in (getattr(section, field.name),)
        }
        for name, section in places._asdict().items()
    }
    return {_VARIABLE: json.dumps(content)}


def state_folder() -> Path:
    """Return where this machine keeps what belongs to an account and to no session.

    ``ASTER_STATE_DIR`` moves it from ``~/.local/state/aster-ray``; users of one machine who trade
    one account must name the same folder.
    """
    named = os.environ.get(STATE_VARIABLE)
    return Path(named) if named else Path("~/.local/state/aster-ray").expanduser()
