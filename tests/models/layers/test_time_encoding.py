"""The time encoding against its formula in float64."""

import math

import torch

from benchmark.models.layers.time_encoding import TimeEncoding


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
