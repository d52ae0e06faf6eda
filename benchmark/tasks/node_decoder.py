"""A decoder of node classes on embeddings that stay as they are."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import UNLABELLED, Dataset, SplitName
from benchmark.models.layers.decoders import NodeClassDecoder
from benchmark.protocol.classification_metrics import class_metrics
from benchmark.randomness import generator, seeded


@dataclass(frozen=True)
class DecoderTraining:
    """How the decoder is trained; described in conf/task/node_classification.yaml."""

    epochs: int
    batch_size: int
    learning_rate: float
    hidden_dim: int


def train_decoder(
    embeddings: Tensor,
    dataset: Dataset,
    primary_metric: str,
    settings: DecoderTraining,
    seed: int,
    report: Callable[[int, int], None],
) -> dict[str, float]:
    """Validation at its best epoch and test at that point, from ``embeddings`` [num_events, dim].

    The named metrics are those of ``class_metrics``. ``report(done, total)`` is told of epochs.
    The decoder knows a class by its place in ``by_appearance``, so that nothing depends on how
    classes are spelt or numbered.
    """
    cpu = torch.device("cpu")
    width = (embeddings.shape[1], settings.hidden_dim, dataset.num_classes)
    with seeded(cpu, seed, "node decoder"):
        decoder = NodeClassDecoder(*width)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=settings.learning_rate)
    places = by_appearance(dataset.stream.y, dataset.num_classes)
    labels = torch.where(dataset.stream.y == UNLABELLED, UNLABELLED, places[dataset.stream.y])
    train = labels[: dataset.split.train_end]
    best: dict[str, float] = {}
    for epoch in range(1, settings.epochs + 1):
        chosen = balanced(train, dataset.num_classes, generator(seed, "decoder events", epoch))
        for rows in chosen.split(settings.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(decoder(embeddings[rows]), labels[rows]).backward()
            optimizer.step()
        scores = _scores(decoder, places, embeddings, dataset, "validation")
        metric = f"validation_{primary_metric}"
        if not best or scores[metric] > best[f"{metric}_best"]:
            test = _scores(decoder, places, embeddings, dataset, "test")
            best = {f"{metric}_best": scores[metric], **scores, **test, "best_epoch": epoch}
        report(epoch, settings.epochs)
    return best


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
def _scores(
    decoder: NodeClassDecoder,
    places: Tensor,
    embeddings: Tensor,
    dataset: Dataset,
    split: SplitName,
) -> dict[str, float]:
    events = dataset.split.range(split)
    rows = slice(events.start, events.stop)
    labels = dataset.stream.y[rows]
    logits = decoder(embeddings[rows])[:, places]
    metrics = class_metrics(logits, labels, dataset.label_kind, events.start)
    return {f"{split}_{name}": value for name, value in metrics.items()}
