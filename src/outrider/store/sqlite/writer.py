"""The one writer: a thread that owns the only write connection and commits in groups.

Whoever waits while a commit runs shares the next one. A job that raises fails alone: its group is rolled
back and every job is run again in a transaction of its own, so jobs must be fit to run twice.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import apsw

from outrider.domain.errors import StoreUnavailable
from outrider.store.sqlite.wal import ENOUGH, QUIET_S, TOO_MANY, WriteAheadLog

T = TypeVar("T")
Job = Callable[[apsw.Connection], Any]
GROUP = 256
WAITING = 20_000  # jobs; more are refused, so that a stalled disk is felt by producers and not by memory

_GONE = (
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.BusyError,
    apsw.NoMemError,
)


class _Task:
    __slots__ = ("error", "future", "job", "loop", "result")

    def __init__(self, job: Job, future: asyncio.Future[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.job = job
        self.future = future
        self.loop = loop
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._log = WriteAheadLog(connection)
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._thread.start()
        self._closed = False

    async def submit(self, job: Callable[[apsw.Connection], T]) -> T:
        """Run `job` in a transaction; durable on return. Raises what it raises, or StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._tasks.qsize() >= WAITING:
            raise StoreUnavailable("too many writes are waiting for the disk")
        loop = asyncio.get_running_loop()
        task = _Task(job, loop.create_future(), loop)
        self._tasks.put(task)
        result: T = await task.future
        return result

    async def close(self) -> None:
        """Finish what was submitted, then end the thread. Idempotent."""
        if not self._closed:
            self._closed = True
            self._tasks.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        open_ = True
        while open_:
            first = self._next()
            group: list[_Task] = []
            while first is not None:
                group.append(first)
                if len(group) == GROUP or self._tasks.empty():
                    break
                first = self._tasks.get()
            open_ = first is not None
            if group:
                self._commit(group)
                _answer(group)

    def _next(self) -> _Task | None:
        """The first task of a group. All before it are answered: the log is written back while nobody waits."""
        if self._log.pages >= TOO_MANY:
            self._log.write_back()
        elif self._log.pages >= ENOUGH:
            try:
                return self._tasks.get(timeout=QUIET_S)
            except queue.Empty:
                self._log.write_back()
        return self._tasks.get()

    def _commit(self, group: list[_Task]) -> None:
        try:
            with _transaction(self._connection):
                for task in group:
                    task.result = task.job(self._connection)
        except Exception as error:
            if len(group) == 1:
                group[0].error = _translated(error)
                return
            for task in group:
                self._commit([task])


class _transaction:  # noqa: N801 - reads as a function
    """BEGIN IMMEDIATE … COMMIT, ROLLBACK when the block or the commit raises."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _translated(error: Exception) -> Exception:
    if isinstance(error, _GONE):
        unavailable = StoreUnavailable(f"SQLite cannot commit: {type(error).__name__}")
        unavailable.__cause__ = error
        return unavailable
    return error


def _answer(group: list[_Task]) -> None:
    """Hand results back to their event loops, one wake-up for each loop."""
    for loop in {task.loop for task in group}:
        mine = [task for task in group if task.loop is loop]
        try:
            loop.call_soon_threadsafe(_resolve, mine)
        except RuntimeError:
            continue  # that loop has ended, and with it everybody who waited


def _resolve(tasks: list[_Task]) -> None:
    for task in tasks:
        if task.future.done():
            continue  # its caller was cancelled
        if task.error is not None:
            task.future.set_exception(task.error)
        else:
            task.future.set_result(task.result)
