"""The columns of a run as Arrow tables: equity, round trips, orders and fills."""

from __future__ import annotations

from typing import get_type_hints

import numpy as np
import pyarrow as pa

from aster_ray.metrics.benchmark import buy_and_hold
from aster_ray.metrics.facts import ORDER_COLUMNS, RunFacts
from aster_ray.metrics.fill_columns import MAY_BE_NONE, fill_columns
from aster_ray.metrics.performance import drawdowns
from aster_ray.metrics.round_trips import RoundTrip, pair_fills

_ARROW = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
_TEXT_ORDER_COLUMNS = {
    "client_order_id",
    "symbol",
    "strategy",
    "kind",
    "side",
    "state",
    "reason",
}
_TEXT_FILL_COLUMNS = {"symbol", "strategy", "kind", "reason"}
_INTEGER_FILL_COLUMNS = {"ms", "level", "lots"}
_INTEGER_ORDER_COLUMNS = {"ms", "lots", "filled_lots"}


def equity_table(facts: RunFacts) -> pa.Table:
    """Return ms, equity, gross, drawdown and buy_and_hold, one row per tradable close."""
    curve = np.concatenate([[facts.capital], facts.equity])
    return pa.table(
        {
            "ms": pa.array(facts.close_ms, pa.int64()),
            "equity": pa.array(facts.equity, pa.float64()),
            "gross": pa.array(facts.gross, pa.float64()),
            "drawdown": pa.array(drawdowns(curve)[1:], pa.float64()),
            "buy_and_hold": pa.array(buy_and_hold(facts).equity, pa.float64()),
        }
    )


def trips_table(facts: RunFacts) -> pa.Table:
    """Return one row per round trip, the columns of ``RoundTrip``; open ones last."""
    trips = pair_fills(facts)
    types = get_type_hints(RoundTrip)
    return pa.table(
        {
            name: pa.array([trip[place] for trip in trips], _ARROW[types[name]])
            for place, name in enumerate(RoundTrip._fields)
        }
    )


def orders_table(facts: RunFacts) -> pa.Table:
    """Return one row per order, the columns of ``ORDER_COLUMNS``; None where not applicable."""
    columns = {}
    for name in ORDER_COLUMNS:
        values = list(facts.orders[name])
        if name in _TEXT_ORDER_COLUMNS:
            columns[name] = pa.array(
                [None if value is None else str(value) for value in values], pa.string()
            )
        elif name in _INTEGER_ORDER_COLUMNS:
            columns[name] = pa.array(values, pa.int64())
        else:
            columns[name] = pa.array(values, pa.float64())
    return pa.table(columns)


def fills_table(facts: RunFacts) -> pa.Table:
    """Return one row per fill and funding settlement in order of time, names for indices."""
    # Booked symbol by symbol within a close; what happened at one moment keeps that order.
    fills = facts.fills[np.argsort(facts.fills["ms"], kind="stable")]
    columns = fill_columns(fills, facts.market.symbols, facts.sleeves, facts.lots)
    return pa.table(
        {
            name: pa.array(values, _fill_type(name), from_pandas=name in MAY_BE_NONE)
            for name, values in columns.items()
        }
    )


def _fill_type(name: str) -> pa.DataType:
    if name in _TEXT_FILL_COLUMNS:
        return pa.string()
    return pa.int64() if name in _INTEGER_FILL_COLUMNS else pa.float64()
