"""The state of the best validation: on disk before it begins, and kept once it is the best."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.training.checkpoint import read_best, staged_best
from tests.experiments import run_folder
from tests.thread_processes import KilledError
from tests.training.fake_system import FakeSystem, training

METRICS = {"validation_mrr": 0.5, "best_iteration": 5}


def iteration_in(folder: Path) -> int:
    """Of the state that a folder holds; evaluation has observed nothing of it yet."""
    state = torch.load(folder / "state.pt", weights_only=True)["system"]
    assert state["observed"] == 0
    return int(state["iteration"])


def unfinished(path: Path) -> list[Path]:
    """What stands in a run folder to become ``best/``."""
    return list(path.glob(".best.*"))


def test_what_is_kept_is_what_the_best_validation_began_with(tmp_path: Path) -> None:
    class Watched(FakeSystem):
        def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
            (staged,) = unfinished(tmp_path)
            best = tmp_path / "best"
            held = iteration_in(best) if best.exists() else None
            if events.start == 30:  # where a validation begins
                seen.append((iteration_in(staged), held))
            return super().score(events, candidates)

    seen: list[tuple[int, int | None]] = []
    training(tmp_path, Watched()).run()
    # The third round's is not the best.
    assert seen == [(5, None), (10, 5), (15, 10), (20, 10)]
    assert iteration_in(tmp_path / "best") == 20
    assert unfinished(tmp_path) == []


def test_a_validation_that_ends_in_an_error_leaves_the_best_as_it_was(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    with staged_best(folder, {"value": 1}) as keep:
        keep(METRICS)
    with pytest.raises(KilledError), staged_best(folder, {"value": 2}):
        raise KilledError
    assert read_best(tmp_path, METRICS) == {"value": 1}
    assert unfinished(tmp_path) == []


def test_what_changes_while_a_validation_runs_is_kept_as_it_was_before(tmp_path: Path) -> None:
    folder, memory = run_folder(tmp_path), torch.zeros(3)
    with staged_best(folder, {"memory": memory}) as keep:
        memory += 1
        keep(METRICS)
    assert read_best(tmp_path, METRICS)["memory"].tolist() == [0, 0, 0]
