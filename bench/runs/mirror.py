"""Results at a URL beside those in the folder: brought here before a run, put there as each is finished.

The URL holds what a folder of results does, under the same names, so that any copy of it is one. A bucket has no
rename: the record, without which a result does not exist, is put last, and what arrives is believed by its checksums
alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.errors import BenchError
from bench.printable import said
from bench.runs.engines.dealing import Watcher
from bench.runs.jobs import Job
from bench.runs.store import RECORDS, Record, Store, is_done

_AT_ONCE = 8  # results under way; most of the time is waiting for the other side

Name = tuple[str, str]


class Mirror:
    """Results at a URL; a context manager that ends when all that was finished is there.

    Args:
        url: of a folder, as fsspec takes it, such as ``s3://bucket/runs``; None for no mirror at all.

    Raises:
        BenchError: what reads such URLs is not installed.
    """

    def __init__(self, url: str | None) -> None:
        self._url, self._under_way = url or "", list[Future[None]]()
        self._owed: list[tuple[Name, Store]] = []
        self._files: Any = None
        if url is None:
            return
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            fix = "pip install 'session-bench[remote]', and for s3:// s3fs, for gs:// gcsfs"
            raise BenchError(said(error), where=f"--store {url}", fix=fix) from None
        self._pool = ThreadPoolExecutor(_AT_ONCE, "mirror")

    def bring(self, jobs: Iterable[Job], store: Store) -> None:
        """Fetches results of these jobs that only the mirror has; what only the store has is put there by ``with``.

        A command that only reads, such as a dry run, therefore leaves the URL as it is.

        Raises:
            BenchError: the URL cannot be read.
        """
        if self._files is None:
            return
        names = {(job.kind, job.key) for job in jobs}
        there = {name for kind in RECORDS for name in self._there(kind)}
        here = {name for name in names if store.is_done(*name)}
        brought = [self._pool.submit(self._fetch, name, store) for name in (names & there) - here]
        for one in brought:
            self._done(one)
        self._owed = [(name, store) for name in sorted(here - there)]

    def watched(self, store: Store, watch: Watcher) -> Watcher:
        """A watcher that tells ``watch``, and puts every result at the URL that is done."""
        if self._files is None:
            return watch

        def watcher(job: Job, part: float, record: Record | None) -> None:
            watch(job, part, record)
            if is_done(record):
                self._under_way.append(self._pool.submit(self._put, (job.kind, job.key), store))

        return watcher

    def __enter__(self) -> Mirror:
        """Begins to put there what only the store had."""
        self._under_way += [self._pool.submit(self._put, name, store) for name, store in self._owed]
        self._owed = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Waits for what is under way.

        Raises:
            BenchError: some of it could not be put there.
        """
        if self._files is None:
            return
        self._pool.shutdown(cancel_futures=error is not None)
        if error is None:
            for one in self._under_way:
                self._done(one)

    def _done(self, one: Future[None]) -> None:
        try:
            one.result()
        except Exception as error:  # every file system has errors of its own
            fix = "what is finished is in --out; run it again, and what is missing there is put"
            raise BenchError(f"{type(error).__name__}: {said(error)}", where=f"--store {self._url}", fix=fix) from error

    def _there(self, kind: str) -> list[Name]:
        try:
            places = self._files.ls(f"{self._root}/{kind}", detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:
            fix = "check the URL and the credentials"
            raise BenchError(f"cannot be read: {said(error)}", where=f"--store {self._url}", fix=fix) from error
        return [(kind, place.rstrip("/").rpartition("/")[2]) for place in places]

    def _fetch(self, name: Name, store: Store) -> None:
        kind, key = name
        place = f"{self._root}/{kind}/{key}/"
        files = {path.partition(place.lstrip("/"))[2]: path for path in self._files.find(place)}
        if RECORDS[kind] not in files:  # somebody is putting it there, or was stopped
            return
        with store.publish(kind, key) as folder:
            for relative, path in files.items():
                target = folder / relative
                if not target.resolve().is_relative_to(folder.resolve()):
                    raise BenchError("leads out of its folder", where=path)
                target.parent.mkdir(parents=True, exist_ok=True)
                self._files.get_file(path, str(target))
        store.read(kind, key)  # looks at checksums, says what is damaged and sets it aside

    def _put(self, name: Name, store: Store) -> None:
        folder, record = store.folder(*name), RECORDS[name[0]]
        place = f"{self._root}/{name[0]}/{name[1]}"
        files: list[Path] = [file for file in folder.rglob("*") if file.is_file() and file.name != record]
        for file in [*files, folder / record]:
            target = f"{place}/{file.relative_to(folder).as_posix()}"
            self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(file), target)
