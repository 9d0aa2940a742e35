# SPDX-License-Identifier: MIT
"""The mutants of a C source: one token changed, one statement left out or one condition negated in each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    r"""(?P<space>\s+|/\*.*?\*/|//[^\n]*)
      | (?P<line>\#(?:[^\n\\]|\\.)*)                                   # of the preprocessor, with its continuations
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>0[xX][0-9a-fA-F.]+(?:[pP][+-]?\d+)?[uUlL]*|\d+\.\d+(?:[eE][+-]?\d+)?|\d+(?:e\d+)?[uUlL]*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<operator><<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^~!<>=?:;,.(){}\[\]])""",
    re.VERBOSE | re.DOTALL,
)
SWAPS = {
    "+": ["-"],
    "-": ["+"],
    "*": ["/"],
    "/": ["*"],
    "%": ["*"],
    "<<": [">>"],
    ">>": ["<<"],
    "&": ["|"],
    "|": ["&"],
    "^": ["|"],
    "<": ["<=", ">="],
    "<=": ["<", ">"],
    ">": [">=", "<="],
    ">=": [">", "<"],
    "==": ["!="],
    "!=": ["=="],
    "&&": ["||"],
    "||": ["&&"],
    "++": ["--"],
    "--": ["++"],
    "+=": ["-="],
    "-=": ["+="],
    "|=": ["&="],
    "^=": ["|="],
    "<<=": [">>="],
    ">>=": ["<<="],
}
BINARY = {"+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^"}  # some of them are unary elsewhere
OPENING, CLOSING = "([{", ")]}"


class Mutant(NamedTuple):
    """A changed source. `old` and `new` are its line, or lines, before and after."""

    function: str
    old: str
    new: str
    source: str


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def _tokens(source: str) -> list[_Token]:
    found, at = [], 0
    while at < len(source):
        match = TOKEN.match(source, at)
        assert match is not None, source[at : at + 40]
        if match.lastgroup not in ("space", "line"):
            found.append(_Token(str(match.lastgroup), match.group(), at, match.end()))
        at = match.end()
    return found


def _numbers(text: str) -> list[str]:
    """What stands for a number: one more and one less of an integer, one more of a decimal, twice a hexadecimal."""
    digits = text.rstrip("uUlL") if not re.search("[.pP]", text) else text
    suffix = text[len(digits) :]
    if "." in text or "p" in text:
        return [f"(2 * {text})"] if text.startswith("0x") else [str(float(text) + 1.0)]
    if "e" in text and not text.startswith("0x"):
        return [f"(1 + {text})"]
    value = int(digits, 0)
    return [str(value + step) + suffix for step in (1, -1) if value + step >= 0]


def _closing(tokens: list[_Token], at: int) -> int:
    """The place of the bracket that closes the one at `at`."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += tokens[place].text in OPENING
        depth -= tokens[place].text in CLOSING
        if depth == 0:
            return place
    raise ValueError("an open bracket")


def _is_declaration(statement: list[_Token]) -> bool:
    """Whether it begins as a declaration does, or with a word that a statement needs to stand there."""
    first = statement[0].text
    if first in ("case", "default", "else", "do", "const", "static", "typedef", "double", "size_t"):
        return True
    return first != "return" and [token.kind for token in statement[:2]] == ["name", "name"]


def _replaced(source: str, function: str, start: int, end: int, text: str) -> Mutant:
    begin = source.rfind("\n", 0, start) + 1
    stop = source.find("\n", end)
    old, new = source[begin:stop], source[begin:start] + text + source[end:stop]
    return Mutant(function, " ".join(old.split()), " ".join(new.split()), source[:start] + text + source[end:])


def mutants(source: str) -> Iterator[Mutant]:
    """All of them, in the order of the source."""
    tokens = _tokens(source)
    depth, inside, function, begun = 0, 0, "", 0  # how many braces, and brackets, are open
    for at, token in enumerate(tokens):
        text, before = token.text, tokens[at - 1] if at else token
        if depth == 0 and token.kind == "name" and at + 1 < len(tokens) and tokens[at + 1].text in ("(", "[", "="):
            function = text
        depth += (text == "{") - (text == "}")
        inside += (text == "(") - (text == ")")
        operand = before.kind in ("name", "number") or before.text in (")", "]")
        if token.kind == "operator" and text in SWAPS and (operand or text not in BINARY):
            for other in SWAPS[text]:
                yield _replaced(source, function, token.start, token.end, other)
        elif text in ("!", "-"):
            yield _replaced(source, function, token.start, token.end, "")
        elif token.kind == "number":
            for other in _numbers(text):
                yield _replaced(source, function, token.start, token.end, other)
        if depth > 0 and text in ("if", "while") and tokens[at + 1].text == "(":
            last = _closing(tokens, at + 1)
            condition = source[tokens[at + 1].end : tokens[last].start]
            yield _replaced(source, function, tokens[at + 1].end, tokens[last].start, f"!({condition})")
        if inside == 0 and text in (";", "{", "}"):
            begun = at + 1
        elif depth > 0 and at == begun and text not in ("for", "if", "while", "switch"):
            end = next(i for i in range(at, len(tokens)) if tokens[i].text in (";", "{", "}"))
            last_result = text == "return" and depth == 1  # without it a function does anything
            if tokens[end].text == ";" and not last_result and not _is_declaration(tokens[at:end]):
                yield _replaced(source, function, token.start, tokens[end].start, "")
