"""What the plain computations of the variants share: parameters by name, roots, neighbours."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.graph.past import Visibility
from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.pairwise import candidate_scores
from benchmark.models.roots import CandidateRoots
from benchmark.models.subgraph import Subgraph, build_subgraph
from tests.models.plain import plain_neighbors
from tests.models.streams import random_dataset, random_state, sampler_of

Model = TypeVar("Model", bound=TemporalModel)
DATASET = random_dataset(seed=3)
EVENTS = DATASET.batch(25, 37)
CANDIDATES = torch.arange(DATASET.num_nodes).expand(len(EVENTS), -1)


def random_rows(width: int) -> Tensor:
    """Node features [num_nodes, width] of ``DATASET``."""
    generator = torch.Generator().manual_seed(4)
    return torch.randn(DATASET.num_nodes, width, generator=generator)


def without_zeros(model: Model) -> Model:
    """The model in float64 and in evaluation mode, with noise on every parameter."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    return model.double().eval()


def subgraph_of(dataset: Dataset, model: TemporalModel, events: EventBatch) -> Subgraph:
    """The roots that ask for ``EVENTS``: sources, then all nodes for every event."""
    nodes = torch.cat([events.src, CANDIDATES.flatten()])
    times = torch.cat([events.t, events.t.repeat_interleave(CANDIDATES.shape[1])])
    return build_subgraph(nodes, times, sampler_of(dataset, model), events.start)


def fast_scores(model: TemporalModel, state: NodeState) -> Tensor:
    """Scores of all ``CANDIDATES`` in one pass, as a system asks for them."""
    subgraph = subgraph_of(DATASET, model, EVENTS)
    rows = state.rows(subgraph.nodes)
    memory, subgraph = model.update_memory(rows), subgraph.known_from(rows)
    return candidate_scores(model, memory, subgraph, CandidateRoots.of(EVENTS, CANDIDATES))


Embedding = Callable[[int, int, list[tuple[int, int, int]]], Tensor]


def plain_scores(model: TemporalModel, embedding: Embedding) -> Tensor:
    """The same from ``embedding(node, time, neighbours)``, one root after the other.

    A neighbour is (its node, the event, the event's age), newest first.
    """
    weights = dict(model.link_decoder.named_parameters())

    def linear(name: str, values: Tensor) -> Tensor:
        return weights[f"{name}.weight"] @ values + weights[f"{name}.bias"]

    def embedded(node: int, time: int) -> Tensor:
        seen = plain_neighbors(DATASET, Visibility.EVENT, node, time, EVENTS.start)
        newest = seen[: model.num_neighbors]
        ages = [(other, event, time - then) for other, event, then in newest]
        return embedding(node, time, ages)

    rows = []
    for source, time, others in zip(EVENTS.src, EVENTS.t, CANDIDATES, strict=True):
        own = linear("source", embedded(int(source), int(time)))
        ends = [linear("destination", embedded(int(other), int(time))) for other in others]
        rows.append(torch.cat([linear("output", torch.relu(own + end)) for end in ends]))
    return torch.stack(rows)


def plain_idle(state: NodeState, node: int, time: int) -> int:
    """How long before ``time`` the newest mail of a node was made; 0 without a mail."""
    return time - int(state.newest_time[node]) if state.newest_event[node] != NO_EVENT else 0


def state_of(model: TemporalModel) -> NodeState:
    """A state before ``EVENTS``, float64."""
    state = random_state(DATASET, model)
    return state._replace(mail_time=state.mail_time.clamp(max=int(EVENTS.t[0])))


def normalised(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Layer normalisation of one vector."""
    centred = values - values.mean()
    return centred / torch.sqrt((centred**2).mean() + 1e-5) * weight + bias
