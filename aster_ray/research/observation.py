"""What an agent sees at a close, and what it may ask for: both documented, both with a digest."""

from __future__ import annotations

import numpy as np

from aster_ray.features import catalogue
from aster_ray.features.bars import bars_of
from aster_ray.kernel.episodes import LARGEST
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, LONG, SHORT
from aster_ray.models.card import Inputs, definition_digest

# Of the market, per symbol; every one looks at a fixed number of closed bars and forgets the rest.
FEATURES = (
    "return_1",
    "return_4",
    "return_12",
    "return_24",
    "return_72",
    "return_168",
    "range_position_168",
    "rsi_14",
    "bollinger_z_20",
    "adx_14",
    "di_difference_14",
    "deviation_ratio_24_168",
    "semivariance_lean_24",
    "volume_z_168",
    "signed_volume_24",
    "funding_24",
)
# Of the account, per symbol: name -> formula.
POSITION = {
    "held": "signed fraction of full size held",
    "gain": "100 side (mark / entry - 1), 0 when flat",
    "age": "time held / holding limit (a week without one), 0 when flat",
}
# Of the account as a whole.
ACCOUNT = {
    "drawdown": "(1 - equity / peak) / hard drawdown limit",
    "day_result": "(equity / equity at 00:00 UTC - 1) / daily loss limit",
    "day_opens": "opening fills today / most allowed a day",
}
_CLIP = f"clipped to +-{LARGEST:g}, 0 where a symbol has no bar"

# Action -> signed fraction of full size wished for; between two of them the position stays.
TARGETS = (-1.0, -0.5, 0.0, 0.5, 1.0)
FLAT = TARGETS.index(0.0)


def action_codes() -> tuple[np.ndarray, np.ndarray]:
    """Return (signal bits i1[A], target units f8[A]) of every action.

    Flat closes whatever is held; the other ones open, turn or resize, under every limit there is.
    """
    targets = np.array(TARGETS)
    code = np.where(targets > 0.0, LONG, np.where(targets < 0.0, SHORT, EXIT_LONG | EXIT_SHORT))
    units = np.where(targets == 0.0, 1.0, np.abs(targets))
    return code.astype(np.int8), units


def lookback() -> int:
    """Return how many bars must be there before the first observation means anything."""
    return catalogue.lookback(FEATURES)


def market_columns(market: Market) -> np.ndarray:
    """Return f4[T, N * features]: what is seen of the market at the close of each row.

    Causal: row ``t`` depends on bars up to ``t`` only. Symbols follow each other.
    """
    rows, count = market.bars.shape[:2]
    seen = np.zeros((rows, count, len(FEATURES)), np.float32)
    for n in range(count):
        bars, own = bars_of(market, n)
        values = np.clip(np.nan_to_num(catalogue.matrix(bars, FEATURES)), -LARGEST, LARGEST)
        seen[own, n] = values
    return seen.reshape(rows, -1)


def inputs(symbols: tuple[str, ...]) -> Inputs:
    """Return the names and the digest of an observation of these symbols, in its order."""
    per_symbol = [f"{symbol}.{name}" for symbol in symbols for name in FEATURES]
    held = [f"{symbol}.{name}" for symbol in symbols for name in POSITION]
    names = (*per_symbol, *held, *(f"account.{name}" for name in ACCOUNT))
    texts = [
        *catalogue.definitions(FEATURES),
        *(f"{name}: {formula}" for name, formula in {**POSITION, **ACCOUNT}.items()),
        _CLIP,
        f"targets {TARGETS}",
    ]
    return Inputs(names=names, digest=definition_digest([*symbols, *texts]))
