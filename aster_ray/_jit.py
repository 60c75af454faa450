"""The only place numba's decorator is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit, prange

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["kernel", "parallel_kernel", "prange"]

_FLAGS: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": False, "error_model": "numpy"}


def kernel(function: F) -> F:
    """Compile ``function`` with strict IEEE arithmetic, yet keep its Python signature visible."""
    return cast(F, njit(**_FLAGS)(function))


def parallel_kernel(function: F) -> F:
    """Compile ``function`` so that its ``prange`` loops use every assigned core."""
    return cast(F, njit(parallel=True, **_FLAGS)(function))
