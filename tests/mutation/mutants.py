"""The mutants of a module: each one a function, or a constant, with one small mistake in it."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutation.operators import replacements

ROOT = Path(__file__).parents[2]
MODULE_LEVEL = "<module>"


@dataclass(frozen=True)
class Mutant:
    """One mistake: where it is, what it does, and the code that makes it."""

    file: str  # relative to the repository
    function: str
    lines: range  # of the statement, without what is nested in it
    change: str  # "original -> mutated", with " #2" behind the second of the same in a function
    code: CodeType

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what names this mutant whatever line it is on."""
        return self.file, self.function, self.change

    def __str__(self) -> str:
        return f"{self.file}:{self.lines.start}: {self.function}: {self.change}"

    def install(self) -> None:
        """Make the mistake in this process, for every caller: needs NUMBA_DISABLE_JIT=1.

        A function keeps its identity and gets other code, so nothing has to be imported again.
        """
        module = module_of(self.file)
        if self.function == MODULE_LEVEL:
            exec(self.code, module.__dict__)
        else:
            replace(module, self.function, self.code)


def module_of(file: str) -> ModuleType:
    """Import the module of a source file."""
    return importlib.import_module(file.removesuffix(".py").replace("/", "."))


def replace(module: ModuleType, name: str, code: CodeType) -> None:
    """Give a function of a module other code."""
    function: Any = getattr(module, name)
    if not isinstance(function, FunctionType):
        raise TypeError(f"{module.__name__}.{name} is compiled: set NUMBA_DISABLE_JIT=1 first")
    function.__code__ = code


def mutants_of(file: str) -> list[Mutant]:
    """Return every mutant of a source file, in the order of its lines."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    codes = _codes(module_of(file))
    found: list[Mutant] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found += _named(_in_function(file, node, codes))
        elif isinstance(node, ast.Assign):
            found += _named(_in_constant(file, node))
    return found


def originals_of(file: str) -> dict[str, CodeType]:
    """Compile every function of a file as mutants are, unchanged: installing it changes nothing."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: _function_code(file, node) for node in functions}


def _codes(module: ModuleType) -> dict[str, int]:
    names = vars(module).items()
    return {k: v for k, v in names if k.isupper() and k[0] != "_" and type(v) is int}


def _in_function(file: str, function: ast.FunctionDef, codes: dict[str, int]) -> Iterator[Mutant]:
    for statement, parent, node, put in _places(function):
        if _is_only_row(parent, node):
            continue
        for new in replacements(node, codes):
            shown = parent if isinstance(node, ast.Constant | ast.Name) else node
            before = _text(shown)
            put(ast.copy_location(new, node))
            after = _text(new if shown is node else shown)
            code = _function_code(file, function)
            put(node)
            yield Mutant(file, function.name, _lines(statement), f"{before} -> {after}", code)


def _in_constant(file: str, statement: ast.Assign) -> Iterator[Mutant]:
    if not isinstance(statement.value, ast.Constant):
        return
    before = _text(statement)
    for new in replacements(statement.value, {}):
        changed = ast.Assign(statement.targets, ast.copy_location(new, statement.value))
        whole = ast.Module([ast.copy_location(changed, statement)], [])
        code = compile(ast.fix_missing_locations(whole), str(ROOT / file), "exec")
        yield Mutant(file, MODULE_LEVEL, _lines(statement), f"{before} -> {_text(changed)}", code)


def _named(mutants: Iterator[Mutant]) -> Iterator[Mutant]:
    """Number the changes that a function contains several times."""
    seen: dict[str, int] = {}
    for mutant in mutants:
        times = seen[mutant.change] = seen.get(mutant.change, 0) + 1
        change = mutant.change if times == 1 else f"{mutant.change} #{times}"
        yield Mutant(mutant.file, mutant.function, mutant.lines, change, mutant.code)


def _places(function: ast.FunctionDef) -> Iterator[tuple[ast.stmt, ast.AST, ast.AST, Any]]:
    """Yield (statement, parent, node, how to put another in its place) for what a body contains."""

    def walk(parent: ast.AST, statement: ast.stmt) -> Iterator[Any]:
        for field, value in ast.iter_fields(parent):
            if parent is function and field != "body":
                continue  # neither decorators nor annotations are run
            children = value if isinstance(value, list) else [value]
            for k, child in enumerate(children):
                if not isinstance(child, ast.AST) or _is_docstring(child):
                    continue
                inside = child if isinstance(child, ast.stmt) else statement

                def put(new: ast.AST, k: int = k, value: Any = value, field: str = field) -> None:
                    if isinstance(value, list):
                        value[k] = new
                    else:
                        setattr(parent, field, new)

                yield inside, parent, child, put
                yield from walk(child, inside)

    yield from walk(function, function)


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_only_row(parent: ast.AST, node: ast.AST) -> bool:
    """Return whether a node is the 0 of ``table[0]``: 1 is out of bounds and -1 the same row."""
    if not (isinstance(parent, ast.Subscript) and parent.slice is node):
        return False
    return isinstance(node, ast.Constant) and node.value == 0


def _function_code(file: str, function: ast.FunctionDef) -> CodeType:
    plain = ast.FunctionDef(function.name, function.args, function.body, [])
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    whole = ast.Module([future, ast.copy_location(plain, function)], [])
    code = compile(ast.fix_missing_locations(whole), str(ROOT / file), "exec")
    return next(x for x in code.co_consts if isinstance(x, CodeType))


def _lines(statement: ast.stmt) -> range:
    """Return the lines of a statement, of a compound one those before its body."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return range(statement.lineno, max(last, statement.lineno) + 1)


def _text(node: ast.AST) -> str:
    """Return source for a node; of a compound statement, its first line."""
    if isinstance(node, ast.Pass):
        return "(dropped)"
    return ast.unparse(ast.fix_missing_locations(node)).splitlines()[0]
