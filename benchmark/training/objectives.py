"""What training minimises: a loss over what a network says of a batch, for every goal."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.errors import choose
from benchmark.models.contract import TemporalModel
from benchmark.models.layers.decoders import EdgeClassDecoder, NodeClassDecoder
from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import Answers, answer
from benchmark.models.streaming import answer_of_unseen
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import ACROSS_EVENTS, has_label
from benchmark.training.batch import TrainingBatch
from benchmark.training.system import Goal


class Objective(nn.Module, ABC):
    """A network with what is decoded from its embeddings, and the loss of that.

    ``uses_negatives`` says whether negatives are among the roots of a batch.
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
            return _zero_of_every_parameter(self), state.memory
        memory = self.model.update_memory(state)
        subgraph = batch.subgraph.known_from(state)
        return self.loss(batch, answer(self.model, memory, subgraph, batch.roots)), memory

    @abstractmethod
    def loss(self, batch: TrainingBatch, answers: Answers) -> Tensor:
        """The mean loss over events from what the network answers.

        Every parameter must take part in it.
        """


class SoftmaxLinkLoss(Objective):
    """Softmax cross entropy of the true destination among its negatives (released DistTGL code)."""

    def loss(self, batch: TrainingBatch, answers: Answers) -> Tensor:
        return softmax_link_loss(answers.scores())


class BinaryLinkLoss(Objective):
    """Binary cross entropy of true and of negative links, each a mean of its own (TGL, TGN)."""

    def loss(self, batch: TrainingBatch, answers: Answers) -> Tensor:
        return binary_link_loss(*answers.separate_scores())


def softmax_link_loss(scores: Tensor) -> Tensor:
    """The mean loss, a scalar, over ``scores`` [num_events, 1 + num_negatives], true ones first."""
    return F.cross_entropy(scores, scores.new_zeros(len(scores), dtype=torch.int64))


def binary_link_loss(true: Tensor, negative: Tensor) -> Tensor:
    """The mean loss, a scalar, over scores of ``true`` links plus that of ``negative`` ones."""
    compare = F.binary_cross_entropy_with_logits
    return compare(true, torch.ones_like(true)) + compare(negative, torch.zeros_like(negative))


@runtime_checkable
class ClassifiesEvents(Protocol):
    """An objective that tells the classes of events, from their two ends or from the source."""

    def logits(self, answers: Answers) -> Tensor:
        """Logits [num_events, num_classes] from what the network answers."""


class EdgeClassLoss(Objective):
    """Cross entropy of an event's class; of several classes, the mean binary cross entropy.

    The released DistTGL code has the same decoder, and on GDELT the softmax cross entropy of a 0/1
    vector, which does not fit its own prediction (a logit above 0). An event that is ``UNLABELLED``
    counts nowhere.
    """

    uses_negatives = False

    def __init__(self, model: TemporalModel, dataset: Dataset) -> None:
        super().__init__(model)
        self.decoder = EdgeClassDecoder(pair_dim(model), dataset.num_classes)
        self.several = dataset.label_kind is LabelKind.MULTI_EDGE
        self.labels = dataset.labels  # no buffer: GDELT's are larger than a GPU

    def loss(self, batch: TrainingBatch, answers: Answers) -> Tensor:
        logits = self.logits(answers)
        loss = several_classes if self.several else F.cross_entropy
        classes = labelled_loss(loss, logits, self.labels, batch)
        # Links are not scored, and their decoder is a part of the model.
        return classes + _zero_of_every_parameter(self.model)

    def logits(self, answers: Answers) -> Tensor:
        logits: Tensor = self.decoder(answers.pairs())
        return logits


class LinkAndNodeLoss(Objective):
    """The loss of link prediction plus the cross entropy of the source's class: joint training.

    An event that is ``UNLABELLED`` adds nothing to the second.
    """

    def __init__(self, model: TemporalModel, dataset: Dataset) -> None:
        super().__init__(model)
        dim = embedding_dim(model)
        self.decoder = NodeClassDecoder(dim, dim, dataset.num_classes)
        self.labels = dataset.labels  # no buffer: GDELT's are larger than a GPU

    def loss(self, batch: TrainingBatch, answers: Answers) -> Tensor:
        classes = labelled_loss(F.cross_entropy, self.logits(answers), self.labels, batch)
        return softmax_link_loss(answers.scores()) + classes

    def logits(self, answers: Answers) -> Tensor:
        logits: Tensor = self.decoder(answers.sources())
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
    own = batch.rows_of(labels)
    whole = has_label(labels[batch.whole.start : batch.whole.stop])
    rows = has_label(own).nonzero().flatten()
    if not len(rows):
        return 0.0 * logits.sum()
    true = own[rows].to(logits.device)
    share = len(rows) / len(own) / (whole.sum().item() / len(whole))
    return share * mean_loss(logits[rows.to(logits.device)], true)


def several_classes(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean binary cross entropy of 0/1 ``labels``, over events and classes."""
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


LINK_OBJECTIVES: dict[str, type[Objective]] = {
    "binary": BinaryLinkLoss,
    "softmax": SoftmaxLinkLoss,
}
CLASS_OBJECTIVES: dict[Goal, Callable[[TemporalModel, Dataset], Objective]] = {
    Goal.EDGE_CLASSES: EdgeClassLoss,
    Goal.LINKS_AND_NODE_CLASSES: LinkAndNodeLoss,
}


def make_objective(
    goal: Goal, loss: str, protocol: LinkProtocol, model: TemporalModel, dataset: Dataset
) -> Objective:
    """The objective of ``goal``; that of links is the one called ``loss`` (conf/system)."""
    of_links = link_objective(loss, protocol.primary_metric)
    if goal is Goal.LINKS:
        return of_links(model)
    return CLASS_OBJECTIVES[goal](model, dataset)


def link_objective(loss: str, metric: str) -> type[Objective]:
    """The objective called ``loss``; "auto" is the one that fits the protocol's primary ``metric``.

    The softmax does not change when all scores of an event rise alike, so that nothing makes the
    scores of different events comparable; AP and AUC compare them.
    """
    fitting = "binary" if metric in ACROSS_EVENTS else "softmax"
    return choose("system.loss", loss, LINK_OBJECTIVES | {"auto": LINK_OBJECTIVES[fitting]})


@torch.no_grad()
def embedding_dim(model: TemporalModel) -> int:
    """The width of the embeddings of nodes that ``model`` makes."""
    return answer_of_unseen(model, _two_nodes(model)).sources().shape[1]


@torch.no_grad()
def pair_dim(model: TemporalModel) -> int:
    """The width of what ``model`` says of a pair of nodes."""
    return answer_of_unseen(model, _two_nodes(model)).pairs().shape[1]


def _two_nodes(model: TemporalModel) -> Tensor:
    return torch.zeros(2, dtype=torch.int64, device=next(model.parameters()).device)


def _zero_of_every_parameter(module: nn.Module) -> Tensor:
    """Zero, a scalar, of which every parameter has a gradient of zero."""
    return 0.0 * torch.stack([parameter.sum() for parameter in module.parameters()]).sum()
