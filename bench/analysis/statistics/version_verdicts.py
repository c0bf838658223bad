"""What a comparison of two versions of one cell ends with, and what all comparisons of versions share."""

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from bench.commandline import FOUND, INCOMPLETE, OK, UNDECIDED

ALPHA = 0.007
"""Below 1 %, and enough for twelve pairs of which one points the other way: 13 of 2048 changes of sign are as far."""
SMALLEST_EFFECT = math.log(1.02)
SAME_WITHIN = math.log(1.03)
POWER = 0.8
NEW = ("not in A", "unsupported in A", "unsupported in base")
"""Reasons of cells that there is nothing to compare with."""
WORST_FIRST = ("slower", "undecided", "faster", "same")

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Verdict:
    """What is known of one cell.

    Args:
        ratio: head's time over base's, the median over pairs.
        ci_low: lower limit of its 95 % interval: of the median from order statistics where new pairs confirmed or
            refuted a difference, of the mean by Student's t where five pairs only screened.
        ci_high: upper limit. The interval of a "slower" or "faster" excludes 1.
        p_value: of the confirming test, exact and corrected for all that were tested; of the screen's t-test where the
            cell was not flagged.
        pairs: pairs of launches behind the ratio; for stored results, launches of the smaller side.
        verdict: "slower", "faster", "same" (the 90 % interval within 3 %, against stored results within 10 %) or
            "undecided".
        detectable: the smallest ratio that would have been found in four of five such comparisons.
        reason: why it is undecided, where more than noise is to blame.
    """

    ratio: float
    ci_low: float
    ci_high: float
    p_value: float
    pairs: int
    verdict: str
    detectable: float
    reason: str = ""


def speak(times: ArrayLike) -> float:
    """The one number that a launch gives for a cell."""
    return float(np.quantile(np.asarray(times, float), 0.25))


def threshold(floor: ArrayLike, smallest: float = SMALLEST_EFFECT) -> np.ndarray:
    """The effect, in logarithms, under which a difference is not called one."""
    return np.maximum(smallest, 2 * np.asarray(floor))


def word(effect: float, sure: bool, limit: float, is_same: bool) -> str:
    if sure and abs(effect) > limit:
        return "slower" if effect > 0 else "faster"
    return "same" if is_same else "undecided"


def exit_code(found: Iterable[tuple[str, str]]) -> int:
    """What a command returns for these verdicts, each with its reason or none."""
    known = list(found)
    if any(word == "slower" for word, _ in known):
        return FOUND
    if not known or any(word == "undecided" and reason and not reason.startswith(NEW) for word, reason in known):
        return INCOMPLETE
    return UNDECIDED if any(word == "undecided" and not reason for word, reason in known) else OK


def not_compared(reason: str) -> Verdict:
    return Verdict(math.nan, math.nan, math.nan, math.nan, 0, "undecided", math.nan, reason)


def common_shift(verdicts: Mapping[Key, Verdict]) -> float:
    """The ratio by which all cells moved together: rather another machine state than another code."""
    return float(np.median([verdict.ratio for verdict in verdicts.values()])) if verdicts else math.nan
