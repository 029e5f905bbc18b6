"""Tasks that the clusters of test_cluster.py run. They tell what happened in a file, one line each."""

import os
import time
from pathlib import Path

from syncengine.cluster import stopping


def tell(line: str) -> None:
    with Path(os.environ["CLUSTER_TEST_LOG"]).open("a") as log:
        log.write(f"{line}\n")


def note(word: str) -> None:
    tell(f"{word} {time.time()}")


def nap(word: str, seconds: str) -> None:
    """Work for so long; tell when it began and ended, and whether the worker was asked to stop meanwhile."""
    tell(f"{word} begun")
    time.sleep(float(seconds))
    tell(f"{word} ended stopping={stopping()}")


def until_stopping(word: str) -> None:
    """Work as a read does: piece by piece, until asked to leave off."""
    tell(f"{word} begun")
    while not stopping():
        time.sleep(0.05)
    tell(f"{word} left off")


def spin(word: str) -> None:
    """Never end, and never notice an alarm either: what a read stuck in C code looks like."""
    tell(f"{word} begun")
    while True:
        try:
            time.sleep(60)
        except SystemExit:
            continue
