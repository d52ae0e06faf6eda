"""Node memory behind the memory daemon: what is read, in which order it is served, what is left."""

import os
import socket
import threading
from collections.abc import Iterator

import pytest
import torch

from benchmark.disttgl.memory import daemon
from benchmark.disttgl.memory.backend import Turn
from benchmark.disttgl.memory.daemon import DaemonMemory
from benchmark.disttgl.memory.server import MemoryServer
from benchmark.disttgl.memory.server_link import Address
from benchmark.disttgl.memory.service import Setup, SharedBuffers
from benchmark.disttgl.schedule import Service, services
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.training.processes import Processes
from tests.disttgl.daemons import NUM_NODES, daemon_memory, on_ranks, schedule_of
from tests.disttgl.small import small_system

TURN = Turn(0, 0)


def rows_with(value: int, count: int) -> NodeState:
    """Rows filled with ``value``."""
    state = NodeState.empty(count, 2, 4)
    for field in state:
        field.fill_(value)
    return state


def same_rows(one: NodeState, other: NodeState) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def memory() -> Iterator[DaemonMemory]:
    """For one trainer, at the start of training."""
    memory = daemon_memory("1x1x1")
    memory.start(schedule_of("1x1x1"), 0)
    yield memory
    memory.close()


class TestOneTrainer:
    def test_a_read_requested_ahead_sees_all_earlier_writes(self, memory: DaemonMemory) -> None:
        memory.reset(0)
        expected = NodeState.empty(NUM_NODES, 2, 4)
        generator = torch.Generator().manual_seed(0)
        for value in range(4):
            wanted, written = (
                torch.randperm(NUM_NODES, generator=generator)[:count] for count in (5, 4)
            )
            memory.request(TURN, [wanted])
            memory.write(TURN, written, rows_with(value, 4))
            expected.write(written, rows_with(value, 4))
            memory.publish([TURN])
            memory.commit()
            memory.exchange()
            (read,) = memory.receive(TURN)
            assert same_rows(read, expected.rows(wanted))
        assert same_rows(memory.release(0), expected)

    def test_a_copy_that_starts_over_is_empty(self, memory: DaemonMemory) -> None:
        schedule = schedule_of("1x1x1")
        memory.reset(0)
        memory.write(TURN, torch.tensor([3]), rows_with(1, 1))
        assert memory.release(0).mail_event[3] == 1
        memory.start(schedule, schedule.iterations_per_round)
        memory.reset(0)
        assert (memory.release(0).mail_event == NO_EVENT).all()
        assert not memory.release(0).mail.any()

    def test_goes_on_from_a_restored_state(self, memory: DaemonMemory) -> None:
        state = rows_with(5, NUM_NODES)
        memory.request(TURN, [torch.arange(2)])
        memory.restore(0, state)
        memory.start(schedule_of("1x1x1"), 3)  # forgets the request
        memory.request(TURN, [torch.tensor([7, 1])])
        assert same_rows(memory.receive(TURN)[0], state.rows(torch.tensor([7, 1])))
        assert same_rows(memory.local_state()[0], state)

    def test_a_read_of_several_negative_sets(self) -> None:
        memory = daemon_memory("1x3x1")
        memory.start(schedule_of("1x3x1"), 1)
        state = rows_with(0, NUM_NODES)
        for node in range(NUM_NODES):
            state.write(torch.tensor([node]), rows_with(node, 1))
        memory.restore(0, state)
        turn = Turn(1, 0)
        sets = [torch.tensor([4, 2]), torch.tensor([], dtype=torch.int64), torch.arange(NUM_NODES)]
        memory.request(turn, sets)
        for nodes, read in zip(sets, memory.receive(turn), strict=True):
            assert same_rows(read, state.rows(nodes))
        memory.close()

    def test_nodes_that_do_not_exist_end_the_server(self, memory: DaemonMemory) -> None:
        memory.reset(0)
        memory.write(TURN, torch.tensor([-1]), rows_with(1, 1))
        with pytest.raises(RuntimeError, match="has ended: IndexError: nodes -1 to -1"):
            memory.release(0)


class RecordingBuffers(SharedBuffers):
    """Notes what the server does."""

    record: list[str]

    def reset(self) -> None:
        super().reset()
        self.record.append("reset")

    def read(self, trainer: int, negative_set: int, count: int) -> None:
        super().read(trainer, negative_set, count)
        if negative_set == 0:
            self.record.append(f"R{trainer}")

    def write(self, trainer: int, count: int) -> None:
        super().write(trainer, count)
        self.record.append(f"W{trainer}")


class ThreadServer:
    """Serves as a server process does, from a thread; ``records`` has what each of them did."""

    records: list[list[str]]

    def __init__(self, setup: Setup) -> None:
        name = f"\0thread-server-{os.getpid()}-{id(self)}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(name)
        listener.listen()
        memory = os.memfd_create("thread-server")
        buffers = RecordingBuffers(setup.sizes, memory)
        buffers.record = []
        self.records.append(buffers.record)
        server = MemoryServer(setup, buffers, memory, listener)
        thread = threading.Thread(target=server.serve)
        thread.start()
        self.end = thread.join
        self.address = Address(name, os.getpid(), os.getpid(), 0)


class TestOrder:
    """What the server does while real trainers train."""

    @pytest.fixture
    def records(self, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        monkeypatch.setattr(ThreadServer, "records", [], raising=False)
        monkeypatch.setattr(daemon, "ServerProcess", ThreadServer)
        return ThreadServer.records

    def test_of_2x2(self, records: list[list[str]]) -> None:
        system = small_system("2x2x1", node_memory="daemon")
        for _ in system.train_round():
            pass
        system.memory.close()
        (record,) = records
        assert record[:2] == ["reset", "reset"]  # the server's own, and that of the first pass
        rounds = [sorted(record[n : n + 2]) for n in range(2, len(record), 2)]
        turns = [["W0", "W1"], ["R2", "R3"], ["W2", "W3"], ["R0", "R1"]]
        batches = system.schedule.num_batches
        assert rounds[:-1] == [turns[n % 4] for n in range(2 * batches - 1)]
        assert rounds[-1] == turns[(2 * batches - 1) % 4]  # the last batch once more

    def test_of_every_copy_is_that_of_the_schedule(self, records: list[list[str]]) -> None:
        system = small_system("1x2x2", node_memory="daemon")
        for _ in range(2):
            for _ in system.train_round():
                pass
        system.memory.close()
        for copy, record in enumerate(records):
            assert record[1:] == [
                name
                for service in services(system.schedule, copy, range(system.iteration))
                for name in names(service)
            ]


def names(service: Service) -> list[str]:
    """As the recording buffers note it, where i = 1 and j = 2."""
    if service.kind == "reset":
        return ["reset"]
    return [f"{service.kind[0].upper()}{trainer % 2}" for trainer in service.trainers]


class TestSharedCopies:
    """Two ranks, each with a trainer of every copy."""

    def test_both_ranks_see_what_both_have_written(self) -> None:
        def work(processes: Processes) -> tuple[list[NodeState], dict[int, NodeState]]:
            memory = daemon_memory("2x1x1", processes)
            memory.start(schedule_of("2x1x1"), 0)
            memory.reset(0)
            turn = Turn(processes.rank, 0)
            memory.request(turn, [torch.arange(NUM_NODES)])
            memory.write(turn, torch.tensor([turn.trainer]), rows_with(turn.trainer, 1))
            result = [*memory.receive(turn), memory.release(0)], memory.local_state()
            processes.barrier()
            memory.close()
            return result

        first, second = (future.result() for future in on_ranks(2, work))
        for state in (*first[0], *second[0], first[1][0]):
            assert state.mail_event.tolist() == [0, 1] + [NO_EVENT] * (NUM_NODES - 2)
        assert second[1] == {}  # the first rank owns the copy

    def test_but_not_between_machines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(daemon, "machine_identity", lambda: threading.current_thread().name)
        for future in on_ranks(2, lambda processes: daemon_memory("2x1x1", processes)):
            with pytest.raises(ValueError, match="copy 0 between the machines of ranks 0 and 1"):
                future.result()
