"""The numbers behind the figures, and the files they end in."""

from pathlib import Path
from types import ModuleType

import matplotlib.image
import pandas as pd
import pytest

from paper_figures import captured_events, throughput, time_to_accuracy
from paper_figures.collection import load_records
from paper_figures.series import make_series
from paper_figures.style import SYSTEM_COLORS, color_of, conditions
from tests.paper_figures.conftest import WriteRun


def test_counts_are_ranked_and_cut(results: Path, write_count: WriteRun) -> None:
    write_count(400, [2, 9, 4])
    write_count(200, list(range(1, 4001)))
    table = captured_events.measured(captured_events.select(load_records(results)[0]))
    small = table[table["batch_size"] == 200]
    assert small["captured_events"].tolist() == list(range(4000, 1000, -1))
    large = table[table["batch_size"] == 400]
    assert large[["rank", "captured_events"]].to_numpy().tolist() == [[1, 9], [2, 4], [3, 2]]


def test_published_counts_are_those_of_wikipedia() -> None:
    table = captured_events.published_counts("wikipedia", {600, 2400, 7})
    largest = table[table["rank"] == 1].set_index("batch_size")["captured_events"]
    assert largest.to_dict() == {600: 255, 2400: 66}
    assert len(captured_events.published_counts("synthetic", {600})) == 0


def test_series_that_share_a_name_are_told_apart(results: Path, write_run: WriteRun) -> None:
    write_run("one", config={"system": {"sampler": "strict", "precision": "float32"}})
    write_run("two", config={"system": {"sampler": "paper", "precision": "float32"}})
    write_run("tgn", system="tgn")
    labels = [series.label for series in make_series(load_records(results)[0])]
    assert labels == [
        "tgn 1x1x1",
        "disttgl 1x1x1, sampler=paper",
        "disttgl 1x1x1, sampler=strict",
    ]


def test_mixed_visibility_and_machines_are_said(results: Path, write_run: WriteRun) -> None:
    write_run("tgn", system="tgn", visibility="batch")
    folder = write_run("disttgl")
    (folder / "environment.json").write_text('{"gpus": ["a GPU"]}')
    records, _ = load_records(results)
    text = conditions(records)
    assert "own batch (disttgl) or only events of earlier batches (tgn)" in text
    assert "a GPU; a processor, 2 cores" in text
    assert "differ" not in conditions(records[:1])


def test_every_system_has_a_colour() -> None:
    assert len({*SYSTEM_COLORS.values()}) == 3
    assert color_of("disttgl") == SYSTEM_COLORS["disttgl"]
    assert color_of("another") == color_of("another") not in SYSTEM_COLORS.values()


@pytest.mark.parametrize("module", [time_to_accuracy, throughput, captured_events])
def test_files_are_written(
    module: ModuleType, tmp_path: Path, results: Path, write_run: WriteRun, write_count: WriteRun
) -> None:
    write_run("one", dataset="wikipedia")
    write_run("two", dataset="wikipedia", seed=1, mrr=[0.45, 0.55])
    write_run("three", dataset="wikipedia", system="tgn", visibility="batch")
    write_count(200, [5, 3], dataset="wikipedia")
    records, problems = load_records(results)
    assert problems == []
    pdf, png, csv, *_ = module.draw(records, tmp_path / "out")
    assert pdf.read_bytes().startswith(b"%PDF")
    height, width, _ = matplotlib.image.imread(png).shape
    assert 3.0 < width / 300 < 7.3
    assert 1.0 < height / 300 < 6.0
    table = pd.read_csv(csv)
    assert set(table["origin"]) == {"measured", "published"}
    assert table["source"].notna().all()


def test_the_same_records_give_the_same_bytes(
    tmp_path: Path, results: Path, write_run: WriteRun
) -> None:
    write_run()
    records, _ = load_records(results)
    first, second = (throughput.draw(records, tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
