"""The evaluation of links and of classes, whatever the system: predict, then observe."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, LabelKind, SplitName
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import class_metrics, has_label, link_metrics
from benchmark.protocol.negatives import NO_NODE
from benchmark.protocol.walk import (
    ALONE,
    EventClassifier,
    Sharing,
    StreamScorer,
    split_events,
    walk,
)

OnScores = Callable[[SplitName, Tensor, Tensor], None]


def evaluate_links(
    scorer: StreamScorer,
    dataset: Dataset,
    split: SplitName,
    protocol: LinkProtocol,
    batch_size: int,
    sharing: Sharing = ALONE,
    on_scores: OnScores | None = None,
) -> dict[str, float]:
    """Metrics of ``scorer`` on one split, and ``num_events``; the scorer ends after its last event.

    ``on_scores(split, scores, num_negatives)`` is told all scores of the split, float64
    [num_events, 1 + most negatives], the true destination's first, and how many negatives each
    event has. Where the protocol asks for them, the metrics of inductive and of other events come
    with a prefix. Holds 8 bytes for each score, twice that while the metrics are computed.
    """
    negatives = protocol.negatives(dataset)

    def score(batch: EventBatch) -> Tensor:
        candidates = negatives.candidates(batch, split)
        counts = (candidates != NO_NODE).sum(1, keepdim=True) - 1
        return torch.cat([_score(scorer, batch, candidates), counts], dim=1)

    events = split_events(dataset, split)
    pooled = walk(scorer, score, dataset, events, batch_size, sharing)
    scores, num_negatives = pooled[:, :-1], pooled[:, -1].long()
    metrics = link_metrics(scores, num_negatives, events.start) | {"num_events": float(len(events))}
    if on_scores is not None:
        on_scores(split, scores, num_negatives)
    if protocol.inductive:
        inductive = inductive_events(dataset, split)
        for prefix, chosen in (("inductive", inductive), ("seen", ~inductive)):
            metrics |= _of_some(prefix, scores[chosen], num_negatives[chosen])
    return metrics


def inductive_events(dataset: Dataset, split: SplitName) -> Tensor:
    """Whether each event of ``split`` has a node that no training event has, bool [num_events].

    Nothing is withheld from training: the nodes are new because they come late in the stream.
    """
    stream, train_end = dataset.stream, dataset.split.train_end
    known = torch.zeros(dataset.num_nodes, dtype=torch.bool)
    known[stream.src[:train_end]] = True
    known[stream.dst[:train_end]] = True
    events = dataset.split.range(split)
    batch = dataset.batch(events.start, events.stop)
    return ~(known[batch.src] & known[batch.dst])


def _of_some(prefix: str, scores: Tensor, num_negatives: Tensor) -> dict[str, float]:
    """The metrics of a part of the events; where there is none, only their number."""
    metrics = {"num_events": float(len(scores))}
    if num_negatives.any():
        metrics |= link_metrics(scores, num_negatives)
    return {f"{prefix}_{name}": value for name, value in metrics.items()}


def _score(scorer: StreamScorer, events: EventBatch, candidates: Tensor) -> Tensor:
    """Scores in float64 on the CPU; those of ``NO_NODE`` mean nothing."""
    scores = scorer.score(events, candidates.clamp(min=0))
    if scores.shape != candidates.shape:
        raise ValueError(
            f"the system scored {tuple(candidates.shape)} candidates with a tensor of shape "
            f"{tuple(scores.shape)}; the two must be equal."
        )
    return scores.to("cpu", torch.float64)


def evaluate_classes(
    classifier: EventClassifier,
    dataset: Dataset,
    split: SplitName,
    batch_size: int,
    sharing: Sharing = ALONE,
    on_logits: Callable[[Tensor], None] | None = None,
) -> dict[str, float]:
    """Metrics of ``classifier`` on one split, and ``num_events``, those that have a label.

    ``on_logits`` is told the logits of all events, float64 [num_events, num_classes].
    """

    def classify(batch: EventBatch) -> Tensor:
        logits = classifier.classify(batch)
        if logits.shape != (len(batch), dataset.num_classes):
            raise ValueError(
                f"the system classified {len(batch)} events of {dataset.num_classes} classes with "
                f"a tensor of shape {tuple(logits.shape)}."
            )
        return logits

    events = split_events(dataset, split)
    logits = walk(classifier, classify, dataset, events, batch_size, sharing)
    labels = dataset.labels[events.start : events.stop]
    metrics = class_metrics(logits, labels, dataset.label_kind, events.start)
    if on_logits is not None:
        on_logits(logits)
    return metrics | {"num_events": float(has_label(labels).sum())}


class MajorityClass:
    """The floor of every classifier: it knows how often each class occurs in training, no more.

    With one class per event it predicts the most frequent one; with several, those that more
    than half of the events have. Events without a label count nowhere.
    """

    def __init__(self, dataset: Dataset) -> None:
        labels = dataset.labels[: dataset.split.train_end]
        labels = labels[has_label(labels)]
        several = dataset.label_kind is LabelKind.MULTI_EDGE
        counts = (
            labels.sum(0, dtype=torch.float64)
            if several
            else labels.bincount(minlength=dataset.num_classes)
        )
        self.logits = counts.double() / len(labels) - 0.5

    def classify(self, events: EventBatch) -> Tensor:
        """The same logits [num_events, num_classes] for every event."""
        return self.logits.expand(len(events), -1)

    def observe(self, events: EventBatch) -> None:
        """Learn nothing from ``events``."""
