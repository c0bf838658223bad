from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dl_techniques._checks import check_choice, check_non_negative, check_number, check_positive_int, check_rate
from dl_techniques.optimization import _configs

ORDERS = ("deepest_first", "main_first")


def deep_supervision_schedule_builder(
    config: Mapping[str, Any], no_outputs: int, *, order: str = "deepest_first"
) -> Callable[[float], np.ndarray]:
    """Makes a function from the progress of a training to the weight of the loss of each output of a model.

    With deep supervision each level of a decoder has an output and a loss. Mostly the coarse outputs count most in the
    beginning, and the finest one, which is the main one, in the end.

    Here `n` is the number of outputs, `p` the progress from 0 to 1, and `i` counts from 0, the deepest output, the
    coarsest. `I = (n, ..., 1)` and `F = (1, ..., n)`; the weights are divided by their sum. Defaults in brackets.

    - `constant_equal`: 1
    - `constant_low_to_high`: `F`
    - `constant_high_to_low`: `I`
    - `linear_low_to_high`: `(1 - p) I + p F`
    - `non_linear_low_to_high`: `(1 - p^2) I + p^2 F`
    - `custom_sigmoid_low_to_high`: `(1 - g) I + g F` with `g = sigmoid(k (q - x0))`, `q = max(0, (p - t) / (1 - t))`;
      `k` (10), `x0` (0.5), `transition_point` (0.25), which is `t`
    - `scale_by_scale_low_to_high`: 1 for output `min(floor(p n), n - 1)`, 0 for the others
    - `cosine_annealing`: `1 + (n - i - 1) a` with `a = (1 - r) c + r` and `c = (1 + cos(2 pi f p)) / 2`;
      `frequency` (3), which is `f`, `final_ratio` (0.8), which is `r`
    - `curriculum`: 1 for the first `max(1, floor(m s))` outputs, 0 for the others; `max_active_outputs` (n), which is
      `m`, `activation_strategy` ("linear"), where `s = p`; with "exp" `s = p^2`

    Args:
        config: a dictionary with `type` and the arguments, which may stand in an entry `config` of it.
        no_outputs: int >= 1.
        order: `"deepest_first"`, the order above, or `"main_first"`, its reverse: that of a model which returns
            its main output before the auxiliary ones.

    Returns:
        A function from a number in [0, 1] to a float64 array of `no_outputs` weights, which sum to 1.

    Raises:
        ValueError: an entry is unknown or out of range; from the function, if the progress is.

    Example:

    >>> weights = deep_supervision_schedule_builder({"type": "linear_low_to_high"}, 3)
    >>> [weights(progress).round(3).tolist() for progress in (0, 0.5, 1)]
    [[0.5, 0.333, 0.167], [0.333, 0.333, 0.333], [0.167, 0.333, 0.5]]

    References:
        - Lee et al., "Deeply-Supervised Nets", arXiv:1409.5185
    """
    check_positive_int(no_outputs=no_outputs)
    check_choice(ORDERS, order=order)
    given = _configs.flat(config)
    kind = _configs.kind_of(given, _KINDS, "deep supervision type")
    weigh, defaults = _KINDS[kind]
    given = {key: value for key, value in given.items() if key != "type" and value is not None}
    _configs.check_keys(given, kind, (), [*defaults])
    arguments = {**defaults, **given}
    for key, value in arguments.items():
        _check(key, value)

    def weights(percentage: float) -> np.ndarray:
        check_number(percentage=percentage)
        if not 0 <= percentage <= 1:
            raise ValueError(f"`percentage` must lie in [0, 1]. Received: percentage={percentage!r}")
        found = weigh(float(percentage), np.arange(no_outputs), **arguments)
        found = found / found.sum()
        return found if order == "deepest_first" else found[::-1].copy()

    return weights


def _mixed(share: float, i: np.ndarray) -> np.ndarray:
    """From the deepest output to the main one."""
    return (1 - share) * (len(i) - i) + share * (i + 1.0)


def _sigmoid(p: float, i: np.ndarray, k: float, x0: float, transition_point: float) -> np.ndarray:
    passed = max(0.0, (p - transition_point) / (1 - transition_point))
    return _mixed(0.5 + 0.5 * float(np.tanh(0.5 * k * (passed - x0))), i)


def _one_hot(p: float, i: np.ndarray) -> np.ndarray:
    return 1.0 * (i == min(int(p * len(i)), len(i) - 1))


def _annealed(p: float, i: np.ndarray, frequency: float, final_ratio: float) -> np.ndarray:
    cosine = 0.5 * (1 + np.cos(2 * np.pi * frequency * p))
    return 1 + (len(i) - i - 1) * ((1 - final_ratio) * cosine + final_ratio)


def _curriculum(p: float, i: np.ndarray, max_active_outputs: int | None, activation_strategy: str) -> np.ndarray:
    most = len(i) if max_active_outputs is None else max_active_outputs
    return 1.0 * (i < max(1, int(most * (p if activation_strategy == "linear" else p**2))))


_KINDS: Mapping[str, tuple[Callable[..., np.ndarray], Mapping[str, Any]]] = {
    "constant_equal": (lambda p, i: np.ones(len(i)), {}),
    "constant_low_to_high": (lambda p, i: _mixed(1.0, i), {}),
    "constant_high_to_low": (lambda p, i: _mixed(0.0, i), {}),
    "linear_low_to_high": (_mixed, {}),
    "non_linear_low_to_high": (lambda p, i: _mixed(p**2, i), {}),
    "custom_sigmoid_low_to_high": (_sigmoid, {"k": 10.0, "x0": 0.5, "transition_point": 0.25}),
    "scale_by_scale_low_to_high": (_one_hot, {}),
    "cosine_annealing": (_annealed, {"frequency": 3.0, "final_ratio": 0.8}),
    "curriculum": (_curriculum, {"max_active_outputs": None, "activation_strategy": "linear"}),
}


def _check(key: str, value: Any) -> None:
    if key == "activation_strategy":
        check_choice(("linear", "exp"), activation_strategy=value)
    elif key == "max_active_outputs":
        if value is not None:
            check_positive_int(max_active_outputs=value)
    elif key == "transition_point":
        check_rate(transition_point=value)
    elif key == "final_ratio":
        check_number(final_ratio=value)
        if not 0 <= value <= 1:
            raise ValueError(f"`final_ratio` must lie in [0, 1]. Received: final_ratio={value!r}")
    else:
        check_number(**{key: value})
        check_non_negative(**{key: value})
