"""Validation within a round changes nothing of the training."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.protocol.evaluator import evaluate_links
from benchmark.training.loop import Training
from benchmark.training.processes import Processes
from tests.disttgl.small import PROTOCOL as SMALL_PROTOCOL
from tests.disttgl.small import small_dataset, small_system
from tests.experiments import run_folder
from tests.thread_processes import KilledError
from tests.training.fake_system import lines


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
