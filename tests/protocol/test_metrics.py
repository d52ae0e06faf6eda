import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.protocol.metrics import LINK_METRICS, link_metrics

LOWEST = np.finfo(np.float64).min
FEW_VALUES = st.sampled_from([-np.inf, LOWEST, -1e300, -1.0, -0.0, 0.0, 0.25, 1.0, np.inf])
SHAPES = st.tuples(st.integers(1, 12), st.integers(2, 9))


def by_loop(scores):
    mean_ranks, optimistic_ranks = [], []
    for positive, *negatives in scores.tolist():
        optimistic = 1 + sum(negative > positive for negative in negatives)
        pessimistic = 1 + sum(negative >= positive for negative in negatives)
        optimistic_ranks.append(optimistic)
        mean_ranks.append((optimistic + pessimistic) / 2)
    expected = {
        "mrr": np.mean([1 / rank for rank in mean_ranks]),
        "mrr_optimistic": np.mean([1 / rank for rank in optimistic_ranks]),
    }
    for k in (1, 3, 10):
        expected[f"hits@{k}"] = np.mean([rank <= k for rank in mean_ranks])
    return expected


def assert_matches_references(scores):
    metrics = link_metrics(torch.from_numpy(scores))
    assert set(metrics) == set(LINK_METRICS)
    labels = np.zeros(scores.shape)
    labels[:, 0] = 1
    # scikit-learn takes no infinities; the order of the scores is all that counts
    order = np.unique(scores, return_inverse=True)[1].reshape(-1)
    expected = by_loop(scores) | {
        "ap": average_precision_score(labels.reshape(-1), order),
        "auc": roc_auc_score(labels.reshape(-1), order),
    }
    assert metrics == pytest.approx(expected, abs=1e-12)


@given(scores=SHAPES.flatmap(lambda shape: arrays.arrays(np.float64, shape, elements=FEW_VALUES)))
@settings(deadline=None)
def test_with_many_ties_against_a_loop_and_scikit_learn(scores):
    assert_matches_references(scores)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_with_real_scores_against_a_loop_and_scikit_learn(dtype):
    scores = np.random.default_rng(0).normal(size=(400, 50)).astype(dtype)
    scores[:, 0] += 1
    assert_matches_references(scores)


def test_by_hand():
    scores = torch.tensor([[2.0, 1.0, 3.0, 0.0], [1.0, 1.0, 1.0, 0.0]])
    metrics = link_metrics(scores)
    assert metrics["mrr"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert metrics["mrr_optimistic"] == pytest.approx((1 / 2 + 1) / 2)
    assert metrics["hits@1"] == 0
    assert metrics["hits@3"] == 1


def test_by_hand_with_infinities():
    """Minus infinity < the lowest number < 0 < infinity; a true one at minus infinity ties there.

    Thresholds of true scores: inf (1 true, 1 false), 0 (2, 2), -inf (3 true, all 6 false).
    """
    inf = np.inf
    scores = np.array([[0, -inf, LOWEST], [-inf, -inf, LOWEST], [inf, inf, 0.0]])
    metrics = link_metrics(torch.from_numpy(scores))
    assert metrics["mrr"] == pytest.approx((1 + 1 / 2.5 + 1 / 1.5) / 3, abs=1e-12)
    assert metrics["mrr_optimistic"] == pytest.approx((1 + 1 / 2 + 1) / 3, abs=1e-12)
    assert metrics["ap"] == pytest.approx((1 / 2 + 2 / 4 + 3 / 9) / 3, abs=1e-12)
    assert metrics["auc"] == pytest.approx((4.5 + 1 + 5.5) / 18, abs=1e-12)


def test_half_of_the_negatives_at_minus_infinity():
    """They lose to every true score: half of the AUC of the others, and a half."""
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(2000, 11))
    others = link_metrics(torch.from_numpy(scores[:, :6]))
    scores[:, 6:] = -np.inf
    metrics = link_metrics(torch.from_numpy(scores))
    assert metrics["auc"] == pytest.approx(others["auc"] / 2 + 1 / 2, abs=1e-12)
    assert 0.74 < metrics["auc"] < 0.76
    assert metrics["ap"] == pytest.approx(others["ap"], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("filler", [-np.inf, np.inf, np.nan, 2.0])
def test_what_stands_behind_an_events_negatives_counts_nowhere(seed, filler):
    """Every row keeps its first 1 to 8 negatives; the references see nothing of the others."""
    generator = np.random.default_rng(seed)
    scores = generator.choice([-np.inf, 0, 1, 2, np.inf], (60, 9))
    numbers = generator.integers(1, 9, 60)
    present = np.arange(9) <= numbers[:, None]
    scores[~present] = filler
    labels = np.broadcast_to(np.arange(9) == 0, scores.shape)[present]
    order = np.unique(scores[present], return_inverse=True)[1]
    metrics = link_metrics(torch.from_numpy(scores), torch.from_numpy(numbers))
    assert metrics["ap"] == pytest.approx(average_precision_score(labels, order), abs=1e-12)
    assert metrics["auc"] == pytest.approx(roc_auc_score(labels, order), abs=1e-12)
    rows = [row[: 1 + number] for row, number in zip(scores, numbers, strict=True)]
    expected = [by_loop(row[None]) for row in rows]
    for name in expected[0]:
        mean = np.mean([each[name] for each in expected])
        assert metrics[name] == pytest.approx(mean, abs=1e-12), name


def test_fewer_negatives_than_k_are_always_a_hit():
    scores = torch.tensor([[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 0.0, 0.0]])
    metrics = link_metrics(scores, torch.tensor([3, 1]))
    assert [metrics[f"hits@{k}"] for k in (1, 3, 10)] == [0.0, 0.5, 1.0]


def test_an_event_without_negatives_is_first_and_alone_refused():
    scores = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    metrics = link_metrics(scores, torch.tensor([1, 0]))
    assert (metrics["mrr"], metrics["auc"]) == ((1 / 2 + 1) / 2, 0.0)
    with pytest.raises(ValueError, match="none of the 2 events to evaluate has a negative"):
        link_metrics(scores, torch.zeros(2, dtype=torch.int64))


def test_all_scores_equal():
    for value in (-np.inf, 0.0, np.inf):
        metrics = link_metrics(torch.full((30, 5), value, dtype=torch.float64))
        assert metrics == {
            "mrr": pytest.approx(1 / 3),
            "mrr_optimistic": 1.0,
            "ap": pytest.approx(1 / 5),
            "auc": 0.5,
            "hits@1": 0.0,
            "hits@3": 1.0,
            "hits@10": 1.0,
        }


def test_scores_are_left_as_they_were():
    scores = torch.rand(20, 5)
    before = scores.clone()
    link_metrics(scores)
    assert torch.equal(scores, before)


def test_nan_is_refused_with_the_first_event():
    scores = torch.rand(10, 4)
    scores[3, 2] = scores[3, 1] = scores[7, 0] = torch.nan
    with pytest.raises(ValueError, match="event 1003 and of 1 other events hold NaN"):
        link_metrics(scores, first_event=1000)
