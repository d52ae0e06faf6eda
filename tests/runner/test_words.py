"""Sweeps of one's own, a folder of one's own, and what of Hydra is refused."""

import os
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.errors import UserError
from benchmark.run import main
from benchmark.runner import suites
from benchmark.runner.compose import choices, compose_settings
from benchmark.runner.suites import expand, pasted, walk
from benchmark.runner.words import combinations, complete


def found(*words: str) -> list[tuple[str, float, str, int]]:
    return [
        (one.choices["system"], one.learning_rate, str(one.parallelism), one.seed)
        for one in expand(complete(list(words)), may_download=False).experiments
    ]


def test_commas_sweep_in_all_combinations_seeds_outermost() -> None:
    words = ["system=tgl,disttgl", "learning_rate=1e-3,1e-4", "parallelism.i=1,2", "seeds=3"]
    assert found(*words) == [
        (system, rate, degrees, seed)
        for seed in range(3)
        for system in ("tgl", "disttgl")
        for rate in (1e-3, 1e-4)
        for degrees in ("1x1x1", "2x1x1")
    ]


def test_a_sweep_narrows_that_of_the_suite_and_adds_to_it() -> None:
    swept = [name for name, *_ in found("system=tgn,tgl,disttgl")]
    assert swept == ["tgn", "tgl", "disttgl"]
    assert [name for name, *_ in found("epochs=1,2")] == ["tgn", "disttgl"] * 2


def test_a_combination_that_cannot_be_run_is_a_row_and_no_end() -> None:
    suite = expand(["system=tgn,disttgl", "parallelism.k=1,2"], may_download=False)
    told = {
        (one.choices["system"], one.parallelism.k): one.fingerprint in suite.problems
        for one in suite.experiments
    }
    assert told == {
        ("tgn", 1): False, ("tgn", 2): True, ("disttgl", 1): False, ("disttgl", 2): False,
    }  # fmt: skip


def test_one_seed_alone_and_seeds_by_name() -> None:
    assert [seed for *_, seed in found("system=disttgl", "seed=3")] == [3]
    assert [seed for *_, seed in found("system=disttgl", "seed=3,1")] == [1, 3]
    both = {one.fingerprint for one in expand(["system=tgn", "seeds=4"], False).experiments}
    (alone,) = expand(["system=tgn", "seed=3"], may_download=False).experiments
    assert alone.fingerprint in both
    with pytest.raises(UserError, match="seed and seeds are both set; seed=A,B names them"):
        found("seed=1", "seeds=2")


def test_parallelism_as_it_is_written_everywhere() -> None:
    assert [degrees for *_, degrees, _ in found("system=disttgl", "parallelism=1x2x2")] == ["1x2x2"]
    swept = found("system=disttgl", "parallelism=1x1x1,1x1x2,2x1x1")
    assert [degrees for *_, degrees, _ in swept] == ["1x1x1", "1x1x2", "2x1x1"]
    assert walk({"parallelism": ["1x2x3"]}, "mine") == [
        {"parallelism.i": 1, "parallelism.j": 2, "parallelism.k": 3}
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-m system=tgn,tgl", "-m is not an option here; several values are written KEY=A,B and "
         "run one after the other."),
        ("--multirun", "--multirun is not an option here; several values are written KEY=A,B and "
         "run one after the other."),
        ("--cfg job", "--cfg is not an option here; --show prints the resolved configuration."),
        ("--config-name=mine", "--config-name is not an option here; a suite of your own is "
         "suite=NAME."),
        ("--unheard-of=3", "--unheard-of is not an option here; leave it out; --help shows every "
         "key."),
        ("hydra/launcher=joblib", "hydra/launcher is Hydra's own and has no effect here; several "
         "values are written KEY=A,B and run one after the other."),
        ("hydra.run.dir=x", "hydra.run.dir is Hydra's own and has no effect here; records go to "
         "results_dir=DIR."),
        ("hydra.searchpath=[x]", "hydra.searchpath is Hydra's own and has no effect here; a folder "
         "of your own is --config-dir DIR."),
        ("+hydra.verbose=true", "+hydra.verbose is Hydra's own and has no effect here; leave it "
         "out; --help shows every key."),
        ("epochs=3 epochs=4", "epochs is set twice, by 'epochs=3' and 'epochs=4'; write it once."),
        ("parallelism=1x1x2 parallelism.k=2", "parallelism.k is set twice, by 'parallelism=1x1x2' "
         "and 'parallelism.k=2'; write it once."),
        ("parallelism=2x2", "'parallelism=2x2' is refused: '2x2' is not a parallelism; write "
         "i x j x k like 2x2x8."),
        ("suite=quick,scaling", "'suite=quick,scaling' names several suites; a command runs one."),
        ("seeds=1,2", "'seeds=1,2' names several numbers of seeds; write seeds=N, or seed=A,B."),
        ("results_dir=a,b", "'results_dir=a,b' names several values, and results_dir changes "
         "nothing of what is computed; write one; where that is one value, write "
         "'results_dir=\"a,b\"'."),
        ("model=glob(*)", "'model=glob(*)' does not say which values; write them out, KEY=A,B."),
        ("~epochs=3", "'~epochs=3' would remove a key, and all are needed; leave it out."),
        ("model@mine=jodie", "'model@mine=jodie' puts a choice where nothing reads it; write "
         "model=NAME."),
        ("quick", "'quick' is not understood; write KEY=VALUE, such as suite=quick; --help shows "
         "every key."),
        ("results_dir=", "'results_dir=' has no value; write results_dir=VALUE."),
        ("seed=1,2,1", "'seed=1,2,1' names 1 twice; write it once."),
        ("seed=1,", "'seed=1,' is not understood; write KEY=VALUE or KEY=A,B; where that is one "
         "value, write 'seed=\"1,\"'."),
        ("seed=range(1,3),5", "'seed=range(1,3),5' does not say which values; write them out, "
         "KEY=A,B."),
        ("seed=[1,2]", "'seed=[1,2]' is refused: the value must be a whole number; several values "
         "are written KEY=A,B."),
        ("pin_cores=maybe", "'pin_cores=maybe' is refused: the value must be true or false."),
        ("model._target_=my.Net model.width=3", "There is no key 'model.width'; +model.width=VALUE "
         "hands it to the class of model."),
        ("epochs=null", "'epochs=null' is refused: it needs a value."),
        ("seed=${oc.env:HOME}", f"seed must be a number, not {os.environ['HOME']!r}."),
        ("--config-dir", "--config-dir needs a folder: --config-dir DIR."),
    ],
)  # fmt: skip
def test_what_is_not_supported_says_the_way(words: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        found(*words.split())
    assert str(refused.value) == sentence


def test_ranges_are_swept_over() -> None:
    assert combinations(["epochs=range(1,4)"]) == [["epochs=1"], ["epochs=2"], ["epochs=3"]]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with ``conf`` for a suite, a network, a system and a data set."""
    monkeypatch.chdir(tmp_path)
    files = {
        "suite/mine.yaml": "# @package _global_\nsuite:\n  name: mine\n  question: Which?\n"
        "  sweep:\n    - parallelism: [1x1x1, 1x1x2]\nepochs: 2\n",
        "model/small.yaml": "defaults: [tgn_attention, _self_]\nmemory_dim: 7\n",
        "system/ordered.yaml": "defaults: [disttgl, _self_]\ngradient_sum: ordered\n",
        "dataset/short.yaml": "defaults: [synthetic, _self_]\nnum_events: 3000\n",
    }
    for name, text in files.items():
        (tmp_path / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf" / name).write_text(text)
    return tmp_path


WORDS = ["suite=mine", "model=small", "system=ordered", "dataset=short"]


def test_a_folder_of_ones_own_is_searched(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiments = expand(WORDS, may_download=False).experiments
    assert [str(one.parallelism) for one in experiments] == ["1x1x1", "1x1x2"]
    (one, _) = experiments
    assert one.model["memory_dim"] == 7
    assert one.system["gradient_sum"] == "ordered"
    assert one.dataset["num_events"] == 3000
    assert (one.suite.name, one.epochs) == ("mine", 2)
    assert "mine" in choices("suite")
    elsewhere = own / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert "mine" not in choices("suite")
    named = complete(["--config-dir", str(own / "conf"), *WORDS])
    again = expand(named, may_download=False).experiments
    assert [one.fingerprint for one in again] == [one.fingerprint for one in experiments]


def test_nothing_of_the_folder_is_ignored(own: Path) -> None:
    clash = own / "conf" / "suite" / "quick.yaml"
    clash.write_text("epochs: 3")
    with pytest.raises(UserError) as refused:
        compose_settings([])
    assert str(refused.value) == f"{clash} has the name of one of the suite's own; rename it."
    wrong = clash.rename(clash.with_name("other.yml"))
    with pytest.raises(UserError) as refused:
        compose_settings([])
    assert str(refused.value) == f"{wrong} is not read; rename it to other.yaml."
    wrong.unlink()
    (own / "empty").mkdir()
    with pytest.raises(UserError, match="--config-dir empty holds no folder suite, dataset, task"):
        compose_settings(["--config-dir=empty"])
    (own / "conf" / "suite" / "mine.yaml").write_text("a: [")
    with pytest.raises(UserError, match=r"A file of settings is no yaml: .*mine\.yaml"):
        compose_settings(["suite=mine"])


def test_show_prints_what_the_record_would_hold(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*WORDS, "--show"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("--- # synthetic-ordered-small-1x1x1-seed0\ndataset:\n  _target_: ")
    documents = list(yaml.safe_load_all(shown))
    experiments = expand(WORDS, may_download=False).experiments
    assert [one["parallelism"] for one in documents] == [
        {"i": 1, "j": 1, "k": 1}, {"i": 1, "j": 1, "k": 2},
    ]  # fmt: skip
    assert documents[0]["model"] == experiments[0].config()["model"]
    assert not (own / "results").exists()


def test_an_older_name_of_a_folder_is_found_again(tmp_path: Path) -> None:
    words = ["system=disttgl", f"results_dir={tmp_path}"]
    (one,) = expand(words, may_download=False).experiments
    assert one.folder.path.name == f"synthetic-disttgl-tgn_attention-1x1x1-seed0-{one.fingerprint}"
    old = tmp_path / "quick" / f"synthetic-disttgl-1x1x1-seed0-{one.fingerprint}"
    old.mkdir(parents=True)
    assert one.folder.path == old


def test_a_command_does_one_thing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--show", "--list"]) == 2
    told = "error: --list and --show are several things to do; write one of them.\n"
    assert capsys.readouterr().err == told


def test_the_command_to_paste_has_what_decides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in suites.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert pasted([]).startswith(f"{sys.executable} -m benchmark.run")
    monkeypatch.setattr("shutil.which", lambda name: sys.executable)
    assert pasted(["seeds=3"]) == "python -m benchmark.run seeds=3"
    monkeypatch.setenv("DATASETS_ROOT", "/my data")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "eth1")
    assert pasted(["results_dir=my results"]) == (
        "DATASETS_ROOT='/my data' WANDB_MODE=offline GLOO_SOCKET_IFNAME=eth1 "
        "python -m benchmark.run 'results_dir=my results'"
    )
