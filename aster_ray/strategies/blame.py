"""Point at the line of a person's own file that an exception came from."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

from aster_ray.errors import AsterError, StrategyError
from aster_ray.strategies.contract import Strategy


def blame(error: BaseException, file: str) -> str:
    """Return ``FILE, line N: Kind: message``; without ``file`` in it, the deepest frame."""
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{error.filename}, line {error.lineno}: {kind}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((f for f in reversed(frames) if f.filename == file), None)
    if frame is None and isinstance(error, SyntaxError):  # the file as a whole, none of its lines
        return f"{file}: {kind}: {error.msg}"
    frame = frame or frames[-1]
    text = " ".join(str(error).split())  # many libraries spread theirs over several lines
    return f"{frame.filename}, line {frame.lineno}: {kind}: {text}"


def call(strategy: Strategy, method: str, *arguments: object) -> Any:
    """Call a method of a strategy; whatever it raises becomes one clear message."""
    return attempt(strategy, method, lambda: getattr(strategy, method)(*arguments))


def attempt(strategy: Strategy, name: str, function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function of a strategy; whatever it raises becomes one clear message.

    Raises:
        StrategyError: it raised; mend the file.
        AsterError: it called ``sys.exit``.
    """
    try:
        return function(*arguments)
    except AsterError:
        raise
    except (Exception, SystemExit) as error:  # a person's own code may raise anything
        file = getattr(sys.modules.get(type(strategy).__module__), "__file__", None) or ""
        message = f"strategy {strategy.name}: {name}() failed at {blame(error, file)}"
        if isinstance(error, SystemExit):  # it would end the run, and in silence
            raise AsterError(f"{message}; a strategy may not end the program") from error
        raise StrategyError(message) from error
