"""What a run leaves behind, collected close by close, and the report made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.messages import OrderBatch, VenueReport
from aster_ray.engine.order_table import order_columns
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import FILL
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.report import build_report
from aster_ray.research.prepare import Prepared


@dataclass(slots=True)
class Recorder:
    """Collect equity, exposure and fills of a run, one close after another."""

    close_ms: list[int] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    gross: list[float] = field(default_factory=list)
    fills: list[np.ndarray] = field(default_factory=list)

    def add(self, orders: OrderBatch, report: VenueReport) -> None:
        """Note one close: what the account was worth and what had filled."""
        self.close_ms.append(orders.close_ms)
        self.equity.append(orders.equity)
        self.gross.append(orders.gross)
        if len(report.fills):
            self.fills.append(report.fills)


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """A finished run: the report, and the facts it was computed from."""

    report: dict[str, Any]
    facts: RunFacts

    @property
    def fills(self) -> np.ndarray:
        """FILL[F] in the order they were booked."""
        return self.facts.fills

    @property
    def equity(self) -> np.ndarray:
        """f8[T] at each tradable close."""
        return self.facts.equity

    @property
    def market(self) -> Market:
        """The observations of the run."""
        return self.facts.market

    @property
    def denials(self) -> Mapping[str, int]:
        """Label of a denial -> how often."""
        return self.facts.denials


def plain_fills(fills: list[np.ndarray]) -> np.ndarray:
    """Join fill records into one FILL array."""
    if not fills:
        return np.zeros(0, FILL)
    joined: np.ndarray = np.concatenate([np.asarray(part) for part in fills])
    return joined.view(np.ndarray).astype(FILL, copy=False)


def finish(
    prepared: Prepared,
    desks: tuple[RiskDesk, ExecutionDesk],
    recorder: Recorder,
    session: Mapping[str, Any] | None = None,
) -> RunResult:
    """Turn the state of the desks and the record of the run into a result."""
    risk, execution = desks
    account, setup = risk.book.account[0], prepared.setup
    rules = setup.rules
    facts = RunFacts(
        market=prepared.market,
        capital=prepared.capital,
        close_ms=np.array(recorder.close_ms, np.int64),
        equity=np.array(recorder.equity, np.float64),
        gross=np.array(recorder.gross, np.float64),
        fills=plain_fills(recorder.fills),
        sleeves=prepared.sleeves,
        lots=np.array(rules["lot"]),
        taker_fee=np.array(rules["taker_fee"]),
        market_cost=np.array(rules["half_spread"] + rules["slippage"]),
        denials=risk.denials(),
        orders=order_columns(execution.orders.values(), prepared.market.symbols, prepared.sleeves),
        provenance=prepared.provenance(),
        config=prepared.request.config(),
        seed=prepared.request.settings.session.seed,
        halted_ms=int(account.halted_ms) or None,
        liquidations=int(account.liquidations),
        notes=prepared.notes,
        session=session,
    )
    return RunResult(build_report(facts), facts)
