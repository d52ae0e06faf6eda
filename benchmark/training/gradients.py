"""How the gradients of all trainers are added, in two orders, in memory or over a network."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.distributed import GradBucket
from torch.nn.parallel import DistributedDataParallel

from benchmark.models.node_state import NodeState
from benchmark.training.batch import TrainingBatch
from benchmark.training.objectives import Objective
from benchmark.training.processes import Processes
from benchmark.training.shared_tables import SharedTables, shared_tables

ONE_BUCKET = 2**20  # MiB, more than any gradient


class Gradients(Protocol):
    """The passes of one process's trainers, one trainer after the other in every iteration.

    After ``finish`` each parameter has the gradient of the mean loss over the trainers of all
    processes, if it had none before the iteration.
    """

    loss: Objective

    def forward(
        self, batch: TrainingBatch | None, state: NodeState, last: bool
    ) -> tuple[Tensor, Tensor]:
        """What ``Objective`` returns; ``last`` marks the last trainer of the iteration."""

    def backward(self, trainer: int, loss: Tensor) -> None:
        """Go back from the ``loss`` that ``forward`` has returned for ``trainer``."""

    def finish(self) -> Tensor:
        """End the iteration; the sum over processes of what is returned is the mean loss."""


class OverlappedGradients:
    """Sums in buckets, which are exchanged while the last backward pass goes on.

    CPUs of one machine exchange them in memory, others by collective calls. The order of summation
    depends on how many processes there are. ``nobody`` is any state, for a backward pass that
    decides what the buckets hold: the first one does. Where it is always the same one, a resumed
    run adds in the order of one without a stop.
    """

    def __init__(
        self, loss: Objective, nobody: NodeState, num_trainers: int, processes: Processes
    ) -> None:
        self.loss = loss
        self.processes = processes
        self.num_bytes = sum(parameter.nbytes for parameter in loss.parameters())
        self.num_trainers = num_trainers
        self.trainers_here = num_trainers // processes.world_size
        self.mean_loss = torch.zeros(())
        self.averaged: DistributedDataParallel | None = None
        if processes.world_size > 1:
            tables = tables_for(processes, loss, self.num_bytes)
            # A copy in memory hides behind nothing: once is enough to wait for each other.
            bucket_mebibytes = ONE_BUCKET if tables else None
            self.averaged = DistributedDataParallel(
                loss, init_sync=False, bucket_cap_mb=bucket_mebibytes
            )
            self.averaged.broadcast_buffers = False  # torch 2.13 warns of it as an argument
            if tables:
                self.averaged.register_comm_hook(tables, mean_in_memory)
            self.averaged(None, nobody)[0].backward()

    def forward(
        self, batch: TrainingBatch | None, state: NodeState, last: bool
    ) -> tuple[Tensor, Tensor]:
        if self.averaged is None:
            passed: tuple[Tensor, Tensor] = self.loss(batch, state)
            return passed
        with nullcontext() if last else self.averaged.no_sync():
            passed = self.averaged(batch, state)
        return passed

    def backward(self, trainer: int, loss: Tensor) -> None:
        loss.backward(torch.full_like(loss, 1 / self.trainers_here))
        self.mean_loss = self.mean_loss + loss.detach() / self.num_trainers

    def finish(self) -> Tensor:
        part, self.mean_loss = self.mean_loss, torch.zeros(())
        self.processes.count_all_reduce("gradients", self.num_bytes)
        return part


class OrderedGradients:
    """Sums in the order of the trainers' numbers, with equal bits on any number of processes.

    Every process gathers the sums of the others after its last backward pass, so nothing overlaps;
    on CPUs of one machine in memory.
    """

    def __init__(
        self, loss: Objective, nobody: NodeState, num_trainers: int, processes: Processes
    ) -> None:
        self.loss = loss
        self.num_trainers = num_trainers
        self.processes = processes
        self.parameters = list(loss.parameters())
        self.sizes = [1, *(parameter.numel() for parameter in self.parameters)]
        self.computed: dict[int, Tensor] = {}  # loss and gradients of a trainer, end to end
        of_trainer = sum(self.sizes) * max(parameter.itemsize for parameter in self.parameters)
        trainers_here = num_trainers // processes.world_size
        tables = tables_for(processes, loss, trainers_here * of_trainer)
        self.gather = tables.gather if tables else processes.gather

    def forward(
        self, batch: TrainingBatch | None, state: NodeState, last: bool
    ) -> tuple[Tensor, Tensor]:
        passed: tuple[Tensor, Tensor] = self.loss(batch, state)
        return passed

    def backward(self, trainer: int, loss: Tensor) -> None:
        gradients = torch.autograd.grad(loss, self.parameters)
        parts = [loss.detach(), *gradients]
        self.computed[trainer] = torch.cat([part.flatten() for part in parts])

    def finish(self) -> Tensor:
        in_order = torch.stack([self.computed[trainer] for trainer in sorted(self.computed)])
        self.computed.clear()
        mean = ordered_sum(in_order, self._gather) / self.num_trainers
        loss, *gradients = mean.split(self.sizes)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient.view_as(parameter)
        whole = loss.squeeze()
        return whole if self.processes.rank == 0 else torch.zeros_like(whole)

    def _gather(self, rows: Tensor) -> Tensor:
        self.processes.count_sent("gradients", rows.nbytes * (self.processes.world_size - 1))
        return self.gather(rows)


def tables_for(processes: Processes, loss: nn.Module, num_bytes: int) -> SharedTables | None:
    """Where the processes show each other so many bytes of gradients; None: they must send them."""
    on_cpu = all(parameter.device.type == "cpu" for parameter in loss.parameters())
    ranks = range(processes.world_size)
    return shared_tables(processes, ranks, processes.world_size, num_bytes) if on_cpu else None


def mean_in_memory(tables: SharedTables, bucket: GradBucket) -> torch.futures.Future[Tensor]:
    """The mean of a bucket over the processes, in its own place."""
    gradients = bucket.buffer()
    torch.mean(tables.gather(gradients), 0, out=gradients)
    done: torch.futures.Future[Tensor] = torch.futures.Future()
    done.set_result(gradients)
    return done


def ordered_sum(rows: Tensor, gather: Callable[[Tensor], Tensor]) -> Tensor:
    """The sum of the ``rows`` [num_rows, width] of all processes, equally many on each, [width].

    Neighbours are added, then neighbouring sums, and so on; an odd last one waits. A process adds
    its own rows as long as they come in pairs: its block starts at a multiple of its size, so these
    are pairs of the whole list, and the bits do not depend on the number of processes.
    """
    while len(rows) % 2 == 0:
        rows = rows[0::2] + rows[1::2]
    rows = gather(rows).flatten(0, 1)
    while len(rows) > 1:
        paired = len(rows) // 2 * 2
        rows = torch.cat([rows[0:paired:2] + rows[1:paired:2], rows[paired:]])
    return rows[0]


GradientsMaker = Callable[[Objective, NodeState, int, Processes], Gradients]

GRADIENT_SUMS: dict[str, GradientsMaker] = {
    "overlapped": OverlappedGradients,
    "ordered": OrderedGradients,
}
