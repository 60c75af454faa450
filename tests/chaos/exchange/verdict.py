"""What must hold when a scenario is over, from the exchange's own ledger and the bare records.

Nothing here asks the code under test what it thinks: the exchange says what happened, the disks say
what was written down, and both are summed up here anew. ``checks`` of the live venue's own tests
looks at the objects in memory besides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from aster_ray.engine.journal import decode
from aster_ray.kernel.records import FILL
from aster_ray.model.enums import FillKind, Side
from aster_ray.venues.simulator.account import Fill, IncomeType
from aster_ray.venues.simulator.amounts import UNIT
from tests.aster_ray.venues.live import checks
from tests.aster_ray.venues.live.lives import NAMES
from tests.chaos.exchange.world import World

Records = list[dict[str, Any]]
_CENT = 0.005


def verdict(world: World) -> list[str]:
    """Return every promise that was broken; empty = none."""
    log, journal = (disk.kept for disk in world.account.disks)
    former = _former(world)
    return [
        *_orders(world, log),
        *(broken for session in world.sessions for broken in _ends(world, session.log)),
        *_fills(world, log, former),
        *_positions(world, log),
        *_money(world, log, former),
        *_desks(world, log, journal, world.risk_disk.kept),
        *_in_memory(world, log, former),
    ]


def _former(world: World) -> set[str]:
    """Return the ids of what earlier sessions ordered, whose records are lost."""
    found: set[str] = set()
    return found.union(*(_known(session.log) for session in world.sessions[:-1]))


def _id_of(world: World, fill: Fill) -> str:
    return world.theirs.orders[fill.order_id].request.client_id


def _known(log: Records) -> set[str]:
    """Return the id of every order that was written down before anything left."""
    placed = {record["id"] for record in log if record["kind"] == "place"}
    asked = {known for r in log if r["kind"] == "orders" for known, _ in r["market"]}
    return placed | asked


def _orders(world: World, log: Records) -> Iterator[str]:
    """No order twice, and none that was not written down first."""
    count = Counter(order.request.client_id for order in world.theirs.orders.values())
    yield from (f"{known} was placed {times} times" for known, times in count.items() if times > 1)
    former = _former(world)
    for known in count.keys() - _known(world.session.log) - former:
        yield f"{known} is at the venue and in no record"
    for known in former & _known(log):
        yield f"{known} is the id of two sessions' orders"
    resting = {order.request.client_id for order in world.theirs.open_orders.values()}
    yield from (f"{known} of an earlier session rests yet" for known in resting & former)


def _ends(world: World, log: Records) -> Iterator[str]:
    """An order ends by the venue's word, and by the word it says."""
    there = {order.request.client_id: order for order in world.theirs.orders.values()}
    market = {known for r in log if r["kind"] == "orders" for known, _ in r["market"]}
    for record in log:
        kind, known = record["kind"], record.get("id", "")
        order = there.get(known)
        if kind == "status" and record["status"] in ("filled", "canceled", "expired"):
            if order is None:
                yield f"{known} counts as {record['status']} and never was at the venue"
            elif order.is_open or order.status.value.lower() != record["status"]:
                yield f"{known} counts as {record['status']}, the venue says {order.status.value}"
        elif kind == "rejected" and order is not None:
            yield f"{known} counts as rejected, the venue has it: {order.status.value}"
        elif kind == "drop" and order is not None:
            yield f"{known} counts as never sent, the venue has it: {order.status.value}"
        elif kind == "unsent" and order is not None and known not in market:
            yield f"{known} counts as never arrived, the venue has it: {order.status.value}"


def _fills(world: World, log: Records, former: set[str]) -> Iterator[str]:
    """Every execution of ours is in the log once, with the lots, price and fee it had."""
    there: dict[str, tuple[Any, ...]] = {}
    for fill in world.theirs.fills:
        if _id_of(world, fill) in former:
            continue
        contract = world.exchange.floor.listings[fill.symbol].contract
        price = float(contract.price_text(fill.ticks))
        lots = fill.lots if fill.side is Side.BUY else -fill.lots
        there[f"{fill.symbol}/{fill.trade_id}"] = lots, price, fill.commission / UNIT
    here: dict[str, tuple[Any, ...]] = {}
    for record in log:
        if record["kind"] != "trade":
            continue
        if record["trade"] in here:
            yield f"execution {record['trade']} is in the log twice"
        here[record["trade"]] = record["lots"], record["price"], record["fee"]
    for key in there.keys() | here.keys():
        one, other = there.get(key), here.get(key)
        known = one is not None and other is not None
        if not (known and one[:2] == other[:2] and abs(one[2] - other[2]) < 1e-9):
            yield f"execution {key}: {one} at the venue, {other} in the log"


def _held(log: Records) -> Mapping[int, int]:
    """Return lots by symbol, as the log's executions add up, and what was taken over."""
    held: Counter[int] = Counter()
    for record in log:
        if record["kind"] in ("trade", "adopt"):
            held[record["symbol"]] += record["lots"]
    return held


def _positions(world: World, log: Records) -> Iterator[str]:
    """What is held is what was executed, and has its stop at the venue."""
    held = _held(log)
    for n, name in enumerate(NAMES):
        there = world.theirs.position(name).lots
        if there != held[n]:
            yield f"{name}: {there} lots at the venue, {held[n]} by the log"
        stops = [o for o in world.theirs.resting(name) if o.request.kind.is_stop]
        covered = sum(o.left * (1 if o.request.side is Side.BUY else -1) for o in stops)
        if covered != -there or len(stops) > 1 or not all(o.request.reduce_only for o in stops):
            yield f"{name}: {there} lots held, stops for {covered} in {len(stops)} orders"


def _money(world: World, log: Records, former: set[str]) -> Iterator[str]:
    """Fees and funding since the session began agree to the last cent."""
    theirs = Counter[str]()
    strangers = {fill.trade_id for fill in world.theirs.fills if _id_of(world, fill) in former}
    for row in world.theirs.income:
        if row.kind is IncomeType.COMMISSION and row.trade_id in strangers:
            continue
        if row.kind is IncomeType.FUNDING_FEE and row.ms < world.account.since_ms:
            continue
        if row.kind in (IncomeType.COMMISSION, IncomeType.FUNDING_FEE):
            theirs[row.kind.name] -= row.amount
    ours = {"COMMISSION": 0.0, "FUNDING_FEE": 0.0}
    payments: set[str] = set()
    for record in log:
        if record["kind"] == "trade":
            ours["COMMISSION"] += record["fee"]
        elif record["kind"] == "funding":
            if record["payment"] in payments:
                yield f"payment {record['payment']} is in the log twice"
            payments.add(record["payment"])
            ours["FUNDING_FEE"] += record["amount"]
    for name, amount in ours.items():
        if abs(amount - theirs[name] / UNIT) > _CENT:
            yield f"{name}: {theirs[name] / UNIT:.8f} at the venue, {amount:.8f} by the log"


def _desks(world: World, log: Records, journal: Records, risk: Records) -> Iterator[str]:
    """Executor's and risk desk's journals hold the same evidence, and it adds up to the log."""
    reports = {r["seq"]: r["fills"] for r in journal if r["kind"] == "report"}
    closes = {r["seq"]: r for r in risk if r["kind"] == "close"}
    count = world.rows - world.session.first
    if sorted(closes) != list(range(count)):
        yield f"the risk journal holds closes {sorted(closes)} of {count}"
    told: Counter[int] = Counter()
    for seq, record in closes.items():
        fills = decode(record["fills"], FILL)
        if len(fills) and reports.get(seq) != record["fills"]:
            yield f"close {seq}: the two journals hold different evidence"
        for fill in fills:
            if fill["kind"] != FillKind.FUNDING:
                told[int(fill["symbol"])] += int(fill["lots"])
    last = max((i for i, r in enumerate(log) if r["kind"] == "bars"), default=-1)
    later = {r["symbol"] for r in log[last + 1 :] if r["kind"] in ("trade", "funding", "adopt")}
    held = _held(log)
    for n, name in enumerate(NAMES):
        if n not in later and told[n] != held[n]:
            yield f"{name}: {held[n]} lots by the log, {told[n]} by the risk journal"
    sent = [r["seq"] for r in journal if r["kind"] == "orders"]
    if len(sent) != len(set(sent)):
        yield "orders of one close are in the executor's journal twice"


def _strange_cash(world: World, log: Records, former: set[str]) -> float:
    """Return what the account won for which our books have no record, in quote currency.

    What was taken over we have at the price at which it was; the venue has it as it was opened.
    """
    cash = 0.0
    for fill in world.theirs.fills:
        if _id_of(world, fill) in former:
            cash -= (int(fill.side) * fill.notional + fill.commission) / UNIT
    for record in log:
        if record["kind"] == "adopt":
            lot = float(world.setup.rules["lot"][record["symbol"]])
            cash += record["lots"] * lot * record["price"]
    for row in world.theirs.income:
        if row.kind is IncomeType.FUNDING_FEE and row.ms < world.account.since_ms:
            cash += row.amount / UNIT
    return cash


def _in_memory(world: World, log: Records, former: set[str]) -> list[str]:
    """Return what the objects in memory say otherwise."""
    executor, theirs = world.executor, world.theirs
    account = SimpleNamespace(
        orders={n: o for n, o in theirs.orders.items() if o.request.client_id not in former},
        fills=[fill for fill in theirs.fills if _id_of(world, fill) not in former],
        wallet=theirs.wallet - round(_strange_cash(world, log, former) * UNIT),
        position=theirs.position,
        resting=theirs.resting,
    )
    life = SimpleNamespace(
        client=SimpleNamespace(account=account), venue=executor.venue, risk=world.risk.durable
    )
    scene: Any = SimpleNamespace(life=life, exchange=world.exchange, setup=world.setup)
    return checks.problems(scene)
