import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from benchmark.datasets.dataset import Split
from benchmark.protocol.negatives import NegativePool, Pool, negative_pool
from tests.protocol import streams
from tests.protocol.streams import checksum, dataset_of, protocol_with, random_dataset

VALIDATION = torch.arange(100, 900)


def candidates_of(dataset, protocol, ids=VALIDATION):
    return streams.candidates_of(dataset, protocol, ids)


def test_candidates_never_change():
    """Whoever changes these numbers makes every recorded run incomparable with the next."""
    candidates = candidates_of(random_dataset(1000), protocol_with(49))
    assert candidates[0, :8].tolist() == [226, 235, 298, 191, 169, 216, 265, 249]
    assert checksum(candidates) == (
        "e9d6b91c5df0fc4e3340bfe5d46543779da90520948eb0b247cbda7415d631c5"
    )


@pytest.mark.parametrize("pool", list(NegativePool))
@pytest.mark.parametrize("bipartite", [True, False])
@pytest.mark.parametrize("num_negatives", [1, 49, 199, 1000])
def test_first_column_is_the_truth_and_no_other(pool, bipartite, num_negatives):
    dataset = random_dataset(1000, bipartite=bipartite)
    candidates = candidates_of(dataset, protocol_with(num_negatives, pool))
    assert candidates.dtype == torch.int64
    assert torch.equal(candidates[:, 0], dataset.stream.dst[VALIDATION])
    assert (candidates[:, 1:] != candidates[:, :1]).all()


@pytest.mark.parametrize("pool", [NegativePool.DESTINATIONS, NegativePool.BIPARTITE])
def test_no_source_of_a_bipartite_stream_is_a_candidate(pool):
    dataset = random_dataset(1000)
    candidates = candidates_of(dataset, protocol_with(49, pool))
    assert torch.isin(candidates, dataset.destinations).all()


@pytest.mark.parametrize(
    ("pool", "bipartite"), [(NegativePool.NODES, True), (NegativePool.BIPARTITE, False)]
)
def test_pools_of_all_nodes_reach_every_node(pool, bipartite):
    dataset = random_dataset(1000, bipartite=bipartite)
    candidates = candidates_of(dataset, protocol_with(49, pool))
    assert torch.equal(candidates.unique(), dataset.nodes)


def test_negatives_are_uniform_over_the_rest_of_the_pool():
    """One destination, drawn against 100,000 times: each of the others equally often."""
    num_events = 2000
    dst = torch.full((num_events,), 7)
    dst[:20] = torch.arange(20)
    split = Split(20, num_events, num_events)
    dataset = dataset_of(torch.zeros_like(dst), dst, 20, split, bipartite=False)
    pool_but_one = torch.arange(20) != 7
    protocol = protocol_with(15)
    drawn = candidates_of(dataset, protocol, torch.arange(20, num_events))[:, 1:]
    counts = torch.bincount(drawn.flatten(), minlength=20)
    assert counts[7] == 0
    expected = drawn.numel() / 19
    statistic = ((counts[pool_but_one] - expected) ** 2 / expected).sum().item()
    assert chi2.ppf(0.001, 18) < statistic < chi2.ppf(0.999, 18)


@given(ids=st.lists(st.integers(100, 899), min_size=1, max_size=30))
@settings(deadline=None)
def test_an_event_has_the_same_candidates_in_any_company(ids):
    dataset, protocol = random_dataset(1000), protocol_with(5)
    whole = candidates_of(dataset, protocol)
    some = candidates_of(dataset, protocol, torch.tensor(ids))
    assert torch.equal(some, whole[torch.tensor(ids) - 100])


def test_fewer_negatives_are_the_first_of_more():
    dataset = random_dataset(1000)
    many = candidates_of(dataset, protocol_with(49))
    assert torch.equal(candidates_of(dataset, protocol_with(10)), many[:, :11])


def test_seed_and_split_change_the_negatives():
    dataset = random_dataset(1000)
    overlapping = dataset_of(
        dataset.stream.src, dataset.stream.dst, 300, Split(0, 100, 1000), bipartite=True
    )
    first = candidates_of(dataset, protocol_with(49))
    assert (first != candidates_of(dataset, protocol_with(49, seed=1)))[:, 1:].float().mean() > 0.9
    as_test = streams.candidates_of(overlapping, protocol_with(49), VALIDATION, "test")
    assert (first != as_test)[:, 1:].float().mean() > 0.9


@pytest.mark.parametrize("num_negatives", [199, 200, 999])
def test_every_other_destination_when_there_are_no_more(num_negatives):
    dataset = random_dataset(5000)
    assert dataset.destinations.numel() == 200
    candidates = candidates_of(dataset, protocol_with(num_negatives), torch.arange(500, 540))
    assert candidates.shape == (40, 200)
    assert torch.equal(candidates.sort(dim=1).values, dataset.destinations.expand(40, -1))


def test_events_of_another_split_are_refused():
    with pytest.raises(ValueError, match="events 0 to 3 are not all in the validation split"):
        candidates_of(random_dataset(1000), protocol_with(1), torch.arange(4))


def test_a_destination_outside_the_pool_is_refused():
    pool = Pool(torch.tensor([2, 4, 6]))
    with pytest.raises(ValueError, match=r"node 5 is a true destination but not one of the 3"):
        pool.draw(torch.tensor([2, 5]), 1, 0, torch.arange(2))


def test_a_pool_of_one_node_is_refused():
    dst = torch.full((10,), 3)
    dataset = dataset_of(torch.arange(10), dst, 10, Split(5, 8, 10), bipartite=False)
    with pytest.raises(ValueError, match="'toy' has 1 node in its 'destinations' pool"):
        negative_pool(dataset, NegativePool.DESTINATIONS)


def test_training_negatives_follow_their_key():
    dataset = random_dataset(1000)
    negatives = protocol_with(9, NegativePool.BIPARTITE).negatives(dataset)
    events = dataset.batch(0, 600)
    drawn = negatives.training(events, 2, 0, 3, 8, "negatives")
    assert drawn.shape == (600, 2)
    assert (drawn != events.dst.unsqueeze(1)).all()
    assert torch.isin(drawn, dataset.destinations).all()
    assert torch.equal(drawn, negatives.training(events, 2, 0, 3, 8, "negatives"))
    for seed, key in ((0, (3, 9)), (0, (4, 8)), (1, (3, 8))):
        other = negatives.training(events, 2, seed, *key, "negatives")
        assert (drawn != other).float().mean() > 0.9


@pytest.mark.parametrize("sampling", ["random", "historical", "inductive"])
def test_training_negatives_never_change(sampling):
    """Whatever is ranked in evaluation; those of a trainer, and of a batch of pre-training."""
    dataset = random_dataset(3000)
    negatives = protocol_with(1, NegativePool.NODES, negative_sampling=sampling).negatives(dataset)
    events = dataset.batch(50, 250)
    assert checksum(negatives.training(events, 3, 7, 2, 5, "negatives"))[:12] == "1b70f4192318"
    assert checksum(negatives.training(events, 1, 7, "static memory", 5))[:12] == "80c23159c4d5"


def test_training_negatives_may_outnumber_the_pool():
    dataset = dataset_of(
        torch.zeros(4, dtype=torch.int64), torch.tensor([0, 1, 2, 1]), 3, Split(4, 4, 4), False
    )
    drawn = protocol_with(1).negatives(dataset).training(dataset.batch(0, 4), 50, 0)
    assert drawn.shape == (4, 50)
    assert [row.unique().tolist() for row in drawn] == [[1, 2], [0, 2], [0, 1], [0, 2]]


@pytest.mark.parametrize("pool", list(NegativePool))
@pytest.mark.parametrize("scale", [1, 1000])
def test_nodes_without_an_event_are_never_drawn(pool, scale):
    """Ids 0 to 49 and 50 to 99, or with gaps of 999: the same negatives at the same places."""
    few = random_dataset(1000, num_nodes=100)
    stream = few.stream
    sparse = dataset_of(
        stream.src * scale, stream.dst * scale, 99 * scale + 1, few.split, bipartite=True
    )
    assert negative_pool(sparse, pool).size == negative_pool(few, pool).size
    drawn = candidates_of(sparse, protocol_with(49, pool))
    assert torch.equal(drawn, scale * candidates_of(few, protocol_with(49, pool)))
    events = few.batch(0, 100), sparse.batch(0, 100)
    one, other = (
        protocol_with(1, pool).negatives(each).training(batch, 3, 0, 1)
        for each, batch in zip((few, sparse), events, strict=True)
    )
    assert torch.equal(other, scale * one)
