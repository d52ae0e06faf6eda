"""Networks by the names of the papers, which put measured and published rows together."""

import re

import pandas as pd

from paper_figures.records import Record

NAMES = {  # by the model of a record
    "tgn_attention": "TGN-attn",
    "tgn_pyg": "TGN-attn",
    "tgn_tgm": "TGN-attn",
    "jodie": "JODIE",
    "tgat": "TGAT",
    "tgat_one_layer": "TGAT, one layer",
    "dysat": "DySAT",
    "apan": "APAN",
    "graph_mixer": "GraphMixer",
}
PAPER_NAMES = {"TGN": "TGN-attn"}  # where a paper's name is not ours
UNTRAINED = "none"  # the model of a system that brings no network, such as EdgeBank
EDGEBANK = "EdgeBank"
ORDER = (*dict.fromkeys(NAMES.values()), EDGEBANK)


def network_of(record: Record) -> str:
    """The network's name in the papers, else that of the model, or of a system without one."""
    if record.model == UNTRAINED:
        return EDGEBANK if record.system.startswith("edgebank") else record.system
    return NAMES.get(record.model, record.model)


def paper_network(name: str) -> str:
    """The name used here for a network that a paper calls ``name``."""
    return PAPER_NAMES.get(name, name)


def short_source(source: str) -> str:
    """A published row's source without what stands in parentheses: "TGN Table 2"."""
    return re.sub(r" \([^)]*\)", "", source)


def by_network(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Groups of rows by the columns ``network`` and ``origin``.

    Each network that was measured here is one, and all that were not are the last.
    """
    measured = set(table.loc[table["origin"] == "measured", "network"])
    rank = table["network"].map(_place)
    ordered = table.assign(place=rank).sort_values("place", kind="stable").drop(columns="place")
    here = [ordered[ordered["network"] == name] for name in sorted(measured, key=_place)]
    elsewhere = ordered[~ordered["network"].isin(measured)]
    return [*here, elsewhere] if len(elsewhere) else here


def _place(name: str) -> tuple[int, str]:
    return ORDER.index(name) if name in ORDER else len(ORDER), name
