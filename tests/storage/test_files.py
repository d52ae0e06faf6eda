import bz2
import errno
import gzip
import hashlib
import lzma
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from benchmark.storage import formats
from benchmark.storage.files import exclusive, written_whole
from benchmark.storage.formats import content_checksum

SHA256_OF_X = hashlib.sha256(b"x").hexdigest()


def test_written_whole_replaces_or_keeps(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    with written_whole(path) as temporary:
        temporary.write_text("new")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "new"


def test_files_and_folders_take_each_others_place(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    for _ in range(2):
        with written_whole(path) as temporary:
            temporary.mkdir()
            (temporary / "a").write_text("in a folder")
        assert (path / "a").read_text() == "in a folder"
    with written_whole(path) as temporary:
        temporary.write_text("a file")
    assert path.read_text() == "a file"
    assert [item.name for item in tmp_path.iterdir()] == ["entry"]


def test_what_a_killed_process_left_is_collected_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a[1].pt"  # a name that glob would take for a pattern
    killed = textwrap.dedent(f"""
        import os, pathlib, signal
        from benchmark.storage.files import exclusive, written_whole
        path = pathlib.Path({str(path)!r})
        with exclusive(path), written_whole(path) as temporary:
            temporary.write_bytes(b"half of it")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", killed], check=False, env=environment)
    assert done.returncode < 0
    assert not path.exists()
    assert len(list(tmp_path.glob(".a*.tmp"))) == 1
    other = tmp_path / ".b.0.tmp"
    other.write_text("of another that is still being written")
    with exclusive(path):
        assert sorted(item.name for item in tmp_path.iterdir()) == [".b.0.tmp", "a[1].pt.lock"]
    subprocess.run([sys.executable, "-c", killed], check=False, env=environment)
    with written_whole(path) as temporary:  # also where nobody else would wait
        temporary.write_bytes(b"whole")
    assert sorted(item.name for item in tmp_path.glob("*[!k]")) == [".b.0.tmp", "a[1].pt"]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    message = f"^{tmp_path}/cache cannot be written to .*: set cache_dir to a folder that can"
    with pytest.raises(ValueError, match=message), exclusive(tmp_path / "cache" / "a"):
        pass
    with pytest.raises(ValueError, match=message), written_whole(tmp_path / "cache" / "a"):
        pass


def test_a_full_disk_is_named_and_other_errors_are_left_alone(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match=rf"{tmp_path} cannot be written to \(No space left"),
        written_whole(tmp_path / "a"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "a"):
        (tmp_path.parent / "input that is missing").read_text()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_checksum_of_the_content_however_it_is_packed(tmp_path: Path, pack) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(pack(b"x"))
    assert content_checksum(path, tmp_path / "cache") == SHA256_OF_X
    if pack is not bytes:
        path.write_bytes(pack(b"x")[:-3])
        with pytest.raises(ValueError, match=f"{path} is not a whole packed file .*: fetch it"):
            content_checksum(path, tmp_path / "cache")


def settle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time go on so far that another change of the file would show in its times."""
    status = path.stat()
    monkeypatch.setattr(formats.time, "time_ns", lambda: status.st_ctime_ns + 2_000_000_000)


def test_checksum_is_remembered_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = tmp_path / "file", tmp_path / "cache"
    path.write_text("x")
    settle(path, monkeypatch)
    assert content_checksum(path, cache) == SHA256_OF_X
    with monkeypatch.context() as patched:
        patched.setattr(formats, "open_unpacked", lambda _: pytest.fail("read again"))
        assert content_checksum(path, cache) == SHA256_OF_X
    status = path.stat()
    path.write_text("y")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # size and mtime as before
    assert content_checksum(path, cache) == hashlib.sha256(b"y").hexdigest()


def test_checksum_of_a_file_that_may_still_change_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    content_checksum(path, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [b"", b"<html>", b"0" * 64, b"\xff\xfe", None])
def test_a_damaged_note_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | None
) -> None:
    path, cache = tmp_path / "file", tmp_path / "cache"
    path.write_text("x")
    settle(path, monkeypatch)
    content_checksum(path, cache)
    (note,) = (cache / "checksums").iterdir()
    digest, seal = note.read_text().split()
    other = "1" if digest[0] == "0" else "0"
    note.write_bytes(f"{other}{digest[1:]} {seal}".encode() if damage is None else damage)
    assert content_checksum(path, cache) == SHA256_OF_X


def test_checksum_needs_no_cache_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.utime(tmp_path / "file")
    (tmp_path / "cache").write_text("no folder")
    assert content_checksum(tmp_path / "file", tmp_path / "cache") == SHA256_OF_X
