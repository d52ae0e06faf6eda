from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

import benchmark
from benchmark.baselines.tgn import TGNSystem
from benchmark.baselines.tgn_parts import TGN
from benchmark.training.processes import Processes
from benchmark.training.system import Job
from tests.baselines.toy import PROTOCOL, TRAINING, toy_dataset, toy_stream

CONF = Path(benchmark.__file__).parent / "conf"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A configuration of the groups model and system only."""
    (tmp_path / "config.yaml").write_text(
        f"hydra: {{searchpath: ['file://{CONF}']}}\n"
        "defaults: [_self_, {model: none}, {system: none}]\n"
    )
    return tmp_path


def composed(root: Path, *words: str) -> DictConfig:
    with initialize_config_dir(str(root), version_base="1.3"):
        return compose("config", list(words))


def test_system_brings_its_model_with_the_hyper_parameters_of_the_example(root: Path) -> None:
    assert composed(root, "system=tgn").model == {
        "_target_": "benchmark.baselines.tgn_parts.TGN",
        "_partial_": True,
        "memory_dim": 100,
        "time_dim": 100,
        "embedding_dim": 100,
        "num_neighbors": 10,
        "heads": 2,
        "dropout": 0.1,
    }
    assert TGN.__init__.__kwdefaults__ == {
        "memory_dim": 100,
        "time_dim": 100,
        "embedding_dim": 100,
        "num_neighbors": 10,
        "heads": 2,
        "dropout": 0.1,
    }


def test_a_model_of_the_command_line_wins(root: Path) -> None:
    model = composed(root, "system=tgn", "model=tgn_attention").model
    assert model["_target_"] == "benchmark.models.tgn_attention.TGNAttention"


def test_system_is_built_from_yaml(root: Path) -> None:
    config = composed(root, "system=tgn", "model.memory_dim=8", "model.heads=4")
    build = instantiate(config.system, _partial_=True)
    system = build(
        job=Job(
            toy_dataset(toy_stream()), PROTOCOL, instantiate(config.model), TRAINING, Processes()
        )
    )
    assert isinstance(system, TGNSystem)
    assert system.memory.memory_dim == 8
    assert system.model.attention.heads == 4
