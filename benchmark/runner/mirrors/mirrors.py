"""The W&B mirrors of a suite: processes that a run neither needs nor waits for long."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.machine.process_tree import ProcessTree, child_environment
from benchmark.records.run_folder import RunFolder
from benchmark.runner.mirrors.send import resolve_mode

PATIENCE_SECONDS = 60.0
GRACE_SECONDS = 2.0
LOG = "mirror.log"


@dataclass
class Mirrors:
    """Starts a mirror per experiment and ends all of them; a context manager.

    An online mirror follows the run. An offline one starts when the run has ended: nobody can
    watch it, and a run of two processes on two cores is not disturbed.
    """

    mode: str
    started: list[tuple[Path, ProcessTree]] = field(default_factory=list)
    any_sent: bool = False

    def __post_init__(self) -> None:
        self.mode = resolve_mode(self.mode)

    def begin(self, folder: RunFolder) -> None:
        """An experiment is about to start in ``folder``, which is prepared."""
        if self.mode == "online":
            self._start(folder.path, "--follow")

    def end(self, folder: RunFolder) -> None:
        """The experiment in ``folder`` has ended."""
        if self.mode == "offline":
            self._start(folder.path)

    def send_figures(self, folder: Path) -> list[str]:
        """Send the figures in ``folder`` if a run was sent; what went wrong, one sentence each."""
        if not (self.any_sent and folder.is_dir()):
            return []
        try:
            self._start(folder)
            return self.close()
        finally:
            self.stop()

    def close(self) -> list[str]:
        """Give the mirrors a little time to finish; what went wrong, one sentence each."""
        warnings = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        for folder, tree in self.started:
            try:
                exit_code = tree.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                warnings.append(f"not done after {PATIENCE_SECONDS:.0f} s")
            else:
                if exit_code:
                    lines = (folder / LOG).read_text().strip().splitlines()
                    warnings.append(lines[-1] if lines else f"exit code {exit_code}")
        self.stop()
        return list(dict.fromkeys(warnings))

    def stop(self) -> None:
        """End the mirrors at once."""
        for _, tree in self.started:
            tree.end(GRACE_SECONDS)
        self.started.clear()

    def _start(self, folder: Path, *options: str) -> None:
        self.any_sent = True
        words = [sys.executable, "-m", "benchmark.mirror", str(folder), "--mode", self.mode]
        with open(folder / LOG, "w") as log:
            process = subprocess.Popen(
                [*words, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=child_environment(),
                start_new_session=True,
            )
        self.started.append((folder, ProcessTree(process)))
