"""What the stream of stable preferences is: who can predict it, and how well."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.synthetic import StablePreferences
from benchmark.graph.past import Visibility
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool
from benchmark.storage.locations import Locations
from benchmark.tasks.build import build_dataset
from tests.experiments import experiment_of
from tests.matrix_factorisation import factorised, validation_mrr

STREAM = StablePreferences()
PROTOCOL = LinkProtocol("disttgl", Visibility.EVENT, 49, NegativePool.DESTINATIONS, 0, "mrr")


@pytest.fixture
def dataset(locations: Locations) -> Dataset:
    return STREAM.load(locations)


def test_shape_of_the_default(dataset: Dataset) -> None:
    stream = dataset.stream
    assert (dataset.num_events, dataset.num_nodes, dataset.edge_dim) == (60_000, 800, 0)
    assert dataset.bipartite
    assert stream.src.unique().tolist() == list(range(600))
    assert set(stream.dst.tolist()) <= set(range(600, 800))
    assert bool((stream.t.diff() >= 0).all())


def test_the_yaml_makes_this_stream() -> None:
    options = dict(experiment_of("dataset=stable_preferences").dataset)
    del options["_target_"]
    assert StablePreferences(**options) == STREAM


def test_depends_on_the_seed_alone(locations: Locations, dataset: Dataset) -> None:
    again, other = STREAM.load(locations), replace(STREAM, seed=1).load(locations)
    assert again.source == dataset.source
    assert torch.equal(again.stream.dst, dataset.stream.dst)
    assert other.source.files != dataset.source.files


def test_stays_what_it_is(dataset: Dataset) -> None:
    # Recorded runs name this stream by its seed, so its events must not change between versions.
    stream = dataset.stream
    events = torch.stack([stream.src, stream.dst, stream.t], dim=1)
    assert events[[0, 1, 30_000, 59_999]].tolist() == [
        [550, 767, 0],
        [301, 771, 8],
        [68, 756, 285_155],
        [460, 734, 568_020],
    ]


def test_events_follow_the_probabilities(dataset: Dataset) -> None:
    """Chi-square over the pairs of user and item that are expected 5 times or more."""
    probabilities = STREAM.probabilities()
    assert np.allclose(probabilities.sum(axis=1), 1)
    pairs = dataset.stream.src * 200 + dataset.stream.dst - 600
    seen = pairs.bincount(minlength=120_000).numpy()
    expected = probabilities.ravel() * dataset.num_events / 600
    often = expected >= 5
    deviations = (seen - expected)[often] / np.sqrt(expected[often])
    assert often.sum() > 1_000
    assert (deviations**2).mean() == pytest.approx(1, abs=0.1)


def test_an_event_knows_nothing_of_the_one_before(dataset: Dataset) -> None:
    """A user repeats the last item as often as two independent draws agree."""
    order = dataset.stream.src.argsort(stable=True)
    src, dst = dataset.stream.src[order], dataset.stream.dst[order]
    repeats = (dst[1:] == dst[:-1])[src[1:] == src[:-1]].double().mean().item()
    agreement = (STREAM.probabilities() ** 2).sum(axis=1).mean()
    assert repeats == pytest.approx(agreement, abs=0.005)


def test_what_can_be_reached(dataset: Dataset) -> None:
    end = dataset.split.train_end
    counts = (dataset.stream.dst[:end] - 600).bincount(minlength=200).double().numpy()
    for scores, mrr, tolerance in (
        (np.tile(counts, (600, 1)), 0.254, 0.002),
        (factorised(dataset), 0.589, 0.005),
        (STREAM.probabilities(), 0.6235, 0.002),
    ):
        assert validation_mrr(dataset, scores, PROTOCOL) == pytest.approx(mrr, abs=tolerance)


def test_a_stream_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="num_users is 600, num_items 1 and num_events 60000"):
        replace(STREAM, num_items=1)


def test_a_run_finds_it(tmp_path: Path) -> None:
    words = ["dataset=stable_preferences", "dataset.num_events=500", f"cache_dir={tmp_path}"]
    assert build_dataset(experiment_of(*words)).num_events == 500
