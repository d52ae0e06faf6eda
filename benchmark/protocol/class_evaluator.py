"""Evaluation of node and edge classification, whatever the system: classify, then observe."""

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, LabelKind, SplitName
from benchmark.protocol.classification_metrics import class_metrics, has_label
from benchmark.protocol.scorer import EventClassifier
from benchmark.protocol.walk import ALONE, Sharing, split_events, walk


def evaluate_classes(
    classifier: EventClassifier,
    dataset: Dataset,
    split: SplitName,
    batch_size: int,
    sharing: Sharing = ALONE,
) -> dict[str, float]:
    """Metrics of ``classifier`` on one split, and ``num_events``, those that have a label."""

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
    labels = dataset.stream.y[events.start : events.stop]
    metrics = class_metrics(logits, labels, dataset.label_kind, events.start)
    return metrics | {"num_events": float(has_label(labels).sum())}


class MajorityClass:
    """The floor of every classifier: it knows how often each class occurs in training, no more.

    With one class per event it predicts the most frequent one; with several, those that more
    than half of the events have. Events without a label count nowhere.
    """

    def __init__(self, dataset: Dataset) -> None:
        labels = dataset.stream.y[: dataset.split.train_end]
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
