"""Bulk operations: five at once, done by the shop's clock, an answer of JSON lines behind a URL."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ordermill.simulator.shopify.cost import node_fields
from ordermill.simulator.shopify.plan import Field, Kind, Plan, Selections
from ordermill.simulator.shopify.values import gid, stamp

AT_ONCE = 5
LIFETIME = timedelta(days=7)
_OPEN = ("CREATED", "RUNNING")

Lines = Callable[[str, bool], "Exported"]
"""Runs a bulk query: its text and whether children follow their parent."""


@dataclass(frozen=True, slots=True)
class Options:
    """How bulk behaves. ``starts_after`` and ``runs_for`` are spans of the shop's clock.
    ``refused``: no operation is accepted. ``fails_after``: a run breaks after so many lines, with
    the lines until then behind ``partialDataUrl``."""

    starts_after: timedelta = timedelta(seconds=2)
    runs_for: timedelta = timedelta(seconds=10)
    refused: bool = False
    fails_after: int | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """The lines of a finished run; ``roots`` counts the objects of the outer connection."""

    lines: list[str]
    roots: int


@dataclass(slots=True)
class Job:
    """One bulk operation."""

    number: int
    query: str
    grouped: bool
    created_at: datetime
    status: str = "CREATED"
    completed_at: datetime | None = None
    error_code: str | None = None
    result: Exported = field(default_factory=lambda: Exported([], 0))

    @property
    def id(self) -> str:
        """The global id."""
        return gid("BulkOperation", self.number)

    @property
    def body(self) -> bytes:
        """The file behind the URL."""
        return "".join(f"{line}\n" for line in self.result.lines).encode()


class Bulk:
    """All operations of one app on one shop; safe for several threads."""

    def __init__(
        self, options: Options, now: Callable[[], datetime], run: Lines, url: Callable[[int], str]
    ) -> None:
        self.options = options
        self._now = now
        self._run = run
        self._url = url
        self._lock = threading.RLock()
        self._jobs: dict[int, Job] = {}

    def start(self, query: str, *, grouped: bool) -> tuple[Job | None, list[dict[str, Any]]]:
        """Accept a checked query; the user error when it has to wait or bulk is off."""
        with self._lock:
            self._advance()
            busy = [job.id for job in self._jobs.values() if job.status in _OPEN]
            if self.options.refused or len(busy) >= AT_ONCE:
                return None, [_refusal(busy, off=self.options.refused)]
            number = len(self._jobs) + 1
            self._jobs[number] = Job(number, query, grouped, self._now())
            return self._jobs[number], []

    def job(self, number: int) -> dict[str, Any] | None:
        """The operation as the API shows it."""
        with self._lock:
            self._advance()
            job = self._jobs.get(number)
            return None if job is None else self._shown(job)

    def all(self) -> list[dict[str, Any]]:
        """Every operation, oldest first."""
        with self._lock:
            self._advance()
            return [self._shown(job) for job in self._jobs.values()]

    def file(self, number: int) -> bytes | None:
        """The lines of an operation whose URL is still alive."""
        with self._lock:
            self._advance()
            job = self._jobs.get(number)
            return job.body if job and self._alive(job) and job.result.lines else None

    def _advance(self) -> None:
        now = self._now()
        for job in self._jobs.values():
            running = job.created_at + self.options.starts_after
            done = running + self.options.runs_for
            if job.status == "CREATED" and now >= running:
                job.status = "RUNNING"
            if job.status == "RUNNING" and now >= done:
                self._finish(job, done)

    def _finish(self, job: Job, at: datetime) -> None:
        job.completed_at = at
        job.result = self._run(job.query, job.grouped)
        job.status = "COMPLETED"
        limit = self.options.fails_after
        if limit is not None and len(job.result.lines) > limit:
            job.status, job.error_code = "FAILED", "INTERNAL_SERVER_ERROR"
            job.result = Exported(job.result.lines[:limit], min(limit, job.result.roots))

    def _alive(self, job: Job) -> bool:
        return job.completed_at is not None and self._now() < job.completed_at + LIFETIME

    def _shown(self, job: Job) -> dict[str, Any]:
        url = self._url(job.number) if self._alive(job) and job.result.lines else None
        whole = job.status == "COMPLETED"
        return {
            "__typename": "BulkOperation",
            "id": job.id,
            "status": job.status,
            "errorCode": job.error_code,
            "type": "QUERY",
            "query": job.query,
            "createdAt": stamp(job.created_at),
            "completedAt": stamp(job.completed_at) if whole and job.completed_at else None,
            "objectCount": str(len(job.result.lines)),
            "rootObjectCount": str(job.result.roots),
            "fileSize": str(len(job.body)) if job.completed_at else None,
            "url": url if whole else None,
            "partialDataUrl": None if whole else url,
        }


def _refusal(busy: list[str], *, off: bool) -> dict[str, Any]:
    if off:
        return {
            "__typename": "BulkOperationUserError",
            "code": "INVALID",
            "field": None,
            "message": "Bulk operations are not available for this shop.",
        }
    return {
        "__typename": "BulkOperationUserError",
        "code": "OPERATION_IN_PROGRESS",
        "field": None,
        "message": "A bulk query operation for this app and shop is already in progress: "
        + ", ".join(busy),
    }


def export(plan: Plan, data: Mapping[str, Any], *, grouped: bool) -> Exported:
    """Flatten a bulk query's whole answer into lines. Ungrouped lines come in a mixed order, the
    same for the same answer: children may stand before their parent."""
    lines: list[dict[str, Any]] = []
    roots = 0
    for f in plan.fields:
        if f.kind is Kind.CONNECTION:
            roots += len(data[f.key]["edges"])
            lines += _flat(f, data[f.key], None)
    if not grouped:
        random.Random(len(lines)).shuffle(lines)
    texts = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines]
    return Exported(texts, roots)


def _flat(
    connection: Field, value: Mapping[str, Any], parent: str | None
) -> Iterator[dict[str, Any]]:
    (node_field,) = node_fields(connection)
    for edge in value["edges"]:
        node = edge[node_field.key]
        nested = _nested(node_field.select, node)
        line = {key: v for key, v in node.items() if key not in nested}
        if parent is not None:
            line["__parentId"] = parent
        yield line
        for f in nested.values():
            yield from _flat(f, node[f.key], node["id"])


def _nested(select: Selections, node: Mapping[str, Any]) -> dict[str, Field]:
    fields = next((fs for fs in select.values() if {f.key for f in fs} == set(node)), ())
    return {f.key: f for f in fields if f.kind is Kind.CONNECTION}
