"""How it is printed what a session's twin found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from aster_ray.research.follow import Lag
    from aster_ray.research.twin import Verdict

Render = Callable[["Console"], None]


def replay_table(payload: Mapping[str, Any], most: int = 20) -> Render:
    """Draw what a replay found."""

    def render(console: Console) -> None:
        differences = payload["differences"]
        for difference in differences[:most]:
            console.print(difference_text(difference), markup=False, soft_wrap=True)
        if len(differences) > most:
            console.print(f"... and {len(differences) - most} more", markup=False)
        for name, size in payload.get("dropped_bytes", {}).items():
            console.print(f"{name}: a torn last record, {size:,} bytes, was dropped", markup=False)
        if payload.get("unfinished"):
            console.print("the last close was not seen through: the session did not end in order")
        _drift(console, payload.get("drift"))
        verdict = f"{len(differences)} differ" if differences else "all identical"
        console.print(f"{payload['orders']} orders replayed, {verdict}", markup=False)

    return render


def followed_table(payload: Mapping[str, Any]) -> Render:
    """Draw what following a session came to."""

    def render(console: Console) -> None:
        for difference in payload["differences"]:
            console.print(difference_text(difference), markup=False, soft_wrap=True)
        more = payload["differing"] - len(payload["differences"])
        if more:
            console.print(f"... and {more} more", markup=False)
        _drift(console, payload["drift"])
        console.print(f"{twin_text(payload)}; {payload['state']}", markup=False, soft_wrap=True)

    return render


def twin_text(found: Mapping[str, Any]) -> str:
    """Return in a line how far a twin is and whether all was the same."""
    verdict = f"{found['differing']:,} differ" if found["differing"] else "all identical"
    return (
        f"{found['closes']:,} closes until {_moment(found['close_ms'])}, {found['orders']:,} "
        f"orders and {found['fills']:,} fills compared, {verdict}"
    )


def status_line(found: Mapping[str, Any], now_ms: int) -> str:
    """Return what ``aster status`` says of the twin."""
    age = (now_ms - found["at_ms"]) / 1e3
    drift = found["drift"] or {}
    told = [f"{name} {_tally(drift[name])}" for name in ("market", "intrabar") if name in drift]
    if drift.get("only_venue") or drift.get("only_paper"):
        told.append(f"{drift['only_venue']} only at the venue, {drift['only_paper']} only on paper")
    return f"twin {found['state']}, {age:,.0f} s ago: " + "; ".join((twin_text(found), *told))


def close_line(verdict: Verdict, lag: Lag) -> str:
    """Return one close of a session that is followed."""
    count = len(verdict.differences)
    both = [row["bps"] for row in verdict.drift if row["bps"] is not None]
    alone = len(verdict.drift) - len(both)
    worst = max(both, key=abs, default=0.0)
    parts = [
        f"{_moment(verdict.close_ms)}  close {verdict.seq:>6,}",
        f"{verdict.orders:>3} orders {verdict.fills:>3} fills",
        f"{count} differ" if count else "same",
        *([f"drift {worst:+.2f} bps"] if both else []),
        *([f"{alone} on one side only"] if alone else []),
        f"lag {lag.records:,} records" if lag.ms is None else f"lag {lag.ms:,.0f} ms",
    ]
    return "  ".join(parts)


def difference_text(difference: Mapping[str, Any]) -> str:
    """Return one difference."""
    known = difference.get("client_order_id", "")
    what = " ".join(filter(None, (difference["symbol"], known, difference["field"])))
    values = f"recorded {difference['recorded']}, reproduced {difference['reproduced']}"
    return f"{_moment(difference['close_ms'])} {what}: {values}"


def drift_text(row: Mapping[str, Any]) -> str:
    """Return one execution beside the one assumed."""
    ids = ", ".join(row["client_order_ids"])
    what = f"{_moment(row['close_ms'])} {row['symbol']} {row['kind']} {ids}".rstrip()
    if row["bps"] is None:
        side = "paper" if row["venue_lots"] is None else "venue"
        lots, price = row[f"{side}_lots"], row[f"{side}_price"]
        where = "only on paper" if side == "paper" else "only at the venue"
        return f"{what}: {lots:+,} lots at {price:.8g} {where}"
    there = f"{row['venue_lots']:+,} lots at {row['venue_price']:.8g}"
    paper = f"{row['paper_price']:.8g}"
    if row["paper_lots"] != row["venue_lots"]:
        paper = f"{row['paper_lots']:+,} lots at {paper}"
    return f"{what}: {there}, paper {paper}, {row['bps']:+.2f} bps"


def _drift(console: Console, drift: Mapping[str, Any] | None) -> None:
    """Print how executions lay, if any was not as assumed."""
    if drift is None:
        return
    names = (("market", "market orders"), ("intrabar", "inside bars"))
    for name, title in names:
        console.print(f"{title}: {_tally(drift[name])}", markup=False)
    if drift["only_venue"] or drift["only_paper"]:
        console.print(
            f"executed on one side only: {drift['only_venue']} at the venue, "
            f"{drift['only_paper']} on paper",
            markup=False,
        )


def _tally(tally: Mapping[str, Any]) -> str:
    if not tally["orders"]:
        return "none"
    return (
        f"{tally['orders']:,} at {tally['mean_bps']:+.2f} bps on average "
        f"({tally['best_bps']:+.2f} to {tally['worst_bps']:+.2f}), cost {tally['cost']:+,.2f}"
    )


def _moment(ms: int | None) -> str:
    if not ms:
        return "-"
    return f"{datetime.fromtimestamp(ms / 1e3, UTC):%Y-%m-%d %H:%M}"
