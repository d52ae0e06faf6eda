"""TGB's own files and evaluator; what needs py-tgb is skipped without it."""

import os
import pickle
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch

from benchmark.protocol.evaluator import evaluate_links
from benchmark.protocol.hard_negatives import negatives_file, read_arrays, read_negatives
from benchmark.protocol.negatives import NO_NODE
from benchmark.storage.locations import Locations
from tests.protocol.known_scorers import EdgeBank, Random
from tests.protocol.streams import candidates_of, protocol_with, random_dataset

DATASET = replace(random_dataset(400), name="tgbl-wiki", start_time=1_500_000_000)


@pytest.fixture
def protocol(tmp_path):
    locations = Locations(tmp_path, tmp_path.with_name("cache"))
    return replace(protocol_with(1, negative_sampling="tgb"), locations=locations)


@pytest.fixture
def path(tmp_path):
    """A file as TGB writes them: the true event -> its negatives, here 15 to 19."""
    pytest.importorskip("tgb")
    generator = np.random.default_rng(0)
    batch = DATASET.batch(40, 360)
    times = batch.t + DATASET.start_time  # those of the source
    events = zip(batch.src.tolist(), batch.dst.tolist(), times.tolist(), strict=True)
    destinations = DATASET.destinations.numpy()
    negatives = {
        event: generator.choice(destinations[destinations != event[1]], generator.integers(15, 20))
        for event in events
    }
    path = tmp_path / "tgbl-wiki_val_ns_v2.pkl"
    path.write_bytes(pickle.dumps(negatives))
    return path


def test_rows_hold_the_truth_and_the_negatives_of_the_file(path, protocol):
    candidates = candidates_of(DATASET, protocol, torch.arange(40, 360))
    negatives = pickle.loads(path.read_bytes())
    assert candidates.shape == (320, 20)
    for row, ((_, true, _), others) in zip(candidates.tolist(), negatives.items(), strict=True):
        assert row == [true, *others, *[NO_NODE] * (19 - len(others))]
    drawn = candidates_of(DATASET, protocol, torch.tensor([359, 40]))
    assert torch.equal(drawn, candidates[[319, 0]])


def test_events_are_looked_up_by_the_times_of_the_source(tmp_path, monkeypatch):
    asked = {}

    class Sampler:
        def __init__(self, name):
            asked["name"] = name
            self.eval_set = asked

        def query_batch(self, src, dst, times, split_mode):
            asked["times"] = times
            return [[7]] * len(src)

    package = ModuleType("tgb.linkproppred.negative_sampler")
    package.NegativeEdgeSampler = Sampler
    for name in ("tgb", "tgb.linkproppred"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, package.__name__, package)
    (tmp_path / "file").write_bytes(pickle.dumps({"known": 1}))
    negatives = read_negatives(tmp_path / "file", DATASET, "validation")
    batch = DATASET.batch(40, 360)
    assert negatives.tolist() == [[7]] * 320
    assert torch.equal(asked["times"], batch.t + 1_500_000_000)
    assert (asked["name"], asked["val"]) == ("tgbl-wiki", {"known": 1})


class Harmful:
    """Unpickled by ``pickle.load`` it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_nothing_in_a_file_is_run(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps({(1, 2, 3): Harmful(tmp_path / "made")}))
    with pytest.raises(ValueError, match=f"{path} is no file of negatives .*names posix.mkdir"):
        read_arrays(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_numbers_of_every_pickle_are_read(tmp_path, protocol):
    path = tmp_path / "file"
    key = (np.int64(1), 2, np.float64(3.0))
    path.write_bytes(pickle.dumps({key: np.arange(4)}, protocol))
    (found,) = read_arrays(path).items()
    assert found[0] == key
    assert found[1].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("content", [b"", b"\x80", b"<html>", pickle.dumps([1]), b"\x80\x04K\x05."])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=f"{tmp_path}/file is no file of negatives"):
        read_arrays(tmp_path / "file")


@pytest.mark.parametrize("scorer", [Random, EdgeBank])
def test_mrr_is_that_of_the_official_evaluator(path, protocol, scorer):
    """TGB's loop: one event at a time, the mean of what its evaluator says of each."""
    from tgb.linkproppred.evaluate import Evaluator  # noqa: PLC0415 - an extra

    ours = evaluate_links(scorer(), DATASET, "validation", protocol, 50)
    official, asked = Evaluator("tgbl-wiki"), scorer()
    found = []
    for start in range(40, 360, 50):
        batch = DATASET.batch(start, min(start + 50, 360))
        candidates = candidates_of(DATASET, protocol, batch.ids)
        scores = asked.score(batch, candidates)
        for row, width in zip(scores, (candidates != NO_NODE).sum(1).tolist(), strict=True):
            question = {"y_pred_pos": row[:1], "y_pred_neg": row[None, 1:width]}
            found.append(official.eval(question | {"eval_metric": ["mrr"]}))
        asked.observe(batch)
    assert ours["mrr"] == pytest.approx(np.mean([one["mrr"] for one in found]), abs=1e-7)
    assert ours["hits@10"] == pytest.approx(np.mean([one["hits@10"] for one in found]), abs=1e-7)


def test_a_file_of_other_events_is_refused(path):
    with pytest.raises(ValueError, match=r"does not belong to the test events of 'tgbl-wiki'"):
        read_negatives(path, DATASET, "test")


def test_a_data_set_that_is_not_tgbs_is_refused(protocol):
    pytest.importorskip("tgb")
    with pytest.raises(ValueError, match="no negatives for data set 'wikipedia'; set protocol"):
        negatives_file("wikipedia", "test", protocol.locations)


def test_without_the_package_the_remedy_is_named(protocol, monkeypatch):
    monkeypatch.setitem(sys.modules, "tgb.utils.info", None)
    with pytest.raises(ValueError, match=r"needs py-tgb: pip install"):
        protocol.negatives(DATASET)


def test_without_a_place_to_look_it_is_refused():
    pytest.importorskip("tgb")
    protocol = protocol_with(1, negative_sampling="tgb")
    with pytest.raises(ValueError, match=r"need LinkProtocol\.locations"):
        candidates_of(DATASET, protocol, torch.tensor([40]))
