"""The task that times neighbour sampling: what it samples, not how fast."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate

from benchmark.datasets.dataset import Split
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import WHOLE_PAST, Snapshots, Visibility
from benchmark.graph.samplers import RecentSampler
from benchmark.protocol.negatives import NegativePool
from benchmark.randomness import generator
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.speed import Roots, batch_roots, sample
from benchmark.training.processes import Processes
from tests.experiments import experiment_of
from tests.protocol.streams import dataset_of, protocol_with

SRC, DST = torch.tensor([0, 0, 1, 0]), torch.tensor([2, 3, 2, 2])


def sampled(num_layers: int, snapshots: Snapshots = WHOLE_PAST, num_neighbors: int = 2) -> int:
    """Neighbours found for node 0 at time 3, after events 0-2, 0-3 and 1-2 at times 0, 1, 2."""
    index = NeighborIndex(SRC, DST, torch.arange(4), num_nodes=4)
    sampler = RecentSampler(index, num_neighbors, Visibility.EVENT, num_layers, snapshots)
    roots = Roots(torch.tensor([0]), torch.tensor([3]), first_event=3)
    return sample(sampler, roots, generator(0))


def test_a_second_layer_asks_for_the_roots_and_their_neighbours() -> None:
    assert sampled(1) == 2  # 2 at time 0, 3 at time 1
    # The root again: 2. Node 2 before time 0, node 3 before time 1: none.
    assert sampled(2) == 4
    # Of the third layer's roots, that one and the two neighbours twice, only it finds any.
    assert sampled(3) == 6


def test_every_snapshot_is_sampled_from_the_time_of_the_query() -> None:
    # From time 3, snapshot 0 has times 1 and 2 (the event 0-3 of node 0) and snapshot 1 has time 0.
    snapshots = Snapshots(2, 2)
    assert sampled(1, snapshots) == 1 + 1
    # Asked at time 3 as well: 3 knows 0 in snapshot 0, 2 knows 0 in snapshot 1.
    assert sampled(2, snapshots) == (1 + 2) + (1 + 2)


def test_roots_of_a_batch_are_its_sources_destinations_and_negatives() -> None:
    dataset = dataset_of(SRC, DST, num_nodes=4, split=Split(3, 4, 4), bipartite=True)
    negatives = protocol_with(1, NegativePool.NODES).negatives(dataset)
    first, last = batch_roots(dataset, negatives, batch_size=2, seed=0)
    assert first.nodes[:4].tolist() == [0, 0, 2, 3]
    assert first.times.tolist() == [0, 1] * 3
    assert last.nodes[:2].tolist() == [1, 2]
    assert (last.nodes.numel(), last.times.tolist(), last.first_event) == (3, [2, 2, 2], 2)
    assert int(last.nodes[2]) != 2


def outcome(tmp_path: Path, *chosen: str) -> dict[str, Any]:
    small = ["dataset=synthetic", "dataset.num_events=300", "dataset.num_nodes=40"]
    experiment = experiment_of("suite=sampling_speed", *small, "batch_size=100", *chosen)
    task = instantiate(experiment.task, _convert_="all")
    result: dict[str, Any] = task.run(experiment, RunFolder(tmp_path), Processes())
    return result


def test_the_record_counts_one_pass(tmp_path: Path) -> None:
    result = outcome(tmp_path, "task.strategy=uniform", "task.num_neighbors=3")
    assert result["metrics"]["num_batches"] == 3  # 210 of 300 events train
    assert result["metrics"]["num_roots"] == 3 * 210
    assert 0 < result["metrics"]["num_sampled"] <= 3 * 3 * 210
    assert result["seconds"]["sample"] > 0 < result["seconds"]["index"]
    assert result["visibility"] == "event"


def test_unusable_layouts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="num_layers is 0; it must be at least 1"):
        outcome(tmp_path, "task.num_layers=0")
    with pytest.raises(Exception, match="Give the 3 snapshots a duration"):
        outcome(tmp_path, "task.num_snapshots=3", "task.snapshot_duration=null")
    with pytest.raises(Exception, match=r"task\.strategy"):
        outcome(tmp_path, "task.strategy=oldest")
