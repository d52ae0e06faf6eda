"""Imports go down the list of rooms only; one room is not another's back door."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up; a module may import rooms above it in this list, and its own.
ORDER = (
    ("benchmark.errors", "benchmark.randomness", "benchmark.parallelism"),
    ("benchmark.machine",),
    ("benchmark.storage",),
    ("benchmark.records",),
    ("benchmark.experiment",),
    ("benchmark.datasets",),
    ("benchmark.graph",),
    ("benchmark.models",),
    ("benchmark.protocol",),
    ("benchmark.training",),
    ("benchmark.disttgl",),
    ("benchmark.baselines",),
    ("benchmark.tasks",),
    ("benchmark.runner",),
    ("benchmark.tools",),
)
COMMANDS = (
    "run",
    "submit",
    "plan",
    "check_model",
    "keep",
    "mirror",
    "agreement",
    "table",
    "evaluate",
    "predict",
    "gpu_report",
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
LONGEST_FILE, LONGEST_COMMAND = 250, 50
SOURCES = sorted(
    path
    for folder in ("benchmark", "datasets", "baselines")
    for path in (ROOT / folder).rglob("*.py")
    if not (folder == "benchmark" and path.relative_to(ROOT).parts[1] in ("datasets", "baselines"))
)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "benchmark" else ("benchmark", *parts))


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def imported(path: Path) -> set[str]:
    """The rooms that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("benchmark"):
            module = str(node.module)
            names = [f"benchmark.{one.name}" for one in node.names]
            found |= set(names) if module == "benchmark" else {room_of(module)}
        if isinstance(node, ast.Import):
            found |= {room_of(one.name) for one in node.names if one.name.startswith("benchmark.")}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    room = room_of(name_of(path))
    if room.removeprefix("benchmark.") in (*COMMANDS, "__init__", "benchmark"):
        return
    upward = {one for one in imported(path) if LEVEL[one] > LEVEL[room]}
    assert not upward, f"{name_of(path)} imports {upward}"


def test_records_need_no_torch() -> None:
    for path in (ROOT / "benchmark" / "records").glob("*.py"):
        assert "import torch" not in path.read_text()


def test_omegaconf_is_known_to_one_file() -> None:
    heads = {name_of(path): path.read_text().split("def ")[0] for path in SOURCES}
    knowing = {name for name, head in heads.items() if "from omegaconf" in head}
    assert knowing == {"benchmark.runner.compose"}


def test_commands_are_short_and_files_fit_in_the_head() -> None:
    for name in COMMANDS:
        text = (ROOT / "benchmark" / f"{name}.py").read_text()
        assert text.count("\n") <= LONGEST_COMMAND, name
    for path in [*SOURCES, *(ROOT / "paper_figures").glob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        assert path.read_text().count("\n") <= LONGEST_FILE, path
