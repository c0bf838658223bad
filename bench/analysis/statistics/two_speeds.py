"""Series of a machine that has two speeds: which points are of the slower one, and by how much. Pure functions.

From one commit to the next such a machine, or a program on it, goes back and forth between two speeds without any
change of the code. What is left when the difference is taken off the slower points can be searched for steps.
"""

import math

import numpy as np
from scipy import stats

SHARE = 0.1
"""Of all points that each speed has at least, else the rarer ones are outliers."""
APART = 4.0
"""Standard deviations within the speeds that lie between them."""
SWITCHES = 4
"""From one speed to the other and back, and once more: a step goes once, what recovered twice."""
FEWEST = 12
"""Points below which one cannot tell."""
SWITCH_PRICE = 1.0
"""What a switch costs in the decoding, in standard deviations."""
STEADIEST = 1e-3
"""The least standard deviation that a series of log times is believed to have."""
TO_SD = 1 / stats.norm.ppf(0.75)
"""From the median absolute deviation to the standard deviation, for normal noise."""


def at_the_faster(logs: np.ndarray, residuals: np.ndarray) -> np.ndarray | None:
    """The series as if all of it had been measured at the faster speed; None where there are not two.

    Args:
        logs: log times.
        residuals: their distances from the levels that a first search found, so that a step is not taken for a speed.
    """
    if len(logs) < FEWEST:
        return None
    slower = _cut(residuals)
    if not slower.any():
        return None
    parts = residuals[~slower], residuals[slower]
    apart = float(np.median(parts[1]) - np.median(parts[0]))
    within = TO_SD * float(np.median(np.abs(np.concatenate([part - np.median(part) for part in parts]))))
    if apart < APART * within or np.count_nonzero(np.diff(slower)) < SWITCHES:
        return None
    jumps = np.abs(np.diff(logs))
    if not (jumps > apart / 2).any():
        return None
    difference = float(np.median(jumps[jumps > apart / 2]))
    return logs - difference * _decode(logs, difference, max(within, STEADIEST))


def _cut(values: np.ndarray) -> np.ndarray:
    """Which belong to the upper of two groups with the least sum of absolute deviations from their medians."""
    ordered, count = np.sort(values), len(values)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    least = max(3, int(SHARE * count))

    def deviations(first: np.ndarray | int, end: np.ndarray | int) -> np.ndarray:
        half = (np.asarray(end) - first) // 2
        return sums[end] - sums[end - half] - sums[first + half] + sums[first]

    cuts = np.arange(least, count - least + 1)
    cut = cuts[np.argmin(deviations(0, cuts) + deviations(cuts, count))]
    return values > (ordered[cut - 1] + ordered[cut]) / 2


def _decode(logs: np.ndarray, difference: float, sd: float) -> np.ndarray:
    """0 or 1 for each point: its speed on the cheapest path through levels and speeds (Viterbi).

    A point costs its distance from its level and speed in standard deviations, a switch of speed `SWITCH_PRICE`, a
    new level 2 ln n.
    """
    grid = np.arange(logs.min() - sd / 2, logs.max() + sd, sd / 2)
    distance = np.abs(logs[:, None, None] - grid[:, None] - np.array([0.0, difference])) / sd
    cost, came_from = distance[0], []
    places = np.arange(cost.size).reshape(cost.shape)
    for here in distance[1:]:
        switched = cost[:, ::-1] + SWITCH_PRICE
        best, origin = np.minimum(cost, switched), np.where(cost <= switched, places, places[:, ::-1])
        jump = cost.min() + 2 * math.log(len(logs))
        came_from.append(np.where(best <= jump, origin, cost.argmin()).ravel())
        cost = np.minimum(best, jump) + here
    place, speeds = int(cost.argmin()), [int(cost.argmin()) % 2]
    for origin in reversed(came_from):
        place = int(origin[place])
        speeds.append(place % 2)
    return np.array(speeds[::-1])
