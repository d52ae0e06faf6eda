"""What a process is among all, and on its machine."""

from pathlib import Path

import pytest

from benchmark.machine import place
from benchmark.machine.place import Place, machine_identity


def test_a_process_alone() -> None:
    alone = Place.of_this_process({})
    assert (alone.local_rank, alone.local_size, alone.machine, alone.machines) == (0, 1, 0, 1)


def test_the_launcher_tells() -> None:
    told = Place.of_this_process({"RANK": "5", "WORLD_SIZE": "6", "GROUP_WORLD_SIZE": "3"})
    assert (told.local_rank, told.local_size, told.machine, told.machines) == (1, 2, 2, 3)
    with pytest.raises(ValueError, match="5 processes do not spread evenly over 2 machines"):
        Place(0, 5, 2)


def test_a_machine_is_a_kernel_and_a_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = machine_identity()
    assert here == machine_identity()
    boot, network = tmp_path / "boot", tmp_path / "network"
    monkeypatch.setattr(place, "BOOT", boot)
    assert machine_identity().isdigit()  # where the system does not say
    boot.write_text("another start\n")
    network.touch()
    monkeypatch.setattr(place, "NETWORK", network)
    assert machine_identity() == f"another start {network.stat().st_ino}"
