"""TGM's TGN under the contract of a system; needs the package ``tgm-lib``."""

from collections.abc import Iterator
from functools import partial

import pytest
import torch

from benchmark.parallelism import Parallelism
from benchmark.protocol.evaluator import evaluate_links
from benchmark.training.processes import Processes
from benchmark.training.system import Job, TrainingSettings
from tests.disttgl.small import PROTOCOL, small_dataset

pytest.importorskip("tgm")

from benchmark.baselines.tgm import TGN, TGMSystem

NUM_NEIGHBORS = 4
TRAINING = TrainingSettings(2, 20, 1e-2, 3, Parallelism(), torch.device("cpu"))


def system(edge_dim: int = 3) -> TGMSystem:
    sizes = {"memory_dim": 6, "time_dim": 5, "embedding_dim": 8, "num_neighbors": NUM_NEIGHBORS}
    model = partial(TGN, **sizes)
    return TGMSystem(Job(small_dataset(edge_dim), PROTOCOL, model, TRAINING, Processes()))


def losses(trained: TGMSystem) -> Iterator[float]:
    for step in trained.train_round():
        yield step.loss.item()


def test_batches_hold_the_events_and_the_negatives_of_the_suite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained, seen = system(), []
    compute = trained._train_step
    monkeypatch.setattr(
        trained, "_train_step", lambda batch: (seen.append(batch), compute(batch))[1]
    )
    steps = list(trained.train_round())
    assert [step.num_events for step in steps] == [20] * 6 + [15]
    dataset = small_dataset()
    negatives = PROTOCOL.negatives(dataset)
    for iteration, batch in enumerate(seen):
        events = dataset.batch(20 * iteration, min(20 * iteration + 20, 135))
        key = (0, iteration, "negatives")
        assert batch.edge_src.tolist() == events.src.tolist()
        assert batch.edge_dst.tolist() == events.dst.tolist()
        assert torch.equal(batch.edge_x, dataset.stream.msg[events.ids])
        assert batch.neg.tolist() == negatives.training(events, 1, 3, *key)[:, 0].tolist()


@pytest.mark.parametrize("edge_dim", [0, 3])
def test_it_learns_and_does_so_the_same_way_twice(edge_dim: int) -> None:
    first, second = system(edge_dim), system(edge_dim)
    curve = [*losses(first), *losses(first)]
    assert curve == [*losses(second), *losses(second)]
    assert sum(curve[7:]) < sum(curve[:7])
    scores = [
        evaluate_links(one, small_dataset(edge_dim), "validation", PROTOCOL, 10)
        for one in (first, second)
    ]
    assert scores[0] == scores[1]


def test_a_node_sees_its_latest_observed_events() -> None:
    watched, dataset = system(), small_dataset()
    for start in (0, 25, 50):
        watched.observe(dataset.batch(start, start + 25))
    nodes = torch.arange(dataset.num_nodes)
    nobody, later = nodes[:0], torch.full_like(nodes, 10**6)
    batch = watched._sample(nobody, nobody, nobody, nodes, later)
    past = list(
        zip(dataset.stream.src[:75].tolist(), dataset.stream.dst[:75].tolist(), strict=True)
    )
    for node, neighbors in zip(nodes.tolist(), batch.nbr_nids[0].tolist(), strict=True):
        expected = [b for pair in past for a, b in (pair, pair[::-1]) if a == node]
        assert sorted(n for n in neighbors if n >= 0) == sorted(expected[-NUM_NEIGHBORS:])


def test_scoring_changes_nothing_and_observing_does() -> None:
    watched, dataset = system(), small_dataset()
    list(losses(watched))
    events = dataset.batch(135, 145)
    candidates = torch.arange(50).view(10, 5) % dataset.num_nodes
    before = watched.score(events, candidates)
    assert before.shape == (10, 5)
    assert torch.equal(watched.score(events, candidates), before)
    watched.observe(events)
    assert not torch.equal(watched.score(events, candidates), before)


def test_a_loaded_state_trains_on_as_the_one_that_was_saved() -> None:
    first, second = system(), system()
    list(losses(first))
    second.load_state_dict(first.state_dict())
    assert list(losses(second)) == list(losses(first))


def test_more_than_one_trainer_is_refused() -> None:
    with pytest.raises(ValueError, match="system tgm trains on one device"):
        TGMSystem(Job(small_dataset(), PROTOCOL, TGN, TRAINING, Processes(0, 2)))
