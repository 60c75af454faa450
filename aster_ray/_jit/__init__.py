"""The only door to numba: strict arithmetic, no Intel SVML, and a cache that cannot go stale."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

# Intel's vector exp/log/pow differ in the last bit from the scalar ones that the engine meets.
os.environ["NUMBA_DISABLE_INTEL_SVML"] = "1"

import numba
from numba import njit, prange
from numba.core.dispatcher import Dispatcher

from aster_ray._jit.cache import CONFIG, FLAGS, KernelCache

F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "bound",
    "inlined_kernel",
    "kernel",
    "lean_kernel",
    "parallel_kernel",
    "prange",
    "set_threads",
]

_njit: Any = njit  # numba's types know neither _nrt nor flags in a dictionary

if CONFIG.USING_SVML:
    raise ImportError("numba was loaded with Intel SVML on: set NUMBA_DISABLE_INTEL_SVML=1 first")


def kernel(function: F) -> F:
    """Compile ``function`` with strict IEEE arithmetic, yet keep its Python signature visible."""
    return _cached(function, _njit(**FLAGS)(function))


def lean_kernel(function: F) -> F:
    """Compile ``function``, which allocates nothing, without reference counting.

    State travels as tuples of arrays; counting references at every call more than doubles the
    time of a step.
    """
    return _cached(function, _njit(_nrt=False, **FLAGS)(function))


def inlined_kernel(function: F) -> F:
    """Compile like ``lean_kernel`` and put the body into every caller: for the innermost loop.

    Passing a book by value costs more than most of what these functions do.
    """
    return _cached(function, _njit(_nrt=False, forceinline=True, **FLAGS)(function))


def parallel_kernel(function: F) -> F:
    """Compile ``function`` so that its ``prange`` loops use every assigned core."""
    return _cached(function, _njit(parallel=True, **FLAGS)(function))


def bound(function: F, *arguments: object) -> F:
    """Return ``function`` compiled for exactly the types of ``arguments``, without dispatch.

    Working out the types of a dozen arrays costs five times what a step does. The caller promises
    that every later call passes the same types, dtypes and memory layout: nothing checks it.
    """
    if not isinstance(function, Dispatcher):
        return function
    dispatcher: Any = function
    typeof: Any = numba.typeof
    types = tuple(typeof(argument) for argument in arguments)
    dispatcher.compile(types)
    return cast(F, dispatcher.overloads[types].entry_point)


def set_threads(count: int) -> int:
    """Let parallel kernels of this process use ``count`` cores and return how many they got.

    Ray sets OMP_NUM_THREADS in its workers, but numba takes every core of the machine unless told.
    """
    if count < 1:
        raise ValueError(f"threads must be at least 1, was {count}")
    threads = min(count, int(CONFIG.NUMBA_NUM_THREADS))
    numba.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for libraries that are loaded later
    return threads


def _cached(function: F, dispatcher: Any) -> F:
    if isinstance(dispatcher, Dispatcher) and Path(function.__code__.co_filename).is_file():
        cast(Any, dispatcher)._cache = KernelCache(function)
    return cast(F, dispatcher)
