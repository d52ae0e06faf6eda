"""Ranking and classification metrics of link prediction, pooled over events."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Scores = NDArray[np.floating[Any]]

ACROSS_EVENTS = ("ap", "auc")  # compare scores of different events; the others rank within one
LINK_METRICS = ("mrr", "mrr_optimistic", "ap", "auc", "hits@1", "hits@3", "hits@10")


def link_metrics(scores: Tensor, first_event: int = 0) -> dict[str, float]:
    """All of ``LINK_METRICS`` of pooled ``scores`` [num_events, 1 + num_negatives].

    Column 0 holds the true destination's score, and row r belongs to event ``first_event`` + r.
    A negative of minus infinity stands for none, where events have unequal numbers of them.
    Works on a copy of the negatives' scores and nothing else of that size.
    """
    pooled = scores.numpy()
    unusable = np.isnan(pooled).any(axis=1)
    if unusable.any():
        event = first_event + int(unusable.argmax())
        raise ValueError(
            f"the scores of event {event} and of {unusable.sum() - 1} other events hold NaN, which "
            "has no rank; look for a training loss that is NaN and lower the learning rate."
        )
    mean, optimistic = ranks(pooled)
    average_precision, area = _pooled_ap_and_auc(pooled)
    return {
        "mrr": float((1 / mean).mean()),
        "mrr_optimistic": float((1 / optimistic).mean()),
        "ap": average_precision,
        "auc": area,
        **{f"hits@{k}": float((mean <= k).mean()) for k in (1, 3, 10)},
    }


def ranks(scores: Scores) -> tuple[Scores, Scores]:
    """Mean rank (ties split evenly, as TGB's) and optimistic rank (ties won, as DistTGL's)."""
    positive, negatives = scores[:, :1], scores[:, 1:]
    greater = np.count_nonzero(negatives > positive, axis=1)
    equal = np.count_nonzero(negatives == positive, axis=1)
    return 1 + greater + equal / 2, 1.0 + greater


def _pooled_ap_and_auc(scores: Scores) -> tuple[float, float]:
    """Average precision and area under the ROC curve over all scores of all events together.

    The numbers are scikit-learn's; that takes some 64 bytes for each score, this takes the sorted
    negatives.
    """
    negatives = scores[:, 1:][scores[:, 1:] > -np.inf]
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
