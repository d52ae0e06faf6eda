from collections import Counter, defaultdict

import numpy as np
import pytest
import torch

from benchmark.datasets.dataset import Dataset, LabelKind
from benchmark.datasets.synthetic import Synthetic
from benchmark.storage.locations import Locations


@pytest.fixture
def dataset(locations: Locations) -> Dataset:
    return Synthetic().load(locations)


def test_shape_of_the_default(dataset: Dataset) -> None:
    stream = dataset.stream
    assert (dataset.num_events, dataset.num_nodes, dataset.edge_dim) == (20_000, 1_000, 16)
    assert dataset.bipartite
    assert stream.src.max() < 800 <= stream.dst.min()
    assert stream.dst.max() < 1_000
    assert stream.t.dtype == torch.int64
    gaps = stream.t.diff()
    assert bool((gaps >= 0).all())
    assert 0.05 < float((gaps == 0).double().mean()) < 0.15, "some events share a time"
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NODE, 2)


def test_depends_on_the_seed_alone(locations: Locations, dataset: Dataset) -> None:
    again, other = Synthetic().load(locations), Synthetic(seed=1).load(locations)
    assert again.source == dataset.source
    for key in ("src", "dst", "t", "msg", "y"):
        assert torch.equal(getattr(again.stream, key), getattr(dataset.stream, key))
    assert other.source.files != dataset.source.files
    assert not torch.equal(other.stream.src, dataset.stream.src)


def test_stays_what_it_is(dataset: Dataset) -> None:
    # Recorded runs name this stream by its seed, so its events must not change between versions.
    stream = dataset.stream
    events = torch.stack([stream.src, stream.dst, stream.t, stream.y], dim=1)
    assert events[[0, 1, 10_000, 19_999]].tolist() == [
        [691, 806, 0, 1],
        [498, 802, 55, 0],
        [685, 889, 94_946, 1],
        [515, 964, 189_877, 0],
    ]


@pytest.mark.parametrize("bipartite", [True, False])
def test_heavy_tails_and_repeats(locations: Locations, bipartite: bool) -> None:
    stream = Synthetic(bipartite=bipartite).load(locations).stream
    for nodes in (stream.src, stream.dst):
        degrees = nodes.bincount().sort(descending=True).values
        top = degrees[: len(degrees) // 20].sum() / degrees.sum()
        assert 0.2 < float(top) < 0.7, "the busiest 5 % of nodes have a large share of events"
    pairs = Counter(zip(stream.src.tolist(), stream.dst.tolist(), strict=True))
    assert 0.7 < 1 - len(pairs) / len(stream.src) < 0.9


def test_one_numbering_where_not_bipartite(locations: Locations) -> None:
    dataset = Synthetic(bipartite=False).load(locations)
    assert not dataset.bipartite
    assert len(np.intersect1d(dataset.stream.src, dataset.stream.dst)) > 500


def test_links_reward_a_memory_of_recent_picks(dataset: Dataset) -> None:
    rng = np.random.default_rng(0)
    src, dst = dataset.stream.src.tolist(), dataset.stream.dst.tolist()
    destinations = dataset.destinations.numpy()
    latest: dict[int, dict[int, int]] = defaultdict(dict)
    popularity: Counter[int] = Counter()
    reciprocal_ranks: dict[str, list[float]] = {"memory": [], "popularity": []}
    validation = dataset.split.range("validation")
    for event, (source, destination) in enumerate(zip(src, dst, strict=True)):
        if event in validation:
            candidates = [destination, *rng.choice(destinations, 49)]
            scores = {
                "memory": [latest[source].get(node, -1) for node in candidates],
                "popularity": [popularity[node] for node in candidates],
            }
            for name, (true, *negatives) in scores.items():
                rank = 1 + sum((x > true) + (x == true) / 2 for x in negatives)
                reciprocal_ranks[name].append(1 / rank)
        latest[source][destination] = event
        popularity[destination] += 1
    mrr = {name: np.mean(values) for name, values in reciprocal_ranks.items()}
    assert 0.70 < mrr["memory"] < 0.85
    assert 0.15 < mrr["popularity"] < 0.35


def test_labels_need_the_order_of_events(dataset: Dataset) -> None:
    stream = dataset.stream
    state: dict[int, int] = {}
    total: Counter[int] = Counter()
    from_order, from_counts = [], []
    for source, signal in zip(stream.src.tolist(), stream.msg[:, 0].tolist(), strict=True):
        state[source] = int(signal > 0) if signal else state.get(source, 0)
        total[source] += int(signal)
        from_order.append(state[source])
        from_counts.append(int(total[source] > 0))
    labels = stream.y.tolist()
    assert from_order == labels
    assert 0.4 < np.mean(labels) < 0.6
    correct = np.equal(from_counts, labels)[dataset.split.validation_end :]
    assert correct.mean() < 0.70


def test_features_name_the_destination(dataset: Dataset) -> None:
    stream = dataset.stream
    train, test = stream.msg[:17_000, 1:], stream.msg[17_000:, 1:]
    sums = torch.zeros(1_000, 15).index_add(0, stream.dst[:17_000], train)
    codes = sums / stream.dst[:17_000].bincount(minlength=1_000).clamp(min=1)[:, None]
    nearest = torch.cdist(test, codes).argmin(dim=1)
    assert float((nearest == stream.dst[17_000:]).double().mean()) > 0.95


def test_without_features_there_are_no_labels(locations: Locations) -> None:
    dataset = Synthetic(edge_dim=0).load(locations)
    assert dataset.stream.msg.shape == (20_000, 0)
    assert (dataset.label_kind, dataset.num_classes) == (LabelKind.NONE, 0)


@pytest.mark.parametrize(("num_nodes", "num_events"), [(2, 50), (3, 50), (50, 20), (5_000, 100)])
@pytest.mark.parametrize("bipartite", [True, False])
def test_other_sizes(
    locations: Locations, num_nodes: int, num_events: int, bipartite: bool
) -> None:
    dataset = Synthetic(num_nodes=num_nodes, num_events=num_events, bipartite=bipartite).load(
        locations
    )
    assert dataset.num_events == num_events
    assert max(int(dataset.stream.src.max()), int(dataset.stream.dst.max())) < num_nodes


def test_sizes_without_sense(locations: Locations) -> None:
    with pytest.raises(ValueError, match="at least 2 nodes and 1 event"):
        Synthetic(num_nodes=1).load(locations)
    with pytest.raises(ValueError, match="the split leaves no"):
        Synthetic(num_events=2).load(locations)
