"""Ranks, groups and processes of i x j x k."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.parallelism import Parallelism, Place

DEGREES = st.builds(Parallelism, *[st.integers(1, 6)] * 3)


@st.composite
def hosted(draw: st.DrawFn) -> tuple[Parallelism, int]:
    """A parallelism and a number of processes that can host it."""
    parallelism = draw(DEGREES)
    n = parallelism.num_trainers
    return parallelism, draw(st.sampled_from([p for p in range(1, n + 1) if n % p == 0]))


def test_places_are_those_of_the_authors_code() -> None:
    parallelism = Parallelism(2, 3, 2)
    for rank in range(12):
        expected = Place(group=rank // 6, sub_group=rank % 6 // 2, member=rank % 2)
        assert parallelism.place(rank) == expected
    assert list(parallelism.trainers_of_group(1)) == [6, 7, 8, 9, 10, 11]


@given(DEGREES)
def test_place_and_trainer_are_inverse(parallelism: Parallelism) -> None:
    places = [parallelism.place(trainer) for trainer in range(parallelism.num_trainers)]
    assert len(set(places)) == parallelism.num_trainers
    assert [parallelism.trainer(*place) for place in places] == list(range(len(places)))


@given(hosted())
def test_processes_partition_the_trainers(case: tuple[Parallelism, int]) -> None:
    parallelism, processes = case
    blocks = [parallelism.trainers_of(process, processes) for process in range(processes)]
    assert [t for block in blocks for t in block] == list(range(parallelism.num_trainers))
    assert {len(block) for block in blocks} == {parallelism.num_trainers // processes}
    for process, block in enumerate(blocks):
        assert {parallelism.process_of(t, processes) for t in block} == {process}


@given(hosted())
def test_groups_and_processes_agree(case: tuple[Parallelism, int]) -> None:
    parallelism, processes = case
    for process in range(processes):
        hosts = {parallelism.place(t).group for t in parallelism.trainers_of(process, processes)}
        assert set(parallelism.groups_of(process, processes)) == hosts
    for group in range(parallelism.k):
        sharing = {p for p in range(processes) if group in parallelism.groups_of(p, processes)}
        assert set(parallelism.processes_of(group, processes)) == sharing


def test_four_machines_of_the_paper_share_no_copy() -> None:
    parallelism = Parallelism(2, 2, 8)
    assert parallelism.groups_of(1, 4) == range(2, 4)
    assert [list(parallelism.processes_of(group, 4)) for group in range(8)] == [
        [0], [0], [1], [1], [2], [2], [3], [3],
    ]  # fmt: skip


@given(DEGREES)
def test_text_and_back(parallelism: Parallelism) -> None:
    assert Parallelism.parse(str(parallelism)) == parallelism


@pytest.mark.parametrize("text", ["2x2", "2x2x2x2", "", "axbxc", "2x-1x2", "2.0x1x1"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text)) + ".*2x2x8"):
        Parallelism.parse(text)


@pytest.mark.parametrize("degree", [0, -2, 1.5, "2", None, True])
def test_degrees_are_positive_integers(degree: object) -> None:
    with pytest.raises(ValueError, match=rf"parallelism\.j is {degree!r}; "):
        Parallelism(1, degree, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("processes", [0, 3, 16])
def test_processes_that_do_not_divide_the_trainers_are_refused(processes: int) -> None:
    with pytest.raises(ValueError, match=rf"8 trainers of 2x2x2 .* {processes} processes"):
        Parallelism(2, 2, 2).process_of(0, processes)


def test_numbers_outside_the_world_are_refused() -> None:
    parallelism = Parallelism(2, 2, 2)
    with pytest.raises(IndexError, match="no trainer 8"):
        parallelism.place(8)
    with pytest.raises(IndexError, match="no process 4"):
        parallelism.trainers_of(4, 4)
    with pytest.raises(IndexError, match="no member 2"):
        parallelism.trainer(0, 0, 2)
