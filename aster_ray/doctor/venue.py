"""The venue as everybody sees it: whether it answers, how its clock goes, which rules it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from aster_ray import clock
from aster_ray.clock import Clock
from aster_ray.doctor.config import DoctorConfig
from aster_ray.doctor.finding import Finding, fail, ok, warn
from aster_ray.errors import AsterError
from aster_ray.model.instrument import Instrument
from aster_ray.venues.aster.inquiry import Inquiry

_QUESTIONS = 5
_SLOW_MS = 1_000.0
_UNTIDY = 4  # skews beyond this part of the bound are worth a word


async def examine_venue(inquiry: Inquiry, config: DoctorConfig, ours: Clock) -> list[Finding]:
    """Return whether the venue answers, how fast, and how far its clock is from ours.

    Nothing else about the venue can be found out if the first finding failed.
    """
    answers: list[tuple[float, float]] = []  # (round trip, their clock less ours), ms
    try:
        for _ in range(_QUESTIONS):
            begun, before = clock.monotonic_ns(), ours.now_ms()
            theirs = int((await inquiry.public("/fapi/v3/time"))["serverTime"])
            trip = (clock.monotonic_ns() - begun) / 1e6
            answers.append((trip, theirs - (before + trip / 2.0)))
    except AsterError as error:
        remedy = "check the network and [venue] rest; nothing about the account was checked"
        return [fail("venue", str(error), remedy)]
    except (KeyError, TypeError, ValueError):
        text = f"{inquiry.address} answers, but not as Aster does"
        return [fail("venue", text, "check [venue] rest")]
    trips = sorted(trip for trip, _ in answers)
    middle = trips[len(trips) // 2]
    text = f"{inquiry.address} answers in {middle:.0f} ms (longest {trips[-1]:.0f} ms)"
    reach = ok("venue", text)
    if middle > _SLOW_MS:
        reach = warn("venue", text, "orders will be late: choose a machine nearer to the venue")
    # The quickest answer bounds the difference best.
    return [reach, judge_skew(min(answers)[1], config.max_skew_ms)]


def judge_skew(skew_ms: float, most_ms: float) -> Finding:
    """Return whether two clocks are near enough to sign by."""
    way = "behind" if skew_ms > 0 else "ahead of"
    text = f"this machine's clock is {abs(skew_ms):.0f} ms {way} the venue's"
    remedy = "synchronise the clock (NTP): signatures are only good near the venue's time"
    if abs(skew_ms) > most_ms:
        return fail("clock", text, remedy)
    return warn("clock", text, remedy) if abs(skew_ms) > most_ms / _UNTIDY else ok("clock", text)


async def examine_rules(
    inquiry: Inquiry, packaged: Mapping[str, Instrument], symbols: Sequence[str]
) -> Finding:
    """Return whether the rules we size orders by are the venue's."""
    try:
        rows = (await inquiry.public("/fapi/v3/exchangeInfo"))["symbols"]
        theirs = {row["symbol"]: row for row in rows}
    except AsterError as error:
        return fail("rules", str(error), "try again")
    except (KeyError, TypeError):
        return fail("rules", "the venue's list of contracts is not understood", "update aster-ray")
    wrong, finer = [], []
    for symbol in symbols:
        row, rules = theirs.get(symbol), packaged.get(symbol)
        if row is None or row.get("status") != "TRADING":
            wrong.append(f"{symbol} does not trade there")
        elif rules is not None:
            bad, small = _differences(rules, row)
            wrong += bad
            finer += small
    remedy = "aster data instruments --refresh"
    if wrong:
        return fail("rules", "; ".join([*wrong, *finer]), f"{remedy}, or choose other symbols")
    if finer:
        return warn("rules", "; ".join(finer), remedy)
    return ok("rules", f"as packaged for {', '.join(symbols)}")


def _differences(rules: Instrument, row: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return what orders would be refused for, and what is only different."""
    filters = {part["filterType"]: part for part in row.get("filters", ())}
    tick = Decimal(filters["PRICE_FILTER"]["tickSize"])
    lot = Decimal(filters["LOT_SIZE"]["stepSize"])
    least = filters.get("MIN_NOTIONAL", {})
    notional = float(least.get("notional") or least.get("minNotional") or 0.0)
    bad: list[str] = []
    small: list[str] = []
    for name, ours, theirs in (("tick", rules.tick, tick), ("lot", rules.lot, lot)):
        if ours != theirs:
            # Whole multiples of the venue's step are still on its grid.
            place = small if ours % theirs == 0 else bad
            place.append(f"{rules.symbol} {name} is {theirs.normalize()}, not {ours.normalize()}")
    if notional > rules.min_notional:
        bad.append(f"{rules.symbol} least order is {notional:g}, not {rules.min_notional:g}")
    return bad, small
