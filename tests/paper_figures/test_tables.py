"""Every table of a paper is written from one run, fits a page, and says where numbers are from."""

from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.image
import pandas as pd
import pytest

from paper_figures import (
    dataset_statistics,
    edge_classification,
    link_prediction,
    node_classification,
    sampling_speed,
    strategies,
    tgl_scaling,
)
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun
from tests.paper_figures.test_dataset_statistics import WIKIPEDIA
from tests.paper_figures.test_sampling_speed import TGN

LINKS = {"validation_ap_best": 0.9, "test_ap": 0.9, "test_inductive_ap": 0.8}
EDGES = {f"test_{name}{of}": 0.5 for name in ("f1_micro", "top1") for of in ("", "_majority")}
SAMPLED = {"train": None, "evaluate": None, "total": 9.0, "sample": 1.0}
RUNS: list[tuple[ModuleType, dict[str, Any]]] = [
    (dataset_statistics, {"task": "dataset_statistics", "metrics": WIKIPEDIA}),
    (
        edge_classification,
        {"suite": "edge_classification", "task": "edge_classification", "metrics": EDGES},
    ),
    (link_prediction, {"suite": "variants", "protocol": "tgn", "metrics": LINKS}),
    (node_classification, {"task": "node_classification", "metrics": {"test_node_auc": 0.8}}),
    (
        sampling_speed,
        {
            "task": "sampling_speed",
            "seconds": SAMPLED,
            "metrics": {},
            "config": {"threads": 1, "task": TGN},
        },
    ),
    (strategies, {"suite": "scaling", "seconds_by_part": {"prepare": 1.0}}),
    (tgl_scaling, {"suite": "scaling", "system": "tgl"}),
]


@pytest.mark.parametrize(("module", "run"), RUNS, ids=lambda value: getattr(value, "SHOWS", ""))
def test_files_are_written(
    module: ModuleType, run: dict[str, Any], tmp_path: Path, results: Path, write_run: WriteRun
) -> None:
    write_run(dataset="wikipedia", **run)
    records, problems = load_records(results)
    assert problems == []
    pdf, png, csv = module.draw(module.select(records), tmp_path / "out")
    assert pdf.read_bytes().startswith(b"%PDF")
    height, width, _ = matplotlib.image.imread(png).shape
    assert 3.0 < width / 300 < 7.3
    assert 1.0 < height / 300 < 6.0
    table = pd.read_csv(csv)
    assert set(table["origin"]) == {"measured", "published"}
    assert table["source"].notna().all() and table["label"].notna().all()
    again = module.draw(module.select(records), tmp_path / "again")
    assert [path.read_bytes() for path in again] == [p.read_bytes() for p in (pdf, png, csv)]
