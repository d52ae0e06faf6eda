"""Metrics of node and edge classification, pooled over events."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind

Logits = NDArray[np.floating[Any]]
Labels = NDArray[Any]

NODE_METRICS = ("node_auc", "node_ap")
POSITIVE = 1  # the class that those are of
EDGE_METRICS = ("f1_micro", "f1_macro", "top1")


def class_metrics(
    logits: Tensor, labels: Tensor, kind: LabelKind, first_event: int = 0
) -> dict[str, float]:
    """The metrics for labels of a ``kind``, from ``logits`` [num_events, num_classes].

    ``labels`` is int64 [num_events], or 0 and 1 [num_events, num_classes] for ``MULTI_EDGE``; row
    r belongs to event ``first_event`` + r, and those that are ``UNLABELLED`` count nowhere.
    ``NODE_METRICS`` where nodes have two classes, else ``EDGE_METRICS``.
    """
    values = logits.numpy()
    unusable = np.isnan(values).any(axis=1)
    if unusable.any():
        event = first_event + int(unusable.argmax())
        raise ValueError(
            f"the logits of event {event} and of {unusable.sum() - 1} other events hold NaN; look "
            "for a training loss that is NaN and lower the learning rate."
        )
    labelled = has_label(labels).numpy()
    if not labelled.any():
        raise ValueError(
            f"none of the {len(labels)} events to evaluate has a label; move the boundaries of the "
            "split or use more of the stream."
        )
    values, true = values[labelled], labels.numpy()[labelled]
    if kind is LabelKind.NODE and values.shape[1] == 2:
        return two_state_metrics(values, true)
    return _EDGE_METRICS[kind](values, true)


def has_label(labels: Tensor) -> Tensor:
    """Which events are not ``UNLABELLED``, bool [num_events]."""
    labelled = labels != UNLABELLED
    return labelled if labels.dim() == 1 else labelled.all(1)


def metric_names(kind: LabelKind, num_classes: int) -> tuple[str, ...]:
    """What ``class_metrics`` gives for labels of a ``kind`` with that many classes."""
    return NODE_METRICS if kind is LabelKind.NODE and num_classes == 2 else EDGE_METRICS


def positive_class(dataset: Dataset) -> str:
    """What the source calls the class that ``NODE_METRICS`` are of, or its number."""
    return dataset.class_names[POSITIVE] if dataset.class_names else str(POSITIVE)


def two_state_metrics(logits: Logits, labels: Labels) -> dict[str, float]:
    """``NODE_METRICS``: area under the ROC curve and average precision of ``POSITIVE``."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # noqa: PLC0415  (half a second, and links need none)

    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"the {len(labels)} labelled events to evaluate do not show both states, as AUC "
            "needs; move the boundaries of the split or use more of the stream."
        )
    true, scores = labels == POSITIVE, logits[:, POSITIVE] - logits[:, 1 - POSITIVE]
    return {
        "node_auc": float(roc_auc_score(true, scores)),
        "node_ap": float(average_precision_score(true, scores)),
    }


def single_label_metrics(logits: Logits, labels: Labels) -> dict[str, float]:
    """``EDGE_METRICS`` of one class per event, predicted by the largest logit.

    F1-micro is then the accuracy and equals top-1. F1-macro is the mean over the classes that are
    true or predicted at least once.
    """
    from sklearn.metrics import f1_score  # noqa: PLC0415  (half a second, and links need none)

    predicted = logits.argmax(axis=1)
    return {
        "f1_micro": float(f1_score(labels, predicted, average="micro")),
        "f1_macro": float(f1_score(labels, predicted, average="macro", zero_division=0)),
        "top1": float((predicted == labels).mean()),
    }


def multi_label_metrics(logits: Logits, labels: Labels) -> dict[str, float]:
    """``EDGE_METRICS`` of any number of classes per event, predicted where the logit is above 0.

    As the released DistTGL code on GDELT. Top-1 is the share of events for which the largest logit
    belongs to one of its classes.
    """
    from sklearn.metrics import f1_score  # noqa: PLC0415  (half a second, and links need none)

    true, predicted = labels.astype(np.int64), (logits > 0).astype(np.int64)
    best = np.take_along_axis(true, logits.argmax(axis=1)[:, None], axis=1)
    return {
        "f1_micro": float(f1_score(true, predicted, average="micro", zero_division=0)),
        "f1_macro": float(f1_score(true, predicted, average="macro", zero_division=0)),
        "top1": float(best.mean()),
    }


_EDGE_METRICS: dict[LabelKind, Callable[[Logits, Labels], dict[str, float]]] = {
    LabelKind.NODE: single_label_metrics,
    LabelKind.EDGE: single_label_metrics,
    LabelKind.MULTI_EDGE: multi_label_metrics,
}
