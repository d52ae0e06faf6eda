"""Small random streams, and models without a parameter that is zero."""

from typing import Any

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, Source, Split, Stream
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import Visibility
from benchmark.graph.samplers import NeighborSampler, RecentSampler
from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.tgn_attention import TGNAttention

NUM_STRANGERS = 2  # nodes without any event


def random_dataset(
    seed: int = 0,
    *,
    num_events: int = 60,
    num_nodes: int = 10,
    edge_dim: int = 3,
    start: int = 0,
    split: Split | None = None,
) -> Dataset:
    """Events among few nodes, with repeats and self-loops; every third has the time of the last.

    The two nodes with the highest ids never take part, but may be candidates.
    """
    generator = torch.Generator().manual_seed(seed)
    nodes = torch.randint(num_nodes - NUM_STRANGERS, (2, num_events), generator=generator)
    gaps = torch.randint(3, (num_events,), generator=generator)
    msg = torch.randn(num_events, edge_dim, generator=generator)
    stream = Stream(src=nodes[0], dst=nodes[1], t=start + gaps.cumsum(0), msg=msg)
    return Dataset(
        name="random",
        stream=stream,
        num_nodes=num_nodes,
        bipartite=False,
        split=split or Split(num_events // 2, 3 * num_events // 4, num_events),
        source=Source("made by a test", {}),
    )


def small_model(
    dataset: Dataset, dtype: torch.dtype = torch.float64, seed: int = 0, **changes: Any
) -> TGNAttention:
    """A model of a few dimensions; biases are random too, so that none hides by being zero."""
    sizes = {
        "memory_dim": 6,
        "time_dim": 5,
        "embedding_dim": 8,
        "num_neighbors": 4,
        "num_heads": 2,
        "dropout": 0.0,
        "attention_dropout": 0.0,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = TGNAttention(dataset.stream.msg, **(sizes | changes))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model.to(dtype)


def sampler_of(
    dataset: Dataset, model: TemporalModel, visibility: Visibility = Visibility.EVENT
) -> NeighborSampler:
    """The most recent neighbours, as many and as deep as ``model`` asks for."""
    stream = dataset.stream
    index = NeighborIndex(stream.src, stream.dst, stream.t, dataset.num_nodes)
    reach = (model.num_layers, model.snapshots)
    return RecentSampler(index, model.num_neighbors, visibility, *reach)


def empty_state(dataset: Dataset, model: TemporalModel) -> NodeState:
    """The state of all nodes before the first event."""
    return model.empty_state(dataset.num_nodes, next(model.parameters()).dtype)


def random_state(dataset: Dataset, model: TemporalModel, seed: int = 0) -> NodeState:
    """A state of all nodes in the middle of the stream; about a third has no mail yet.

    In a mailbox that holds for each of its slots.
    """
    generator = torch.Generator().manual_seed(seed)
    empty = empty_state(dataset, model)

    def normal(like: Tensor) -> Tensor:
        rows = torch.randn(like.shape, generator=generator, dtype=torch.float64)
        return rows.to(like.dtype)

    def integers(bound: int, like: Tensor) -> Tensor:
        return torch.randint(bound, like.shape, generator=generator)

    has_mail = integers(3, empty.mail_event) > 0
    memory_time = integers(20, empty.memory_time) * has_mail.view(dataset.num_nodes, -1)[:, 0]
    first_possible = memory_time.view(-1, *[1] * (has_mail.dim() - 1))
    return NodeState(
        normal(empty.memory),
        normal(empty.mail) * has_mail.unsqueeze(-1),
        memory_time,
        (first_possible + integers(20, empty.mail_time)) * has_mail,
        torch.where(has_mail, integers(dataset.num_events, empty.mail_event), NO_EVENT),
    )
