"""Pairs of one's own are asked of a finished run at their times, or refused by their place."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark import predict as predict_command
from benchmark.datasets.dataset import Dataset
from benchmark.errors import UserError
from benchmark.records.run_folder import RunFolder
from benchmark.runner.kept import KeptRun
from tests.runner.finished import DISTTGL, RUNS, experiment_in, finish, table_experiment


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptRun:
    return KeptRun(finish(experiment_in(tmp_path_factory.mktemp("predict"), DISTTGL)))


def pairs_of(dataset: Dataset, events: range) -> pd.DataFrame:
    """The links of events that have no earlier one of their own time, as the user writes them."""
    stream, rows = dataset.stream, slice(events.start, events.stop)
    times = stream.t + dataset.start_time
    columns = {"source": stream.src, "destination": stream.dst, "time": times}
    frame = pd.DataFrame({name: column[rows].numpy() for name, column in columns.items()})
    return frame[frame["time"].diff().fillna(0) != 0]


@pytest.mark.parametrize("words", [RUNS["one trainer"], RUNS["PyG"], RUNS["EdgeBank"]])
def test_links_of_the_stream_have_the_scores_of_the_evaluation(
    tmp_path: Path, words: list[str]
) -> None:
    run = KeptRun(finish(experiment_in(tmp_path, words)))
    split = run.dataset.split
    pairs = pairs_of(run.dataset, range(split.train_end, split.num_events))
    known = []
    for name in ("validation", "test"):
        run.evaluate(name, tmp_path / "scores.npz")
        known.append(np.load(tmp_path / "scores.npz")["scores"][:, 0])
    mixed = pairs.sample(frac=1, random_state=0)
    found = run.predict(mixed)["score"].to_numpy()
    np.testing.assert_allclose(found, np.concatenate(known)[mixed.index], rtol=0, atol=1e-5)


def test_what_comes_later_in_the_file_or_the_stream_changes_nothing(kept: KeptRun) -> None:
    pairs = pairs_of(kept.dataset, kept.dataset.split.range("validation"))
    alone = kept.predict(pairs.head(3))["score"]
    np.testing.assert_allclose(kept.predict(pairs)["score"].head(3), alone, rtol=0, atol=1e-6)
    after = pd.DataFrame({"source": [3, 3], "destination": [50, 50], "time": [10**6, 10**6 + 1]})
    assert kept.predict(after)["score"].nunique() == 2


def line(dataset: Dataset, event: int) -> str:
    stream = dataset.stream
    return f"{stream.src[event]},{stream.dst[event]},{stream.t[event] + dataset.start_time}"


def test_the_command_writes_what_python_returns(
    kept: KeptRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = tmp_path / "pairs.csv"
    rows = [line(kept.dataset, event) for event in (590, 450)]
    pairs.write_text("\n".join(["source,destination,time", *rows]))
    out = tmp_path / "scores.csv"
    folder = str(kept.folder.path)
    assert predict_command.main([folder, str(pairs)]) == 0
    assert predict_command.main([folder, str(pairs), "--out", str(out)]) == 0
    assert capsys.readouterr().out == out.read_text()
    head, *lines = out.read_text().splitlines()
    assert head == "source,destination,time,score"
    assert [one.rpartition(",")[0] for one in lines] == rows
    assert [float(one.rpartition(",")[2]) for one in lines] == kept.predict(pairs)["score"].tolist()


REFUSED = {
    "3,50,5": (
        "{path}, line 3: time 5 is not after {last}, the time of the last event that the run was "
        "trained on: a score would tell what it was shown, so ask about later times"
    ),
    "60,50,99999": (
        "{path}, line 3: source '60' is no source of data set 'synthetic', of which the run knows "
        "nothing: remove the row, or train with data that has it"
    ),
    "3,50,99999.5": (
        "{path}, line 3: time 99999.5 is finer than the times of data set 'synthetic', which "
        "counts in whole numbers: round it"
    ),
    "3,,99999": "{path}, line 3: destination has no value: fill it in",
    "3,50": (
        "{path}, line 3 has 2 fields where 3 are expected: every row needs the same number of "
        "columns"
    ),
}


@pytest.mark.parametrize("row", REFUSED)
def test_rows_that_cannot_be_asked_about(
    kept: KeptRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str
) -> None:
    path, out = tmp_path / "pairs.csv", tmp_path / "out.csv"
    path.write_text(f"source,destination,time\n3,50,99999\n{row}\n")
    assert predict_command.main([str(kept.folder.path), str(path), "--out", str(out)]) == 2
    last = line(kept.dataset, kept.dataset.split.train_end - 1).rpartition(",")[2]
    assert capsys.readouterr().err == f"error: {REFUSED[row].format(path=path, last=last)}\n"
    assert not out.exists()


def test_files_and_folders_that_are_not_there(
    kept: KeptRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = tmp_path / "nothing"
    assert predict_command.main([str(kept.folder.path), str(nothing)]) == 2
    assert predict_command.main([str(nothing), str(nothing)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {nothing} is no file: name one with source, destination, time",
        f"error: {nothing} holds no result: nothing was run in it, or not to the end.",
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is a folder: name a file in it."),
        ("out.parquet", "out.parquet ends in none of .csv: name one that does."),
        ("out.csv.gz", "out.csv.gz ends in none of .csv: name one that does."),
    ],
)
def test_answers_replace_no_folder_and_are_named_as_what_they_are(
    kept: KeptRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    (tmp_path / "pairs.csv").write_text("source,destination,time\n3,50,99999\n")
    words = [str(kept.folder.path), str(tmp_path / "pairs.csv"), "--out", str(tmp_path / name)]
    assert predict_command.main(words) == 2
    assert capsys.readouterr().err.strip().endswith(reason)
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.csv"]


def test_names_and_dates_are_those_of_the_files(tmp_path: Path) -> None:
    """In a data set of users and items one name is two nodes; its times begin late."""
    rows = [
        f"{i % 4 + 10},{i % 3 + 10},2024-01-01T00:{i // 60:02d}:{i % 60:02d}" for i in range(99)
    ]
    table = tmp_path / "mine.csv"
    table.write_text("\n".join(["source,destination,time", *rows]))
    run = KeptRun(finish(table_experiment(table, "dataset.bipartite=true", *DISTTGL)))
    asked = pd.DataFrame(
        {"source": [13, 10], "destination": [12, 10], "time": ["2024-01-02", "2024-01-01T02:00:00"]}
    )
    assert run.predict(asked)["score"].notna().all()
    names = run.dataset.names
    assert names.sources(np.array(["10", "13", "9"], object)).tolist() == [0, 3, -1]
    assert names.destinations(np.array(["10", "12", "13"], object)).tolist() == [4, 6, -1]
    for column, value, sentence in (
        ("destination", 13, "pairs, row 0: destination '13' is no destination of data set 'table'"),
        ("time", 10**6, "pairs: its times are numbers and those of data set 'table' are dates"),
        (
            "time",
            "2024-01-02T00:00:00.5",
            "pairs, row 0: time 2024-01-02T00:00:00.5 is finer than the times of data set 'table', "
            "which counts in s: round it",
        ),
    ):
        with pytest.raises(UserError, match=sentence):
            run.predict(asked.assign(**{column: value}))


def test_a_record_without_training(tmp_path: Path) -> None:
    folder = finish(experiment_in(tmp_path, ["task=dataset_statistics", "system=none"]))
    assert isinstance(folder, RunFolder)
    with pytest.raises(UserError, match="trains nothing, so that there is nothing to ask"):
        KeptRun(folder)
