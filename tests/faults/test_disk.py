"""Every kind of write on a disk that is full or fails: one sentence, a failed row, and a cure."""

import errno
import json
import os
from pathlib import Path

import pytest

from benchmark.errors import FULL_DISK
from tests.faults.disk import refuse
from tests.faults.scene import Scene, record

pytestmark = pytest.mark.faults
STATIC = ("system.static_memory=pretrained", "system.static_memory_epochs=2", "epochs=3")
# The kinds of write: a part of the path, and the operation that fails.
WRITES = {
    "results folder": ("/results", "mkdir"),
    "run folder": ("/quick/synthetic", "mkdir"),
    "holder": ("/holder", "write"),
    "config": ("config.yaml", "write"),
    "log": ("log.txt", "open"),
    "environment": ("environment.json", "write"),
    "heartbeat": ("heartbeat/.rank0", "write"),
    "heartbeat folder": ("/heartbeat", "mkdir"),
    "lines": ("metrics.jsonl", "write"),
    "lines settled": ("metrics.jsonl", "fsync"),
    "checkpoint": (".rank0.pt", "write"),
    "checkpoint settled": (".rank0.pt", "fsync"),
    "checkpoint manifest": ("manifest.json", "write"),
    "checkpoint folder": ("checkpoint/round", "mkdir"),
    "result": (".result.json", "write"),
    "result settled": (".result.json", "fsync"),
    "best folder": ("/.best.", "mkdir"),
    "best state": (".state.pt", "write"),
    "temporary files": ("/.disttgl-benchmark.", "mkdir"),
    "static memory's checkpoint": ("epoch-", "write"),
    "static memory's columns": ("/rows.npy", "write"),
    "static memory's lock": ("static_memory/", "open"),
    "static memory's folder": ("/static_memory", "mkdir"),
}
# Every write meets the first two, and one of the others each.
ERRORS = {
    "full": [errno.ENOSPC],
    "failing": [errno.EIO],
    "otherwise": [errno.EROFS, errno.EACCES, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR,
                  errno.EDQUOT, errno.EPERM, errno.ELOOP, errno.EFBIG, errno.ESTALE],
}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scene = Scene(tmp_path_factory.mktemp("undisturbed"), *STATIC)
    code, said = scene.run()
    assert code == 0, said
    assert scene.folder is not None
    return scene.folder


@pytest.mark.parametrize("disk", ERRORS)
@pytest.mark.parametrize("write", WRITES)
def test_a_disk_that_refuses_is_a_sentence_and_the_next_run_heals(
    write: str, disk: str, undisturbed: Path, tmp_path: Path
) -> None:
    fragment, operation = WRITES[write]
    number = ERRORS[disk][list(WRITES).index(write) % len(ERRORS[disk])]
    scene = Scene(tmp_path, *STATIC)
    code, said = scene.run(prepare=refuse(fragment, number, operation))
    assert code == 1, said
    assert "Traceback" not in said
    assert "Records: " in said  # the table was printed
    (row,) = [line for line in said.splitlines() if "failed:" in line or " failed " in line][-1:]
    assert ("Disk full: " in said) == (number in FULL_DISK), said
    assert str(tmp_path) in row or str(tmp_path) in said
    assert " to a folder that can, on a disk with room, or " in " ".join(said.split())
    if scene.folder and (scene.folder / "result.json").exists():
        assert json.loads((scene.folder / "result.json").read_text())["status"] == "failed"
    code, said = scene.run()
    assert code == 0, said
    assert scene.folder is not None
    assert record(scene.folder) == record(undisturbed)
    assert scene.left() == []


def test_one_that_fails_does_not_keep_the_others_from_running(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "seeds=3", "epochs=1")
    code, said = scene.run(prepare=refuse("seed1-", errno.ENOSPC, "mkdir"))
    assert code == 1
    statuses = [json.loads((f / "result.json").read_text())["status"] for f in scene.folders]
    assert statuses == ["finished", "finished"]
    assert "failed:Diskfull:" in "".join(said.split())  # the table breaks lines anywhere


def test_a_finished_suite_in_a_read_only_folder_prints_its_table(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "epochs=1")
    assert scene.run()[0] == 0
    for operation in ("open", "mkdir"):
        code, said = scene.run(prepare=refuse("/results", errno.EROFS, operation))
        assert (code, "skipped" in said, "Records: " in said) == (0, True, True), said
        assert "Traceback" not in said


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_that_nobody_can_take_costs_no_run(stream: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path, "epochs=1")

    def fill() -> None:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, {"stdout": 1, "stderr": 2}[stream])

    code, said = scene.run(prepare=fill)
    assert "Traceback" not in said
    assert code == {"stdout": 2, "stderr": 0}[stream], said
    assert scene.folder is not None
    assert json.loads((scene.folder / "result.json").read_text())["status"] == "finished"
    assert ("error: Disk full: " in said) == (stream == "stdout")
    assert scene.run()[0] == 0


def test_a_name_that_is_too_long_and_a_file_where_a_folder_belongs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for number, place in enumerate((tmp_path / ("n" * 300), tmp_path / "file" / "results")):
        scene = Scene(tmp_path / str(number), "epochs=1")
        code, said = scene.run(f"results_dir={place}")
        assert code in (1, 2), said  # a failed row, or a name too long even to look for
        assert "Traceback" not in said
        assert f"{place}" in said
        assert "set results_dir to a folder that can" in " ".join(said.split())
