"""The decoder on frozen embeddings."""

import copy
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind
from benchmark.protocol import metrics as class_metrics
from benchmark.randomness import generator
from benchmark.tasks.node_decoder import DecoderTraining, balanced, by_appearance, train_decoder
from tests.models.streams import random_dataset

SETTINGS = DecoderTraining(epochs=30, batch_size=16, learning_rate=1e-2, hidden_dim=8)


def rare_states() -> tuple[Dataset, Tensor]:
    """400 events, one in ten of state 1, which a product of two of four dimensions tells."""
    dataset = random_dataset(num_events=400)
    embeddings = torch.randn(400, 4, generator=torch.Generator().manual_seed(0))
    signal = embeddings[:, 0] * embeddings[:, 1]
    dataset.stream.y = (signal > signal.quantile(0.9)).long()
    return replace(dataset, label_kind=LabelKind.NODE, num_classes=2), embeddings


def train(seed: int = 0) -> dict[str, float]:
    dataset, embeddings = rare_states()
    arguments = ("node_auc", SETTINGS, seed, lambda done, total: None)
    return train_decoder(embeddings, dataset, *arguments)[1]


def test_it_learns_what_is_in_the_embeddings_and_nothing_else() -> None:
    metrics = train()
    assert metrics["test_node_auc"] > 0.9
    assert metrics["validation_node_auc_best"] == metrics["validation_node_auc"]
    dataset, embeddings = rare_states()
    mixed = embeddings[torch.randperm(400, generator=torch.Generator().manual_seed(1))]
    _, blind = train_decoder(mixed, dataset, "node_auc", SETTINGS, 0, lambda done, total: None)
    assert abs(blind["test_node_auc"] - 0.5) < 0.25


def test_the_seed_decides_everything() -> None:
    torch.manual_seed(3)
    first = train()
    torch.manual_seed(4)
    assert train() == first
    assert train(seed=1) != first


def test_test_labels_change_no_validation() -> None:
    dataset, embeddings = rare_states()
    dataset.stream.y[300:] = 1 - dataset.stream.y[300:]
    _, other = train_decoder(embeddings, dataset, "node_auc", SETTINGS, 0, lambda done, total: None)
    found = train()
    assert other["best_epoch"] == found["best_epoch"]
    assert other["validation_node_auc"] == found["validation_node_auc"]
    assert other["test_node_auc"] == pytest.approx(1 - found["test_node_auc"])


def swapped(dataset: Dataset, order: list[int]) -> Dataset:
    """The same events, whose class c is called ``order[c]``."""
    stream = copy.deepcopy(dataset.stream)
    stream.y = torch.where(stream.y == UNLABELLED, UNLABELLED, torch.tensor(order)[stream.y])
    return replace(dataset, stream=stream)


@pytest.mark.parametrize("unlabelled", [False, True])
def test_the_numbering_of_two_classes_does_not_matter(
    unlabelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the positive class held, to the last digit."""
    dataset, embeddings = rare_states()
    if unlabelled:
        dataset.stream.y[::3] = UNLABELLED
    arguments = "node_ap", SETTINGS, 0, lambda done, total: None
    _, metrics = train_decoder(embeddings, dataset, *arguments)
    other = swapped(dataset, [1, 0])
    monkeypatch.setattr(class_metrics, "POSITIVE", 0)
    assert train_decoder(embeddings, other, *arguments)[1] == metrics
    assert train_decoder(embeddings, dataset, *arguments)[1] != metrics


def test_the_numbering_of_three_classes_does_not_matter() -> None:
    dataset, embeddings = rare_states()
    dataset.stream.y[embeddings[:, 2] > 0.5] = 2
    dataset = replace(dataset, num_classes=4)  # of the last there is no event
    arguments = "f1_micro", SETTINGS, 0, lambda done, total: None
    _, metrics = train_decoder(embeddings, dataset, *arguments)
    assert metrics["test_f1_micro"] > 0.5
    for order in ([2, 0, 1, 3], [1, 0, 2, 3]):
        _, other = train_decoder(embeddings, swapped(dataset, order), *arguments)
        assert other == pytest.approx(metrics, abs=1e-12)


def test_classes_stand_in_the_order_in_which_they_appear() -> None:
    labels = torch.tensor([UNLABELLED, 3, 3, 0, UNLABELLED, 1, 0])
    assert by_appearance(labels, 5).tolist() == [1, 2, 3, 0, 4]
    assert by_appearance(torch.tensor([0, 0, 1]), 2).tolist() == [0, 1]


def test_every_class_is_drawn_as_often_as_the_rarest() -> None:
    labels = torch.tensor([0, 0, 1, 0, 1, 0, 3, 3, 3])
    drawn = [balanced(labels, 5, generator(0, epoch)) for epoch in range(20)]
    for rows in drawn:
        assert Counter(labels[rows].tolist()) == {0: 2, 1: 2, 3: 2}
        assert len(set(rows.tolist())) == 6
    assert set(torch.cat(drawn).tolist()) == set(range(9))
