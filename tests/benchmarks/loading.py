"""One pass over a shop and nothing after it: what `ordermill sync` does before it decides.

python -m tests.benchmarks.loading CONFIG
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.polling import poller


def main() -> None:
    with poller(Path(sys.argv[1])) as one:
        one.poll()
        print(dict(one.told.last))


if __name__ == "__main__":
    main()
