"""What figures may import."""

import subprocess
import sys

IMPORTED = """
import sys
import paper_figures.__main__
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("torch", "benchmark")))
"""


def test_figures_import_nothing_that_trains() -> None:
    """Of the benchmark itself only how means over seeds are bounded, for one rule in all tables."""
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["benchmark", "benchmark.records.statistics"]
