"""The operations of a training step, counted by hand."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from benchmark.models.operation_count import (
    BatchShape,
    Product,
    Widths,
    training_operations,
    training_products,
)
from benchmark.tasks.product_rate import product_rate

BATCH = BatchShape(events=2, candidates=4, nodes=5, root_nodes=3, roots=6, edges=7)
WIDTHS = Widths(memory=2, edge_features=3, time=1, embedding=4, heads=2)

# 2 * rows * columns * (forward + gradient of the weights + gradient of the inputs).
BY_HAND = {
    "gates of mail": 2 * 5 * 6 * (8 + 8 + 1),
    "gates of memory": 2 * 5 * 6 * (2 + 2 + 0),
    "query": 2 * 3 * 4 * (2 + 2 + 2),
    "key direction": 2 * 3 * 6 * (4 + 4 + 4),
    "scores": 2 * 7 * 2 * (6 + 6 + 3),
    "weighted sums": 2 * 7 * 2 * (6 + 6 + 3),
    "value": 2 * 6 * 4 * (6 + 6 + 6),
    "output of context": 2 * 6 * 4 * (4 + 4 + 4),
    "output of memory": 2 * 3 * 4 * (2 + 2 + 2),
    "decoder source": 2 * 2 * 4 * (4 + 4 + 4),
    "decoder destination": 2 * 4 * 4 * (4 + 4 + 4),
    "decoder output": 2 * 4 * 1 * (4 + 4 + 4),
}


def test_every_term_of_a_small_batch() -> None:
    products = training_products(BATCH, WIDTHS)
    assert {product.name: product.operations for product in products} == BY_HAND
    assert training_operations(BATCH, WIDTHS) == 4932


def test_without_edge_features_and_edges_the_rest_stays() -> None:
    bare = training_operations(BATCH._replace(edges=0), WIDTHS._replace(edge_features=0))
    gone = 2 * 5 * 6 * (3 + 3) + 2 * 3 * 3 * 12 + 2 * 420 + 2 * 6 * 4 * (3 + 3 + 3)
    assert bare == 4932 - gone


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.data())
def test_the_measured_products_do_the_counted_operations(
    rows: int, inner: int, columns: int, data: st.DataObject
) -> None:
    needed = data.draw(st.integers(0, inner))
    product = Product("any", rows, inner, columns, needed)
    sparse = Product("left out", rows, inner, columns, needed, dense=False)
    with FlopCounterMode(display=False) as counter:
        assert product_rate([product, sparse], torch.device("cpu")) > 0
    assert counter.get_total_flops() % product.operations == 0
    rounds = counter.get_total_flops() // product.operations
    with FlopCounterMode(display=False) as counter:
        product_rate([product, product], torch.device("cpu"))
    assert counter.get_total_flops() == 2 * rounds * product.operations
