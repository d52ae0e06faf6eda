"""The time encoding against its formula in float64."""

import math

import numpy as np
import pytest
import torch
from numba import njit

from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.layers.time_encoding_cpu import NEAR, cosine, reduced, sine


def test_initial_frequencies_are_those_of_the_released_code() -> None:
    encoding = TimeEncoding(100)
    assert torch.allclose(encoding.weight, 1 / 10 ** torch.linspace(0, 9, 100), rtol=1e-6)
    assert not encoding.bias.any()


def test_values_and_shape() -> None:
    encoding = TimeEncoding(7).double()
    torch.nn.init.normal_(encoding.bias)
    gaps = [0, 1, 60, 3_600, 86_400, 2_678_373]
    weights, biases = encoding.weight.tolist(), encoding.bias.tolist()
    expected = [
        [math.cos(weight * gap + bias) for weight, bias in zip(weights, biases, strict=True)]
        for gap in gaps
    ]
    values = encoding(torch.tensor(gaps).view(2, 3))
    assert values.shape == (2, 3, 7)
    assert torch.allclose(values.view(6, 7), torch.tensor(expected).double(), atol=1e-12)


def test_gradients_of_frequencies_and_phases() -> None:
    encoding = TimeEncoding(5).double()
    elapsed = torch.randint(0, 40, (4, 3), generator=torch.Generator().manual_seed(0))
    inputs = (encoding.weight, encoding.bias)

    def encode(weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        parameters = {"weight": weight, "bias": bias}
        return torch.func.functional_call(encoding, parameters, (elapsed,))

    assert torch.autograd.gradcheck(encode, inputs)


@njit
def of_all(angles):  # type: ignore[no-untyped-def]
    both = np.empty((2, angles.size), angles.dtype)
    for place in range(angles.size):
        rest, sign = reduced(angles[place], abs(angles[place]) <= NEAR)
        both[0, place], both[1, place] = cosine(rest, sign), sine(rest, sign)
    return both


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-7), (np.float64, 1e-15)])
@pytest.mark.parametrize("largest", [1.0, 1e4, 3e7, 2e9, 1e12])
def test_they_are_those_of_the_rounded_angle(
    dtype: type[np.floating], tolerance: float, largest: float
) -> None:
    angles = np.random.default_rng(0).uniform(-largest, largest, 10_000).astype(dtype)
    found = of_all(angles)
    unit = np.spacing(np.abs(angles.astype(np.float64)))
    allowed = tolerance + (unit / 2 if dtype is np.float32 else 0)
    for row, function in enumerate((math.cos, math.sin)):
        expected = np.array([function(float(angle)) for angle in angles])
        assert (np.abs(found[row] - expected) < allowed).all()


def test_they_are_exact_at_zero() -> None:
    assert of_all(np.zeros(1, np.float32)).ravel().tolist() == [1.0, 0.0]


def test_they_stay_in_their_range_for_any_angle() -> None:
    angles = np.geomspace(1, 1e30, 1_000, dtype=np.float32)
    assert np.abs(of_all(np.concatenate([angles, -angles]))).max() <= 1.000001
