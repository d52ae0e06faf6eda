"""How far a suite is: a bar on a terminal, a plain line every few seconds elsewhere."""

import contextlib
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

LINE_SECONDS = 10.0


class SuiteProgress:
    """Shows the experiments of a suite, however many, on standard error; a context manager."""

    def __init__(self, num_experiments: int | None = None) -> None:
        self.num_experiments = num_experiments
        self.number = 0
        self.label = ""
        self.last_line = 0.0
        self.task = TaskID(0)
        self.console = Console(stderr=True, soft_wrap=True, highlight=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
        )
        self.bars = (
            Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console)
            if sys.stderr.isatty()
            else None
        )

    def __enter__(self) -> "SuiteProgress":
        if self.bars:
            self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.bars:
            self.bars.stop()

    def begin(self, label: str) -> None:
        """The next experiment."""
        self.number += 1
        of_all = f"/{self.num_experiments}" if self.num_experiments else ""
        self.label = f"[{self.number}{of_all}] {label}"
        self.last_line = time.monotonic()
        if self.bars:
            self.task = self.bars.add_task(escape(self.label), total=None)

    def update(self, phase: str, done: int, total: int) -> None:
        """The experiment has done some of the steps of a phase."""
        if self.bars:
            self.bars.update(
                self.task,
                description=f"{escape(self.label)} {phase}",
                completed=done,
                total=total or None,
            )
        elif time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            self.say(f"{self.label}: {phase} {done}/{total}" if total else f"{self.label}: {phase}")

    def end(self, outcome: str) -> None:
        """The experiment has ended."""
        if self.bars:
            self.bars.remove_task(self.task)
        self.say(f"{self.label}: {outcome}")

    def say(self, text: str) -> None:
        """One line that stays; a run does not depend on whether it can be written."""
        with contextlib.suppress(OSError):
            (self.bars.console if self.bars else self.console).print(escape(text))
