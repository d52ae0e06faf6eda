"""What systems of a ``TemporalModel`` do with a batch: forward, backward, a step; their options."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.randomness import seeded
from benchmark.training.batch import TrainingBatch
from benchmark.training.objectives import Objective
from benchmark.training.processes import Processes
from benchmark.training.system import Stopwatch

# Types of weights and node memory, and of the factors of dense products where that is another.
PRECISIONS: dict[str, tuple[torch.dtype, torch.dtype | None]] = {
    "float32": (torch.float32, None),
    "float64": (torch.float64, None),
    "bfloat16": (torch.float32, torch.bfloat16),
    "bfloat16_emulated": (torch.float32, torch.bfloat16),
}
LEARNING_RATE_SCALES: dict[str, Callable[[int], float]] = {
    "linear": float,
    "none": lambda num_trainers: 1.0,
}


@dataclass(frozen=True)
class ModelOptions:
    """The options that these systems share, described in conf/system/disttgl.yaml."""

    sampler: str = "strict"
    loss: str = "auto"
    learning_rate_scale: str = "linear"
    precision: str = "float32"
    num_training_negatives: int = 1
    gradient_sum: str = "overlapped"


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

    The order of summation depends on how many processes there are. ``nobody`` is any state, for a
    backward pass that decides what the buckets hold: the first one does. Where it is always the
    same one, a resumed run adds in the order of one without a stop.
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
            self.averaged = DistributedDataParallel(loss, init_sync=False)
            self.averaged.broadcast_buffers = False  # torch 2.13 warns of it as an argument
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

    Every process gathers the sums of the others after its last backward pass, so nothing overlaps.
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
        mean = ordered_sum(in_order, self.processes) / self.num_trainers
        loss, *gradients = mean.split(self.sizes)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient.view_as(parameter)
        whole = loss.squeeze()
        return whole if self.processes.rank == 0 else torch.zeros_like(whole)


def ordered_sum(rows: Tensor, processes: Processes) -> Tensor:
    """The sum of the ``rows`` [num_rows, width] of all processes, equally many on each, [width].

    Neighbours are added, then neighbouring sums, and so on; an odd last one waits. A process adds
    its own rows as long as they come in pairs: its block starts at a multiple of its size, so these
    are pairs of the whole list, and the bits do not depend on the number of processes.
    """
    while len(rows) % 2 == 0:
        rows = rows[0::2] + rows[1::2]
    rows = processes.gather(rows).flatten(0, 1)
    while len(rows) > 1:
        paired = len(rows) // 2 * 2
        rows = torch.cat([rows[0:paired:2] + rows[1:paired:2], rows[paired:]])
    return rows[0]


def noting_gradients(loss: Tensor, parameters: Iterable[Tensor]) -> Tensor:
    """``loss``, or NaN where the gradient of a parameter is not finite.

    Nothing waits for a device: whether it is finite is seen where the loss is looked at.
    """
    gradients = [parameter.grad.flatten() for parameter in parameters if parameter.grad is not None]
    return loss.detach() + 0.0 * torch.cat(gradients).sum().to(loss.dtype)


GradientsMaker = Callable[[Objective, NodeState, int, Processes], Gradients]

GRADIENT_SUMS: dict[str, GradientsMaker] = {
    "overlapped": OverlappedGradients,
    "ordered": OrderedGradients,
}


def check_trains(objective: nn.Module, loss: Tensor) -> None:
    """Raise ValueError that names the weights on which the ``loss`` does not depend."""
    weights = dict(objective.named_parameters())
    gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    found = zip(weights, gradients, strict=True)
    if idle := [name for name, gradient in found if gradient is None]:
        raise ValueError(
            f"the loss does not depend on {', '.join(idle)}, so that nothing is learned there: use "
            "every weight of the network, or remove it"
        )


@dataclass(frozen=True)
class Learner:
    """The weights of a run, which all logical trainers of a process share.

    In every iteration ``start``, then ``forward`` and ``backward`` for one trainer after the other,
    then ``step``. Dropout is keyed by ``seed``, trainer and iteration; ``stopwatch`` tells
    "compute" (with the exchange of gradients) and the optimiser's "step". ``nobody`` is the state
    of one node that nothing has happened to.
    """

    gradients: Gradients
    optimizer: torch.optim.Optimizer
    nobody: NodeState
    seed: int
    stopwatch: Stopwatch

    @property
    def model(self) -> TemporalModel:
        return self.gradients.loss.model

    def start(self) -> None:
        """Forget the gradients of the iteration before."""
        self.optimizer.zero_grad()

    def forward(
        self, batch: TrainingBatch | None, state: NodeState, key: tuple[int, int], last: bool
    ) -> tuple[Tensor, Tensor]:
        """The loss and the updated memory of the nodes of ``batch``, whose ``state`` was read.

        ``key`` is the trainer and the iteration; ``last`` marks the last trainer of this process.
        """
        device = self.nobody.memory.device
        with self.stopwatch("compute"), seeded(device, self.seed, "dropout", *key):
            return self.gradients.forward(batch, state, last)

    def backward(self, trainer: int, loss: Tensor) -> None:
        """Go back from the ``loss`` of ``forward``."""
        with self.stopwatch("compute"):
            self.gradients.backward(trainer, loss)

    def step(self) -> Tensor:
        """Average the gradients of all trainers and follow them; as ``Gradients.finish``.

        NaN where a gradient is not finite.
        """
        with self.stopwatch("compute"):
            mean_loss = noting_gradients(self.gradients.finish(), self.gradients.loss.parameters())
        with self.stopwatch("step"):
            self.optimizer.step()
        return mean_loss
