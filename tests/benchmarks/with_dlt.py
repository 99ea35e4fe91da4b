"""The same load with dlt: an incremental resource, upserted by id into one table, not unnested.

python -m tests.benchmarks.with_dlt DATABASE_URL SHOP_URL KEY SECRET FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import dlt
from sqlalchemy.engine import make_url
from tests.benchmarks.floor import pages


def credentials(database: str) -> dict[str, Any]:
    """dlt takes no address without a host; that of a socket's folder stands in the query."""
    url = make_url(database)
    return {
        "database": url.database or "",
        "username": url.username or "",
        "password": url.password or "unused",
        "host": url.host or "localhost",
        "port": url.port or 5432,
        "query": dict(url.query),
    }


def main() -> None:
    database, url, key, secret, folder = sys.argv[1:]

    @dlt.resource(
        name="orders",
        primary_key="id",
        write_disposition={"disposition": "merge", "strategy": "upsert"},
        max_table_nesting=0,
    )
    def orders(
        changed: Any = dlt.sources.incremental("date_modified_gmt", row_order="asc"),  # noqa: B008
    ) -> Iterator[list[dict[str, Any]]]:
        for body in pages(url, key, secret):
            yield json.loads(body)

    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=folder,
        destination=dlt.destinations.postgres(credentials(database)),
        dataset_name="shop",
    )
    pipeline.run(orders())


if __name__ == "__main__":
    main()
