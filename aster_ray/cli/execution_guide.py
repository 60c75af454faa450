"""``aster help execution``: the guide is the docstring below."""

from __future__ import annotations


def execution() -> None:
    """Carry orders out in pieces, and see what that cost.

    aster paper --set execution.algorithm=twap    instead of one market order for each decision

    [execution] algorithm: market (the default), twap (alike pieces), vwap (as the volume of that
    time of the day usually is, once five whole days were seen before), pov (`participation` of what
    the public trades), adaptive (waits while the spread is wide, takes `depth_share` of what is
    visible; with risk_aversion above 0 on an Almgren-Chriss schedule), maker_first (all at once,
    first at rest). `algorithms` = { BTC = "twap" } chooses by asset. maker_first = true lets every
    piece of any algorithm rest at the best price (post-only) for rest_ms, following it, before it
    takes; a piece that the venue refuses to let rest is no error. reduce_algorithm, market by
    default, is for reversals, scale-outs and invalidations alone: every other exit, and all orders
    of a session that may only reduce or has halted, go at once.

    A decision's order is worked on until deadline_ms before the next close and no longer: half of
    that time (`window`) for the pieces, the rest for what was late. What has not traded then is
    withdrawn, and the next decision sees the position as it is. Where half a bar is shorter than
    deadline_ms, half a bar is kept. If the stop is hit or the position changes by another hand, the
    order goes no further. The one reduce-only stop follows every piece that fills, new before old,
    and the ids of the pieces follow from the decision: after a crash what is known to be at the
    venue is asked for, the rest goes on, the deadline stays. aster pause stops at once what
    would open; aster stop withdraws everything that rests but the stops.

    The simulated exchange of aster paper is moved from one moment at which an algorithm has
    something to do to the next; a real venue is asked for its book once a second while an order is
    at work. [execution] has no effect on the paper venue and in a backtest, which fill whole.

    The report's session.execution compares with the close of each decision, in basis points of what
    was to be traded, positive = a cost: delay (until a piece was placed), spread, impact, fees, and
    opportunity (what did not trade); mean_bps is the mean over orders with its 95 % interval, and
    below `orders` lies every one: decision price, arrival mid, average price, fees, pieces, maker
    share. Orders that were sent whole have no quotes: their spread and delay count as impact.
    """
