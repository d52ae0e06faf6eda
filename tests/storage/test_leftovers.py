"""What a kill leaves is collected at the next start, and nothing of those who live."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from benchmark.errors import PlaceError
from benchmark.storage import files
from benchmark.storage.files import collect_leftovers, scratch, temporary_path

KILLED = """
import os, pathlib, signal, sys
from benchmark.storage.files import scratch, temporary_path
path = temporary_path(pathlib.Path(sys.argv[1]) / "deep" / "columns")
path.mkdir(parents=True)
(path / "a.npy").write_bytes(b"half of it")
temporary_path(pathlib.Path(sys.argv[1]) / "result.json").write_text("{")
with scratch() as folder:
    (folder / "torchelastic_x").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path / "tmp"


def test_of_a_killed_process_all_is_collected_and_of_a_living_one_nothing(
    tmp_path: Path, temporary: Path
) -> None:
    place = tmp_path / "place"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(place)], env=environment, check=False
    )
    assert killed.returncode < 0
    assert len(list(temporary.iterdir())) == 1
    mine = temporary_path(place / "b")
    mine.write_text("at work on it")
    (place / ".other.tmp").write_text("no name of ours")
    with scratch() as folder:
        collect_leftovers(place)
        assert list(temporary.iterdir()) == [folder]
    assert list(temporary.iterdir()) == []
    left = sorted(path.name for path in place.rglob("*"))
    assert left == sorted([".other.tmp", mine.name, "deep"])


def test_of_another_machine_only_what_is_a_day_old(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(files, "_machine", lambda: "01234567")
        paths = [temporary_path(tmp_path / name) for name in ("new", "old")]
    for path in paths:
        path.write_text("")
    os.utime(paths[1], (0, 0))
    collect_leftovers(tmp_path)
    assert [path.exists() for path in paths] == [True, False]


def test_where_there_can_be_no_temporary_files_the_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(PlaceError, match=r"file/\..* set TMPDIR to a folder that can"), scratch():
        pass
