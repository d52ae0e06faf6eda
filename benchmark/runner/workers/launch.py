"""Runs one experiment in processes of its own and sees to it that they end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmark.experiment import Experiment
from benchmark.machine.compiled import numba_cache
from benchmark.machine.process_tree import ProcessTree, child_environment
from benchmark.records.run_folder import RunFolder
from benchmark.runner.progress import SuiteProgress
from benchmark.runner.workers.watchdog import Watchdog
from benchmark.storage.files import writing_into
from benchmark.storage.leftovers import scratch
from benchmark.tasks.build import cache_folder

GRACE_SECONDS = 5.0
LOOK_SECONDS = 1.0


def launcher_command(folder: Path, num_processes: int) -> list[str]:
    """What starts the processes of an experiment."""
    return [
        sys.executable,
        "-m",
        "benchmark.runner.workers.elastic",
        str(folder),
        str(num_processes),
    ]


def run_experiment(experiment: Experiment, folder: RunFolder, progress: SuiteProgress) -> None:
    """Run in a prepared folder to the end; ``result.json`` says finished, or failed and why.

    When interrupted, the processes are ended and no result is written, so that the same command
    goes on from the last checkpoint.
    """
    start = time.monotonic()
    with scratch() as temporary:
        with writing_into(folder.path, "results_dir"), open(folder.log_path, "a") as log:
            process = subprocess.Popen(
                launcher_command(folder.path, experiment.processes),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(experiment, temporary),
                start_new_session=True,  # Ctrl-C reaches the runner only, which ends the processes
            )
        tree = ProcessTree(process)
        try:
            reason = _wait(process, tree, Watchdog(experiment, folder, tree), progress)
        finally:
            for problem in tree.end(GRACE_SECONDS):
                progress.say(problem)
    if folder.result() is None:
        reason = reason or _cause(folder, process.returncode)
        folder.finish(_failed_result(experiment, reason, time.monotonic() - start))


def _failed_result(experiment: Experiment, reason: str, seconds: float) -> dict[str, Any]:
    return {
        "status": "failed",
        "reason": reason,
        **experiment.describe(),
        "metrics": {},
        "throughput_events_per_second": None,
        "seconds": {"train": None, "evaluate": None, "total": seconds},
        "peak_memory_bytes": None,
    }


def _wait(
    process: subprocess.Popen[bytes], tree: ProcessTree, watch: Watchdog, progress: SuiteProgress
) -> str | None:
    """Wait for the launcher; the reason to end the processes before, or None."""
    while True:
        try:
            process.wait(timeout=LOOK_SECONDS)
            return None
        except subprocess.TimeoutExpired:
            tree.look()
            if complaint := watch.complaint():
                return _noted(watch.folder) or complaint
            progress.update(*watch.position())


def _noted(folder: RunFolder) -> str | None:
    """The first failure that a process has noted, from which it may take long to end."""
    failures = folder.failures()
    return str(failures[0]["reason"]) if failures else None


def _cause(folder: RunFolder, exit_code: int) -> str:
    """Why the processes ended without a result."""
    if noted := _noted(folder):
        return noted
    if exit_code < 0:
        return f"the launcher was killed by {signal.Signals(-exit_code).name}"
    lines = folder.log_path.read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    return f"the processes ended with exit code {exit_code} ({last}); see {folder.log_path}"


def _environment(experiment: Experiment, temporary: Path) -> dict[str, str]:
    threads = str(experiment.threads_per_process)
    here = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    return {
        **child_environment(),
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "PYTHONPATH": here,  # a user's own model beside the command is found
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(temporary),
        **numba_cache(cache_folder(experiment)),
    }
