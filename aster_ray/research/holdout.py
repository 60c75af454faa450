"""The later part of a market, kept from whatever is being fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from aster_ray.errors import ConfigError
from aster_ray.kernel.market import Market

_FEWEST_ROWS = 50


class Split(NamedTuple):
    """Two periods of one market; both read their indicators from the same first bar."""

    fitted: Market  # everything before the cut
    held_out: Market  # the whole, of which only the rows from the cut on trade
    cut_ms: int  # open of the first held-out bar


def split(market: Market, fraction: float) -> Split:
    """Hold the last ``fraction`` of the tradable rows back.

    The held-out market keeps the earlier rows as warm-up, as a live session would have them; its
    account begins at the cut. Columns are causal, so nothing of the later part is in the earlier.

    Raises:
        ConfigError: ``fraction`` is not within 0..1, or a part would be too short to mean anything.
    """
    if not 0.0 < fraction < 1.0:
        raise ConfigError([f"--holdout must lie above 0 and below 1, was {fraction:g}"])
    tradable = len(market) - market.start
    held = round(tradable * fraction)
    if min(held, tradable - held) < _FEWEST_ROWS:
        problem = f"--holdout {fraction:g} of {tradable} bars leaves fewer than {_FEWEST_ROWS}"
        raise ConfigError([f"{problem} on one side: take a longer period or another fraction"])
    cut = len(market) - held
    return Split(market.rows(0, cut), replace(market, start=cut), int(market.open_ms[cut]))
