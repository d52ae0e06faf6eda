"""Dropout by a counter: the mean, the share, and who decides what is drawn."""

import pytest
import torch

from benchmark.models.layers.dropout import Dropout
from tests.pretend_device import DEVICE


def test_the_share_and_the_mean() -> None:
    torch.manual_seed(0)
    factors = Dropout(0.2)(torch.ones(1_000_000))
    assert factors.unique().tolist() == pytest.approx([0.0, 1.25])
    dropped = float((factors == 0).float().mean())
    assert dropped == pytest.approx(0.2, abs=4.5 * (0.2 * 0.8 / 1_000_000) ** 0.5)


def test_neighbouring_draws_do_not_depend_on_each_other() -> None:
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(1_000_000)) == 0).float() - 0.5
    for distance in (1, 2, 100, 1024):
        correlation = float((dropped[distance:] * dropped[:-distance]).mean()) * 4
        assert abs(correlation) < 4.5 / 1_000_000**0.5


def test_the_seed_decides() -> None:
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append(Dropout(0.5)(torch.ones(100)))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_two_calls_differ() -> None:
    layer = Dropout(0.5)
    assert not torch.equal(layer(torch.ones(100)), layer(torch.ones(100)))


def test_nothing_happens_in_evaluation_or_at_zero() -> None:
    values = torch.randn(5)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values


def test_a_share_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dropout of 1.0 is not in \[0, 1\)"):
        Dropout(1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("size", "probability"), [(1, 0.5), (1500, 0.3)])
def test_every_device_draws_the_same(dtype: torch.dtype, size: int, probability: float) -> None:
    def factors(device: torch.device) -> torch.Tensor:
        torch.manual_seed(size)
        return Dropout(probability).factors(torch.ones(size, dtype=dtype, device=device)).cpu()

    assert torch.equal(factors(DEVICE), factors(torch.device("cpu")))


@pytest.mark.skipif(torch.cuda.is_available(), reason="Triton compiles where there is a GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("size", "probability"), [(0, 0.5), (1, 0.5), (1500, 0.3)])
def test_the_kernel_draws_the_same(dtype: torch.dtype, size: int, probability: float) -> None:
    kernel = pytest.importorskip("benchmark.models.layers.elementwise_triton")
    torch.manual_seed(size)
    loops = Dropout(probability).factors(torch.ones(size, dtype=dtype))
    torch.manual_seed(size)
    drawn = torch.full_like(loops, -1)
    kernel.draw(
        int(torch.randint(2**62, ())), int(probability * 2.0**53), 1 / (1 - probability), drawn
    )
    assert torch.equal(drawn, loops)
