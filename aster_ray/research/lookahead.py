"""Refuse a person's own strategy that reads the future, once, where a run is asked for.

Actors, restarts and replays prepare the same run again and again: what was probed when the run was
requested is not probed again.
"""

from __future__ import annotations

from aster_ray.errors import StrategyError
from aster_ray.research.prepare import Prepared
from aster_ray.strategies.causality import LookAhead, poison_check
from aster_ray.strategies.contract import Panel

_PROBED_ROWS = 400


def refuse_look_ahead(prepared: Prepared) -> None:
    """Poison the future of a person's own strategies and refuse one if its past changes.

    The built-in ones are held to this by tests. A sample of rows around the first tradable one
    catches whoever reads the next bar or the whole sample; it proves nothing about rarer leaks.

    Raises:
        StrategyError: a signal depends on a later bar.
    """
    own = prepared.own_strategies
    if not own:
        return
    market = prepared.market
    part = market.rows(0, min(len(market), market.start + _PROBED_ROWS))
    panel = Panel.of(part)
    first = min(part.start, len(part) - 1)
    rows = sorted({first, (first + len(part)) // 2, max(first, len(part) - 3)})
    for strategy, params in own:
        # A strategy that merely refuses impossible bars has not been shown to read ahead.
        found = poison_check(strategy, params, panel, rows)
        leak = next((one for one in found if isinstance(one, LookAhead)), None)
        if leak is not None:
            raise StrategyError(
                f"strategy {strategy.name} looks into the future: {leak}; row t of an answer may "
                "use bars up to t only"
            )
