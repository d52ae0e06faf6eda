"""The loop of training, validation, test, record and checkpoint, with a made-up system."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmark.protocol.evaluator import evaluate_links
from benchmark.training.loop import Training, TrainingState
from benchmark.training.processes import Processes
from tests.disttgl.small import PROTOCOL as SMALL_PROTOCOL
from tests.disttgl.small import small_dataset, small_system
from tests.experiments import run_folder
from tests.thread_processes import KilledError, on_threads
from tests.training.fake_system import (
    ITERATIONS_PER_ROUND,
    NUM_ROUNDS,
    FakeSystem,
    lines,
    training,
    without_seconds,
)


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
