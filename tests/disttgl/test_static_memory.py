"""The table of static memory in its cache: made once, whole or not at all, under its name."""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmark.datasets.dataset import Dataset, Split
from benchmark.disttgl.pretraining import Pretrained, identity_of, pretrained_rows
from benchmark.disttgl.table_trainer import Pretraining
from benchmark.protocol.negatives import NegativePool
from benchmark.training.processes import Processes
from benchmark.training.system import ReportProgress
from tests.disttgl.pretrained import MODEL, InterruptionError
from tests.disttgl.pretrained import SETTINGS as PRETRAINING
from tests.disttgl.small import PROTOCOL
from tests.models.streams import random_dataset

SETTINGS = replace(PRETRAINING, epochs=1, patience=1)
DATASET = random_dataset(num_events=120, split=Split(90, 100, 120))
ONE_PROCESS = Processes()


def rows_from(
    cache: Path | None,
    dataset: Dataset = DATASET,
    settings: Pretraining = SETTINGS,
    report: ReportProgress = lambda *report: None,
) -> Pretrained:
    nothing = torch.device("cpu")
    return pretrained_rows(dataset, MODEL, settings, nothing, cache, report)


def test_the_second_run_takes_the_table_from_the_cache(
    tmp_path: Path, trainings: list[int]
) -> None:
    first, second = rows_from(tmp_path), rows_from(tmp_path)
    assert len(trainings) == 1
    assert torch.equal(first.rows, second.rows)
    assert torch.equal(first.losses, second.losses)
    assert first.seconds == second.seconds > 0
    assert torch.equal(first.rows, rows_from(None).rows)


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
    stream = copy.deepcopy(DATASET.stream)
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
    stream = copy.deepcopy(DATASET.stream)
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
