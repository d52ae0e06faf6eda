"""README.md: short, and true about the folders."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MOST_BYTES = 9 * 1024


def tree() -> list[str]:
    """The folders of the tree, as paths."""
    (block,) = re.findall(r"```\n(benchmark/ .*?)```", README, re.DOTALL)
    parent, found = "", []
    for line in block.splitlines():
        name = line.split()[0]
        parent = parent if line.startswith(" ") else name
        found.append(parent + name if line.startswith(" ") else name)
    return [path.rstrip("/") for path in found]


def folders() -> set[str]:
    """The folders that git knows: at the top, and the rooms of benchmark."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    parts = [Path(line).parts for line in listed.stdout.splitlines()]
    top = {part[0] for part in parts if len(part) > 1}
    rooms = {f"benchmark/{part[1]}" for part in parts if len(part) > 2 and part[0] == "benchmark"}
    return top | rooms


def test_the_tree_is_what_there_is() -> None:
    assert set(tree()) == {path for path in folders() if not path.startswith(".")}


def test_it_is_short() -> None:
    assert len(README.encode()) <= MOST_BYTES


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
    for named in re.findall(r"`((?:benchmark|datasets)/[\w/]+\.py)`", README):
        assert (ROOT / named).is_file(), named
