"""A decoder of node classes on embeddings that stay as they are."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.datasets.dataset import UNLABELLED, Dataset, EventBatch, SplitName
from benchmark.models.layers.decoders import NodeClassDecoder
from benchmark.protocol.metrics import class_metrics
from benchmark.protocol.walk import ALONE, Sharing, SourceEmbedder, walk
from benchmark.randomness import generator, seeded
from benchmark.tasks.readout import OnColumns, Readout, class_answers, class_columns


@dataclass(frozen=True)
class DecoderTraining:
    """How the decoder is trained; described in conf/task/node_classification.yaml."""

    epochs: int
    batch_size: int
    learning_rate: float
    hidden_dim: int


class PlacedDecoder(nn.Module):
    """A decoder that knows class c as ``places[c]`` (int64 [num_classes])."""

    def __init__(self, decoder: NodeClassDecoder, places: Tensor) -> None:
        super().__init__()
        self.decoder = decoder
        self.register_buffer("places", places)
        self.places: Tensor

    @classmethod
    def of_state(cls, state: Mapping[str, Tensor]) -> "PlacedDecoder":
        """The decoder with this ``state_dict``."""
        hidden_dim, dim = state["decoder.hidden.weight"].shape
        decoder = NodeClassDecoder(dim, hidden_dim, len(state["places"]))
        placed = cls(decoder, torch.empty_like(state["places"]))
        placed.load_state_dict(state)
        return placed

    def forward(self, embeddings: Tensor) -> Tensor:
        """Logits [num_events, num_classes] in the order of the classes."""
        logits: Tensor = self.decoder(embeddings)[:, self.places]
        return logits


def train_decoder(
    embeddings: Tensor,
    dataset: Dataset,
    primary_metric: str,
    settings: DecoderTraining,
    seed: int,
    report: Callable[[int, int], None],
) -> tuple[PlacedDecoder, dict[str, float]]:
    """The decoder of the best epoch, from ``embeddings`` [num_events, dim], and its metrics.

    These are validation at that epoch and test at that point, and named as in ``class_metrics``.
    ``report(done, total)`` is told of epochs.
    The decoder knows a class by its place in ``by_appearance``, so that nothing depends on how
    classes are spelt or numbered.
    """
    cpu = torch.device("cpu")
    width = (embeddings.shape[1], settings.hidden_dim, dataset.num_classes)
    with seeded(cpu, seed, "node decoder"):
        decoder = NodeClassDecoder(*width)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=settings.learning_rate)
    places = by_appearance(dataset.labels, dataset.num_classes)
    placed = PlacedDecoder(decoder, places)
    labels = torch.where(dataset.labels == UNLABELLED, UNLABELLED, places[dataset.labels])
    train = labels[: dataset.split.train_end]
    best: dict[str, float] = {}
    for epoch in range(1, settings.epochs + 1):
        chosen = balanced(train, dataset.num_classes, generator(seed, "decoder events", epoch))
        for rows in chosen.split(settings.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(decoder(embeddings[rows]), labels[rows]).backward()
            optimizer.step()
        scores = decoded_metrics(placed, embeddings, dataset, "validation")
        metric = f"validation_{primary_metric}"
        if not best or scores[metric] > best[f"{metric}_best"]:
            test = decoded_metrics(placed, embeddings, dataset, "test")
            best = {f"{metric}_best": scores[metric], **scores, **test, "best_epoch": epoch}
            kept = deepcopy(placed)
        report(epoch, settings.epochs)
    return kept, best


def by_appearance(labels: Tensor, num_classes: int) -> Tensor:
    """The place of each class in the order in which the stream first shows them, [num_classes].

    A class that no event of ``labels`` [num_events] has comes last.
    """
    rows = (labels != UNLABELLED).nonzero().flatten()
    first = torch.full((num_classes,), labels.numel())
    first.scatter_reduce_(0, labels[rows], rows, "amin")
    return first.argsort(stable=True).argsort()


def balanced(labels: Tensor, num_classes: int, random: torch.Generator) -> Tensor:
    """Rows of ``labels`` [num_events] in random order, as many of each class as of the rarest.

    A class that no event has is left out. As TGL, which draws as many negatives as there are
    positives in every epoch.
    """
    shuffled = torch.randperm(labels.numel(), generator=random)
    of_class = [shuffled[labels[shuffled] == each] for each in range(num_classes)]
    present = [rows for rows in of_class if rows.numel()]
    size = min(rows.numel() for rows in present)
    together = torch.cat([rows[:size] for rows in present])
    return together[torch.randperm(together.numel(), generator=random)]


@torch.no_grad()
def decoded_metrics(
    decoder: PlacedDecoder,
    embeddings: Tensor,
    dataset: Dataset,
    split: SplitName,
    on_columns: OnColumns | None = None,
) -> dict[str, float]:
    """Metrics of one split, each after its name, from ``embeddings`` [num_events, dim] of all."""
    events = dataset.split.range(split)
    rows = slice(events.start, events.stop)
    logits = decoder(embeddings[rows])
    metrics = class_metrics(logits, dataset.labels[rows], dataset.label_kind, events.start)
    if on_columns is not None:
        on_columns(class_columns(dataset, split, logits))
    return {f"{split}_{name}": value for name, value in metrics.items()}


def embed_stream(
    system: SourceEmbedder,
    dataset: Dataset,
    batch_size: int,
    sharing: Sharing,
) -> Tensor:
    """Embeddings [num_events, embedding_dim] of the sources of all events, each before its own."""
    system.restart()
    events = range(dataset.num_events)
    return walk(system, system.embed_sources, dataset, events, batch_size, sharing).float()


class DecodedReadout(Readout):
    """Classes that a decoder with the state ``decoder`` tells from embeddings.

    Every evaluation goes once along the stream, from an empty node memory.
    """

    restarts = True

    def __init__(
        self,
        system: SourceEmbedder,
        dataset: Dataset,
        batch_size: int,
        decoder: Mapping[str, Tensor],
    ) -> None:
        self.system = system
        self.dataset = dataset
        self.batch_size = batch_size
        self.decoder = PlacedDecoder.of_state(decoder)
        self.answers = class_answers(dataset)

    def evaluate(
        self, split: SplitName, *, sharing: Sharing = ALONE, on_columns: OnColumns | None = None
    ) -> dict[str, float]:
        """The metrics of the decoder; columns are ``event``, ``label`` and ``logits``."""
        embeddings = embed_stream(self.system, self.dataset, self.batch_size, sharing)
        metrics = decoded_metrics(self.decoder, embeddings, self.dataset, split, on_columns)
        return {name.removeprefix(f"{split}_"): value for name, value in metrics.items()}

    @torch.no_grad()
    def ask(self, events: EventBatch) -> Tensor:
        """The logits of the source of each event."""
        logits: Tensor = self.decoder(self.system.embed_sources(events).cpu().float())
        return logits
