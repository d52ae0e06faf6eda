"""The example of docs/systems.md, copied out of it into a folder outside of the repository."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch

from benchmark.run import main
from tests.disttgl.small import small_job, small_system

ROOT = Path(__file__).parents[1]
DOCS = (ROOT / "docs" / "systems.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example and nothing else, from which modules are imported."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    (tmp_path / "one_memory.py").write_text(example)
    monkeypatch.delitem(sys.modules, "one_memory", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_trains_and_resumes_bit_for_bit_as_disttgl_with_one_trainer(folder: Path) -> None:
    network = importlib.import_module("one_memory").OneMemory
    options = {"loss": "softmax", "precision": "float64"}
    own, other = network(small_job(), **options), small_system()
    losses = [[step.loss for step in system.train_round()] for system in (own, other)]
    assert torch.equal(*map(torch.stack, losses))
    for field, expected in zip(own.evaluation.state, other.evaluation.state, strict=True):
        assert torch.equal(field, expected)
    resumed = network(small_job(), **options)
    resumed.load_state_dict(own.state_dict())
    for step, expected in zip(resumed.train_round(), other.train_round(), strict=True):
        assert torch.equal(step.loss, expected.loss)
    with pytest.raises(ValueError, match="OneMemory needs 1x1x1, not 1x2x1"):
        network(small_job("1x2x1"))


def test_the_command_of_the_docs_trains_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (command,) = re.findall(r"^python -m benchmark\.run (.*_target_=one_memory.*)$", DOCS, re.M)
    small = ["dataset.num_nodes=40", "dataset.num_events=300", "epochs=1", "batch_size=100"]
    here = ["device=cpu", "threads=1", "wandb.mode=disabled", f"results_dir={folder / 'runs'}"]
    code = main([*shlex.split(command), "suite.figures=[]", *small, *here])
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err
    assert "OneMemory" in printed.out
