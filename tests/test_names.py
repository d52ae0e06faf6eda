"""What an installed environment can import collides with nobody's ``datasets`` or ``baselines``."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
LOOK = """
import benchmark.baselines.edgebank
import benchmark.datasets.jodie
import datasets, baselines
print(datasets.OWNER, baselines.OWNER)
"""


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Packages of other people with the names of two folders here."""
    for name in ("datasets", "baselines"):
        folder = tmp_path / "others" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("OWNER = 'others'\n")
    return tmp_path / "others"


@pytest.mark.parametrize("inside", [True, False])
def test_both_can_be_imported(others: Path, tmp_path: Path, inside: bool) -> None:
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(others)!r})\n{LOOK}"],
        cwd=CHECKOUT if inside else tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.stdout.split(), found.stderr) == (["others", "others"], "")


def test_nothing_else_is_installed(tmp_path: Path) -> None:
    look = "from importlib.util import find_spec as f; print(f('datasets'), f('baselines'))"
    found = subprocess.run(
        [sys.executable, "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["None", "None"]
