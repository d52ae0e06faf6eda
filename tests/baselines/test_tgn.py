import io
from dataclasses import replace

import pytest
import torch

from benchmark.baselines.tgn import TGNSystem
from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.graph.past import Visibility
from benchmark.parallelism import Parallelism
from benchmark.protocol.evaluator import evaluate_links
from benchmark.training.processes import Processes
from tests.baselines.toy import (
    NUM_EVENTS,
    NUM_GROUPS,
    PROTOCOL,
    TRAIN_END,
    VALIDATION_END,
    candidates_for,
    toy_dataset,
    toy_stream,
    toy_system,
)


def train(system: TGNSystem) -> list[float]:
    return [step.loss.item() for step in system.train_round()]


def assert_same(left: object, right: object) -> None:
    """Bitwise equality of nested dicts, sequences and tensors."""
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, list | tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        assert left == right


def first_validation_batch(dataset: Dataset) -> EventBatch:
    return dataset.batch(TRAIN_END, TRAIN_END + 40)


def most_recent(dataset: Dataset, node: int, num_events: int, size: int) -> list[tuple[int, int]]:
    """(event, other end) of the last events of ``node`` among the first ``num_events``."""
    src, dst = dataset.stream.src[:num_events], dataset.stream.dst[:num_events]
    mine = ((src == node) | (dst == node)).nonzero().flatten()[-size:]
    return sorted((int(e), int(dst[e] if src[e] == node else src[e])) for e in mine)


def held(system: TGNSystem, node: int) -> list[tuple[int, int]]:
    """(event, other end) that the neighbour loader returns for ``node``."""
    known, edge_index, ids = system.neighbors(torch.tensor([node]))
    others = known[edge_index[0]]
    return sorted(zip(ids.tolist(), others.tolist(), strict=True))


@pytest.mark.parametrize("edge_dim", [0, NUM_GROUPS])
def test_round_takes_every_training_event_once(edge_dim: int) -> None:
    system = toy_system(toy_dataset(toy_stream(edge_dim)), batch_size=50)
    steps = list(system.train_round())
    assert [step.num_events for step in steps] == [50] * 8 + [20]
    assert len(steps) == system.iterations_per_round
    assert system.num_rounds == 2
    assert system.visibility is Visibility.BATCH
    # Two cross-entropies of near-zero logits.
    assert steps[0].loss.item() == pytest.approx(2 * 0.693, abs=0.2)


def test_memory_and_neighbours_hold_the_training_events_and_then_the_observed() -> None:
    dataset = toy_dataset(toy_stream())
    system = toy_system(dataset, batch_size=200, model={"num_neighbors": 5})
    for _ in range(2):
        train(system)
        for stop, next_stop in ((TRAIN_END, TRAIN_END + 40), (TRAIN_END + 40, VALIDATION_END)):
            assert all(
                held(system, node) == most_recent(dataset, node, stop, 5)
                for node in range(dataset.num_nodes)
            )
            system.observe(dataset.batch(stop, next_stop))
    latest = torch.zeros(dataset.num_nodes, dtype=torch.int64)
    seen = slice(0, VALIDATION_END)
    latest[dataset.stream.src[seen]] = dataset.stream.t[seen]
    latest[dataset.stream.dst[seen]] = dataset.stream.t[seen]
    assert torch.equal(system.memory.last_update, latest)


@pytest.mark.parametrize("edge_dim", [0, NUM_GROUPS])
def test_score_changes_nothing(edge_dim: int) -> None:
    dataset = toy_dataset(toy_stream(edge_dim))
    system = toy_system(dataset)
    train(system)
    batch = first_validation_batch(dataset)
    system.observe(batch)
    events = dataset.batch(TRAIN_END + 40, VALIDATION_END)
    before, random_state = system.state_dict(), torch.get_rng_state()
    scores = system.score(events, candidates_for(len(events)))
    assert torch.equal(scores, system.score(events, candidates_for(len(events))))
    assert_same(before, system.state_dict())
    assert torch.equal(random_state, torch.get_rng_state())
    assert not scores.requires_grad


def test_observe_changes_scores() -> None:
    dataset = toy_dataset(toy_stream())
    system = toy_system(dataset)
    train(system)
    events = dataset.batch(TRAIN_END + 40, VALIDATION_END)
    before = system.score(events, candidates_for(len(events)))
    system.observe(first_validation_batch(dataset))
    assert (system.score(events, candidates_for(len(events))) - before).abs().max() > 1e-4


def test_scores_do_not_depend_on_the_events_of_the_batch_or_later_ones() -> None:
    stream, other = toy_stream(), toy_stream(seed=1)
    for column in ("src", "dst", "t", "msg"):
        other[column][:TRAIN_END] = stream[column][:TRAIN_END]
    assert not torch.equal(stream.dst, other.dst)
    dataset = toy_dataset(stream)
    system, changed = toy_system(dataset), toy_system(toy_dataset(other))
    train(system)
    changed.load_state_dict(system.state_dict())
    events = dataset.batch(TRAIN_END, NUM_EVENTS)
    candidates = candidates_for(len(events))
    assert torch.equal(system.score(events, candidates), changed.score(events, candidates))


def test_scores_do_not_depend_on_chunks_or_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = toy_dataset(toy_stream())
    system = toy_system(dataset)
    train(system)
    events = first_validation_batch(dataset)
    candidates = candidates_for(len(events))
    whole = system.score(events, candidates)
    rows = torch.arange(1, len(events), 3)
    torch.testing.assert_close(system.score(events.select(rows), candidates[rows]), whole[rows])
    monkeypatch.setattr("benchmark.baselines.tgn.EMBEDDED_AT_ONCE", 5)
    monkeypatch.setattr("benchmark.baselines.tgn.SCORED_AT_ONCE", 20)
    torch.testing.assert_close(system.score(events, candidates), whole)


def test_two_runs_are_bitwise_equal_whatever_the_global_random_state() -> None:
    torch.manual_seed(1)
    first = toy_system()
    first_losses = train(first) + train(first)
    torch.manual_seed(2)
    second = toy_system()
    second_losses = train(second) + train(second)
    assert first_losses == second_losses
    assert_same(dict(first.model.named_parameters()), dict(second.model.named_parameters()))
    assert train(toy_system(seed=1)) != first_losses[:9]


def test_state_of_a_file_continues_exactly() -> None:
    dataset = toy_dataset(toy_stream())
    system = toy_system(dataset)
    train(system)
    system.observe(first_validation_batch(dataset))
    file = io.BytesIO()
    torch.save(system.state_dict(), file)
    file.seek(0)
    resumed = toy_system(dataset)
    resumed.load_state_dict(torch.load(file))
    for start, stop in ((TRAIN_END + 40, VALIDATION_END), (VALIDATION_END, NUM_EVENTS)):
        events = dataset.batch(start, stop)
        candidates = candidates_for(len(events))
        assert torch.equal(system.score(events, candidates), resumed.score(events, candidates))
        system.observe(events)
        resumed.observe(events)
    assert train(system) == train(resumed)
    assert_same(dict(system.model.named_parameters()), dict(resumed.model.named_parameters()))


def test_state_is_a_copy() -> None:
    dataset = toy_dataset(toy_stream())
    system = toy_system(dataset)
    train(system)
    events = first_validation_batch(dataset)
    candidates = candidates_for(len(events))
    scores, state = system.score(events, candidates), system.state_dict()
    system.observe(events)
    train(system)
    system.load_state_dict(state)
    assert torch.equal(system.score(events, candidates), scores)
    train(system)
    system.load_state_dict(state)
    assert torch.equal(system.score(events, candidates), scores)


def test_learns_which_group_a_source_prefers() -> None:
    dataset = toy_dataset(toy_stream())
    system = toy_system(dataset, learning_rate=3e-3, batch_size=20)
    system.observe(dataset.batch(0, TRAIN_END))
    untrained = evaluate_links(system, dataset, "validation", PROTOCOL, 20)["mrr"]
    for _ in range(10):
        train(system)
    trained = evaluate_links(system, dataset, "validation", PROTOCOL, 20)["mrr"]
    # Random scores reach (1 + 1/2 + ... + 1/16) / 16 = 0.21; knowing the group, about 0.7.
    assert 0.1 < untrained < 0.32
    assert trained > 0.55


def test_one_kind_of_node_with_self_loops_and_equal_times() -> None:
    stream = toy_stream()
    stream.src, stream.dst = stream.src % 8, stream.dst % 8
    stream.t = stream.t // 200
    assert (stream.src == stream.dst).any()
    dataset = replace(toy_dataset(stream), num_nodes=8, bipartite=False)
    first, second = toy_system(dataset), toy_system(dataset)
    assert train(first) == train(second)
    events = dataset.batch(TRAIN_END, VALIDATION_END)
    candidates = candidates_for(len(events)) % 8
    scores = first.score(events, candidates)
    assert scores.isfinite().all()
    assert torch.equal(scores, second.score(events, candidates))
    first.observe(events)
    assert first.neighbors.cur_e_id == VALIDATION_END


def test_refuses_more_than_one_trainer() -> None:
    with pytest.raises(ValueError, match="parallelism 1x1x1 on 1 process, not 2x1x4 on 1;"):
        toy_system(parallelism=Parallelism(2, 1, 4))
    with pytest.raises(ValueError, match="not 1x1x1 on 2;"):
        toy_system(processes=Processes(0, 2))


def test_refuses_a_gap_in_the_observed_events() -> None:
    dataset = toy_dataset(toy_stream())
    system = toy_system(dataset)
    train(system)
    with pytest.raises(ValueError, match="starts at event 510, but 420 events were observed"):
        system.observe(dataset.batch(VALIDATION_END, NUM_EVENTS))


@pytest.mark.parametrize(("k", "world"), [(2, 1), (1, 2)])
def test_more_than_one_trainer_or_process_is_refused(k: int, world: int) -> None:
    with pytest.raises(ValueError, match=rf"system tgn .* not 1x1x{k} on {world}; choose"):
        toy_system(parallelism=Parallelism(1, 1, k), processes=Processes(0, world))
