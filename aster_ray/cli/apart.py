"""Work in a process of its own, so that the memory it needs leaves with it."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from aster_ray.errors import AsterError

Given = ParamSpec("Given")
Result = TypeVar("Result")


def apart(work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Call a function in a process that ends afterwards, and return what it returned.

    Where processes cannot be forked it is simply called.

    Raises:
        AsterError: the process was killed, most likely for its memory; also whatever the function
            raised.
    """
    if not sys.platform.startswith("linux"):
        return work(*args, **kwargs)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        try:
            return pool.submit(work, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise AsterError(
                "the process that reads the recording was killed: it may lack memory; "
                "choose fewer symbols"
            ) from error
