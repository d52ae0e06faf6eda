"""The help page, made from the comments of the configuration files."""

import re
import textwrap
from collections.abc import Sequence

from benchmark.runner.compose import CONF, GROUPS, choices, question

WIDTH = 100
KEY_WIDTH = 36
USAGE = """\
python -m benchmark.run [suite=NAME] [KEY=VALUE ...] [--config-dir DIR] [--list | --show | --help]

Runs the experiments of a suite, one after the other, each in processes of its own. What has
finished is skipped, so the same command goes on where it was interrupted. A value on the command
line wins over what the suite sets, and narrows its sweep. Several values, KEY=A,B, are run one
after the other, in all combinations with those of other keys; parallelism=1x2x2 sets i, j and k.

  --list            show the experiments of the suite and how far they are; run nothing
  --show            print the resolved settings of every experiment; run nothing
  --config-dir DIR  also choose from DIR/suite, DIR/model and so on; without it, from ./conf
"""
OPTIONS = """\
  Each has options, written GROUP.KEY=VALUE; benchmark/conf/GROUP/NAME.yaml explains them.
"""
EXAMPLES = """\
Examples
  python -m benchmark.run
  python -m benchmark.run suite=quick dataset=wikipedia system=disttgl epochs=12
  python -m benchmark.run suite=scaling seeds=3 --list
  python -m benchmark.run system=tgn,disttgl learning_rate=1e-3,1e-4 seed=0,1
  python -m benchmark.table results/runs   (every recorded run beside those it compares with)
  python -m benchmark.mirror results/runs/quick/RUN_FOLDER   (send a recorded run to W&B)
"""


HELP = {"--help", "-h"}


def help_page(words: Sequence[str] = ()) -> str:
    """Usage, suites, groups with their choices, keys with their meaning and default."""
    suites, groups = "Suites\n" + _suites(words), "Groups\n" + _groups(words)
    sections = [USAGE, suites, groups, "Keys\n" + _keys(), EXAMPLES]
    return "\n".join(sections)


def print_help(words: Sequence[str]) -> int:
    """Print the page; the exit code."""
    print(help_page([word for word in words if word not in HELP]))
    return 0


def _suites(words: Sequence[str]) -> str:
    rows = ""
    for name in choices("suite", words):
        rows += _row(f"suite={name}", question(name, words))
    return rows


def _groups(words: Sequence[str]) -> str:
    rows = (_row(f"{group}=", ", ".join(choices(group, words))) for group in GROUPS[1:])
    return "".join(rows) + OPTIONS


def _keys() -> str:
    """Each key with the comment above it."""
    rows, comment, parent = "", [], ""
    text = (CONF / "config.yaml").read_text().partition("\n\n")[2]
    for line in text.splitlines():
        indent, key, value = re.fullmatch(r"( *)(?:([\w]+):)?(.*)", line).groups()  # type: ignore[union-attr]
        if key is None:
            comment.append(value.strip().removeprefix("# "))
        elif not value.strip():
            parent, comment = key, []
        else:
            name = f"{parent}.{key}" if indent else key
            rows += _row(f"{name}={value.strip()}", " ".join(comment))
            comment = []
    return rows


def _row(left: str, right: str) -> str:
    margin = " " * (KEY_WIDTH + 2)
    wrapped = textwrap.fill(right, WIDTH, initial_indent=margin, subsequent_indent=margin)
    return f"  {left:<{KEY_WIDTH}}{wrapped[len(margin) :]}\n"
