"""What a mutation does to one node of a syntax tree: a small, wrong change somebody could make."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

COMPARISONS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLS: Mapping[str, str] = {"min": "max", "max": "min", "floor": "ceil", "ceil": "floor"}
TRANSPARENT = {"abs", "int", "sqrt"}  # calls that a mutant leaves out: abs(x) -> x
DROPPED = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Continue, ast.Break)


def _comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for k, operator in enumerate(node.ops):
        for other in COMPARISONS.get(type(operator), ()):
            yield ast.Compare(
                node.left, [*node.ops[:k], other(), *node.ops[k + 1 :]], node.comparators
            )


def _conditions(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for k in range(len(node.values)):
        rest = node.values[:k] + node.values[k + 1 :]
        yield ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]


def _binary(node: ast.BinOp) -> Iterator[ast.expr]:
    if type(node.op) in ARITHMETIC:
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)


def _unary(node: ast.UnaryOp) -> Iterator[ast.expr]:
    yield node.operand


def _constants(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        kind = type(value)
        for other in dict.fromkeys((kind(value + 1), kind(value - 1), kind(0))):
            if other != value:
                yield ast.Constant(other)


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in CALLS and isinstance(function, ast.Attribute):
        changed = ast.Attribute(function.value, CALLS[name], ast.Load())
        yield ast.Call(changed, node.args, node.keywords)
    elif name in CALLS:
        yield ast.Call(ast.Name(CALLS[name], ast.Load()), node.args, node.keywords)
    if name in TRANSPARENT:
        yield node.args[0]


def _choices(node: ast.IfExp) -> Iterator[ast.expr]:
    yield node.body
    yield node.orelse


def _branches(node: ast.If) -> Iterator[ast.stmt]:
    for outcome in (True, False):
        yield ast.If(ast.Constant(outcome), node.body, node.orelse)


def _additions(node: ast.AugAssign) -> Iterator[ast.stmt]:
    if type(node.op) in ARITHMETIC:
        yield ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value)


OPERATORS: Mapping[type[ast.AST], Callable[..., Iterator[ast.AST]]] = {
    ast.Compare: _comparisons,
    ast.BoolOp: _conditions,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Constant: _constants,
    ast.Call: _calls,
    ast.IfExp: _choices,
    ast.If: _branches,
    ast.AugAssign: _additions,
}


def replacements(node: ast.AST, codes: Mapping[str, int]) -> Iterator[ast.AST]:
    """Yield what may stand in the place of ``node``.

    ``codes`` are the module's named integers, in the order of their definition: a name among them
    becomes the next one that means something else, such as another denial code.
    """
    if isinstance(node, ast.Name) and node.id in codes and isinstance(node.ctx, ast.Load):
        names = list(codes)
        place = names.index(node.id)
        others = names[place + 1 :] + names[:place]
        different = (name for name in others if codes[name] != codes[node.id])
        yield from (ast.Name(name, node.ctx) for name in islice(different, 1))
    for kind, operator in OPERATORS.items():
        if isinstance(node, kind):
            yield from operator(node)
    if isinstance(node, DROPPED):
        yield ast.Pass()
