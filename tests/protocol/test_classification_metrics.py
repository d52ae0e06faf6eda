"""Metrics of classification by hand and by brute force."""

from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, LabelKind
from benchmark.protocol.metrics import EDGE_METRICS, NODE_METRICS, class_metrics


def f1(true: list[bool], predicted: list[bool]) -> float:
    """2 TP / (2 TP + FP + FN), and 0 where that is 0 / 0."""
    hits = sum(t and p for t, p in zip(true, predicted, strict=True))
    return 2 * hits / (sum(true) + sum(predicted)) if any(true) or any(predicted) else 0.0


def draw(seed: int, num_events: int, num_classes: int) -> tuple[Tensor, Tensor]:
    """Coarse logits, so that some tie, and 0/1 labels [num_events, num_classes]."""
    generator = torch.Generator().manual_seed(seed)
    shape = (num_events, num_classes)
    logits = torch.randint(-2, 3, shape, generator=generator).double()
    return logits, torch.randint(2, shape, generator=generator).float()


def test_one_class_per_event_by_hand() -> None:
    """Predicted 0 0 1 2, true 0 1 1 1; class 3 is neither and does not count."""
    logits = torch.eye(4, dtype=torch.float64)[[0, 0, 1, 2]]
    metrics = class_metrics(logits, torch.tensor([0, 1, 1, 1]), LabelKind.EDGE)
    assert tuple(metrics) == EDGE_METRICS
    assert metrics["f1_micro"] == metrics["top1"] == 2 / 4
    assert metrics["f1_macro"] == pytest.approx((2 / 3 + 2 / 4 + 0) / 3)


def test_several_classes_per_event_by_hand() -> None:
    """Two true positives, one false positive, two false negatives; 0 is not above 0."""
    logits = torch.tensor([[1.0, -1.0, 2.0], [0.0, 3.0, -2.0]], dtype=torch.float64)
    labels = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    metrics = class_metrics(logits, labels, LabelKind.MULTI_EDGE)
    assert metrics["f1_micro"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    assert metrics["f1_macro"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert metrics["top1"] == 1 / 2


def test_two_states_by_hand() -> None:
    """Class 1 leads by 0 2 1 1, true are the second and third; the last two tie."""
    logits = torch.tensor([[1.0, 1.0], [0.0, 2.0], [1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)
    labels = torch.tensor([0, 1, 1, 0])
    metrics = class_metrics(logits, labels, LabelKind.NODE)
    assert tuple(metrics) == NODE_METRICS
    unlabelled = torch.cat([labels, torch.full((2,), UNLABELLED)])
    assert class_metrics(logits[[0, 1, 2, 3, 0, 1]], unlabelled, LabelKind.NODE) == metrics
    assert metrics["node_auc"] == (4 - 1 / 2) / 4
    assert metrics["node_ap"] == pytest.approx((1 / 1 + 2 / 3) / 2)


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_any_edge_classes_equal_brute_force(seed: int, num_events: int, num_classes: int) -> None:
    logits, several = draw(seed, num_events, num_classes)
    one = torch.randint(num_classes, (num_events,), generator=torch.Generator().manual_seed(seed))
    predicted = np.argmax(logits.numpy(), axis=1).tolist()
    metrics = class_metrics(logits, one, LabelKind.EDGE)
    hits = [true == found for true, found in zip(one.tolist(), predicted, strict=True)]
    assert metrics["f1_micro"] == pytest.approx(sum(hits) / num_events)
    scores = [
        f1([t == each for t in one.tolist()], [p == each for p in predicted])
        for each in {*one.tolist(), *predicted}
    ]
    assert metrics["f1_macro"] == pytest.approx(sum(scores) / len(scores))

    metrics = class_metrics(logits, several, LabelKind.MULTI_EDGE)
    true, found = (several > 0).tolist(), (logits > 0).tolist()
    assert metrics["f1_micro"] == pytest.approx(f1(list(chain(*true)), list(chain(*found))))
    by_class = [
        f1(list(t), list(p))
        for t, p in zip(zip(*true, strict=True), zip(*found, strict=True), strict=True)
    ]
    assert metrics["f1_macro"] == pytest.approx(sum(by_class) / num_classes)
    best = [row[place] for row, place in zip(true, predicted, strict=True)]
    assert metrics["top1"] == pytest.approx(sum(best) / num_events)


@given(st.integers(0, 10**6), st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_auc_equals_the_share_of_pairs_won(seed: int, num_events: int) -> None:
    logits, _ = draw(seed, num_events, 2)
    labels = torch.arange(num_events) % 2
    margin = (logits[:, 1] - logits[:, 0]).tolist()
    pairs = [
        (p > n) + (p == n) / 2
        for p, positive in zip(margin, labels.tolist(), strict=True)
        for n, negative in zip(margin, labels.tolist(), strict=True)
        if positive and not negative
    ]
    metrics = class_metrics(logits, labels, LabelKind.NODE)
    assert metrics["node_auc"] == pytest.approx(sum(pairs) / len(pairs))


def test_more_than_two_states_are_classes() -> None:
    logits = torch.eye(3, dtype=torch.float64)
    metrics = class_metrics(logits, torch.tensor([0, 1, 1]), LabelKind.NODE)
    assert metrics["f1_micro"] == pytest.approx(2 / 3)


def test_what_has_no_metric_is_refused() -> None:
    logits = torch.zeros(3, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="the 3 labelled events to evaluate do not show both"):
        class_metrics(logits, torch.zeros(3, dtype=torch.int64), LabelKind.NODE)
    logits[1, 0] = torch.nan
    with pytest.raises(ValueError, match="the logits of event 11 and of 0 other events hold NaN"):
        class_metrics(logits, torch.tensor([0, 1, 1]), LabelKind.EDGE, first_event=10)
