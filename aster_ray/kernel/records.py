"""Memory layout of everything the kernel moves.

State lives in small structured arrays, so that one compiled function can serve the sweep, the
event engine and the paper venue: crossing from Python costs one array each, and a row is a row
in all of them. Quantities are integer lots; prices, cash and rates are floats; times are UTC
milliseconds; ``-1`` means "none" for an index and NaN for a price.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# Columns of one bar row ``bars[t, n, :]``; exactly one cache line. FUNDING is the cash one unit of
# base asset pays at the bar's open (rate x mark price at the settlement), zero where none settles.
OPEN, HIGH, LOW, CLOSE, MARK_HIGH, MARK_LOW, MARK_CLOSE, FUNDING = range(8)
ROW_COLUMNS = 8

# Bits of a signal code.
LONG, SHORT, EXIT_LONG, EXIT_SHORT = 1, 2, 4, 8

MAX_BRACKETS = 10
MAX_LEVELS = 10  # per side of a ladder

SLEEVE = np.dtype(
    [
        ("symbol", "i8"),
        ("strategy", "i8"),
        ("lots", "i8"),  # signed; what this sleeve holds
        ("entry_price", "f8"),
        ("entry_ms", "i8"),
        ("units", "f8"),  # fraction of full size held
        ("unit_lots", "i8"),  # lots of full size, fixed when the position opens
        ("stop", "f8"),  # resting protective stop; for a ladder the lower one
        ("stop_high", "f8"),  # a ladder's upper stop
        ("take_profit", "f8"),  # resting limit
        ("peak", "f8"),  # best price seen since entry
        ("tier", "i8"),  # trailing tiers reached
        ("order_lots", "i8"),  # signed market order resting for the next open
        ("order_close_lots", "i8"),  # the part of order_lots that closes
        ("order_stop", "f8"),  # attached to it: fraction of the fill price
        ("order_take_profit", "f8"),
        ("order_units", "f8"),
        ("order_reason", "i8"),  # ExitReason of the closing part
        ("realized", "f8"),  # virtual ledger, before costs
        ("fees", "f8"),
        ("funding", "f8"),  # paid is positive
        ("slippage", "f8"),  # cash lost against the decision price's next open
        ("trip_open", "f8"),  # ledger (realized - fees - funding) when the round trip began
        ("trips", "i8"),
        ("wins", "i8"),
        ("gain", "f8"),
        ("loss", "f8"),
        ("recentre_bar", "i8"),  # bar counter of the last re-centre
        ("centre", "f8"),
        ("spacing", "f8"),
        ("exposed_bars", "i8"),
        ("refused_direction", "i8"),  # +1/-1 after a denied entry, so that one wish is denied once
    ]
)

LEVEL = np.dtype(
    [
        ("state", "i8"),  # 0 idle, 1 entry resting, 2 filled: exit resting
        ("lots", "i8"),  # signed
        ("price", "f8"),  # entry limit
        ("exit_price", "f8"),
        ("filled_ms", "i8"),  # bar at which the entry filled
    ]
)

POSITION = np.dtype(
    [
        ("lots", "i8"),
        ("entry_price", "f8"),
        ("mark", "f8"),  # NaN until first seen
        ("last", "f8"),
        ("working", "i8"),  # Working: whether a market order is still at a real venue
    ]
)

ACCOUNT = np.dtype(
    [
        ("wallet", "f8"),  # start capital + realized - fees - funding
        ("equity", "f8"),  # wallet + unrealized at mark
        ("gross", "f8"),  # sum of absolute net notional at mark
        ("peak", "f8"),
        ("day_end_ms", "i8"),  # first millisecond of the next UTC day
        ("day_equity", "f8"),
        ("day_opens", "i8"),
        ("day_ladder_opens", "i8"),
        ("state", "i8"),  # TradingState
        ("halted_ms", "i8"),
        ("realized", "f8"),
        ("fees", "f8"),
        ("funding", "f8"),
        ("slippage", "f8"),
        ("traded", "f8"),  # notional filled
        ("liquidations", "i8"),
        ("fill_count", "i8"),  # rows used in the fill buffer
        ("intent_count", "i8"),
        ("bar", "i8"),  # close times processed
    ]
)

RULES = np.dtype(
    [
        ("lot", "f8"),  # base asset per lot
        ("tick", "f8"),  # 0 = prices are not rounded
        ("min_lots", "i8"),
        ("max_lots", "i8"),  # per market order
        ("min_notional", "f8"),
        ("leverage", "f8"),  # exits.basis = margin multiplies price changes by this
        ("asset", "i8"),  # index shared by all contracts on one base asset
        ("maker_fee", "f8"),
        ("taker_fee", "f8"),
        ("half_spread", "f8"),
        ("slippage", "f8"),
        ("liquidation_fee", "f8"),
        ("brackets", "i8"),  # rows used in the bracket table
    ]
)

# Columns of ``brackets[n, k, :]``: notional floor, maintenance rate, deduction, leverage.
FLOOR, RATE, DEDUCTION, BRACKET_LEVERAGE = range(4)

LIMITS = np.dtype(
    [
        ("enabled", "i8"),  # 0 = research without limits
        ("max_position_risk", "f8"),
        ("max_symbol", "f8"),
        ("max_asset", "f8"),
        ("max_gross", "f8"),
        ("max_cluster", "f8"),
        ("cluster_correlation", "f8"),
        ("max_var", "f8"),
        ("daily_loss", "f8"),
        ("soft_drawdown", "f8"),
        ("hard_drawdown", "f8"),
        ("max_daily_opens", "i8"),
        ("max_daily_ladder_opens", "i8"),
        ("min_confidence", "f8"),
        # sizing
        ("sizing", "i8"),  # Sizing
        ("fixed_fraction", "f8"),
        ("min_fraction", "f8"),
        ("max_fraction", "f8"),
        ("target_volatility", "f8"),  # annual
        ("kelly_cap", "f8"),
        ("kelly_trips", "i8"),  # round trips before Kelly is trusted
        ("bars_per_day", "f8"),
        ("covariance_decay", "f8"),
        # exits
        ("holding_ms", "i8"),  # 0 = none
        ("margin_basis", "i8"),
        ("tier_gain_1", "f8"),
        ("tier_lock_1", "f8"),
        ("tier_gain_2", "f8"),
        ("tier_lock_2", "f8"),
        ("tier_gain_3", "f8"),
        ("tier_lock_3", "f8"),
        ("give_back", "f8"),  # fraction of peak profit; 0 = off
        ("give_back_armed", "f8"),
        ("recentre_bars", "i8"),
    ]
)

FILL = np.dtype(
    [
        ("ms", "i8"),  # close time of the bar that filled it
        ("symbol", "i8"),
        ("sleeve", "i8"),
        ("level", "i8"),  # -1 unless a ladder level
        ("kind", "i8"),  # FillKind
        ("lots", "i8"),
        ("price", "f8"),
        ("fee", "f8"),
        ("slippage", "f8"),
        ("realized", "f8"),
        ("reason", "i8"),  # ExitReason, 0 when it opens
        ("stop", "f8"),  # what protects the sleeve after this fill; NaN = none
        ("stop_high", "f8"),
        ("take_profit", "f8"),
    ]
)

INTENT = np.dtype(
    [
        ("kind", "i8"),  # IntentKind
        ("symbol", "i8"),
        ("sleeve", "i8"),
        ("level", "i8"),
        ("lots", "i8"),
        ("close_lots", "i8"),
        ("price", "f8"),
        ("exit_price", "f8"),
        ("stop", "f8"),
        ("stop_high", "f8"),
        ("take_profit", "f8"),
        ("units", "f8"),
        ("reason", "i8"),  # ExitReason for a closing order, Denial for a denial
    ]
)


class Book(NamedTuple):
    """Everything that changes: one account, its sleeves, and the buffers a step writes to."""

    account: Any  # ACCOUNT[1]
    positions: Any  # POSITION[N]
    sleeves: Any  # SLEEVE[S], sleeve = symbol * strategies + strategy
    levels: Any  # LEVEL[S, 2 * MAX_LEVELS] (one column when no strategy uses a ladder)
    fills: Any  # FILL[F]
    intents: Any  # INTENT[I]
    denials: Any  # i8[number of Denial codes]
    covariance: Any  # f8[N, N] of per-bar returns
    covariance_weight: Any  # f8[N, N], how much of an endless past they stand for: 0..1


class Setup(NamedTuple):
    """Everything that does not change during a run."""

    rules: Any  # RULES[N]
    brackets: Any  # f8[N, MAX_BRACKETS, 4]
    limits: Any  # LIMITS[1]
    strategies: int  # sleeves per symbol


class Moment(NamedTuple):
    """One close time: the row of ``SignalColumns`` that belongs to it, and its two edges."""

    at: int
    open_ms: int
    close_ms: int


class Timeline(NamedTuple):
    """When the bars are: open times i8[T], bar length, first row that trades."""

    open_ms: np.ndarray
    timeframe_ms: int
    start: int
    covariance: np.ndarray  # f8[T, N, N] from ``covariance_path``; [0, N, N] = compute on the way


class SignalColumns(NamedTuple):
    """What strategies said, one row per bar or a single row where it never changes."""

    code: np.ndarray  # i1[T, S]
    confidence: np.ndarray  # f8[T or 1, S]
    stop_loss: np.ndarray  # f8[T or 1, S], fraction of entry; NaN = none
    take_profit: np.ndarray  # f8[T or 1, S]
    target_units: np.ndarray  # f8[T or 1, S]
    ladder: np.ndarray  # f8[T or 1, S, 4]: centre, spacing, levels, size; centre NaN = none


class Tape(NamedTuple):
    """All that is known of one run before it begins: the market, its times, what was said."""

    bars: np.ndarray  # f8[T, N, 8]
    timeline: Timeline
    signals: SignalColumns
