"""The W&B mirror of a suite: a process that a run neither needs nor waits for long."""

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from benchmark.machine.process_tree import ProcessTree, child_environment
from benchmark.records.run_folder import RunFolder
from benchmark.runner.mirrors.send import BEGUN, resolve_mode
from benchmark.storage.files import scratch, writing_into

PATIENCE_SECONDS = 60.0
SILENT_SECONDS = 2.0  # at the end, with a server that has not answered yet
ANSWER_SECONDS = 30.0  # a server that has not answered after so long is asked no more
GRACE_SECONDS = 1.0
LOOK_SECONDS = 0.05
LOG = "mirror.log"


class Mirror(NamedTuple):
    """A process that sends what its input names, and the folder with its log."""

    folder: Path
    tree: ProcessTree
    input: IO[bytes]
    started: float
    resources: contextlib.ExitStack

    def has_begun(self) -> bool:
        """Whether W&B has answered."""
        with contextlib.suppress(OSError):
            return BEGUN in (self.folder / LOG).read_text(errors="replace")
        return False

    def complaint(self) -> str | None:
        """What went wrong with a process that has ended."""
        code = self.tree.process.poll()
        if not code:
            return None
        with contextlib.suppress(OSError):
            if lines := (self.folder / LOG).read_text(errors="replace").strip().splitlines():
                return lines[-1]
        return f"exit code {code}"


@dataclass
class Mirrors:
    """Starts the mirror of a suite, tells it of every experiment and ends it.

    An online mirror follows a run. An offline one is told when the run has ended: nobody can watch
    it, and a run of two processes on two cores is not disturbed. After a mirror has failed, or was
    not answered for long, no online one starts.
    """

    mode: str
    any_sent: bool = False
    started: list[Mirror] = field(default_factory=list)  # one at most
    warnings: list[str] = field(default_factory=list)
    given_up: bool = False

    def __post_init__(self) -> None:
        self.mode = resolve_mode(self.mode)

    def begin(self, folder: RunFolder) -> None:
        """An experiment is about to start in ``folder``, which is prepared."""
        self._look()
        if self.mode == "online" and not self.given_up:
            self._send(folder.path)

    def end(self, folder: RunFolder) -> None:
        """The experiment in ``folder`` has ended."""
        if self.mode == "offline":
            self._send(folder.path)
        self._look()

    def send_figures(self, folder: Path) -> None:
        """Send the figures in ``folder`` if a run was sent."""
        if self.any_sent and folder.is_dir() and not self.given_up:
            self._send(folder)

    def close(self) -> list[str]:
        """Give the mirrors a little time to finish; what went wrong, one sentence each."""
        start = time.monotonic()
        for mirror in self.started:
            with contextlib.suppress(OSError):
                mirror.input.close()
        while self.started:
            self._look()
            waited = time.monotonic() - start
            for mirror in list(self.started):
                silent = self.mode == "online" and not mirror.has_begun()
                patience = min(PATIENCE_SECONDS, SILENT_SECONDS) if silent else PATIENCE_SECONDS
                if waited > patience:
                    self._give_up(mirror, f"not done after {patience:.0f} s")
            time.sleep(LOOK_SECONDS)
        warnings, self.warnings = list(dict.fromkeys(self.warnings)), []
        return warnings

    def stop(self) -> None:
        """End the mirrors at once."""
        for mirror in list(self.started):
            self._end(mirror)

    def _look(self) -> None:
        """Take leave of one that has ended or is not answered."""
        for mirror in list(self.started):
            if mirror.tree.process.poll() is not None:
                if complaint := mirror.complaint():
                    self.warnings.append(complaint)
                    self.given_up = self.mode == "online"
                self._end(mirror)
                continue
            waited = time.monotonic() - mirror.started
            if self.mode == "online" and waited > ANSWER_SECONDS and not mirror.has_begun():
                self._give_up(mirror, f"no answer after {ANSWER_SECONDS:.0f} s")

    def _give_up(self, mirror: Mirror, warning: str) -> None:
        self.warnings.append(warning)
        self.given_up = self.mode == "online"
        self._end(mirror)

    def _end(self, mirror: Mirror) -> None:
        self.warnings += mirror.tree.end(GRACE_SECONDS)
        with contextlib.suppress(OSError):
            mirror.input.close()
        mirror.resources.close()
        self.started.remove(mirror)

    def _send(self, folder: Path) -> None:
        """Tell the mirror of a folder; start it first where there is none."""
        self.any_sent = True
        if not self.started:
            self._start(folder)
        for mirror in list(self.started):
            with contextlib.suppress(BrokenPipeError):  # one that has ended says why in its log
                if mirror.input.write(f"{folder}\n".encode()) is None:
                    self._give_up(mirror, "it no longer reads what is to be sent")

    def _start(self, folder: Path) -> None:
        words = [sys.executable, "-m", "benchmark.mirror", "--mode", self.mode]
        if self.mode == "online":
            words.append("--follow")
        resources = contextlib.ExitStack()
        try:
            temporary = resources.enter_context(scratch())
            with (
                writing_into(folder, "results_dir"),
                open(folder / LOG, "w") as log,
            ):
                process = subprocess.Popen(
                    words,
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=child_environment() | {"TMPDIR": str(temporary)},
                    start_new_session=True,
                )
        except (OSError, ValueError) as error:  # a mirror is never worth more than a warning
            resources.close()
            self.warnings.append(" ".join(str(error).split()))
            return
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)  # a run never waits for its mirror
        tree = ProcessTree(process)
        self.started.append(Mirror(folder, tree, process.stdin, time.monotonic(), resources))
