"""Links of several kinds between namespaces: what is measured of them, what their interface sends.

``pytest -m slow tests/runner/workers/test_links.py`` (Linux, root, ``iproute2``).
"""

import json
from pathlib import Path

import pytest

from benchmark.records.run_folder import RunFolder
from tests.runner.workers.shaped_links import measure

SMALL = [
    "dataset=synthetic", "random_edge_features=null", "max_events=null", "dataset.num_events=2000",
    "batch_size=100", "wandb.mode=disabled",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("link", ["20mbit", "40ms"])
def test_a_link_is_measured_and_its_interface_sends_what_is_counted(
    tmp_path: Path, link: str
) -> None:
    measure(tmp_path, link, SMALL)
    runs = sorted((tmp_path / "machines").iterdir())
    assert len(runs) == 4
    for run in runs:
        environment = json.loads((run / "environment.json").read_text())
        assert len(environment["machines"]) == 2
        if link == "20mbit":  # tbf's bucket lets a little pass at once
            assert 15 < environment["link"]["megabits_per_second"] < 24
        else:
            assert 40 <= environment["link"]["message_ms"] < 60
        result = RunFolder(run).result()
        assert result is not None
        sent = dict(result["bytes_sent"])
        interface = sent.pop("interface")
        assert sum(sent.values()) < interface < 1.15 * sum(sent.values())
