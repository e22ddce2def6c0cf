"""Which job may start when: what others wait for first, nothing before what it needs, suspects alone."""

from __future__ import annotations

from bench.runs.engines.schedule import Schedule
from bench.runs.jobs import Job


def job(kind: str, key: str, *needs: tuple[str, str]) -> Job:
    return Job(kind, key, {}, "", needs, f"{kind} {key}")


PRETRAINING = job("encoders", "p")
EMBEDDING = job("embeddings", "e", ("encoders", "p"))
CELLS = [job("cells", f"c{number}", ("embeddings", "e")) for number in range(3)]
PLAIN = job("cells", "plain")


def started(schedule: Schedule, running: int = 0, lone: bool = False) -> list[str]:
    """Keys of all that may start now."""
    found = []
    while (taken := schedule.next(running, lone))[0] is not None:
        assert taken[0] is not None
        found.append(taken[0].key)
        running += 1
    return found


def test_jobs_start_when_what_they_need_is_done() -> None:
    schedule = Schedule([*CELLS, PLAIN, EMBEDDING, PRETRAINING])
    assert started(schedule) == ["p", "plain"], "pretraining first"
    schedule.is_done(PLAIN)
    assert started(schedule, 1) == []
    schedule.is_done(PRETRAINING)
    assert started(schedule) == ["e"]
    schedule.is_done(EMBEDDING)
    assert started(schedule) == ["c0", "c1", "c2"]


def test_what_is_needed_and_not_among_the_jobs_is_there() -> None:
    assert started(Schedule(CELLS)) == ["c0", "c1", "c2"]


def test_a_failure_fails_all_that_need_it_with_its_reason_and_nothing_else() -> None:
    schedule = Schedule([*CELLS, PLAIN, EMBEDDING, PRETRAINING])
    assert started(schedule) == ["p", "plain"]
    failed = {dependant.key: why for dependant, why in schedule.has_failed(PRETRAINING, "pretrain", "no luck")}
    assert list(failed) == ["e", "c0", "c1", "c2"]
    assert failed["e"] == "needs pretrain, which failed: no luck"
    assert failed["c2"] == "needs embeddings e, which failed: needs pretrain, which failed: no luck"
    schedule.is_done(PLAIN)
    assert started(schedule) == []


def test_a_suspect_runs_alone_when_nothing_else_can_start() -> None:
    schedule = Schedule([PLAIN, PRETRAINING])
    assert started(schedule) == ["p", "plain"]
    schedule.again_alone(PRETRAINING)
    assert schedule.next(1, lone=False) == (None, False), "plain is under way"
    assert schedule.next(0, lone=False) == (PRETRAINING, True)
    schedule.again_alone(PLAIN)
    assert schedule.next(1, lone=True) == (None, False)
