"""The data of a pretraining's next step, read in another thread while the step before computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

Prepared = TypeVar("Prepared")


class ReadAhead(Generic[Prepared]):
    """Makes things by number, and the next one of each in advance.

    Args:
        make: makes the thing of a number.
        pool: of one thread; None makes each when it is asked for.
        last: the highest number: nothing is made beyond it.
    """

    def __init__(self, make: Callable[[int], Prepared], pool: ThreadPoolExecutor | None, last: int) -> None:
        self._make, self._pool, self._last = make, pool, last
        self._next: tuple[int, Future[Prepared]] | None = None

    def of(self, number: int) -> Prepared:
        """The thing of this number; an error in making it is raised here."""
        if self._pool is None:
            return self._make(number)
        ready, self._next = self._next, None
        made = ready[1].result() if ready is not None and ready[0] == number else self._make(number)
        if number < self._last:
            self._next = number + 1, self._pool.submit(self._make, number + 1)
        return made


@contextmanager
def reading_ahead(make: Callable[[int], Prepared], ahead: bool, last: int) -> Iterator[ReadAhead[Prepared]]:
    """A :class:`ReadAhead` whose thread ends with the block; without ``ahead`` it has none."""
    if not ahead:
        yield ReadAhead(make, None, last)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        yield ReadAhead(make, pool, last)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
