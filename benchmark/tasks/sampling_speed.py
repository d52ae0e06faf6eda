"""How long neighbour sampling takes for one epoch of the training events (TGL, Table 4)."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.errors import choose
from benchmark.experiment import Experiment
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import Snapshots
from benchmark.graph.samplers import NeighborSampler, RecentSampler, UniformSampler
from benchmark.protocol.negatives import NegativeSampler
from benchmark.randomness import generator
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_protocol, provenance
from benchmark.tasks.task import Task
from benchmark.training.processes import Processes

STRATEGIES: dict[str, type[NeighborSampler]] = {"recent": RecentSampler, "uniform": UniformSampler}


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
        self.name = name
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
