"""Products from factors in bfloat16: how far from float32, and what stays float32."""

import pytest
import torch

from benchmark.models.layers.products import Linear, narrow_products, product
from benchmark.models.node_state import NodeState
from tests.models.streams import random_dataset, random_state, small_model

EPSILON = 2.0**-8  # of bfloat16, which has 8 bits


def test_factors_are_rounded_and_nothing_else() -> None:
    """Small integers are exact in bfloat16, so that their products are."""
    layer = Linear(3, 2)
    torch.nn.init.constant_(layer.weight, 3.0)
    torch.nn.init.constant_(layer.bias, 0.5 + EPSILON / 4)  # no number of bfloat16
    inputs = torch.tensor([[1.0, 2.0, 4.0], [1 + EPSILON / 4, 0.0, 0.0]])
    exact = layer(inputs)
    narrow_products(layer, torch.bfloat16)
    narrow = layer(inputs)
    assert narrow.dtype == torch.float32
    assert narrow[0].tolist() == exact[0].tolist() == [21 + float(layer.bias[0])] * 2
    assert narrow[1].tolist() == [3 + float(layer.bias[0])] * 2
    assert exact[1, 0] > narrow[1, 0]


@pytest.mark.parametrize("num_rows", [1, 63, 64, 65])
@pytest.mark.parametrize("shape", [(), (2,)], ids=["product", "products"])
def test_rows_that_fill_up_a_shape_change_nothing(num_rows: int, shape: tuple[int, ...]) -> None:
    left = torch.randint(-3, 4, (*shape, num_rows, 5)).float().requires_grad_()
    right = torch.randint(-3, 4, (*shape, 5, 4)).float().requires_grad_()
    exact, narrow = (product(left, right, kind) for kind in (None, torch.bfloat16))
    assert torch.equal(exact, narrow)
    weights = torch.randint(-3, 4, exact.shape).float()
    for one, other in zip(
        torch.autograd.grad((exact * weights).sum(), (left, right)),
        torch.autograd.grad((narrow * weights).sum(), (left, right)),
        strict=True,
    ):
        assert torch.equal(one, other)


def _as_float32(field: torch.Tensor) -> torch.Tensor:
    return field.float() if field.is_floating_point() else field


@pytest.mark.parametrize("edge_dim", [0, 3])
def test_memory_and_its_gradients_are_within_the_rounding_of_the_factors(edge_dim: int) -> None:
    dataset = random_dataset(3, edge_dim=edge_dim)
    model = small_model(dataset, torch.float32)
    state = NodeState(*(_as_float32(field) for field in random_state(dataset, model)))
    results = []
    for product_type in (None, torch.bfloat16):
        narrow_products(model, product_type)
        memory = model.update_memory(state)
        gradients = torch.autograd.grad(memory.square().sum(), list(model.memory_cell.parameters()))
        results.append([memory.detach(), *gradients])
    for exact, narrow in zip(*results, strict=True):
        assert narrow.dtype == torch.float32
        error = float((exact - narrow).norm() / exact.norm())
        assert 0 < error < 4 * EPSILON
