"""Whatever is killed, whenever: the same command ends with the record of an undisturbed one.

``pytest -m faults -k campaign-3-`` replays the kills of campaign 3.
"""

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from benchmark.records.schema import validate_result
from tests.faults.forked import Forked
from tests.faults.scene import PATIENCE, Scene, record, wait_until

pytestmark = pytest.mark.faults
CAMPAIGNS, KILLS = 12, 5
HEARTBEAT_SECONDS = 3
LAYOUTS = {
    "daemon": ("parallelism.k=2", "processes=2", "system.node_memory=daemon"),
    "one process": ("parallelism.k=2", "processes=1", "system.node_memory=daemon"),
    "replica": ("parallelism.i=2", "processes=2", "system.node_memory=replica"),
}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSTOP)


class Kill(NamedTuple):
    """``target`` gets ``number`` when ``step`` iterations are done; before the first report for 0,
    so many ``seconds`` after the target was first seen."""

    target: str
    number: signal.Signals
    step: int
    seconds: float


def kills(seed: int, layout: str) -> list[Kill]:
    """Those of a campaign: every target and signal comes up, in an order that is the seed's."""
    chance = random.Random(seed)
    targets = ["runner", "rank 0"]
    targets += [] if layout == "one process" else ["launcher", "rank 1"]
    targets += [] if layout == "replica" else ["daemon"]
    return [
        Kill(
            chance.choice(targets),
            SIGNALS[(seed * KILLS + number) % len(SIGNALS)],
            chance.choice([0, 0, chance.randrange(1, 15), chance.randrange(1, 15)]),
            chance.uniform(0, 0.3),
        )
        for number in range(KILLS)
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The run folder of each layout."""
    found = {}
    for layout, words in LAYOUTS.items():
        scene = Scene(tmp_path_factory.mktemp(layout.replace(" ", "-")), *words)
        code, said = scene.run()
        assert code == 0, said
        assert scene.left() == []
        assert scene.folder is not None
        found[layout] = scene.folder
    return found


@pytest.mark.parametrize("seed", range(CAMPAIGNS), ids="campaign-{}-".format)
def test_a_campaign_of_kills(seed: int, undisturbed: dict[str, Path], tmp_path: Path) -> None:
    layout = list(LAYOUTS)[seed % len(LAYOUTS)]
    scene = Scene(tmp_path, *LAYOUTS[layout], f"heartbeat_seconds={HEARTBEAT_SECONDS}")
    for kill in kills(seed, layout):
        _disturb(scene, kill)
        if _is_finished(scene):
            assert scene.folder is not None
            assert record(scene.folder) == record(undisturbed[layout]), kill
            for path in sorted(scene.folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
    code, said = scene.run()
    assert code == 0, said
    assert scene.folder is not None
    assert record(scene.folder) == record(undisturbed[layout])
    assert scene.left() == []
    names = {path.name for path in scene.folder.iterdir()}
    assert names == {path.name for path in undisturbed[layout].iterdir()}


def _disturb(scene: Scene, kill: Kill) -> None:
    """Start the command, send the signal, and check how it ends."""
    for beats in scene.results.glob("*/*/heartbeat"):
        shutil.rmtree(beats)  # they would be taken for those of this command
    runner = scene.start()
    target = _await_target(scene, runner, kill)
    if target is None:  # the command had ended before
        print(kill, "came too late", runner.wait(PATIENCE))
        return
    os.kill(target, kill.number)
    if kill.number == signal.SIGSTOP and kill.target == "runner":
        time.sleep(0.5)
        os.kill(target, signal.SIGCONT)
    code = runner.wait(PATIENCE)
    said = scene.said()
    print(kill, code, said.strip().splitlines()[-3:])
    assert "Traceback" not in said, (kill, said)
    if kill.target == "runner" and kill.number in (signal.SIGTERM, signal.SIGINT):
        before_anything = {-kill.number} if not said else set()
        assert code in {0, 128 + kill.number} | before_anything, (kill, code, said)
    elif kill.target == "runner" and kill.number == signal.SIGKILL:
        assert code in (0, -signal.SIGKILL), (kill, code)
    elif code != 0:
        assert code == 1, (kill, code, said)
        _check_reason(scene, kill)
    assert [p for p in scene.left() if p.isdigit()] == [], kill


def _check_reason(scene: Scene, kill: Kill) -> None:
    """The reason names what died first, and how."""
    assert scene.folder is not None
    result = json.loads((scene.folder / "result.json").read_text())
    assert validate_result(result) == []
    reason = result["reason"]
    named = {"daemon": "memory"}.get(kill.target, kill.target)
    how = "stopped" if kill.number == signal.SIGSTOP else kill.number.name
    assert named in reason, (kill, reason)
    assert how in reason or "has not reported" in reason, (kill, reason)


def _is_finished(scene: Scene) -> bool:
    path = scene.folder / "result.json" if scene.folder else None
    return bool(path and path.exists() and json.loads(path.read_text())["status"] == "finished")


def _await_target(scene: Scene, runner: Forked, kill: Kill) -> int | None:
    """The process to kill, when it is time to."""
    found: list[int] = []

    def there() -> bool:
        if runner.poll() is not None:
            return True
        pid = _target(runner.pid, kill.target, "processes=1" in scene.words)
        if pid is not None and (not kill.step or _steps(scene) >= kill.step):
            found[:] = [pid]
        return bool(found)

    assert wait_until(there), kill
    if found and not kill.step:
        time.sleep(kill.seconds)
    return found[0] if found and runner.poll() is None and psutil.pid_exists(found[0]) else None


def _target(runner: int, name: str, alone: bool) -> int | None:
    """By its place in the tree: runner, launcher, ranks in order, their daemons.

    A rank that is ``alone`` has no launcher.
    """
    try:
        if name == "runner":
            return runner
        first = psutil.Process(runner).children()[:1]
        if not first or name == "launcher":
            return first[0].pid if first else None
        ranks = first if alone else sorted(first[0].children(), key=lambda process: process.pid)
        if name == "daemon":
            daemons = [c for rank in ranks for c in rank.children() if "memory" in str(c.cmdline())]
            return daemons[0].pid if daemons else None
        number = int(name.split()[1])
        return ranks[number].pid if number < len(ranks) else None
    except psutil.Error:
        return None


def _steps(scene: Scene) -> int:
    done = 0
    for path in scene.results.glob("*/*/heartbeat/rank0.json"):
        try:
            beat = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        done = max(done, beat["done"] if beat["phase"] == "train" else 0)
    return done
