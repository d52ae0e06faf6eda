"""Finished runs are asked again: the recorded numbers to the last digit, or a refusal."""

import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark import evaluate as evaluate_command
from benchmark.errors import UserError
from benchmark.experiment import Experiment
from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.metrics import link_metrics
from benchmark.records.run_folder import RunFolder
from benchmark.runner.compose import compose_settings
from benchmark.runner.kept import KeptRun
from benchmark.runner.workers import worker
from benchmark.storage.leftovers import discard
from benchmark.tasks.build import build_dataset, build_protocol, build_system
from benchmark.training.checkpoint import Checkpoints
from benchmark.training.processes import Processes

SMALL = [
    "dataset.num_nodes=60",
    "dataset.num_events=600",
    "dataset.edge_dim=3",
    "protocol.num_negatives=5",
    "epochs=3",
    "batch_size=40",
    "learning_rate=1e-2",
    "device=cpu",
]
NETWORK = ["model.memory_dim=8", "model.time_dim=4", "model.embedding_dim=8"]
DISTTGL = ["system=disttgl", *NETWORK]
RUNS = {
    "one trainer": DISTTGL,
    "two epochs at once": [*DISTTGL, "parallelism.j=2"],
    "two memories": [*DISTTGL, "parallelism.k=2", "epochs=4"],
    "a daemon": [*DISTTGL, "parallelism=2x1x2", "system.node_memory=daemon"],
    "sharded memory": [*DISTTGL, "parallelism.i=2", "system.node_memory=sharded"],
    "static memory": [
        *DISTTGL,
        "system.static_memory=pretrained",
        "system.static_memory_epochs=1",
        "epochs=1",
    ],
    "within a round": [*DISTTGL, "evaluate_every=4"],
    "a mailbox": ["system=disttgl", "model=apan", "epochs=1"],
    "pairs": [
        *["system=disttgl", "model=dygformer", "epochs=1", "protocol=tgn"],
        *["model.node_dim=4", "model.time_dim=4", "model.channel_dim=4", "model.embedding_dim=4"],
        "model.sequence_length=4",
    ],
    "without a test": [*DISTTGL, "task.test=false", "epochs=1"],
    "node classes": [*DISTTGL, "task=node_classification", "task.decoder.epochs=3"],
    "links and node classes": [
        *DISTTGL,
        "task=node_classification",
        "task.embeddings=joint",
    ],
    "TGL": ["system=tgl", *NETWORK, "parallelism.i=2"],
    "PyG": ["system=tgn", "epochs=2"],
    "EdgeBank": ["system=edgebank"],
}
if find_spec("tgm"):
    RUNS["TGM"] = ["system=tgm", "epochs=2"]
Finished = Callable[..., RunFolder]


def experiment_in(path: Path, words: list[str]) -> Experiment:
    keys = {word.partition("=")[0] for word in words}
    foreign = "dataset." if "dataset" in keys else "none"
    small = [word for word in SMALL if word.partition("=")[0] not in keys]
    small = [word for word in small if not word.startswith(foreign)]
    places = [f"results_dir={path}", f"cache_dir={path / 'cache'}", "threads=1"]
    return Experiment.from_config(compose_settings([*small, *places, *words]))


def table_experiment(path: Path, *words: str) -> Experiment:
    """An experiment on the user's own file."""
    return experiment_in(path.parent, ["dataset=table", f"dataset.path={path}", *words])


def finish(experiment: Experiment) -> RunFolder:
    """Run it in this process."""
    folder = experiment.folder
    folder.prepare(experiment.config())
    torch.set_num_threads(1)
    worker._run(experiment, folder, Processes(), time.monotonic())
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose best validation is not its last."""
    words = [*DISTTGL, "parallelism.k=2", "epochs=8", "dataset.seed=1", "learning_rate=3e-2"]
    folder = finish(experiment_in(tmp_path_factory.mktemp("kept"), words))
    lines = [line for line in folder.metrics() if "validation_mrr" in line]
    assert metrics_of(folder)["best_iteration"] < lines[-1]["iteration"]
    return folder


def metrics_of(folder: RunFolder) -> dict[str, float]:
    result = folder.result()
    assert result is not None
    metrics: dict[str, float] = result["metrics"]
    return metrics


def recorded(folder: RunFolder, split: str) -> dict[str, float]:
    """What the record says of one split, beside the best again and the floor."""
    return {
        name: value
        for name, value in metrics_of(folder).items()
        if name.startswith(f"{split}_") and not name.endswith(("_best", "_majority"))
    }


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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunFolder, round_number: int
) -> None:
    experiment = replace(Experiment.from_config(run.config()), results_dir=str(tmp_path))
    save = Checkpoints.save

    def dies(self: Checkpoints, name: str, state: dict[str, Any]) -> None:
        if name == f"round-{round_number:06d}":
            raise KeyboardInterrupt
        save(self, name, state)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Checkpoints, "save", dies)
        finish(experiment)
    folder = finish(experiment)
    assert metrics_of(folder) == metrics_of(run)
    for split in ("validation", "test"):
        assert KeptRun(folder).evaluate(split) == recorded(folder, split)


def loaded(folder: RunFolder, state: dict[str, Any]) -> Callable[[], dict[str, float]]:
    """The evaluation of a system that has loaded a state in Python, without further ado."""
    experiment = Experiment.from_config(folder.config())
    dataset, protocol = build_dataset(experiment), build_protocol(experiment)
    system = build_system(experiment, dataset, protocol, Processes())
    system.load_state_dict(state)
    return lambda: evaluate_links(system, dataset, "validation", protocol, experiment.batch_size)


def test_a_plain_load_gives_the_recorded_numbers_or_a_refusal(run: RunFolder) -> None:
    kept = torch.load(run.path / "best" / "state.pt", weights_only=True)["system"]
    known = recorded(run, "validation")
    again = loaded(run, kept)
    assert {f"validation_{name}": value for name, value in again().items()} == known
    with pytest.raises(ValueError) as refused:
        again()
    assert str(refused.value) == (
        "evaluation begins at event 421, and node memory has taken in 510 events: load the state "
        "in best/ of a run folder, which has its node memory, or train a round first."
    )
    newest = max((run.path / "checkpoint").iterdir()) / "rank0.pt"
    with pytest.raises(ValueError, match="begins at event 421, and node memory has taken in 0 "):
        loaded(run, torch.load(newest, weights_only=True)["system"])()


@pytest.mark.parametrize("words", [RUNS["PyG"], RUNS["EdgeBank"]])
def test_a_checkpoint_of_other_systems_is_refused_too(tmp_path: Path, words: list[str]) -> None:
    folder = finish(experiment_in(tmp_path, words))
    newest = max((folder.path / "checkpoint").iterdir()) / "rank0.pt"
    with pytest.raises(ValueError, match="evaluation begins at event"):
        loaded(folder, torch.load(newest, weights_only=True)["system"])()


def test_scores_are_what_the_metrics_are_of(run: RunFolder, tmp_path: Path) -> None:
    kept = KeptRun(run)
    metrics = kept.evaluate("validation", tmp_path / "scores.npz")
    found = np.load(tmp_path / "scores.npz")
    assert found["event"].tolist() == list(range(421, 510))
    stream = kept.dataset.stream
    assert found["candidates"].shape == found["scores"].shape == (89, 6)
    assert found["candidates"][:, 0].tolist() == stream.dst[421:510].tolist()
    assert float((1 / found["rank"]).mean()) == metrics["validation_mrr"]
    again = link_metrics(torch.from_numpy(found["scores"]))
    assert {f"validation_{name}": value for name, value in again.items()}.items() <= metrics.items()
    with pytest.raises(UserError) as refused:
        kept.evaluate("validation", tmp_path / "scores.txt")
    assert str(refused.value) == (
        f"{tmp_path / 'scores.txt'} ends in none of .npz, .parquet: name one that does"
    )


def test_scores_as_parquet_leave_gaps_open(run: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "scores.parquet"
    KeptRun(run, "protocol.negative_sampling=historical").evaluate("test", path)
    found = pd.read_parquet(path)
    assert [*found] == ["event", "rank", "candidates", "scores"]
    for row in found.itertuples():
        assert (np.isnan(row.scores) == (row.candidates == -1)).all()


def test_another_protocol_gives_other_numbers_and_says_so(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = KeptRun(run, "protocol=tgb", "protocol.num_negatives=7")
    assert not asked.asks_as_recorded
    assert asked.protocol.name == "tgb"
    assert asked.protocol.num_negatives == 7
    metrics = asked.evaluate("validation")
    assert metrics["validation_mrr"] != recorded(run, "validation")["validation_mrr"]
    assert evaluate_command.main([str(run.path), "validation", "protocol.seed=5"]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last == "The protocol is not the recorded one: nothing recorded to compare with."


def test_the_command_shows_both_numbers(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_command.main([str(run.path)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["metric", "now", "recorded"]
    shown = {line.split()[0]: line.split()[1:] for line in lines}
    assert shown == {name: [repr(v)] * 2 for name, v in recorded(run, "test").items()}


REFUSED = {
    "train": "split is 'train'; choose one of validation, test.",
    "test validation": "test and validation are several splits; name one.",
    "epochs=9": (
        "epochs is part of what was trained; an evaluation takes protocol=NAME, "
        "protocol.KEY=VALUE, device, threads, datasets_root, cache_dir, evaluation_mebibytes."
    ),
    "protocol.negatives=9": (
        "There is no key 'protocol.negatives'; choose from name, visibility, "
        "num_negatives, negative_pool, negative_sampling, seed, primary_metric, inductive."
    ),
    "threads=0": "threads must be at least 1, not 0.",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_an_evaluation_does_not_take(
    run: RunFolder, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_command.main([str(run.path), *words.split()]) == 2
    assert capsys.readouterr().err == f"error: {REFUSED[words]}\n"


def test_what_rounds_otherwise_is_said_and_what_is_wrong_refused(run: RunFolder) -> None:
    kept = KeptRun(run)
    known = kept.result["metrics"]["test_mrr"]
    kept.result["metrics"]["test_mrr"] = known * 1.001
    with pytest.warns(UserWarning, match=f"test_mrr is {known} and the record of .* rounding"):
        kept.evaluate("test")
    kept.result["metrics"]["test_mrr"] = known * 1.1
    with pytest.raises(UserError, match=f"test_mrr is {known} and the record of .* says .*: the"):
        kept.evaluate("test")


def test_states_that_are_missing_damaged_or_of_another_run(run: RunFolder, tmp_path: Path) -> None:
    experiment = Experiment.from_config(run.config())
    folder = finish(replace(experiment, results_dir=str(tmp_path), epochs=2))
    best, again = folder.path / "best", "give its command another results_dir to run it again."

    def refusal() -> str:
        with pytest.raises(UserError) as refused:
            KeptRun(folder)
        return str(refused.value)

    known = metrics_of(folder)["validation_mrr"]
    (best / "manifest.json").write_text((run.path / "best" / "manifest.json").read_text())
    assert refusal() == f"{folder.path}: best/state.pt is not what was written; {again}"
    (best / "state.pt").write_bytes((run.path / "best" / "state.pt").read_bytes())
    other = metrics_of(run)["validation_mrr"]
    assert refusal() == (
        f"{best} is of another validation than the record: validation_mrr is {other} there and "
        f"{known} in result.json; {again}"
    )
    discard(best)
    assert refusal() == (
        f"{folder.path} has no best/, the state of its best validation (earlier versions kept "
        f"none, and kept records are text alone); {again}"
    )
    assert (run.path / "best" / "config.yaml").read_text() == (run.path / "config.yaml").read_text()
