"""What the host has prepared reaches a device in one piece, and comes back in one."""

from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.machine import device
from benchmark.machine.device import check_precision, reachable, to_device, to_host
from tests.pretend_device import DEVICE, counting


class Parts(NamedTuple):
    flags: Tensor
    ids: Tensor
    rows: Tensor
    number: int
    nothing: None = None


def parts() -> Parts:
    rows = torch.arange(12, dtype=torch.float32).view(4, 3).T  # not contiguous
    return Parts(torch.tensor([True, False, True]), torch.arange(5), rows, 7)


def test_one_copy_takes_all_and_a_tensor_once() -> None:
    given = parts()
    with counting() as count:
        moved, again = to_device((given, (given.ids, torch.empty(0))), DEVICE)
    assert len(count.uploads) == 1, count
    assert again[0] is moved.ids or torch.equal(again[0].cpu(), given.ids)
    assert (moved.number, moved.nothing) == (7, None)
    for there, here in zip(moved[:3], given[:3], strict=True):
        assert there.device == DEVICE
        assert torch.equal(there.cpu(), here)


def test_one_copy_brings_all_back() -> None:
    moved = to_device(parts(), DEVICE)
    with counting() as count:
        arrive = to_host(moved)
    assert len(count.downloads) == 1, count
    for here, expected in zip(arrive()[:3], parts()[:3], strict=True):
        assert torch.equal(here, expected)


def test_nothing_moves_on_a_cpu() -> None:
    given = parts()
    assert to_device(given, torch.device("cpu")) is given
    assert to_host(given)() is given


class SeenByNumpy:
    """What a GPU makes of a CUDA array, made of host memory by numpy."""

    def __init__(self, cuda_array: device.HostRows) -> None:
        self.kept_alive = cuda_array
        self.__array_interface__ = cuda_array.__cuda_array_interface__


class PretendedRuntime:
    """What of CUDA's runtime pins memory; ``code`` is what it answers."""

    def __init__(self) -> None:
        self.code, self.pinned = 0, {}

    def cudaHostRegister(self, address: int, num_bytes: int, flags: int) -> int:  # noqa: N802
        if self.code == 0:
            self.pinned[address] = (num_bytes, flags)
        return self.code

    def cudaHostUnregister(self, address: int) -> int:  # noqa: N802
        del self.pinned[address]
        return 0


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> PretendedRuntime:
    """That of a GPU with 2 MiB free, whose as_tensor gives the memory it is told of."""
    made = PretendedRuntime()
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**21, 2**30))
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "cudart", lambda: made)
    monkeypatch.setattr(Tensor, "is_pinned", lambda table: table.data_ptr() in made.pinned)
    monkeypatch.setattr(
        torch, "as_tensor", lambda rows, device: torch.from_numpy(np.asarray(SeenByNumpy(rows)))
    )
    return made


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_table_that_does_not_fit_is_read_on_the_host(
    runtime: PretendedRuntime, kind: torch.dtype
) -> None:
    table, gpu = torch.arange(2**20, dtype=kind).view(-1, 4), torch.device("cuda", 0)
    there = reachable("edge features", table, gpu)
    assert runtime.pinned == {table.data_ptr(): (table.nbytes, 3)}
    assert there.data_ptr() == table.data_ptr()
    assert torch.equal(there, table)
    assert there.dtype == kind
    others = reachable("edge features", table.T, gpu)  # not contiguous
    assert torch.equal(others, table.T)


def test_a_table_is_pinned_once_and_as_long_as_it_is_used(runtime: PretendedRuntime) -> None:
    table, gpu = torch.arange(2.0**20), torch.device("cuda", 0)
    first = reachable("edge features", table, gpu)
    second = reachable("edge features", table[: 2**19 + 1], gpu)  # as the training part is
    assert len(runtime.pinned) == 1
    del second
    assert len(runtime.pinned) == 1
    del first
    assert not runtime.pinned


def test_what_cannot_be_pinned_is_refused(
    runtime: PretendedRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, gpu = torch.empty(2**20), torch.device("cuda", 0)
    refused = r"edge features take 0.0 GiB, the GPU has 0.0 GiB free, and the host cannot pin"
    runtime.code = 2
    with pytest.raises(ValueError, match=rf"{refused}.*error 2 of cudaHostRegister.*device=cpu"):
        reachable("edge features", table, gpu)
    runtime.code = 0
    monkeypatch.setattr(torch, "as_tensor", lambda rows, device: rows.table.clone())
    with pytest.raises(ValueError, match=refused):
        reachable("edge features", table, gpu)


def test_a_table_lies_on_the_device_where_that_has_room(runtime: PretendedRuntime) -> None:
    table = torch.arange(6.0)
    assert reachable("edge features", table, torch.device("cpu")) is table
    there = reachable("edge features", table, DEVICE)
    assert there.device == DEVICE
    assert torch.equal(there.cpu(), table)
    assert not runtime.pinned


def test_products_that_are_only_emulated_are_refused_unless_forced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = torch.device("cpu")
    monkeypatch.setattr(device, "multiplies_bfloat16", lambda _: False)
    for precision in ("float32", "float64", "bfloat16_emulated"):
        check_precision(precision, host)
    with pytest.raises(
        ValueError, match=r"no products in bfloat16 and emulates them, .*choose float32, or"
    ):
        check_precision("bfloat16", host)
    monkeypatch.setattr(device, "multiplies_bfloat16", lambda _: True)
    check_precision("bfloat16", host)
