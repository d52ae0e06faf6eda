"""Progress of a long transfer: a bar on a terminal, a few plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

Report = Callable[[int, int | None], None]  # (bytes done, bytes in all or None where not known)

LINES_PER_FILE = 10
BYTES_PER_LINE = 64 << 20  # where the size of the whole is not known


@contextmanager
def transfer_progress(label: str) -> Iterator[Report]:
    """A callable that shows how far the transfer called ``label`` is, on standard error."""
    if not sys.stderr.isatty():
        yield _plain_lines(label)
        return
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain_lines(label: str) -> Report:
    shown = -1

    def report(done: int, total: int | None) -> None:
        nonlocal shown
        step = done * LINES_PER_FILE // max(total, 1) if total else done // BYTES_PER_LINE
        if step > shown:
            shown = step
            whole = f" of {total / 1e6:.1f}" if total else ""
            print(f"{label}: {done / 1e6:.1f}{whole} MB", file=sys.stderr, flush=True)

    return report
