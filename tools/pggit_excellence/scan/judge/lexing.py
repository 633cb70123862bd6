"""PostgreSQL's lexical states over a text of values/abstract.py: in which of them each hole can stand.

The text is a regular expression, therefore the lexer runs over sets of states. A constant moves each state on, a hole
moves each state to all that honest content can leave behind, alternatives are joined, repetitions run to a fixed point.
Text whose token is not complete yet (`-`, `$ta`, `e`) is kept in the state and read again with what follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from pggit_excellence.scan.frozen import dataclass, field
from pggit_excellence.scan.inputs.lexer import TAG_INSIDE, WORD_INSIDE, WORD_START
from pggit_excellence.scan.values.abstract import Alt, Const, Hole, Origin, Quoting, Ref, Seq, Source, Star, Text

MAX_STATES = 120
MAX_DEPTH = 8  # of nested comments
MAX_TAG = 64
MIXTURE = 8  # pieces in any order that no program writes as a list of its own


class Mode(StrEnum):
    """Where the lexer is."""

    NORMAL = "normal"
    STRING = "string"  # '...', also B'', X'', N'' and U&'': a backslash is a character like any other
    ESCAPED = "escaped"  # E'...'
    STRING_END = "string end"  # just behind the closing quote: another quote goes on
    ESCAPED_END = "escaped end"
    NAME = "name"  # "..."
    NAME_END = "name end"
    DOLLAR = "dollar"  # $tag$...$tag$
    LINE = "line comment"
    BLOCK = "block comment"
    LOST = "lost"  # not known any more


class State(NamedTuple):
    """`text` is what has to be read again with what follows."""

    mode: Mode
    text: str = ""
    tag: str = ""  # the whole delimiter, $tag$
    depth: int = 0  # of block comments
    words: bool = False  # nothing but blanks since a word of a repetition


States = dict[State, frozenset[int]]  # the states, each with the slots that can end right here, -1 for a constant
_PROGRAM = frozenset({-1})
START: States = {State(Mode.NORMAL): _PROGRAM}
LOST = State(Mode.LOST)


@dataclass(slots=True)
class Slot:
    """One hole at one point of the text, and how it can stand there.

    `modes` are the states it can begin in (the `_END` ones count as normal). `minus`: right behind a `-`.
    `glued`: without a blank next to a word or another quoted thing. `requoted`: a quote follows at once, so that a
    literal goes on. `fused`: a quote follows at once whose meaning depends on the hole (`e'`, `a$$`).
    `touches`: right behind another hole. `repeated`: inside a repetition.
    `chained`: any number of words with nothing but blanks between them.
    `mixed`: one of many pieces in any order, so that its neighbours are not known.
    """

    index: int
    hole: Hole
    repeated: bool = False
    mixed: bool = False
    modes: set[Mode] = field(default_factory=set)
    chained: bool = False
    minus: bool = False
    glued: bool = False
    requoted: bool = False
    fused: bool = False
    touches: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """One node after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the nodes."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Any number of the node."""

    node: Node


Node = Const | Slot | Chain | Choice | Repeat


def number(text: Text, slots: list[Slot], *, repeated: bool = False, mixed: bool = False) -> Node:
    """The text with a slot of its own in the place of every hole, even where two are equal."""
    match text:
        case Const():
            return text
        case Seq(parts):
            return Chain(tuple(number(part, slots, repeated=repeated, mixed=mixed) for part in parts))
        case Alt(choices):
            return Choice(tuple(number(choice, slots, repeated=repeated, mixed=mixed) for choice in choices))
        case Star(body):
            return Repeat(number(body, slots, repeated=True, mixed=mixed or _is_mixture(body)))
        case Ref(key):
            text = Hole(Quoting.RAW, Origin(Source.UNKNOWN, key))
    slots.append(Slot(len(slots), text, repeated, mixed))
    return slots[-1]


def _is_mixture(body: Text) -> bool:
    """Whether a repetition is what values/abstract.py makes of a text with too many forms: its pieces, in any order."""
    return (
        isinstance(body, Alt)
        and len(body.choices) >= MIXTURE
        and all(isinstance(choice, Const | Hole | Ref) for choice in body.choices)
    )


def is_mixture(node: Node) -> bool:
    """Whether pieces in any order are part of it."""
    match node:
        case Slot():
            return node.mixed
        case Chain(nodes) | Choice(nodes):
            return any(map(is_mixture, nodes))
        case Repeat(Choice(nodes)) if len(nodes) >= MIXTURE:
            return True
        case Repeat(body):
            return is_mixture(body)
    return False


def lex(node: Node, slots: list[Slot]) -> States:
    """Run the lexer from the beginning of a statement; notes in `slots` how each can stand. Returns the end states."""
    return _run(node, START, slots)


def _run(node: Node, states: States, slots: list[Slot]) -> States:
    match node:
        case Const(text):
            return _constant(states, text, slots) if text else states
        case Slot():
            return _join(new for state, ended in states.items() for new in _hole(state, ended, node, slots))
        case Chain(nodes):
            for part in nodes:
                states = _run(part, states, slots)
            return states
        case Choice(nodes):
            return _join(item for part in nodes for item in _run(part, states, slots).items())
        case Repeat(body):
            while (more := _join([*states.items(), *_run(body, states, slots).items()])) != states:
                states = more
            return states


def _join(found: Iterable[tuple[State, frozenset[int]]]) -> States:
    states: States = {}
    for state, ended in found:
        states[state] = states.get(state, ended) | ended
    return states if len(states) <= MAX_STATES else {LOST: _PROGRAM}


# --- constants ----------------------------------------------------------------------------------------------------

_WORD_CHARACTER = re.compile(WORD_INSIDE)
_TOKEN = re.compile(
    rf"""
      (?P<line>--)
    | (?P<block>/\*)
    | (?P<escaped>[eE]')
    | (?P<string>(?:[bBxXnN]|[uU]&)?')
    | (?P<name>(?:[uU]&)?")
    | (?P<dollar>\$(?:{WORD_START}{TAG_INSIDE}*)?\$)
    | (?P<open>(?:[uU]&|\$(?:{WORD_START}{TAG_INSIDE}*)?|[-/])\Z)
    | (?P<word>{WORD_START}{WORD_INSIDE}*)
    | (?P<digits>\$?[0-9]+)
    """,
    re.VERBOSE,
)
_ESCAPED_STOP = re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL)
_CONTINUED = re.compile(r"[ \t\f\v]*[\n\r]\s*'")
_LINE_STOP = re.compile(r"[\n\r]")
_BLOCK_STOP = re.compile(r"\*/|/\*")


def _constant(states: States, text: str, slots: list[Slot]) -> States:
    for state, ended in states.items():
        for index in ended - _PROGRAM:
            _follow(slots[index], state, text[0])
    return _join((_advanced(state, ended, text, slots), _PROGRAM) for state, ended in states.items())


def _advanced(state: State, ended: frozenset[int], text: str, slots: list[Slot]) -> State:
    words = text.isspace() and (state.words or any(_is_chain(slots[index]) for index in ended - _PROGRAM))
    return advance(state._replace(words=False), text)._replace(words=words)


def _is_chain(slot: Slot) -> bool:
    """Whether it is a word of which any number can follow each other."""
    return slot.repeated and slot.hole.quoting is Quoting.WORD


def _follow(slot: Slot, state: State, character: str) -> None:
    """Notes what `character` right behind the slot means for it."""
    quoting = slot.hole.quoting
    if quoting is Quoting.LITERAL:
        slot.requoted |= character == "'"
        slot.glued |= bool(_WORD_CHARACTER.match(character))
    elif quoting in (Quoting.IDENTIFIER, Quoting.QUALIFIED) and state.mode in (Mode.NORMAL, Mode.NAME_END):
        slot.glued |= character in "\"'" or bool(_WORD_CHARACTER.match(character))
    elif state.mode is Mode.NORMAL:
        slot.fused |= character in "'$"


@lru_cache(maxsize=4096)
def advance(state: State, text: str) -> State:
    """The state after `text`. What of the last token has to be read again with more text is in `State.text`."""
    text = state.text + text
    state = state._replace(text="")
    position = 0
    while position < len(text):
        position, state = _STEPS[state.mode](text, position, state)
    return LOST if len(state.text) > MAX_TAG or state.depth > MAX_DEPTH else state


_NORMAL = State(Mode.NORMAL)
_Step = tuple[int, State]  # where to read on, and in which state
_BEGINS = {"line": Mode.LINE, "block": Mode.BLOCK, "escaped": Mode.ESCAPED, "string": Mode.STRING, "name": Mode.NAME}


def _normal(text: str, position: int, state: State) -> _Step:
    for token in _TOKEN.finditer(text, position):
        kind = token.lastgroup or ""
        if kind in _BEGINS:
            return token.end(), State(_BEGINS[kind], depth=int(kind == "block"))
        if kind == "dollar":
            return token.end(), State(Mode.DOLLAR, tag=token.group())
        if token.end() == len(text):
            return len(text), State(Mode.NORMAL, _open(token))
    return len(text), state


def _open(token: re.Match[str]) -> str:
    """What of the last token has to be read again; the spelling of a long word does not matter."""
    if token.lastgroup == "digits":
        return "1"
    if token.lastgroup == "word" and len(token.group()) > 1:
        return "zz"
    return token.group()


def _until(character: str, end: Mode) -> Callable[[str, int, State], _Step]:
    def step(text: str, position: int, state: State) -> _Step:
        found = text.find(character, position)
        return (found + 1, State(end)) if found >= 0 else (len(text), state)

    return step


def _unless_doubled(character: str, inside: Mode) -> Callable[[str, int, State], _Step]:
    def step(text: str, position: int, _: State) -> _Step:
        return (position + 1, State(inside)) if text[position] == character else (position, _NORMAL)

    return step


def _escaped(text: str, position: int, _: State) -> _Step:
    stop = _ESCAPED_STOP.match(text, position)
    end = stop.end() if stop else position
    if end < len(text) and text[end] == "'":
        return end + 1, State(Mode.ESCAPED_END)
    return len(text), State(Mode.ESCAPED, text[end:])  # a backslash at the end waits for its character


def _escaped_end(text: str, position: int, _: State) -> _Step:
    if text[position] == "'":
        return position + 1, State(Mode.ESCAPED)
    going_on = _CONTINUED.match(text, position)  # 'a' <newline> 'b' is one string
    if going_on:
        return going_on.end(), State(Mode.ESCAPED)
    if text[position:].isspace():
        return len(text), State(Mode.ESCAPED_END, "\n" if re.search(r"[\n\r]", text[position:]) else " ")
    return position, _NORMAL


def _dollar(text: str, position: int, state: State) -> _Step:
    end = text.find(state.tag, position)
    if end >= 0:
        return end + len(state.tag), _NORMAL
    start = text.rfind("$", position)
    begun = start >= 0 and state.tag.startswith(text[start:])
    return len(text), state._replace(text=text[start:] if begun else "")


def _line(text: str, position: int, state: State) -> _Step:
    stop = _LINE_STOP.search(text, position)
    return (stop.end(), _NORMAL) if stop else (len(text), state)


def _block(text: str, position: int, state: State) -> _Step:
    stop = _BLOCK_STOP.search(text, position)
    if not stop:
        return len(text), state._replace(text=text[-1] if text[-1] in "*/" else "")
    depth = state.depth + (1 if stop.group() == "/*" else -1)
    return stop.end(), state._replace(depth=depth) if depth else _NORMAL


def _lost(text: str, _: int, state: State) -> _Step:
    return len(text), state


_STEPS: dict[Mode, Callable[[str, int, State], _Step]] = {
    Mode.NORMAL: _normal,
    Mode.STRING: _until("'", Mode.STRING_END),
    Mode.STRING_END: _unless_doubled("'", Mode.STRING),
    Mode.ESCAPED: _escaped,
    Mode.ESCAPED_END: _escaped_end,
    Mode.NAME: _until('"', Mode.NAME_END),
    Mode.NAME_END: _unless_doubled('"', Mode.NAME),
    Mode.DOLLAR: _dollar,
    Mode.LINE: _line,
    Mode.BLOCK: _block,
    Mode.LOST: _lost,
}


# --- holes --------------------------------------------------------------------------------------------------------

_ENDS = {Mode.STRING_END, Mode.ESCAPED_END, Mode.NAME_END}
_AFTER_WORD = (State(Mode.NORMAL, "zz"), State(Mode.NORMAL, "e"), State(Mode.NORMAL, "1"))
_AFTER: dict[Quoting, tuple[State, ...]] = {
    Quoting.RAW: (State(Mode.NORMAL, "zz"),),
    Quoting.IDENTIFIER: (State(Mode.NORMAL, "zz"), State(Mode.NAME_END)),
    Quoting.QUALIFIED: (State(Mode.NORMAL, "zz"), State(Mode.NAME_END), State(Mode.NORMAL)),
    Quoting.LITERAL: (State(Mode.STRING_END), State(Mode.ESCAPED_END), State(Mode.NORMAL, "zz")),
    Quoting.INERT: _AFTER_WORD,
    Quoting.WORD: _AFTER_WORD,
    Quoting.FIXED: (State(Mode.NORMAL, "zz"),),
    Quoting.SQL: (State(Mode.NORMAL, "zz"), State(Mode.NORMAL)),
}
_MAY_BE_EMPTY = set(Quoting) - {Quoting.IDENTIFIER, Quoting.LITERAL}  # %s prints NULL as nothing


def _hole(state: State, ended: frozenset[int], slot: Slot, slots: list[Slot]) -> Iterator[tuple[State, frozenset[int]]]:
    mode = Mode.NORMAL if state.mode in _ENDS else state.mode
    slot.modes.add(mode)
    quoting = slot.hole.quoting
    if quoting in _MAY_BE_EMPTY:
        yield state, ended
    if mode is not Mode.NORMAL:
        yield _enclosed(state, quoting), _PROGRAM
        return
    if state.text.startswith("$") and quoting is not Quoting.INERT:
        yield LOST, _PROGRAM  # part of a dollar quote's delimiter
        return
    slot.minus |= state.text == "-"
    slot.touches |= bool(ended - _PROGRAM)
    slot.chained |= state.words and _is_chain(slot)
    if quoting in (Quoting.IDENTIFIER, Quoting.QUALIFIED, Quoting.LITERAL):
        _precede(slot, state, [slots[index] for index in ended - _PROGRAM], by_program=-1 in ended)
    for after in _AFTER[quoting]:
        yield after, frozenset({slot.index})


def _enclosed(state: State, quoting: Quoting) -> State:
    """The state behind a hole inside of quotes or a comment, which honest content does not end.

    What was begun before it (the `*` of `*/`) does not go on, except that a word can be the tag of a dollar quote.
    """
    if state.mode is Mode.DOLLAR and state.text and quoting in (Quoting.WORD, Quoting.RAW, Quoting.FIXED):
        return LOST
    return state._replace(text="")


def _precede(slot: Slot, state: State, before: list[Slot], *, by_program: bool) -> None:
    """Notes what touches a quoted hole from before: a word, another quoted thing, a string; and for the holes there.

    Holes that touch each other in a loop are taken for a list whose separator the analysis sees as optional
    (`IF list <> '' THEN list := list || ', '`). Two that touch in fact become one name, and break out of nothing.
    """
    if not by_program and (slot.repeated or all(other.repeated for other in before)):
        return
    literal = slot.hole.quoting is Quoting.LITERAL
    if literal and state.mode in (Mode.STRING_END, Mode.ESCAPED_END) and not state.text:
        for other in (slot, *before):
            other.requoted = True
    in_word = state.mode is Mode.NORMAL and state.text not in ("", "-", "/")
    if in_word or (not literal and state.mode is Mode.NAME_END):
        for other in (slot, *before):
            other.glued |= other is slot or other.hole.quoting is not Quoting.LITERAL
