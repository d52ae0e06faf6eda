"""Features and classes of a TGL folder: rows for its events and nodes, or a refusal."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets.dataset import Dataset, LabelKind
from tests.datasets.test_tgl import HEADER, LABELS, ROWS


def test_features(load_tgl: Callable[..., Dataset]) -> None:
    edge_features, node_features = torch.randn(5, 3), torch.randn(7, 2)
    tensors = {"edge_features.pt": edge_features, "node_features.pt": node_features}
    dataset = load_tgl([HEADER, *ROWS], tensors=tensors)
    assert torch.equal(dataset.stream.msg, edge_features)
    assert dataset.node_features is not None
    assert torch.equal(dataset.node_features, node_features)
    assert dataset.num_nodes == 7
    assert sorted(dataset.source.files) == ["edge_features.pt", "edges.csv", "node_features.pt"]
    without = load_tgl([HEADER, *ROWS], edge_features=None, node_features=None)
    assert (without.edge_dim, without.node_features, without.num_nodes) == (0, None, 5)


def test_other_types_become_float(load_tgl: Callable[..., Dataset]) -> None:
    dataset = load_tgl(
        [HEADER, *ROWS], tensors={"edge_features.pt": torch.eye(5, dtype=torch.bool)}
    )
    assert torch.equal(dataset.stream.msg, torch.eye(5))


def test_padding_row_is_left_out(load_tgl: Callable[..., Dataset]) -> None:
    rows = torch.cat([torch.ones(5, 2), torch.zeros(1, 2)])
    dataset = load_tgl([HEADER, *ROWS], tensors={"ec.pt": rows}, edge_features="ec.pt")
    assert torch.equal(dataset.stream.msg, rows[:5])
    with pytest.raises(ValueError, match=r"ec.pt has 6 rows but .* has 5 events"):
        load_tgl([HEADER, *ROWS], tensors={"ec.pt": torch.ones(6, 2)}, edge_features="ec.pt")


def test_edge_classes_come_before_node_labels(load_tgl: Callable[..., Dataset]) -> None:
    classes = torch.tensor([[0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])
    for dtype in (torch.bool, torch.int64, torch.float32):
        tensors = {"class.pt": classes.to(dtype)}
        dataset = load_tgl([HEADER, *ROWS], LABELS, tensors, edge_classes="class.pt")
        assert torch.equal(dataset.stream.y, classes.float())
        assert (dataset.label_kind, dataset.num_classes) == (LabelKind.MULTI_EDGE, 2)
        assert sorted(dataset.source.files) == ["class.pt", "edges.csv"]


def test_bad_edge_classes_are_refused(load_tgl: Callable[..., Dataset]) -> None:
    with pytest.raises(FileNotFoundError, match=r"put it at .*WIKI/class.pt"):
        load_tgl([HEADER, *ROWS], edge_classes="class.pt")
    classes = torch.zeros(5, 3, dtype=torch.int8)
    classes[3, 1] = 2
    with pytest.raises(ValueError, match=r"class.pt, row 3: class 1 is 2: it must be 1 where"):
        load_tgl([HEADER, *ROWS], tensors={"class.pt": classes}, edge_classes="class.pt")
    with pytest.raises(ValueError, match=r"class.pt has 4 rows but .* has 5 events"):
        load_tgl([HEADER, *ROWS], tensors={"class.pt": torch.eye(4)}, edge_classes="class.pt")


def test_features_stay_on_disk(load_tgl: Callable[..., Dataset], tgl_folder: Path) -> None:
    """Changing the file under the loaded data shows that it is mapped, not read."""
    dataset = load_tgl([HEADER, *ROWS], tensors={"edge_features.pt": torch.ones(5, 64)})
    content = (tgl_folder / "edge_features.pt").read_bytes()
    one, two = (np.full(5 * 64, value, np.float32).tobytes() for value in (1, 2))
    with (tgl_folder / "edge_features.pt").open("r+b") as file:
        file.seek(content.index(one))
        file.write(two)
    assert bool((dataset.stream.msg == 2).all())


def test_feature_files_that_do_not_fit(load_tgl: Callable[..., Dataset], tgl_folder: Path) -> None:
    edges = [HEADER, *ROWS]
    with pytest.raises(ValueError, match=r"edge_features.pt has 4 rows but .* has 5 events"):
        load_tgl(edges, tensors={"edge_features.pt": torch.zeros(4, 2)})
    (tgl_folder / "edge_features.pt").unlink()
    with pytest.raises(ValueError, match=r"node_features.pt has 4 rows but .* has node id 4"):
        load_tgl(edges, tensors={"node_features.pt": torch.zeros(4, 2)})
    (tgl_folder / "node_features.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"node_features.pt cannot be read as a tensor"):
        load_tgl(edges)


def test_a_vector_is_one_feature_and_one_class(load_tgl: Callable[..., Dataset]) -> None:
    tensors = {"edge_features.pt": torch.arange(5), "node_features.pt": torch.ones(7).double()}
    dataset = load_tgl([HEADER, *ROWS], tensors=tensors)
    assert dataset.stream.msg.tolist() == [[0], [1], [2], [3], [4]]
    assert dataset.node_features is not None
    assert dataset.node_features.shape == (7, 1)
    classes = {"class.pt": torch.tensor([0, 1, 1, 0, 1])}
    dataset = load_tgl([HEADER, *ROWS], tensors=classes, edge_classes="class.pt")
    assert dataset.stream.y.tolist() == [[0], [1], [1], [0], [1]]


def test_values_that_float32_does_not_have(load_tgl: Callable[..., Dataset]) -> None:
    features = torch.ones(5, 2, dtype=torch.float64)
    features[4, 1] = 1e39
    message = r"edge_features.pt, row 4: feature 2 is 1e\+39, beyond the range of float32"
    with pytest.raises(ValueError, match=message):
        load_tgl([HEADER, *ROWS], tensors={"edge_features.pt": features})
    features[4, 1] = float("nan")
    for dtype in (torch.float64, torch.float32):
        with pytest.raises(ValueError, match=r"edge_features.pt, row 4: feature 2 is nan: replace"):
            load_tgl([HEADER, *ROWS], tensors={"edge_features.pt": features.to(dtype)})


def test_ids_with_gaps_stay_rows_of_node_features(load_tgl: Callable[..., Dataset]) -> None:
    features = {"node_features.pt": torch.rand(901, 2)}
    dataset = load_tgl([HEADER, *ROWS[:4], "4,900,3,8.0,2"], tensors=features)
    assert dataset.num_nodes == 901
    assert dataset.nodes.tolist() == [0, 1, 3, 4, 900]
