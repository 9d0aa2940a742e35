# SPDX-License-Identifier: MIT
"""The mutants of a Python module: one operator, number, condition or statement of its syntax tree changed in each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any, NamedTuple

OPERATORS: dict[type[ast.AST], list[type[Any]]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.Mult],
    ast.LShift: [ast.RShift],
    ast.RShift: [ast.LShift],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.BitXor: [ast.BitOr],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
REMOVABLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.Raise, ast.Break, ast.Continue)
Step = Callable[[], None]


class Mutant(NamedTuple):
    """A change of the tree. `old` and `new` are the statement before and after, or the head of a compound one."""

    function: str
    old: str
    new: str
    tree: ast.Module
    change: Step
    users: set[str]  # the functions that run it, or use what the statement of the module sets; empty = not known


class _Change(NamedTuple):
    do: Step
    undo: Step
    gone: ast.stmt | None = None  # the statement that is left out


def _setting(owner: Any, name: str, value: Any) -> _Change:
    before = getattr(owner, name)
    return _Change(lambda: setattr(owner, name, value), lambda: setattr(owner, name, before))


def _leaving_out(body: list[ast.stmt], place: int) -> _Change:
    gone, empty = body[place], ast.copy_location(ast.Pass(), body[place])
    return _Change(lambda: body.__setitem__(place, empty), lambda: body.__setitem__(place, gone), gone)


def _changes(node: ast.AST) -> Iterator[_Change]:
    """What can be changed about a node."""
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)):
        for other in OPERATORS.get(type(node.op), []):
            yield _setting(node, "op", other())
    elif isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in OPERATORS[type(operator)]:
                yield _setting(node, "ops", [*node.ops[:place], other(), *node.ops[place + 1 :]])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield _setting(node, "op", ast.UAdd())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _setting(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield _setting(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value: Any = node.value
        for step in (1, -1) if isinstance(value, int) else (1.0,):
            if value + step >= 0:
                yield _setting(node, "value", value + step)
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield _setting(node, "test", ast.UnaryOp(ast.Not(), node.test))
    bodies = (getattr(node, name, None) for name in ("body", "orelse", "finalbody"))
    for body in (body for body in bodies if isinstance(body, list)):
        for place, statement in enumerate(body):
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if isinstance(statement, REMOVABLE) and not is_text:
                yield _leaving_out(body, place)


def _within(top: ast.stmt) -> Iterator[tuple[ast.AST, ast.stmt, str]]:
    """Each node with the statement and the function that it is in; annotations, messages and slots left out."""
    waiting: list[tuple[ast.AST, ast.stmt, str]] = [(top, top, "")]
    while waiting:
        node, statement, function = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            function = f"{function}.{node.name}".lstrip(".")
        yield node, statement, function
        annotations = [getattr(node, name, None) for name in ("annotation", "returns")]
        for child in reversed(list(ast.iter_child_nodes(node))):
            if child not in annotations and not isinstance(child, (ast.Import, ast.ImportFrom)):
                waiting.append((child, child if isinstance(child, ast.stmt) else statement, function))


def _head(statement: ast.stmt) -> str:
    """A statement, or the first line of a compound one."""
    return " ".join(ast.unparse(ast.fix_missing_locations(statement)).split("\n")[0].split())


def _set_by(top: ast.stmt) -> set[str]:
    """The names that an assignment of the module sets."""
    names = (node for node in ast.walk(top) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return {node.id for node in names} if isinstance(top, (ast.Assign, ast.AnnAssign)) else set()


def _used(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _users(top: ast.stmt, body: list[ast.stmt]) -> set[str]:
    """The functions that use what a statement of the module sets, or what other statements make of it."""
    names = _set_by(top)
    for other in body:  # which stand in their order
        if names & _used(other):
            names |= _set_by(other)
    functions = ((node, name) for each in body for node, _, name in _within(each) if isinstance(node, ast.FunctionDef))
    return {name for node, name in functions if names & _used(node)}


def mutants(source: str) -> Iterator[Mutant]:
    """All of them, in the order of the source."""
    tree = ast.parse(source)
    functions = {name for top in tree.body for node, _, name in _within(top) if isinstance(node, ast.FunctionDef)}
    for top in tree.body:
        if isinstance(top, (ast.Import, ast.ImportFrom, ast.Expr)):
            continue
        users = _users(top, tree.body)
        for node, statement, function in _within(top):
            for change in _changes(node):
                shown = change.gone or statement
                old = _head(shown)
                change.do()
                new = "pass" if change.gone else _head(shown)
                change.undo()
                yield Mutant(function, old, new, tree, change.do, {function} & functions if function else users)


def apply(mutant: Mutant, module: ModuleType) -> None:
    """Puts it into the module, whose functions and classes stay the objects that other modules have."""
    mutant.change()
    before = dict(vars(module))
    exec(compile(ast.fix_missing_locations(mutant.tree), str(module.__file__), "exec"), vars(module))
    for name, new in list(vars(module).items()):
        old = before.get(name)
        if new is old or name.startswith("__"):
            continue
        if isinstance(old, type) and isinstance(new, type):
            for part, value in list(vars(new).items()):
                slot = isinstance(value, MemberDescriptorType)
                if not _put(vars(old).get(part), value) and not slot and not part.startswith("__"):
                    setattr(old, part, value)
            setattr(module, name, old)
        elif _put(old, new):
            setattr(module, name, old)
        elif isinstance(new, list):  # a table, whose entries are of the new classes
            for entry in new:
                if isinstance(before.get(type(entry).__name__), type):
                    entry.__class__ = before[type(entry).__name__]


def _put(old: Any, new: Any) -> bool:
    """Whether a function, which now runs another's code, was one."""
    old, new = (getattr(each, "__func__", each) for each in (old, new))
    if not isinstance(old, FunctionType) or not isinstance(new, FunctionType):
        return False
    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
    return True
