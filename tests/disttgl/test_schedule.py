"""The schedule against Figure 7 of the paper, the daemon's order, and its edges."""

import pytest

from benchmark.disttgl.schedule import Schedule, Service, services
from benchmark.parallelism import Parallelism


def batches(schedule: Schedule, trainer: int, iterations: range) -> list[int]:
    return [schedule.assignment(trainer, n).batch for n in iterations]


class TestFigure7:
    """Three trainers, one strategy at a time."""

    def test_mini_batch_parallelism(self) -> None:
        schedule = Schedule(Parallelism(i=3), num_events=36, batch_size=2)
        for n in range(6):
            assignments = [schedule.assignment(trainer, n) for trainer in range(3)]
            assert all(a.reads and a.writes and a.batch == n for a in assignments)
            assert [a.events for a in assignments] == [
                range(6 * n + 2 * member, 6 * n + 2 * member + 2) for member in range(3)
            ]

    def test_epoch_parallelism(self) -> None:
        schedule = Schedule(Parallelism(j=3), num_events=12, batch_size=1)
        i = 3  # any iteration after the pipeline has filled in which trainer 0 is on turn
        rows = []
        for n in range(i, i + 4):
            assignments = [schedule.assignment(trainer, n) for trainer in range(3)]
            assert all(a.reads == a.writes for a in assignments)
            rows.append([f"{a.batch - i}{'*' * a.writes}" for a in assignments])
        assert rows == [
            ["0*", "-2", "-1"],
            ["0", "1*", "-1"],
            ["0", "1", "2*"],
            ["3*", "1", "2"],
        ]

    def test_memory_parallelism(self) -> None:
        schedule = Schedule(Parallelism(k=3), num_events=6, batch_size=1)
        released = [batches(schedule, trainer, range(4)) for trainer in range(3)]
        assert released == [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5]]
        p0, p1, p2 = (released[-trainer % 3] for trainer in range(3))
        assert (p0, p1, p2) == ([0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 0, 1])
        for trainer in range(3):
            assert {schedule.assignment(trainer, n).copy for n in range(12)} == {trainer}


class TestMemoryCopies:
    """Start positions and resets of the copies, as in the authors' code."""

    def test_copies_start_spread_over_the_pass(self) -> None:
        schedule = Schedule(Parallelism(j=2, k=4), num_events=11, batch_size=1)
        assert schedule.iterations_per_round == 12
        assert [schedule.progress(copy, 0)[1] for copy in range(4)] == [0, 9, 6, 3]

    def test_copies_are_reset_once_a_round(self) -> None:
        schedule = Schedule(Parallelism(j=2, k=4), num_events=11, batch_size=1)
        resets = [
            [n for n in range(24) if schedule.assignment(2 * copy, n).reset] for copy in range(4)
        ]
        assert resets == [[0, 12], [0, 3, 15], [0, 6, 18], [0, 9, 21]]

    def test_waiting_for_the_first_turn_in_mid_stream(self) -> None:
        schedule = Schedule(Parallelism(j=3, k=2), num_events=10, batch_size=1)
        rows = [[schedule.assignment(3 + s, n) for s in range(3)] for n in range(3)]
        assert [[a.batch for a in row] for row in rows] == [[6, 4, 5], [6, 7, 5], [6, 7, 8]]
        assert [[a.writes for a in row] for row in rows] == [
            [True, False, False], [False, True, False], [False, False, True],
        ]  # fmt: skip
        assert all(a.reads and a.reset for a in rows[0])

    def test_a_rest_of_the_pass_is_skipped_before_the_first_reset_only(self) -> None:
        schedule = Schedule(Parallelism(k=3), num_events=8, batch_size=1)
        assert batches(schedule, 1, range(12)) == [4, 5, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1]


class TestPipelineEnds:
    """Epoch parallelism at both ends of a pass."""

    def test_batches_are_read_and_written_in_turn(self) -> None:
        schedule = Schedule(Parallelism(j=3), num_events=6, batch_size=1)
        rows = []
        for trainer in range(3):
            assignments = [schedule.assignment(trainer, n) for n in range(8)]
            rows.append([f"{a.batch}{'r' * a.reads}{'w' * a.writes}" for a in assignments])
        assert rows == [
            ["0rw", "0", "0", "3rw", "3", "3", "5r", "5"],
            ["0r", "1rw", "1", "1", "4rw", "4", "4", "5r"],
            ["0r", "0", "2rw", "2", "2", "5rw", "5", "5"],
        ]


class TestLocalBatches:
    """A short last global batch."""

    def test_events_fill_the_members_in_order(self) -> None:
        schedule = Schedule(Parallelism(i=4), num_events=26, batch_size=5)
        assert schedule.num_batches == 2
        assert [schedule.local_events(1, member) for member in range(4)] == [
            range(20, 25), range(25, 26), range(26, 26), range(26, 26),
        ]  # fmt: skip

    def test_training_may_start_in_the_middle_of_the_stream(self) -> None:
        schedule = Schedule(Parallelism(i=2), num_events=7, batch_size=2, first_event=100)
        assert [schedule.global_events(batch) for batch in (0, 1)] == [
            range(100, 104), range(104, 107),
        ]  # fmt: skip
        assert schedule.local_events(1, 1) == range(106, 107)
        assert schedule.assignment(0, 1).events == range(104, 106)

    def test_wikipedia_at_the_papers_batch_size(self) -> None:
        for parallelism, iterations in [("1x1x8", 183), ("1x8x1", 190), ("2x2x2", 93)]:
            schedule = Schedule(Parallelism.parse(parallelism), 109_800, 600)
            assert schedule.iterations_per_round == iterations
        assert [Schedule(Parallelism(1, 2, 4), 100, 1).num_rounds(p) for p in (1, 8, 100)] == [
            1, 1, 13,
        ]  # fmt: skip


class TestServices:
    """The order in which the memory daemon serves a copy."""

    def test_order_of_2x2(self) -> None:
        schedule = Schedule(Parallelism(i=2, j=2), num_events=16, batch_size=1)
        order = [(s.kind, s.trainers) for s in services(schedule, 0, range(5))]
        assert order == [
            ("reset", (0, 1, 2, 3)),
            ("write", (0, 1)),
            ("read", (2, 3)),
            ("write", (2, 3)),
            ("read", (0, 1)),
            ("write", (0, 1)),
            ("read", (2, 3)),
            ("write", (2, 3)),
            ("read", (0, 1)),
            ("write", (0, 1)),
        ]

    def test_copies_are_served_by_their_own_trainers(self) -> None:
        schedule = Schedule(Parallelism(i=1, j=1, k=2), num_events=6, batch_size=1)
        assert list(services(schedule, 1, range(2, 5))) == [
            Service("read", 2, (1,)),
            Service("write", 2, (1,)),
            Service("reset", 3, (1,)),
            Service("write", 3, (1,)),
            Service("read", 4, (1,)),
            Service("write", 4, (1,)),
        ]

    def test_the_end_of_a_pass_reads_without_writing(self) -> None:
        schedule = Schedule(Parallelism(j=2), num_events=3, batch_size=1)
        order = [(s.kind, s.trainers) for s in services(schedule, 0, range(2, 5))]
        assert order == [
            ("read", (0,)),
            ("write", (0,)),
            ("read", (1,)),
            ("reset", (0, 1)),
            ("write", (0,)),
        ]


def test_empty_schedules_are_refused() -> None:
    with pytest.raises(ValueError, match="0 training events"):
        Schedule(Parallelism(), 0, 600)
    with pytest.raises(ValueError, match="batch_size is 0"):
        Schedule(Parallelism(), 600, 0)
