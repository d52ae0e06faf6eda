"""The code of docs/python.md, as a notebook would run it."""

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs" / "python.md"


def test_the_code_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL))
    (tmp_path / "notebook.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    runpy.run_path("notebook.py")
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("synthetic-disttgl-tgn_attention-1x1x2-seed0 ")
    assert len(list((tmp_path / "results" / "runs" / "python").glob("*/result.json"))) == 2
