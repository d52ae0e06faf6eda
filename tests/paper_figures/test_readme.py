"""The README's reproduction table."""

from dataclasses import replace
from pathlib import Path

import pytest

from paper_figures import readme
from paper_figures.claim import Claim, Verdict
from paper_figures.collection import load_records
from paper_figures.readme import BEGIN, END, main, reproduction_table, with_table
from paper_figures.registry import FIGURES
from tests.paper_figures.conftest import WriteRun


def test_the_committed_readme_is_that_of_the_committed_records(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exit_code = main(["--check"])
    assert capsys.readouterr().err == ""
    assert exit_code == 0


def test_rows_are_the_claims_of_figures_that_have_records(
    results: Path, write_run: WriteRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run("tgn", system="tgn", task="link_speed", throughput_events_per_second=5_000.0)
    write_run("disttgl", task="link_speed", throughput_events_per_second=10_000.0)
    run = "python -m benchmark.run suite=x"
    claims = [
        Claim("a|b", "1", "2", "batch 3", Verdict.PARTLY, run),
        Claim("c", "4", "5", "batch 6", Verdict.REPRODUCED, f"{run} wandb.mode=disabled"),
        Claim("d", "7", "8", "batch 3", Verdict.PARTLY, run),
    ]
    figure = replace(FIGURES["peers"], claims=lambda records: claims)
    without_records = replace(FIGURES["exactness"], claims=lambda records: claims)
    figures = {"peers": figure, "exactness": without_records}
    monkeypatch.setattr(readme, "FIGURES", figures)
    assert reproduction_table(load_records(results)[0]).splitlines() == [
        "3 claims: 1 reproduced, 2 partly, 0 contradicted, 0 incomparable",
        "",
        "| claim of the paper | published | measured | verdict | how |",
        "|---|---|---|---|---|",
        f"| {figure.number}: a\\|b | 1 | 2 | partly | 1 |",
        f"| {figure.number}: c | 4 | 5 | reproduced | 2 |",
        f"| {figure.number}: d | 7 | 8 | partly | 1 |",
        "",
        "How:",
        "",
        "1. batch 3: `suite=x`",
        "2. batch 6: `suite=x`",
    ]


def test_only_what_is_between_the_marks_changes() -> None:
    text = f"# Before\n{BEGIN}\nold\n{END}\nafter\n"
    once = with_table(text, "| new |")
    assert once == f"# Before\n{BEGIN}\n\n| new |\n\n{END}\nafter\n"
    assert with_table(once, "| new |") == once


@pytest.mark.parametrize(
    "text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}", f"{END}{BEGIN}{END}"]
)
def test_marks_that_are_not_there_are_said(text: str) -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        with_table(text, "")


def test_a_readme_that_differs_is_one_sentence_with_its_remedy(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"{BEGIN}\n{END}\n")
    assert main(["--check"], path, results) == 1
    assert capsys.readouterr().err == (
        "the table in README.md is not that of the records; run python -m paper_figures.readme\n"
    )
    assert path.read_text() == f"{BEGIN}\n{END}\n"
    assert main([], path, results) == 0
    assert main(["--check"], path, results) == 0
    assert "| claim of the paper |" in path.read_text()


def test_a_readme_without_marks_is_left_alone(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "README.md"
    path.write_text("no marks\n")
    assert main([], path, results) == 1
    assert "needs the lines" in capsys.readouterr().err
    assert path.read_text() == "no marks\n"
