"""The one loop that evaluates link prediction, whatever the system: score, then observe."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.protocol.inductive import inductive_events
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import link_metrics
from benchmark.protocol.negatives import EvaluationCandidates
from benchmark.protocol.scorer import StreamScorer
from benchmark.protocol.tgb_negatives import NO_NODE
from benchmark.protocol.walk import split_events, walk


def evaluate_links(
    scorer: StreamScorer,
    dataset: Dataset,
    split: SplitName,
    protocol: LinkProtocol,
    batch_size: int,
    *,
    on_batch: Callable[[int, int], None] | None = None,
    share: tuple[int, int] = (0, 1),
    combine: Callable[[Tensor], Tensor] | None = None,
    candidates: Tensor | None = None,
    on_scores: Callable[[SplitName, Tensor], None] | None = None,
) -> dict[str, float]:
    """Metrics of ``scorer`` on one split, and ``num_events``; the scorer ends after its last event.

    ``on_batch(done, total)`` is told the events done after each batch. With ``share=(rank,
    world)`` the scorer scores rows rank::world of each batch and observes all of it; ``combine``
    must then return the sum over the processes of a float64 tensor [num_events, 1 + negatives].
    ``candidates`` of the whole split (``load_candidates``) replace those that would be drawn.
    ``on_scores(split, scores)`` is told all scores of the split, the true destination's first.
    Where the protocol asks for it, the metrics of the inductive events come with a prefix.
    Holds 8 bytes for each score, twice that while the metrics are computed.
    """

    events = split_events(dataset, split)
    draw = (
        EvaluationCandidates(dataset, split, protocol)
        if candidates is None
        else lambda ids: candidates[ids - events.start]
    )

    def score(batch: EventBatch, rows: Tensor) -> Tensor:
        asked = batch.select(rows)
        return _score(scorer, asked, draw(asked.ids))

    pooled = walk(
        scorer,
        score,
        dataset,
        events,
        batch_size,
        on_batch=on_batch,
        share=share,
        combine=combine,
    )
    metrics = link_metrics(pooled, events.start) | {"num_events": float(len(events))}
    if on_scores is not None:
        on_scores(split, pooled)
    return metrics | (_inductive(pooled, dataset, split) if protocol.inductive else {})


def _inductive(pooled: Tensor, dataset: Dataset, split: SplitName) -> dict[str, float]:
    """The metrics of the inductive events; where there is none, only their number."""
    chosen = pooled[inductive_events(dataset, split)]
    metrics = {"num_events": float(len(chosen))} | (link_metrics(chosen) if len(chosen) else {})
    return {f"inductive_{name}": value for name, value in metrics.items()}


def _score(scorer: StreamScorer, events: EventBatch, candidates: Tensor) -> Tensor:
    """Scores in float64 on the CPU; minus infinity stands for ``NO_NODE`` and nothing else."""
    scores = scorer.score(events, candidates.clamp(min=0))
    if scores.shape != candidates.shape:
        raise ValueError(
            f"the system scored {tuple(candidates.shape)} candidates with a tensor of shape "
            f"{tuple(scores.shape)}; the two must be equal."
        )
    finite = scores.to("cpu", torch.float64).clamp(min=torch.finfo(torch.float64).min)
    return finite.masked_fill(candidates == NO_NODE, -torch.inf)
