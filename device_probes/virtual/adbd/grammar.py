"""The part of mksh's grammar that drivers use, parsed into plain data. Nothing is executed here.

::

    list      = pipeline { (";" | "&&" | "||" | newline) pipeline }
    pipeline  = command { "|" command }
    command   = { NAME=word } word { word | redirection }
    word      = { 'literal' | "text with $VAR" | \\c | $VAR | ${VAR} | $? | text }

Everything else of a shell (loops, functions, command substitution, background jobs, here
documents) is a syntax error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_LINE_CHARS = 65_536
MAX_COMMANDS = 512


class ShellSyntaxError(Exception):
    """The line is no list of simple commands; the text is what mksh would say."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word."""

    text: str
    """Literal text, or the name of a variable."""
    is_variable: bool = False
    quoted: bool = False


Word = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """``fd OP target``; ``target`` is a word, or the other descriptor for ``>&``."""

    fd: int
    operator: str
    target: Word


@dataclass(slots=True)
class Command:
    """A simple command."""

    assignments: list[tuple[str, Word]] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Step:
    """A pipeline and what connects it to the one before: ``;``, ``&&`` or ``||``."""

    connector: str
    pipeline: list[Command]


_OPERATORS = ("&&", "||", ";", "|", "\n")
_REDIRECT = re.compile(r"([0-9]?)(>>|>&|<|>)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORBIDDEN = {"(": "(", ")": ")", "&": "&", "`": "`"}
_KEYWORDS = frozenset(
    {"if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac"}
    | {"function", "select", "time", "{", "}", "[[", "!"}
)
_QUOTE_ESCAPES = '$`"\\\n'


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parse(self) -> list[Step]:
        steps: list[Step] = []
        connector = ";"
        count = 0
        while True:
            self._blanks()
            if self.at >= len(self.text):
                break
            pipeline = [self._command()]
            while self._operator() == "|":
                self.at += 1
                self._blanks(newlines=True)
                pipeline.append(self._command())
            count += len(pipeline)
            if count > MAX_COMMANDS:
                raise ShellSyntaxError("syntax error: too many commands")
            self._add(steps, connector, pipeline)
            operator = self._operator()
            self.at += len(operator)
            connector = operator if operator in ("&&", "||") else ";"
            self._blanks(newlines=connector != ";")
            if connector != ";" and self.at >= len(self.text):
                raise ShellSyntaxError("syntax error: unexpected EOF")
        return steps

    def _add(self, steps: list[Step], connector: str, pipeline: list[Command]) -> None:
        empty = [c for c in pipeline if not (c.words or c.assignments or c.redirects)]
        if not empty:
            steps.append(Step(connector, pipeline))
            return
        operator = self._operator()
        if len(pipeline) > 1 or connector != ";" or operator not in ("\n", ""):
            raise self._unexpected(operator or "EOF")

    # --- pieces -----------------------------------------------------------------------------------

    def _blanks(self, *, newlines: bool = False) -> None:
        allowed = " \t\n" if newlines else " \t"
        while self.at < len(self.text) and self.text[self.at] in allowed:
            self.at += 1
        if self.text.startswith("#", self.at):
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end

    def _operator(self) -> str:
        return next((o for o in _OPERATORS if self.text.startswith(o, self.at)), "")

    def _command(self) -> Command:
        command = Command()
        while True:
            self._blanks()
            if self.at >= len(self.text) or self._operator():
                return command
            if self.text[self.at] in _FORBIDDEN:
                raise self._unexpected(self.text[self.at])
            redirect = _REDIRECT.match(self.text, self.at)
            if redirect:
                self.at = redirect.end()
                self._blanks()
                number = redirect[1] or ("0" if redirect[2] == "<" else "1")
                command.redirects.append(Redirect(int(number), redirect[2], self._target()))
                continue
            self._argument(command)

    def _target(self) -> Word:
        word = self._word()
        if not word:
            raise self._unexpected(self._operator() or "EOF")
        return word

    def _argument(self, command: Command) -> None:
        name = _NAME.match(self.text, self.at)
        if not command.words and name and self.text.startswith("=", name.end()):
            self.at = name.end() + 1
            command.assignments.append((name[0], self._word()))
            return
        word = self._word()
        bare = len(word) == 1 and not (word[0].quoted or word[0].is_variable)
        if bare and not command.words and word[0].text in _KEYWORDS:
            raise self._unexpected(word[0].text)
        command.words.append(word)

    def _word(self) -> Word:
        parts: list[Part] = []
        while self.at < len(self.text):
            c = self.text[self.at]
            if c in " \t\n;|&<>()":
                break
            if c == "'":
                parts.append(self._single())
            elif c == '"':
                self.at += 1
                self._double(parts)
            elif c == "\\":
                if self.text[self.at + 1 : self.at + 2] != "\n":
                    parts.append(Part(self.text[self.at + 1 : self.at + 2] or "\\", quoted=True))
                self.at += 2
            elif c == "$":
                parts.append(self._dollar(quoted=False))
            elif c == "`":
                raise self._unexpected(c)
            else:
                parts.append(self._plain())
        return tuple(parts)

    def _plain(self) -> Part:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in " \t\n;|&<>()'\"\\$`":
            self.at += 1
        return Part(self.text[start : self.at])

    def _single(self) -> Part:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise ShellSyntaxError("no closing quote")
        text = self.text[self.at + 1 : end]
        self.at = end + 1
        return Part(text, quoted=True)

    def _double(self, parts: list[Part]) -> None:
        text = ""
        parts.append(Part("", quoted=True))  # "" is an empty word, not none
        while True:
            c = self.text[self.at : self.at + 1]
            if not c:
                raise ShellSyntaxError("no closing quote")
            if c == '"':
                self.at += 1
                parts.append(Part(text, quoted=True))
                return
            if c == "`":
                raise self._unexpected(c)
            if c == "$":
                parts.append(Part(text, quoted=True))
                text = ""
                parts.append(self._dollar(quoted=True))
                continue
            after = self.text[self.at + 1 : self.at + 2]
            if c == "\\" and after and after in _QUOTE_ESCAPES:
                text += "" if after == "\n" else after
                self.at += 2
                continue
            text += c
            self.at += 1

    def _dollar(self, *, quoted: bool) -> Part:
        rest = self.text[self.at + 1 :]
        if rest[:1] in ("(", "'"):
            raise self._unexpected(rest[0])
        if rest[:1] == "?":
            self.at += 2
            return Part("?", is_variable=True, quoted=quoted)
        name = _NAME.match(rest)
        if name:
            self.at += 1 + name.end()
            return Part(name[0], is_variable=True, quoted=quoted)
        if rest[:1] == "{":
            name = _NAME.match(rest, 1)
            if not name or rest[name.end() : name.end() + 1] != "}":
                raise ShellSyntaxError("bad substitution")
            self.at += 2 + name.end()
            return Part(name[0], is_variable=True, quoted=quoted)
        self.at += 1
        return Part("$", quoted=quoted)

    def _unexpected(self, what: str) -> ShellSyntaxError:
        shown = {"\n": "newline"}.get(what, what)
        return ShellSyntaxError(f"syntax error: unexpected '{shown}'")


def parse(line: str) -> list[Step]:
    """The steps of a command line; raises :class:`ShellSyntaxError`."""
    if len(line) > MAX_LINE_CHARS:
        raise ShellSyntaxError("syntax error: the line is too long")
    return _Parser(line).parse()
