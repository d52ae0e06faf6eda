"""Runs functions on several processes; one start of processes serves many calls."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from benchmark.training.processes import Processes

TIMEOUT = timedelta(seconds=600)


@dataclass(frozen=True)
class Job:
    """``function(processes, *arguments)``, called on each of ``world_size`` processes."""

    world_size: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


def run_jobs(jobs: Sequence[Job], folder: Path) -> list[list[Any]]:
    """What each job returned, by rank; tensors must be on the CPU.

    The jobs run one after the other in an empty ``folder``, each in a process group of its own;
    an exception in one of them is raised here.
    """
    num_processes = max(job.world_size for job in jobs)
    # Imported once in the server that the processes are forked from, not in each of them; by
    # torch's optimisers the last one.
    modules = [job.function.__module__ for job in jobs]
    multiprocessing.set_forkserver_preload([*modules, "torch._dynamo"])
    context = mp.start_processes(
        _work, (list(jobs), folder), num_processes, join=False, start_method="forkserver"
    )
    assert context is not None
    while not context.join(timeout=TIMEOUT.total_seconds()):
        pass
    return [
        [
            torch.load(_result(folder, number, rank), weights_only=False)
            for rank in range(job.world_size)
        ]
        for number, job in enumerate(jobs)
    ]


def _work(rank: int, jobs: list[Job], folder: Path) -> None:
    torch.set_num_threads(1)
    for number, job in enumerate(jobs):
        if rank < job.world_size:
            with _group(rank, job.world_size, folder / f"store-{number}") as processes:
                result = job.function(processes, *job.arguments)
            torch.save(result, _result(folder, number, rank))


@contextmanager
def _group(rank: int, world_size: int, store: Path) -> Iterator[Processes]:
    if world_size == 1:
        yield Processes()
        return
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=world_size,
        timeout=TIMEOUT,
    )
    try:
        yield Processes(rank, world_size)
    finally:
        dist.destroy_process_group()


def _result(folder: Path, number: int, rank: int) -> Path:
    return folder / f"result-{number}-{rank}.pt"
