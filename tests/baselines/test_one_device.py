"""Systems for one device refuse more."""

import pytest

from benchmark.baselines.one_device import demand_one_device
from benchmark.parallelism import Parallelism


def test_one_trainer_on_one_process_is_right() -> None:
    demand_one_device("tgn", Parallelism(), 1)


@pytest.mark.parametrize(("k", "world"), [(2, 1), (1, 2)])
def test_more_of_either_is_refused(k: int, world: int) -> None:
    with pytest.raises(ValueError, match=rf"system tgn .* not 1x1x{k} on {world}; choose"):
        demand_one_device("tgn", Parallelism(1, 1, k), world)
