"""The training objectives of edge and node classification."""

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind
from benchmark.models.contract import TemporalModel
from benchmark.models.layers.decoders import EdgeClassDecoder, NodeClassDecoder
from benchmark.models.unseen import embed_stranger
from benchmark.training.batch import TrainingBatch
from benchmark.training.loss import link_loss
from benchmark.training.objective import Objective, zero_of_every_parameter


@runtime_checkable
class ClassifiesEvents(Protocol):
    """An objective that tells classes from the embeddings of an event's two ends."""

    def logits(self, source: Tensor, destination: Tensor) -> Tensor:
        """Logits [num_events, num_classes] from embeddings [num_events, embedding_dim]."""


class EdgeClassLoss(Objective):
    """Cross entropy of an event's class; of several classes, the mean binary cross entropy.

    The released DistTGL code has the same decoder, and on GDELT the softmax cross entropy of a 0/1
    vector, which does not fit its own prediction (a logit above 0).
    """

    uses_negatives = False

    def __init__(self, model: TemporalModel, dataset: Dataset) -> None:
        super().__init__(model)
        self.decoder = EdgeClassDecoder(embedding_dim(model), dataset.num_classes)
        self.several = dataset.label_kind is LabelKind.MULTI_EDGE
        self.labels = dataset.stream.y  # no buffer: GDELT's are larger than a GPU

    def loss(self, batch: TrainingBatch, embeddings: Tensor) -> Tensor:
        logits = self.logits(*embeddings.chunk(2))
        labels = self.labels[batch.events.start : batch.events.stop].to(logits.device)
        classes = (
            F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
            if self.several
            else F.cross_entropy(logits, labels)
        )
        # Links are not scored, and their decoder is a part of the model.
        return classes + zero_of_every_parameter(self.model)

    def logits(self, source: Tensor, destination: Tensor) -> Tensor:
        logits: Tensor = self.decoder(source, destination)
        return logits


class LinkAndNodeLoss(Objective):
    """The loss of link prediction plus the cross entropy of the source's class: joint training.

    An event that is ``UNLABELLED`` adds nothing to the second.
    """

    def __init__(self, model: TemporalModel, dataset: Dataset) -> None:
        super().__init__(model)
        dim = embedding_dim(model)
        self.decoder = NodeClassDecoder(dim, dim, dataset.num_classes)
        self.labels = dataset.stream.y  # no buffer: GDELT's are larger than a GPU

    def loss(self, batch: TrainingBatch, embeddings: Tensor) -> Tensor:
        shape = (batch.num_events, batch.num_negatives)
        source = embeddings[: batch.num_events]
        labels = self.labels[batch.events.start : batch.events.stop].to(source.device)
        of_each = F.cross_entropy(
            self.decoder(source), labels, ignore_index=UNLABELLED, reduction="sum"
        )
        classes = of_each / (labels != UNLABELLED).sum().clamp(min=1)
        return link_loss(self.model, embeddings, *shape) + classes

    def logits(self, source: Tensor, destination: Tensor) -> Tensor:
        logits: Tensor = self.decoder(source)
        return logits


@torch.no_grad()
def embedding_dim(model: TemporalModel) -> int:
    """The width of the embeddings that ``model`` makes."""
    node = torch.zeros(1, dtype=torch.int64, device=next(model.parameters()).device)
    return embed_stranger(model, node).shape[1]
