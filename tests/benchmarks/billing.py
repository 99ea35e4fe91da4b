"""Invoices what is due, as the daemon does; prints how many and the seconds.

python -m tests.benchmarks.billing DATABASE_URL            one worker, in batches
python -m tests.benchmarks.billing DATABASE_URL CALLERS    so many callers at once, by hand
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from ordermill.daemon import now
from ordermill.invoicing import process
from ordermill.invoicing.desk import act
from ordermill.invoicing.due import Due
from ordermill.store.database import Database


def in_batches(database: Database) -> None:
    Due(database, now).run()


def by_callers(database: Database, callers: int) -> None:
    """Every order by a call of its own, as over the API."""
    with database.read() as conn:
        ids = conn.execute(text("SELECT id, entity_id FROM orders ORDER BY id")).all()

    def call(worker: int) -> None:
        for order_id, entity_id in ids[worker::callers]:
            with database.write() as conn:
                act(conn, entity_id, order_id, process.by_hand, now=now(), actor="bench")

    with ThreadPoolExecutor(callers) as pool:
        for future in [pool.submit(call, worker) for worker in range(callers)]:
            future.result()


def main(words: Sequence[str]) -> None:
    database = Database.open(words[0])
    database.check_schema()
    began, cpu = time.perf_counter(), time.process_time()
    if len(words) > 1:
        by_callers(database, int(words[1]))
    else:
        in_batches(database)
    took = time.perf_counter() - began, time.process_time() - cpu
    with database.read() as conn:
        done = conn.execute(text("SELECT count(*) FROM documents")).scalar_one()
    database.close()
    print(done, *took)


if __name__ == "__main__":
    main(sys.argv[1:])
