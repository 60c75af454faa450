"""Closed vocabularies. The integers are what the kernel and the files carry; never renumber."""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    """Direction of an order or a fill."""

    BUY = 1
    SELL = -1


class TradingState(IntEnum):
    """What the account may do."""

    ACTIVE = 0  # open, reduce
    REDUCING = 1  # reduce only
    HALTED = 2  # flattened; waits for an operator


class Sizing(IntEnum):
    """How a signal becomes a quantity."""

    FIXED = 0
    CONFIDENCE = 1
    VOLATILITY = 2
    KELLY = 3


class Urgency(IntEnum):
    """Who may spend the last of a venue's rate budget; a lower one goes first."""

    PROTECT = 0  # cancel, reduce, and whatever keeps a position protected
    CREATE = 1  # open something
    POLL = 2  # look


class FillKind(IntEnum):
    """Which order of ours was executed."""

    MARKET = 0
    STOP = 1
    TAKE_PROFIT = 2
    LADDER_ENTRY = 3
    LADDER_EXIT = 4
    LIQUIDATION = 5
    FUNDING = 6  # a settlement, not a trade: price is cash per unit, fee is the payment


class IntentKind(IntEnum):
    """What the risk desk asks of the execution desk."""

    MARKET = 0  # one sleeve's part of the symbol's netted market order
    MOVE_STOP = 1
    PLACE_LEVEL = 2
    CANCEL_LEVEL = 3
    PLACE_LADDER = 4  # a ladder's stops and centre
    DENIED = 5  # nothing to send: the verdict, for the record


class Working(IntEnum):
    """What a venue says of a symbol's market order beside its fills."""

    NONE = 0  # nothing: every order filled as asked, or there was none
    IN_DOUBT = 1  # not at its end yet: decide nothing on this symbol
    ENDED = 2  # over, whether all, some or none of it was executed


class ExitReason(IntEnum):
    """Why a position was closed or reduced."""

    NONE = 0
    STOP_LOSS = 1
    TRAILING_STOP = 2
    TAKE_PROFIT = 3
    GIVE_BACK = 4
    HOLDING_LIMIT = 5
    INVALIDATION = 6
    REVERSAL = 7
    SCALE_OUT = 8
    LADDER_PROFIT = 9
    LADDER_STOP = 10
    LIQUIDATION = 11
    DRAWDOWN_HALT = 12
    OPERATOR = 13


class Denial(IntEnum):
    """Why our own risk desk refused to open; what cannot be checked is denied."""

    NONE = 0
    NO_MARK_PRICE = 1
    LOW_CONFIDENCE = 2
    NO_STOP = 3
    HALTED = 4
    REDUCING = 5
    DRAWDOWN = 6
    DAILY_LOSS = 7
    DAILY_OPENS = 8
    POSITION_RISK = 9
    SYMBOL_NOTIONAL = 10
    ASSET_NOTIONAL = 11
    GROSS_LEVERAGE = 12
    CLUSTER_EXPOSURE = 13
    VALUE_AT_RISK = 14
    MARGIN = 15
    BRACKET_LEVERAGE = 16
    BELOW_MINIMUM = 17
    NO_EDGE = 18
    BAD_SIGNAL = 19


def label(member: IntEnum) -> str:
    """Return the lower-case name used in files, tables and messages."""
    return member.name.lower()
