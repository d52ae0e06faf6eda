"""Checkpoints are whole, or passed over for the one before."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.errors import PlaceError
from benchmark.records.run_folder import RunFolder
from benchmark.training.checkpoint import Checkpoints
from benchmark.training.processes import Processes
from tests.thread_processes import on_threads


def save(folder: Path, name: str, states: list[dict[str, Any]], fatal: int | None = None) -> None:
    """All processes save; with ``fatal`` the last of them is killed before that barrier."""

    def work(processes: Processes) -> None:
        Checkpoints(RunFolder(folder), processes).save(name, states[processes.rank])

    on_threads(len(states), work, fatal)


def load(folder: Path, world: int) -> list[dict[str, Any] | None]:
    return [Checkpoints(RunFolder(folder), Processes(rank, world)).load() for rank in range(world)]


def rounds(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoint").iterdir())


def state_of(rank: int, value: int) -> dict[str, Any]:
    return {
        "tensor": torch.full((3,), value, dtype=torch.float64),
        "inputs": {(rank, 7): (torch.tensor([rank]), torch.arange(2))},
        "progress": {"iteration": value, "best": {"validation_mrr": 0.5}},
    }


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load(tmp_path, 1) == [None]


@pytest.mark.parametrize("world", [1, 3])
def test_each_process_gets_its_own_state_back(tmp_path: Path, world: int) -> None:
    save(tmp_path, "round-1", [state_of(rank, 10 + rank) for rank in range(world)])
    for rank, state in enumerate(load(tmp_path, world)):
        assert state is not None
        assert state["tensor"].tolist() == [10 + rank] * 3
        assert state["tensor"].dtype == torch.float64
        assert state["inputs"][rank, 7][0].item() == rank
        assert state["progress"]["best"] == {"validation_mrr": 0.5}


def test_the_newest_and_the_one_before_are_kept(tmp_path: Path) -> None:
    for value in range(4):
        save(tmp_path, f"round-{value}", [state_of(0, value)])
    assert rounds(tmp_path) == ["round-2", "round-3"]
    state = load(tmp_path, 1)[0]
    assert state is not None
    assert state["progress"]["iteration"] == 3


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def take_that_of_another_round(path: Path) -> None:
    path.write_bytes((path.parents[1] / "round-1" / path.name).read_bytes())


DAMAGES = [empty, cut, flip_a_bit, take_that_of_another_round, Path.unlink]


@pytest.mark.parametrize("file", ["rank0.pt", "rank1.pt", "manifest.json"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
def test_a_damaged_one_is_passed_over_for_the_one_before_by_every_process(
    tmp_path: Path, damage: Callable[[Path], object], file: str
) -> None:
    for value in (1, 2):
        save(tmp_path, f"round-{value}", [state_of(rank, value) for rank in range(2)])
    damage(tmp_path / "checkpoint" / "round-2" / file)
    for rank in range(2):
        checkpoints = Checkpoints(RunFolder(tmp_path), Processes(rank, 2))
        state = checkpoints.load()
        assert state is not None
        assert state["progress"]["iteration"] == 1
        (reason,) = checkpoints.passed_over
        assert reason.startswith("round-2")
    save(tmp_path, "round-2", [state_of(rank, 5) for rank in range(2)])
    again = load(tmp_path, 2)
    assert [state["progress"]["iteration"] for state in again if state] == [5, 5]


def test_where_all_are_damaged_a_run_starts_over(tmp_path: Path) -> None:
    for value in (1, 2):
        save(tmp_path, f"round-{value}", [state_of(0, value)])
        empty(tmp_path / "checkpoint" / f"round-{value}" / "rank0.pt")
    RunFolder(tmp_path).log({"iteration": 1})
    checkpoints = Checkpoints(RunFolder(tmp_path), Processes())
    assert checkpoints.load() is None
    assert checkpoints.passed_over == [
        "round-2/rank0.pt is not what was written",
        "round-1/rank0.pt is not what was written",
    ]
    assert RunFolder(tmp_path).metrics() == []


def test_lines_since_the_checkpoint_are_dropped_and_missing_ones_noticed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for value in (1, 2):
        folder.log({"iteration": value})
        save(tmp_path, f"round-{value}", [state_of(0, value)])
    folder.log({"iteration": 3})
    load(tmp_path, 1)
    assert folder.metrics() == [{"iteration": 1}, {"iteration": 2}]
    (tmp_path / "metrics.jsonl").write_text('{"iteration": 1}\n')
    checkpoints = Checkpoints(folder, Processes())
    state = checkpoints.load()
    assert state is not None
    assert state["progress"]["iteration"] == 1
    assert checkpoints.passed_over == ["metrics.jsonl is not what it was at round-2"]


def test_a_write_that_fails_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, "round-1", [state_of(0, 1)])

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.BytesIO):
        write = refuse

    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode="r": Full() if mode == "wb" else real(path, mode)
    )
    folder = tmp_path / "checkpoint" / "round-2"
    with pytest.raises(PlaceError, match=f"^Disk full: {folder} .* set results_dir to a folder"):
        save(tmp_path, "round-2", [state_of(0, 2)])
    monkeypatch.undo()
    state = load(tmp_path, 1)[0]
    assert state is not None
    assert state["progress"]["iteration"] == 1


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
    target = tmp_path / "checkpoint" / "round-1"
    (target / "manifest.json").unlink()  # as if killed when all files were there, and that one not
    assert len(list(target.glob("rank*.pt"))) == 3
    save(tmp_path, "round-1", [state_of(0, 2)])
    state = load(tmp_path, 1)[0]
    assert state is not None
    assert state["progress"]["iteration"] == 2
