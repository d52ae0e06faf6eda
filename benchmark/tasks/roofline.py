"""How fast training could be if matrix products were all it did."""

import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmark.datasets.dataset import Dataset
from benchmark.experiment import Experiment
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.samplers import RECENT_SAMPLERS, NeighborSampler
from benchmark.machine.device import choose_device, synchronize
from benchmark.machine.place import Place
from benchmark.models.roots import EventRoots
from benchmark.models.subgraph import build_subgraph
from benchmark.models.tgn_attention import (
    BatchShape,
    Product,
    Widths,
    training_operations,
    training_products,
)
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativeSampler


def roofline(experiment: Experiment, dataset: Dataset, protocol: LinkProtocol) -> dict[str, float]:
    """The mean batch of the first pass, its operations, and the rate measured at its products.

    ``events_per_second`` is the throughput of a training that does these products at that rate
    and nothing else. For systems that train ``TGNAttention``.
    """
    stream, model = dataset.stream, experiment.model
    index = NeighborIndex(stream.src, stream.dst, stream.t, dataset.num_nodes)
    sampler = RECENT_SAMPLERS[experiment.system["sampler"]](
        index, model["num_neighbors"], protocol.visibility
    )
    shape = mean_batch_shape(
        dataset,
        sampler,
        protocol.negatives(dataset),
        experiment.batch_size,
        experiment.system["num_training_negatives"],
        experiment.seed,
    )
    width = Widths(
        model["memory_dim"],
        dataset.edge_dim,
        model["time_dim"],
        model["embedding_dim"],
        model["num_heads"],
    )
    operations = training_operations(shape, width)
    rate = product_rate(training_products(shape, width), choose_device(experiment.device, Place()))
    return {
        **shape._asdict(),
        "gflop_per_batch": operations / 1e9,
        "gflop_per_second": rate / 1e9,
        "events_per_second": shape.events * rate / operations,
    }


def mean_batch_shape(
    dataset: Dataset,
    sampler: NeighborSampler,
    negatives: NegativeSampler,
    batch_size: int,
    num_negatives: int,
    seed: int,
) -> BatchShape:
    """The mean over the batches that trainer 0 sees in the first pass, rounded."""
    end = dataset.split.train_end
    shapes: list[BatchShape] = []
    for start in range(0, end, batch_size):
        events = dataset.batch(start, min(start + batch_size, end))
        key = (0, len(shapes), "negatives")
        drawn = negatives.training(events, num_negatives, seed, *key)
        roots = EventRoots.of(events, drawn)
        subgraph = build_subgraph(roots.nodes, roots.times, sampler, start)
        shapes.append(
            BatchShape(
                events=len(events),
                candidates=len(events) * (1 + num_negatives),
                nodes=subgraph.nodes.numel(),
                root_nodes=subgraph.queries.nodes.numel(),
                roots=subgraph.num_roots,
                edges=int(subgraph.mask.sum()),
            )
        )
    counts: Any = zip(*shapes, strict=True)
    return BatchShape(*(round(sum(count) / len(shapes)) for count in counts))


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
    synchronize(device)
    start = time.perf_counter()
    for left, right, gradient, needed in factors:
        torch.mm(left, right)
        torch.mm(left.T, gradient)
        if needed:
            torch.mm(gradient, right[:needed].T)
    synchronize(device)
    return time.perf_counter() - start
