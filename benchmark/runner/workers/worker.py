"""One process of one experiment: ``python -m ...worker RUN_FOLDER``, alone or of a launcher."""

import contextlib
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from hydra.utils import instantiate

from benchmark.errors import one_sentence
from benchmark.experiment import Experiment
from benchmark.machine.device import choose_device
from benchmark.machine.environment import environment
from benchmark.machine.host_memory import keep_freed_memory
from benchmark.machine.place import Place
from benchmark.machine.process_tree import end_with_parent
from benchmark.records.run_folder import RunFolder
from benchmark.runner.workers.fork_server import leave
from benchmark.runner.workers.watchdog import STARTING
from benchmark.storage.files import write_whole
from benchmark.training.processes import Processes, is_of_a_peer, measure_link, started_processes


def main(path: str) -> int:
    """Run the experiment described in the folder; rank 0 writes its result."""
    end_with_parent()
    start = time.monotonic()
    folder = RunFolder(path)
    place = Place.of_this_process()
    try:
        folder.heartbeat(place.rank, STARTING, 0, 0)
        experiment = Experiment.from_config(folder.config())
        threads = experiment.threads_per_process
        # Of the whole machine, so before this process is bound to a part of it.
        machine = environment(threads) if place.local_rank == 0 else None
        if experiment.pin_cores:
            pin_cores(place.local_rank, place.local_size, threads)
        torch.set_num_threads(threads)
        keep_freed_memory()
        device = choose_device(experiment.device, place)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        with started_processes(place, device, experiment.heartbeat_seconds) as processes:
            machines = [found for found in processes.gather_objects(machine) if found]
            link = measure_link(processes)
            if place.rank == 0:
                _write_environment(folder, machines, link)
            _run(experiment, folder, processes, start)
    except Exception as error:
        reason = (f"rank {place.rank}: " if place.world_size > 1 else "") + one_sentence(error)
        cause = "lost a peer" if is_of_a_peer(error) else "failed"
        with contextlib.suppress(OSError, ValueError):  # the disk may be what has failed
            traceback.print_exc()
        with contextlib.suppress(OSError, ValueError):
            folder.note_failure(place.rank, reason, cause)
        return 1
    return 0


def _write_environment(
    folder: RunFolder, machines: Sequence[Mapping[str, Any]], link: Mapping[str, float]
) -> None:
    """Describe the first machine, and where there are several, each of them and their link."""
    several = {"link": link, "machines": list(machines)} if len(machines) > 1 else {}
    text = json.dumps({**machines[0], **several}, indent=2) + "\n"
    write_whole(folder.path / "environment.json", text, "results_dir")


def _run(experiment: Experiment, folder: RunFolder, processes: Processes, start: float) -> None:
    task = instantiate(experiment.task, _convert_="all")
    outcome: dict[str, Any] = task.run(experiment, folder, processes)
    peaks = processes.gather_objects(peak_memory_bytes())  # also waits for every process
    if processes.rank != 0:
        return
    seconds = {"train": None, "evaluate": None, "total": time.monotonic() - start}
    seconds |= outcome.pop("seconds", {})
    result = {"status": "finished", **experiment.describe(), "throughput_events_per_second": None}
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


if __name__ == "__main__":
    leave(main(*sys.argv[1:]))
