"""What ``aster live`` does once its options are read: every demand first, then the four actors."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from actors.cli import share_places
from actors.display import Display, display_for
from actors.host import PaperResult, host
from actors.join import NoAnswerError, call
from actors.pulse import FILE as PULSES
from aster_ray import topology
from aster_ray.clock import LiveClock
from aster_ray.data.instruments import packaged_instruments
from aster_ray.data.synthetic import SYMBOLS
from aster_ray.engine.concluded import REMEDY
from aster_ray.engine.config import LIVE, VENUE
from aster_ray.errors import BadInputError
from aster_ray.model.ids import parse_symbols
from aster_ray.research.mandate import Mandate
from aster_ray.research.request import RunRequest
from aster_ray.research.session import (
    RISK_JOURNAL,
    Session,
    create_session,
    load_session,
    next_folder,
)
from aster_ray.research.tenure import SESSIONS, held_message, is_held
from aster_ray.research.view import view_from_files
from aster_ray.settings import Settings
from aster_ray.store.config import FILE, SQL, Places, StoreConfig
from aster_ray.store.custody import account_lease, live_account
from aster_ray.store.journals import require_place
from aster_ray.venues.credentials import read_credentials

STEM = "live"


class Wish(NamedTuple):
    """What a person said beside what is to be traded.

    Attributes:
        confirm: the account that may be traded, as they named it.
        dry: send nothing.
        resume: folder of a live session that is to go on.
        out: folder of a new one; None = the next free ``runs/live-N``.
    """

    confirm: str | None
    dry: bool
    resume: Path | None
    out: Path | None


def live(request: RunRequest, wish: Wish, as_json: bool) -> PaperResult:
    """Trade an account at the venue until told to stop; leave its stops there.

    Args:
        request: what to trade; feed and orders are the venue's whatever it says.
        wish: account, dry or not, new or not.
        as_json: show nothing on the way.

    Raises:
        BadInputError: a demand is not met; nothing was written, and nothing sent.
    """
    with display_for(as_json=as_json) as display:
        session = _granted(request, wish, display)
        return host(session, display, audited=lambda: _farewell(session))


def _granted(request: RunRequest, wish: Wish, display: Display) -> Session:
    """Return the session that may trade now, new or going on."""
    settings: Any = request.settings
    share_places(request)  # also to ourselves: what a session has recorded is read first
    going_on = None if wish.resume is None else _earlier(wish, settings.store)
    folder = wish.out if wish.resume is None else wish.resume
    if folder is not None and is_held(folder):
        raise BadInputError(held_message(folder))
    asked = request if going_on is None else going_on.request
    # Imported here: its libraries are an extra.
    from aster_ray.doctor.clearance import Clearance, whole_leverage

    application = _application(settings, asked, is_new=going_on is None)
    whole_leverage(application.leverage)
    clearance = Clearance(application, LiveClock())
    if not wish.dry:
        clearance.confirm(wish.confirm)
    examined_ms = clearance.require_record()
    what = "aster live" if folder is None else f"aster live, session {folder}"
    with _alone(settings, clearance.signer.wallet, what, needed=not wish.dry):
        display.say("asking the account")
        for finding in asyncio.run(clearance.examine()):
            display.say(f"{finding.name}: {finding.text}")
        if not wish.dry:
            for change in asyncio.run(clearance.settle()):
                display.say(f"set at the venue: {change}")
        if going_on is not None:
            return _again(going_on, clearance.signer.wallet, clearance.signer.address)
        mandate = Mandate(
            venue=settings.venue.name,
            address=clearance.address,
            wallet=clearance.signer.wallet,
            signer=clearance.signer.address,
            dry=wish.dry,
            granted_ms=LiveClock().now_ms(),
            examined_ms=examined_ms,
        )
        display.say("asking the venue for the bars before the first close")
        return _new(_at_venue(request), wish.out, mandate)


def _earlier(wish: Wish, store: StoreConfig) -> Session:
    """Return the session that is to go on."""
    if wish.resume is None or wish.out is not None:
        raise BadInputError("--out and --resume name one folder each: a session goes on in its own")
    session = load_session(wish.resume)
    if session.mandate is None:
        raise BadInputError(f"--resume {wish.resume} is no session of aster live: begin a new one")
    if session.mandate.dry != wish.dry:
        how = "with" if session.mandate.dry else "without"
        raise BadInputError(f"--resume {wish.resume} began {how} --dry, and goes on so")
    require_place(wish.resume, session.place, store)
    if store.journal == SQL and not session.place.key:
        raise BadInputError(
            f"--resume {wish.resume} began with store.journal = {FILE!r}, and goes on so: leave "
            f"store.journal = {SQL!r} out, or begin a new session"
        )
    if view_from_files(session) is None:  # else it would begin anew, under its old name
        raise BadInputError(
            f"--resume {wish.resume}: {RISK_JOURNAL} is gone or empty, so what the session decided "
            f"is not known: {REMEDY}"
        )
    return session


def _at_venue(request: RunRequest) -> RunRequest:
    """Return the request with bars from the venue as they close, and orders there."""
    settings: Any = request.settings
    if settings.venue.control:
        raise BadInputError(
            f"venue.control is {settings.venue.control!r}: a venue whose time stands still is for "
            "aster paper; leave it out"
        )
    session = dataclasses.replace(settings.session, feed=LIVE, orders=VENUE)
    return RunRequest(dataclasses.replace(settings, session=session), request.strategies)


def _application(settings: Settings, request: RunRequest, *, is_new: bool) -> Any:
    """Return what is asked for: the account of ``settings``, the trading of ``request``."""
    from aster_ray.doctor.clearance import Application

    trades: Any = request.settings
    packaged = packaged_instruments()
    wanted = [symbol.venue_id for symbol in parse_symbols(trades.data.symbols)] or list(SYMBOLS)
    unknown = [symbol for symbol in wanted if symbol not in packaged]
    if unknown:
        raise BadInputError(
            f"data.symbols names {', '.join(unknown)}, whose contract rules are not known here: "
            "read them with aster data instruments --refresh, or choose others"
        )
    leverage = {symbol: trades.risk.leverage.get(packaged[symbol].base, 1.0) for symbol in wanted}
    return Application(
        venue=settings.venue,
        credentials=read_credentials(settings.venue, os.environ),
        config=settings.doctor,
        leverage=leverage,
        named=frozenset(s for s in wanted if packaged[s].base in trades.risk.leverage),
        # What a session that goes on has lost is no reason to leave its positions alone.
        capital=trades.session.capital if is_new else 0.0,
    )


@contextlib.contextmanager
def _alone(settings: Settings, wallet: str, what: str, *, needed: bool) -> Iterator[None]:
    """Hold the account's lease for the time of the block; its executor takes it after that.

    Raises:
        LeaseHeldError: another executor trades the account.
    """
    if not needed:
        yield
        return
    places = Places(settings.store, settings.redis)
    lease = account_lease(places, live_account(settings.venue.name, wallet), what)
    lease.acquire()
    try:
        yield
    finally:
        lease.release()


def _new(request: RunRequest, out: Path | None, mandate: Mandate) -> Session:
    folder = next_folder(SESSIONS, STEM) if out is None else out
    try:
        return create_session(request, folder, uuid.uuid4().hex[:8], mandate)
    except BaseException:
        if out is None:
            with contextlib.suppress(OSError):
                folder.rmdir()  # nothing half-written
        raise


def _again(session: Session, wallet: str, signer: str) -> Session:
    """Return an earlier session, ready to go on."""
    if session.mandate is not None:
        session.mandate.require(wallet, signer)
    # What its last supervisor counted was of processes that are long gone.
    (session.folder / PULSES).unlink(missing_ok=True)
    return session


def _farewell(session: Session) -> dict[str, Any]:
    """Have the executor leave nothing but stops; return what it says, as a report tells it."""
    try:
        told = dict(call(topology.EXECUTOR, session.token, "stand_down", patience_s=60.0))
    except NoAnswerError as error:
        structlog.get_logger().warning("farewell_unanswered", reason=str(error))
        return {"live": {"silence": f"what is left at the venue is not known: {error}"}}
    return as_told(told)


def as_told(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections of a report: the account, and what is left at the venue by symbol."""
    left = told.get("left", {"orders": [], "positions": {}})
    stops = {
        one["symbol"]: one["trigger_price"]
        for one in left["orders"]
        if one["ours"] and one["type"] == "stop_market"
    }
    strange = [one for one in left["orders"] if not one["ours"]]
    plain = {name: value for name, value in told.items() if not isinstance(value, Mapping | list)}
    texts = {
        "external_positions": [f"{s} {qty:+g}" for s, qty in told["external_positions"].items()],
        "other_symbols": told["other_symbols"],
        "orders_not_ours": [f"{one['type']} {one['symbol']} {one['id']}" for one in strange],
    }
    return {
        "live": {**plain, **{name: ", ".join(items) for name, items in texts.items()}},
        "left_at_venue": {
            symbol: {"qty": qty, "stop": stops.get(symbol)}
            for symbol, qty in left["positions"].items()
        },
    }
