"""Codes of classes as edge features."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.locations import Locations
from benchmark.datasets.synthetic import load_synthetic
from benchmark.datasets.transforms import with_class_features


@pytest.fixture
def labelled(tmp_path: Path) -> Dataset:
    """400 events of three classes with two features of their own."""
    dataset = load_synthetic(Locations(None, tmp_path), "synthetic", 0, 50, 400, True, 2)
    dataset.stream.y = torch.arange(400) % 3
    return replace(dataset, label_kind=LabelKind.EDGE, num_classes=3)


def test_events_of_one_class_share_a_code_and_others_differ(labelled: Dataset) -> None:
    coded = with_class_features(labelled, 4)
    assert coded.edge_dim == 2 + 4
    assert torch.equal(coded.stream.msg[:, :2], labelled.stream.msg)
    codes = coded.stream.msg[:, 2:]
    assert torch.equal(codes[0], codes[3])
    assert not torch.equal(codes[0], codes[1])
    assert len(codes.unique(dim=0)) == 3
    assert labelled.edge_dim == 2


def test_codes_are_the_same_every_time(labelled: Dataset) -> None:
    first, second = (with_class_features(labelled, 4).stream.msg for _ in range(2))
    assert torch.equal(first, second)


def test_a_stream_without_one_class_per_event_is_refused(labelled: Dataset) -> None:
    nodes = replace(labelled, label_kind=LabelKind.NODE)
    with pytest.raises(ValueError, match="class_features=4: synthetic has labels of kind node"):
        with_class_features(nodes, 4)
    with pytest.raises(ValueError, match="class_features=0"):
        with_class_features(labelled, 0)
