"""What every system does with a batch: forward, backward, and a step of the optimiser."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.randomness import seeded
from benchmark.training.batch import TrainingBatch
from benchmark.training.gradients import Gradients, noting_gradients
from benchmark.training.stopwatch import Stopwatch


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
