"""What figures may import."""

import subprocess
import sys

IMPORTED = """
import sys
import paper_figures.__main__
from paper_figures.figure import all_figures
all_figures()
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("torch", "benchmark")))
"""


def test_figures_import_nothing_that_trains() -> None:
    """Of the benchmark itself only records, the cost model and what these need; no torch."""
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert "torch" not in names
    rooms = {name.split(".")[1] for name in names if "." in name}
    assert rooms == {"records", "tools", "errors", "machine"}
