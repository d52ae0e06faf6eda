"""The one loop that evaluates link prediction, whatever the system: score, then observe."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.protocol.inductive import inductive_events
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import link_metrics
from benchmark.protocol.negatives import NO_NODE
from benchmark.protocol.scorer import StreamScorer
from benchmark.protocol.walk import ALONE, Sharing, split_events, walk

OnScores = Callable[[SplitName, Tensor, Tensor], None]


def evaluate_links(
    scorer: StreamScorer,
    dataset: Dataset,
    split: SplitName,
    protocol: LinkProtocol,
    batch_size: int,
    sharing: Sharing = ALONE,
    on_scores: OnScores | None = None,
) -> dict[str, float]:
    """Metrics of ``scorer`` on one split, and ``num_events``; the scorer ends after its last event.

    ``on_scores(split, scores, num_negatives)`` is told all scores of the split, float64
    [num_events, 1 + most negatives], the true destination's first, and how many negatives each
    event has. Where the protocol asks for them, the metrics of inductive and of other events come
    with a prefix. Holds 8 bytes for each score, twice that while the metrics are computed.
    """
    negatives = protocol.negatives(dataset)

    def score(batch: EventBatch) -> Tensor:
        candidates = negatives.candidates(batch, split)
        counts = (candidates != NO_NODE).sum(1, keepdim=True) - 1
        return torch.cat([_score(scorer, batch, candidates), counts], dim=1)

    events = split_events(dataset, split)
    pooled = walk(scorer, score, dataset, events, batch_size, sharing)
    scores, num_negatives = pooled[:, :-1], pooled[:, -1].long()
    metrics = link_metrics(scores, num_negatives, events.start) | {"num_events": float(len(events))}
    if on_scores is not None:
        on_scores(split, scores, num_negatives)
    if protocol.inductive:
        inductive = inductive_events(dataset, split)
        for prefix, chosen in (("inductive", inductive), ("seen", ~inductive)):
            metrics |= _of_some(prefix, scores[chosen], num_negatives[chosen])
    return metrics


def _of_some(prefix: str, scores: Tensor, num_negatives: Tensor) -> dict[str, float]:
    """The metrics of a part of the events; where there is none, only their number."""
    metrics = {"num_events": float(len(scores))}
    if num_negatives.any():
        metrics |= link_metrics(scores, num_negatives)
    return {f"{prefix}_{name}": value for name, value in metrics.items()}


def _score(scorer: StreamScorer, events: EventBatch, candidates: Tensor) -> Tensor:
    """Scores in float64 on the CPU; those of ``NO_NODE`` mean nothing."""
    scores = scorer.score(events, candidates.clamp(min=0))
    if scores.shape != candidates.shape:
        raise ValueError(
            f"the system scored {tuple(candidates.shape)} candidates with a tensor of shape "
            f"{tuple(scores.shape)}; the two must be equal."
        )
    return scores.to("cpu", torch.float64)
