"""The command line, from run folders to figures and the page."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from paper_figures.__main__ import main
from paper_figures.registry import FIGURES
from tests.paper_figures.conftest import WriteRun

COUNTS = "captured_events"
Run = Callable[..., int]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "figures"


@pytest.fixture
def run(results: Path, out: Path) -> Run:
    """``run(NAME, ...)`` is the command over ``results``, into ``out``."""
    return lambda *names: main([*names, "--results", str(results), "--out", str(out)])


@pytest.fixture
def page(out: Path) -> Callable[[], str]:
    return (out / "index.html").read_text


def test_all_figures_that_have_records(
    run: Run, out: Path, write_count: WriteRun, capsys: pytest.CaptureFixture[str]
) -> None:
    write_count(200, [5, 3])
    assert run() == 0
    written = sorted(path.name for path in out.iterdir())
    assert written == [f"captured_events_synthetic.{e}" for e in ("csv", "pdf", "png")] + [
        "index.html"
    ]
    printed = capsys.readouterr()
    assert sorted(Path(line).name for line in printed.out.splitlines()) == written
    for name in set(FIGURES) - {COUNTS}:
        assert f"{name}: no record of it; make some with: {FIGURES[name].command}" in printed.err
    assert f"{COUNTS}: no record" not in printed.err


def test_missing_records_name_the_command_and_stand_on_the_page(
    run: Run,
    write_run: WriteRun,
    page: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_run()
    assert run(COUNTS) == 1
    sentence = f"{COUNTS}: no record of it; make some with: {FIGURES[COUNTS].command}"
    assert sentence in capsys.readouterr().err
    assert page().count(sentence) == 2  # at the figure and in the list of what is left out


def test_no_records_at_all(
    run: Run, page: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 1
    assert capsys.readouterr().err.count("no record of it; make some with") == len(FIGURES)
    for figure in FIGURES.values():
        assert figure.number in page()


def test_an_unknown_figure_is_refused_with_the_choices(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        run("figure_13")
    assert refusal.value.code == 2
    error = capsys.readouterr().err
    assert f"there is no figure figure_13; choose from {', '.join(FIGURES)}" in error


def test_a_missing_results_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--results", str(tmp_path / "nowhere")]) == 1
    assert "there is no results folder" in capsys.readouterr().err


def test_a_missing_field_is_reported_and_the_rest_is_drawn(
    run: Run,
    out: Path,
    write_count: WriteRun,
    page: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_count(200, [5, 3])
    damaged = write_count(400, [4, 2]) / "result.json"
    result = json.loads(damaged.read_text())
    del result["batch_size"]
    damaged.write_text(json.dumps(result))
    assert run(COUNTS) == 0
    sentence = f"{damaged}: the field 'batch_size' is missing"
    assert sentence in capsys.readouterr().err
    assert sentence.replace("'", "&#x27;") in page()
    sizes = {
        line.split(",")[2] for line in (out / f"{COUNTS}_synthetic.csv").read_text().splitlines()
    }
    assert sizes == {"batch_size", "200"}


def test_a_foreign_file_is_reported_and_the_rest_is_drawn(
    run: Run,
    results: Path,
    write_count: WriteRun,
    page: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_count(200, [5, 3])
    (results / "notes.txt").touch()
    assert run(COUNTS) == 0
    sentence = f"{results}: notes.txt belong to no run; ignored"
    assert sentence in capsys.readouterr().err
    assert sentence in page()


def test_records_that_disagree_are_reported_and_not_drawn(
    run: Run,
    out: Path,
    write_count: WriteRun,
    page: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_count(200, [5, 3], name="one")
    write_count(200, [5, 4], name="two")
    write_count(400, [4, 2])
    assert run(COUNTS) == 0
    sentence = "records of one experiment disagree in sum_of_3000_largest: 8.0 in "
    assert sentence in capsys.readouterr().err
    assert sentence in page()
    assert ",200," not in (out / f"{COUNTS}_synthetic.csv").read_text()


def test_only_records_that_disagree_draw_nothing(
    run: Run, out: Path, write_count: WriteRun, capsys: pytest.CaptureFixture[str]
) -> None:
    write_count(200, [5, 3], name="one")
    write_count(200, [5, 4], name="two")
    assert run(COUNTS) == 1
    assert [path.name for path in out.iterdir()] == ["index.html"]
    error = capsys.readouterr().err
    assert "disagree" in error
    assert f"{COUNTS}: no record of it" in error


def test_the_published_numbers_are_found_from_another_folder(
    run: Run, out: Path, write_count: WriteRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_count(200, [5, 3], dataset="wikipedia")
    monkeypatch.chdir(tmp_path)
    assert run(COUNTS) == 0
    assert "published" in (out / f"{COUNTS}_wikipedia.csv").read_text()
