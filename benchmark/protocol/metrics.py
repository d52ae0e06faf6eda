"""Metrics of links and of classes, pooled over events, and the ranks of every node."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind, SplitName

Scores = NDArray[np.floating[Any]]

ACROSS_EVENTS = ("ap", "auc")  # compare scores of different events; the others rank within one
LINK_METRICS = ("mrr", "mrr_optimistic", "ap", "auc", "hits@1", "hits@3", "hits@10")
NODE_COLUMNS = ("split", "node", "degree", "num_events", "mrr")
Row = tuple[str, int, int, int, float]


def link_metrics(
    scores: Tensor, num_negatives: Tensor | None = None, first_event: int = 0
) -> dict[str, float]:
    """All of ``LINK_METRICS`` of pooled ``scores`` [num_events, 1 + most negatives].

    Column 0 holds the true destination's score, and row r belongs to event ``first_event`` + r.
    Where events have unequal numbers of negatives, ``num_negatives`` [num_events] tells them, and
    what a row holds behind its own counts nowhere. Infinite scores are scores like any other; NaN
    raises ValueError. Works on a copy of the negatives' scores and nothing else of that size.
    """
    pooled = scores.numpy()
    present = _present(pooled, num_negatives)
    _refuse_nan(pooled, present, first_event)
    mean, optimistic = ranks(scores, num_negatives)
    average_precision, area = _pooled_ap_and_auc(pooled, present)
    return {
        "mrr": float((1 / mean).mean()),
        "mrr_optimistic": float((1 / optimistic).mean()),
        "ap": average_precision,
        "auc": area,
        **{f"hits@{k}": float((mean <= k).mean()) for k in (1, 3, 10)},
    }


def ranks(scores: Tensor, num_negatives: Tensor | None = None) -> tuple[Scores, Scores]:
    """Mean rank (ties split evenly, as TGB's) and optimistic rank (ties won, as DistTGL's).

    Arguments are those of ``link_metrics``; an event without negatives has rank 1.
    """
    pooled = scores.numpy()
    positive, negatives = pooled[:, :1], pooled[:, 1:]
    present = _present(pooled, num_negatives)
    greater = np.count_nonzero((negatives > positive) & present, axis=1)
    equal = np.count_nonzero((negatives == positive) & present, axis=1)
    return 1 + greater + equal / 2, 1.0 + greater


def _present(scores: Scores, num_negatives: Tensor | None) -> NDArray[np.bool_]:
    """Which negatives there are, [num_events, most negatives] or [1, 1] where it is all of them."""
    if num_negatives is None or (num_negatives == scores.shape[1] - 1).all():
        return np.ones((1, 1), dtype=np.bool_)
    present: NDArray[np.bool_] = np.arange(scores.shape[1] - 1) < num_negatives.numpy()[:, None]
    return present


def _refuse_nan(scores: Scores, present: NDArray[np.bool_], first_event: int) -> None:
    unusable = np.isnan(scores[:, 0]) | (np.isnan(scores[:, 1:]) & present).any(axis=1)
    if unusable.any():
        event = first_event + int(unusable.argmax())
        raise ValueError(
            f"the scores of event {event} and of {unusable.sum() - 1} other events hold NaN, which "
            "has no rank; look for a training loss that is NaN and lower the learning rate."
        )


def _pooled_ap_and_auc(scores: Scores, present: NDArray[np.bool_]) -> tuple[float, float]:
    """Average precision and area under the ROC curve over all scores of all events together.

    The numbers are scikit-learn's; that takes some 64 bytes for each score, this takes the sorted
    negatives.
    """
    negatives = scores[:, 1:]
    negatives = negatives[np.broadcast_to(present, negatives.shape)]
    if not negatives.size:
        raise ValueError(
            f"none of the {len(scores)} events to evaluate has a negative to rank against; choose "
            "another protocol.negative_sampling."
        )
    negatives.sort()
    thresholds, positives = np.unique(scores[:, 0], return_counts=True)
    below = np.searchsorted(negatives, thresholds, side="left")
    not_above = np.searchsorted(negatives, thresholds, side="right")

    true_positives = positives[::-1].cumsum()[::-1]
    false_positives = negatives.size - below
    precision = true_positives / (true_positives + false_positives)
    average_precision = (positives * precision).sum() / len(scores)

    wins = (positives * (below + not_above) / 2).sum()
    return float(average_precision), float(wins / (len(scores) * negatives.size))


def node_ranks(
    dataset: Dataset, split: SplitName, scores: Tensor, num_negatives: Tensor | None = None
) -> list[Row]:
    """``NODE_COLUMNS`` of every node that is the source of an event of ``split``, in order of node.

    ``scores`` [num_events, 1 + num_negatives] are those of the split, the true destination's
    first, and ``num_negatives`` as in ``link_metrics``. ``mrr`` is over the ``num_events`` of which
    the node is the source, to 4 decimals; ``degree`` counts all events of the stream that the node
    takes part in.
    """
    stream, events = dataset.stream, dataset.split.range(split)
    mean, _ = ranks(scores, num_negatives)
    sources, inverse, num_events = np.unique(
        stream.src[events.start : events.stop].numpy(), return_inverse=True, return_counts=True
    )
    mrr = np.bincount(inverse, weights=1 / mean) / num_events
    ends = np.concatenate([stream.src.numpy(), stream.dst.numpy()])
    degrees = np.bincount(ends, minlength=dataset.num_nodes)[sources]
    columns = (sources.tolist(), degrees.tolist(), num_events.tolist(), mrr.round(4).tolist())
    return [(split, *row) for row in zip(*columns, strict=True)]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write ``rows`` as a csv file with ``NODE_COLUMNS`` as its header."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(NODE_COLUMNS)
        writer.writerows(rows)


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
