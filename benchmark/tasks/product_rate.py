"""How fast this process multiplies matrices."""

import time
from collections.abc import Sequence

import torch

from benchmark.models.tgn_attention import Product

ROUNDS = 10
Factors = tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]


def product_rate(products: Sequence[Product], device: torch.device) -> float:
    """Operations per second over the dense ``products``, forward and backward, in float32.

    The fastest of several rounds over all of them, with the threads that torch has now.
    """
    dense = [product for product in products if product.dense]
    factors = [_random_factors(product, device) for product in dense]
    seconds = min(_seconds_of_round(factors, device) for _ in range(ROUNDS))
    return sum(product.operations for product in dense) / seconds


def _random_factors(product: Product, device: torch.device) -> Factors:
    """Left and right factor, the gradient of the result, and how many columns need theirs."""
    rows, inner, columns = product.rows, product.inner, product.columns
    shapes = ((rows, inner), (inner, columns), (rows, columns))
    left, right, gradient = (torch.rand(shape, device=device) for shape in shapes)
    return left, right, gradient, product.needed


def _seconds_of_round(factors: list[Factors], device: torch.device) -> float:
    _wait(device)
    start = time.perf_counter()
    for left, right, gradient, needed in factors:
        torch.mm(left, right)
        torch.mm(left.T, gradient)
        if needed:
            torch.mm(gradient, right[:needed].T)
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
