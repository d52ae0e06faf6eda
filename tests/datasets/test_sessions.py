from collections import Counter

import pytest
import torch

from benchmark.datasets import sessions
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.sessions import Sessions
from benchmark.storage.locations import Locations

LENGTHS = (20_000, 200_000)


def load(locations: Locations, num_events: int = 20_000, seed: int = 0) -> Dataset:
    return Sessions(
        seed=seed, num_events=num_events, events_per_node=20, evaluation_events=500
    ).load(locations)


@pytest.mark.parametrize("num_events", LENGTHS)
def test_shape(locations: Locations, num_events: int) -> None:
    dataset = load(locations, num_events)
    stream, num_sources = dataset.stream, num_events // 40
    assert (dataset.num_events, dataset.num_nodes) == (num_events, num_events // 20)
    assert stream.msg.shape == (num_events, 4)
    assert stream.t.dtype == stream.src.dtype == stream.dst.dtype == torch.int64
    assert bool((stream.src < num_sources).all())
    assert bool((stream.dst >= num_sources).all())
    assert bool((stream.dst < 2 * num_sources).all())
    gaps = stream.t.diff()
    assert bool((gaps >= 0).all())
    assert 0.05 < float((gaps == 0).double().mean()) < 0.15, "some events share a time"


def test_stays_what_it_is(locations: Locations) -> None:
    # The cache and recorded runs name a stream by its options; change VERSION with these.
    stream = load(locations).stream
    events = torch.stack([stream.src, stream.dst, stream.t], dim=1)
    assert events[[0, 1, 10_000, 19_999]].tolist() == [
        [15, 777, 19],
        [424, 948, 24],
        [323, 604, 95344],
        [325, 984, 191401],
    ]


def test_seeds_give_different_streams(locations: Locations) -> None:
    one, other = load(locations), load(locations, seed=1)
    assert not torch.equal(one.stream.src, other.stream.src)


def test_pieces_do_not_show(locations: Locations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PIECE", 7_000)
    stream = load(locations, seed=2).stream
    assert bool((stream.t.diff() >= 0).all()), "time goes on from piece to piece"
    pairs = list(zip(stream.src.tolist(), stream.dst.tolist(), strict=True))
    before, after = set(pairs[6_700:7_000]), pairs[7_000:7_050]
    assert sum(pair in before for pair in after) > 40, "sessions go on from piece to piece"


def test_splits_where_times_change(locations: Locations) -> None:
    dataset = load(locations)
    split, t = dataset.split, dataset.stream.t
    for cut, asked in ((split.train_end, 19_000), (split.validation_end, 19_500)):
        assert asked - 20 < cut <= asked
        assert t[cut - 1] < t[cut]


def test_a_session_repeats_its_pair(locations: Locations) -> None:
    stream = load(locations).stream
    pairs = Counter(zip(stream.src.tolist(), stream.dst.tolist(), strict=True))
    # A session ends with every twentieth event; some pairs have more than one session.
    assert 900 < len(pairs) < 20_000 / 20 + sessions.OPEN_SESSIONS


def test_features_name_the_destination(locations: Locations) -> None:
    stream = Sessions(num_events=20_000, events_per_node=20, edge_dim=16).load(locations).stream
    first, second = stream.msg[:10_000], stream.msg[10_000:]
    sums = torch.zeros(1_000, 16).index_add(0, stream.dst[:10_000], first)
    codes = sums / stream.dst[:10_000].bincount(minlength=1_000).clamp(min=1)[:, None]
    known = torch.isin(stream.dst[10_000:], stream.dst[:10_000])
    nearest = torch.cdist(second, codes).argmin(dim=1)
    assert float((nearest == stream.dst[10_000:])[known].double().mean()) > 0.95


def test_length_does_not_show_in_a_batch_or_in_degrees(locations: Locations) -> None:
    distinct, degrees = [], []
    for num_events in LENGTHS:
        stream = load(locations, num_events).stream
        batches = torch.cat([stream.src, stream.dst]).view(2, -1, 500).transpose(0, 1).flatten(1)
        sizes = [batch.unique().numel() for batch in batches[:40]]
        distinct.append(sum(sizes) / len(sizes))
        degrees.append(stream.src.bincount().double().quantile(0.95).item())
    assert distinct[0] == pytest.approx(distinct[1], rel=0.15)
    assert degrees[0] == pytest.approx(degrees[1], rel=0.15)


def test_without_features(locations: Locations) -> None:
    dataset = Sessions(num_events=20_000, edge_dim=0).load(locations)
    assert dataset.stream.msg.shape == (20_000, 0)


def test_sizes_without_sense(locations: Locations) -> None:
    with pytest.raises(ValueError, match="num_events is 9999: 100 events for each of the 100"):
        Sessions(num_events=9_999).load(locations)
    with pytest.raises(ValueError, match="evaluation_events is 0"):
        Sessions(num_events=20_000, evaluation_events=0).load(locations)
    with pytest.raises(ValueError, match="evaluation_events is 10000"):
        Sessions(num_events=20_000, evaluation_events=10_000).load(locations)
