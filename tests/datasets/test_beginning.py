"""The beginning of a stream."""

from pathlib import Path

import pytest
import torch

from benchmark.datasets.locations import Locations
from benchmark.datasets.synthetic import load_synthetic
from benchmark.datasets.transforms import beginning


def test_the_first_events_in_the_same_proportions(tmp_path: Path) -> None:
    whole = load_synthetic(Locations(None, tmp_path), "synthetic", 0, 100, 2000, True, 4)
    part = beginning(whole, 500)
    assert part.num_events == 500
    assert torch.equal(part.nodes, torch.arange(part.num_nodes))
    occurring = torch.cat([whole.stream.src[:500], whole.stream.dst[:500]]).unique()
    assert torch.equal(occurring[part.stream.src], whole.stream.src[:500])
    assert torch.equal(part.stream.msg, whole.stream.msg[:500])
    assert part.split.num_events == 500
    assert part.split.train_end == pytest.approx(350, abs=10)
    assert part.split.validation_end == pytest.approx(425, abs=10)


def test_more_events_than_there_are(tmp_path: Path) -> None:
    whole = load_synthetic(Locations(None, tmp_path), "synthetic", 0, 100, 2000, True, 4)
    with pytest.raises(ValueError, match="2000 events, not the 2001"):
        beginning(whole, 2001)
