import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from benchmark.datasets.dataset import Split
from benchmark.protocol.candidate_file import candidates_checksum
from benchmark.protocol.link_protocol import NegativePool
from benchmark.protocol.negatives import (
    Pool,
    evaluation_candidates,
    negative_pool,
    training_negatives,
)
from tests.protocol.streams import dataset_of, protocol_with, random_dataset

VALIDATION = torch.arange(100, 900)


def candidates_of(dataset, protocol, ids=VALIDATION):
    return evaluation_candidates(dataset, "validation", ids, protocol)


def test_candidates_never_change():
    """Whoever changes these numbers makes every recorded run incomparable with the next."""
    candidates = candidates_of(random_dataset(1000), protocol_with(49))
    assert candidates[0, :8].tolist() == [226, 235, 298, 191, 169, 216, 265, 249]
    assert candidates_checksum(candidates) == (
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
    as_test = evaluation_candidates(overlapping, "test", VALIDATION, protocol_with(49))
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
        training_negatives(pool, torch.tensor([2, 5]), 1, 0)


def test_a_pool_of_one_node_is_refused():
    dst = torch.full((10,), 3)
    dataset = dataset_of(torch.arange(10), dst, 10, Split(5, 8, 10), bipartite=False)
    with pytest.raises(ValueError, match="'toy' has 1 node in its 'destinations' pool"):
        negative_pool(dataset, NegativePool.DESTINATIONS)


def test_training_negatives_follow_their_key():
    dataset = random_dataset(1000)
    pool = negative_pool(dataset, NegativePool.BIPARTITE)
    true_destinations = dataset.stream.dst[:600]
    drawn = training_negatives(pool, true_destinations, 2, 0, "trainer", 3, "iteration", 8)
    assert drawn.shape == (600, 2)
    assert (drawn != true_destinations.unsqueeze(1)).all()
    assert torch.isin(drawn, dataset.destinations).all()
    again = training_negatives(pool, true_destinations, 2, 0, "trainer", 3, "iteration", 8)
    assert torch.equal(drawn, again)
    for seed, key in ((0, (3, 9)), (0, (4, 8)), (1, (3, 8))):
        other = training_negatives(
            pool, true_destinations, 2, seed, "trainer", key[0], "iteration", key[1]
        )
        assert (drawn != other).float().mean() > 0.9


def test_training_negatives_may_outnumber_the_pool():
    pool = Pool(torch.arange(3))
    drawn = training_negatives(pool, torch.tensor([0, 1, 2, 1]), 50, 0)
    assert drawn.shape == (4, 50)
    assert [row.unique().tolist() for row in drawn] == [[1, 2], [0, 2], [0, 1], [0, 2]]
