"""TGL's objective against its formula."""

from math import exp, log

import pytest
import torch
from torch import Tensor

from benchmark.models.pairwise import NodeAnswers
from benchmark.training.batch import BatchBuilder, TrainingBatch
from benchmark.training.objectives import BinaryLinkLoss, Objective, SoftmaxLinkLoss, link_objective
from tests.disttgl.small import PROTOCOL
from tests.models.streams import random_dataset, sampler_of, small_model


def batch_of(num_events: int, num_negatives: int) -> TrainingBatch:
    dataset = random_dataset()
    sampler = sampler_of(dataset, small_model(dataset))
    negatives, device = PROTOCOL.negatives(dataset), torch.device("cpu")
    builder = BatchBuilder(dataset, sampler, negatives, num_negatives, 0, device)
    return builder.build(range(num_events), range(num_events), trainer=0, iteration=0)


def test_the_loss_is_the_mean_over_true_plus_that_over_negative_links() -> None:
    """Two events with two negatives each; a score is the product of two numbers."""
    objective = BinaryLinkLoss(small_model(random_dataset()))

    def product(source: Tensor, destinations: Tensor) -> Tensor:
        return source * destinations.squeeze(-1)

    objective.model.score_links = product  # type: ignore[method-assign]
    sources, true, negatives = [1.0, -2.0], [2.0, 0.0], [-1.0, 0.5, -0.5, 1.5]
    embeddings = torch.tensor([*sources, *true, *negatives], dtype=torch.float64).unsqueeze(1)
    positive = (log(1 + exp(-2.0)) + log(2.0)) / 2
    negative = sum(log(1 + exp(score)) for score in (-1.0, 0.5, 1.0, -3.0)) / 4
    batch = batch_of(2, 2)
    answers = NodeAnswers(objective.model, batch.roots.split(embeddings))
    found = objective.loss(batch, answers).item()
    assert found == pytest.approx(positive + negative, rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "metric", "chosen"),
    [
        ("auto", "mrr", SoftmaxLinkLoss),
        ("auto", "hits@10", SoftmaxLinkLoss),
        ("auto", "ap", BinaryLinkLoss),
        ("auto", "auc", BinaryLinkLoss),
        ("softmax", "ap", SoftmaxLinkLoss),
        ("binary", "mrr", BinaryLinkLoss),
    ],
)
def test_by_itself_the_objective_fits_the_metric(
    loss: str, metric: str, chosen: type[Objective]
) -> None:
    assert link_objective(loss, metric) is chosen


def test_an_unknown_objective_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="'hinge'; choose one of binary, softmax, auto"):
        link_objective("hinge", "mrr")
