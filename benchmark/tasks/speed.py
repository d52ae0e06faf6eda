"""How fast training could be and sampling is: a floor under link prediction, and TGL's Table 4."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.errors import choose
from benchmark.experiment import Experiment
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import Snapshots
from benchmark.graph.samplers import RECENT_SAMPLERS, NeighborSampler, RecentSampler, UniformSampler
from benchmark.machine.device import choose_device, synchronize
from benchmark.machine.place import Place
from benchmark.models.roots import EventRoots
from benchmark.models.subgraph import build_subgraph
from benchmark.models.tgn_attention import (
    BatchShape,
    Product,
    TGNAttention,
    Widths,
    training_operations,
    training_products,
)
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativeSampler
from benchmark.randomness import generator
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol, provenance
from benchmark.tasks.choices import class_of
from benchmark.tasks.link_prediction import LinkPrediction
from benchmark.tasks.task import Task
from benchmark.training.processes import Processes

STRATEGIES: dict[str, type[NeighborSampler]] = {"recent": RecentSampler, "uniform": UniformSampler}
ROUNDS = 10  # of measuring products
Factors = tuple[Tensor, Tensor, Tensor, int]


class Roots(NamedTuple):
    """What one batch asks for: sources, destinations and negatives, [3 * num_events] each."""

    nodes: Tensor
    times: Tensor
    first_event: int


class SamplingSpeed(Task):
    """Times the sampler that training uses, on the CPU, without anything around it."""

    def __init__(
        self,
        name: str,
        num_layers: int,
        num_neighbors: int,
        strategy: str,
        num_snapshots: int,
        snapshot_duration: int | None,
    ) -> None:
        super().__init__(name)
        self.num_layers = num_layers
        self.num_neighbors = num_neighbors
        self.sampler = choose("task.strategy", strategy, STRATEGIES)
        self.snapshots = Snapshots(num_snapshots, snapshot_duration)

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Sample for every training batch once, after a first batch that is not timed.

        ``seconds`` gains ``index`` (making the neighbour index, once for a data set) and ``sample``
        (the pass); the roots are drawn before.
        """
        dataset, protocol = build_dataset(experiment), build_protocol(experiment)
        stream = dataset.stream
        start = time.perf_counter()
        index = NeighborIndex(stream.src, stream.dst, stream.t, dataset.num_nodes)
        index_seconds = time.perf_counter() - start
        sampler = self.sampler(
            index, self.num_neighbors, protocol.visibility, self.num_layers, self.snapshots
        )
        negatives = protocol.negatives(dataset)
        batches = list(batch_roots(dataset, negatives, experiment.batch_size, experiment.seed))
        random = generator(experiment.seed, "neighbours")
        sample(sampler, batches[0], random)  # loops are compiled here
        start, found = time.perf_counter(), 0
        for number, roots in enumerate(batches, start=1):
            found += sample(sampler, roots, random)
            folder.heartbeat(processes.rank, "sample", number, len(batches))
        return {
            "metrics": {
                "num_batches": len(batches),
                "num_roots": sum(roots.nodes.numel() for roots in batches),
                "num_sampled": found,
            },
            "seconds": {"index": index_seconds, "sample": time.perf_counter() - start},
            "visibility": str(protocol.visibility),
            "source": provenance(dataset),
        }


def batch_roots(
    dataset: Dataset, negatives: NegativeSampler, batch_size: int, seed: int
) -> Iterator[Roots]:
    """The roots of every training batch, one negative for each event."""
    end = dataset.split.train_end
    for number, start in enumerate(range(0, end, batch_size)):
        events = dataset.batch(start, min(start + batch_size, end))
        drawn = negatives.training(events, 1, seed, 0, number, "negatives").flatten()
        yield Roots(torch.cat([events.src, events.dst, drawn]), events.t.repeat(3), start)


def sample(sampler: NeighborSampler, roots: Roots, random: torch.Generator) -> int:
    """Sample all layers of all snapshots of the ``sampler``; returns the number of neighbours.

    The roots of a further layer are, as in TGL, those of the layer before and their neighbours: at
    the time of the event that made it one, in snapshots at that of the query.
    """
    found = 0
    for snapshot in range(sampler.snapshots.number):
        nodes, times, first_event = roots
        for layer in range(sampler.num_layers):
            sampled = sampler.sample(nodes, times, first_event, random, snapshot)
            mask = sampled.mask
            found += int(mask.sum())
            if layer + 1 < sampler.num_layers:
                in_snapshot = sampler.snapshots.duration is not None
                seen = times.unsqueeze(1).expand_as(mask) if in_snapshot else sampled.times
                nodes = torch.cat([nodes, sampled.nodes[mask]])
                times = torch.cat([times, seen[mask]])
    return found


class LinkSpeed(LinkPrediction):
    """Link prediction that first says how fast the training could be on this machine.

    The record gains ``operation_floor`` where the model is the one whose operations are counted.
    """

    def run(
        self, experiment: Experiment, folder: RunFolder, processes: Processes
    ) -> dict[str, Any]:
        """Count and measure, then train all epochs."""
        floor = {}
        network: Any = class_of(experiment, "model")
        if network is not None and issubclass(network, TGNAttention):
            protocol = build_protocol(experiment)
            floor["operation_floor"] = roofline(experiment, build_dataset(experiment), protocol)
        return {**super().run(experiment, folder, processes), **floor}


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
        drawn = negatives.training(events, num_negatives, seed, 0, len(shapes), "negatives")
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
