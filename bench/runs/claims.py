"""Which jobs this run may do: of several runs on one folder of results, one does each job and the others look later."""

from __future__ import annotations

from bench.claiming import Claim, Claimant, holder_of, other_node
from bench.files import sweep
from bench.progress import note
from bench.runs.jobs import Job
from bench.runs.store import Record, Store, is_done

Name = tuple[str, str]
"""Kind and key."""


class Claims:
    """The claims of a run on its jobs, and the jobs that other runs are at.

    Args:
        store: where results go; claims stand in it.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._claimant = store, Claimant()
        self._mine: dict[Name, Claim] = {}
        self._elsewhere: dict[Name, tuple[Job, str | None]] = {}  # with the checksum of an earlier failure's record
        self._was_elsewhere: dict[Name, str | None] = {}
        self._said = False

    @property
    def elsewhere(self) -> list[Job]:
        """The jobs that other runs are at."""
        return [job for job, _ in self._elsewhere.values()]

    def take(self, job: Job) -> bool:
        """Claims a job, unless it is claimed already; False where another run is at it."""
        name = job.kind, job.key
        if name in self._mine:
            return True
        claim = self._claimant.take(self._store.claim(*name))
        if claim is None:
            before = self._was_elsewhere.get(name, _checksum(self._store.read(*name)))
            self._elsewhere[name] = job, before
            return False
        self._mine[name] = claim
        if claim.after is not None:
            note(f"{claim.after} is gone; {job.title} is taken over")
            sweep(self._store.folder(*name).parent, job.key, gone=other_node(claim))
        return True

    def found(self, job: Job) -> Record | None:
        """What another run has made of a job that it was at; a failure too, since a repetition would fail as well."""
        name = job.kind, job.key
        if name not in self._was_elsewhere:
            return None
        record = self._store.read(*name)
        return record if is_done(record) or _checksum(record) != self._was_elsewhere[name] else None

    def free(self) -> list[Job]:
        """Those of the jobs elsewhere that nobody is at any more: they are done, or to be done here."""
        freed = []
        for name, (job, before) in list(self._elsewhere.items()):
            if not self._claimant.is_held(self._store.claim(*name)):
                del self._elsewhere[name]
                self._was_elsewhere[name] = before
                freed.append(job)
        return freed

    def is_lost(self, job: Job) -> bool:
        """Whether another run took a job over: this one was silent for too long."""
        claim = self._mine.get((job.kind, job.key))
        return claim is not None and claim.lost

    def release(self, job: Job) -> None:
        """Gives the claim on a job back: its result is stored, or it is another's."""
        claim = self._mine.pop((job.kind, job.key), None)
        if claim is not None:
            claim.release()

    def say_waiting(self) -> None:
        """Says once for whom this run waits: it has nothing else to do."""
        if self._said:
            return
        self._said = True
        holders = {holder_of(self._store.claim(job.kind, job.key)) for job in self.elsewhere}
        who = " and ".join(sorted(str(holder) for holder in holders if holder is not None)) or "another run"
        jobs = self.elsewhere
        which = jobs[0].title if len(jobs) == 1 else f"{len(jobs)} jobs, such as {jobs[0].title}"
        note(f"waiting for {who}: {which}")

    def close(self) -> None:
        """Gives all claims back."""
        for claim in self._mine.values():
            claim.release()
        self._mine.clear()
        self._store.drop_claims()


class ClaimedElsewhere(Claims):
    """The claims of a run whose jobs another process has claimed for it: all of them are its own."""

    def take(self, job: Job) -> bool:
        """Leaves the claim to who holds it."""
        return True

    def close(self) -> None:
        """Holds none to give back."""


def _checksum(record: Record | None) -> str | None:
    return None if record is None else str(record.get("checksum"))
