"""The tables, as ``aster_ray.store.migrations`` leaves them; a test holds the two together.

Every row belongs to a session and is found by a number that the session itself gave, so that
writing it again changes nothing. Times are UTC milliseconds, prices and cash in quote currency,
quantities in base asset and in lots; NULL where a number does not apply. No float is rounded.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Every table of the store."""

    type_annotation_map = {int: BigInteger, float: Double, str: Text}  # noqa: RUF012


def table(kind: type[Base]) -> Table:
    """Return the table of a row's class."""
    return cast(Table, kind.__table__)


def _owner() -> Any:
    return mapped_column(ForeignKey("sessions.session", ondelete="CASCADE"), primary_key=True)


class SessionRow(Base):
    """One session, and how much of its journals the history holds."""

    __tablename__ = "sessions"
    session: Mapped[str] = mapped_column(primary_key=True)  # FOLDER-TOKEN
    folder: Mapped[str]
    began_ms: Mapped[int]
    run_id: Mapped[str]
    capital: Mapped[float]
    symbols: Mapped[str]  # a comma between two
    strategies: Mapped[str]
    timeframe_ms: Mapped[int]
    risk_records: Mapped[int]  # of each journal: written to the tables below
    executor_records: Mapped[int]


class JournalHead(Base):
    """One journal and the one who may write it."""

    __tablename__ = "journals"
    session: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    writer: Mapped[int]  # epoch: whoever opened it last
    records: Mapped[int]
    written_ms: Mapped[int | None]  # when the last was committed, by its writer's clock


class JournalRow(Base):
    """One record, as its writer framed it."""

    __tablename__ = "journal"
    session: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)  # from 0, none missing
    kind: Mapped[str]
    crc: Mapped[int]
    body: Mapped[str]  # JSON


class OrderRow(Base):
    """One order with its latest state; the columns of a report's orders.parquet."""

    __tablename__ = "orders"
    session: Mapped[str] = _owner()
    client_order_id: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]  # in the order they were decided
    ms: Mapped[int]
    symbol: Mapped[str]
    strategy: Mapped[str]
    kind: Mapped[str]
    side: Mapped[str]
    lots: Mapped[int]
    price: Mapped[float | None]
    state: Mapped[str]
    filled_lots: Mapped[int]
    average_price: Mapped[float | None]
    reason: Mapped[str]


class TradeRow(Base):
    """One execution of ours or one funding settlement; the columns of a report's fills.parquet."""

    __tablename__ = "trades"
    session: Mapped[str] = _owner()
    n: Mapped[int] = mapped_column(primary_key=True)  # in the order they were booked
    ms: Mapped[int]
    symbol: Mapped[str]
    strategy: Mapped[str]
    level: Mapped[int]
    kind: Mapped[str]
    lots: Mapped[int]
    qty: Mapped[float]
    price: Mapped[float]
    notional: Mapped[float]
    fee: Mapped[float]
    slippage: Mapped[float]
    realized: Mapped[float]
    stop: Mapped[float | None]
    stop_high: Mapped[float | None]
    take_profit: Mapped[float | None]
    reason: Mapped[str]
    __table_args__ = (Index("trades_by_time", "session", "ms"),)


class PositionRow(Base):
    """What one sleeve held from one close on, written when it changed."""

    __tablename__ = "positions"
    session: Mapped[str] = _owner()
    seq: Mapped[int] = mapped_column(primary_key=True)  # number of the close
    sleeve: Mapped[int] = mapped_column(primary_key=True)
    ms: Mapped[int]
    symbol: Mapped[str]
    strategy: Mapped[str]
    lots: Mapped[int]
    qty: Mapped[float]
    entry_price: Mapped[float | None]
    stop: Mapped[float | None]
    take_profit: Mapped[float | None]


class SignalRow(Base):
    """What one strategy said of one symbol at one close; silence is no row."""

    __tablename__ = "signals"
    session: Mapped[str] = _owner()
    seq: Mapped[int] = mapped_column(primary_key=True)
    sleeve: Mapped[int] = mapped_column(primary_key=True)
    ms: Mapped[int]
    symbol: Mapped[str]
    strategy: Mapped[str]
    signal: Mapped[str]
    confidence: Mapped[float]
    stop_loss: Mapped[float | None]
    take_profit: Mapped[float | None]
    target_units: Mapped[float]


class MetricRow(Base):
    """The account after one close; ms, equity, gross and drawdown as in equity.parquet."""

    __tablename__ = "metrics"
    session: Mapped[str] = _owner()
    seq: Mapped[int] = mapped_column(primary_key=True)
    ms: Mapped[int]
    equity: Mapped[float]
    gross: Mapped[float]
    drawdown: Mapped[float]
    state: Mapped[str]
