"""Which objective trains for which goal."""

from collections.abc import Callable

from benchmark.datasets.dataset import Dataset
from benchmark.models.contract import TemporalModel
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.training.class_loss import EdgeClassLoss, LinkAndNodeLoss
from benchmark.training.loss import link_objective
from benchmark.training.objective import Objective
from benchmark.training.system import Goal

CLASS_OBJECTIVES: dict[Goal, Callable[[TemporalModel, Dataset], Objective]] = {
    Goal.EDGE_CLASSES: EdgeClassLoss,
    Goal.LINKS_AND_NODE_CLASSES: LinkAndNodeLoss,
}


def make_objective(
    goal: Goal, loss: str, protocol: LinkProtocol, model: TemporalModel, dataset: Dataset
) -> Objective:
    """The objective of ``goal``; that of links is the one called ``loss`` (conf/system)."""
    of_links = link_objective(loss, protocol.primary_metric)
    if goal is Goal.LINKS:
        return of_links(model)
    return CLASS_OBJECTIVES[goal](model, dataset)
