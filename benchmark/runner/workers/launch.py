"""Runs one experiment in processes of its own and sees to it that they end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.experiment import Experiment
from benchmark.machine.place import numba_cache
from benchmark.machine.process_tree import Process, ProcessTree, child_environment, how_killed
from benchmark.records.run_folder import RunFolder
from benchmark.runner.progress import SuiteProgress
from benchmark.runner.workers import fork_server
from benchmark.runner.workers.fleet import Fleet, Rendezvous, log_name
from benchmark.runner.workers.follower import Follower
from benchmark.runner.workers.watchdog import Watchdog
from benchmark.storage.files import scratch, writing_into
from benchmark.tasks.build import cache_folder
from benchmark.training.checkpoint import PART

GRACE_SECONDS = 5.0
LOOK_SECONDS = 1.0
LOG_BYTES = 10_000


class Ended(NamedTuple):
    """How the processes of a machine ended; ``reason`` is why they were ended before."""

    reason: str | None
    exit_code: int
    failures: list[dict[str, Any]]  # as they had noted them until then


def launcher_command(
    folder: Path, num_processes: int, rendezvous: Collection[object] = ()
) -> list[str]:
    """What starts the processes of an experiment on this machine; of one alone, itself."""
    workers = "benchmark.runner.workers"
    if num_processes == 1 and not rendezvous:
        return [sys.executable, "-m", f"{workers}.worker", str(folder)]
    numbers = [str(num_processes), *map(str, rendezvous)]
    return [sys.executable, "-m", f"{workers}.launcher", str(folder), *numbers]


def run_experiment(
    experiment: Experiment, folder: RunFolder, progress: SuiteProgress, fleet: Fleet | None = None
) -> None:
    """Run in a prepared folder to the end; ``result.json`` says finished, or failed and why.

    ``fleet`` holds the machines, where there are several. When interrupted, the processes are ended
    and no result is written, so that the same command goes on from the last checkpoint.
    """
    start = time.monotonic()
    if fleet is None:
        ended = _run_here(experiment, folder, progress)
        reason = ended.reason
    else:
        ended, reason = _run_everywhere(experiment, folder, progress, fleet)
        while folder.result() is None and fleet.gather_again(progress.say):
            folder.prepare(experiment.config())
            ended, reason = _run_everywhere(experiment, folder, progress, fleet)
    if folder.result() is None:
        reason = reason or _cause(experiment, folder, ended.exit_code)
        folder.finish(_failed_result(experiment, reason, time.monotonic() - start))


def _run_everywhere(
    experiment: Experiment, folder: RunFolder, progress: SuiteProgress, fleet: Fleet
) -> tuple[Ended, str | None]:
    """Run on all machines until all have ended; how it did here, and why, as best known."""
    rendezvous = fleet.announce(experiment, folder)
    ended = _run_here(experiment, folder, progress, rendezvous, fleet.complaint, fleet.network)
    return ended, fleet.settle(ended.reason, ended.failures, ended.exit_code)


def follow(follower: Follower, own: Mapping[str, Any], progress: SuiteProgress) -> int:
    """Run what machine 0 announces on this machine; returns the exit code of the suite.

    Where results are not shared, its part goes into a folder under its ``own`` results_dir, and the
    end of its log to machine 0 if it fails; ``own`` holds the settings of where things lie.
    """
    here, machines = follower.meeting.here, follower.meeting.number
    for task in follower.tasks():
        experiment = Experiment.from_config(task["config"])
        folder = RunFolder(Path(own["results_dir"]) / task["folder"])
        shared = (folder.path / task["mark"]).exists()
        if not shared:
            folder.prepare({**experiment.config(), **own})
            (folder.path / PART).touch()
        folder.log_path = folder.path / log_name(here)
        progress.begin(experiment.label)
        rendezvous = Rendezvous(here, machines, task["endpoint"])
        ended = _run_here(
            experiment, folder, progress, rendezvous, follower.complaint, follower.network
        )
        reason = ended.reason
        if reason is None and ended.exit_code:
            reason = _cause(experiment, folder, ended.exit_code)
        log = _end_of(folder.log_path) if reason and not shared else None
        told = {"number": task["number"], "reason": reason, "failures": ended.failures, "log": log}
        follower.board.write(ended=told)
        progress.end(reason or "finished")
    return follower.exit_code()


def _run_here(
    experiment: Experiment,
    folder: RunFolder,
    progress: SuiteProgress,
    rendezvous: Rendezvous | None = None,
    complaint: Callable[[], str | None] = lambda: None,
    network: Mapping[str, str] | None = None,
) -> Ended:
    """Run this machine's processes until they end or there is a ``complaint``."""
    number = experiment.processes_per_machine
    first = rendezvous.machine * number if rendezvous else 0
    ranks = range(first, first + number)
    with scratch() as temporary:
        with writing_into(folder.path, "results_dir"), open(folder.log_path, "a") as log:
            # In a session of its own: Ctrl-C reaches the runner only, which ends the processes.
            process = fork_server.start(
                launcher_command(folder.path, number, rendezvous or ()),
                log,
                _environment(experiment, temporary) | dict(network or {}),
            )
        tree = ProcessTree(process)
        watch = Watchdog(experiment, folder, tree, ranks)
        try:
            reason = _wait(process, tree, watch, progress, complaint)
            failures = [failure for failure in folder.failures() if failure["rank"] in ranks]
        finally:
            for problem in tree.end(GRACE_SECONDS):
                progress.say(problem)
    return Ended(reason, process.returncode, failures)


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
    process: Process,
    tree: ProcessTree,
    watch: Watchdog,
    progress: SuiteProgress,
    complaint: Callable[[], str | None],
) -> str | None:
    """Wait for the launcher; the reason to end the processes before, or None."""
    while True:
        try:
            process.wait(timeout=LOOK_SECONDS)
            return None
        except subprocess.TimeoutExpired:
            tree.look()
            if said := watch.complaint() or complaint():
                return _noted(watch.folder) or said
            progress.update(*watch.position())


def _noted(folder: RunFolder) -> str | None:
    """The first failure that a process has noted, from which it may take long to end."""
    failures = folder.failures()
    return str(failures[0]["reason"]) if failures else None


def _cause(experiment: Experiment, folder: RunFolder, exit_code: int) -> str:
    """Why the processes ended without a result."""
    if noted := _noted(folder):
        return noted
    if exit_code < 0:
        alone = experiment.processes == 1
        return f"{'rank 0' if alone else 'the launcher'} {how_killed(-exit_code)}"
    lines = folder.log_path.read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    return f"the processes ended with exit code {exit_code} ({last}); see {folder.log_path}"


def _end_of(log: Path) -> str:
    """The last lines of a log, no more than can be sent with every beat."""
    return log.read_bytes()[-LOG_BYTES:].decode(errors="replace")


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
