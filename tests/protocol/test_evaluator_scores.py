"""What a score may be: infinite, missing, and what is refused."""

import pytest
import torch

from benchmark.datasets.dataset import Split
from benchmark.protocol.negatives import NO_NODE, RandomNegatives
from benchmark.protocol.walk import Sharing
from tests.protocol.known_scorers import Blind, Constant, Oracle
from tests.protocol.streams import dataset_of, protocol_with
from tests.protocol.test_evaluator import validate


class LogOracle(Oracle):
    """Knows the answer and says so in logarithms."""

    def score(self, events, candidates):
        return super().score(events, candidates).log()


def test_a_score_of_minus_infinity_is_a_score():
    assert validate(LogOracle()) == validate(Oracle())


class HalfAtMinusInfinity(Blind):
    """Every other negative, wherever it stands, at minus infinity; the rest beat half the true."""

    def score(self, events, candidates):
        scores = torch.where(torch.arange(50) % 2 == 0, -torch.inf, 1.0).repeat(len(events), 1)
        scores[:, 0] = torch.where(events.ids % 2 == 0, 0.0, 2.0)
        return scores


def test_negatives_at_minus_infinity_lose_and_count():
    """25 of 49 negatives score 1, 24 minus infinity; true ones 0 or 2: AUC (24 / 49 + 1) / 2."""
    metrics = validate(HalfAtMinusInfinity())
    assert metrics["auc"] == pytest.approx((24 / 49 + 1) / 2, abs=1e-12)
    assert metrics["ap"] == pytest.approx((1 + 2 / (2 + 25 * 2)) / 2, abs=1e-12)
    assert metrics["mrr"] == pytest.approx((1 + 1 / 26) / 2, abs=1e-12)


def test_scores_that_only_float64_can_tell_from_minus_infinity_are_told():
    class Huge(Blind):
        def score(self, events, candidates):
            scores = torch.full(candidates.shape, -torch.inf, dtype=torch.float64)
            scores[:, 0] = torch.finfo(torch.float64).min
            return scores

    metrics = validate(Huge())
    metrics.pop("num_events")
    assert metrics == dict.fromkeys(metrics, 1.0)


class ThreeFewer(RandomNegatives):
    """Every second event has 3 negatives fewer."""

    def evaluation(self, events, split):
        negatives = super().evaluation(events, split)
        negatives[events.ids % 2 == 0, 6:] = NO_NODE
        return negatives


@pytest.mark.parametrize("scored", [0.5, -torch.inf, torch.inf])
def test_a_missing_candidate_is_no_negative(scored):
    """Whatever they score, an MRR counts 9 or 6 negatives; all scores tie."""

    class Same(Blind):
        def score(self, events, candidates):
            return torch.full(candidates.shape, scored)

    protocol = protocol_with(9, negative_sampling=f"{__name__}.ThreeFewer")
    metrics = validate(Same(), protocol=protocol)
    assert metrics["mrr"] == pytest.approx((1 / 5.5 + 1 / 4) / 2)
    assert metrics["auc"] == 0.5
    assert metrics["ap"] == pytest.approx(1 / 8.5)
    assert metrics["hits@3"] == 0.0
    assert metrics["hits@10"] == 1.0


def test_nan_for_a_missing_candidate_is_no_score():
    class NanForNodeZero(Blind):  # the node that stands in for a missing one, and a source
        def score(self, events, candidates):
            return torch.where(candidates == 0, torch.nan, 0.5)

    protocol = protocol_with(9, negative_sampling=f"{__name__}.ThreeFewer")
    assert validate(NanForNodeZero(), protocol=protocol)["auc"] == 0.5


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
        (Nan(), {}, "the scores of event 200 and of 1599 other events hold NaN"),
        (Narrow(), {}, r"scored \(600, 50\) candidates with a tensor of shape \(600, 49\)"),
    ],
)
def test_refusals(scorer, options, message):
    with pytest.raises(ValueError, match=message):
        validate(scorer, **options)


@pytest.mark.parametrize("share", [(3, 3), (-1, 2)])
def test_a_rank_outside_of_its_processes_is_refused(share):
    with pytest.raises(ValueError, match=f"process {share[0]} is none of {share[1]} processes"):
        Sharing(*share, combine=lambda scores: scores)


def test_processes_that_cannot_sum_are_refused():
    with pytest.raises(ValueError, match="2 processes need `combine` to sum their scores"):
        Sharing(0, 2)


def test_an_empty_split_is_refused():
    dataset = dataset_of(torch.zeros(9), torch.arange(9), 9, Split(5, 5, 9), bipartite=False)
    with pytest.raises(ValueError, match="the validation split of data set 'toy' has no event"):
        validate(Constant(), dataset=dataset)
