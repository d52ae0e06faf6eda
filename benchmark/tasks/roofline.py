"""How fast training could be if matrix products were all it did."""

from typing import Any

from benchmark.datasets.dataset import Dataset
from benchmark.experiment import Experiment
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.samplers import RECENT_SAMPLERS, NeighborSampler
from benchmark.machine.device import choose_device
from benchmark.machine.place import Place
from benchmark.models.roots import EventRoots
from benchmark.models.subgraph import build_subgraph
from benchmark.models.tgn_attention import (
    BatchShape,
    Widths,
    training_operations,
    training_products,
)
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativeSampler
from benchmark.tasks.product_rate import product_rate


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
