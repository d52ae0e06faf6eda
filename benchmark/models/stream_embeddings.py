"""Embeddings of nodes at the times of events, from a model that runs along the stream."""

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.models.streaming import StreamingModel


def source_embeddings(streaming: StreamingModel, events: EventBatch) -> Tensor:
    """Embeddings [num_events, embedding_dim] of the sources, each before its own event."""
    events = events.to(streaming.state.memory.device)
    return streaming.embed(events.src, events.t, events.start)[0]


def end_embeddings(streaming: StreamingModel, events: EventBatch) -> tuple[Tensor, Tensor]:
    """Embeddings [num_events, embedding_dim] of sources and of destinations, before the event."""
    events = events.to(streaming.state.memory.device)
    nodes, times = torch.cat([events.src, events.dst]), events.t.repeat(2)
    source, destination = streaming.embed(nodes, times, events.start)[0].chunk(2)
    return source, destination
