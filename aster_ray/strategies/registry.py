"""Find a strategy by name or in a person's own file, and settle its parameters."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.abc
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, cast

from aster_ray.errors import StrategyError
from aster_ray.strategies.blame import blame
from aster_ray.strategies.contract import Parameter, Strategy
from aster_ray.strategies.parameters import flaws, resolve_params

__all__ = ["STRATEGIES", "load", "names", "resolve_params"]

# Name -> "module:class", imported on use so that listing names stays cheap.
STRATEGIES: dict[str, str] = {
    "momentum": "aster_ray.strategies.momentum:Momentum",
    "mean_reversion": "aster_ray.strategies.mean_reversion:MeanReversion",
    "volatility": "aster_ray.strategies.volatility:Volatility",
    "grid": "aster_ray.strategies.grid:Grid",
}


def names() -> tuple[str, ...]:
    """Return the built-in strategies in the order they are listed."""
    return tuple(STRATEGIES)


def load(spec: str) -> Strategy:
    """Return the strategy ``spec`` names: a built-in, ``FILE.py`` or ``FILE.py:Class``.

    Another process loads a person's file from the same path; its classes cannot travel by pickle.

    Raises:
        StrategyError: it cannot be found, imported, or does not fit the contract.
    """
    if spec in STRATEGIES:
        module_name, _, class_name = STRATEGIES[spec].partition(":")
        return _built(getattr(importlib.import_module(module_name), class_name), spec)
    file, _, class_name = spec.rpartition(":")
    if not file.endswith(".py"):
        file, class_name = spec, ""
    if not file.endswith(".py"):
        raise StrategyError(_unknown(spec))
    path = Path(file)
    return _built(_class_in(_module(path), path, class_name), str(path))


def _unknown(spec: str) -> str:
    close = difflib.get_close_matches(spec, STRATEGIES, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    if Path(f"{spec}.py").is_file():
        hint = f"did you mean {spec}.py? "
    return (
        f"unknown strategy {spec!r}: {hint}choose one of {', '.join(STRATEGIES)}, or FILE.py:Class"
    )


class _Source(importlib.abc.SourceLoader):
    """Run exactly the bytes that gave the module its name, never older bytecode beside the file."""

    def __init__(self, file: str, content: bytes) -> None:
        self._file = file
        self._content = content

    def get_filename(self, fullname: str) -> str:
        """Return where the source lies, for messages and for numba's cache."""
        return self._file

    def get_data(self, path: str) -> bytes:
        """Return the source."""
        return self._content

    # Static as the documentation has it; of the bases' annotations one says so and one does not.
    @staticmethod
    def source_to_code(data: Any, path: Any = "<string>") -> CodeType:  # type: ignore[override]
        """Compile the source; what is no Python text at all has a syntax error, in every Python."""
        try:
            return importlib.abc.InspectLoader.source_to_code(data, path)
        except ValueError as error:  # a zero byte, before Python 3.11.4
            raise SyntaxError(str(error)) from error


def _module(path: Path) -> ModuleType:
    """Import a file under a name made of its content, the same in every process."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path that holds a zero byte
        reason = getattr(error, "strerror", None) or error
        raise StrategyError(f"cannot read strategy file {path}: {reason}") from error
    name = f"aster_strategy_{hashlib.blake2s(content, digest_size=8).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _Source(str(path.resolve()), content)
    found = importlib.util.spec_from_loader(name, loader)
    module = importlib.util.module_from_spec(cast(ModuleSpec, found))
    sys.modules[name] = module  # before it runs: dataclasses and pickle look it up there
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a person's own code may raise anything
        del sys.modules[name]
        raise StrategyError(
            f"cannot import strategy file {blame(error, str(path.resolve()))}"
        ) from error
    return module


def _class_in(module: ModuleType, path: Path, class_name: str) -> type:
    """Return the named class, or the only strategy the file defines."""
    own = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }
    found = [name for name, value in own.items() if hasattr(value, "signals")]
    if class_name:
        named = vars(module).get(class_name)
        if isinstance(named, type):
            return named
        close = difflib.get_close_matches(class_name, own, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(own) or 'no class'}"
        raise StrategyError(f"{path} has no class {class_name!r}: {hint}")
    if len(found) == 1:
        return own[found[0]]
    if not found:
        raise StrategyError(f"{path} has no class with a signals() method")
    raise StrategyError(f"{path} has several strategies: choose with {path}:{found[0]}")


def _built(kind: type, origin: str) -> Strategy:
    """Return an instance after checking that it offers what hosts will use."""
    try:
        strategy = kind()
    except (Exception, SystemExit) as error:  # a person's own code may raise anything
        raise StrategyError(
            f"{origin}: {kind.__name__}() raised {type(error).__name__}: {error}; "
            "a strategy is built without arguments"
        ) from error
    where = f"{origin}: {kind.__name__}"
    if not isinstance(getattr(strategy, "name", None), str):
        raise StrategyError(f"{where} needs name, a string, e.g. name = 'my_idea'")
    parameters = getattr(strategy, "parameters", None)
    if not isinstance(parameters, tuple) or not all(isinstance(p, Parameter) for p in parameters):
        raise StrategyError(f"{where} needs parameters, a tuple of Parameter")
    for method in ("warmup", "signals"):
        if not callable(getattr(strategy, method, None)):
            raise StrategyError(f"{where} needs a method {method}()")
    problems = [f"{where}: {problem}" for p in parameters for problem in flaws(p)]
    if len({p.name for p in parameters}) != len(parameters):
        problems.append(f"{where}: two parameters have the same name")
    if problems:
        raise StrategyError("; ".join(problems))
    return cast(Strategy, strategy)
