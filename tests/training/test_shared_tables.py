"""Tables in memory: what is shown is what is seen, and never overwritten before all have looked."""

import os
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.training import shared_tables as module
from benchmark.training.processes import Processes, is_of_a_peer
from benchmark.training.shared_tables import SharedTables, shared_tables
from tests.thread_processes import on_threads
from tests.worlds import Job, run_jobs

ROUNDS = 200


def tables_of(processes: Processes, num_tables: int = 3, width: int = 100) -> SharedTables:
    tables = shared_tables(processes, range(processes.world_size), num_tables, 8 * width)
    assert tables is not None
    return tables


def show_and_look(processes: Processes) -> list[Tensor]:
    """What a process sees of tables of other lengths in each round, some processes being late."""
    tables, seen = tables_of(processes), []
    for number in range(ROUNDS):
        tables.begin()
        if number % processes.world_size != processes.rank:  # one shows nothing
            length = (number + processes.rank) % 100
            tables.show(processes.rank, torch.arange(length) + 1000 * number + processes.rank)
        if (number + processes.rank) % 50 == 0:
            time.sleep(0.002)
        processes.barrier()
        showing = [rank for rank in range(processes.world_size) if number % 3 != rank]
        lengths = [(number + rank) % 100 for rank in showing]
        looks = zip(showing, lengths, strict=True)
        seen.append(torch.cat([tables.look(rank, [n], torch.int64) for rank, n in looks]))
    return seen


def expected(number: int) -> Tensor:
    lengths = [(number + rank) % 100 for rank in range(3)]
    shown = [torch.arange(n) + 1000 * number + rank for rank, n in enumerate(lengths)]
    return torch.cat([table for rank, table in enumerate(shown) if number % 3 != rank])


def test_every_round_is_seen_whole_by_every_process(tmp_path: Path) -> None:
    (results,) = run_jobs([Job(3, show_and_look)], tmp_path)
    for seen in results:
        for number, table in enumerate(seen):
            assert torch.equal(table, expected(number))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_gathering_is_what_collective_calls_return(dtype: torch.dtype) -> None:
    def gather(processes: Processes) -> list[tuple[Tensor, Tensor]]:
        tables = tables_of(processes)
        generator = torch.Generator().manual_seed(processes.rank)
        rows = [torch.randn(2, 5, generator=generator).to(dtype) for _ in range(5)]
        return [(tables.gather(each), processes.gather(each)) for each in rows]

    for of_process in on_threads(3, gather):
        for in_memory, sent in of_process:
            assert torch.equal(in_memory, sent)


def test_only_those_who_share_have_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_two(processes: Processes) -> bool:
        return shared_tables(processes, [0, 2], 1, 8) is not None

    def of_one(processes: Processes) -> bool:
        return shared_tables(processes, [processes.world_size - 1], 1, 8) is not None

    assert on_threads(3, of_two) == [True, False, True]
    assert on_threads(2, of_one) == [False, False]
    assert shared_tables(Processes(), [0], 1, 8) is None
    monkeypatch.setattr(module, "machine_identity", time.monotonic_ns)  # of machines of their own
    assert on_threads(3, of_two) == [False, False, False]


@pytest.mark.parametrize("elsewhere", [None, "another file"])
def test_who_cannot_see_the_memory_has_all_send(
    elsewhere: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, other = [], tmp_path / "other"
    other.write_bytes(b"mine")

    def wrong_once(path: str, flags: int) -> int:
        opened.append(path)
        if len(opened) > 1:
            return os.dup(int(path.rpartition("/")[2]))
        if elsewhere is None:
            raise PermissionError
        return real(other, flags)

    real = os.open
    monkeypatch.setattr(module.os, "open", wrong_once)
    with_tables = on_threads(2, lambda p: shared_tables(p, [0, 1], 1, 8) is not None)
    assert with_tables == [False, False]
    assert len(opened) == 2
    assert other.read_bytes() == b"mine"


def test_a_system_without_such_memory_has_all_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module.os, "memfd_create")
    assert on_threads(2, lambda p: shared_tables(p, [0, 1], 1, 8)) == [None, None]


def leave_early(processes: Processes) -> bool:
    """Whether who waits for one that has left is told that a peer is gone."""
    tables = tables_of(processes)
    tables.gather(torch.zeros(3))
    if processes.rank == 1:
        return True
    try:
        tables.gather(torch.zeros(3))
    except RuntimeError as error:
        return is_of_a_peer(error)
    return False


def test_nobody_waits_for_who_is_gone(tmp_path: Path) -> None:
    assert run_jobs([Job(2, leave_early)], tmp_path) == [[True, True]]
