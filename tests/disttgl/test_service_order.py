"""The memory daemon serves what is posted in the order of Algorithm 1, and in no other."""

from collections.abc import Iterator
from itertools import count, islice
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from benchmark.disttgl.memory.service import Key, ServiceOrder, Setup, Sizes
from benchmark.disttgl.schedule import Schedule, services
from benchmark.parallelism import Parallelism

SIZES = Sizes((), num_nodes=1, num_trainers=1, num_sets=1, max_written=1)


def order_of(
    schedule: Schedule, copy: int = 0, world_size: int = 1, iteration: int = 0
) -> ServiceOrder:
    sharers = schedule.parallelism.processes_of(copy, world_size)
    order = ServiceOrder(Setup(copy, SIZES, tuple(sharers), world_size))
    order.start(schedule, iteration)
    return order


def next_rounds(order: ServiceOrder, number: int) -> list[list[tuple[str, int]]]:
    """What is awaited, round by round."""
    rounds: list[list[tuple[str, int]]] = []
    for _ in range(number):
        rounds.append([(key.kind, key.number) for key in order.missing(())])
        order.advance()
    return rounds


def test_algorithm_1_for_2x2() -> None:
    """(R0R1)(W0W1)(R2R3)(W2W3)..., where the first read of a pass is a reset."""
    order = order_of(Schedule(Parallelism(i=2, j=2), num_events=16, batch_size=1))
    assert next_rounds(order, 6) == [
        [("reset", 0)],
        [("write", 0), ("write", 1)],
        [("read", 2), ("read", 3)],
        [("write", 2), ("write", 3)],
        [("read", 0), ("read", 1)],
        [("write", 0), ("write", 1)],
    ]


def test_every_process_of_a_copy_resets_it() -> None:
    schedule = Schedule(Parallelism(i=2, j=2, k=2), num_events=16, batch_size=1)
    order = order_of(schedule, copy=1, world_size=4)
    assert order.missing(()) == {Key("reset", 2): 2, Key("reset", 3): 3}
    assert next_rounds(order, 2)[1] == [("write", 0), ("write", 1)]  # numbered within the group


def test_trainers_without_events_are_not_awaited() -> None:
    schedule = Schedule(Parallelism(i=3), num_events=7, batch_size=2)
    order = order_of(schedule, iteration=1)
    assert next_rounds(order, 3) == [[("read", 0)], [("write", 0)], [("reset", 0)]]


def test_starts_wherever_training_goes_on() -> None:
    schedule = Schedule(Parallelism(i=1, j=2), num_events=16, batch_size=1)
    from_the_start = next_rounds(order_of(schedule), 12)
    assert next_rounds(order_of(schedule, iteration=3), 6) == from_the_start[6:]


def test_says_who_is_missing() -> None:
    schedule = Schedule(Parallelism(i=2, j=1, k=1), num_events=16, batch_size=1)
    sharers = Setup(0, SIZES, (0, 1), 2)
    order = ServiceOrder(sharers)
    assert order.describe_missing([Key("start", 1)]) == "rank 0 to start"
    order.start(schedule, 5)
    assert order.describe_missing([Key("read", 0)]) == "rank 1 to read in iteration 5"
    assert order.describe_missing([Key("start", 0)]) == "rank 1 to start in iteration 5"


degrees = st.integers(1, 3)


@given(
    st.builds(Parallelism, degrees, degrees, degrees),
    st.integers(1, 20),
    st.integers(0, 30),
    st.randoms(use_true_random=False),
)
def test_serves_whole_rounds_in_turn_however_early_they_are_posted(
    parallelism: Parallelism, num_events: int, iteration: int, random: Random
) -> None:
    schedule = Schedule(parallelism, num_events, 2)
    copy = random.randrange(parallelism.k)
    order = order_of(schedule, copy, parallelism.num_trainers, iteration)
    members = parallelism.trainers_per_copy
    unposted = [Key(kind, n) for kind in ("read", "write") for n in range(members)]
    unposted += [Key("reset", rank) for rank in range(parallelism.num_trainers)]
    posted: set[Key] = set()
    served: list[tuple[str, list[int]]] = []
    while len(served) < 10:
        key = unposted.pop(random.randrange(len(unposted)))
        posted.add(key)
        while keys := order.ready(posted):
            served.append((keys[0].kind, sorted(key.number for key in keys)))
            posted -= set(keys)
            unposted += keys
            order.advance()
    assert served[:10] == list(islice(rounds_of(schedule, copy, iteration), 10))


def rounds_of(schedule: Schedule, copy: int, iteration: int) -> Iterator[tuple[str, list[int]]]:
    """Rounds with every trainer on a process of its own, without those in which nobody acts."""
    members = schedule.parallelism.trainers_per_copy
    for service in services(schedule, copy, count(iteration)):
        if service.kind == "reset":
            yield "reset", list(schedule.parallelism.trainers_of_group(copy))
        elif acting := [
            trainer % members
            for trainer in service.trainers
            if schedule.assignment(trainer, service.iteration).events
        ]:
            yield service.kind, acting
