"""One node memory in host memory, which all processes of a machine read and write themselves."""

import mmap
import os

import torch
from torch import Tensor

from benchmark.machine.device import to_device, to_host
from benchmark.machine.place import machine_identity
from benchmark.models.node_state import NodeState
from benchmark.training.processes import Processes
from benchmark.training.row_layout import WORD, RowLayout


class HostMemory:
    """The node memory and mails of TGL (section 3.2), shared without any server.

    ``empty`` is the state of all nodes at the start and says on which device rows are wanted.
    Nothing here keeps a read and a write apart: between them the processes have to meet. The shared
    file has no name that could be left behind, and is gone with the last process that maps it.

    Raises:
        ValueError: If the system is not Linux or the processes are on several machines.
    """

    def __init__(self, empty: NodeState, processes: Processes) -> None:
        if not hasattr(os, "memfd_create"):
            raise ValueError("system=tgl shares memory as Linux does; choose system=disttgl.")
        self.device = empty.memory.device
        self.processes = processes
        layout = RowLayout(empty)
        shape = (empty.memory.shape[0], layout.num_words)
        content = _shared_by(processes, shape[0] * shape[1] * WORD.itemsize)
        self.state = layout.fields(torch.frombuffer(content, dtype=WORD).view(shape))
        self.reset()

    def read(self, nodes: Tensor) -> NodeState:
        """The rows of ``nodes``, which the host has."""
        return to_device(self.state.rows(nodes), self.device)

    def write(self, nodes: Tensor, rows: NodeState) -> None:
        """Overwrite the rows of the distinct ``nodes``, which the host has."""
        self.state.write(nodes, to_host(rows)())

    def reset(self) -> None:
        """Forget everything; a collective call."""
        self.processes.barrier()
        if self.processes.rank == 0:
            self.state.reset()
        self.processes.barrier()

    def snapshot(self) -> NodeState:
        """A copy of all rows on the host, which later writes do not change."""
        return self.state.map(lambda field: field.clone(memory_format=torch.contiguous_format))


def _shared_by(processes: Processes, size: int) -> mmap.mmap:
    """``size`` bytes that all processes map; a collective call."""
    owned = os.memfd_create("node-memory") if processes.rank == 0 else None
    if owned is not None:
        os.ftruncate(owned, size)
    offers = processes.gather_objects((machine_identity(), os.getpid(), owned))
    machines = {machine for machine, _, _ in offers}
    if len(machines) > 1:
        raise ValueError(
            "system=tgl keeps one node memory in the memory of one machine, and its processes are "
            f"on {len(machines)}; choose system=disttgl to train on several."
        )
    _, owner, descriptor = offers[0]
    with open(f"/proc/{owner}/fd/{descriptor}", "r+b", buffering=0) as file:
        content = mmap.mmap(file.fileno(), size)
    processes.barrier()  # all have it open
    if owned is not None:
        os.close(owned)
    return content
