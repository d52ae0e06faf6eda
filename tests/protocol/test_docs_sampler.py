"""The sampler of docs/protocol.md, copied out of it into a folder outside of the repository."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate

from benchmark.run import main
from benchmark.runner import compose
from tests.protocol.streams import candidates_of, events_of, random_dataset

DOCS = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
SECTION = DOCS.partition("## A negative sampler of your own")[2].partition("\n## ")[0]
DATASET = random_dataset(1000)
VALIDATION = torch.arange(100, 900)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example and its yaml, where commands look for both, and nothing else."""
    (example,), (yaml,) = blocks("python"), blocks("yaml")
    (tmp_path / "popular_negatives.py").write_text(example)
    (tmp_path / "conf" / "protocol").mkdir(parents=True)
    (tmp_path / "conf" / "protocol" / "popular.yaml").write_text(yaml)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "popular_negatives", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_one_file_and_one_yaml_make_a_sampler(folder: Path) -> None:
    protocol = instantiate(compose.compose_settings(["protocol=popular"])["protocol"])
    assert (protocol.name, protocol.num_negatives) == ("popular", 49)
    candidates = candidates_of(DATASET, protocol, VALIDATION)
    assert candidates.shape == (800, 50)
    some = torch.tensor([850, 101, 333])
    assert torch.equal(candidates_of(DATASET, protocol, some), candidates[some - 100])

    sampler, events = protocol.negatives(DATASET), events_of(DATASET, torch.arange(100))
    drawn = sampler.training(events, 500, 0, 1)
    assert (drawn != events.dst.unsqueeze(1)).all()
    share = drawn.flatten().bincount(minlength=300) / drawn.numel()
    popularity = events.dst.bincount(minlength=300) / 100
    assert (share - popularity).abs().max() < 0.01
    assert popularity.max() > 0.02


def test_the_command_of_the_docs_trains_and_evaluates_with_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (command,) = re.findall(r"^python -m benchmark\.run (.*)$", SECTION, re.MULTILINE)
    small = ["dataset.num_nodes=40", "dataset.num_events=300", "epochs=1", "batch_size=100"]
    here = [
        *["system=tgn", "device=cpu", "threads=1", "wandb.mode=disabled"],
        f"results_dir={folder / 'runs'}",
    ]
    code = main([*shlex.split(command), "suite.figures=[]", *small, *here])
    assert code == 0, capsys.readouterr()
    (path,) = (folder / "runs" / "quick").glob("*/result.json")
    result = json.loads(path.read_text())
    assert result["status"] == "finished"
    assert 0 < result["metrics"]["test_mrr"] < 1
