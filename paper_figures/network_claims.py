"""Claims about networks, from a table of measured and published rows: who is best, and how good.

The tables have the columns origin, network, by, system and those of ``spread.columns``.
"""

from collections import defaultdict
from typing import Any

import pandas as pd

from paper_figures.claim import Claim, Verdict
from paper_figures.records import as_one
from paper_figures.spread import cell

OUR_SYSTEM = "disttgl"  # trains every network, so that only the network differs
FORM = ".2f"

Row = dict[str, Any]
Rows = dict[str, Row]  # by network


def ranking(table: pd.DataFrame, value: str, best: str, about: str, conditions: str) -> list[Claim]:
    """How ``best`` stands against the other networks measured, in every paper that reports both.

    Reproduced if it stands to each as in each paper, their intervals apart; contradicted if to
    none; partly between. Nothing where no paper reports another network that was measured.
    """
    ours = _measured(table, value)
    if best not in ours:
        return []
    compared = {
        source: {network: row for network, row in rows.items() if network in ours}
        for source, rows in _published(table, value).items()
        if best in rows
    }
    pairs = [(rows, rival) for rows in compared.values() for rival in rows if rival != best]
    if not pairs:
        return []
    agree = [
        _agrees(ours[best], ours[rival], rows[best][value] > rows[rival][value], value)
        for rows, rival in pairs
    ]
    rivals = list(dict.fromkeys(rival for _, rival in pairs))
    some = Verdict.CONTRADICTED if all(one is False for one in agree) else Verdict.PARTLY
    return [
        Claim(
            statement=f"{about}: {best} against {', '.join(rivals)}",
            published="; ".join(
                f"{source}: {_listed(rows, value, best)}"
                for source, rows in compared.items()
                if len(rows) > 1
            ),
            measured=_listed({name: ours[name] for name in (best, *rivals)}, value, best),
            conditions=conditions,
            verdict=Verdict.REPRODUCED if all(agree) else some,
            command=as_one(ours[name]["source"] for name in (best, *rivals)),
        )
    ]


def _agrees(best: Row, rival: Row, best_is_above: bool, value: str) -> bool | None:
    """Whether the order is the paper's; None where the intervals of the two overlap."""
    (low, high), (rival_low, rival_high) = _interval(best, value), _interval(rival, value)
    if low > rival_high:
        return best_is_above
    return not best_is_above if high < rival_low else None


def _interval(row: Row, value: str) -> tuple[float, float]:
    return row[f"{value}_low"], row[f"{value}_high"]


def _listed(rows: Rows, value: str, best: str) -> str:
    """ "98.46 against JODIE 94.62, TGAT 95.34"."""
    rivals = (f"{name} {cell(row, value, FORM)}" for name, row in rows.items() if name != best)
    return f"{cell(rows[best], value, FORM)} against {', '.join(rivals)}"


def level(
    table: pd.DataFrame,
    value: str,
    network: str,
    about: str,
    conditions: str,
    bands: tuple[float, float],
) -> list[Claim]:
    """How good ``network`` is where several papers say so.

    Reproduced if at most ``bands[0]`` from the nearest of them, and neither end of the interval
    more than ``bands[1]``; partly if at most ``bands[1]`` itself.
    """
    ours = _measured(table, value)
    theirs = [row for row in _rows(table, "published", value) if row["network"] == network]
    if network not in ours or not theirs:
        return []
    mean, *ends = ours[network][value], *_interval(ours[network], value)
    distance, *spread = (
        min(abs(number - row[value]) for row in theirs) for number in (mean, *ends)
    )
    near, far = bands
    verdict = Verdict.PARTLY if distance <= far else Verdict.CONTRADICTED
    sure = distance <= near and max(spread) <= far
    return [
        Claim(
            statement=f"{about} of {network}",
            published=", ".join(f"{cell(row, value, FORM)} ({row['by']})" for row in theirs),
            measured=cell(ours[network], value, FORM),
            conditions=conditions,
            verdict=Verdict.REPRODUCED if sure else verdict,
            command=ours[network]["source"],
        )
    ]


def _measured(table: pd.DataFrame, value: str) -> Rows:
    """The row of each network that one system trains."""
    rows: Rows = {}
    for row in _rows(table, "measured", value):
        if row["system"] == OUR_SYSTEM:
            rows.setdefault(row["network"], row)
    return rows


def _published(table: pd.DataFrame, value: str) -> dict[str, Rows]:
    """By source."""
    of_source: dict[str, Rows] = defaultdict(dict)
    for row in _rows(table, "published", value):
        of_source[row["by"]][row["network"]] = row
    return of_source


def _rows(table: pd.DataFrame, origin: str, value: str) -> list[Row]:
    chosen = table[(table["origin"] == origin) & table[value].notna()]
    rows: Any = chosen.to_dict("records")
    return list(rows)
