"""Static memory from the command line to the record."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from hydra.utils import instantiate

from benchmark.datasets.dataset import Split, Stream
from benchmark.disttgl.system import DistTGLSystem, row_dropout
from benchmark.experiment import Experiment
from benchmark.tasks.build import build_dataset, build_system
from benchmark.tasks.link_prediction import LinkPrediction
from benchmark.training.processes import Processes
from tests.experiments import experiment_of, run_folder
from tests.models.streams import random_dataset

SMALL_RUN = [
    "dataset.num_nodes=40",
    "dataset.num_events=400",
    "system=disttgl",
    "model.memory_dim=6",
    "model.embedding_dim=8",
    "system.static_memory_epochs=2",
    "batch_size=100",
    "epochs=1",
    "device=cpu",
]


def experiment(tmp_path: Path, *words: str) -> Experiment:
    return experiment_of(*SMALL_RUN, f"cache_dir={tmp_path / 'cache'}", *words)


def built(config: Experiment, processes: Processes | None = None) -> DistTGLSystem:
    dataset = build_dataset(config)
    protocol = instantiate(config.protocol)
    return cast(DistTGLSystem, build_system(config, dataset, protocol, processes or Processes()))


class SecondMachine(Processes):
    """The last of two processes, with a cache of its own."""

    def broadcast(self, values: torch.Tensor, source: int) -> torch.Tensor:
        assert source == 0
        return values.fill_(7.0)


def test_every_process_ends_up_with_the_table_of_the_first(tmp_path: Path) -> None:
    system = built(experiment(tmp_path, "system.static_memory=pretrained"), SecondMachine())
    system.prepare(lambda *report: None)
    assert system.model.static_memory is not None
    assert (system.model.static_memory.rows == 7.0).all()
    assert (system.model.static_memory.unknown == 7.0).all()


def test_off_and_pretrained_from_the_command_line(tmp_path: Path) -> None:
    assert built(experiment(tmp_path)).model.static_memory is None
    assert built(experiment(tmp_path, "system.static_memory=off")).model.static_memory is None
    assert built(experiment(tmp_path, "system.static_memory=pretrained")).model.static_memory
    with pytest.raises(ValueError, match="static_memory is 'on'; it must be 'off' or 'pretrained'"):
        built(experiment(tmp_path, "system.static_memory=on"))


def test_a_system_that_was_not_prepared_learns_nothing(tmp_path: Path) -> None:
    system = built(experiment(tmp_path, "system.static_memory=pretrained"))
    assert next(system.train_round()).loss.isnan()
    assert set(system.prepare(lambda *report: None)) == {"index", "pretrain"}
    assert system.model.static_memory is not None
    assert system.model.static_memory.rows.isfinite().all()


def test_a_checkpoint_holds_the_table(tmp_path: Path, trainings: list[int]) -> None:
    config = experiment(tmp_path, "system.static_memory=pretrained")
    first, second = built(config), built(config)
    first.prepare(lambda *report: None)
    second.load_state_dict(first.state_dict())
    assert second.pretraining == first.pretraining
    assert first.model.static_memory is not None and second.model.static_memory is not None
    assert torch.equal(first.model.static_memory.rows, second.model.static_memory.rows)
    assert torch.equal(first.model.static_memory.unknown, second.model.static_memory.unknown)
    assert len(trainings) == 1


def test_a_run_records_what_the_table_cost(tmp_path: Path, trainings: list[int]) -> None:
    folder = run_folder(tmp_path / "run")
    config = experiment(tmp_path, "system.static_memory=pretrained")
    outcome = LinkPrediction("link_prediction", 1).run(config, folder, Processes())
    assert set(outcome["seconds"]) == {"index", "pretrain", "train", "evaluate"}
    assert outcome["seconds"]["pretrain"] > 0
    pretraining = outcome["pretraining"]
    assert pretraining["epochs"] == 2
    assert pretraining["best_epoch"] in {1, 2}
    assert 0 < pretraining["mrr"] < 1
    again = LinkPrediction("link_prediction", 1).run(config, folder, Processes())
    assert again["seconds"]["pretrain"] == outcome["seconds"]["pretrain"]
    assert again["metrics"] == outcome["metrics"]
    assert again["pretraining"] == pretraining
    assert len(trainings) == 1


def test_nodes_are_dropped_as_often_as_there_are_new_ones() -> None:
    """Of ten training events the last five, as much as validation and test; three ends are new."""
    src = torch.tensor([0, 1, 2, 0, 1, 0, 5, 1, 6, 2, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
    dst = torch.tensor([3, 4, 3, 4, 3, 3, 4, 8, 3, 4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
    stream = Stream(src=src, dst=dst, t=torch.arange(20), msg=torch.zeros(20, 0))
    dataset = replace(random_dataset(), stream=stream, num_nodes=9, split=Split(10, 15, 20))
    assert row_dropout(None, dataset) == pytest.approx(0.3)
    assert row_dropout(0.0, dataset) == 0.0
    for wrong in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"static_memory_dropout is {wrong}; it must be at"):
            row_dropout(wrong, dataset)


def test_the_rate_of_dropped_rows_reaches_the_network(tmp_path: Path) -> None:
    words = ["system.static_memory=pretrained"]
    config = experiment(tmp_path, *words)
    expected = row_dropout(None, build_dataset(config))
    open_rate, given = (
        built(config),
        built(experiment(tmp_path, *words, "system.static_memory_dropout=0.4")),
    )
    assert open_rate.model.static_memory is not None and given.model.static_memory is not None
    assert open_rate.model.static_memory.dropout.probability == expected
    assert given.model.static_memory.dropout.probability == 0.4
