"""Which runs may share a figure."""

from pathlib import Path

from paper_figures import run_sets
from paper_figures.collection import load_records
from tests.paper_figures.conftest import WriteRun


def names(records: list[run_sets.Record]) -> list[str]:
    return [record.folder.name for record in records]


def test_curves_are_of_links_on_whole_streams(results: Path, write_run: WriteRun) -> None:
    write_run("older")
    write_run("whole", seed=1, config={"max_events": None, "random_edge_features": None})
    write_run("beginning", config={"max_events": 500})
    write_run("end", config={"system": {"last_training_events": 500}})
    write_run("random", config={"random_edge_features": 172})
    write_run("speed", task="link_speed")
    assert names(run_sets.with_curves(load_records(results)[0])) == ["older", "whole"]


def test_a_set_differs_in_layout_seed_and_what_has_no_effect(
    results: Path, write_run: WriteRun
) -> None:
    write_run("first", config={"threads": 1, "system": {"sampler": "strict"}})
    write_run("same", seed=1, processes=2, config={"system": {"sampler": "strict"}, "threads": 2})
    write_run(
        "wide", parallelism={"i": 1, "j": 2, "k": 1}, config={"system": {"sampler": "strict"}}
    )
    write_run("sampler", config={"system": {"sampler": "paper"}})
    write_run("longer", passes=100, config={"system": {"sampler": "strict"}})
    write_run("network", model="jodie", config={"system": {"sampler": "strict"}})
    records, _ = load_records(results)
    exact = run_sets.alike(records, run_sets.WITHOUT_EFFECT)
    assert sorted(names(group) for group in exact) == [
        ["first", "same", "wide"],
        ["longer"],
        ["network"],
        ["sampler"],
    ]
    loose = run_sets.alike(records, (*run_sets.WITHOUT_EFFECT, "system", "model"))
    assert sorted(names(group) for group in loose) == [
        ["first", "network", "same", "sampler", "wide"],
        ["longer"],
    ]


def test_the_papers_network_comes_first_then_the_most_passes(
    results: Path, write_run: WriteRun
) -> None:
    write_run("short", passes=16)
    write_run("short_wide", passes=16, parallelism={"i": 1, "j": 2, "k": 1})
    write_run("long", passes=100)
    write_run("other", passes=200, model="jodie")
    records, _ = load_records(results)
    sets = run_sets.alike(records, run_sets.WITHOUT_EFFECT)
    assert names(run_sets.foremost(sets)) == ["long"]
    assert run_sets.foremost([]) == []


def test_an_experiment_that_two_suites_made_counts_once(results: Path, write_run: WriteRun) -> None:
    write_run("one", suite="convergence")
    write_run("two", suite="trainer_grid")
    write_run("three", suite="trainer_grid", seed=1)
    write_run("four", suite="trainer_grid", parallelism={"i": 1, "j": 1, "k": 2})
    groups = run_sets.by_parallelism(load_records(results)[0])
    assert {layout: names(group) for layout, group in groups.items()} == {
        "1x1x1": ["one", "three"],
        "1x1x2": ["four"],
    }
