"""Loops that several threads share give what one thread does."""

from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
import pytest
import torch
from numba import njit
from torch import Tensor, nn

from benchmark.models.layers import shares_cpu
from benchmark.models.layers.dropout import Dropout
from benchmark.models.layers.feed_forward import FeedForward
from benchmark.models.layers.node_memory import MemoryCell
from benchmark.models.layers.products import narrow_products
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.layers.transformer import TransformerLayer

ROWS, DIM = 13, 8
several_cores = pytest.mark.skipif(
    numba.config.NUMBA_NUM_THREADS == 1,  # type: ignore[attr-defined]
    reason="there is one core",
)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Lets loops of any size run on so many threads, as far as there are as many cores."""
    before = torch.get_num_threads()
    monkeypatch.setattr(shares_cpu, "WORTH", 1)
    yield torch.set_num_threads
    torch.set_num_threads(before)


@njit
def note(share, rows, of_shares):  # type: ignore[no-untyped-def]
    number, begin, end = share
    for row in range(begin, end):
        rows[row] += row + 1
        of_shares[number] += 1


@njit
def refuse(share, rows):  # type: ignore[no-untyped-def]
    if share[2] == rows.size:
        raise ValueError("no")


def test_every_row_is_in_one_share(shared: Callable[[int], None]) -> None:
    for num_threads in (1, 2, 5):
        shared(num_threads)
        bounds = shares_cpu.equal_shares(ROWS, DIM)
        assert len(bounds) - 1 == shares_cpu.num_threads() <= num_threads
        rows, of_shares = np.zeros(ROWS), np.zeros(len(bounds) - 1, np.int64)
        shares_cpu.run(note, bounds, rows, of_shares)
        assert rows.tolist() == list(range(1, ROWS + 1))
        assert of_shares.tolist() == np.diff(bounds).tolist()
        assert of_shares.max() - of_shares.min() <= 1


@pytest.mark.parametrize("num_threads", [1, 2])
def test_more_shares_than_threads_are_all_run(
    num_threads: int, shared: Callable[[int], None]
) -> None:
    shared(num_threads)
    rows, of_shares = np.zeros(ROWS), np.zeros(4, np.int64)
    shares_cpu.run(note, np.array([0, 5, 5, 6, ROWS]), rows, of_shares)
    assert of_shares.tolist() == [5, 0, 1, 7]
    assert rows.tolist() == list(range(1, ROWS + 1))


@several_cores
def test_what_several_threads_need_is_compiled_with_the_first_share(
    shared: Callable[[int], None],
) -> None:
    """A warm-up of one event takes one share, and what is timed takes more."""
    shared(2)
    rows, of_shares = np.zeros(ROWS, np.float32), np.zeros(2, np.int64)
    shares_cpu.run(note, np.array([0, ROWS]), rows, of_shares)
    known = len(shares_cpu.ADDRESSES), len(shares_cpu._run.signatures), len(note.signatures)
    shares_cpu.run(note, np.array([0, 5, ROWS]), rows, of_shares)
    shares_cpu.run(note, np.array([0, ROWS]), rows, of_shares)
    shared(1)
    shares_cpu.run(note, np.array([0, ROWS]), rows, of_shares)
    assert known == (
        len(shares_cpu.ADDRESSES),
        len(shares_cpu._run.signatures),
        len(note.signatures),
    )
    assert rows.tolist() == [4 * (row + 1) for row in range(ROWS)]


@several_cores
def test_a_thread_that_fails_is_not_taken_to_be_done(shared: Callable[[int], None]) -> None:
    shared(2)
    with pytest.raises(RuntimeError, match=r"a thread of refuse failed; free memory"):
        shares_cpu.run(refuse, np.array([0, 5, ROWS]), np.zeros(ROWS))
    shared(1)
    with pytest.raises(ValueError, match="no"):
        shares_cpu.run(refuse, np.array([0, 5, ROWS]), np.zeros(ROWS))


def test_no_thread_is_woken_for_little(shared: Callable[[int], None]) -> None:
    shared(2)
    shares_cpu.WORTH = 100
    assert shares_cpu.equal_shares(1, 199).tolist() == [0, 1]
    assert shares_cpu.equal_shares(0, 5).tolist() == [0, 0]
    assert len(shares_cpu.equal_shares(200, 1)) == shares_cpu.num_threads() + 1


def both_ways(layer: nn.Module, *inputs: Tensor) -> list[Tensor]:
    """What the layer returns, and all gradients, with the same dropout each time."""
    torch.manual_seed(0)
    outputs = layer(*inputs)
    direction = torch.randn_like(outputs)
    asked = [one for one in (*layer.parameters(), *inputs) if one.requires_grad]
    return [outputs, *torch.autograd.grad((outputs * direction).sum(), asked, allow_unused=True)]


class Gates(nn.Module):
    """A memory cell whose last part is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = MemoryCell(3 * DIM, DIM)

    def forward(self, learned: Tensor, memory: Tensor, part: Tensor) -> Tensor:
        updated: Tensor = self.cell(memory.detach(), (part.detach(), learned))
        return updated


class Drops(nn.Module):
    """Dropout of weights, so that it shows in the gradient of the inputs too."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.dropout = nn.Parameter(torch.ones(ROWS, DIM)), Dropout(0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(self.weight)
        return dropped * inputs


def rows(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


LAYERS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "gates": lambda: (Gates(), *rows(3, ROWS, DIM)),
    "time encoding": lambda: (TimeEncoding(DIM), torch.arange(ROWS) * 10_000_019),
    "dropout": lambda: (Drops(), rows(ROWS, DIM)),
    "feed-forward": lambda: (FeedForward(DIM, 3 * DIM, 0.5), *rows(2, ROWS, DIM)),
    "transformer": lambda: (
        TransformerLayer(DIM, 2, 2 * DIM, 0.5),
        rows(ROWS, 4, DIM),
        torch.arange(ROWS) % 4 + 1,
    ),
}


@several_cores
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("precision", [torch.float64, torch.float32, torch.bfloat16])
def test_layers(
    name: str,
    precision: torch.dtype,
    shared: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows are the same to the last bit; sums over them are added in another order."""
    count, in_threads = shares_cpu._run, []
    monkeypatch.setattr(
        shares_cpu, "_run", lambda *given: (in_threads.append(len(given[1]) - 1), count(*given))
    )
    torch.manual_seed(2)
    layer, *given = LAYERS[name]()
    kind = torch.float32 if precision == torch.bfloat16 else precision
    layer.to(kind)
    narrow_products(layer, precision if precision == torch.bfloat16 else None)
    inputs = [one.to(kind).requires_grad_() if one.is_floating_point() else one for one in given]
    found = []
    for num_threads in (1, 2):
        shared(num_threads)
        found.append(both_ways(layer, *inputs))
    assert in_threads and set(in_threads) == {2}
    alone, together = found
    assert torch.equal(alone[0], together[0])
    tolerance = 1e-12 if precision == torch.float64 else 1e-4
    assert sum(one is not None for one in alone) >= 3
    for one, other in zip(alone[1:], together[1:], strict=True):
        torch.testing.assert_close(other, one, rtol=tolerance, atol=tolerance)
