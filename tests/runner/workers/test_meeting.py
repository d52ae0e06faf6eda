"""However the command is started, it knows which machine it is on, or says what is missing."""

import pytest

from benchmark.errors import UserError
from benchmark.experiment import Machines
from benchmark.runner.workers.meeting import find_meeting, first_host

SLURM = {
    "SLURM_JOB_ID": "20007",
    "SLURM_STEP_NUM_NODES": "4",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "127.0.0.[1-4]",
    "SLURM_NODEID": "2",
}
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "x",
    "GROUP_WORLD_SIZE": "2",
    "GROUP_RANK": "1",
    "LOCAL_WORLD_SIZE": "1",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}


def refusal(machines: Machines, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(UserError) as refused:
        find_meeting(machines, environment or {})
    return str(refused.value)


def test_one_machine_meets_nobody() -> None:
    assert find_meeting(Machines(), {}) is None
    alone = {**TORCHRUN, "GROUP_WORLD_SIZE": "1", "GROUP_RANK": "0"}
    assert find_meeting(Machines(), alone) is None
    batch_script = {"SLURM_JOB_ID": "1", "SLURM_NNODES": "4", "SLURM_NODEID": "0"}
    assert find_meeting(Machines(), batch_script) is None


def test_by_hand() -> None:
    found = find_meeting(Machines(3, 2, "127.0.0.1:4100"), {})
    assert found == (3, 2, "127.0.0.1", 4100, "127.0.0.1")
    assert found.interface == "lo"
    named = find_meeting(Machines(3, 2, "127.0.0.1:4100", address="127.0.0.9"), {})
    assert named is not None
    assert (named.address, named.interface) == ("127.0.0.9", None)


def test_slurm_and_torchrun_say_it_all() -> None:
    assert find_meeting(Machines(), SLURM) == (4, 2, "127.0.0.1", 20007, "127.0.0.1")
    assert find_meeting(Machines(), TORCHRUN) == (2, 1, "127.0.0.1", 29501, "127.0.0.1")
    assert find_meeting(Machines(launcher="local"), SLURM) is None
    by_name = find_meeting(Machines(launcher="torchrun"), SLURM | TORCHRUN)
    assert by_name is not None
    assert by_name.number == 2


def test_a_process_a_gpu_is_told_to_start_once() -> None:
    text = (
        "The command was started 8 times on this machine: start it once a machine "
        "(--nproc-per-node=1, --ntasks-per-node=1) and set processes=NUMBER, in all."
    )
    assert refusal(Machines(), {**TORCHRUN, "LOCAL_WORLD_SIZE": "8"}) == text
    alone = {"GROUP_WORLD_SIZE": "1", "GROUP_RANK": "0", "LOCAL_WORLD_SIZE": "8"}
    assert refusal(Machines(), TORCHRUN | alone) == text
    assert refusal(Machines(), {**SLURM, "SLURM_STEP_NUM_TASKS": "32"}) == text


def test_what_is_missing_or_contradicts_is_named() -> None:
    assert refusal(Machines(2, meet_at="127.0.0.1:1")) == (
        "machines.number=2 needs machines.here=0 to 1 and machines.meet_at=HOST:PORT of machine 0, "
        "the same command on every machine; or start it with srun or torchrun."
    )
    assert refusal(Machines(2, 2, "h:1")) == "machines.here must be from 0 to 1, not 2."
    for wrong in ("host", "host:", ":1", "host:x", "host:0", "host:70000"):
        expected = f"machines.meet_at must be HOST:PORT, not {wrong!r}."
        assert refusal(Machines(2, 0, wrong)) == expected
    assert refusal(Machines(3), SLURM) == (
        "machines.number=3, and the command was started on 4 machines; leave machines.number out."
    )
    assert refusal(Machines(launcher="slurm"), TORCHRUN).startswith(
        "machines.launcher=slurm, and slurm has not started this command;"
    )
    assert refusal(Machines(2, 1, "no-such-host.invalid:4100")).startswith(
        "machines.meet_at=no-such-host.invalid:4100 cannot be reached from machine 1 ("
    )


@pytest.mark.parametrize(
    ("hosts", "first"),
    [("n1", "n1"), ("gpu[07-09,12],cpu1", "gpu07"), ("b,a", "b"), ("r[1-2]n[03,4]", "r1n03")],
)
def test_the_first_host_of_a_list(hosts: str, first: str) -> None:
    assert first_host(hosts) == first
