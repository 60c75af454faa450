"""The account: who may sign for it, what it pays to whom, how it is set up and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aster_ray.doctor.config import DoctorConfig
from aster_ray.doctor.finding import Finding, Level, fail, ok, warn
from aster_ray.errors import AsterError, RejectedError
from aster_ray.model.ids import DAY_MS, OURS
from aster_ray.venues.aster.inquiry import Inquiry
from aster_ray.venues.aster.signer import Signer

_SOON_MS = 7 * DAY_MS
_API_WALLET = "at asterdex.com/en/api-wallet"
_WHY = {
    "-1022": ("the venue does not accept the signature", "check the key and [venue] chain"),
    "-4225": ("the venue calls the nonce expired", "synchronise the clock (NTP)"),
    "-2015": (
        (
            "the venue does not know the key as an agent of the wallet: not approved, expired, "
            "without permission to read, or not from this address"
        ),
        f"approve the agent {_API_WALLET} for perpetuals only, and check {{wallet}}",
    ),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the account must be like.

    Attributes:
        config: bounds.
        leverage: by symbol.
        now_ms: the time agents expire by.
        settled: leverage and margin mode must be as configured by now; else ``aster live`` may
            still set them.
    """

    config: DoctorConfig
    leverage: Mapping[str, float]
    now_ms: int
    settled: bool = False

    @property
    def symbols(self) -> Sequence[str]:
        """Return what is to be traded."""
        return list(self.leverage)


async def examine_account(inquiry: Inquiry, signer: Signer, wanted: Wanted) -> list[Finding]:
    """Return what was found about the account; only the first finding if nobody may ask."""
    try:
        agents = await inquiry.signed("/fapi/v3/agent")
    except AsterError as error:
        return [_refused(error, signer)]
    found = [ok("key", f"{signer.address} signs for {signer.wallet}")]
    found += judge_agents(agents, signer, wanted.now_ms)
    for name, path, judge in (
        ("builder", "/fapi/v3/builder", _judge_builders),
        ("position_mode", "/fapi/v3/positionSide/dual", _judge_mode),
        ("balance", "/fapi/v3/balance", _balance(wanted.config)),
        ("settings", "/fapi/v3/positionRisk", _positions(wanted)),
        ("orders", "/fapi/v3/openOrders", _judge_orders),
    ):
        found += await _examine(inquiry, name, path, judge)
    return found


def _refused(error: AsterError, signer: Signer) -> Finding:
    code = error.code if isinstance(error, RejectedError) else ""
    if code not in _WHY:
        return fail("key", str(error), "try again; nothing about the account was checked")
    text, remedy = _WHY[code]
    return fail("key", f"{signer.address}: {text} ({code})", remedy.format(wallet=signer.wallet))


async def _examine(
    inquiry: Inquiry, name: str, path: str, judge: Callable[[Any], list[Finding]]
) -> list[Finding]:
    try:
        return judge(await inquiry.signed(path))
    except AsterError as error:
        return [fail(name, str(error), "try again: this was not checked")]
    except (KeyError, TypeError, ValueError, AttributeError):
        return [fail(name, f"the answer of {path} is not understood", "update aster-ray")]


def judge_agents(rows: Any, signer: Signer, now_ms: int) -> list[Finding]:
    """Return whether the key is an agent that may trade perpetuals and nothing worse."""
    if signer.wallet == signer.address:
        text = f"{signer.address} is the wallet's own key: who has it can withdraw everything"
        return [fail("agent", text, f"approve an agent {_API_WALLET} and set ASTER_WALLET")]
    listed = [row for row in rows if str(row.get("agentAddress", "")).lower() == signer.address]
    if not listed:
        text = f"{signer.address} is not among the wallet's {len(rows)} agents"
        return [fail("agent", text, f"approve it {_API_WALLET}")]
    row = listed[0]
    found = [_judge_expiry(int(row.get("expired") or 0), now_ms)]
    for name, needed, bad, remedy in (
        ("canWithdraw", False, "the agent can withdraw", "approve one without withdrawals"),
        ("canPerpTrade", True, "the agent may not trade perpetuals", "permit perpetuals"),
    ):
        # What the venue does not say is no better than the wrong answer.
        if row.get(name) is not needed:
            found.append(fail(name, bad, f"{remedy} {_API_WALLET}"))
        else:
            found.append(ok(name, "yes" if needed else "no"))
    if row.get("canSpotTrade"):
        found.append(warn("canSpotTrade", "the agent may trade spot, too", "not needed here"))
    if not row.get("ipWhitelist"):
        text = "the agent may be used from any address"
        found.append(warn("ipWhitelist", text, f"name this machine's address {_API_WALLET}"))
    return found


def _judge_expiry(ends_ms: int, now_ms: int) -> Finding:
    days = (ends_ms - now_ms) / DAY_MS
    remedy = f"approve it anew {_API_WALLET}"
    if days <= 0.0:
        return fail("agent", "the agent has expired", remedy)
    text = f"the agent is approved for another {days:,.0f} days"
    return warn("agent", text, remedy) if ends_ms - now_ms < _SOON_MS else ok("agent", text)


def _judge_builders(rows: Any) -> list[Finding]:
    if not rows:
        return [ok("builder", "nobody takes a fee of their own")]
    named = ", ".join(
        f"{row.get('builderName') or 'unnamed'} {row['builderAddress']}" for row in rows
    )
    remedy = "revoke it on asterdex.com: ccxt approves one by itself unless told not to"
    return [fail("builder", f"approved to take a fee of every order: {named}", remedy)]


def _judge_mode(answer: Any) -> list[Finding]:
    if answer["dualSidePosition"] is False:
        return [ok("position_mode", "one-way")]
    remedy = "close everything and choose one-way mode on asterdex.com"
    return [fail("position_mode", "hedge mode: an order would open the other side", remedy)]


def _balance(config: DoctorConfig) -> Callable[[Any], list[Finding]]:
    def judge(rows: Any) -> list[Finding]:
        held = {row["asset"]: row for row in rows}
        row = held.get("USDT", {})
        wallet, open_profit = (float(row.get(key) or 0.0) for key in ("balance", "crossUnPnl"))
        equity = wallet + open_profit
        text = (
            f"equity {equity:,.2f} USDT, available {float(row.get('availableBalance') or 0):,.2f}"
        )
        if equity < config.min_balance:
            remedy = f"deposit, or lower [doctor] min_balance from {config.min_balance:,.2f}"
            return [fail("balance", text, remedy)]
        return [ok("balance", text)]

    return judge


def _positions(wanted: Wanted) -> Callable[[Any], list[Finding]]:
    def judge(rows: Any) -> list[Finding]:
        by_symbol = {row["symbol"]: row for row in rows}
        found = []
        for symbol, leverage in wanted.leverage.items():
            row = by_symbol.get(symbol)
            if row is None:
                found.append(fail("leverage", f"{symbol} is not listed", "choose other symbols"))
            else:
                found += _judge_setup(row, leverage, wanted)
        held = [f"{row['symbol']} {row['positionAmt']}" for row in rows if _is_held(row)]
        return [*_joined(found), _judge_held(held)]

    return judge


def _is_held(row: Mapping[str, Any]) -> bool:
    return float(row["positionAmt"]) != 0.0


def margin_mode(row: Mapping[str, Any]) -> str:
    """Return how a row of positions says that margin is kept: cross or isolated."""
    return "isolated" if str(row["marginType"]).lower() == "isolated" else "cross"


def _judge_setup(row: Mapping[str, Any], leverage: float, wanted: Wanted) -> list[Finding]:
    symbol, theirs, mode = row["symbol"], float(row["leverage"]), margin_mode(row)
    margin, bad = wanted.config.margin, fail if wanted.settled else warn
    found = [ok("leverage", f"{symbol} {theirs:g}x"), ok("margin_mode", f"{symbol} {mode}")]
    text = f"{symbol} {theirs:g}x, configured {leverage:g}x"
    if theirs < leverage:
        remedy = "aster live raises it; by hand on asterdex.com: orders would lack margin"
        found[0] = bad("leverage", text, remedy)
    elif theirs > leverage:
        remedy = "lower it on asterdex.com; sizes follow [risk] either way"
        found[0] = warn("leverage", text, remedy)
    if mode != margin:
        remedy = f"aster live chooses {margin}; by hand on asterdex.com, or set [doctor] margin"
        found[1] = bad("margin_mode", f"{symbol} is {mode}, configured {margin}", remedy)
    return found


def _joined(found: list[Finding]) -> list[Finding]:
    """Return one line for all symbols that are alike."""
    groups: dict[tuple[str, Level, str], list[str]] = {}
    for finding in found:
        key = (finding.name, finding.level, finding.remedy)
        groups.setdefault(key, []).append(finding.text)
    return [
        Finding(name, level, "; ".join(texts), remedy)
        for (name, level, remedy), texts in groups.items()
    ]


def _judge_held(held: list[str]) -> Finding:
    if not held:
        return ok("positions", "none")
    remedy = "of an earlier session of ours, or somebody else's: reconciliation decides by config"
    return warn("positions", ", ".join(held), remedy)


def _judge_orders(rows: Any) -> list[Finding]:
    foreign = [row for row in rows if not str(row["clientOrderId"]).startswith(OURS)]
    text = f"{len(rows)} open, {len(foreign)} of them not ours"
    if not foreign:
        return [ok("orders", text)]
    named = ", ".join(f"{row['symbol']} {row['clientOrderId']}" for row in foreign[:5])
    remedy = "cancel them if nobody else trades this account"
    return [warn("orders", f"{text}: {named}", remedy)]
