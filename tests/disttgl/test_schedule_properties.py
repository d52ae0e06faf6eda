"""What holds of every schedule, drawn at random."""

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.disttgl.schedule import Schedule, Service, services
from benchmark.parallelism import Parallelism

degrees = st.integers(1, 4)
parallelisms = st.builds(Parallelism, degrees, degrees, degrees)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Small schedules, with short last batches."""
    return Schedule(
        draw(parallelisms), draw(st.integers(1, 60), label="events"), draw(st.integers(1, 4))
    )


def num_iterations(schedule: Schedule) -> int:
    return 3 * schedule.iterations_per_round


def passes(schedule: Schedule, copy: int) -> list[list[Service]]:
    """What happens to a copy, cut at its resets."""
    cut: list[list[Service]] = []
    for service in services(schedule, copy, range(num_iterations(schedule))):
        if service.kind == "reset":
            cut.append([])
        cut[-1].append(service)
    return cut


@given(schedules())
def test_every_event_is_in_one_local_batch(schedule: Schedule) -> None:
    members = range(schedule.parallelism.i)
    shares = [
        [schedule.local_events(batch, member) for member in members]
        for batch in range(schedule.num_batches)
    ]
    events = [event for batch in shares for share in batch for event in share]
    assert events == list(range(schedule.num_events))
    for batch, parts in enumerate(shares):
        assert [e for part in parts for e in part] == list(schedule.global_events(batch))
    assert max(len(share) for batch in shares for share in batch) <= schedule.batch_size


@settings(deadline=None)
@given(schedules())
def test_every_batch_is_written_once_per_pass_and_copy(schedule: Schedule) -> None:
    for copy in range(schedule.parallelism.k):
        laps = passes(schedule, copy)
        for number, lap in enumerate(laps):
            writes = [service for service in lap if service.kind == "write"]
            written = []
            for service in writes:
                assignments = [schedule.assignment(t, service.iteration) for t in service.trainers]
                (batch,) = {a.batch for a in assignments}
                events = [event for a in assignments for event in a.events]
                assert events == list(schedule.global_events(batch))
                written.append(batch)
            first = schedule.progress(copy, lap[0].iteration)[0] if number == 0 else 0
            assert written == list(range(first, first + len(written)))
            if 0 < number < len(laps) - 1:
                assert written == list(range(schedule.num_batches))


@settings(deadline=None)
@given(schedules())
def test_reads_see_all_earlier_batches_and_nothing_later(schedule: Schedule) -> None:
    for copy in range(schedule.parallelism.k):
        for lap in passes(schedule, copy):
            start = schedule.progress(copy, lap[0].iteration)[1]
            written: list[int] = []
            for service in lap:
                batches = {
                    schedule.assignment(t, service.iteration).batch for t in service.trainers
                }
                if service.kind == "write":
                    written += batches
                elif service.kind == "read":
                    position = schedule.progress(copy, service.iteration)[1]
                    assert written == list(range(start, min(position, schedule.num_batches)))
                    assert batches == {min(position, schedule.num_batches - 1)}
                else:
                    assert written == []


@settings(deadline=None)
@given(schedules())
def test_members_of_a_sub_group_act_together(schedule: Schedule) -> None:
    parallelism = schedule.parallelism
    for n in range(num_iterations(schedule)):
        for group in range(parallelism.k):
            first = schedule.assignment(group * parallelism.trainers_per_copy, n)
            assert first.copy == group
            for sub_group in range(parallelism.j):
                members = range(parallelism.i)
                trainers = [parallelism.trainer(group, sub_group, m) for m in members]
                assignments = [schedule.assignment(t, n) for t in trainers]
                turns = {(a.batch, a.reads, a.writes, a.reset, a.copy) for a in assignments}
                assert len(turns) == 1


@settings(deadline=None)
@given(schedules())
def test_each_batch_is_trained_on_with_every_negative_set(schedule: Schedule) -> None:
    """In a whole pass, and from one read of memory; what the pipeline ends add is not counted."""
    j = schedule.parallelism.j
    sets: dict[tuple[int, int], list[int]] = {}
    for n in range(schedule.iterations_per_round):
        for sub_group in range(j):
            trainer = schedule.parallelism.trainer(0, sub_group, 0)
            a = schedule.assignment(trainer, n)
            source = schedule.assignment(trainer, a.read_at)
            assert (source.copy, source.batch) == (a.copy, a.batch) == (0, a.batch)
            if source.writes and a.events:
                assert source.reads
                sets.setdefault((a.batch, a.read_at), []).append(a.negative_set)
    assert sorted(batch for batch, _ in sets) == list(range(schedule.num_batches))
    assert all(used == list(range(j)) for used in sets.values())


@settings(deadline=None)
@given(schedules())
def test_uses_is_the_inverse_of_reading(schedule: Schedule) -> None:
    used = {}
    for n in range(num_iterations(schedule)):
        for trainer in range(schedule.parallelism.num_trainers):
            for negative_set, use in enumerate(schedule.uses(trainer, n)):
                used[trainer, use] = (n, negative_set)
    for n in range(num_iterations(schedule)):
        for trainer in range(schedule.parallelism.num_trainers):
            a = schedule.assignment(trainer, n)
            if a.events:
                assert used[trainer, n] == (a.read_at, a.negative_set)
