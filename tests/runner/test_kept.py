"""Finished runs are asked again: the recorded numbers to the last digit, or a refusal."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.protocol.evaluator import evaluate_links
from benchmark.records.run_folder import RunFolder
from benchmark.runner.kept import KeptRun
from benchmark.storage.files import discard
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.training.checkpoint import Checkpoints
from benchmark.training.processes import Processes
from tests.runner.finished import (
    DISTTGL,
    RUNS,
    experiment_in,
    finish,
    metrics_of,
    recorded,
    table_experiment,
)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("words", RUNS.values(), ids=RUNS)
def test_the_kept_state_gives_the_record_to_the_last_digit(
    tmp_path: Path, words: list[str]
) -> None:
    folder = finish(experiment_in(tmp_path, words))
    kept = KeptRun(folder)
    for split in ("test", "validation", "test"):
        found, known = kept.evaluate(split), recorded(folder, split)
        if words == RUNS["node classes"]:  # of whose links the best round is recorded too
            known = {name: value for name, value in known.items() if "_node_" in name}
        assert {name: found[name] for name in known} == known
        assert known or (split, words) == ("test", RUNS["without a test"])


@pytest.mark.filterwarnings("error::UserWarning")
def test_classes_of_events_of_ones_own(tmp_path: Path) -> None:
    rows = [f"u{i % 7},v{i % 5},{i},{'ab'[(i % 7 + i % 5) % 2]}" for i in range(300)]
    (tmp_path / "mine.csv").write_text("\n".join(["source,destination,time,kind", *rows]))
    words = ["dataset.labels=[kind]", "dataset.label_kind=edge", "task=edge_classification"]
    folder = finish(table_experiment(tmp_path / "mine.csv", *words, *DISTTGL))
    kept = KeptRun(folder)
    assert kept.evaluate("test") == recorded(folder, "test")
    pairs = pd.DataFrame({"source": ["u1", "u2"], "destination": ["v0", "v3"], "time": [400, 400]})
    assert [*kept.predict(pairs)][3:] == ["logit_a", "logit_b"]
    turned = pairs.rename(columns={"source": "destination", "destination": "source"})
    assert kept.predict(turned).shape == (2, 5)  # sources and destinations share their names
    pairs.loc[1, "destination"] = "w"
    with pytest.raises(UserError) as refused:
        kept.predict(pairs)
    assert str(refused.value) == (
        "pairs, row 1: destination 'w' is no destination of data set 'table', of which the run "
        "knows nothing: remove the row, or train with data that has it"
    )


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("round_number", [1, 2, 3])
def test_a_run_that_was_killed_after_it_kept_a_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_run: RunFolder, round_number: int
) -> None:
    experiment = replace(Experiment.from_config(finished_run.config()), results_dir=str(tmp_path))
    save = Checkpoints.save

    def dies(self: Checkpoints, name: str, state: dict[str, Any]) -> None:
        if name == f"round-{round_number:06d}":
            raise KeyboardInterrupt
        save(self, name, state)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Checkpoints, "save", dies)
        finish(experiment)
    folder = finish(experiment)
    assert metrics_of(folder) == metrics_of(finished_run)
    for split in ("validation", "test"):
        assert KeptRun(folder).evaluate(split) == recorded(folder, split)


def loaded(folder: RunFolder, state: dict[str, Any]) -> Callable[[], dict[str, float]]:
    """The evaluation of a system that has loaded a state in Python, without further ado."""
    experiment = Experiment.from_config(folder.config())
    dataset, protocol = build_dataset(experiment), build_protocol(experiment)
    system = build_system(experiment, dataset, protocol, Processes())
    system.load_state_dict(state)
    return lambda: evaluate_links(system, dataset, "validation", protocol, experiment.batch_size)


def test_a_plain_load_gives_the_recorded_numbers_or_a_refusal(finished_run: RunFolder) -> None:
    kept = torch.load(finished_run.path / "best" / "state.pt", weights_only=True)["system"]
    known = recorded(finished_run, "validation")
    again = loaded(finished_run, kept)
    assert {f"validation_{name}": value for name, value in again().items()} == known
    with pytest.raises(ValueError) as refused:
        again()
    assert str(refused.value) == (
        "evaluation begins at event 420, and node memory has taken in 510 events: load the state "
        "in best/ of a run folder, which has its node memory, or train a round first."
    )
    newest = max((finished_run.path / "checkpoint").iterdir()) / "rank0.pt"
    with pytest.raises(ValueError, match="begins at event 420, and node memory has taken in 0 "):
        loaded(finished_run, torch.load(newest, weights_only=True)["system"])()


@pytest.mark.parametrize("words", [RUNS["PyG"], RUNS["EdgeBank"]])
def test_a_checkpoint_of_other_systems_is_refused_too(tmp_path: Path, words: list[str]) -> None:
    folder = finish(experiment_in(tmp_path, words))
    newest = max((folder.path / "checkpoint").iterdir()) / "rank0.pt"
    with pytest.raises(ValueError, match="evaluation begins at event"):
        loaded(folder, torch.load(newest, weights_only=True)["system"])()


def test_states_that_are_missing_damaged_or_of_another_run(
    finished_run: RunFolder, tmp_path: Path
) -> None:
    experiment = Experiment.from_config(finished_run.config())
    folder = finish(replace(experiment, results_dir=str(tmp_path), epochs=2))
    best, again = folder.path / "best", "give its command another results_dir to run it again."

    def refusal() -> str:
        with pytest.raises(UserError) as refused:
            KeptRun(folder)
        return str(refused.value)

    known = metrics_of(folder)["validation_mrr"]
    (best / "manifest.json").write_text((finished_run.path / "best" / "manifest.json").read_text())
    assert refusal() == f"{folder.path}: best/state.pt is not what was written; {again}"
    (best / "state.pt").write_bytes((finished_run.path / "best" / "state.pt").read_bytes())
    other = metrics_of(finished_run)["validation_mrr"]
    assert refusal() == (
        f"{best} is of another validation than the record: validation_mrr is {other} there and "
        f"{known} in result.json; {again}"
    )
    discard(best)
    assert refusal() == (
        f"{folder.path} has no best/, the state of its best validation (earlier versions kept "
        f"none, and kept records are text alone); {again}"
    )
    assert (finished_run.path / "best" / "config.yaml").read_text() == (
        finished_run.path / "config.yaml"
    ).read_text()
