"""The kept records drawn once."""

from pathlib import Path

import pytest

from benchmark.records.quantities import read
from benchmark.records.reader import Records
from paper_figures import pictures
from paper_figures.figure import Drawing, all_figures, draw
from paper_figures.readme import Verdicts, all_verdicts

# Half of the time of a picture goes into its pixels and into cutting out the letters of its font.
pictures.RC.update({"savefig.dpi": 50, "pdf.fonttype": 3})
REFERENCE = Path(__file__).parents[2] / "results" / "reference"


@pytest.fixture(scope="session")
def reference() -> Records:
    return read(REFERENCE)


@pytest.fixture(scope="session")
def drawn(
    reference: Records, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Drawing]]:
    """Every figure of the kept records, and the folder that they lie in."""
    out = tmp_path_factory.mktemp("drawn")
    return out, {name: draw(figure, reference, out) for name, figure in all_figures().items()}


@pytest.fixture(scope="session")
def verdicts() -> Verdicts:
    """What the kept records say of the claims."""
    return all_verdicts(REFERENCE)
