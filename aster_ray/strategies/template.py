"""Write the commented start of a person's own strategy."""

from __future__ import annotations

import importlib.util
import keyword
import re
from pathlib import Path

from aster_ray.errors import StrategyError
from aster_ray.strategies.registry import STRATEGIES

# What the file imports by such a name; its own class takes another.
_IMPORTED = ("Panel", "Parameter", "Params", "Sequence", "Signals")

_START = '''"""@name@: describe in one line what it exploits.

Try it:    aster backtest --strategy @name@.py
Sweep it:  aster sweep --strategy @name@.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import talib

from aster_ray.strategies.contract import Panel, Parameter, Params, Signals
from aster_ray.strategies.series import rising, series_of, shifted, spread


class @class@:
    """Follow a close beyond the highest high or lowest low of the last bars."""

    # The name in reports, and every number a run may set: name, default, lowest, highest.
    name: ClassVar[str] = "@name@"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("entry_bars", 48, 2, 500, integer=True, doc="bars of the channel to break"),
        Parameter("exit_bars", 24, 2, 500, integer=True, doc="bars of the channel to leave by"),
        Parameter("stop_loss", 0.03, 0.001, 0.5, doc="fraction of the entry price"),
    )

    def warmup(self, params: Params) -> int:
        """Return how many bars must pass before the first signal can be trusted."""
        return int(max(params["entry_bars"], params["exit_bars"])) + 1

    def problems(self, params: Params) -> Sequence[str]:
        """Name what is wrong with the parameters together (this method is optional)."""
        if params["exit_bars"] <= params["entry_bars"]:
            return ()
        return ("exit_bars must not exceed entry_bars",)

    def signals(self, panel: Panel, params: Params) -> Signals:
        """Return one row of opinion per bar and symbol.

        The one rule: row t may use bars up to and including t, which are closed, and never later
        ones. An order decided on row t fills at the open of row t + 1 or later. Position, equity,
        size and limits are not known here; the risk desk sees to them.
        """
        # One row per bar, one column per symbol. 0 says nothing: what is held stays held.
        direction = np.zeros(panel.close.shape, dtype=np.int8)
        exit_long = np.zeros(panel.close.shape, dtype=np.bool_)
        exit_short = np.zeros(panel.close.shape, dtype=np.bool_)
        for n in range(len(panel.symbols)):
            # A symbol may be listed late or miss bars: `series` has only those that exist, and
            # `rows` says where in the panel each belongs.
            series, rows = series_of(panel, n)
            # Any TA-Lib or numpy column will do. shifted() moves it one bar later, so that a
            # close is compared with a channel it is not part of itself.
            entry, leave = int(params["entry_bars"]), int(params["exit_bars"])
            above = series.close > shifted(talib.MAX(series.high, entry))
            below = series.close < shifted(talib.MIN(series.low, entry))
            # rising() keeps the first bar of each run: one wish per breakout, not one per bar.
            spread(rising(above).astype(np.int8) - rising(below), rows, direction[:, n])
            spread(series.close < shifted(talib.MIN(series.low, leave)), rows, exit_long[:, n])
            spread(series.close > shifted(talib.MAX(series.high, leave)), rows, exit_short[:, n])
        # A column that never changes may be a plain number.
        return Signals(
            direction=direction,  # +1 wants to be long, -1 short
            confidence=0.7,  # 0..1; sizing and the limit on weak signals read it
            stop_loss=params["stop_loss"],  # fraction of the entry price
            take_profit=float("nan"),  # none: the trailing stop ends a winner
            exit_long=exit_long,  # the reason for holding is gone
            exit_short=exit_short,
            target_units=1.0,  # part of the full size; a later, larger number adds to a position
        )
'''


def write_template(name: str, folder: Path) -> Path:
    """Write ``folder/name.py``, a strategy that runs as it is, and return its path.

    Raises:
        StrategyError: the name does not fit, or the file cannot be written or is already there.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise StrategyError(
            f"strategy name {name!r} must be lower-case letters, digits and underscores, "
            "beginning with a letter, e.g. my_idea"
        )
    if name in STRATEGIES:
        raise StrategyError(f"strategy name {name!r} is taken by a built-in one: choose another")
    path = folder / f"{name}.py"
    found = None if path.exists() else importlib.util.find_spec(name)
    if found is not None and found.origin is not None:
        raise StrategyError(
            f"strategy name {name!r} is that of an installed Python module, which {path} "
            "would hide: choose another"
        )
    class_name = "".join(part.capitalize() for part in name.split("_"))
    class_name += "Strategy" if class_name in _IMPORTED else ""
    content = _START.replace("@name@", name).replace("@class@", class_name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError as error:
        raise StrategyError(f"{path} is already there: choose another name or move it") from error
    except OSError as error:
        raise StrategyError(f"cannot write {path}: {error.strerror}") from error
    return path
