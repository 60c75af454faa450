"""Strategies that fail once a session is under way."""

from __future__ import annotations

_SOURCE = '''
"""Fail once a session is under way."""
import os
import numpy as np
from aster_ray.strategies.contract import Signals

class Failing:
    name = "failing"
    parameters = ()

    def warmup(self, params):
        return 10

    def signals(self, panel, params):
        if 40 < len(panel.close) < 100:  # not yet when the whole market is looked at first
            raise ValueError({message})
        return Signals(direction=np.zeros(panel.close.shape, np.int8))
'''


def failing(message: str) -> str:
    """Return the source of a strategy that raises with ``message``, a Python expression."""
    return _SOURCE.format(message=message)
