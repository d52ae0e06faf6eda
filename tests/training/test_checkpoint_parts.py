"""Machines without a common folder keep parts of a checkpoint that make up one."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmark.records.run_folder import RunFolder
from benchmark.training.checkpoint import PART, Checkpoints
from benchmark.training.processes import Processes
from tests.thread_processes import on_threads


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Those of two machines, two processes on each; the second has its own."""
    made = [tmp_path / "machine 0", tmp_path / "machine 1"]
    for folder in made:
        folder.mkdir()
    (made[1] / PART).touch()
    return made


def save(folders: list[Path], name: str, log: bool = True) -> None:
    def work(processes: Processes) -> None:
        record = RunFolder(folders[processes.machine])
        if processes.rank == 0 and log:
            record.log({"iteration": 1, "epoch": 1, "seconds": 0.0})
        state = {"name": name, "rank": processes.rank}
        Checkpoints(record, processes).save(name, state)

    on_threads(4, work, machines=len(folders))


def load(folders: list[Path]) -> list[Any]:
    def work(processes: Processes) -> Any:
        state = Checkpoints(RunFolder(folders[processes.machine]), processes).load()
        return state and (state["name"], state["rank"])

    found: list[Any] = on_threads(4, work, machines=len(folders))
    return found


def files(folder: Path, name: str) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoint" / name).glob("rank*.pt"))


def test_each_machine_has_the_files_of_its_processes(folders: list[Path]) -> None:
    save(folders, "round-1")
    assert files(folders[0], "round-1") == ["rank0.pt", "rank1.pt"]
    assert files(folders[1], "round-1") == ["rank2.pt", "rank3.pt"]
    assert load(folders) == [("round-1", rank) for rank in range(4)]


def test_the_newest_that_every_machine_has_whole(folders: list[Path]) -> None:
    save(folders, "round-1")
    save(folders, "round-2")
    (folders[1] / "checkpoint" / "round-2" / "rank3.pt").write_bytes(b"damaged")
    assert load(folders) == [("round-1", rank) for rank in range(4)]
    assert len(RunFolder(folders[0]).metrics()) == 1


def test_where_one_machine_has_lost_its_part_all_start_anew(folders: list[Path]) -> None:
    save(folders, "round-1")
    shutil.rmtree(folders[1] / "checkpoint")
    assert load(folders) == [None] * 4
    assert RunFolder(folders[0]).metrics() == []


def test_a_checkpoint_goes_from_two_machines_to_one(folders: list[Path]) -> None:
    save(folders, "round-1")
    theirs = folders[1] / "checkpoint" / "round-1"
    for path in theirs.glob("rank*.pt"):
        shutil.copy(path, folders[0] / "checkpoint" / "round-1")
    assert load(folders[:1]) == [("round-1", rank) for rank in range(4)]


def test_and_from_one_machine_to_two_that_share_the_folder(tmp_path: Path) -> None:
    save([tmp_path], "round-1")
    assert load([tmp_path, tmp_path]) == [("round-1", rank) for rank in range(4)]
    save([tmp_path, tmp_path], "round-2")
    assert load([tmp_path]) == [("round-2", rank) for rank in range(4)]
