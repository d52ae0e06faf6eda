import math

import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.datasets.dataset import Split
from benchmark.protocol.evaluator import evaluate_links, inductive_events
from benchmark.protocol.metrics import LINK_METRICS
from benchmark.protocol.walk import Sharing
from tests.protocol.known_scorers import Constant, EdgeBank, Oracle, Random, Recorder
from tests.protocol.streams import dataset_of, protocol_with, random_dataset

FORTY_NINE = protocol_with(49)
SMALL = random_dataset(2000)


def validate(scorer, batch_size=600, dataset=SMALL, protocol=FORTY_NINE, **options):
    return evaluate_links(scorer, dataset, "validation", protocol, batch_size, **options)


def test_an_oracle_is_always_first():
    metrics = validate(Oracle())
    assert metrics.pop("num_events") == 1600
    assert metrics == dict.fromkeys(metrics, 1.0)


def test_a_constant_gains_nothing_by_mean_rank_and_all_by_optimistic_rank():
    metrics = validate(Constant())
    assert metrics["mrr"] == pytest.approx(1 / 25.5, abs=1e-12)
    assert metrics["mrr_optimistic"] == 1.0
    assert metrics["ap"] == pytest.approx(1 / 50)
    assert metrics["auc"] == 0.5
    assert metrics["hits@1"] == metrics["hits@10"] == 0.0


def test_random_scores_give_the_harmonic_number():
    """The rank is uniform on 1..50, so MRR is H_50 / 50 = 0.0900, here within 3.5 errors."""
    metrics = validate(Random(), dataset=random_dataset(15_000))
    ranks = range(1, 51)
    mean = sum(1 / rank for rank in ranks) / 50
    variance = sum(1 / rank**2 for rank in ranks) / 50 - mean**2
    assert mean == pytest.approx(0.0900, abs=5e-5)
    assert metrics["mrr"] == pytest.approx(mean, abs=3.5 * math.sqrt(variance / 12_000))
    assert metrics["hits@10"] == pytest.approx(0.2, abs=3.5 * math.sqrt(0.16 / 12_000))
    assert metrics["auc"] == pytest.approx(0.5, abs=0.01)
    assert metrics["ap"] == pytest.approx(0.02, abs=0.001)


@pytest.mark.parametrize("scorer", [Oracle(), Constant(), Random()])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_size_changes_nothing(scorer, batch_size):
    assert validate(scorer, batch_size) == validate(scorer, 600)


@pytest.mark.parametrize("batch_size", [1, 7, 600])
@pytest.mark.parametrize("world", [2, 3, 5])
def test_shares_sum_to_the_whole(batch_size, world):
    shares: list[torch.Tensor] = []
    events = random_dataset(400)
    for rank in range(world):
        keep = Sharing(rank, world, lambda scores: shares.append(scores) or scores.abs() + 1)
        validate(Random(), batch_size, dataset=events, sharing=keep)
    whole = validate(Random(), batch_size, dataset=events)
    for rank in range(world):
        add = Sharing(rank, world, lambda scores: torch.stack(shares).sum(0))
        assert validate(Random(), batch_size, dataset=events, sharing=add) == whole


def test_ap_and_auc_are_scikit_learns_on_the_pooled_scores():
    pooled = []
    metrics = validate(Random(), 7, on_scores=lambda *told: pooled.extend(told))
    split, scores, num_negatives = pooled
    assert (split, num_negatives.tolist()) == ("validation", [49] * 1600)
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    flat = labels.flatten().numpy(), scores.flatten().numpy()
    assert metrics["ap"] == pytest.approx(average_precision_score(*flat), abs=1e-12)
    assert metrics["auc"] == pytest.approx(roc_auc_score(*flat), abs=1e-12)


def test_every_batch_is_scored_and_then_observed():
    recorder, progress = Recorder(), []
    on_batch = Sharing(on_batch=lambda done, total: progress.append((done, total)))
    validate(recorder, 700, sharing=on_batch)
    batches = [list(range(200, 900)), list(range(900, 1600)), list(range(1600, 1800))]
    assert recorder.calls == [(call, ids) for ids in batches for call in ("score", "observe")]
    assert progress == [(700, 1600), (1400, 1600), (1600, 1600)]


@pytest.mark.parametrize(("rank", "own"), [(0, {0, 3}), (1, {1}), (2, {2})])
def test_a_process_scores_its_batches_and_observes_all(rank, own):
    recorder = Recorder()
    validate(recorder, 500, sharing=Sharing(rank, 3, lambda scores: scores))
    starts = [200, 700, 1200, 1700]
    batches = [list(range(start, min(start + 500, 1800))) for start in starts]
    assert [ids for call, ids in recorder.calls if call == "observe"] == batches
    scored = [ids for call, ids in recorder.calls if call == "score"]
    width = [] if 0 in own else [[200]]  # one event tells how many candidates there are
    assert scored == width + [batches[number] for number in sorted(own)]


def test_a_process_without_a_batch_has_nothing_to_add():
    shares: list[torch.Tensor] = []
    keep = Sharing(5, 7, lambda scores: shares.append(scores) or scores + 49)
    validate(Random(), sharing=keep)
    assert shares[0].shape == (1600, 51)
    assert not shares[0].any()


def edge_bank_stream():
    """Source 0 meets 2, 3, 2, 2, 3; source 1 meets 3, 2, 3: nothing before validation."""
    src = torch.tensor([0, 0, 1, 0, 1, 0, 1, 0])
    dst = torch.tensor([2, 3, 3, 2, 2, 2, 3, 3])
    return dataset_of(src, dst, 4, Split(0, 8, 8), bipartite=True)


def test_edge_bank_by_hand():
    """With one negative, the other destination: repeats win or tie, first meetings lose or tie.

    One event a batch: ties (neither seen) at events 0 and 2; lost (only the other seen) at 1 and 4;
    ties (both seen) at 3, 5, 6, 7. All in one batch: nothing is seen, all tie.
    """
    dataset, protocol = edge_bank_stream(), protocol_with(1)
    one_by_one = validate(EdgeBank(), 1, dataset, protocol)
    assert one_by_one["mrr"] == pytest.approx((6 / 1.5 + 2 / 2) / 8)
    assert one_by_one["mrr_optimistic"] == pytest.approx((6 + 2 / 2) / 8)
    at_once = validate(EdgeBank(), 8, dataset, protocol)
    assert at_once["mrr"] == pytest.approx(1 / 1.5)


def test_scores_need_no_gradient():
    class Learns(Constant):
        def score(self, events, candidates):
            assert not torch.is_grad_enabled()
            return super().score(events, candidates)

    validate(Learns())


def test_inductive_metrics_are_those_of_events_with_a_new_node():
    """Training knows 0, 1, 4 and 5; the events 0-5, 0-6, 2-4, 1-4 hold two with a new node."""
    src, dst = torch.tensor([0, 1, 0, 0, 2, 1]), torch.tensor([4, 5, 5, 6, 4, 4])
    dataset = dataset_of(src, dst, 7, Split(2, 6, 6), bipartite=True)
    assert inductive_events(dataset, "validation").tolist() == [False, True, True, False]

    class ByDestination(Oracle):
        def score(self, events, candidates):
            return super().score(events, candidates) * (events.dst == 6).unsqueeze(1)

    protocol = protocol_with(2, inductive=True)
    metrics = validate(ByDestination(), 3, dataset, protocol)
    assert metrics["num_events"] == 4
    assert metrics["mrr"] == pytest.approx((1 + 3 / 2) / 4)
    assert metrics["inductive_num_events"] == 2
    assert metrics["inductive_mrr"] == pytest.approx((1 + 1 / 2) / 2)
    assert metrics["seen_num_events"] == 2
    assert metrics["seen_mrr"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    for prefix in ("inductive", "seen"):
        assert {f"{prefix}_{name}" for name in LINK_METRICS} < set(metrics)
    plain = validate(ByDestination(), 3, dataset, protocol_with(2))
    assert plain == {name: metrics[name] for name in (*LINK_METRICS, "num_events")}


@pytest.mark.parametrize("metric", ["mrr", "mrr_optimistic", "hits@1", "hits@3", "hits@10"])
def test_inductive_and_seen_events_are_all_events(metric):
    dataset = random_dataset(1000)
    metrics = validate(Random(), dataset=dataset, protocol=protocol_with(9, inductive=True))
    parts = ("inductive", "seen")
    counts = [metrics[f"{part}_num_events"] for part in parts]
    assert min(counts) > 50
    assert sum(counts) == metrics["num_events"] == 800
    total = sum(
        count * metrics[f"{part}_{metric}"] for count, part in zip(counts, parts, strict=True)
    )
    assert total / 800 == pytest.approx(metrics[metric], abs=1e-12)


def test_without_inductive_events_only_their_number_is_told():
    dataset, protocol = edge_bank_stream(), protocol_with(1, inductive=True)
    known = dataset_of(dataset.stream.src, dataset.stream.dst, 4, Split(3, 8, 8), bipartite=True)
    metrics = validate(Constant(), 8, known, protocol)
    told = {name: value for name, value in metrics.items() if name.startswith("inductive")}
    assert told == {"inductive_num_events": 0.0}
