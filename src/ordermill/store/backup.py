"""Copies of a live SQLite file, and putting one in the file's place. A copy is whole or not there.

``VACUUM INTO`` reads in one transaction beside every writer, and leaves out what was deleted.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from ordermill.errors import StoreError
from ordermill.store.failures import translated
from ordermill.store.sqlite import BUSY_SECONDS, address

BESIDE = ("-wal", "-shm")


def copy(source: Path, target: Path) -> None:
    """Write a consistent copy of ``source``, readable by its owner alone; raise StoreError, leaving
    nothing behind, if that cannot be done or ``target`` exists."""
    if not source.exists():
        raise StoreError(f"there is no database file {source}")
    if target.exists():
        raise StoreError(f"{target} exists already and is not overwritten")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _create(part)
        _copy(source, part)
        _flush(part)
        os.rename(part, target)
        _flush(target.parent)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}") from None
    finally:
        with suppress(OSError):  # where nothing could be written, nothing can be removed either
            part.unlink()


def _create(part: Path) -> None:
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _copy(source: Path, part: Path) -> None:
    try:
        with closing(_reader(source)) as conn:
            conn.execute("VACUUM INTO ?", (str(part),))
    except sqlite3.Error as error:
        raise translated(error) from None


def _reader(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        address(file, "ro"), uri=True, isolation_level=None, timeout=BUSY_SECONDS
    )


def _flush(path: Path) -> None:
    """To the disk itself: of a folder the names in it, of a file its contents."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(new: Path, file: Path, now: datetime) -> Path | None:
    """Give ``new`` the name ``file``; what was there stays beside it, under the name that is given
    back (None if no file was there; a log that one left is kept all the same).

    At every moment one of the two stands under the name, so that no start finds it free and begins
    an empty store. Nobody writes to the file meanwhile: the caller holds the scheduler's lock.
    """
    kept = file.with_name(f"{file.name}.before-{now:%Y%m%dT%H%M%SZ}")
    there = file.exists()
    try:
        if any(new.with_name(new.name + suffix).exists() for suffix in BESIDE):
            raise StoreError(f"{new} is still open elsewhere")
        if there:
            _flush_log(file)
            os.link(file, kept)
        _move_log(file, kept)
        os.replace(new, file)
        _flush(file.parent)
    except OSError as error:
        raise StoreError(f"cannot put {new} in place of {file}: {error.strerror}") from None
    return kept if there else None


def _flush_log(file: Path) -> None:
    """Bring the write-ahead log into the file, where the file can still be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(file, isolation_level=None)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _move_log(file: Path, kept: Path) -> None:
    """What is left of the log goes with the old file: beside the new one it would damage it."""
    for suffix in BESIDE:
        log = file.with_name(file.name + suffix)
        if log.exists():
            os.rename(log, kept.with_name(kept.name + suffix))
