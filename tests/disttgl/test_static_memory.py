"""Static memory in a run: configured, cached, added to the network, recorded."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hydra.utils import instantiate
from torch_geometric.data import TemporalData

from benchmark.datasets.dataset import Dataset, Split
from benchmark.disttgl import static_memory
from benchmark.disttgl.pretraining import Pretrained, pretrain
from benchmark.disttgl.static_memory import identity_of, pretrained_rows, row_dropout
from benchmark.disttgl.system import DistTGLSystem
from benchmark.disttgl.table_trainer import Pretraining
from benchmark.experiment import Experiment
from benchmark.models.tgn_attention import TGNAttention
from benchmark.protocol.negatives import NegativePool
from benchmark.tasks.build import build_dataset, build_system
from benchmark.tasks.link_prediction import LinkPrediction
from benchmark.training.processes import Processes
from benchmark.training.system import ReportProgress
from tests.disttgl.small import PROTOCOL
from tests.experiments import experiment_of, run_folder
from tests.models.streams import random_dataset

MODEL = partial(
    TGNAttention, memory_dim=6, time_dim=5, embedding_dim=8, num_neighbors=4, num_heads=2
)
SETTINGS = Pretraining(
    epochs=1,
    patience=1,
    learning_rate=1e-2,
    table_learning_rate=2e-2,
    held_out=0.1,
    batch_size=50,
    num_negatives=1,
    protocol=PROTOCOL,
    seed=0,
)
DATASET = random_dataset(num_events=120, split=Split(90, 100, 120))
ONE_PROCESS = Processes()
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


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every pre-training."""
    done: list[int] = []

    def counted(*arguments: Any) -> Pretrained:
        done.append(1)
        return pretrain(*arguments)

    monkeypatch.setattr(static_memory, "pretrain", counted)
    return done


def rows_from(
    cache: Path | None,
    dataset: Dataset = DATASET,
    settings: Pretraining = SETTINGS,
    report: ReportProgress = lambda *report: None,
) -> Pretrained:
    nothing = torch.device("cpu")
    return pretrained_rows(dataset, MODEL, settings, nothing, cache, report)


def experiment(tmp_path: Path, *words: str) -> Experiment:
    return experiment_of(*SMALL_RUN, f"cache_dir={tmp_path / 'cache'}", *words)


def built(config: Experiment, processes: Processes = ONE_PROCESS) -> DistTGLSystem:
    dataset = build_dataset(config)
    protocol = instantiate(config.protocol)
    return cast(DistTGLSystem, build_system(config, dataset, protocol, processes))


def test_the_second_run_takes_the_table_from_the_cache(
    tmp_path: Path, trainings: list[int]
) -> None:
    first, second = rows_from(tmp_path), rows_from(tmp_path)
    assert len(trainings) == 1
    assert torch.equal(first.rows, second.rows)
    assert torch.equal(first.losses, second.losses)
    assert first.seconds == second.seconds > 0
    assert torch.equal(first.rows, rows_from(None).rows)


class InterruptionError(Exception):
    """What ends a pre-training in the middle."""


def test_an_interrupted_run_goes_on_and_leaves_nothing_but_the_table(tmp_path: Path) -> None:
    settings = replace(SETTINGS, epochs=3, patience=3)
    whole = rows_from(None, settings=settings)
    done: list[int] = []

    def interrupt(phase: str, step: int, total: int) -> None:
        if step == 5:  # two batches an epoch: in the third
            raise InterruptionError

    with pytest.raises(InterruptionError):
        rows_from(tmp_path, settings=settings, report=interrupt)
    assert not [*tmp_path.glob("static_memory/*/rows.npy")]
    resumed = rows_from(tmp_path, settings=settings, report=lambda *report: done.append(report[1]))
    assert done == [5, 6]
    assert torch.equal(resumed.rows, whole.rows)
    assert torch.equal(resumed.mrrs, whole.mrrs)
    suffixes = {path.suffix for path in (tmp_path / "static_memory").iterdir()}
    assert suffixes == {"", ".lock"}  # the folder of the table and its lock


def test_a_checkpoint_of_other_settings_is_not_gone_on_from(tmp_path: Path) -> None:
    def interrupt(phase: str, step: int, total: int) -> None:
        if step == 3:
            raise InterruptionError

    settings = replace(SETTINGS, epochs=3, patience=3)
    with pytest.raises(InterruptionError):
        rows_from(tmp_path, settings=settings, report=interrupt)
    other = replace(settings, seed=1)
    assert torch.equal(
        rows_from(tmp_path, settings=other).rows, rows_from(None, settings=other).rows
    )


def test_without_a_cache_nothing_is_kept(trainings: list[int]) -> None:
    assert torch.equal(rows_from(None).rows, rows_from(None).rows)
    assert len(trainings) == 2


def test_whatever_defines_the_table_is_in_its_name(tmp_path: Path) -> None:
    stream = DATASET.stream.clone()
    stream.msg[0] += 1
    node_features = torch.zeros(DATASET.num_nodes, 2)
    names = [
        identity_of(DATASET, MODEL, SETTINGS),
        *(
            identity_of(DATASET, MODEL, replace(SETTINGS, **change))
            for change in (
                {"epochs": 2},
                {"patience": 2},
                {"learning_rate": 1e-3},
                {"table_learning_rate": 1e-3},
                {"held_out": 0.2},
                {"batch_size": 60},
                {"num_negatives": 2},
                {"protocol": replace(PROTOCOL, negative_pool=NegativePool.DESTINATIONS)},
                {"protocol": replace(PROTOCOL, negative_sampling="historical")},
                {"seed": 1},
            )
        ),
        identity_of(DATASET, partial(MODEL, num_neighbors=3), SETTINGS),
        identity_of(replace(DATASET, stream=stream), MODEL, SETTINGS),
        identity_of(replace(DATASET, split=Split(89, 100, 120)), MODEL, SETTINGS),
        identity_of(replace(DATASET, node_features=node_features), MODEL, SETTINGS),
    ]
    assert len(set(names)) == len(names)


def test_what_evaluation_alone_is_told_is_not_in_its_name() -> None:
    protocol = replace(PROTOCOL, num_negatives=3, seed=5, inductive=True)
    other = replace(SETTINGS, protocol=protocol)
    assert identity_of(DATASET, MODEL, other) == identity_of(DATASET, MODEL, SETTINGS)


def test_events_after_the_training_split_are_not_in_its_name() -> None:
    stream = DATASET.stream.clone()
    for column in (stream.src, stream.dst, stream.msg):
        column[90:] = 0
    changed = replace(DATASET, stream=stream)
    assert identity_of(changed, MODEL, SETTINGS) == identity_of(DATASET, MODEL, SETTINGS)


@pytest.mark.parametrize("damage", ["cut", "one bit", "another's"])
def test_a_damaged_table_is_trained_again(
    tmp_path: Path, damage: str, trainings: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_from(tmp_path).rows.clone()
    (path,) = tmp_path.glob("static_memory/*/rows.npy")
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "one bit":
        content[-5] ^= 1
        path.write_bytes(content)
    else:
        rows_from(tmp_path, settings=replace(SETTINGS, seed=1))
        (other,) = set(tmp_path.glob("static_memory/*/rows.npy")) - {path}
        other.replace(path)
    before = len(trainings)
    assert torch.equal(rows_from(tmp_path).rows, rows)
    assert len(trainings) == before + 1
    assert f"{path.parent} is damaged: it is made again" in capsys.readouterr().err


def test_of_two_that_need_a_table_at_once_one_trains_it(
    tmp_path: Path, trainings: list[int]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(rows_from, [tmp_path, tmp_path])
    assert torch.equal(first.rows, second.rows)
    assert len(trainings) == 1


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
    outcome = LinkPrediction("link_prediction", 1).run(config, folder, ONE_PROCESS)
    assert set(outcome["seconds"]) == {"index", "pretrain", "train", "evaluate"}
    assert outcome["seconds"]["pretrain"] > 0
    pretraining = outcome["pretraining"]
    assert pretraining["epochs"] == 2
    assert pretraining["best_epoch"] in {1, 2}
    assert 0 < pretraining["mrr"] < 1
    again = LinkPrediction("link_prediction", 1).run(config, folder, ONE_PROCESS)
    assert again["seconds"]["pretrain"] == outcome["seconds"]["pretrain"]
    assert again["metrics"] == outcome["metrics"]
    assert again["pretraining"] == pretraining
    assert len(trainings) == 1


def test_nodes_are_dropped_as_often_as_there_are_new_ones() -> None:
    """Of ten training events the last five, as much as validation and test; three ends are new."""
    src = torch.tensor([0, 1, 2, 0, 1, 0, 5, 1, 6, 2, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
    dst = torch.tensor([3, 4, 3, 4, 3, 3, 4, 8, 3, 4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
    stream = TemporalData(src=src, dst=dst, t=torch.arange(20), msg=torch.zeros(20, 0))
    dataset = replace(DATASET, stream=stream, num_nodes=9, split=Split(10, 15, 20))
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
    assert open_rate.model.static_memory.dropout == expected
    assert given.model.static_memory.dropout == 0.4
