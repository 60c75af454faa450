"""Messages as bytes and back: what travels between processes.

A message of raw bytes crosses in two thirds of the time that one of arrays needs, and arrives
writable, which compiled code insists on.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from aster_ray.engine.messages import BarBatch, OrderBatch, SignalBatch, VenueReport
from aster_ray.kernel.records import FILL, INTENT, ROW_COLUMNS, SignalColumns

_BARS = struct.Struct("<qqqq")  # seq, open ms, close ms, symbols
_SLEEVES = struct.Struct("<q")
_REPORT = struct.Struct("<qqqq")  # seq, close ms, fills, symbols of which more is said
_ORDERS = struct.Struct("<qqqddq")  # seq, close ms, state, equity, gross, intents
_F8 = np.dtype("f8")
LADDER_COLUMNS = 4
# dtype and shape after (1, S) of every signal column, in the order of ``SignalColumns``.
COLUMN_FORMS: tuple[tuple[np.dtype[Any], tuple[int, ...]], ...] = (
    (np.dtype("i1"), ()),
    (_F8, ()),
    (_F8, ()),
    (_F8, ()),
    (_F8, ()),
    (_F8, (LADDER_COLUMNS,)),
)


class _Reader:
    """Take arrays off the front of a message, as writable copies."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self.position = position

    def array(self, dtype: np.dtype[Any], *shape: int) -> np.ndarray:
        count = math.prod(shape)
        found = np.frombuffer(self._data, dtype, count, self.position).copy()
        self.position += found.nbytes
        shaped = found.reshape(shape)
        return shaped.view(np.recarray) if dtype.names else shaped


def one_row(columns: SignalColumns, index: int) -> SignalColumns:
    """Return row ``index`` of signal columns as columns of one row each."""
    return SignalColumns(*(column[min(index, len(column) - 1) :][:1] for column in columns))


def pack_bars(batch: BarBatch) -> bytes:
    """Return a batch of bars as bytes."""
    head = _BARS.pack(batch.seq, batch.open_ms, batch.close_ms, len(batch.bars))
    return b"".join(
        (head, batch.bars.tobytes(), batch.volume.tobytes(), batch.funding_rate.tobytes())
    )


def unpack_bars(data: bytes) -> BarBatch:
    """Return the batch ``pack_bars`` was given."""
    return _read_bars(data)[0]


def _read_bars(data: bytes) -> tuple[BarBatch, _Reader]:
    seq, open_ms, close_ms, symbols = _BARS.unpack_from(data)
    reader = _Reader(data, _BARS.size)
    bars = reader.array(_F8, symbols, ROW_COLUMNS)
    volume, funding_rate = reader.array(_F8, symbols), reader.array(_F8, symbols)
    return BarBatch(seq, open_ms, close_ms, bars, volume, funding_rate), reader


def pack_signals(signals: SignalBatch) -> bytes:
    """Return what strategies said at one close, with the bars they saw, as bytes."""
    row = one_row(signals.signals, signals.at)
    parts = [pack_bars(signals.batch), _SLEEVES.pack(row.code.shape[1])]
    return b"".join((*parts, *(column.tobytes() for column in row)))


def unpack_signals(data: bytes) -> SignalBatch:
    """Return the row of signals ``pack_signals`` was given."""
    batch, reader = _read_bars(data)
    (sleeves,) = _SLEEVES.unpack_from(data, reader.position)
    reader.position += _SLEEVES.size
    columns = (reader.array(dtype, 1, sleeves, *tail) for dtype, tail in COLUMN_FORMS)
    return SignalBatch(batch, SignalColumns(*columns), 0)


def pack_report(report: VenueReport) -> bytes:
    """Return a venue's report as bytes."""
    counts = len(report.fills), len(report.working)
    head = _REPORT.pack(report.seq, report.close_ms, *counts)
    return b"".join((head, report.fills.tobytes(), report.working.tobytes()))


def unpack_report(data: bytes) -> VenueReport:
    """Return the report ``pack_report`` was given."""
    seq, close_ms, count, symbols = _REPORT.unpack_from(data)
    reader = _Reader(data, _REPORT.size)
    fills = reader.array(FILL, count)
    return VenueReport(seq, close_ms, fills, reader.array(np.dtype("i1"), symbols))


def pack_orders(orders: OrderBatch) -> bytes:
    """Return the orders of one close as bytes."""
    numbers = (orders.seq, orders.close_ms, orders.state, orders.equity, orders.gross)
    return _ORDERS.pack(*numbers, len(orders.intents)) + orders.intents.tobytes()


def unpack_orders(data: bytes) -> OrderBatch:
    """Return the orders ``pack_orders`` was given."""
    seq, close_ms, state, equity, gross, count = _ORDERS.unpack_from(data)
    intents = _Reader(data, _ORDERS.size).array(INTENT, count)
    return OrderBatch(seq, close_ms, intents, equity, gross, state)
