"""Whatever happens to the files of a run folder: the same command heals it, or says a sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.scene import Scene, record

pytestmark = pytest.mark.faults
Damage = Callable[[Path], object]
NEWEST, BEFORE = "checkpoint/round-000006", "checkpoint/round-000005"
FILES = (
    "result.json", "metrics.jsonl", "config.yaml", "environment.json", "holder",
    f"{NEWEST}/rank0.pt", f"{NEWEST}/manifest.json", f"{BEFORE}/rank0.pt",
    "heartbeat/rank0.json",
)  # fmt: skip


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


NODES = ("task=node_accuracy", "epochs=2")
KINDS = {"empty": empty, "cut": cut, "flip": flip, "no text": no_text, "missing": Path.unlink,
         "a folder": folder}  # fmt: skip


def in_lines(change: Callable[[list[str]], list[str]]) -> Damage:
    def damage(run: Path) -> None:
        path = run / "metrics.jsonl"
        path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    return damage


def another_number(run: Path) -> None:
    result = json.loads((run / "result.json").read_text())
    result["metrics"] = dict.fromkeys(result["metrics"], 0.99)
    (run / "result.json").write_text(json.dumps(result))


def swapped(run: Path) -> None:
    shutil.copy(run / BEFORE / "rank0.pt", run / NEWEST / "rank0.pt")


OTHERS: dict[str, Damage] = {
    "another number": another_number,
    "a hole": in_lines(lambda lines: lines[:3] + lines[4:]),
    "lines twice": in_lines(lambda lines: lines + lines[-2:]),
    "lines of another order": in_lines(lambda lines: lines[::-1]),
    "no checkpoint": lambda run: shutil.rmtree(run / "checkpoint"),
    "checkpoint a file": lambda run: [
        shutil.rmtree(run / "checkpoint"), (run / "checkpoint").write_text("x")
    ],
    "checkpoint swapped": swapped,
    "newest checkpoint missing": lambda run: shutil.rmtree(run / NEWEST),
    "unreadable latest": lambda run: (run / "checkpoint" / "latest").write_bytes(b"\xff"),
    "foreign file": lambda run: (run / "notes.txt").write_text("mine"),
}  # fmt: skip
DAMAGES: dict[str, Damage] = {
    **{
        f"{file}: {kind}": (lambda run, file=file, harm=harm: harm(run / file))
        for file in FILES
        for kind, harm in KINDS.items()
    },
    **OTHERS,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = Scene(tmp_path_factory.mktemp("whole"))
    code, said = scene.run()
    assert code == 0, said
    return scene


def copied(whole: Scene, path: Path, *words: str) -> tuple[Scene, Path]:
    scene = Scene(path, *words)
    shutil.copytree(whole.results, scene.results)
    assert scene.folder is not None
    return scene, scene.folder


@pytest.mark.parametrize("unfinished", [False, True], ids=["finished", "unfinished"])
@pytest.mark.parametrize("name", DAMAGES)
def test_damage_heals_with_equal_results(
    name: str, unfinished: bool, whole: Scene, tmp_path: Path
) -> None:
    assert whole.folder is not None
    scene, run = copied(whole, tmp_path)
    DAMAGES[name](run)
    if unfinished and (run / "result.json").is_file():
        (run / "result.json").unlink()
    code, said = scene.run()
    assert "Traceback" not in said
    assert code == 0, said
    assert record(run) == record(whole.folder)
    assert scene.left() == []


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = Scene(tmp_path_factory.mktemp("nodes"), *NODES)
    code, said = scene.run()
    assert code == 0, said
    return scene


@pytest.mark.parametrize("unfinished", [False, True], ids=["finished", "unfinished"])
@pytest.mark.parametrize("kind", ["empty", "flip", "missing", "cut"])
def test_damage_of_what_a_task_writes_beside_its_lines_heals(
    kind: str, unfinished: bool, nodes: Scene, tmp_path: Path
) -> None:
    assert nodes.folder is not None
    scene, run = copied(nodes, tmp_path, *NODES)
    KINDS[kind](run / "nodes.csv")
    if unfinished:
        (run / "result.json").unlink()
    code, said = scene.run()
    assert code == 0, said
    assert (run / "nodes.csv").read_bytes() == (nodes.folder / "nodes.csv").read_bytes()
    assert record(run) == record(nodes.folder)


def test_flipped_bits_of_checkpoints_are_said_in_the_record(whole: Scene, tmp_path: Path) -> None:
    scene, run = copied(whole, tmp_path)
    (run / "result.json").unlink()
    flip(run / NEWEST / "rank0.pt")
    assert scene.run()[0] == 0
    (resumed,) = json.loads((run / "result.json").read_text())["resumed"]
    assert resumed["round"] == 5
    assert resumed["passed_over"] == ["round-000006/rank0.pt is not what was written"]


def test_damage_is_listed_and_nothing_is_run(whole: Scene, tmp_path: Path) -> None:
    for name in ("result.json: no text", "metrics.jsonl: cut", "config.yaml: flip"):
        scene, run = copied(whole, tmp_path / name.replace(": ", "-").replace(" ", "-"))
        DAMAGES[name](run)
        code, said = scene.run("--list")
        assert code == 0, said
        reason = f"unreadable:{run}/{name.partition(':')[0]}:"  # the table breaks lines anywhere
        assert reason in "".join(said.split())
        assert "Traceback" not in said
