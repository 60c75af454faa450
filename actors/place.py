"""Where a session's processes find the exchange it brings; light: every actor imports it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from aster_ray.config import Secret
from aster_ray.errors import BadInputError
from aster_ray.research.request import RunRequest
from aster_ray.research.session import Session

PLACE = "ASTER_EXCHANGE"  # the variable that names it
UNLIMITED = 1_000_000


def placed(session: Session, environ: Mapping[str, str]) -> Session:
    """Return a session that knows where its own exchange listens; any other as it is.

    Raises:
        BadInputError: nobody serves its exchange: its orders must not go anywhere else.
    """
    request = session.request
    if not request.brings_exchange:
        return session
    place = environ.get(PLACE, "")
    if not place:
        raise BadInputError(f"the exchange of session {session.folder} is not running")
    settings: Any = request.settings
    venue = dataclasses.replace(
        settings.venue,
        **json.loads(place),
        wallet="",
        agent_key=Secret(),
        nonce_window_s=10.0,
        # Its time stands still while we think: a minute of ours may be a month of its.
        weight_per_minute=UNLIMITED,
        orders_per_minute=UNLIMITED,
    )
    settings = dataclasses.replace(settings, venue=venue)
    return session._replace(request=RunRequest(settings, request.strategies))
