"""A task that trains nothing and ends in the way a test asks for."""

import os
import signal
import time
from typing import Any

from benchmark.experiment import Experiment
from benchmark.records.run_folder import RunFolder
from benchmark.storage.files import write_whole
from benchmark.tasks.task import Task
from benchmark.training.processes import Processes

STEPS = 4


class FakeTask(Task):
    """Does ``actions[seed]``: finish, fail, kill, hang (the last rank does it), or interrupt."""

    def __init__(self, name: str, actions: list[str]) -> None:
        super().__init__(name)
        self.actions = actions

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Log a few lines, then act."""
        action = self.actions[experiment.seed]
        if action == "interrupt" and not folder.resumable():
            self._wait_for_the_end(folder, processes)
        first = 1
        if folder.resumable():
            iteration, num_bytes = (folder.path / "checkpoint" / "iteration").read_text().split()
            first = 1 + int(iteration)
            if processes.rank == 0:
                folder.cut_metrics(int(num_bytes))
        for iteration in range(first, STEPS + 1):
            folder.heartbeat(processes.rank, "train", iteration, STEPS)
            if processes.rank == 0:
                folder.log(_line(iteration))
        if processes.rank == processes.world_size - 1:
            _act(action)
        processes.barrier()
        return {
            "metrics": {"validation_mrr_best": 0.5, "test_mrr": 0.25},
            "primary_metric": "mrr",
            "seconds": {"train": 2.0, "evaluate": 1.0},
            "throughput_events_per_second": 1234.5,
            "visibility": "event",
        }

    def _wait_for_the_end(self, folder: RunFolder, processes: Processes) -> None:
        """A checkpoint after two iterations, one more line, then no end of work."""
        if processes.rank == 0:
            folder.log(_line(1))
            folder.log(_line(2))
            settled = folder.settled_metrics()
            folder.log(_line(3))
        processes.barrier()
        if processes.rank == 0:
            write_whole(folder.path / "checkpoint" / "iteration", f"2 {settled.num_bytes}")
        while True:
            folder.heartbeat(processes.rank, "train", 3, STEPS)
            time.sleep(0.1)


def _line(iteration: int) -> dict[str, float]:
    return {
        "iteration": iteration,
        "epoch": iteration / STEPS,
        "seconds": 0.5,
        "loss": 1 / iteration,
    }


def _act(action: str) -> None:
    if action == "fail":
        raise ValueError("events.csv row 7: time is NaN; remove the row.")
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "hang":
        os.kill(os.getpid(), signal.SIGSTOP)
