"""What must hold at the end of every scenario, however much went wrong in it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from aster_ray.engine.venue_orders import Purpose, Stage
from aster_ray.model.enums import Side
from aster_ray.venues.simulator.amounts import UNIT
from tests.aster_ray.venues.live.lives import NAMES, LiveScene


def problems(scene: LiveScene) -> list[str]:
    """Return every promise that was broken; empty = none."""
    return [
        *_orders(scene),
        *_fills(scene),
        *_positions(scene),
        *_books(scene),
    ]


def _orders(scene: LiveScene) -> list[str]:
    """No order twice, no terminal state without the venue's word, nothing left in doubt."""
    venue, account = scene.life.client.account, scene.life.venue.account
    found = []
    sent = Counter(order.request.client_id for order in venue.orders.values())
    found += [f"{known} was placed {count} times" for known, count in sent.items() if count > 1]
    for order in venue.orders.values():
        known = order.request.client_id
        if known not in account.orders and known not in account.finished:
            found.append(f"{known} is at the venue and in none of our records")
        if order.is_open and known not in account.orders:
            found.append(f"{known} rests at the venue and counts as {account.finished.get(known)}")
    for known, tracked in account.orders.items():
        if tracked.stage is not Stage.OPEN:
            found.append(f"{known} ({tracked.slot.purpose.value}) is left {tracked.stage.value}")
        elif known not in sent:
            found.append(f"{known} counts as open and never was at the venue")
    for known, how in account.finished.items():
        if how in ("filled", "expired") and known not in sent:
            found.append(f"{known} counts as {how} and never was at the venue")
    return found


def _fills(scene: LiveScene) -> list[str]:
    """Every execution of the venue is booked, and booked once."""
    venue, account = scene.life.client.account, scene.life.venue.account
    booked = set(account.booked.trades)
    there = {f"{fill.symbol}/{fill.trade_id}" for fill in venue.fills}
    lost, invented = sorted(there - booked), sorted(booked - there)
    return [f"lost fills {lost}"] * bool(lost) + [f"invented fills {invented}"] * bool(invented)


def _positions(scene: LiveScene) -> list[str]:
    """Both sides hold the same, and what is held has its one stop at the venue."""
    venue, account = scene.life.client.account, scene.life.venue.account
    found = []
    for n, name in enumerate(NAMES):
        there, here = venue.position(name).lots, account.position(n)
        if there != here:
            found.append(f"{name}: {there} lots at the venue, {here} here")
        stops = [o for o in venue.resting(name) if o.request.kind.is_stop]
        protected = sum(o.left if o.request.side is Side.BUY else -o.left for o in stops)
        if protected != -there or len(stops) > 1 or not all(o.request.reduce_only for o in stops):
            found.append(f"{name}: {there} lots held, stops for {protected} in {len(stops)} orders")
        mine = [o for o in account.orders.values() if o.slot == (Purpose.STOP, n, -1, -1)]
        if len(mine) != len(stops):
            found.append(f"{name}: {len(stops)} stops at the venue, {len(mine)} here")
    return found


def _worth(scene: LiveScene) -> tuple[float, float]:
    """Return wallet and open profit, ours and the venue's, at the venue's marks.

    Wallets alone differ where sleeves trade with each other: to us that realizes a profit, to the
    venue, which sees the net only, nothing happened.
    """
    venue, account = scene.life.client.account, scene.life.venue.account
    floor = scene.exchange.floor
    ours, theirs = float(account.book.account["wallet"][0]), venue.wallet / UNIT
    for n, name in enumerate(NAMES):
        position = account.book.positions[n]
        lot, mark = float(scene.setup.rules["lot"][n]), floor.listings[name].mark / UNIT
        if position["lots"]:
            ours += int(position["lots"]) * lot * (mark - float(position["entry_price"]))
            theirs += floor.margins.unrealized(venue.position(name)) / UNIT
    return ours, theirs


def _books(scene: LiveScene) -> list[str]:
    """Money and lots agree: venue, our account there, risk desk, execution desk."""
    life = scene.life
    account, risk = life.venue.account, life.risk.desk
    found = []
    ours, theirs = _worth(scene)
    if abs(ours - theirs) > 0.005:
        found.append(f"worth {theirs:.8f} at the venue, {ours:.8f} here")
    told = sum(len(part) for part in account._fills)
    if not told:  # the risk desk has heard of everything
        for name in ("lots", "entry_price", "stop", "take_profit", "realized", "fees", "funding"):
            here, there = account.book.sleeves[name], risk.book.sleeves[name]
            if not np.array_equal(here, there, equal_nan=here.dtype.kind == "f"):
                found.append(f"{name}: {here.tolist()} at the account, {there.tolist()} at risk")
        levels = account.book.levels["state"] != risk.book.levels["state"]
        if levels.any():
            found.append(f"{int(levels.sum())} ladder levels differ between account and risk")
    return found
