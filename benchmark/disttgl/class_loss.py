"""The training objectives of edge and node classification."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.disttgl.batch import TrainingBatch
from benchmark.disttgl.loss import link_loss
from benchmark.disttgl.objective import Objective, zero_of_every_parameter
from benchmark.models.contract import TemporalModel
from benchmark.models.decoders import EdgeClassDecoder, NodeClassDecoder
from benchmark.models.strangers import embed_stranger
from benchmark.protocol.classification_metrics import has_label


@runtime_checkable
class ClassifiesEvents(Protocol):
    """An objective that tells classes from the embeddings of an event's two ends."""

    def logits(self, source: Tensor, destination: Tensor) -> Tensor:
        """Logits [num_events, num_classes] from embeddings [num_events, embedding_dim]."""


class EdgeClassLoss(Objective):
    """Cross entropy of an event's class; of several classes, the mean binary cross entropy.

    The released DistTGL code has the same decoder, and on GDELT the softmax cross entropy of a 0/1
    vector, which does not fit its own prediction (a logit above 0). An event that is ``UNLABELLED``
    counts nowhere.
    """

    uses_negatives = False

    def __init__(self, model: TemporalModel, dataset: Dataset) -> None:
        super().__init__(model)
        self.decoder = EdgeClassDecoder(embedding_dim(model), dataset.num_classes)
        self.several = dataset.label_kind is LabelKind.MULTI_EDGE
        self.labels = dataset.stream.y  # no buffer: GDELT's are larger than a GPU

    def loss(self, batch: TrainingBatch, embeddings: Tensor) -> Tensor:
        logits = self.logits(*embeddings.chunk(2))
        loss = several_classes if self.several else F.cross_entropy
        classes = labelled_loss(loss, logits, self.labels, batch)
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
        classes = labelled_loss(F.cross_entropy, self.decoder(source), self.labels, batch)
        return link_loss(self.model, embeddings, *shape) + classes

    def logits(self, source: Tensor, destination: Tensor) -> Tensor:
        logits: Tensor = self.decoder(source)
        return logits


def labelled_loss(
    mean_loss: Callable[[Tensor, Tensor], Tensor],
    logits: Tensor,
    labels: Tensor,
    batch: TrainingBatch,
) -> Tensor:
    """``mean_loss`` of the ``logits`` [num_events, num_classes] of the events that have a label.

    ``labels`` are those of the whole stream. The mean over trainers is that over the labelled
    events of their global batch, however those lie; one that has none of them adds zero.
    """
    local = has_label(labels[batch.events.start : batch.events.stop])
    whole = has_label(labels[batch.whole.start : batch.whole.stop])
    rows = local.nonzero().flatten()
    if not len(rows):
        return 0.0 * logits.sum()
    true = labels[batch.events.start + rows].to(logits.device)
    share = len(rows) / len(local) / (whole.sum().item() / len(whole))
    return share * mean_loss(logits[rows.to(logits.device)], true)


def several_classes(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean binary cross entropy of 0/1 ``labels``, over events and classes."""
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


@torch.no_grad()
def embedding_dim(model: TemporalModel) -> int:
    """The width of the embeddings that ``model`` makes."""
    node = torch.zeros(1, dtype=torch.int64, device=next(model.parameters()).device)
    return embed_stranger(model, node).shape[1]
