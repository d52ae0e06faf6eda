"""The examples of docs/variants.md, copied out of it into a folder outside of the repository."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmark.run import main
from benchmark.tools.model_check import find_problems
from tests.disttgl.test_variants import round_losses, rule, system_of

DOCS = Path(__file__).parents[1] / "docs" / "variants.md"
TARGET = "fading_neighbors.FadingNeighbors"
PAIRWISE = "common_neighbors.CommonNeighbors"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples and nothing else, from which modules are imported."""
    examples = re.findall(r"^`(\w+\.py)`.*?```python\n(.*?)```", DOCS.read_text(), re.DOTALL | re.M)
    assert [name for name, _ in examples] == ["fading_neighbors.py", "common_neighbors.py"]
    for name, example in examples:
        (tmp_path / name).write_text(example)
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [TARGET, PAIRWISE])
def test_the_example_keeps_the_contract_and_learns_under_every_parallelism(
    folder: Path, name: str
) -> None:
    module, _, example = name.partition(".")
    network = getattr(importlib.import_module(module), example)
    assert find_problems(network) == []
    for layout in ("1x1x1", "2x1x1", "1x2x1", "1x1x2"):
        system = system_of(network, layout, dataset=rule())
        losses = [float(round_losses(system).mean()) for _ in range(3)]
        assert losses[-1] < 0.9 * losses[0], layout


@pytest.mark.parametrize("target", [TARGET, PAIRWISE])
def test_the_command_of_the_docs_trains_it_and_draws_the_first(
    folder: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = re.findall(r"^python -m benchmark\.run (.*)$", DOCS.read_text(), re.MULTILINE)
    command = next(line for line in commands if f"model._target_={target}" in line)
    small = ["dataset.num_nodes=40", "dataset.num_events=300", "epochs=2", "batch_size=100"]
    here = ["device=cpu", "threads=1", "wandb.mode=disabled", f"results_dir={folder / 'runs'}"]
    drawn = [] if target == TARGET else ["suite.figures=[]"]
    code = main([*shlex.split(command), *drawn, *small, *here])
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err
    assert target.partition(".")[2] in printed.out
    figures = folder / "runs" / "variants" / "figures"
    if not drawn:
        figure = figures / "time_to_accuracy_synthetic_disttgl.csv"
        assert pd.read_csv(figure)["network"].unique().tolist() == ["FadingNeighbors"]
        assert figure.with_suffix(".pdf").exists()
