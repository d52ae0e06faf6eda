"""Finished runs are asked again in other words: scores, other protocols, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark import evaluate as evaluate_command
from benchmark.errors import UserError
from benchmark.protocol.metrics import link_metrics
from benchmark.records.run_folder import RunFolder
from benchmark.runner.kept import KeptRun
from tests.runner.finished import recorded


def test_scores_are_what_the_metrics_are_of(finished_run: RunFolder, tmp_path: Path) -> None:
    kept = KeptRun(finished_run)
    metrics = kept.evaluate("validation", tmp_path / "scores.npz")
    found = np.load(tmp_path / "scores.npz")
    assert found["event"].tolist() == list(range(420, 510))
    stream = kept.dataset.stream
    assert found["candidates"].shape == found["scores"].shape == (90, 6)
    assert found["candidates"][:, 0].tolist() == stream.dst[420:510].tolist()
    assert float((1 / found["rank"]).mean()) == metrics["validation_mrr"]
    again = link_metrics(torch.from_numpy(found["scores"]))
    assert {f"validation_{name}": value for name, value in again.items()}.items() <= metrics.items()
    with pytest.raises(UserError) as refused:
        kept.evaluate("validation", tmp_path / "scores.txt")
    assert str(refused.value) == (
        f"{tmp_path / 'scores.txt'} ends in none of .npz, .parquet: name one that does."
    )
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UserError, match=r"folder\.npz is a folder: name a file"):
        kept.evaluate("validation", tmp_path / "folder.npz")


def test_scores_as_parquet_leave_gaps_open(finished_run: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "scores.parquet"
    KeptRun(finished_run, "protocol.negative_sampling=historical").evaluate("test", path)
    found = pd.read_parquet(path)
    assert [*found] == ["event", "rank", "candidates", "scores"]
    for row in found.itertuples():
        assert (np.isnan(row.scores) == (row.candidates == -1)).all()


def test_another_protocol_gives_other_numbers_and_says_so(
    finished_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = KeptRun(finished_run, "protocol=tgb", "protocol.num_negatives=7")
    assert not asked.asks_as_recorded
    assert asked.protocol.name == "tgb"
    assert asked.protocol.num_negatives == 7
    metrics = asked.evaluate("validation")
    assert metrics["validation_mrr"] != recorded(finished_run, "validation")["validation_mrr"]
    assert evaluate_command.main([str(finished_run.path), "validation", "protocol.seed=5"]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last == "The protocol is not the recorded one: nothing recorded to compare with."


def test_the_command_shows_both_numbers(
    finished_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_command.main([str(finished_run.path)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["metric", "now", "recorded"]
    shown = {line.split()[0]: line.split()[1:] for line in lines}
    assert shown == {name: [repr(v)] * 2 for name, v in recorded(finished_run, "test").items()}


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
    "protocol._target_=no.Protocol": (
        "protocol._target_=no.Protocol cannot be imported: No module named 'no'."
    ),
    "threads=0": "threads must be at least 1, not 0.",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_an_evaluation_does_not_take(
    finished_run: RunFolder, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_command.main([str(finished_run.path), *words.split()]) == 2
    assert capsys.readouterr().err == f"error: {REFUSED[words]}\n"


def test_what_rounds_otherwise_is_said_and_what_is_wrong_refused(finished_run: RunFolder) -> None:
    kept = KeptRun(finished_run)
    known = kept.result["metrics"]["test_mrr"]
    kept.result["metrics"]["test_mrr"] = known * 1.001
    with pytest.warns(UserWarning, match=f"test_mrr is {known} and the record of .* rounding"):
        kept.evaluate("test")
    kept.result["metrics"]["test_mrr"] = known * 1.1
    with pytest.raises(UserError, match=f"test_mrr is {known} and the record of .* says .*: the"):
        kept.evaluate("test")
