"""A result that came from another node, on its way into the driver's store."""

from __future__ import annotations

from bench.data.checksums import has_digest
from bench.errors import BenchError
from bench.runs.engines.ray.node import Outcome
from bench.runs.jobs import Job
from bench.runs.store import Record, Store, write_record


def published(job: Job, outcome: Outcome, store: Store) -> Record:
    """Stores the result, unless it is there, under the paths of the driver's node; returns its record.

    Raises:
        BenchError: it is not what was sent.
    """
    assert outcome.record is not None
    if outcome.stored:
        return outcome.record
    record = {key: value for key, value in outcome.record.items() if key not in ("files", "checksum")}
    if "provenance" in record:
        record["provenance"] |= {"corpus_folder": job.corpus, **({"vectors": job.vectors} if job.vectors else {})}
    with store.publish(job.kind, job.key) as folder:
        for name, known in outcome.record["files"].items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(outcome.files[name])
            if not has_digest(file, known["sha256"]):
                raise BenchError(f"{name} did not arrive as it was sent", where=job.title, fix="run it again")
        return write_record(folder, job.kind, record)
