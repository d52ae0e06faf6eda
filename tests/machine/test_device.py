"""What the host has prepared reaches a device in one piece, and comes back in one."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from benchmark.machine import device
from benchmark.machine.device import check_fits, check_precision, to_device, to_host
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


def test_a_table_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    table, gpu = torch.empty(2**20), torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**21, 2**30))
    with pytest.raises(
        ValueError, match=r"edge features take 0.0 GiB and the GPU has 0.0 GiB free"
    ):
        check_fits("edge features", table, gpu)
    check_fits("edge features", table[:10].clone(), gpu)
    check_fits("edge features", table, torch.device("cpu"))


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
