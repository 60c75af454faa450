"""The fills of a run as columns, names in the place of indices: for its tables and its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aster_ray.model.enums import ExitReason, FillKind, label

_KINDS = {int(kind): label(kind) for kind in FillKind}
_REASONS = {int(reason): label(reason) for reason in ExitReason}
MAY_BE_NONE = ("stop", "stop_high", "take_profit")  # NaN = none


def fill_columns(
    fills: np.ndarray,
    symbols: Sequence[str],
    sleeves: Sequence[tuple[str, int]],
    lots: np.ndarray,
) -> dict[str, Any]:
    """Return one column per name, a row per element of ``fills`` and in its order.

    Args:
        fills: FILL[F].
        symbols: by index.
        sleeves: (strategy name, symbol index) of ``FILL.sleeve``.
        lots: f8[N], base asset per lot.
    """
    lot = lots[fills["symbol"]]
    # A settlement's lots are the position it settled on: nothing was traded.
    is_trade = fills["kind"] != FillKind.FUNDING
    return {
        "ms": fills["ms"],
        "symbol": [symbols[index] for index in fills["symbol"].tolist()],
        "strategy": [sleeves[index][0] for index in fills["sleeve"].tolist()],
        "level": fills["level"],
        "kind": [_KINDS[kind] for kind in fills["kind"].tolist()],
        "lots": fills["lots"],
        "qty": fills["lots"] * lot,
        "price": fills["price"],
        "notional": np.abs(fills["lots"]) * lot * fills["price"] * is_trade,
        "fee": fills["fee"],
        "slippage": fills["slippage"],
        "realized": fills["realized"],
        "stop": fills["stop"],
        "stop_high": fills["stop_high"],
        "take_profit": fills["take_profit"],
        "reason": [_REASONS[reason] for reason in fills["reason"].tolist()],
    }
