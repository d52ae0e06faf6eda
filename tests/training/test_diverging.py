"""A loss, a feature or a gradient that is not finite ends the run and names where."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmark.protocol.evaluator import evaluate_links
from benchmark.training.learner import noting_gradients
from benchmark.training.loop import DivergedError, Training
from benchmark.training.processes import Processes
from benchmark.training.system import Step
from tests.disttgl.small import PROTOCOL as SMALL_PROTOCOL
from tests.disttgl.small import small_dataset, small_system
from tests.experiments import run_folder
from tests.thread_processes import on_threads
from tests.training.fake_system import FakeSystem, training


def broken(
    path: Path, at: int, processes: Processes | None = None, log_interval: int = 2
) -> Training:
    """Training whose loss on the last rank is NaN from iteration ``at`` on."""

    class Broken(FakeSystem):
        def train_round(self) -> Iterator[Step]:
            for step in super().train_round():
                bad = self.iteration >= at and self.rank == processes.world_size - 1
                yield Step(step.loss * float("nan") if bad else step.loss, step.num_events)

        def flaw_of_data(self) -> str | None:
            return None

    processes = processes or Processes()
    return training(path, Broken(processes.rank), processes, log_interval)


@pytest.mark.parametrize("log_interval", [1, 2, 100])
def test_a_loss_that_is_not_finite_ends_the_run_naming_where(
    tmp_path: Path, log_interval: int
) -> None:
    sentence = (
        r"the loss, or its gradient, is nan at iteration 7 \(batch 2 of 5 in round 2\); the last "
        r"good checkpoint is round-000001; features are finite, so lower learning_rate"
    )
    with pytest.raises(DivergedError, match=sentence):
        broken(tmp_path, 7, log_interval=log_interval).run()
    for line in (tmp_path / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    with pytest.raises(DivergedError, match=r"at iteration 3 .*; there is no checkpoint yet"):
        broken(tmp_path / "other", 3, log_interval=log_interval).run()


def test_every_process_names_the_same_iteration(tmp_path: Path) -> None:
    def work(processes: Processes) -> None:
        with pytest.raises(DivergedError, match="nan at iteration 8 "):
            broken(tmp_path, 8, processes, log_interval=3).run()

    on_threads(2, work)


def test_a_feature_that_is_not_finite_is_named(tmp_path: Path) -> None:
    dataset = small_dataset()
    dataset.stream.msg[17, 1] = float("inf")
    system = small_system("1x1x1", dataset=dataset)
    evaluate = partial(evaluate_links, system, dataset, protocol=SMALL_PROTOCOL, batch_size=10)
    sentence = "feature 2 of event 17 of data set .* is inf: replace it by a finite number"
    with pytest.raises(DivergedError, match=sentence):
        Training(system, evaluate, "mrr", run_folder(tmp_path), Processes(), 4).run()


def test_a_gradient_that_is_not_finite_shows_in_its_own_iteration() -> None:
    weights = torch.ones(3, requires_grad=True)
    loss = weights.sum()
    loss.backward()
    assert noting_gradients(loss, [weights]).item() == 3.0
    for value in (float("nan"), float("inf"), float("-inf")):
        assert weights.grad is not None
        weights.grad[1] = value
        assert noting_gradients(loss, [weights]).isnan()
