"""What systems of a ``TemporalModel`` do with a batch: forward, backward, a step; their options."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.randomness import seeded
from benchmark.training.batch import TrainingBatch
from benchmark.training.gradients import Gradients
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


def noting_gradients(loss: Tensor, parameters: Iterable[Tensor]) -> Tensor:
    """``loss``, or NaN where the gradient of a parameter is not finite.

    Nothing waits for a device: whether it is finite is seen where the loss is looked at.
    """
    gradients = [parameter.grad.flatten() for parameter in parameters if parameter.grad is not None]
    return loss.detach() + 0.0 * torch.cat(gradients).sum().to(loss.dtype)


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
