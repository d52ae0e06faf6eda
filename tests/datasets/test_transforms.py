"""The beginning of a stream, and other edge features."""

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets.dataset import UNLABELLED, Dataset, LabelKind
from benchmark.datasets.jodie import JODIE, DyGLib
from benchmark.datasets.loader import Loader
from benchmark.datasets.plain_text import SNAP
from benchmark.datasets.synthetic import Synthetic
from benchmark.datasets.table import Table
from benchmark.datasets.transforms import (
    beginning,
    with_class_features,
    with_random_edge_features,
)
from benchmark.storage.locations import Locations


def assert_equal(ours: Dataset, theirs: Dataset) -> None:
    """Every field but where the events came from."""
    for field in fields(Dataset):
        one, other = (getattr(dataset, field.name) for dataset in (ours, theirs))
        if field.name == "stream":
            assert (one.y is None) == (other.y is None)
            for column in fields(one):
                if (values := getattr(one, column.name)) is not None:
                    theirs_too = getattr(other, column.name)
                    assert values.dtype == theirs_too.dtype
                    assert torch.equal(values, theirs_too), column.name
        elif isinstance(one, torch.Tensor):
            assert torch.equal(one, other), field.name
        elif field.name == "source":
            assert one.time_unit == other.time_unit
        elif field.name == "node_names":
            assert one.names.tolist() == other.names.tolist()
            assert one.first_destination == other.first_destination
        else:
            assert one == other, field.name


def cut_file(path: Path, target: Path, num_events: int, header: bool = True) -> None:
    """The first ``num_events`` lines, after the header, as a file of their own."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with path.open() as file:
        target.write_text("".join(islice(file, num_events + header)))


@pytest.fixture(scope="module")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of what is made of the real files."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    ("file", "loader", "header"),
    [
        ("wikipedia/wikipedia.csv", JODIE("wikipedia"), True),
        ("mooc/mooc.csv", JODIE("mooc"), True),
        ("mooc/mooc.csv", JODIE("mooc", validation_fraction=0.2, test_fraction=0.1), True),
        ("uci/CollegeMsg.txt", SNAP("uci", "uci", ["CollegeMsg.txt"]), False),
    ],
)
@pytest.mark.parametrize("num_events", [57, 4000])
def test_real_beginnings_are_files_of_the_first_lines(
    real_locations: Callable[[str], Locations],
    tmp_path: Path,
    read_once: Path,
    file: str,
    loader: Loader,
    header: bool,
    num_events: int,
) -> None:
    places = replace(real_locations(file), cache=read_once)
    assert places.root is not None
    cut_file(places.root / file, tmp_path / "root" / file, num_events, header)
    ours = beginning(loader.load(places), num_events)
    assert_equal(ours, loader.load(Locations(tmp_path / "root", tmp_path / "other")))
    assert len(ours.nodes) == ours.num_nodes


TABLE_OPTIONS = {"features": ["x", "colour"], "labels": ["state"], "label_kind": "node"}
WORDS = ["red", "blue", "green", "amber"]


def table_lines(size: int) -> list[str]:
    """Words, dates, classes and nodes that come late: after row 30 all is different."""
    late = ["" if i < 30 else ".5" for i in range(size)]
    return ["source,destination,time,x,colour,state"] + [
        f"{(i * 7) % (5 + i)},d{(i * 3) % (4 + i // 2)},2024-01-01T00:{i:02d}:00{late[i]},{i / 4},"
        f"{WORDS[i % (2 + i // 20)]},{(i % 5 if i >= 30 else i % 2 + 1) if i % 3 else ''}"
        for i in range(size)
    ]


@pytest.mark.parametrize("num_events", [12, 30, 31, 60])
@pytest.mark.parametrize("options", [{}, {"bipartite": True}])
def test_words_classes_and_units_are_those_of_the_beginning(
    locations: Locations, tmp_path: Path, num_events: int, options: dict[str, bool]
) -> None:
    lines = table_lines(60)
    datasets = []
    for name, size in (("whole.csv", 60), ("cut.csv", num_events)):
        (tmp_path / name).write_text("\n".join(lines[: size + 1]))
        table = Table("mine", str(tmp_path / name), **TABLE_OPTIONS, **options)  # type: ignore[arg-type]
        datasets.append(table.load(locations))
    whole, part = datasets
    assert_equal(beginning(whole, num_events), part)
    if num_events <= 30:
        assert (whole.source.time_unit, part.source.time_unit) == ("ms", "s")
        assert (whole.edge_dim, part.edge_dim) == (5, 3 if num_events == 12 else 4)
        assert (whole.class_names, part.class_names) == (("0", "1", "2", "3", "4"), ("1", "2"))


def test_features_and_labels_that_only_come_later_are_none(locations: Locations) -> None:
    assert locations.root is not None
    rows = [f"{i},{i % 5 + 1},{i % 4 + 6},{i},{int(i == 50)},{i + 1}" for i in range(60)]
    (locations.root / "ml_tiny.csv").write_text("\n".join([",u,i,ts,label,idx", *rows]))
    edge_rows = np.zeros((61, 2))
    edge_rows[40] = 1
    np.save(locations.root / "ml_tiny.npy", edge_rows)
    np.save(locations.root / "ml_tiny_node.npy", np.arange(33.0).reshape(11, 3))
    whole = DyGLib("tiny").load(locations)
    assert (whole.edge_dim, whole.label_kind, whole.num_nodes) == (2, LabelKind.NODE, 10)
    part = beginning(whole, 30)
    assert (part.edge_dim, part.label_kind, part.num_classes) == (0, LabelKind.NONE, 0)
    assert part.num_nodes == 9
    assert part.node_features is not None and whole.node_features is not None
    assert part.node_features.tolist() == whole.node_features[[*range(9)]].tolist()


@pytest.fixture
def synthetic(tmp_path: Path) -> Dataset:
    return Synthetic("synthetic", 0, 100, 2000, True, 4).load(Locations(None, tmp_path))


def test_more_events_than_there_are(synthetic: Dataset) -> None:
    with pytest.raises(ValueError, match="2000 events, not the 2001"):
        beginning(synthetic, 2001)


@pytest.fixture
def labelled(synthetic: Dataset) -> Dataset:
    """Events of three classes."""
    synthetic.stream.y = torch.arange(2000) % 3
    return replace(synthetic, label_kind=LabelKind.EDGE, num_classes=3)


def test_events_of_one_class_share_a_code_and_others_differ(labelled: Dataset) -> None:
    labelled.stream.y[7] = UNLABELLED
    coded = with_class_features(labelled, 4)
    assert coded.edge_dim == 4 + 4
    assert torch.equal(coded.stream.msg[:, :4], labelled.stream.msg)
    codes = coded.stream.msg[:, 4:]
    assert torch.equal(codes[0], codes[3])
    assert not torch.equal(codes[0], codes[1])
    assert codes[7].tolist() == [0, 0, 0, 0]
    assert len(codes.unique(dim=0)) == 4
    assert labelled.edge_dim == 4
    assert torch.equal(with_class_features(labelled, 4).stream.msg, coded.stream.msg)


def test_a_stream_without_one_class_per_event_is_refused(labelled: Dataset) -> None:
    nodes = replace(labelled, label_kind=LabelKind.NODE)
    with pytest.raises(ValueError, match="class_features=4: synthetic has labels of kind node"):
        with_class_features(nodes, 4)
    with pytest.raises(ValueError, match="class_features=0"):
        with_class_features(labelled, 0)


def test_random_features_take_the_place_of_others_and_the_rest_stays(synthetic: Dataset) -> None:
    random = with_random_edge_features(synthetic, 7)
    assert (synthetic.edge_dim, random.edge_dim) == (4, 7)
    assert random.stream.msg.dtype == torch.float32
    assert abs(random.stream.msg.mean()) < 0.05
    assert abs(random.stream.msg.std() - 1) < 0.05
    assert torch.equal(random.stream.src, synthetic.stream.src)
    assert torch.equal(random.stream.y, synthetic.stream.y)
    assert (synthetic.source.random_edge_features, random.source.random_edge_features) == (0, 7)
    assert torch.equal(with_random_edge_features(synthetic, 7).stream.msg, random.stream.msg)
