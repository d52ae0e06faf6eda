"""What the processes of a run know of each other."""

from datetime import timedelta

import pytest
import torch

from benchmark.machine.place import Place
from benchmark.training.processes import Processes, started_processes


def test_one_process_needs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "GROUP_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with started_processes(Place.of_this_process(), torch.device("cpu"), 7) as processes:
        assert processes == Processes(heartbeat_seconds=7)
        assert processes.timeout == timedelta(seconds=21)
        values = torch.arange(6).view(2, 3)
        assert torch.equal(processes.sum(values), values)
        assert torch.equal(processes.broadcast(values, source=0), values)
        assert torch.equal(processes.gather(values), values.unsqueeze(0))
        assert processes.gather_objects("this") == ["this"]
        assert processes.group([0]) is None
        processes.barrier()
    assert not torch.distributed.is_initialized()
