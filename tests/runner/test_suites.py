"""How suites expand, how the command line narrows them, and what names an experiment."""

import importlib
import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.records.identity import GROUPS
from benchmark.runner import suites
from benchmark.runner.checks import checksums_of_classes
from benchmark.runner.compose import choices
from benchmark.runner.suites import expand, narrow, walk
from benchmark.tasks.choices import check_ranges
from tests.experiments import MakeExperiment


def systems(words: list[str]) -> list[str]:
    return [
        experiment.choices["system"] for experiment in expand(words, may_download=False).experiments
    ]


def test_keys_of_an_axis_walk_together() -> None:
    points = walk({"processes": [1, 2], "parallelism.i": [1, 2]}, "trial")
    assert points == [{"processes": 1, "parallelism.i": 1}, {"processes": 2, "parallelism.i": 2}]


@pytest.mark.parametrize("axis", [{"a": [1, 2], "b": [1]}, {"a": []}])
def test_axis_of_unequal_lists_is_refused(axis: dict[str, list[int]]) -> None:
    with pytest.raises(UserError, match="suite trial needs lists of one length"):
        walk(axis, "trial")


def test_a_given_value_keeps_its_points() -> None:
    points = walk({"processes": [1, 2, 2], "parallelism.i": [1, 2, 4]}, "trial")
    assert narrow(points, {"processes": 2}) == points[1:]
    assert narrow(points, {"processes": 2, "parallelism.i": 4}) == points[2:]


def test_a_value_that_no_point_has_replaces_it_without_duplicates() -> None:
    points = walk({"processes": [1, 2, 4], "parallelism.i": [4, 4, 8]}, "trial")
    assert narrow(points, {"processes": 8}) == [
        {"processes": 8, "parallelism.i": 4},
        {"processes": 8, "parallelism.i": 8},
    ]


def test_quick_runs_both_systems_and_can_be_narrowed() -> None:
    assert systems([]) == ["tgn", "disttgl"]
    assert systems(["system=disttgl"]) == ["disttgl"]
    with pytest.raises(UserError, match="task link_prediction trains a system, but system=none"):
        expand(["system=none", "model=none"], may_download=False)


def test_experiments_take_turns_within_a_seed() -> None:
    experiments = expand(["seeds=3"], may_download=False).experiments
    labels = [(experiment.choices["system"], experiment.seed) for experiment in experiments]
    assert labels == [(name, seed) for seed in range(3) for name in ("tgn", "disttgl")]
    assert [
        one.seed for one in expand(["seeds=1", "system=tgn"], may_download=False).experiments
    ] == [0]


def test_captured_events_walks_the_batch_sizes_of_figure_8() -> None:
    experiments = expand(["suite=captured_events"], may_download=False).experiments
    walked = [(one.choices["dataset"], one.batch_size) for one in experiments]
    assert walked == list(product(["wikipedia", "mooc"], [200, 400, 600, 1200, 2400]))
    narrowed = expand(
        ["suite=captured_events", "batch_size=400", "dataset=uci"], may_download=False
    ).experiments
    assert [(one.batch_size, one.choices["dataset"]) for one in narrowed] == [(400, "uci")]


def test_peers_take_turns_on_every_case_of_every_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "find_spec", lambda package: None)
    cases = [
        (one.seed, one.random_edge_features, one.batch_size, one.choices["system"])
        for one in expand(["suite=peers", "seeds=2"], may_download=False).experiments
    ]
    assert cases == list(product([0, 1], [172, None], [600, 200], ["tgn", "disttgl"]))


def test_an_optional_system_needs_its_package_or_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["suite=peers", "seeds=1", "batch_size=600", "random_edge_features=172"]
    for found, expected in ((None, ["tgn", "disttgl"]), (object(), ["tgn", "tgm", "disttgl"])):
        monkeypatch.setattr(suites, "find_spec", lambda package, found=found: found)
        assert systems(words) == expected
        with pytest.raises(UserError) as refused:
            expand([*words, "system=tgm"], may_download=False)
        assert str(refused.value) == (
            "system=tgm needs the package tgm: pip install 'disttgl-benchmark[peers]'."
        )


@pytest.mark.parametrize("name", choices("suite"))
def test_every_suite_expands_to_distinct_folders(name: str) -> None:
    suite = expand([f"suite={name}", "seeds=2"], may_download=False)
    folders = {experiment.folder.path for experiment in suite.experiments}
    assert len(folders) == len(suite.experiments) > 0
    assert suite.name == name
    for experiment in suite.experiments:
        assert experiment.choices["suite"] == name
        for group in GROUPS:
            check_ranges(group, getattr(experiment, group))


def test_scaling_keeps_to_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "num_devices", lambda device: 2)
    processes = [one.processes for one in expand(["suite=scaling"], may_download=False).experiments]
    assert set(processes) == {1, 2}
    words = ["suite=scaling", "processes=4"]
    with pytest.raises(UserError, match="needs more processes than the 2 devices here"):
        expand(words, may_download=False)
    assert expand([*words, "suite.fit_hardware=false"], may_download=False).experiments


def test_an_impossible_point_is_refused_before_anything_runs() -> None:
    with pytest.raises(UserError, match="processes=3 does not divide"):
        expand(["suite=scaling", "processes=3"], may_download=False)


def test_the_hash_leaves_out_where_and_who_watches(make_experiment: MakeExperiment) -> None:
    reference = make_experiment().fingerprint
    same = make_experiment(
        results_dir="elsewhere",
        datasets_root="data",
        cache_dir="cache",
        time_limit_minutes=1,
        heartbeat_seconds=5,
        seeds=9,
        command="another",
        wandb={"mode": "online"},
        suite={"name": "another"},
    )
    assert same.fingerprint == reference


def test_the_hash_knows_the_code_of_a_network_of_ones_own(
    make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    own = make_experiment(model={"_target_": "network_of_ones_own.Network"})
    hashes = {own.fingerprint}
    for version in ("class Network: ...", "class Network: pass"):
        (tmp_path / "network_of_ones_own.py").write_text(version)
        importlib.invalidate_caches()
        hashes.add(replace(own, content=checksums_of_classes(own)).fingerprint)
    assert len(hashes) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"epochs": 3},
        {"learning_rate": 1e-3},
        {"processes": 2},
        {"model": {"dim": 3}},
        {"parallelism": {"k": 2}},
    ],
)
def test_the_hash_knows_what_defines_an_experiment(
    make_experiment: MakeExperiment, change: dict[str, object]
) -> None:
    assert make_experiment(**change).fingerprint != make_experiment().fingerprint


def test_a_folder_says_what_was_run_and_ends_with_the_hash() -> None:
    """Which is the same in every process (test_suite_run.py)."""
    _, one = expand(["system=tgn", "seeds=2"], may_download=False).experiments
    assert one.folder.path.name.startswith("synthetic-tgn-tgn_pyg-1x1x1-seed1-")


def test_the_command_line_is_recorded_and_can_be_pasted() -> None:
    suite = expand(["system=tgn", "results_dir=my results"], may_download=False)
    assert suite.command == "python -m benchmark.run system=tgn 'results_dir=my results'"
    assert suite.experiments[0].describe()["command"] == suite.command


def test_emulated_means_more_trainers_than_processes(make_experiment: MakeExperiment) -> None:
    degrees = {"i": 2, "j": 1, "k": 2}
    assert make_experiment(parallelism=degrees, processes=2).describe()["emulated"]
    assert not make_experiment(parallelism=degrees, processes=4).describe()["emulated"]


def test_threads_share_the_cores(
    make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.experiment.available_cores", lambda: 8)
    assert make_experiment(threads=None, processes=3).threads_per_process == 2
    assert make_experiment(threads=None, processes=16).threads_per_process == 1
    assert make_experiment(threads=5, processes=16).threads_per_process == 5


HEAD = """# @package _global_
defaults: [override /system: disttgl]
suite:
  name: own
  question: x
"""
REFUSED = {
    "suite: {name: own, question: x}": "suite/own.yaml: a suite has name, question, sweep",
    f"{HEAD}epocs: 3": "suite/own.yaml: There is no key 'epocs'; did you mean epochs?",
    f"{HEAD}  sweep: [{{system: tgl}}]": "own.yaml: Value 'tgl' .* (suite.sweep[0]); see the",
    f"{HEAD}parallelism: 1x1x2": "suite/own.yaml: Merge error: .*; see the files of",
    f"{HEAD}hydra: {{mode: MULTIRUN}}": "own.yaml sets keys of Hydra, without effect",
    "defaults:\n  - override /hydra/launcher: basic": "own.yaml sets keys of Hydra",
    f"{HEAD}  sweep: [{{epochs: [1]}}, {{epochs: [2]}}]": "own sweeps over epochs twice",
    f"{HEAD}  sweep: [{{parallelism: [1x1x2]}}, {{parallelism.k: [4]}}]": "parallelism.k twice",
    f"{HEAD}  sweep: [{{results_dir: [a, b]}}]": "over results_dir, which changes nothing",
    f"{HEAD}  sweep: [{{seed: [4, 5]}}]": "seed and seeds are both set",
    f"{HEAD}seeds: 2": "seeds is there already: write seeds=2.",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_a_file_of_ones_own_would_not_mean_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf" / "suite").mkdir(parents=True)
    (tmp_path / "conf" / "suite" / "own.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    seeds = "+seeds=2" if "seeds" in text else "seeds=2"
    with pytest.raises(UserError, match=".*".join(map(re.escape, REFUSED[text].split(".*")))):
        expand(["suite=own", seeds], may_download=False)


def test_null_in_place_of_one_seed_means_all_of_them() -> None:
    assert len(expand(["system=disttgl", "seed=null", "seeds=2"], False).experiments) == 2
