"""The training objectives of link prediction."""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.choose import choose
from benchmark.disttgl.batch import TrainingBatch
from benchmark.disttgl.objective import Objective
from benchmark.models.contract import TemporalModel
from benchmark.protocol.metrics import ACROSS_EVENTS


class SoftmaxLinkLoss(Objective):
    """Softmax cross entropy of the true destination among its negatives (released DistTGL code)."""

    def loss(self, batch: TrainingBatch, embeddings: Tensor) -> Tensor:
        return link_loss(self.model, embeddings, batch.num_events, batch.num_negatives)


class BinaryLinkLoss(Objective):
    """Binary cross entropy of true and of negative links, each a mean of its own (TGL, TGN)."""

    def loss(self, batch: TrainingBatch, embeddings: Tensor) -> Tensor:
        num_events, num_negatives = batch.num_events, batch.num_negatives
        source, destinations = embeddings.tensor_split([num_events])
        true, negatives = destinations.tensor_split([num_events])
        negatives = negatives.unflatten(0, (num_events, num_negatives))
        true_scores = self.model.score_links(source, true.unsqueeze(1))
        negative_scores = self.model.score_links(source, negatives)
        compare = F.binary_cross_entropy_with_logits
        return compare(true_scores, torch.ones_like(true_scores)) + compare(
            negative_scores, torch.zeros_like(negative_scores)
        )


LINK_OBJECTIVES: dict[str, type[Objective]] = {
    "binary": BinaryLinkLoss,
    "softmax": SoftmaxLinkLoss,
}


def link_objective(loss: str, metric: str) -> type[Objective]:
    """The objective called ``loss``; "auto" is the one that fits the protocol's primary ``metric``.

    The softmax does not change when all scores of an event rise alike, so that nothing makes the
    scores of different events comparable; AP and AUC compare them.
    """
    fitting = "binary" if metric in ACROSS_EVENTS else "softmax"
    return choose("system.loss", loss, LINK_OBJECTIVES | {"auto": LINK_OBJECTIVES[fitting]})


def link_loss(
    model: TemporalModel, embeddings: Tensor, num_events: int, num_negatives: int
) -> Tensor:
    """The mean loss, a scalar, over events from the ``embeddings`` [num_roots, embedding_dim].

    The roots are the sources, the destinations, then the negatives of every event.
    """
    scores = score_candidates(model, embeddings, num_events, num_negatives)
    return F.cross_entropy(scores, scores.new_zeros(num_events, dtype=torch.int64))


def score_candidates(
    model: TemporalModel, embeddings: Tensor, num_events: int, num_negatives: int
) -> Tensor:
    """Scores [num_events, 1 + num_negatives], the true destination's first; as ``link_loss``."""
    shape = (num_events, num_negatives)
    source, true, negatives = embeddings.split([num_events, num_events, num_events * num_negatives])
    candidates = torch.cat([true.unsqueeze(1), negatives.unflatten(0, shape)], dim=1)
    return model.score_links(source, candidates)
