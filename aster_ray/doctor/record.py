"""The record an examination leaves, and what live trading demands of it.

It is sealed with the account's key: only who holds the key can have written it, and no line of it
can be changed. It holds no secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aster_ray.config import Secret
from aster_ray.doctor.finding import Finding, passed
from aster_ray.errors import BadInputError
from aster_ray.model.ids import HOUR_MS
from aster_ray.store.custody import live_account
from aster_ray.store.epoch import write_durably

_VERSION = 2  # 1 did not say what was demanded


@dataclass(frozen=True, slots=True)
class Subject:
    """Which account at which venue was examined.

    Attributes:
        venue: its name.
        address: where it was reached.
        wallet: whose account it is.
        signer: who signs for it.
        leverage: by symbol, of all that is to be traded.
        margin: margin mode of every symbol.
        min_balance: least equity that was demanded.
    """

    venue: str
    address: str
    wallet: str
    signer: str
    leverage: Mapping[str, float] = field(default_factory=dict)
    margin: str = "cross"
    min_balance: float = 0.0

    @property
    def path(self) -> Path:
        """Return where this machine keeps the record."""
        account = live_account(self.venue, self.wallet)
        return account.folder / f"{account.name}.doctor.json"


def write_record(subject: Subject, key: Secret, findings: Sequence[Finding], now_ms: int) -> Path:
    """Write down what was found, in place of any earlier record, and return where."""
    content = {
        "version": _VERSION,
        "examined_ms": now_ms,
        "venue": subject.venue,
        "address": subject.address,
        "wallet": subject.wallet,
        "signer": subject.signer,
        "leverage": dict(subject.leverage),
        "margin": subject.margin,
        "min_balance": subject.min_balance,
        "passed": passed(findings),
        "findings": [finding.as_dict() for finding in findings],
    }
    path = subject.path
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps({**content, "seal": _seal(content, key)}, indent=2) + "\n")
    return path


def require_record(subject: Subject, key: Secret, now_ms: int, fresh_hours: float) -> int:
    """Return when this account was last examined and passed.

    Raises:
        BadInputError: never, too long ago, elsewhere, or it failed; the message says which.
    """
    remedy = "run aster doctor"
    try:
        content = json.loads(subject.path.read_text(encoding="utf-8"))
        seal = content.pop("seal")
        examined = int(content["examined_ms"])
    except FileNotFoundError:
        raise BadInputError(f"the account was never examined: {remedy}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BadInputError(f"{subject.path} cannot be read: {remedy}") from None
    if not hmac.compare_digest(str(seal), _seal(content, key)):
        raise BadInputError(f"{subject.path} was changed, or is of another key: {remedy}")
    if (content["address"], content["signer"]) != (subject.address, subject.signer):
        raise BadInputError(f"{content['address']} was examined, not {subject.address}: {remedy}")
    if content["version"] != _VERSION:
        raise BadInputError(f"{subject.path} is of another version of aster-ray: {remedy}")
    if differences := _differences(content, subject):
        raise BadInputError(f"the last examination asked for {differences}: {remedy}")
    if not content["passed"]:
        failed = [row["name"] for row in content["findings"] if row["level"] == "FAIL"]
        raise BadInputError(f"the last examination failed ({', '.join(failed)}): {remedy}")
    hours = (now_ms - examined) / HOUR_MS
    if not 0.0 <= hours <= fresh_hours:
        raise BadInputError(
            f"the last examination was {hours:.1f} hours ago, at most {fresh_hours:g} are "
            f"allowed: {remedy}"
        )
    return examined


def _differences(content: Mapping[str, Any], subject: Subject) -> str:
    """Return in which ways an examination demanded something else, in words."""
    found = [
        f"{symbol} at {theirs:g}x, not {wanted:g}x" if theirs is not None else f"no {symbol}"
        for symbol, wanted in subject.leverage.items()
        if (theirs := content["leverage"].get(symbol)) != wanted
    ]
    if content["margin"] != subject.margin:
        found.append(f"{content['margin']} margin, not {subject.margin}")
    if content["min_balance"] < subject.min_balance:
        found.append(f"min_balance {content['min_balance']:g}, not {subject.min_balance:g}")
    return "; ".join(found)


def _seal(content: dict[str, Any], key: Secret) -> str:
    """Return what only the holder of the key can have computed of this content."""
    secret = hashlib.sha256(b"aster doctor|" + key.value.removeprefix("0x").encode()).digest()
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
