"""What a task asks of a system: in training, and of the state that is kept of a finished run."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.protocol.evaluator import OnScores, evaluate_classes, evaluate_links
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.metrics import ranks
from benchmark.protocol.negatives import NO_NODE
from benchmark.protocol.walk import ALONE, EventClassifier, Sharing, StreamScorer
from benchmark.storage.files import check_named, written_whole

OnColumns = Callable[[dict[str, Tensor]], None]


class Readout(ABC):
    """``answers`` names what ``ask`` tells of an event, one number for each.

    ``restarts`` says that ``evaluate`` begins at the start of the stream, not of the split.
    """

    answers: tuple[str, ...]
    restarts = False

    @abstractmethod
    def evaluate(
        self, split: SplitName, *, sharing: Sharing = ALONE, on_columns: OnColumns | None = None
    ) -> dict[str, float]:
        """The metrics of one split; ``on_columns`` is told what they are of, a row an event."""

    @abstractmethod
    def ask(self, events: EventBatch) -> Tensor:
        """What the system says of ``events`` before them, [num_events, len(answers)]."""


class LinkReadout(Readout):
    """The scores of links under a protocol; ``on_scores`` as in ``evaluate_links``."""

    answers = ("score",)

    def __init__(
        self,
        system: StreamScorer,
        dataset: Dataset,
        protocol: LinkProtocol,
        batch_size: int,
        on_scores: OnScores | None = None,
    ) -> None:
        self.system = system
        self.dataset = dataset
        self.protocol = protocol
        self.batch_size = batch_size
        self.on_scores = on_scores

    def evaluate(
        self, split: SplitName, *, sharing: Sharing = ALONE, on_columns: OnColumns | None = None
    ) -> dict[str, float]:
        """As ``evaluate_links``; columns are ``event``, ``rank``, ``candidates``, ``scores``.

        The true destination comes first, and behind an event's last candidate stand ``NO_NODE``
        and NaN.
        """

        def tell(split: SplitName, scores: Tensor, num_negatives: Tensor) -> None:
            if self.on_scores is not None:
                self.on_scores(split, scores, num_negatives)
            if on_columns is not None:
                on_columns(self._columns(split, scores, num_negatives))

        return evaluate_links(
            self.system, self.dataset, split, self.protocol, self.batch_size, sharing, tell
        )

    def _columns(
        self, split: SplitName, scores: Tensor, num_negatives: Tensor
    ) -> dict[str, Tensor]:
        events = self.dataset.split.range(split)
        batch = self.dataset.batch(events.start, events.stop)
        candidates = self.protocol.negatives(self.dataset).candidates(batch, split)
        mean, _ = ranks(scores, num_negatives)
        return {
            "event": batch.ids,
            "rank": torch.from_numpy(mean),
            "candidates": candidates,
            "scores": scores.masked_fill(candidates == NO_NODE, torch.nan),
        }

    def ask(self, events: EventBatch) -> Tensor:
        """The score of each event's own link."""
        return self.system.score(events, events.dst.unsqueeze(1))


class ClassReadout(Readout):
    """The logits of classes, of events or of their sources."""

    def __init__(self, system: EventClassifier, dataset: Dataset, batch_size: int) -> None:
        self.system = system
        self.dataset = dataset
        self.batch_size = batch_size
        self.answers = class_answers(dataset)

    def evaluate(
        self, split: SplitName, *, sharing: Sharing = ALONE, on_columns: OnColumns | None = None
    ) -> dict[str, float]:
        """As ``evaluate_classes``; columns are ``event``, ``label`` and ``logits``."""

        def tell(logits: Tensor) -> None:
            if on_columns is not None:
                on_columns(class_columns(self.dataset, split, logits))

        return evaluate_classes(self.system, self.dataset, split, self.batch_size, sharing, tell)

    def ask(self, events: EventBatch) -> Tensor:
        """The logits of each event."""
        return self.system.classify(events)


def class_answers(dataset: Dataset) -> tuple[str, ...]:
    """What a classifier tells: the logit of each class."""
    return tuple(f"logit_{name}" for name in dataset.class_names)


def class_columns(dataset: Dataset, split: SplitName, logits: Tensor) -> dict[str, Tensor]:
    """``event``, ``label`` and ``logits`` [num_events, num_classes] of a split."""
    events = dataset.split.range(split)
    labels = dataset.labels[events.start : events.stop]
    return {"event": torch.arange(events.start, events.stop), "label": labels, "logits": logits}


Columns = dict[str, Tensor]


def check_score_file(path: Path) -> None:
    """Refuse, before anything is computed, a file that could not be written.

    Raises UserError or ValueError.
    """
    check_named(path, FORMATS)
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401, PLC0415  (an optional dependency)
        except ImportError as error:
            raise ValueError(
                f"{path} needs pyarrow: pip install 'disttgl-benchmark[parquet]', or name a file "
                "that ends in .npz"
            ) from error


def write_score_file(path: Path, columns: Columns) -> None:
    """A row for each event: arrays of an npz, or columns of a parquet file, of lists where 2-d."""
    with written_whole(path, "--scores") as temporary:
        FORMATS[path.suffix](temporary, columns)


def _write_npz(path: Path, columns: Columns) -> None:
    with path.open("wb") as file:
        arrays: dict[str, Any] = {name: values.numpy() for name, values in columns.items()}
        np.savez(file, **arrays)


def _write_parquet(path: Path, columns: Columns) -> None:
    frame = {name: [*values.numpy()] for name, values in columns.items()}
    pd.DataFrame(frame).to_parquet(path, index=False)


FORMATS: dict[str, Callable[[Path, Columns], None]] = {
    ".npz": _write_npz,
    ".parquet": _write_parquet,
}
