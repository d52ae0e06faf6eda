"""Which of the machines this one is and where it meets the others, however it was started."""

import os
import re
import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

import psutil

from benchmark.errors import UserError
from benchmark.experiment import Machines

SLURM_PORTS = range(20000, 40000)  # one for every job: two of them may share a node


class Meeting(NamedTuple):
    """Machine ``here`` of ``number``; machine 0 waits for the others at ``host``:``port``."""

    number: int
    here: int
    host: str
    port: int
    address: str  # of this machine, as the others reach it

    @property
    def interface(self) -> str | None:
        """The network interface that has the address, None where the system does not say."""
        for name, addresses in psutil.net_if_addrs().items():
            if any(each.address == self.address for each in addresses):
                return str(name)
        return None


class Given(NamedTuple):
    """What a launcher says of its machines."""

    number: int
    here: int
    meet_at: str
    processes: int  # that it has started on this one


def find_meeting(machines: Machines, environment: Mapping[str, str] = os.environ) -> Meeting | None:
    """Where the machines meet, or None where there is only this one.

    Raises:
        UserError: If something is missing or contradicts itself; says what to write.
    """
    names = [machines.launcher] if machines.launcher != "auto" else list(GIVEN)
    given = next(filter(None, (GIVEN[name](environment) for name in names)), None)
    if given is None:
        if machines.launcher not in ("auto", "local"):
            raise UserError(
                f"machines.launcher={machines.launcher}, and {machines.launcher} has not started "
                "this command; start it so, or give machines.here and machines.meet_at."
            )
        return _by_hand(machines)
    if given.processes > 1:
        raise UserError(
            f"The command was started {given.processes} times on this machine: start it once a "
            "machine (--nproc-per-node=1, --ntasks-per-node=1) and set processes=NUMBER, in all."
        )
    if machines.number not in (1, given.number):
        raise UserError(
            f"machines.number={machines.number}, and the command was started on {given.number} "
            "machines; leave machines.number out."
        )
    chosen = machines.meet_at or given.meet_at
    return _meeting(given.number, given.here, chosen, machines) if given.number > 1 else None


def _by_hand(machines: Machines) -> Meeting | None:
    if machines.number == 1:
        return None
    if machines.here is None or machines.meet_at is None:
        raise UserError(
            f"machines.number={machines.number} needs machines.here=0 to "
            f"{machines.number - 1} and machines.meet_at=HOST:PORT of machine 0, the same command "
            "on every machine; or start it with srun or torchrun."
        )
    if not 0 <= machines.here < machines.number:
        raise UserError(
            f"machines.here must be from 0 to {machines.number - 1}, not {machines.here}."
        )
    return _meeting(machines.number, machines.here, machines.meet_at, machines)


def _meeting(number: int, here: int, meet_at: str, machines: Machines) -> Meeting:
    host, _, port = meet_at.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise UserError(f"machines.meet_at must be HOST:PORT, not {meet_at!r}.")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as towards_head:
            towards_head.connect(found[4])  # sends nothing
            address = machines.address or towards_head.getsockname()[0]
    except OSError as error:
        raise UserError(
            f"machines.meet_at={meet_at} cannot be reached from machine {here} "
            f"({error.strerror}); give an address of machine 0 that it can reach."
        ) from error
    return Meeting(number, here, str(found[4][0]), int(port), address)


def _from_slurm(environment: Mapping[str, str]) -> Given | None:
    """What srun sets for every task; the batch script itself is no task."""
    if "SLURM_STEP_NUM_NODES" not in environment or "SLURM_NODEID" not in environment:
        return None
    number = int(environment["SLURM_STEP_NUM_NODES"])
    per_node = int(environment["SLURM_STEP_NUM_TASKS"]) // number
    port = SLURM_PORTS[int(environment["SLURM_JOB_ID"]) % len(SLURM_PORTS)]
    head = first_host(environment["SLURM_STEP_NODELIST"])
    return Given(number, int(environment["SLURM_NODEID"]), f"{head}:{port}", per_node)


def _from_torchrun(environment: Mapping[str, str]) -> Given | None:
    """What torch's elastic launcher sets; the port after the one that it uses itself is taken."""
    if "TORCHELASTIC_RUN_ID" not in environment:
        return None
    number, here, processes = (
        int(environment[name]) for name in ("GROUP_WORLD_SIZE", "GROUP_RANK", "LOCAL_WORLD_SIZE")
    )
    port = int(environment["MASTER_PORT"]) + 1
    return Given(number, here, f"{environment['MASTER_ADDR']}:{port}", processes)


GIVEN: dict[str, Callable[[Mapping[str, str]], Given | None]] = {
    "slurm": _from_slurm,
    "torchrun": _from_torchrun,
    "local": lambda environment: None,
}


def first_host(hosts: str) -> str:
    """The first of SLURM's list of hosts: ``gpu[07-09,12],cpu1`` begins with gpu07."""
    first = re.split(r",(?![^\[]*\])", hosts)[0]
    return re.sub(r"\[(\d+)[^\]]*\]", r"\1", first)


def network_environment(meeting: Meeting) -> dict[str, str]:
    """The interface that gloo and NCCL use, unless the user has named one."""
    if meeting.interface is None:
        return {}
    names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
    return {name: meeting.interface for name in names if name not in os.environ}
