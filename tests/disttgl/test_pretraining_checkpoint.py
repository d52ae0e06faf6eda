"""Pre-training ends at a plateau, and goes on after an interruption as if there had been none."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.disttgl.pretraining import pretrain, training_part
from benchmark.disttgl.table_trainer import TableTrainer
from tests.disttgl.pretrained import (
    CPU,
    MODEL,
    SETTINGS,
    InterruptionError,
    small_dataset,
    table_trainer,
    trained,
)

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
