"""What training minimises, whatever the task: a loss over the embeddings of a batch's roots."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NodeState
from benchmark.training.batch import TrainingBatch


class Objective(nn.Module, ABC):
    """A network with what is decoded from its embeddings, and the loss of that.

    ``uses_negatives`` says whether negatives are among the roots of a batch, behind its sources
    and destinations.
    """

    uses_negatives = True

    def __init__(self, model: TemporalModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: TrainingBatch | None, state: NodeState) -> tuple[Tensor, Tensor]:
        """The mean loss over events, a scalar, and the updated memory of the batch's nodes.

        Without a batch the loss is zero, with zero gradients for every parameter.
        """
        if batch is None:
            return zero_of_every_parameter(self), state.memory
        memory = self.model.update_memory(state)
        embeddings = self.model.embed(memory, batch.subgraph.known_from(state))
        return self.loss(batch, embeddings), memory

    @abstractmethod
    def loss(self, batch: TrainingBatch, embeddings: Tensor) -> Tensor:
        """The mean loss over events from the ``embeddings`` [num_roots, embedding_dim].

        Every parameter must take part in it.
        """


def zero_of_every_parameter(module: nn.Module) -> Tensor:
    """Zero, a scalar, of which every parameter has a gradient of zero."""
    return 0.0 * torch.stack([parameter.sum() for parameter in module.parameters()]).sum()
