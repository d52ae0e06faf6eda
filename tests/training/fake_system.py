"""A made-up system, and the loop around it."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.graph.past import Visibility
from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool
from benchmark.training.loop import Training, TrainingState
from benchmark.training.processes import Processes
from benchmark.training.system import Step
from tests.experiments import run_folder
from tests.models.streams import random_dataset
from tests.thread_processes import KilledError

DATASET = random_dataset(num_events=60)  # 30 events of training, 15 of validation, 15 of test
PROTOCOL = LinkProtocol("toy", Visibility.EVENT, 5, NegativePool.NODES, 0, "mrr")
ITERATIONS_PER_ROUND, NUM_ROUNDS = 5, 4
SKILL = [0.3, 0.7, 0.2, 1.0]  # of the scores after each round: it improves, falls, improves


class FakeSystem:
    """Scores the truth well with a probability that depends on the round, and notes all calls.

    What it scores depends on the number of iterations and on the events observed since training,
    so that a resumed run differs unless both are right. ``fail_at`` names the call to die in.
    """

    visibility = Visibility.EVENT
    num_rounds = NUM_ROUNDS
    epochs_per_round = 2
    iterations_per_round = ITERATIONS_PER_ROUND

    def __init__(self, rank: int = 0, fail_at: str | None = None) -> None:
        self.rank = rank
        self.fail_at = fail_at
        self.iteration = 0
        self.observed = 0
        self.calls: list[str] = []
        self.seconds_by_part: dict[str, float] = {}

    def _note(self, call: str) -> None:
        if call == self.fail_at:
            raise KilledError
        self.calls.append(call)

    def prepare(self, report: Callable[[str, int, int], None]) -> dict[str, float]:
        self._note("prepare")
        return {}

    def train_round(self) -> Iterator[Step]:
        self.observed = 0
        for _ in range(ITERATIONS_PER_ROUND):
            self._note(f"train {self.iteration}")
            self.iteration += 1
            yield Step(torch.tensor(0.25 * self.iteration + self.rank), 3 + self.rank)

    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        self._note(f"score {events.start}")
        rows = []
        for event in events.ids.tolist():
            generator = torch.Generator().manual_seed(
                event + 1_000 * (self.iteration + self.observed)
            )
            row = torch.rand(candidates.shape[1], generator=generator, dtype=torch.float64)
            skill = SKILL[self.iteration // ITERATIONS_PER_ROUND - 1]
            row[0] += float(torch.rand((), generator=generator)) < skill
            rows.append(row)
        return torch.stack(rows)

    def observe(self, events: EventBatch) -> None:
        self._note(f"observe {events.start}")
        self.observed += len(events)

    def state_dict(self) -> dict[str, Any]:
        return {"iteration": self.iteration}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.iteration = state["iteration"]

    def evaluation_state(self) -> dict[str, Any]:
        return {"iteration": self.iteration, "observed": self.observed}


def training(
    path: Path, system: FakeSystem, processes: Processes | None = None, log_interval: int = 2
) -> Training:
    folder = run_folder(path)
    path.mkdir(exist_ok=True)
    evaluate = partial(evaluate_links, system, DATASET, protocol=PROTOCOL, batch_size=8)
    return Training(
        system, evaluate, PROTOCOL.primary_metric, folder, processes or Processes(), log_interval
    )


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl without their seconds."""
    found = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for line in found:
        assert line.pop("seconds") >= 0
    return found


def without_seconds(progress: TrainingState) -> dict[str, Any]:
    """Nor how often it was gone on with."""
    return {
        name: value
        for name, value in vars(progress).items()
        if "seconds" not in name and name != "resumed"
    }
