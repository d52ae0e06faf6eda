"""A figure draws runs that differ in what it varies only, and names what it leaves out."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmark.records.quantities import read
from benchmark.records.reader import Records
from benchmark.records.selection import Group, Rule, fits, select
from benchmark.records.series import make_series

Write = Callable[..., Path]
RULE = Rule(("convergence",))


def chosen(tmp_path: Path, rule: Rule = RULE) -> tuple[list[Group], list[str]]:
    return select(rule, read(tmp_path / "runs"))


def test_of_two_sets_that_differ_in_more_the_longer_is_drawn(
    write_run: Write, tmp_path: Path
) -> None:
    write_run("a", epochs=16)
    write_run("b", epochs=100)
    (group,), left_out = chosen(tmp_path)
    assert list(group.runs["epochs"]) == [100]
    assert left_out == ["1 run of suite convergence on wikipedia: epochs=16 where 100 is drawn"]


def test_what_the_figure_varies_does_not_part_runs(write_run: Write, tmp_path: Path) -> None:
    write_run("a", batch_size=200)
    write_run("b", batch_size=600, seed=1, parallelism={"i": 1, "j": 2, "k": 1})
    (group,), left_out = chosen(tmp_path, Rule(("convergence",), varies=("batch_size",)))
    assert len(group.runs) == 2 and left_out == []


def test_a_cut_stream_is_left_out_beside_a_whole_one(write_run: Write, tmp_path: Path) -> None:
    write_run("a", settings={"max_events": 5000})
    write_run("b")
    (group,), left_out = chosen(tmp_path)
    assert group.mark == "" and [Path(run).name for run in group.runs.index] == ["b"]
    assert left_out == ["1 run of suite convergence on wikipedia: max_events=5000"]


def test_a_cut_stream_is_drawn_with_a_mark_where_it_is_all_there_is(
    write_run: Write, tmp_path: Path
) -> None:
    write_run("a", settings={"max_events": 5000})
    (group,), left_out = chosen(tmp_path)
    assert group.mark == "max_events=5000" and left_out == []


def test_an_unmet_need_is_the_reason(write_run: Write, tmp_path: Path) -> None:
    write_run("a", system="tgl")
    needs = {"another system": lambda runs: runs["system"] == "disttgl"}
    groups, left_out = chosen(tmp_path, Rule(("convergence",), needs=needs))
    assert groups == []
    assert left_out == ["1 run of suite convergence on wikipedia: another system"]


def test_other_suites_and_tasks_are_not_read(write_run: Write, tmp_path: Path) -> None:
    write_run("a", suite="scaling")
    write_run("b", task="link_speed")
    assert chosen(tmp_path) == ([], [])


def test_no_records_at_all_is_no_error() -> None:
    assert select(RULE, Records(pd.DataFrame(), pd.DataFrame(), [])) == ([], [])


def test_data_sets_and_protocols_are_drawn_apart(write_run: Write, tmp_path: Path) -> None:
    for name, dataset, protocol in (("a", "uci", "tgn"), ("b", "uci", "tgl"), ("c", "x", "tgn")):
        write_run(name, dataset=dataset, protocol=protocol)
    groups, _ = chosen(tmp_path)
    assert [(g.dataset, g.protocol) for g in groups] == [
        ("uci", "tgl"), ("uci", "tgn"), ("x", "tgn"),
    ]  # fmt: skip


def test_a_seed_that_two_suites_made_counts_once(write_run: Write, tmp_path: Path) -> None:
    write_run("a")
    write_run("b", settings={"wandb": {"mode": "online"}})
    write_run("c", seed=1)
    (group,), _ = chosen(tmp_path)
    assert [len(runs) for runs in group.by_parallelism().values()] == [2]


def test_series_are_told_apart_by_every_setting_that_differs(
    write_run: Write, tmp_path: Path
) -> None:
    write_run("a", settings={"learning_rate": 1e-3})
    write_run("b", settings={"learning_rate": 1e-4})
    write_run("c", settings={"learning_rate": 1e-4}, parallelism={"i": 1, "j": 1, "k": 2})
    labels = [one.label for one in make_series(read(tmp_path / "runs").runs)]
    assert labels == [
        "disttgl 1x1x1, learning_rate=0.0001", "disttgl 1x1x1, learning_rate=0.001",
        "disttgl 1x1x2",
    ]  # fmt: skip


def test_words_describe_runs_by_values_and_by_having_one() -> None:
    runs = pd.DataFrame({"system": ["tgl", "disttgl", None], "x": [1.0, None, 2.5]})
    assert list(fits("system=tgl|tgn")(runs)) == [True, False, False]
    assert list(fits("system!=tgl x")(runs)) == [False, False, True]
    assert list(fits("x=1|2.5 y")(runs)) == [False, False, False]
