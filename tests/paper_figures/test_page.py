"""The page, the README block, the page of claims, and the command."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmark.records.reader import Records
from benchmark.records.tables import cell, shown, write_table
from paper_figures import readme
from paper_figures.__main__ import main
from paper_figures.claims import Verdict, totals_by_kind
from paper_figures.figure import Drawing, all_figures
from paper_figures.published import published
from paper_figures.readme import write_page

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
Drawn = tuple[Path, dict[str, Drawing]]


def test_the_page_opens_with_the_totals_and_a_picture_and_holds_all(
    drawn: Drawn, reference: Records, tmp_path: Path
) -> None:
    path = write_page(list(drawn[1].values()), reference, Path("results/reference"), tmp_path)
    text = path.read_text()
    header = text[text.index("<header>") : text.index("</header>")]
    assert header.count("claims of") == 2 and "counts of the data" in header and "<img" in header
    for name, figure in all_figures().items():
        assert f'<h2 id="{name}">{figure.told["number"]}</h2>' in text
    assert "epochs=16 where 100 is drawn" in text
    assert not re.findall(r'(?:src|href)="https?://(?!arxiv)', text)


def test_text_of_records_is_escaped(
    write_run: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("a", command="<script>")
    write_run("b", command="<script>", parallelism={"i": 1, "j": 2, "k": 1})
    out = tmp_path / "out"
    assert main(["convergence", "--results", str(tmp_path / "runs"), "--out", str(out)]) == 0
    assert "<script>" not in (out / "index.html").read_text()


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--results", str(tmp_path / "none")]) == 1
    assert "there is no results folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["figure_99"])
    assert "there is no figure figure_99; choose from time_to_accuracy" in capsys.readouterr().err


def test_a_figure_asked_for_that_has_no_records_is_a_failure(
    write_run: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run("a", suite="quick")
    where = ["--results", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    assert main(["node_memory", *where]) == 1
    assert "node_memory: no record of it; make some with" in capsys.readouterr().err


def test_damaged_records_are_named_on_the_page(
    write_run: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_run("a")
    (folder / "result.json").write_text("{")
    main(["--results", str(tmp_path / "runs"), "--out", str(tmp_path / "out")])
    text = (tmp_path / "out" / "index.html").read_text()
    assert "not readable as JSON" in text and "not readable as JSON" in capsys.readouterr().err


@pytest.fixture
def judged_once(verdicts: readme.Verdicts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command judges nothing again, and asks for the kept records alone."""

    def kept(results: Path) -> readme.Verdicts:
        assert results.samefile(REFERENCE)
        return verdicts

    monkeypatch.setattr(readme, "all_verdicts", kept)


@pytest.mark.usefixtures("judged_once")
def test_the_readme_and_the_page_of_claims_are_up_to_date() -> None:
    assert readme.main(["--check"]) == 0, f"run {readme.WRITE}"


def test_the_summary_has_a_row_for_each_figure_that_links_to_its_heading(
    verdicts: readme.Verdicts,
) -> None:
    lines = readme.render(readme.SUMMARY, verdicts).splitlines()
    rows = [line for line in lines if line.startswith("| [")]
    measured = [name for name, claims in verdicts.items()
                if any(one.verdict is not Verdict.NOT_ATTEMPTED for one in claims)]  # fmt: skip
    # no claims of a paper
    ours = ("Not in the paper", "Figure 2(b), processes", "Figure 12(a), predicted")
    assert len(rows) == len(measured) - sum(
        all_figures()[n].told["number"] in ours for n in measured
    )
    headings = re.findall(
        r"^## (.*)$", readme.render(readme.REPRODUCTION, verdicts), flags=re.MULTILINE
    )
    assert headings == [*(all_figures()[name].told["number"] for name in measured), "Not attempted"]


def test_the_totals_are_those_of_the_rows_of_the_page(verdicts: readme.Verdicts) -> None:
    judged = [one for claims in verdicts.values() for one in claims]
    for (name, counts), text in zip(
        totals_by_kind(judged).items(), readme.total_text(verdicts).split("\n\n"), strict=True
    ):
        assert text.startswith(f"{counts.sum()} {name}: {counts['reproduced']} reproduced, ")
        assert f"{counts['contradicted']} contradicted" in text
    page = readme.render(readme.REPRODUCTION, verdicts)
    for one in judged:
        if one.verdict is not Verdict.NOT_ATTEMPTED:
            assert f"| {one.measured} | {one.verdict} |" in page


def test_what_was_not_attempted_has_its_command_and_needs(verdicts: readme.Verdicts) -> None:
    section = readme.render(readme.REPRODUCTION, verdicts).partition("## Not attempted")[2]
    for said in ("+14.5%", "10.17", "7.27", "25.08", "1.24; 1.91; 2.93", "13x", "0.4962", "reddit"):
        assert said in section
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][2:]
    assert all(row[3].startswith("`") and row[4].strip("| ") for row in rows)


def test_every_figure_has_an_account_whose_numbers_are_computed() -> None:
    accounts = published("accounts").set_index("figure")["account"]
    assert list(accounts.index) == list(all_figures())
    for text in accounts:
        typed = re.sub(r"{{.*?}}|`.*?`|\(.*?\)|\dx\dx\d", "", text)
        assert not re.findall(r"(?<![\w.])\.?\d[\d.,%]*(?!\w)", typed), text


def test_an_account_names_measured_and_published_numbers_and_what_is_missing(
    verdicts: readme.Verdicts,
) -> None:
    text = "{{ published('gain', 'mooc') }} and {{ measured('gain', 'mars') }}, {{ verdict('no') }}"
    assert readme.account(text, verdicts["static_memory"]) == (
        "0.6209 against 0.5264, +0.0945 and not measured, not attempted"
    )


@pytest.mark.usefixtures("judged_once")
def test_a_stale_readme_is_reported_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "reference").symlink_to(REFERENCE)
    (tmp_path / "README.md").write_text(f"a\n{readme.BEGIN}\nold\n{readme.END}\nz\n")
    assert readme.main(["--check"], tmp_path) == 1
    assert "README.md is not that of the records" in capsys.readouterr().err
    assert readme.main([], tmp_path) == 0 == readme.main(["--check"], tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("a\n") and text.endswith("\nz\n") and "old" not in text


def test_a_readme_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        readme.with_block("no marks", "block")


def test_cells_of_tables() -> None:
    row = {"v": 97.294, "v_low": 96.4, "v_high": 98.1}
    assert cell(row, "v", ".2f") == "97.29 [96.40, 98.10]"
    assert cell({"v": 98.46, "v_deviation": 0.1}, "v", ".2f") == "98.46 ± 0.10"
    assert cell({"v": 1.0, "v_low": 1.0, "v_high": 1.001}, "v", ".1f") == "1.0"
    assert cell({}, "v", ".2f") == "-"


def test_tables_leave_out_empty_columns_and_escape(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": ["x|y"], "b": [None], "n": [1.5], "origin": ["measured"]})
    table = shown(rows, {"A_1": "a", "B": "b", "N": ("n", ".1f")})
    assert list(table) == ["A_1", "N", "origin"]
    md, tex = write_table(table, "50 % of $x_1$", tmp_path / "t")
    assert md.read_text().splitlines()[2] == "| x\\|y | 1.5 | measured |"
    assert "50 % of" in md.read_text()
    assert "A\\_1" in tex.read_text() and "50 \\% of \\$x\\_1\\$" in tex.read_text()
