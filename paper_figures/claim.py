"""A claim of a paper beside what was measured here: a row of the reproduction table."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a measurement says about a claim, in one word."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    CONTRADICTED = "contradicted"
    INCOMPARABLE = "incomparable"


@dataclass(frozen=True)
class Claim:
    """One row: what the paper says, its number, ours, and under which conditions ours came about.

    All but ``verdict`` are short phrases for people, with units; ``command`` made the records.
    """

    statement: str
    published: str
    measured: str
    conditions: str
    verdict: Verdict
    command: str
