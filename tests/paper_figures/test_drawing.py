"""A figure that fails is a sentence, and the others are drawn."""

from dataclasses import replace
from pathlib import Path

from paper_figures.collection import load_records
from paper_figures.drawing import draw
from paper_figures.records import Record, RecordError
from paper_figures.registry import FIGURES
from tests.paper_figures.conftest import WriteRun

FIGURE = FIGURES["captured_events"]


def fail(error: Exception) -> object:
    def failing(records: list[Record], *_: Path) -> list[Path]:
        raise error

    return failing


def test_a_drawn_figure_has_files_and_no_problem(
    results: Path, tmp_path: Path, write_count: WriteRun, write_run: WriteRun
) -> None:
    write_run()
    write_count(200, [5, 3])
    drawing = draw("name", FIGURE, load_records(results)[0], tmp_path / "out")
    assert drawing.problem is None
    assert [record.batch_size for record in drawing.records] == [200]
    assert [path.suffix for path in drawing.paths if path.exists()] == [".pdf", ".png", ".csv"]


def test_a_failing_figure_says_in_one_sentence_what_failed(
    results: Path, tmp_path: Path, write_count: WriteRun
) -> None:
    write_count(200, [5, 3])
    records, _ = load_records(results)
    for name, error, words in (
        ("draw", KeyError("loss"), "(KeyError: 'loss')"),
        ("claims", RecordError("t.csv: a row\nis missing"), "(t.csv: a row is missing)"),
    ):
        drawing = draw("name", replace(FIGURE, **{name: fail(error)}), records, tmp_path)  # type: ignore[arg-type]
        assert drawing.problem == f"name: not drawn {words}"
        assert (drawing.paths, drawing.missing) == ([], False)


def test_a_figure_that_cannot_choose_is_reported_too(tmp_path: Path) -> None:
    figure = replace(FIGURE, select=fail(OSError("no such file")))  # type: ignore[arg-type]
    drawing = draw("name", figure, [], tmp_path)
    assert drawing.problem == "name: not drawn (OSError: no such file)"
    assert not drawing.missing
