"""`python -m ordermill` is `ordermill`."""

from ordermill.cli import main

main()
