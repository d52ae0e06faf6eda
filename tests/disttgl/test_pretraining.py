"""What pre-training learns, and that nothing from after the training split can enter it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch_geometric.data import TemporalData

from benchmark.datasets.dataset import Dataset, Split
from benchmark.disttgl.pretraining import Pretrained, pretrain, training_part
from benchmark.disttgl.table_trainer import Pretraining, TableTrainer, first_rows
from benchmark.models.tgn_attention import TGNAttention
from benchmark.protocol.negatives import NegativePool
from tests.disttgl.small import PROTOCOL
from tests.models.streams import random_dataset

CPU = torch.device("cpu")
MODEL = partial(
    TGNAttention, memory_dim=6, time_dim=5, embedding_dim=8, num_neighbors=4, num_heads=2
)
SETTINGS = Pretraining(
    epochs=2,
    patience=2,
    learning_rate=1e-2,
    table_learning_rate=2e-2,
    held_out=0.1,
    batch_size=50,
    num_negatives=1,
    protocol=PROTOCOL,
    seed=0,
)


def trained(
    dataset: Dataset, settings: Pretraining = SETTINGS, checkpoint: Path | None = None
) -> Pretrained:
    return pretrain(dataset, MODEL, settings, CPU, lambda *report: None, checkpoint)


def table_trainer(dataset: Dataset, settings: Pretraining = SETTINGS) -> TableTrainer:
    part, seen = training_part(dataset)
    network = MODEL(edge_features=part.stream.msg)
    return TableTrainer(part, network, first_rows(seen, network.node_dim, 0), settings)


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


SCRIPT = [0.1, 0.3, 0.2, 0.3, 0.4, 0.1, 0.2, 0.3, 0.9]


@pytest.mark.parametrize(
    ("epochs", "patience", "trained_epochs", "best"),
    [(9, 2, 4, 2), (9, 3, 8, 5), (9, 1, 3, 2), (3, 3, 3, 2), (1, 1, 1, 1)],
)
def test_it_ends_at_a_plateau_and_keeps_the_best_table(
    monkeypatch: pytest.MonkeyPatch, epochs: int, patience: int, trained_epochs: int, best: int
) -> None:
    tables: list[Tensor] = []

    def scripted(trainer: TableTrainer) -> float:
        tables.append(trainer.table.detach().clone())
        return SCRIPT[len(tables) - 1]

    monkeypatch.setattr(TableTrainer, "mean_reciprocal_rank", scripted)
    dataset = small_dataset()
    pretrained = trained(dataset, replace(SETTINGS, epochs=epochs, patience=patience))
    assert len(pretrained.mrrs) == len(pretrained.losses) == trained_epochs
    assert pretrained.best_epoch == best
    trainer, (_, seen) = table_trainer(dataset), training_part(dataset)
    known = trainer.trained_nodes
    assert torch.equal(pretrained.rows[seen[known]], tables[best - 1][known])


class InterruptionError(Exception):
    """What ends a pre-training in the middle."""


@pytest.mark.parametrize("interrupted_at", [3, 5, 9, 14])
def test_it_goes_on_after_an_interruption_as_if_there_had_been_none(
    tmp_path: Path, interrupted_at: int
) -> None:
    """Four batches an epoch: in the first, at the start of the second, in the third and fourth."""
    dataset, settings = small_dataset(), replace(SETTINGS, epochs=4, patience=4)
    checkpoint = tmp_path / "folder" / "table.checkpoint"
    steps: list[int] = []

    def interrupt(phase: str, done: int, total: int) -> None:
        if done == interrupted_at:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        pretrain(dataset, MODEL, settings, CPU, interrupt, checkpoint)
    resumed = pretrain(
        dataset, MODEL, settings, CPU, lambda *report: steps.append(report[1]), checkpoint
    )
    whole = trained(dataset, settings)
    for name in ("rows", "unknown", "losses", "mrrs"):
        assert torch.equal(getattr(resumed, name), getattr(whole, name)), name
    assert steps[0] == (interrupted_at - 1) // 4 * 4 + 1


def test_what_had_ended_is_not_trained_again(tmp_path: Path) -> None:
    checkpoint = tmp_path / "table.checkpoint"
    first = trained(small_dataset(), checkpoint=checkpoint)
    steps: list[int] = []
    again = pretrain(
        small_dataset(), MODEL, SETTINGS, CPU, lambda *report: steps.append(1), checkpoint
    )
    assert not steps
    assert torch.equal(first.rows, again.rows)
    assert first.seconds == again.seconds > 0


@pytest.mark.parametrize("damage", ["cut", "empty", "a flipped bit", "missing", "a file"])
def test_where_its_checkpoint_is_damaged_it_starts_over(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / "table.checkpoint"
    first = trained(small_dataset(), checkpoint=checkpoint)
    (file,) = checkpoint.glob("*.pt")
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "a file":
        shutil.rmtree(checkpoint)
        checkpoint.write_bytes(content)
    else:
        flipped = content[:500] + bytes([content[500] ^ 1]) + content[501:]
        file.write_bytes({"cut": content[:-1], "empty": b"", "a flipped bit": flipped}[damage])
    again = trained(small_dataset(), checkpoint=checkpoint)
    assert torch.equal(first.rows, again.rows)
    assert capsys.readouterr().err.endswith("pre-training starts over\n")
    assert [path.suffix for path in sorted(checkpoint.iterdir())] == [".pt", ".json"]


def test_a_loss_that_is_not_finite_ends_it(tmp_path: Path) -> None:
    settings = replace(SETTINGS, table_learning_rate=1e38)
    with pytest.raises(ValueError, match=r"static memory is nan in epoch \d+; the last good"):
        trained(small_dataset(), settings)


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
