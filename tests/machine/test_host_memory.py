"""Large pages change nothing but how long a look takes; what is let go is there when asked for."""

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.machine import host_memory
from benchmark.machine.host_memory import LARGE_PAGE, keep_freed_memory, let_go, use_large_pages

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def bytes_of_mapping(table: torch.Tensor, kind: str) -> int:
    """How much of the mapping that holds the middle of a table is of this kind."""
    inside, place = False, table.data_ptr() + table.nbytes // 2
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            begin, end = (int(part, 16) for part in first.split("-"))
            inside = begin <= place < end
        elif inside and first == f"{kind}:":
            return 1024 * int(line.split()[1])
    raise AssertionError("not mapped")


def large_bytes(table: torch.Tensor) -> int:
    return bytes_of_mapping(table, "AnonHugePages")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has large pages on demand")
def test_a_table_lies_in_large_pages_and_is_the_same() -> None:
    if not SETTING.exists() or "[never]" in SETTING.read_text():
        pytest.skip("large pages are switched off")
    table = torch.arange(4 * LARGE_PAGE // 4 + 7, dtype=torch.int32)
    use_large_pages(table)
    assert torch.equal(table, torch.arange(len(table), dtype=torch.int32))
    if large_bytes(table) == 0:
        pytest.skip("the kernel had no large page to give, or cannot move what is there already")
    assert large_bytes(table) >= 2 * LARGE_PAGE


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has large pages on demand")
def test_of_a_very_large_table_only_what_is_not_written_yet_will_lie_in_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not SETTING.exists() or "[madvise]" not in SETTING.read_text():
        pytest.skip("large pages are switched off, or taken unasked")
    monkeypatch.setattr(host_memory, "MOST_BYTES", 0)
    written = torch.ones(32 * LARGE_PAGE, dtype=torch.uint8)
    fresh = torch.empty_like(written)
    for table in (written, fresh):
        use_large_pages(table)
    fresh.fill_(1)
    if large_bytes(fresh) == 0:
        pytest.skip("the kernel had no large page to give")
    assert large_bytes(fresh) > large_bytes(written)
    assert torch.equal(fresh, written)


@pytest.mark.parametrize("size", [0, 1, mmap.PAGESIZE, LARGE_PAGE])
def test_small_tables_and_views_are_left_alone(size: int) -> None:
    table = torch.arange(size + 3, dtype=torch.uint8)[3:]
    before = table.clone()
    use_large_pages(table)
    assert torch.equal(table, before)


def test_memory_is_kept_where_the_c_library_can() -> None:
    keep_freed_memory()
    keep_freed_memory()
    assert torch.ones(1 << 20).sum() == 1 << 20


@pytest.fixture
def column(tmp_path: Path) -> torch.Tensor:
    """A mapped file of 4 MiB, read through."""
    np.save(tmp_path / "column.npy", np.arange(1 << 19))
    found = torch.from_numpy(np.load(tmp_path / "column.npy", mmap_mode="c"))
    assert found.sum() == (1 << 18) * ((1 << 19) - 1)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what is mapped")
class TestLetGo:
    @pytest.fixture(autouse=True)
    def all_are_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(host_memory, "LEAST_BYTES", 0)

    def test_a_small_one_is_not_looked_for(
        self, column: torch.Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(host_memory, "LEAST_BYTES", column.nbytes + 1)
        let_go(column)
        assert bytes_of_mapping(column, "Rss") >= column.nbytes

    def test_a_file_that_was_read_takes_no_memory_and_is_read_again(
        self, column: torch.Tensor
    ) -> None:
        assert bytes_of_mapping(column, "Rss") >= column.nbytes
        let_go(column)
        assert bytes_of_mapping(column, "Rss") == 0
        assert torch.equal(column, torch.arange(1 << 19))

    def test_what_was_written_stays(self, column: torch.Tensor) -> None:
        column[[5, -1]] = -1
        let_go(column)
        assert column[[4, 5, 6, -2, -1]].tolist() == [4, -1, 6, (1 << 19) - 2, -1]

    def test_memory_that_is_no_file_stays(self) -> None:
        table = torch.arange(1 << 19)
        let_go(table, table[7:], torch.empty(0), torch.empty(3, device="meta"))
        assert torch.equal(table, torch.arange(1 << 19))

    def test_shared_memory_stays(self) -> None:
        table = torch.arange(1 << 19).share_memory_()
        let_go(table)
        assert torch.equal(table, torch.arange(1 << 19))
