"""A Ray-native trading system: one decision path from sweep to live.

``from aster_ray import backtest, sweep`` runs what ``aster backtest`` and ``aster sweep`` run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aster_ray.cli.api import backtest, sweep

__all__ = ["__version__", "backtest", "sweep"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the Python API on first use: importing a part of the package stays light."""
    if name not in ("backtest", "sweep"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from aster_ray.cli import api

    return getattr(api, name)
