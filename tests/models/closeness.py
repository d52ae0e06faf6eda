"""How tensors are compared."""

import torch
from torch import Tensor, nn

TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5}


def assert_close(actual: Tensor, expected: Tensor, scale: float = 0.0, name: str = "") -> None:
    """Equal within the tolerance of the type, relative to the norm (or to ``scale`` if larger)."""
    assert actual.shape == expected.shape, name
    assert actual.dtype == expected.dtype, name
    error = float((actual - expected).detach().norm())
    allowed = TOLERANCES[expected.dtype] * max(float(expected.detach().norm()), scale)
    assert error <= allowed, (name, error, allowed)


def assert_gradients_close(module: nn.Module, actual: Tensor, expected: Tensor) -> None:
    """The gradients of two scalars for every parameter of ``module`` equal, relative to their norm.

    A small one is held against a hundredth of the norm of all; one whose parts, such as
    probabilities, cancel up to the rounding of their sum, against that rounding.
    """
    names, parameters = zip(*module.named_parameters(), strict=True)
    ones, others = (
        torch.autograd.grad(value, parameters, materialize_grads=True)
        for value in (actual, expected)
    )
    whole = float(torch.cat([gradient.flatten() for gradient in others]).norm())
    rounding = 4 * torch.finfo(expected.dtype).eps
    for name, one, other in zip(names, ones, others, strict=True):
        cancels = float(other.norm()) <= rounding
        scale = rounding / TOLERANCES[expected.dtype] if cancels else 0.0
        assert_close(one, other, max(whole / 100, scale), name)
