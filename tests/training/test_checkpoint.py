"""Checkpoints are whole or not there."""

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.training.checkpoint import Checkpoints
from benchmark.training.processes import Processes
from tests.thread_processes import on_threads


def save(folder: Path, name: str, states: list[dict[str, Any]], fatal: int | None = None) -> None:
    """All processes save; with ``fatal`` the last of them is killed before that barrier."""

    def work(processes: Processes) -> None:
        Checkpoints(folder, processes).save(name, states[processes.rank])

    on_threads(len(states), work, fatal)


def load(folder: Path, world: int) -> list[dict[str, Any] | None]:
    return [Checkpoints(folder, Processes(rank, world)).load() for rank in range(world)]


def state_of(rank: int, value: int) -> dict[str, Any]:
    return {
        "tensor": torch.full((3,), value, dtype=torch.float64),
        "inputs": {(rank, 7): (torch.tensor([rank]), torch.arange(2))},
        "progress": {"iteration": value, "best": {"validation_mrr": 0.5}},
    }


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "checkpoint", 1) == [None]


@pytest.mark.parametrize("world", [1, 3])
def test_each_process_gets_its_own_state_back(tmp_path: Path, world: int) -> None:
    save(tmp_path, "round-1", [state_of(rank, 10 + rank) for rank in range(world)])
    for rank, state in enumerate(load(tmp_path, world)):
        assert state is not None
        assert state["tensor"].tolist() == [10 + rank] * 3
        assert state["tensor"].dtype == torch.float64
        assert state["inputs"][rank, 7][0].item() == rank
        assert state["progress"]["best"] == {"validation_mrr": 0.5}


def test_only_the_newest_is_kept(tmp_path: Path) -> None:
    for value in range(3):
        save(tmp_path, f"round-{value}", [state_of(0, value)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "round-2"]
    state = load(tmp_path, 1)[0]
    assert state is not None
    assert state["progress"]["iteration"] == 2


@pytest.mark.parametrize("fatal", [1, 2])
def test_a_kill_before_all_files_are_there_leaves_the_checkpoint_before(
    tmp_path: Path, fatal: int
) -> None:
    with pytest.raises(BaseException):  # noqa: B017 - the kill, or what it does to others
        save(tmp_path, "round-1", [state_of(rank, 1) for rank in range(2)], fatal)
    assert load(tmp_path, 2) == [None, None]
    save(tmp_path, "round-1", [state_of(rank, 1) for rank in range(2)])
    with pytest.raises(BaseException):  # noqa: B017
        save(tmp_path, "round-2", [state_of(rank, 2) for rank in range(2)], fatal)
    for state in load(tmp_path, 2):
        assert state is not None
        assert state["progress"]["iteration"] == 1


@pytest.mark.parametrize("world", [1, 3])
def test_another_number_of_processes_is_refused(tmp_path: Path, world: int) -> None:
    save(tmp_path, "round-1", [state_of(rank, 1) for rank in range(2)])
    with pytest.raises(ValueError, match=f"written by 2 processes, not by {world}"):
        load(tmp_path, world)


def test_files_of_an_unfinished_checkpoint_by_more_processes_do_not_count(tmp_path: Path) -> None:
    save(tmp_path, "round-1", [state_of(rank, 1) for rank in range(3)])
    (tmp_path / "latest").unlink()  # as if killed when all files were there, and that one not yet
    assert len(list((tmp_path / "round-1").glob("rank*.pt"))) == 3
    save(tmp_path, "round-1", [state_of(0, 2)])
    state = load(tmp_path, 1)[0]
    assert state is not None
    assert state["progress"]["iteration"] == 2
