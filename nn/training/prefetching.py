"""Making the next item in the background, while one is in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")

_END: Any = object()


class OneAhead:
    """A thread that takes the next item from an iterable while the one before is in use.

    Never more than one item is ahead, so that memory holds two. All items are made in the one thread, with
    the context variables of the caller, and an error there is raised where its item is asked for.

    Examples
    --------
    >>> ahead = OneAhead()
    >>> list(ahead.over(range(3)))
    [0, 1, 2]
    >>> ahead.close()
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches of a training")

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; it begins with the first when that is asked for."""
        context = copy_context()
        iterator = self._thread.submit(context.run, lambda: iter(items)).result()

        def begin() -> Future[T]:
            return self._thread.submit(context.run, lambda: next(iterator, _END))

        ahead = begin()
        while (item := ahead.result()) is not _END:
            ahead = begin()
            yield item
            # It may be large, and the one after the next is begun soon.
            del item

    def close(self) -> None:
        """End the thread, after the item that it is at."""
        self._thread.shutdown(cancel_futures=True)
