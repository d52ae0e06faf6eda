"""What pre-training learns, and that nothing from after the training split can enter it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch_geometric.data import TemporalData

from benchmark.datasets.dataset import Dataset, Split
from benchmark.disttgl.pretraining import pretrain, training_part
from benchmark.disttgl.table_trainer import first_rows
from benchmark.protocol.negatives import NegativePool
from tests.disttgl.pretrained import CPU, MODEL, SETTINGS, small_dataset, table_trainer, trained
from tests.disttgl.small import PROTOCOL


def with_stream(dataset: Dataset, change: Callable[[TemporalData], None]) -> Dataset:
    stream = dataset.stream.clone()
    change(stream)
    return replace(dataset, stream=stream)


def another_future(dataset: Dataset) -> Dataset:
    """Other events after the training split: more of them, and among other and new nodes."""
    end, num_nodes, num_later = dataset.split.train_end, dataset.num_nodes + 7, 150
    generator = torch.Generator().manual_seed(99)
    stream = dataset.stream

    def joined(before: Tensor, after: Tensor) -> Tensor:
        return torch.cat([before[:end], after])

    later = torch.randint(num_nodes, (2, num_later), generator=generator)
    later[:, -1] = num_nodes - 1
    features = torch.randn(num_later, dataset.edge_dim, generator=generator)
    times = stream.t[end - 1] + torch.arange(num_later)  # the first of them ties with the split
    assert dataset.node_features is not None
    return replace(
        dataset,
        stream=TemporalData(
            src=joined(stream.src, later[0]),
            dst=joined(stream.dst, later[1]),
            t=joined(stream.t, times),
            msg=joined(stream.msg, features),
        ),
        num_nodes=num_nodes,
        split=Split(end, end + 70, end + num_later),
        node_features=torch.cat([dataset.node_features, torch.ones(7, 4)]),
    )


def dataset_with_node_features() -> Dataset:
    dataset = small_dataset()
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(dataset.num_nodes, 4, generator=generator)
    return replace(dataset, node_features=features)


@pytest.mark.parametrize("pool", list(NegativePool))
def test_nothing_after_the_training_split_enters(pool: NegativePool) -> None:
    dataset = dataset_with_node_features()
    settings = replace(SETTINGS, protocol=replace(PROTOCOL, negative_pool=pool))
    there, elsewhere = trained(dataset, settings), trained(another_future(dataset), settings)
    assert torch.equal(there.rows, elsewhere.rows[: dataset.num_nodes])
    assert torch.equal(there.losses, elsewhere.losses)
    assert torch.equal(there.mrrs, elsewhere.mrrs)


@pytest.mark.parametrize("column", ["src", "dst", "t", "msg"])
def test_every_part_of_a_training_event_enters(column: str) -> None:
    """Without this the test above would prove nothing."""
    dataset = small_dataset()
    last = int(table_trainer(dataset).trained[-1])

    def change(stream: TemporalData) -> None:
        if column == "msg":
            stream.msg[last - 20 : last] += 1.0
        elif column == "t":
            stream.t[last:] += 5
        else:
            stream[column][last] = (stream[column][last] + 1) % 20

    changed = with_stream(dataset, change)
    assert not torch.equal(trained(dataset).rows, trained(changed).rows)


def test_nodes_that_train_nothing_share_the_mean_row() -> None:
    dataset = small_dataset()
    trainer, (_, seen) = table_trainer(dataset), training_part(dataset)
    known = torch.zeros(dataset.num_nodes, dtype=torch.bool)
    known[seen[trainer.trained_nodes]] = True
    pretrained = trained(dataset)
    rows, mean = pretrained.rows, pretrained.rows[known].mean(0)
    assert (~known).sum() >= 2
    assert torch.equal(pretrained.unknown, mean)
    assert (rows[~known] == mean).all()
    assert (rows[known] != mean).any(dim=1).all()


def test_held_out_events_train_nothing() -> None:
    trainer = table_trainer(small_dataset())
    asked: list[Tensor] = []
    step = trainer.step

    def watched(ids: Tensor, number: int) -> Tensor:
        asked.append(ids)
        return step(ids, number)

    trainer.step = watched  # type: ignore[method-assign]
    trainer.train_epoch(0, lambda *report: None)
    together = torch.cat([*asked, trainer.held_out]).sort().values
    assert together.tolist() == list(range(215))
    assert len(trainer.held_out) == 22


def test_ranking_the_held_out_events_changes_nothing() -> None:
    trainer = table_trainer(small_dataset())
    before = {name: value.clone() for name, value in trainer.state_dict().items()}
    assert trainer.mean_reciprocal_rank() == trainer.mean_reciprocal_rank()
    assert all(torch.equal(value, before[name]) for name, value in trainer.state_dict().items())


def test_a_row_starts_by_its_node_and_the_seed_alone() -> None:
    nodes = torch.tensor([3, 8, 11])
    rows = first_rows(nodes, 6, seed=0)
    assert torch.equal(first_rows(nodes[1:], 6, seed=0), rows[1:])
    assert not torch.equal(first_rows(nodes, 6, seed=1), rows)
    many = first_rows(torch.arange(2_000), 50, seed=0)
    assert many.mean().abs() < 1e-3
    assert many.std() == pytest.approx(0.1, abs=1e-3)
    assert many[:, 0].unique().numel() > 1_990
    correlation = torch.corrcoef(many[:40]) - torch.eye(40)
    assert correlation.abs().max() < 0.6  # of 50 numbers each, 0.14 at random


def test_the_training_part_is_the_same_stream_under_other_numbers() -> None:
    dataset = dataset_with_node_features()
    part, seen = training_part(dataset)
    end = dataset.split.train_end
    assert part.num_events == part.split.train_end == end
    assert torch.equal(seen[part.stream.src], dataset.stream.src[:end])
    assert torch.equal(seen[part.stream.dst], dataset.stream.dst[:end])
    assert part.node_features is not None and dataset.node_features is not None
    assert torch.equal(part.node_features, dataset.node_features[seen])
    assert torch.equal(seen[part.destinations], dataset.stream.dst[:end].unique())


def test_the_same_seed_gives_the_same_table_and_another_seed_another() -> None:
    dataset = small_dataset()
    first = trained(dataset)
    torch.rand(3)  # the global generator plays no part
    assert torch.equal(first.rows, trained(dataset).rows)
    assert not torch.equal(first.rows, trained(dataset, replace(SETTINGS, seed=1)).rows)


def test_progress_is_reported_at_every_step() -> None:
    reports: list[tuple[str, int, int]] = []
    pretrain(small_dataset(), MODEL, SETTINGS, CPU, lambda *report: reports.append(report))
    assert reports == [("pretrain", step, 8) for step in range(1, 9)]  # 193 events by 50, twice


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "static_memory_epochs is 0; it must be at least 1"),
        ({"patience": 0}, "static_memory_patience is 0; it must be at least 1"),
        ({"learning_rate": 0.0}, "static_memory_learning_rate is 0.0; it must be above 0"),
        (
            {"table_learning_rate": -1e-2},
            "static_memory_table_learning_rate is -0.01; it must be above 0",
        ),
        ({"held_out": 0.0}, "static_memory_held_out is 0.0; it must be a share of the training"),
        ({"held_out": 1.0}, "static_memory_held_out is 1.0; it must be a share of the training"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SETTINGS, **change)  # type: ignore[arg-type]


def test_a_share_that_leaves_nothing_to_train_is_refused() -> None:
    with pytest.raises(ValueError, match=r"held_out=0\.999 holds out all 215 training events"):
        trained(small_dataset(), replace(SETTINGS, held_out=0.999))
