"""What pre-training learns, and that nothing from after the training split can enter it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor
from torch_geometric.data import TemporalData

from benchmark.datasets.dataset import Dataset, Split
from benchmark.disttgl.pretraining import Pretrained, Pretraining, pretrain, training_part
from benchmark.models.tgn_attention import TGNAttention
from benchmark.protocol.pool import NegativePool
from tests.disttgl.small import PROTOCOL
from tests.models.streams import random_dataset

CPU = torch.device("cpu")
MODEL = partial(
    TGNAttention, memory_dim=6, time_dim=5, embedding_dim=8, num_neighbors=4, num_heads=2
)
SETTINGS = Pretraining(
    epochs=2,
    learning_rate=1e-2,
    batch_size=50,
    num_negatives=1,
    protocol=PROTOCOL,
    seed=0,
)


def trained(dataset: Dataset, settings: Pretraining = SETTINGS) -> Pretrained:
    return pretrain(dataset, MODEL, settings, CPU, lambda phase, done, total: None)


def small_dataset() -> Dataset:
    """300 events, 215 of them for training, among 28 of 30 nodes."""
    return random_dataset(seed=1, num_events=300, num_nodes=30, split=Split(215, 258, 300))


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


@pytest.mark.parametrize("column", ["src", "dst", "t", "msg"])
def test_every_part_of_a_training_event_enters(column: str) -> None:
    """Without this the test above would prove nothing."""
    dataset = small_dataset()
    last = dataset.split.train_end - 1

    def change(stream: TemporalData) -> None:
        if column == "msg":
            stream.msg[last - 20 : last] += 1.0
        elif column == "t":
            stream.t[last:] += 5
        else:
            stream[column][last] = (stream[column][last] + 1) % 20

    changed = with_stream(dataset, change)
    assert not torch.equal(trained(dataset).rows, trained(changed).rows)


def test_nodes_without_training_event_have_rows_of_zeros() -> None:
    dataset = small_dataset()
    _, seen = training_part(dataset)
    unseen = torch.ones(dataset.num_nodes, dtype=torch.bool)
    unseen[seen] = False
    rows = trained(dataset).rows
    assert unseen.sum() >= 2
    assert (rows[unseen] == 0).all()
    assert (rows[seen] != 0).any(dim=1).all()


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


def test_the_loss_falls_on_a_stream_that_identity_explains() -> None:
    """Every source always meets the same destination."""
    num_pairs, num_events = 20, 600
    src = torch.randint(num_pairs, (num_events,), generator=torch.Generator().manual_seed(0))
    stream = TemporalData(
        src=src, dst=src + num_pairs, t=torch.arange(num_events), msg=torch.zeros(num_events, 0)
    )
    dataset = replace(
        small_dataset(),
        stream=stream,
        num_nodes=2 * num_pairs,
        split=Split(num_events - 2, num_events - 1, num_events),
    )
    # With 12 epochs some seeds, or one seed on some processors, have only begun to learn.
    settings = replace(
        SETTINGS,
        epochs=30,
        protocol=replace(PROTOCOL, negative_pool=NegativePool.DESTINATIONS),
    )
    losses = trained(dataset, settings).losses
    assert losses[0] > 0.65  # chance is ln 2
    assert losses[-1] < 0.5


def test_the_same_seed_gives_the_same_table_and_another_seed_another() -> None:
    dataset = small_dataset()
    first = trained(dataset)
    torch.rand(3)  # the global generator plays no part
    assert torch.equal(first.rows, trained(dataset).rows)
    assert not torch.equal(first.rows, trained(dataset, replace(SETTINGS, seed=1)).rows)


def test_progress_is_reported_at_every_step() -> None:
    reports: list[tuple[str, int, int]] = []
    dataset = small_dataset()
    pretrain(dataset, MODEL, SETTINGS, CPU, lambda *report: reports.append(report))
    batches = -(-dataset.split.train_end // SETTINGS.batch_size)
    total = SETTINGS.epochs * batches
    assert reports == [("pretrain", step, total) for step in range(1, total + 1)]


def test_no_epoch_is_refused() -> None:
    with pytest.raises(ValueError, match="static_memory_epochs is 0; it must be at least 1"):
        replace(SETTINGS, epochs=0)
