"""The evaluation of classifiers with known answers."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, EventBatch, LabelKind
from benchmark.protocol.evaluator import MajorityClass, evaluate_classes
from benchmark.protocol.walk import Sharing
from tests.models.streams import random_dataset

NUM_CLASSES = 3


def labelled(kind: LabelKind = LabelKind.EDGE) -> Dataset:
    """60 events, 15 of them validate; class 2 is the most frequent one in training."""
    dataset = random_dataset(num_events=60)
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(NUM_CLASSES, (60,), generator=generator)
    labels[:20] = 2
    dataset.stream.y = labels if kind is LabelKind.EDGE else torch.eye(NUM_CLASSES)[labels]
    return replace(dataset, label_kind=kind, num_classes=NUM_CLASSES)


class Noted:
    """Right on every event with an even id; notes what it is asked and what it observes."""

    def __init__(self, dataset: Dataset) -> None:
        self.labels = dataset.stream.y
        self.calls: list[tuple[str, int, int]] = []

    def classify(self, events: EventBatch) -> Tensor:
        self.calls.append(("classify", events.start, len(events)))
        answers = (self.labels[events.ids] + events.ids % 2) % NUM_CLASSES
        return torch.eye(NUM_CLASSES)[answers]

    def observe(self, events: EventBatch) -> None:
        self.calls.append(("observe", events.start, len(events)))


def test_batches_are_classified_then_observed_and_pooled() -> None:
    dataset = labelled()
    classifier = Noted(dataset)
    metrics = evaluate_classes(classifier, dataset, "validation", 8)
    assert classifier.calls == [
        ("classify", 30, 8),
        ("observe", 30, 8),
        ("classify", 38, 7),
        ("observe", 38, 7),
    ]
    assert metrics["f1_micro"] == 8 / 15
    assert metrics["num_events"] == 15


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_shares_add_up_to_the_whole(batch_size: int) -> None:
    dataset = labelled()
    shares: list[Tensor] = []

    def keep(pooled: Tensor) -> Tensor:
        shares.append(pooled)
        return sum(shares, torch.zeros(()))

    for rank in range(3):
        metrics = evaluate_classes(
            Noted(dataset), dataset, "test", batch_size, Sharing(rank, 3, keep)
        )
    assert metrics == evaluate_classes(Noted(dataset), dataset, "test", 7)


def test_the_majority_class_of_training() -> None:
    dataset = labelled()
    metrics = evaluate_classes(MajorityClass(dataset), dataset, "test", 6)
    assert metrics["f1_micro"] == (dataset.stream.y[45:] == 2).double().mean().item()
    several = labelled(LabelKind.MULTI_EDGE)
    majority = MajorityClass(several)
    assert (majority.classify(several.batch(0, 1)) > 0).tolist() == [[False, False, True]]
    assert evaluate_classes(majority, several, "test", 6)["top1"] == metrics["top1"]


@pytest.mark.parametrize("kind", [LabelKind.EDGE, LabelKind.MULTI_EDGE])
def test_events_without_a_label_count_nowhere(kind: LabelKind) -> None:
    """Without every third of 15 test events, of which 3 are right: the metrics of the others.

    In training the first 20 events, all of class 2, lose their labels and their weight.
    """
    dataset = labelled(kind)
    whole = dataset.stream.y.clone()
    dataset.stream.y[45::3] = UNLABELLED
    dataset.stream.y[:20] = UNLABELLED

    class Right(Noted):
        def classify(self, events: EventBatch) -> Tensor:
            right = torch.eye(NUM_CLASSES)[whole[events.ids]] if whole.dim() == 1 else None
            logits = whole[events.ids] - 0.5 if right is None else right
            return torch.where((events.ids % 3 == 0)[:, None], -logits, logits)

    metrics = evaluate_classes(Right(dataset), dataset, "test", 4)
    shown = 1.0 if kind is LabelKind.EDGE else 2 / 3  # a class that no event has counts as 0
    assert metrics.pop("f1_macro") == pytest.approx(shown)
    assert metrics == {"f1_micro": 1.0, "top1": 1.0, "num_events": 10.0}
    left = whole[20:30] if kind is LabelKind.EDGE else whole[20:30].argmax(1)
    share = left.bincount(minlength=NUM_CLASSES).double() / 10 - 0.5
    assert torch.equal(MajorityClass(dataset).logits, share)


@pytest.mark.parametrize("kind", [LabelKind.NODE, LabelKind.EDGE, LabelKind.MULTI_EDGE])
def test_a_split_without_any_label_is_refused(kind: LabelKind) -> None:
    dataset = replace(labelled(kind), label_kind=kind)
    if kind is LabelKind.NODE:
        dataset.stream.y = torch.randint(NUM_CLASSES, (60,))
    dataset.stream.y[45:] = UNLABELLED
    with pytest.raises(ValueError, match="none of the 15 events to evaluate has a label; move"):
        evaluate_classes(MajorityClass(dataset), dataset, "test", 4)


def test_logits_of_another_shape_are_refused() -> None:
    dataset = replace(labelled(), num_classes=5)
    with pytest.raises(ValueError, match=r"4 events of 5 classes with a tensor of shape \(4, 3\)"):
        evaluate_classes(Noted(dataset), dataset, "validation", 4)
