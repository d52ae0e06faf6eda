"""The code of docs/python.md, as a notebook would run it."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs" / "python.md"


def test_the_code_of_the_page_runs(tmp_path: Path) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL))
    (tmp_path / "notebook.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "notebook.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, *_ = done.stdout.splitlines()
    assert first.startswith("synthetic-disttgl-tgn_attention-1x1x2-seed0 ")
    assert len(list((tmp_path / "results" / "runs" / "python").glob("*/result.json"))) == 2
