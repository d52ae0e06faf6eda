"""The report of a GPU: it goes on where it ended, keeps to its time, and is rehearsed on a CPU."""

import sys
from pathlib import Path

import pytest

from benchmark.gpu_report import main
from benchmark.tools.gpu_report import Step, report, steps_of

MINUTE = 60.0


def step(title: str, code: str) -> Step:
    return Step(title, "Why?", ("-c", code))


def test_the_page_holds_what_commands_print(tmp_path: Path) -> None:
    steps = [step("One", "print('so much')"), step("Two", "import sys; sys.exit('broken')")]
    assert not report(steps, tmp_path, MINUTE, "cpu")
    page = (tmp_path / "report.md").read_text()
    assert "## One\n\nWhy?" in page
    assert "so much" in page
    assert "Failed with exit code 1" in page
    assert "broken" in page


def test_what_has_succeeded_is_not_done_again(tmp_path: Path) -> None:
    count = f"open({str(tmp_path / 'count')!r}, 'a').write('x')"
    steps = [step("Good", count), step("Bad", f"{count}; 1 / 0")]
    for _ in range(2):
        assert not report(steps, tmp_path, MINUTE, "cpu")
    assert (tmp_path / "count").read_text() == "xxx"  # once the good one, twice the bad


def test_a_step_out_of_time_is_interrupted_and_said(tmp_path: Path) -> None:
    slow = "import time\nprint('begun', flush=True)\ntime.sleep(60)"
    assert not report([step("Slow", slow), step("Next", "1")], tmp_path, 2.0, "cpu")
    page = (tmp_path / "report.md").read_text()
    assert page.count("Not in time") == 2
    assert "begun" in page


def test_no_word_is_written_twice() -> None:
    for tiny in (True, False):
        for one in steps_of(Path("x"), "cpu", tiny):
            keys = [word.partition("=")[0] for word in one.command if "=" in word]
            assert len(keys) == len(set(keys)), one.command


def test_what_is_asked_on_a_card() -> None:
    commands = {one.title: " ".join(one.command) for one in steps_of(Path("x"), "cuda", False)}
    assert commands["Tests"] == "-m pytest -n 0 -q -m cuda tests"
    assert "suite=peers batch_size=600,1200,4000 system=tgn,disttgl" in commands["Peers"]
    assert all("device=cuda" in commands[name] for name in ("Profile", "Peers", "Exactness"))


@pytest.mark.slow
def test_a_rehearsal_on_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    folder = str(tmp_path / "report")
    arguments = ["--device", "cpu", "--tiny", "--folder", folder]
    assert main(arguments) == 0, (tmp_path / "report" / "report.md").read_text()
    page = (tmp_path / "report" / "report.md").read_text()
    assert "ms a step" in page
    assert "by tgn" in page
    assert sys.executable not in page
