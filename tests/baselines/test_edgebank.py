"""EdgeBank against a hand-computed stream, a plain loop and its two limits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.baselines.edgebank import EdgeBankSystem
from benchmark.datasets.dataset import Dataset, Split
from benchmark.graph.past import Visibility
from benchmark.parallelism import Parallelism
from benchmark.protocol.evaluator import evaluate_links
from benchmark.records.run_folder import RunFolder
from benchmark.tasks.build import build_dataset, build_system
from benchmark.training.processes import Processes
from benchmark.training.system import Job
from tests.baselines.toy import PROTOCOL, TRAINING, toy_dataset, toy_stream
from tests.experiments import experiment_of
from tests.protocol.streams import dataset_of, protocol_with
from tests.real_data import real_data


def edgebank(dataset: Dataset, window: float = 1.0, trained: bool = True) -> EdgeBankSystem:
    system = EdgeBankSystem(Job(dataset, PROTOCOL, None, TRAINING, Processes()), window=window)
    if trained:
        list(system.train_round())
    return system


def hand_dataset() -> Dataset:
    """Pairs at times 0 to 5: 0-2, 0-3, 1-2, 0-2 in training, then 1-3, 0-3."""
    src = torch.tensor([0, 0, 1, 0, 1, 0])
    dst = torch.tensor([2, 3, 2, 2, 3, 3])
    return dataset_of(src, dst, 4, Split(4, 6, 6), bipartite=True)


BOTH = torch.tensor([[2, 3], [2, 3]])


def test_by_hand() -> None:
    """Trained on times 0 to 3: the later half of them, from 1.5 on, holds 1-2 and 0-2."""
    queries = hand_dataset().batch(4, 6)  # from sources 1 and 0
    unlimited = edgebank(hand_dataset())
    assert unlimited.score(queries, BOTH).tolist() == [[1, 0], [1, 1]]
    half = edgebank(hand_dataset(), window=0.5)
    assert half.score(queries, BOTH).tolist() == [[1, 0], [1, 0]]
    half.observe(queries)  # times 0 to 5: from 2.5 on, 0-2, 1-3 and 0-3
    assert half.score(queries, BOTH).tolist() == [[0, 1], [1, 1]]


def test_nothing_is_known_before_the_first_event() -> None:
    dataset = hand_dataset()
    assert not edgebank(dataset, trained=False).score(dataset.batch(4, 6), BOTH).any()


@given(
    src=st.lists(st.integers(0, 2), min_size=8, max_size=30),
    first=st.sampled_from([0, 1_082_040_961]),  # unix seconds beyond what float32 tells apart
    window=st.sampled_from([0.05, 0.15, 0.5, 0.9, 1.0]),
    data=st.data(),
)
@settings(deadline=None, max_examples=60)
def test_against_a_loop_over_all_history(
    src: list[int], first: int, window: float, data: st.DataObject
) -> None:
    """The loop is DyGLib's definition: pairs no older than a quantile of all earlier times."""
    length = len(src)
    dst = data.draw(st.lists(st.integers(3, 5), min_size=length, max_size=length))
    steps = data.draw(st.lists(st.integers(0, 3), min_size=length, max_size=length))
    dataset = dataset_of(torch.tensor(src), torch.tensor(dst), 6, Split(4, length, length), True)
    t = dataset.stream.t = first + torch.tensor(steps).cumsum(0)
    system = edgebank(dataset, window)
    candidates = torch.tensor([3, 4, 5])
    for start in range(4, length, 3):
        batch = dataset.batch(start, min(start + 3, length))
        times = t[:start].numpy()
        oldest = np.quantile(times, 1 - window)
        known = {(src[e], dst[e]) for e in range(start) if times[e] >= oldest}
        expected = [[float((s, d) in known) for d in (3, 4, 5)] for s in batch.src.tolist()]
        assert system.score(batch, candidates.expand(len(batch), -1)).tolist() == expected
        system.observe(batch)


def test_the_known_answer_of_the_evaluator() -> None:
    """The stream of ``tests/protocol/test_evaluator.py``, one event a batch: 6 ties and 2 lost."""
    src = torch.tensor([0, 0, 1, 0, 1, 0, 1, 0])
    dst = torch.tensor([2, 3, 3, 2, 2, 2, 3, 3])
    dataset = dataset_of(src, dst, 4, Split(0, 8, 8), bipartite=True)
    metrics = evaluate_links(
        edgebank(dataset, trained=False), dataset, "validation", protocol_with(1), 1
    )
    assert metrics["mrr"] == pytest.approx((6 / 1.5 + 2 / 2) / 8)


def test_a_second_round_starts_from_nothing_and_a_state_goes_on() -> None:
    dataset = toy_dataset(toy_stream())
    system = edgebank(dataset)
    first = evaluate_links(system, dataset, "validation", PROTOCOL, 30)
    state = system.state_dict()
    test = evaluate_links(system, dataset, "test", PROTOCOL, 30)
    again = edgebank(dataset, trained=False)
    again.load_state_dict(state)
    assert evaluate_links(again, dataset, "test", PROTOCOL, 30) == test
    (step,) = system.train_round()
    assert step.num_events == dataset.split.train_end
    assert evaluate_links(system, dataset, "validation", PROTOCOL, 30) == first


@pytest.mark.parametrize("window", [0.0, 1.5])
def test_a_window_that_is_no_share_is_refused(window: float) -> None:
    with pytest.raises(ValueError, match=f"window is {window}; it must be above 0 and at most 1"):
        edgebank(hand_dataset(), window)


def test_parallelism_is_refused() -> None:
    training = replace(TRAINING, parallelism=Parallelism(1, 2, 1))
    with pytest.raises(ValueError, match="needs parallelism 1x1x1, not 1x2x1"):
        EdgeBankSystem(Job(hand_dataset(), PROTOCOL, None, training, Processes()), window=1)


@pytest.mark.parametrize(("system", "window"), [("edgebank", 1.0), ("edgebank_window", 0.15)])
def test_it_is_built_from_yaml_without_a_model(system: str, window: float) -> None:
    experiment = experiment_of(f"system={system}", "max_events=500")
    dataset = build_dataset(experiment)
    built = build_system(experiment, dataset, PROTOCOL, Processes())
    assert isinstance(built, EdgeBankSystem)
    assert (built.window, built.visibility) == (window, Visibility.BATCH)


def test_a_run_records_accuracy_and_no_throughput(tmp_path: Path) -> None:
    words = ["system=edgebank", "protocol=tgn", "max_events=500", f"cache_dir={tmp_path}"]
    experiment = experiment_of(*words)
    folder = RunFolder(tmp_path / "run")
    folder.prepare(experiment.config())
    task = instantiate(experiment.task, _convert_="all")
    outcome = task.run(experiment, folder, Processes())
    assert outcome["throughput_events_per_second"] is None
    assert outcome["metrics"]["test_ap"] > 0.5
    assert outcome["metrics"]["test_inductive_num_events"] > 0
    (line,) = folder.metrics()
    assert line["epoch"] == 1


@pytest.mark.parametrize(("dataset", "published"), [("wikipedia", 0.9037), ("uci", 0.7620)])
def test_published_average_precision(dataset: str, published: float) -> None:
    """DyGLib (NeurIPS'23), table 1, within 1 point; the better form is the unlimited one."""
    words = [f"dataset={dataset}", "system=edgebank", "protocol=tgn"]
    words.append(f"datasets_root={real_data(dataset)}")
    experiment = experiment_of(*words)
    stream = build_dataset(experiment)
    found = {}
    for window in (1.0, 0.15):
        system = edgebank(stream, window)
        system.observe(stream.batch(stream.split.train_end, stream.split.validation_end))
        protocol = protocol_with(1)
        found[window] = evaluate_links(system, stream, "test", protocol, 200)["ap"]
    assert found[1.0] > found[0.15]
    assert found[1.0] == pytest.approx(published, abs=0.01)
