"""What calls of scanned functions do: a summary of each routine, made once, over holes of its parameters.

A routine is analysed when it is first asked for. While it is (a recursive call), what is known so far is used, at
first nothing; the analysis is repeated until the summary stays the same, and given up after a few rounds. Where many
routines call each other, each of them would be repeated within the repetitions of all others. After so many
repetitions they are analysed once each, in haste: of the result of a call in a circle nothing is known then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from pggit_excellence.scan.config import Config
from pggit_excellence.scan.flow import events, loops, sql_bodies
from pggit_excellence.scan.flow.assignments import STAR, columns_of, fitted, raw, spread
from pggit_excellence.scan.flow.binding import Arguments, bind, instantiate, joined
from pggit_excellence.scan.flow.environment import join_arrays, made_of
from pggit_excellence.scan.flow.guards import agreed
from pggit_excellence.scan.flow.interpreter import CallResult, Flow
from pggit_excellence.scan.flow.making import with_made
from pggit_excellence.scan.flow.relevance import relevant_part
from pggit_excellence.scan.flow.rows import Detached
from pggit_excellence.scan.flow.telling import may_tell
from pggit_excellence.scan.flow.variables import parameter_origin
from pggit_excellence.scan.flow.words import word, words
from pggit_excellence.scan.frozen import dataclass, field, replace
from pggit_excellence.scan.inputs.nested import fill
from pggit_excellence.scan.inputs.program import Name, Parameter, Program, Routine
from pggit_excellence.scan.judge.generated import Made
from pggit_excellence.scan.judge.verdicts import Judgements, Outcome, outcome
from pggit_excellence.scan.plpgsql.parser import parse_body
from pggit_excellence.scan.plpgsql.syntax import Block
from pggit_excellence.scan.plpgsql.walk import keywords
from pggit_excellence.scan.values.abstract import (
    EMPTY,
    Array,
    Const,
    Hole,
    Origin,
    Place,
    Quoting,
    Record,
    Ref,
    Source,
    Text,
    Value,
    alt,
    as_text,
    choices_of,
    close_loop,
    depends_on,
    holes,
    join,
    join_all,
    star,
)
from pggit_excellence.scan.values.expressions import evaluate
from pggit_excellence.scan.values.functions import MODELS
from pggit_excellence.scan.values.placeholders import OWNER
from pggit_excellence.scan.values.scope import Truth
from pggit_excellence.scan.values.sinks import SINKS, calls_of
from pggit_excellence.scan.values.sqltypes import parse_type, value_of
from pggit_excellence.scan.values.texts import changed, perhaps_null

_STRICT = re.compile(r"\b(?:strict|returns\s+null\s+on\s+null\s+input)\b", re.IGNORECASE)
# What runs SQL in PL/Python, PL/Perl, PL/Tcl and PL/v8.
_OTHER_LANGUAGES = {"plpy", "spi_exec_query", "spi_query", "spi_prepare", "spi_exec", "plv8"}
_OURS = {"plpgsql", "sql"}
_NO_RESULT = {"", "void", "trigger", "event_trigger"}
_ROUNDS = 4
_PATIENCE = 200  # repetitions for one summary
_DEEP = 60  # calls inside of calls
_MAX_CLOSER = 1000  # summaries for the constants of single calls
_FIXED = Hole(Quoting.FIXED, Origin(Source.CONSTANT, "text of the function itself"))


_Known = tuple[tuple[str, Value], ...]  # parameters with their constants
_Find = Callable[[int], Text | None]


@dataclass(slots=True)
class Summary:
    """What a routine does: its result, its OUT parameters by name, and what was found in it."""

    result: Value
    outputs: Mapping[str, Value] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)
    spliced: Spliced | None = None  # of a routine that generates routines
    proved: Mapping[str, Value] = field(default_factory=dict)  # of its parameters, where it raises no error
    answers: Mapping[Truth, Mapping[str, Value]] = field(default_factory=dict)  # and where its result is true...


class _ImpatientError(BaseException):
    """Too many repetitions; nothing on the way may hold it."""


class Summaries:
    """The summaries of a program's routines (interpreter.Calls)."""

    def __init__(self, program: Program, config: Config) -> None:
        """Nothing is analysed yet."""
        self.program, self.config = program, config
        self.sinks: Mapping[str, tuple[int, ...]] = {
            ".".join(filter(None, name)): (position - 1,) for name, position in config.sinks.items()
        }
        self._by_name: dict[str, list[Routine]] = {}
        for routine in _distinct(program):
            self._by_name.setdefault(routine.name[1], []).append(routine)
        self._by_word: dict[str, list[Routine]] = {}
        for name, routines in self._by_name.items():
            self._by_word.setdefault(word(name), []).extend(routines)
        by_key = {routine.key: routine for routine in program.routines}
        self._parents_of = {
            routine.key: by_key[routine.key.rpartition("/")[0]] for routine in program.routines if routine.nested
        }
        self._parents = {routine.key for routine in self._parents_of.values()}
        self._done: dict[str, Summary] = {}
        self._going: dict[str, Summary | None] = {}  # being analysed: what is known of them so far
        self._asked: set[str] = set()  # of those, the ones that a recursive call has asked for
        self._provisional: dict[str, Summary] = {}  # made while something in them was not final
        self._seen: set[str] = set()  # what was analysed since nothing was going
        self._repetitions = 0
        self._hasty = False
        self._with_constants: dict[tuple[str, _Known, frozenset[str]], Summary | None] = {}
        self._narrowing: set[str] = set()  # being analysed once more, for a call with constants
        self.sets = frozenset(routine.name[1] for routine in program.routines if routine.returns_set)
        self._words = {routine.key: words(sql_bodies.with_body(routine, program).body) for routine in program.routines}
        self._bodies: dict[tuple[str, bool], tuple[Block, dict[int, str]]] = {}
        self._alone: dict[str, Outcome] = {}
        self._judgements: Judgements = {}
        self._asking: set[str] = set()
        sinks = {name.rpartition(".")[2] for name in SINKS} | {name for _, name in config.sinks}
        self._sink = calls_of(sinks)
        self._direct = frozenset({*map(word, sinks), *_OTHER_LANGUAGES, "execute"})
        self.words = self._worth_following()
        self._called = self._called_by_others()
        self.checks = frozenset(
            word(routine.name[1]) for routine in program.routines if "raise" in self._words[routine.key]
        )

    def _worth_following(self) -> frozenset[str]:
        """Names of functions that run SQL which they do not hold as a static statement, directly or by calls."""
        found, last = set(self._direct), set(self._direct)
        waiting = [(word(each.name[1]), self._words[each.key]) for each in self.program.routines if _is_called(each)]
        while last:
            last = {name for name, words in waiting if not last.isdisjoint(words)}
            found |= last
            waiting = [(name, words) for name, words in waiting if name not in found]
        return frozenset(found)

    def _called_by_others(self) -> frozenset[str]:
        """Names of functions worth following that other routines may call."""
        found: set[str] = set()
        for routine in self.program.routines:
            found |= (self._words[routine.key] & self.words) - {word(routine.name[1])}
        return frozenset(found)

    def mentioned(self, routines: Iterable[Routine]) -> frozenset[str]:
        """The words of these routines and of all that they may call, with the tables that have triggers."""
        found = {word(table[1]) for tables in self.program.triggers.values() for table in tables}
        waiting = {routine.key: routine for routine in routines}
        followed: set[str] = set()
        while waiting:
            key, routine = waiting.popitem()
            followed.add(key)
            header = [routine.returns, *(f"{each.type} {each.default or ''}" for each in routine.parameters)]
            new = (self._words[key] | words(" ".join(header))) - found
            found |= new
            called = [other for name in new & self._by_word.keys() for other in self._by_word[name]]
            if key in self._parents_of:
                called.append(self._parents_of[key])
            waiting |= {other.key: other for other in called if other.key not in followed}
        return frozenset(found)

    def is_worth_it(self, routine: Routine) -> bool:
        """Whether the routine can run dynamic SQL."""
        return not self.words.isdisjoint(self._words[routine.key]) or routine.gexec is not None

    def outcome(self, routine: Routine) -> Outcome:
        """What is found in a routine, and in those that it makes."""
        try:
            found = self._outcome(routine)
            if not found.making:
                return found
            return with_made(found, routine, self.program, self._made, self._outcome, running=self.words)
        except BaseException:  # it took too long; what is half known must not count as known for the next one
            for half_known in (self._going, self._asked, self._provisional, self._asking, self._narrowing):
                half_known.clear()
            raise

    def _outcome(self, routine: Routine) -> Outcome:
        """What is found in a routine. The result of one that nobody calls is nobody's business."""
        key = routine.key
        if key in self._done:
            return self._done[key].outcome
        if key not in self._alone:
            self._asking.add(key)
            if not self._says(routine):
                self._alone[key] = Outcome()
            elif word(routine.name[1]) in self._called:
                self._alone[key] = self.summary(routine).outcome
            else:
                self._alone[key] = self._once(routine, called=False).outcome
            self._asking.discard(key)
        return self._alone[key]

    def _says(self, routine: Routine) -> bool:
        """Whether anything can be found in a routine that is worth it."""
        words = self._words[routine.key]
        by_itself = routine.gexec is not None or routine.atomic or routine.language not in _OURS or "execute" in words
        return by_itself or may_tell(words, routine.body) or self.runs(words, routine.body)

    def runs(self, words: frozenset[str], code: str) -> bool:
        """Whether the code, which has these words, runs SQL that it does not hold as a static statement.

        A scanned function counts only if what it runs depends on what it is given.
        """
        found = words & self.words
        if not found:
            return False
        if not found.isdisjoint(self._direct) and self._sink.search(code.lower()) is not None:
            return True
        return any(map(self._passes_on, found))

    def _passes_on(self, name: str) -> bool:
        return any(self._may_pass_on(routine) for routine in self._by_word.get(name, ()))

    def _may_pass_on(self, routine: Routine) -> bool:
        """Whether what the routine runs depends on what it is given; yes where that is not known yet.

        It is not asked while another one is being analysed: what it would find of that one is not final.
        """
        if routine.key in self._done:
            return bool(self._done[routine.key].outcome.passed)
        if routine.key in self._alone:
            return bool(self._alone[routine.key].passed)
        return bool(self._going) or routine.key in self._asking or bool(self._outcome(routine).passed)

    # Calls ------------------------------------------------------------------------------------------------------------

    def call(
        self, name: Name, arguments: list[Value], named: Mapping[str, Value], given: frozenset[int] = frozenset()
    ) -> CallResult | None:
        """What a call does; None: no function of the scanned set. `given`: positions of constants, none NULL."""
        configured = self._configured(name)
        if configured is not None:
            return configured
        results = []
        for routine in self._candidates(name):
            bound = bind(routine, arguments, named, self._default, self.program)
            if bound is not None:
                results.append(self._applied(routine, bound, _names_at(given, routine)))
        if not results:
            return None
        outputs = {
            index: joined([result.outputs[index] for result in results if index in result.outputs])
            for index in sorted({index for result in results for index in result.outputs})
        }
        passed = tuple(dict.fromkeys(item for result in results for item in result.passed))
        value = joined([result.value for result in results])
        if len(results) > 1:  # nobody knows which of them is meant
            return CallResult(value, outputs, passed)
        return CallResult(value, outputs, passed, results[0].proved, results[0].answers)

    def _candidates(self, name: Name) -> Iterable[Routine]:
        """A function of the server is meant first: one in a schema that is usually in no path does not hide it."""
        schema, bare = name
        usual = {"", "public"} if not schema and bare in MODELS else None
        return (
            routine
            for routine in self._by_name.get(bare, ())
            if (not schema or not routine.name[0] or routine.name[0] == schema)
            and (usual is None or routine.name[0] in usual)
        )

    def _configured(self, name: Name) -> CallResult | None:
        """A function whose result the configuration knows."""
        schema, bare = name
        for (known_schema, known), quoting in self.config.returns.items():
            if known == bare and (not known_schema or not schema or known_schema == schema):
                return CallResult(Hole(quoting, Origin(Source.FUNCTION, f"{bare}()"), derived=True))
        return None

    def _default(self, parameter: Parameter) -> Value:
        return evaluate(parameter.default or "NULL", Detached(self.program))

    def _applied(self, routine: Routine, bound: Arguments, given: frozenset[str]) -> CallResult:
        summary = self._for_arguments(routine, bound, given)
        outputs = {}
        if routine.kind == "procedure":
            for index, parameter in enumerate(routine.parameters):
                name = parameter.name or f"column{index + 1}"
                if name in summary.outputs:
                    outputs[index] = instantiate(summary.outputs[name], routine.key, bound)
        passed = tuple(
            (item.function, item.kind, as_text(instantiate(item.text, routine.key, bound, _foreign)), item.path)
            for item in summary.outcome.passed
        )
        is_strict = bool(bound) and self._is_strict(routine)
        not_null = given & bound.keys()
        proved = {} if is_strict and len(bound) - len(not_null) > 1 else _by_position(summary.proved, routine, bound)
        answers: dict[Truth, Mapping[int, Value]] = {
            truth: _by_position(of_parameters, routine, bound) for truth, of_parameters in summary.answers.items()
        }
        result = instantiate(summary.result, routine.key, bound)
        if is_strict:  # NULL for NULL
            result = perhaps_null(result)
            answers = {truth: _or_null(answers[truth], truth, len(bound) - len(not_null)) for truth in answers}
        return CallResult(result, outputs, passed, proved, answers)

    def _is_strict(self, routine: Routine) -> bool:
        """Whether STRICT or RETURNS NULL ON NULL INPUT stands outside of its body."""
        text = self.program.sources[routine.file].text if routine.file in self.program.sources else ""
        first, last = routine.map(0), routine.map(len(routine.body)) if routine.body else routine.start
        return _STRICT.search(text[routine.start : first] + text[last : routine.end]) is not None

    def _for_arguments(self, routine: Routine, bound: Arguments, given: frozenset[str]) -> Summary:
        """The summary; where a constant argument is changed (the template of a format()), one for that constant.

        Likewise where another argument is compared with it, a pattern or a list.
        """
        summary, key = self.summary(routine), routine.key
        constants = {name: value for name, value in bound.items() if isinstance(value, Const) or name in given}
        if not constants or self._narrowing or key in self._going:
            return summary
        changed_ones = _changed_parameters(summary, key)
        compared = frozenset(name for name in given if _is_compared(name, routine.body))
        known = tuple((name, value) for name, value in constants.items() if name in changed_ones | compared)
        if not known:
            return summary
        if (key, known, compared) not in self._with_constants and len(self._with_constants) < _MAX_CLOSER:
            self._narrowing.add(key)
            closer = self._once(routine, dict(known), compared)
            self._narrowing.discard(key)
            # Nothing of it is kept where something in it waits for a routine that is still being analysed.
            self._with_constants[key, known, compared] = None if self._asked else closer
        return self._with_constants.get((key, known, compared)) or summary

    # Summaries --------------------------------------------------------------------------------------------------------

    def summary(self, routine: Routine) -> Summary:
        """What the routine does."""
        key = routine.key
        known = self._done.get(key) or self._provisional.get(key)
        if known is not None:
            return known
        if key in self._going:
            self._asked.add(key)
            return self._going[key] or Summary(Ref(_result_key(routine)))
        if len(self._going) >= _DEEP:
            return self._given_up(routine)
        return self._analysed(routine)

    def _analysed(self, routine: Routine) -> Summary:
        if self._going:
            return self._followed(routine)
        self._seen.clear()
        self._repetitions, self._hasty = 0, False
        try:
            return self._followed(routine)
        except _ImpatientError:
            self._provisional.clear()
            self._hasty = True
            return self._followed(routine)

    def _followed(self, routine: Routine) -> Summary:
        """The summary with those of the routines that it calls."""
        key = routine.key
        self._going[key] = self._given_up(routine) if self._hasty else None
        try:
            summary = self._once(routine)
            if key in self._asked:
                close = self._without_result if self._hasty else self._closed
                summary = close(routine, summary)
        finally:
            del self._going[key]
            self._asked.discard(key)
        if self._asked and not self._hasty:  # something in it waits for a routine that is still being analysed
            self._provisional[key] = summary
        else:
            self._provisional.clear()
            self._done[key] = summary
        return summary

    def _closed(self, routine: Routine, first: Summary) -> Summary:
        """The summary of a routine that calls itself: closed like a loop, then checked by one more round."""
        assumed = replace(first, result=_closed_result(first.result, _result_key(routine)))
        for tries in range(_ROUNDS):
            self._going[routine.key] = assumed
            self._provisional.clear()
            found = self._once(routine)
            covered = loops.covers(assumed.result, assumed.result, found.result, strict=tries > 0)
            if covered and _same_passed(assumed, found):
                return replace(found, result=assumed.result)
            assumed = replace(found, result=join_arrays(assumed.result, found.result))
        self._going[routine.key] = self._given_up(routine)
        self._provisional.clear()
        return self._without_result(routine, self._once(routine))

    def _without_result(self, routine: Routine, found: Summary) -> Summary:
        """What was found in a routine while nothing was known of its own result."""
        return replace(self._given_up(routine), outcome=self._widened(found.outcome, routine))

    def _widened(self, found: Outcome, routine: Routine) -> Outcome:
        """What a routine that calls itself with other arguments runs: made of all of them, nobody knows how."""
        arguments = [
            value_of(parameter.type, parameter_origin(routine, index), self.program)
            for index, parameter in enumerate(routine.parameters)
        ]
        passed = [replace(item, text=changed(item.text, *arguments)) for item in found.passed]
        return replace(found, passed=passed)

    def _once(
        self,
        routine: Routine,
        known: Mapping[str, Value] | None = None,
        given: frozenset[str] = frozenset(),
        *,
        called: bool = True,
    ) -> Summary:
        self._repetitions += routine.key in self._seen
        self._seen.add(routine.key)
        if self._repetitions > _PATIENCE and not self._hasty:
            raise _ImpatientError
        flow = self._flow(routine, known, given, called=called)
        result, outputs = _result(flow, routine, self.program)
        parent = self._parents_of.get(routine.key)
        log: Iterable[events.Event] = flow.log
        if parent is not None:
            find = self._spliced(parent)
            log = _changed(flow.log, lambda text: fill(text, find))
        found = outcome(log, flow.expected, routine, self.program, self._judgements)
        spliced = Spliced(flow.log) if routine.key in self._parents else None
        return Summary(result, outputs, found, spliced, _proved(flow.log), _answers(flow.log))

    def _spliced(self, parent: Routine) -> _Find:
        """What the templates of a routine are filled with."""
        spliced = self.summary(parent).spliced
        return spliced.find if spliced else lambda _: None

    def _made(self, routine: Routine, made: Made) -> Outcome:
        """What is found in a routine that a statement makes, where it can run dynamic SQL."""
        if self.words.isdisjoint(words(routine.body)):
            return Outcome()
        flow = self._flow(routine, called=False)
        arguments = made.arguments()
        log = _changed(flow.log, lambda text: fill(instantiate(text, OWNER, arguments), made.find))
        return outcome(log, flow.expected, routine, self.program, self._judgements)

    def _flow(
        self,
        routine: Routine,
        known: Mapping[str, Value] | None = None,
        given: frozenset[str] = frozenset(),
        *,
        called: bool,
    ) -> Flow:
        flow = Flow(self.program, sql_bodies.with_body(routine, self.program), self, known, given)
        if routine.language == "plpgsql":
            block, flow.expected = self._body(routine, called=called)
            flow.body(block)
        elif routine.language == "sql":
            sql_bodies.interpret(flow)
        else:
            self._other_language(flow)
        return flow

    def _body(self, routine: Routine, *, called: bool) -> tuple[Block, dict[int, str]]:
        """What of the body can matter, and every EXECUTE of the whole body."""
        key = routine.key, called
        if key not in self._bodies:
            block = parse_body(routine.body)
            names = [parameter.name for parameter in routine.parameters]
            part = relevant_part(block, self.runs, self.checks, names, called=called)
            self._bodies[key] = part, dict(keywords((block,)))
        return self._bodies[key]

    def _other_language(self, flow: Flow) -> None:
        """PL/Python by its own analysis; in other languages every call that runs SQL is unknown."""
        from pggit_excellence.scan.flow import python_bodies  # few programs need it

        body = python_bodies.analyse(flow.routine, self.program)
        flow.log += [events.Ran(site.place, site.kind, site.statement) for site in body.sites]
        if body.problem:
            start = flow.routine.start
            flow.log.append(events.Reported("PGX901", body.problem, Place(flow.routine.file, start, start + 1)))

    def _given_up(self, routine: Routine) -> Summary:
        """A routine of which nothing is known but its types."""
        origin = Origin(Source.FUNCTION, f"{routine.label}()")
        outputs = _outputs(routine)
        values = {name: value_of(kind, origin, self.program) for name, kind in outputs.items()}
        if outputs:
            return Summary(Record(tuple(values.items())), values)
        return Summary(value_of(routine.returns, origin, self.program) if routine.returns else EMPTY)


def _changed(log: Iterable[events.Event], change: Callable[[Text], Value]) -> Iterable[events.Event]:
    """What was found, with other statements in the place of those that are run."""
    return (
        replace(event, text=as_text(change(event.text)))
        if isinstance(event, events.Ran | events.Passed) and event.text is not None
        else event
        for event in log
    )


def _is_called(routine: Routine) -> bool:
    """Whether other routines can call it."""
    return bool(routine.name[1]) and not routine.nested


def _distinct(program: Program) -> Iterable[Routine]:
    """The routines that can be called, each definition once: what a copy of it does is the same."""
    seen = set()
    for routine in program.routines:
        if not _is_called(routine):
            continue
        source = program.sources.get(routine.file)
        written = source.text[routine.start : routine.end] if source is not None else routine.key
        definition = (routine.name, routine.kind, routine.settings, routine.security_definer, written)
        if definition not in seen:
            seen.add(definition)
            yield routine


def _changed_parameters(summary: Summary, key: str) -> set[str]:
    """Parameters of which the summary only says that something is made of them."""
    texts = [summary.result, *summary.outputs.values(), *(item.text for item in summary.outcome.passed)]
    return {
        hole.origin.name
        for text in texts
        for hole in holes(text)
        if hole.derived and hole.quoting is Quoting.RAW and hole.origin.routine == key
    }


def _proved(log: Iterable[events.Event]) -> Mapping[str, Value]:
    """What is proved of parameters wherever the routine ends without an error."""
    return agreed([event.proved for event in log if isinstance(event, events.Ended)])


def _answers(log: Iterable[events.Event]) -> Mapping[Truth, Mapping[str, Value]]:
    """What is proved of parameters by each outcome of a boolean function."""
    noted = [event.proved for event in log if isinstance(event, events.Answered)]
    return {truth: agreed([proved for each in noted if (proved := each[truth]) is not None]) for truth in Truth}


def _by_position(proved: Mapping[str, Value], routine: Routine, bound: Arguments) -> dict[int, Value]:
    """What is proved of the parameters, as what is proved of the arguments."""
    return {
        index: instantiate(proved[parameter.name], routine.key, bound)
        for index, parameter in enumerate(routine.parameters)
        if parameter.name in proved
    }


def _names_at(positions: Iterable[int], routine: Routine) -> frozenset[str]:
    """The parameters at these positions of a call."""
    modes = {"in", "inout", "out"} if routine.kind == "procedure" else {"in", "inout"}
    names = [parameter.name for parameter in routine.parameters if parameter.mode in modes]
    return frozenset(names[position] for position in positions if position < len(names) and names[position])


def _is_compared(name: str, body: str) -> bool:
    """Whether something may be compared with the parameter in a guard."""
    return re.search(rf"[~=<>(,]\s*\(?\s*{re.escape(name)}\b", body, re.IGNORECASE) is not None


def _or_null(proved: Mapping[int, Value], truth: Truth, arguments: int) -> Mapping[int, Value]:
    """The same of a strict function, whose result is NULL as well where an argument is."""
    if truth in {Truth.TRUE, Truth.FALSE}:
        return proved
    return {index: join(EMPTY, value) for index, value in proved.items()} if arguments == 1 else {}


def _foreign(hole: Hole) -> Text:
    """What a function splices of its own: judged there, not at each call."""
    return replace(_FIXED, place=hole.place)


class Spliced:
    """What the templates of a routine are filled with, by offset in the file."""

    def __init__(self, log: Iterable[events.Event]) -> None:
        """From the dynamic statements that were found in the routine."""
        self._known: dict[int, Text] = {}
        self._parts: list[tuple[int, list[Hole]]] = []
        for event in log:
            if isinstance(event, events.Ran) and event.text is not None:
                self._add(event.place.start, event.text)
        self._parts.sort(key=lambda item: item[0])

    def _add(self, keyword: int, text: Text) -> None:
        found = list(holes(text))
        for hole in found:
            place = hole.specifier or hole.place
            if place is not None:
                known = self._known.get(place.start)
                self._known[place.start] = hole if known is None else alt([known, hole])
        self._parts.append((keyword, found))

    def find(self, offset: int) -> Text | None:
        """What the specifier or expression there splices; where that is a longer text: what it may be made of."""
        if offset in self._known:
            return self._known[offset]
        before = [found for keyword, found in self._parts if keyword <= offset]
        if not self._parts:
            return None
        made_of = before[-1] if before else [hole for _, found in self._parts for hole in found]
        made_of = [replace(hole, derived=True, place=None, specifier=None) for hole in made_of]
        raw_ones = [hole for hole in made_of if hole.quoting is Quoting.RAW]
        if raw_ones:
            return alt(raw_ones)
        return star(alt([*made_of, _FIXED])) if made_of else _FIXED


def _same_passed(one: Summary, other: Summary) -> bool:
    return [item.text for item in one.outcome.passed] == [item.text for item in other.outcome.passed]


def _result_key(routine: Routine) -> str:
    """What stands for the result of a routine in a call that it makes of itself."""
    return f"result of {routine.key}"


def _closed_result(result: Value, key: str) -> Value:
    """The results that a routine has without calling itself, put where it uses its own."""
    if isinstance(result, Record | Array):
        return result
    choices = choices_of(result)
    ends = [choice for choice in choices if not depends_on(choice, key)]
    again = [choice for choice in choices if depends_on(choice, key)]
    return close_loop(alt(ends or [EMPTY]), alt(again), key) if again else result


def _outputs(routine: Routine) -> dict[str, str]:
    """The OUT parameters by name, with their types."""
    return {
        parameter.name or f"column{index + 1}": parameter.type
        for index, parameter in enumerate(routine.parameters)
        if parameter.mode in {"out", "inout", "table"}
    }


def _result(flow: Flow, routine: Routine, program: Program) -> tuple[Value, Mapping[str, Value]]:
    """The result of a call, and the OUT parameters."""
    returned = [event.value for event in flow.log if isinstance(event, events.Returned)]
    if routine.language not in {"plpgsql", "sql"}:
        origin = Origin(Source.FUNCTION, f"{routine.label}()")
        returned = [raw(origin)]
    outputs = _outputs(routine)
    if outputs:
        rows = [_row(value, outputs, program) for value in returned]
        together = join_all(rows) if rows else Record(tuple((name, EMPTY) for name in outputs))
        values = dict(together.fields) if isinstance(together, Record) else dict.fromkeys(outputs, made_of(together))
        return Record(tuple(values.items())), values
    if routine.returns.lower() in _NO_RESULT:
        return EMPTY, {}
    return join_all(_scalar(value, routine, program) for value in returned), {}


def _row(value: Value, outputs: Mapping[str, str], program: Program) -> Record:
    """A returned row as the function's columns."""
    if isinstance(value, Record) and [name for name, _ in value.fields] == list(outputs):
        values = [item for _, item in value.fields]
    elif isinstance(value, Record):
        values = spread(columns_of(value), len(outputs))
    elif len(outputs) == 1:
        values = [value]
    else:
        values = spread([(STAR, made_of(value))], len(outputs))
    fields = zip(outputs.items(), values, strict=True)
    return Record(tuple((name, fitted(item, kind, program)) for (name, kind), item in fields))


def _scalar(value: Value, routine: Routine, program: Program) -> Value:
    """A returned value as the declared type keeps it; the only column of a row where a scalar is meant."""
    kind = parse_type(routine.returns)
    if isinstance(value, Record) and len(value.fields) == 1 and value.rest is None and kind.name != "record":
        inner = value.fields[0][1]
        if routine.language == "sql" or routine.returns_set or isinstance(inner, Record):
            value = inner
    elif isinstance(value, Record) and not value.fields and value.rest is not None and kind.name != "record":
        value = value.rest
    return fitted(value, routine.returns, program)
