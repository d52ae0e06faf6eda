"""One process of one experiment: ``python -m benchmark.worker RUN_FOLDER``, under torchrun."""

import os
import resource
import sys
import time
import traceback
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from benchmark.device import choose_device
from benchmark.environment import write_environment
from benchmark.experiment import describe, threads_of
from benchmark.family import end_with_parent
from benchmark.record import RunFolder
from benchmark.training.processes import Processes, started_processes


def main(path: str) -> int:
    """Run the experiment described in the folder; rank 0 writes its result."""
    end_with_parent()
    start = time.monotonic()
    folder = RunFolder(path)
    rank, world_size = (int(os.environ.get(key, d)) for key, d in (("RANK", 0), ("WORLD_SIZE", 1)))
    try:
        experiment = folder.config()
        threads = threads_of(experiment)
        if rank == 0:  # of the whole machine, so before this process is bound to a part of it
            write_environment(folder.path / "environment.json", threads)
        if experiment.pin_cores:
            pin_cores(rank, world_size, threads)
        torch.set_num_threads(threads)
        device = choose_device(experiment.device, rank, world_size)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        with started_processes(device, experiment.heartbeat_seconds) as processes:
            _run(experiment, folder, processes, start)
    except Exception as error:
        traceback.print_exc()
        prefix = f"rank {rank}: " if world_size > 1 else ""
        folder.note_failure(rank, prefix + one_sentence(error))
        return 1
    return 0


def _run(experiment: DictConfig, folder: RunFolder, processes: Processes, start: float) -> None:
    task = instantiate(experiment.task, _convert_="all")
    outcome: dict[str, Any] = task.run(experiment, folder, processes)
    peaks = processes.gather_objects(peak_memory_bytes())  # also waits for every process
    if processes.rank != 0:
        return
    seconds = {"train": None, "evaluate": None, "total": time.monotonic() - start}
    seconds |= outcome.pop("seconds", {})
    result = {"status": "finished", **describe(experiment), "throughput_events_per_second": None}
    folder.finish({**result, **outcome, "seconds": seconds, "peak_memory_bytes": sum(peaks)})


def pin_cores(rank: int, num_processes: int, threads: int) -> None:
    """Let this process run on ``threads`` cores that no other process of the run uses.

    Raises:
        ValueError: If there are not so many cores or the system is not Linux.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise ValueError("pin_cores=true needs Linux; set pin_cores=false")
    cores = sorted(os.sched_getaffinity(0))
    if num_processes * threads > len(cores):
        raise ValueError(
            f"pin_cores=true: {num_processes} processes with {threads} threads need "
            f"{num_processes * threads} cores and there are {len(cores)}; lower one of them"
        )
    os.sched_setaffinity(0, cores[rank * threads : (rank + 1) * threads])


def peak_memory_bytes() -> int:
    """The largest resident memory this process has had."""
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2) of each system
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def one_sentence(error: BaseException) -> str:
    """What a user needs to know of an error; the traceback is in the log."""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | FileNotFoundError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


if __name__ == "__main__":
    if main(*sys.argv[1:]):
        os._exit(1)  # what failed must not wait for others on its way out
