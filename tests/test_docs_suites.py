"""docs/suites.md: its files in a folder, and every command with its exact output."""

import os
import re
import shlex
from pathlib import Path

import pytest

from benchmark.run import main

TEXT = (Path(__file__).parents[1] / "docs" / "suites.md").read_text()
FILES = re.findall(r"```yaml\n# (conf/\S+)\n(.*?)```", TEXT, re.DOTALL)
COMMAND = "$ python -m benchmark.run "
SHOWN = [
    shown
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for shown in re.split(rf"^{re.escape(COMMAND)}", block, flags=re.MULTILINE)[1:]
]


def test_there_is_something_to_run() -> None:
    assert {Path(name).parent.name for name, _ in FILES} == {"suite", "model", "system", "dataset"}
    assert len(SHOWN) == 9


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.partition("\n")[0][:60])
def test_a_command_prints_what_the_page_shows(
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, text in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    command, _, expected = shown.partition("\n")
    words, _, head = command.partition(" | head -")
    main(shlex.split(words))
    printed = capsys.readouterr()
    lines = [line.rstrip() for line in (printed.out + printed.err).strip("\n").splitlines()]
    assert lines[: int(head or len(lines))] == expected.rstrip().splitlines()
    assert os.listdir(tmp_path) == ["conf"]  # nothing was run
