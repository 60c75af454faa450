"""The read model of a running session: what a person wants to see, folded from its journals.

It only reads, a fraction of a second behind; nobody who trades waits for it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aster_ray.engine.command import command_row, read_command
from aster_ray.engine.journal import decode
from aster_ray.engine.position_book import PositionBook
from aster_ray.kernel.accounting import DAY_MS
from aster_ray.kernel.records import (
    EXIT_LONG,
    EXIT_SHORT,
    FILL,
    INTENT,
    LONG,
    MARK_CLOSE,
    SHORT,
)
from aster_ray.model.enums import Denial, FillKind, IntentKind, TradingState, label

_RECENT = 6
_F8, _I1 = np.dtype("f8"), np.dtype("i1")
_WORDS = ((LONG, "long"), (SHORT, "short"), (EXIT_LONG, "exit long"), (EXIT_SHORT, "exit short"))


class Ledger:
    """Equity, positions, last signals and denials of a session, close by close."""

    def __init__(
        self,
        symbols: Sequence[str],
        sleeves: Sequence[tuple[str, int]],
        lots: np.ndarray,
        capital: float,
    ) -> None:
        """Begin before the first close; ``sleeves`` as in ``Prepared``, ``lots`` is f8[N]."""
        self._symbols = tuple(symbols)
        self._sleeves = tuple(sleeves)
        self._lot = lots
        self._capital = capital
        count = len(self._sleeves)
        self._held = PositionBook(count)
        self._mark = np.full(len(self._symbols), np.nan)
        self._closes = 0
        self._close_ms: int | None = None
        self._equity = self._peak = self._day_equity = capital
        self._day_end_ms = 0
        self._gross = self._worst = self._funding = self._fees = 0.0
        self._state = int(TradingState.ACTIVE)
        self._fills = self._orders = 0
        self._denials: Counter[str] = Counter()
        self._last_denials: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        self._signals: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        self._commands: deque[dict[str, Any]] = deque(maxlen=_RECENT)

    def add_close(self, record: Mapping[str, Any]) -> None:
        """Take a record of the risk journal."""
        if record["kind"] == "command":
            self._hear(record)
        if record["kind"] != "close":
            return
        # Most closes hold neither; decoding them all would take longer than the rest.
        marks = decode(record["bars"], _F8)[:, MARK_CLOSE]
        np.copyto(self._mark, marks, where=~np.isnan(marks))
        code = decode(record["signals"]["code"], _I1)[0]
        if code.any():
            self._say(record, code)
        if record["fills"][0] != [0]:
            self._book(decode(record["fills"], FILL))
        if record["intents"][0] != [0]:
            self._order(record["close_ms"], decode(record["intents"], INTENT))
        if record["close_ms"] > self._day_end_ms:
            self._day_end_ms = ((record["close_ms"] - 1) // DAY_MS + 1) * DAY_MS
            self._day_equity = self._equity
        self._closes, self._close_ms = record["seq"] + 1, record["close_ms"]
        self._equity, self._gross = record["equity"], record["gross"]
        self._state = record["state"]
        self._peak = max(self._peak, self._equity)
        self._worst = max(self._worst, self._drawdown())

    def add_sent(self, record: Mapping[str, Any]) -> None:
        """Take a record of the executor's journal."""
        self._orders += len(record.get("requests", ()))

    def snapshot(self) -> dict[str, Any]:
        """Return everything as plain values; fractions and quote currency."""
        return {
            "closes": self._closes,
            "close_ms": self._close_ms,
            "equity": self._equity,
            "profit": self._equity - self._capital,
            "return": self._equity / self._capital - 1.0,
            "day_profit": self._equity - self._day_equity,
            "day_return": self._equity / self._day_equity - 1.0 if self._day_equity else 0.0,
            "drawdown": self._drawdown(),
            "max_drawdown": self._worst,
            "gross": self._gross,
            "fees": self._fees,
            "funding": self._funding,
            "state": label(TradingState(self._state)),
            "fills": self._fills,
            "orders": self._orders,
            "positions": [self._position(i) for i in np.flatnonzero(self._held.lots).tolist()],
            "signals": list(self._signals),
            "denials": dict(self._denials.most_common()),
            "last_denials": list(self._last_denials),
            "commands": list(self._commands),
        }

    def _hear(self, record: Mapping[str, Any]) -> None:
        """Note an operator's word; it holds before the next close says so."""
        command = read_command(record)
        self._commands.append(command_row(command))
        self._state = int(command.instruction.state)

    def _drawdown(self) -> float:
        return 1.0 - self._equity / self._peak if self._peak > 0.0 else 0.0

    def _say(self, record: Mapping[str, Any], code: np.ndarray) -> None:
        confidence = decode(record["signals"]["confidence"], _F8)[0]
        for i in np.flatnonzero(code).tolist():
            words = [word for bit, word in _WORDS if code[i] & bit]
            self._signals.append(
                {
                    "close_ms": record["close_ms"],
                    **self._name(i),
                    "signal": ", ".join(words),
                    "confidence": float(confidence[i]),
                }
            )

    def _book(self, fills: np.ndarray) -> None:
        for fill in fills.view(np.ndarray):
            if int(fill["kind"]) == FillKind.FUNDING:
                self._funding += float(fill["fee"])
                continue
            self._fills += 1
            self._fees += float(fill["fee"])
            self._held.book(fill)

    def _order(self, close_ms: int, intents: np.ndarray) -> None:
        for intent in intents.view(np.ndarray):
            i = int(intent["sleeve"])
            self._held.follow(intent)
            if int(intent["kind"]) == IntentKind.DENIED:
                reason = label(Denial(int(intent["reason"])))
                self._denials[reason] += 1
                row = {"close_ms": close_ms, **self._name(i), "reason": reason}
                self._last_denials.append(row)

    def _name(self, i: int) -> dict[str, str]:
        strategy, n = self._sleeves[i]
        return {"symbol": self._symbols[n], "strategy": strategy}

    def _position(self, i: int) -> dict[str, Any]:
        n = self._sleeves[i][1]
        held = self._held
        qty = float(held.lots[i] * self._lot[n])
        return {
            **self._name(i),
            "qty": qty,
            "entry_price": float(held.entry[i]),
            "mark_price": float(self._mark[n]),
            "stop": None if np.isnan(held.stop[i]) else float(held.stop[i]),
            "take_profit": None if np.isnan(held.take_profit[i]) else float(held.take_profit[i]),
            "unrealized": qty * float(self._mark[n] - held.entry[i]),
        }
