"""The launcher with workers that act as ``test_launcher`` asks: ``FOLDER ACTION``."""

import os
import signal
import time

import torch

from benchmark.machine.place import Place
from benchmark.machine.process_tree import end_with_parent
from benchmark.records.run_folder import RunFolder
from benchmark.runner.workers import launcher, worker
from benchmark.training.processes import started_processes

LONG = 600.0  # seconds; nobody must wait for it


def main(path: str, action: str) -> int:
    launcher.GRACE_SECONDS = 0.5
    worker.main = lambda path: act(RunFolder(path), action)  # type: ignore[assignment]
    return launcher.main(path, "2")


def act(folder: RunFolder, action: str) -> int:
    end_with_parent()
    place = Place.of_this_process()
    with started_processes(place, torch.device("cpu"), heartbeat_seconds=60.0) as processes:
        total = processes.sum(torch.tensor([place.rank + 1.0]))
    folder.heartbeat(place.rank, f"sum {float(total):g}", os.getsid(0), os.getppid())
    if action == "finish":
        return 0
    if place.rank == 0 and action == "fail slowly":
        time.sleep(0.1)
        folder.note_failure(0, "rank 0: no more rows")
        return 1
    if place.rank == 1 and action == "fail slowly":
        folder.note_failure(1, "rank 1: closed by peer", "lost a peer")
        return 1
    if place.rank == 1 and action == "exit":
        return 7
    if place.rank == 1 and action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if place.rank == 0 and action == "kill":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # must be killed
    time.sleep(LONG)
    return 0
