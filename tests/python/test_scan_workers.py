"""What crashes, hangs or fails in one routine never ends the run, and never counts as safe."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pggit_excellence.scan import analysis, workers
from pggit_excellence.scan.config import Config
from pggit_excellence.scan.flow.summaries import Summaries
from pggit_excellence.scan.inputs.build import build
from pggit_excellence.scan.inputs.program import Program, SourceText
from pggit_excellence.scan.judge.verdicts import Outcome
from pggit_excellence.scan.workers import Isolated, Lost
from scan_bodies import routine

pytestmark = pytest.mark.once


def task(index: int) -> int:
    if index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if index == 2:
        raise ValueError("bad")
    if index == 3:
        while True:
            pass
    return index * 10


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_each_task_has_an_answer(monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    monkeypatch.setattr(workers, "SOFT_LIMIT", 0.3)
    answers = Isolated(task, [1] * 6, jobs).answers()
    assert [answers[index] for index in (0, 4, 5)] == [0, 40, 50]
    lost = [answer.reason for answer in answers[1:4] if isinstance(answer, Lost)]
    assert "crashed" in lost[0]
    assert "ValueError" in lost[1]
    assert "test_scan_workers.py" in lost[1]
    assert "seconds" in lost[2]


def test_hanging_c_code_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no signal handler runs any more."""
    monkeypatch.setattr(workers, "SOFT_LIMIT", 0.1)
    monkeypatch.setattr(workers, "HARD_LIMIT", 0.5)

    def hangs(index: int) -> int:
        if index == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
            while True:
                time.sleep(0.01)
        return index

    answers = Isolated(hangs, [1, 1, 1], 1).answers()
    assert isinstance(answers[0], Lost)
    assert answers[1:] == [1, 2]


def test_more_processes_than_a_machine_has() -> None:
    """They are not started, and what each would take fits into a pipe that nobody reads yet."""
    isolated = Isolated(str, [1] * 500, 100_000)
    assert len(isolated._run.workers) <= workers._MOST_PROCESSES
    assert isolated.answers() == [str(index) for index in range(500)]
    assert max(map(len, workers._queues([1] * 200_000, workers._MOST_PROCESSES))) <= workers._CHUNKS + 1


@pytest.mark.parametrize("count", [1, 2, 8])
def test_each_process_has_neighbours_in_chunks_of_about_the_same_work(count: int) -> None:
    sizes = [1000, *[10] * 500, 3000, *[10] * 500, *[0] * 50]
    queues = workers._queues(sizes, count)
    assert len(queues) <= count
    tasks = [[index for chunk in queue for index in chunk] for queue in queues]
    assert [index for queue in tasks for index in sorted(queue)] == list(range(len(sizes)))
    assert max(sum(sizes[index] for index in queue) for queue in tasks) <= sum(sizes) / count + 3000
    for queue in queues:
        assert all(chunk == list(range(chunk[0], chunk[-1] + 1)) for chunk in queue)
        work = [sum(sizes[index] for index in chunk) for chunk in queue]
        assert work == sorted(work, reverse=True)
        assert max(work) <= sum(sizes) / (workers._CHUNKS * count) + 3000


def test_a_process_without_work_takes_that_of_another() -> None:
    """Sizes are only guessed: here all work is in the first half, and the second process is soon done with its own."""

    def slow(index: int) -> int:
        time.sleep(0.02 if index < 50 else 0)
        return os.getpid()

    answers = Isolated(slow, [1] * 100, 2).answers()
    assert len(set(answers[:50])) == 2


def test_nothing_to_do() -> None:
    assert Isolated(task, [], 4).answers() == []


TEXT = (
    "CREATE FUNCTION bad(p text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SELECT 1'; END $$;\n"
    + routine("EXECUTE p;")
    + "DO $$ BEGIN EXECUTE 'SELECT 1'; END $$;\n"
)


@pytest.fixture
def program() -> Program:
    return build([SourceText("t.sql", TEXT)])


@pytest.mark.parametrize("how", ["crash", "fail"])
def test_a_lost_routine_is_not_proven(monkeypatch: pytest.MonkeyPatch, program: Program, how: str) -> None:
    outcome = Summaries.outcome

    def broken(self: Summaries, found: object) -> Outcome:
        if getattr(found, "label", "") == "bad":
            if how == "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyError("planted")
        return outcome(self, found)  # type: ignore[arg-type]

    monkeypatch.setattr(Summaries, "outcome", broken)
    found = analysis.analyse(program, Config())
    assert [site.verdict.value for site in found.sites] == ["not_proven", "by_design", "safe"]
    assert [finding.rule for finding in found.findings if finding.function == "bad"] == ["PGX901", "PGX901"]
    assert len(found.errors) == 1
    assert "bad" in found.errors[0]


def test_the_number_of_processes_changes_nothing() -> None:
    text = "".join(
        routine(f"EXECUTE 'SELECT ' || {expression};").replace("FUNCTION f", f"FUNCTION f{number}")
        for number, expression in enumerate(
            ["p", "quote_ident(p)", "f0(p, q)", "f7(p, q)", "p || q", "1", "q", "f1(q, p)"]
        )
    )
    program = build([SourceText("t.sql", text)])
    alone = analysis.analyse(program, Config(), isolated=False)
    for jobs in (1, 2, 3):
        shared = analysis.analyse(program, Config(jobs=jobs))
        assert (shared.sites, shared.findings, shared.errors) == (alone.sites, alone.findings, alone.errors)


def test_text_that_is_not_understood() -> None:
    """Each EXECUTE in it is a site, not proven."""
    found = analysis.scan_text("CREATE FUNCTION f( BEGIN EXECUTE p; END;\nCREATE TABLE x (;\n")
    assert {site.verdict.value for site in found.sites} <= {"not_proven"}
    assert "PGX901" in {finding.rule for finding in found.findings}
