"""Networks that look at both ends of a link at once, and what any network says of a batch."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from benchmark.models.contract import TemporalModel
from benchmark.models.roots import CandidateRoots, EventRoots, EventRows, RootPairs
from benchmark.models.subgraph import Subgraph


class PairwiseModel(TemporalModel):
    """A network that scores a pair of nodes from the surroundings of both.

    It writes ``embed_pairs`` in the place of ``embed``, and ``link_decoder`` makes a score of the
    embedding of a pair [..., pair_dim] -> [..., 1]; ``score_pairs`` can be written instead. All
    else is as for ``TemporalModel``. What is computed for a pair may depend on its two roots only,
    neither on the other pairs nor on their order.

    Nodes have no embeddings of their own, so that tasks over nodes cannot be asked of it. With
    ``knows_ids`` it tells nodes apart that nothing has happened to.
    """

    knows_ids = False

    @abstractmethod
    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        """Embeddings [num_pairs, pair_dim] from the updated memory of ``subgraph.nodes``.

        ``pairs`` are rows among ``subgraph.roots``; both roots of a pair are of the same time.
        """

    def score_pairs(self, embeddings: Tensor) -> Tensor:
        """Scores [...] of the pairs with ``embeddings`` [..., pair_dim]."""
        scores: Tensor = self.link_decoder(embeddings).squeeze(-1)
        return scores

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Not for these networks."""
        raise ValueError(
            f"{type(self).__name__} embeds pairs of nodes and no node alone; choose a network "
            "that embeds nodes, such as model=tgn_attention."
        )


class Answers(Protocol):
    """What a network says of the events of a batch."""

    def scores(self) -> Tensor:
        """Scores [num_events, 1 + num_negatives] of all candidates, the true ones first."""

    def separate_scores(self) -> tuple[Tensor, Tensor]:
        """The same apart: [num_events, 1] and [num_events, num_negatives]."""

    def pairs(self) -> Tensor:
        """Embeddings [num_events, pair_dim] of the events' own two ends, together."""

    def sources(self) -> Tensor:
        """Embeddings [num_events, embedding_dim] of the sources."""


@dataclass(frozen=True)
class NodeAnswers:
    """``Answers`` from the embeddings of the ``ends`` of events."""

    model: TemporalModel
    ends: EventRows

    def scores(self) -> Tensor:
        return self.model.score_links(self.ends.sources, self.ends.candidates)

    def separate_scores(self) -> tuple[Tensor, Tensor]:
        sources, true = self.ends.sources, self.ends.destinations.unsqueeze(1)
        score = self.model.score_links
        return score(sources, true), score(sources, self.ends.negatives)

    def pairs(self) -> Tensor:
        return torch.cat([self.ends.sources, self.ends.destinations], dim=-1)

    def sources(self) -> Tensor:
        return self.ends.sources


@dataclass(frozen=True)
class PairAnswers:
    """``Answers`` from ``embeddings`` [num_events, 1 + num_negatives, pair_dim] of pairs."""

    model: PairwiseModel
    embeddings: Tensor

    def scores(self) -> Tensor:
        return self.model.score_pairs(self.embeddings)

    def separate_scores(self) -> tuple[Tensor, Tensor]:
        scores = self.scores()
        return scores[:, :1], scores[:, 1:]

    def pairs(self) -> Tensor:
        return self.embeddings[:, 0]

    def sources(self) -> Tensor:
        raise ValueError(f"{type(self.model).__name__} embeds no node alone.")


def answer(model: TemporalModel, memory: Tensor, subgraph: Subgraph, roots: EventRoots) -> Answers:
    """What ``model`` says of the events that ask about ``roots``, those of ``subgraph``."""
    if isinstance(model, PairwiseModel):
        embeddings = model.embed_pairs(memory, subgraph, roots.pairs)
        return PairAnswers(model, embeddings.unflatten(0, (roots.shape[0], -1)))
    return NodeAnswers(model, roots.split(model.embed(memory, subgraph)))


def candidate_scores(
    model: TemporalModel, memory: Tensor, subgraph: Subgraph, roots: CandidateRoots
) -> Tensor:
    """Scores [num_events, num_candidates] that ``model`` gives to ``roots``, from one subgraph."""
    if isinstance(model, PairwiseModel):
        return model.score_pairs(model.embed_pairs(memory, subgraph, roots.pairs)).view(roots.shape)
    return model.score_links(*roots.split(model.embed(memory, subgraph)))
