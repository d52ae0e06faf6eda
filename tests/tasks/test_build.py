"""Parts that do not fit together."""

from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.graph.past import Visibility
from benchmark.protocol.link_protocol import LinkProtocol
from benchmark.protocol.negatives import NegativePool
from benchmark.tasks.build import build_dataset, build_system, cache_folder
from benchmark.training.processes import Processes
from tests.experiments import experiment_of

PROTOCOL = LinkProtocol("disttgl", Visibility.EVENT, 49, NegativePool.BIPARTITE, 0, "mrr")


def refusal(*words: str, processes: Processes) -> str:
    system = [] if any(word.startswith("system=") for word in words) else ["system=disttgl"]
    experiment = experiment_of(*system, "max_events=1000", *words)
    with pytest.raises(ValueError) as refused:
        build_system(experiment, build_dataset(experiment), PROTOCOL, processes)
    return str(refused.value)


def test_a_model_of_another_system_is_refused() -> None:
    text = refusal("model=tgn_pyg", processes=Processes())
    assert text == (
        "system=disttgl trains a TemporalModel, and model=tgn_pyg is a TGN; "
        "leave model out or choose another."
    )


def test_a_model_is_refused_where_none_is_trained() -> None:
    text = refusal("system=edgebank", "model=tgn_pyg", processes=Processes())
    assert text == "system=edgebank trains no model; leave model=tgn_pyg out."


def test_a_missing_system_and_a_missing_model_are_refused() -> None:
    text = refusal("model=none", processes=Processes())
    assert text == (
        "task link_prediction trains a model, but model=none names none; "
        "leave model out or choose another."
    )
    assert refusal("system=none", processes=Processes()).startswith(
        "task link_prediction trains a system, but system=none names none"
    )


def test_unknown_choices_are_refused() -> None:
    text = refusal("system.gradient_sum=random", processes=Processes())
    assert text == "system.gradient_sum is 'random'; choose one of overlapped, ordered."


def test_without_a_home_the_cache_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(UserError, match="set cache_dir=FOLDER"):
        cache_folder(experiment_of("cache_dir=null"))
    assert cache_folder(experiment_of("cache_dir=/c")) == Path("/c")
