import math

import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.datasets.dataset import Split
from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.inductive import inductive_events
from benchmark.protocol.metrics import LINK_METRICS
from benchmark.protocol.negatives import evaluation_candidates
from benchmark.protocol.tgb_negatives import NO_NODE
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
def test_three_shares_sum_to_the_whole(batch_size):
    shares: list[torch.Tensor] = []
    for rank in range(3):
        validate(
            Random(),
            batch_size,
            share=(rank, 3),
            combine=lambda scores: shares.append(scores) or scores,
        )
    whole = validate(Random(), batch_size)
    for rank in range(3):
        metrics = validate(
            Random(), batch_size, share=(rank, 3), combine=lambda scores: torch.stack(shares).sum(0)
        )
        assert metrics == whole


def test_ap_and_auc_are_scikit_learns_on_the_pooled_scores():
    pooled = []
    metrics = validate(Random(), 7, combine=lambda scores: pooled.append(scores) or scores)
    labels = torch.zeros_like(pooled[0])
    labels[:, 0] = 1
    flat = labels.flatten().numpy(), pooled[0].flatten().numpy()
    assert metrics["ap"] == pytest.approx(average_precision_score(*flat), abs=1e-12)
    assert metrics["auc"] == pytest.approx(roc_auc_score(*flat), abs=1e-12)


def test_every_batch_is_scored_and_then_observed():
    recorder, progress = Recorder(), []
    validate(recorder, 700, on_batch=lambda done, total: progress.append((done, total)))
    batches = [list(range(200, 900)), list(range(900, 1600)), list(range(1600, 1800))]
    assert recorder.calls == [(call, ids) for ids in batches for call in ("score", "observe")]
    assert progress == [(700, 1600), (1400, 1600), (1600, 1600)]


def test_a_share_scores_its_rows_and_observes_all():
    recorder = Recorder()
    validate(recorder, 799, share=(1, 3), combine=lambda scores: scores)
    scored = [ids for call, ids in recorder.calls if call == "score"]
    observed = [ids for call, ids in recorder.calls if call == "observe"]
    # the last batch has 2 events, the 2nd of which is rank 1's
    assert scored == [list(range(201, 999, 3)), list(range(1000, 1798, 3)), [1799]]
    assert observed == [list(range(200, 999)), list(range(999, 1798)), [1798, 1799]]


def test_a_process_without_a_row_still_scores_once_a_batch():
    """A system may communicate while it scores, so no process may skip a batch."""
    recorder = Recorder()
    validate(recorder, 799, share=(2, 3), combine=lambda scores: scores)
    assert [ids for call, ids in recorder.calls if call == "score"][-1] == [1798]


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


def test_given_candidates_are_ranked_instead():
    dataset, protocol = random_dataset(200), protocol_with(9)
    other = evaluation_candidates(
        dataset, "validation", torch.arange(20, 180), protocol_with(9, seed=5)
    )

    class ByNode(Constant):
        def score(self, events, candidates):
            return candidates.double()

    given = validate(ByNode(), 33, dataset, protocol, candidates=other)
    assert given == validate(ByNode(), 33, dataset, protocol_with(9, seed=5))
    assert given != validate(ByNode(), 33, dataset, protocol)


def test_scores_need_no_gradient():
    class Learns(Constant):
        def score(self, events, candidates):
            assert not torch.is_grad_enabled()
            return super().score(events, candidates)

    validate(Learns())


class LogOracle(Oracle):
    """Knows the answer and says so in logarithms."""

    def score(self, events, candidates):
        return super().score(events, candidates).log()


def test_a_score_of_minus_infinity_is_a_score():
    assert validate(LogOracle()) == validate(Oracle())


def test_a_missing_candidate_is_no_negative():
    """Every second event has 3 negatives fewer; whatever they score, an MRR counts 9 or 6."""
    protocol = protocol_with(9)
    candidates = evaluation_candidates(SMALL, "validation", torch.arange(200, 1800), protocol)
    candidates[::2, 7:] = NO_NODE
    metrics = validate(Constant(), protocol=protocol, candidates=candidates)
    assert metrics["mrr"] == pytest.approx((1 / 5.5 + 1 / 4) / 2)
    assert metrics["auc"] == 0.5
    assert metrics["ap"] == pytest.approx(1 / 8.5)


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
    assert {f"inductive_{name}" for name in LINK_METRICS} < set(metrics)


def test_without_inductive_events_only_their_number_is_told():
    dataset, protocol = edge_bank_stream(), protocol_with(1, inductive=True)
    known = dataset_of(dataset.stream.src, dataset.stream.dst, 4, Split(3, 8, 8), bipartite=True)
    metrics = validate(Constant(), 8, known, protocol)
    told = {name: value for name, value in metrics.items() if name.startswith("inductive")}
    assert told == {"inductive_num_events": 0.0}


class Nan(Constant):
    def score(self, events, candidates):
        return super().score(events, candidates) / 0 * 0


class Narrow(Constant):
    def score(self, events, candidates):
        return super().score(events, candidates)[:, 1:]


@pytest.mark.parametrize(
    ("scorer", "options", "message"),
    [
        (Constant(), {"batch_size": 0}, "batch_size is 0; evaluation needs at least 1"),
        (Constant(), {"share": (3, 3)}, r"share \(3, 3\) is not a rank below"),
        (Constant(), {"share": (0, 2)}, "needs `combine`"),
        (Nan(), {}, "the scores of event 200 and of 1599 other events hold NaN"),
        (Narrow(), {}, r"scored \(600, 50\) candidates with a tensor of shape \(600, 49\)"),
    ],
)
def test_refusals(scorer, options, message):
    with pytest.raises(ValueError, match=message):
        validate(scorer, **options)


def test_an_empty_split_is_refused():
    dataset = dataset_of(torch.zeros(9), torch.arange(9), 9, Split(5, 5, 9), bipartite=False)
    with pytest.raises(ValueError, match="the validation split of data set 'toy' has no event"):
        validate(Constant(), dataset=dataset)
