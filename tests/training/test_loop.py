"""The loop of training, validation, test, record and checkpoint, with a made-up system."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.graph.past import Visibility
from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool
from benchmark.training.gradients import noting_gradients
from benchmark.training.loop import DivergedError, Training, TrainingState
from benchmark.training.processes import Processes
from benchmark.training.system import Step
from tests.disttgl.small import PROTOCOL as SMALL_PROTOCOL
from tests.disttgl.small import small_dataset, small_system
from tests.experiments import run_folder
from tests.models.streams import random_dataset
from tests.thread_processes import KilledError, on_threads

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


def test_validation_follows_a_round_and_test_follows_an_improvement(tmp_path: Path) -> None:
    system = FakeSystem()
    training(tmp_path, system).run()
    validation = ["score 30", "observe 30", "score 38", "observe 38"]
    test = ["score 45", "observe 45", "score 53", "observe 53"]
    expected = ["prepare"]
    for number in range(NUM_ROUNDS):
        first = number * ITERATIONS_PER_ROUND
        expected += [f"train {first + step}" for step in range(ITERATIONS_PER_ROUND)]
        expected += validation + (test if number != 2 else [])
    assert system.calls == expected


def test_without_the_test_split_validation_alone_is_scored(tmp_path: Path) -> None:
    system = FakeSystem()
    whole = training(tmp_path, system)
    whole.test = False
    progress = whole.run()
    scored = {call for call in system.calls if call.startswith("score")}
    assert scored == {"score 30", "score 38"}
    assert progress.best["best_iteration"] == 20
    assert not any(name.startswith("test") for name in progress.best)


def test_the_best_validation_decides_which_test_counts(tmp_path: Path) -> None:
    progress = training(tmp_path, FakeSystem()).run()
    rounds = [line for line in lines(tmp_path) if "validation_mrr" in line]
    assert [line["iteration"] for line in rounds] == [5, 10, 15, 20]
    assert [line["epoch"] for line in rounds] == [2, 4, 6, 8]
    assert ["test_mrr" in line for line in rounds] == [True, True, False, True]
    best = max(rounds, key=lambda line: line["validation_mrr"])
    assert progress.best["best_iteration"] == best["iteration"] == 20
    assert progress.best["validation_mrr"] == best["validation_mrr"]
    assert progress.best["test_mrr"] == best["test_mrr"]
    for name in ("mrr", "mrr_optimistic", "ap", "auc", "hits@1", "hits@3", "hits@10"):
        assert {f"validation_{name}", f"test_{name}"} <= set(best)


def test_an_equal_validation_is_not_an_improvement(tmp_path: Path) -> None:
    scores = iter([0.5, 0.1, 0.5, 0.4, 0.6, 0.2])  # validation, test, validation, validation, ...
    whole = training(tmp_path, FakeSystem())
    whole.evaluate = lambda split, **_: {"mrr": next(scores)}
    progress = whole.run()
    assert progress.best == {"validation_mrr": 0.6, "test_mrr": 0.2, "best_iteration": 20}


def test_losses_are_logged_at_the_interval(tmp_path: Path) -> None:
    training(tmp_path, FakeSystem(), log_interval=4).run()
    steps = [line for line in lines(tmp_path) if "loss" in line]
    assert [line["iteration"] for line in steps] == [4, 8, 12, 16, 20]
    assert [line["loss"] for line in steps] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [line["epoch"] for line in steps] == [1.6, 3.2, 4.8, 6.4, 8.0]


def test_losses_and_events_are_those_of_all_processes(tmp_path: Path) -> None:
    alone = training(tmp_path / "alone", FakeSystem()).run()

    def work(processes: Processes) -> TrainingState:
        return training(tmp_path / "both", FakeSystem(processes.rank), processes).run()

    for progress in on_threads(2, work):
        assert progress.best == alone.best
        assert progress.events == NUM_ROUNDS * ITERATIONS_PER_ROUND * (3 + 4)
    for line, single in zip(lines(tmp_path / "both"), lines(tmp_path / "alone"), strict=True):
        if "loss" in line:
            single["loss"] += single["loss"] + 1  # what the second process adds
        assert line == single


@pytest.mark.parametrize(
    ("part", "round_number"),
    [
        (part, number)
        for number in range(NUM_ROUNDS)
        for part in ("train", "validation", "test")
        if (part, number) != ("test", 2)  # a round without an improvement
    ],
)
def test_a_run_that_was_killed_goes_on_as_if_it_had_not(
    tmp_path: Path, part: str, round_number: int
) -> None:
    whole = training(tmp_path / "whole", FakeSystem()).run()
    first = round_number * ITERATIONS_PER_ROUND

    class Killed(FakeSystem):
        def _note(self, call: str) -> None:
            fatal = {"train": f"train {first + 3}", "validation": "score 38", "test": "observe 53"}
            if part == "train" or self.iteration > first:
                self.fail_at = fatal[part]
            super()._note(call)

    path = tmp_path / "killed"
    with pytest.raises(KilledError):
        training(path, Killed()).run()
    system = FakeSystem()
    resumed = training(path, system).run()
    assert without_seconds(resumed) == without_seconds(whole)
    assert lines(path) == lines(tmp_path / "whole")
    assert system.calls[0] == ("prepare" if round_number == 0 else f"train {first}")


def test_a_finished_run_does_nothing_more(tmp_path: Path) -> None:
    whole = training(tmp_path, FakeSystem()).run()
    before = lines(tmp_path)
    system = FakeSystem()
    again = training(tmp_path, system).run()
    assert system.calls == []
    assert again.resumed == [{"round": NUM_ROUNDS, "iteration": 20, "passed_over": []}]
    assert replace(again, resumed=[]) == whole
    assert lines(tmp_path) == before


def test_seconds_count_on_after_a_resume(tmp_path: Path) -> None:
    whole = training(tmp_path, FakeSystem()).run()
    state = torch.load(tmp_path / "checkpoint" / "round-000004" / "rank0.pt", weights_only=True)
    assert state["training"]["train_seconds"] == whole.train_seconds > 0
    assert state["training"]["evaluate_seconds"] == whole.evaluate_seconds > 0
    assert state["training"]["cpu_seconds"] == whole.cpu_seconds
    assert set(whole.cpu_seconds) == {"train", "evaluate"}


def test_a_real_system_that_was_killed_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    """Copies in the middle of a pass, inputs read ahead, weights and optimiser, through files."""

    def run(path: Path, rounds: int) -> TrainingState:
        path.mkdir(exist_ok=True)
        system = small_system("1x2x2")
        system.num_rounds = rounds
        evaluate = partial(
            evaluate_links, system, small_dataset(), protocol=SMALL_PROTOCOL, batch_size=10
        )
        return Training(system, evaluate, "mrr", run_folder(path), Processes(), 4).run()

    whole = run(tmp_path / "whole", 3)
    run(tmp_path / "killed", 1)
    resumed = run(tmp_path / "killed", 3)
    assert without_seconds(resumed) == without_seconds(whole)
    assert lines(tmp_path / "killed") == lines(tmp_path / "whole")


@pytest.mark.parametrize("parallelism", ["1x1x1", "2x1x1", "1x2x2"])
@pytest.mark.parametrize("node_memory", ["replica", "sharded"])
def test_validation_within_a_round_changes_nothing_of_training(
    tmp_path: Path, parallelism: str, node_memory: str
) -> None:
    """Losses, metrics at the ends of rounds and weights are those without, to the last bit."""

    def run(name: str, evaluate_every: int | None) -> tuple[list[dict[str, Any]], Any]:
        (tmp_path / name).mkdir()
        system = small_system(parallelism, node_memory=node_memory, model={"dropout": 0.3})
        system.num_rounds = 2
        evaluate = partial(
            evaluate_links, system, small_dataset(), protocol=SMALL_PROTOCOL, batch_size=10
        )
        folder = run_folder(tmp_path / name)
        state = Training(
            system, evaluate, "mrr", folder, Processes(), 1, evaluate_every=evaluate_every
        ).run()
        assert state.iteration == 2 * system.iterations_per_round
        return lines(tmp_path / name), system.state_dict()

    seldom, weights = run("seldom", None)
    often, same_weights = run("often", 5)
    ends = {line["iteration"] for line in seldom if "validation_mrr" in line}
    within = [n["iteration"] for n in often if "validation_mrr" in n and n["iteration"] not in ends]
    assert within == [n for n in range(5, max(ends), 5) if n not in ends]

    def told(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = [n for n in found if "loss" in n or n["iteration"] in ends]
        return [{k: v for k, v in n.items() if not k.startswith("test_")} for n in kept]

    assert told(often) == told(seldom)
    torch.testing.assert_close(same_weights, weights, rtol=0, atol=0)


def test_a_run_killed_after_a_validation_within_a_round_goes_on_as_if_it_had_not(
    tmp_path: Path,
) -> None:
    def run(path: Path, fail_at: int | None = None) -> list[dict[str, Any]]:
        path.mkdir(exist_ok=True)
        system = small_system("1x2x2")
        system.num_rounds = 2
        evaluate = partial(
            evaluate_links, system, small_dataset(), protocol=SMALL_PROTOCOL, batch_size=10
        )
        loop = Training(system, evaluate, "mrr", run_folder(path), Processes(), 4, evaluate_every=6)
        heartbeat = loop.folder.heartbeat

        def beat(rank: int, phase: str, done: int, total: int) -> None:
            heartbeat(rank, phase, done, total)
            if phase == "train" and done == fail_at:
                raise KilledError

        loop.folder.heartbeat = beat  # type: ignore[method-assign]
        loop.run()
        return lines(path)

    whole = run(tmp_path / "whole")
    with pytest.raises(KilledError):
        run(tmp_path / "killed", fail_at=26)
    assert any(line["iteration"] == 24 for line in lines(tmp_path / "killed"))
    assert run(tmp_path / "killed") == whole


@pytest.mark.parametrize("parallelism", ["1x1x1", "2x1x1", "1x2x1", "2x1x2"])
def test_under_weights_that_stay_catching_up_leaves_the_memory_that_training_leaves(
    parallelism: str,
) -> None:
    system = small_system(parallelism, learning_rate=1e-30)
    rounds = system.train_round()
    next(rounds)
    system.catch_up()
    caught_up = system.evaluation.state
    assert (caught_up.mail_event >= 0).any()
    assert len(list(rounds)) == system.iterations_per_round - 1
    for ours, trained in zip(caught_up, system.evaluation.state, strict=True):
        torch.testing.assert_close(ours, trained, rtol=1e-9, atol=1e-12)


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
