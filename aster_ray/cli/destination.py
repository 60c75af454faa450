"""Where the orders of a paper session go: as asked for, else as its market suggests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aster_ray.cli import api
from aster_ray.config import Entry
from aster_ray.engine.config import PAPER, REPLAY, SIMULATOR
from aster_ray.errors import BadInputError
from aster_ray.venues.config import ASTER

if TYPE_CHECKING:
    from aster_ray.settings import Settings

# What a session at the simulated exchange trades of the built-in market, unless somebody says from
# when to when: enough for every kind of exit and denial, and for funding, and no more than takes a
# minute or two on two free cores, order by order through the real client.
FIRST_DAY, LAST_DAY = "2025-03-01", "2025-04-14"
_KEY = ("session", "orders")


def paper_settings(
    config: Path | None,
    options: Mapping[str, Any],
    assignments: Sequence[str],
    asked: Mapping[str, bool],
) -> Settings:
    """Return the settings of a paper session, its orders' destination among them.

    The built-in market is traded at a simulated exchange; recorded and live ones on paper.

    Args:
        config: configuration file.
        options: what the command line says, by option.
        assignments: its ``section.key=value``.
        asked: destination -> whether its own flag was given.

    Raises:
        BadInputError: flags or settings contradict each other.
    """
    given = list(assignments)
    destination = _asked(asked, assignments)
    if destination:
        given.append(f"session.orders={destination}")
    beneath: list[Entry] = []

    def load() -> Settings:
        return api.load_settings(config, options, given, beneath)

    settings = load()
    if not settings.data.path and settings.session.feed == REPLAY:
        beneath.append(Entry(_KEY, SIMULATOR, "aster paper"))
        settings = load()
    if settings.session.orders != SIMULATOR:
        return settings
    _refuse_contradictions(settings)
    data = settings.data
    if not (data.path or data.start or data.end):
        beneath.append(Entry(("data", "start"), FIRST_DAY, "aster paper"))
        beneath.append(Entry(("data", "end"), LAST_DAY, "aster paper"))
        settings = load()
    return settings


def _asked(asked: Mapping[str, bool], assignments: Sequence[str]) -> str:
    """Return the destination that a flag names; empty for none."""
    flags = {name: flag for name, flag in _FLAGS.items() if asked.get(name)}
    if len(flags) > 1:
        raise BadInputError(f"{' and '.join(flags.values())} contradict each other: say one")
    if not flags:
        return ""
    ((name, flag),) = flags.items()
    for assignment in assignments:
        key, _, value = assignment.partition("=")
        if key.strip() == ".".join(_KEY) and value.strip() != name:
            raise BadInputError(f"{flag} and --set {assignment} contradict each other: say one")
    return name


_FLAGS = {PAPER: "--plain", SIMULATOR: "--simulator"}


def _refuse_contradictions(settings: Settings) -> None:
    """Refuse what an exchange of the session's own cannot be told."""
    if settings.session.feed != REPLAY:
        raise BadInputError(
            f"session.feed = {settings.session.feed} takes its bars from a venue, --simulator "
            "(session.orders = simulator) plays recorded ones: leave one of them out"
        )
    venue = settings.venue
    given = [name for name in ("rest", "stream", "control") if getattr(venue, name)]
    if venue.name != ASTER or given:
        names = ", ".join([*(["name"] if venue.name != ASTER else []), *given])
        raise BadInputError(
            f"[venue] {names}: a session at the simulator brings a venue of its own; leave that "
            "out, or say --plain (session.orders = paper) to trade on the paper venue"
        )
