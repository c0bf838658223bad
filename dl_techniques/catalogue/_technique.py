"""What the catalogue says of one technique, or of one function."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from dl_techniques.catalogue.values import Draw

Shape = tuple[int | None, ...]
BATCH_STATISTICS = ("moving_mean", "moving_variance")


class Later(Mapping[str, Any]):
    """Arguments that hold variables of a framework: made when they are asked for, not where the catalogue is read."""

    def __init__(self, make: Callable[[], Mapping[str, Any]]):
        self._made = cache(make)

    def __getitem__(self, name: str) -> Any:
        return self._made()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made())

    def __len__(self) -> int:
        return len(self._made())


@dataclass(frozen=True)
class Technique:
    """One row.

    Args:
        cls: the class.
        arguments: constructor arguments; values that are not the defaults, or a lost argument stays unseen.
        inputs: shape of each input, batch included. Of a loss or a metric the first is `y_true`, the rest is `y_pred`.
        paper: arXiv id, DOI or "none".
        rejects: constructor arguments, each set of which must raise a `ValueError` that shows a received value.
        rejects_inputs: what `build` is given, each of which must raise such a `ValueError`.
        values: how each input is drawn (`dl_techniques.catalogue.values`); normally distributed where it is empty.
        at_default: arguments that stay at their defaults -> why.
        random: whether it draws random numbers in training mode.
        random_in_inference: whether it draws them in inference too.
        state: names of the weights that a call in training moves.
        differentiable: whether gradients pass. They do not where outputs are integers, masks or what was seen before.
        adds_loss: whether a call in training adds a loss of the layer's own.
        batch_level: whether a loss gives one number for the whole batch instead of one for each example.
        perfect: what a loss or a metric says of a prediction that equals its target; None where none does.
        xfail: "backend:check" -> why that backend cannot pass that check. It must then really fail.
        finite: hostile inputs (of `bench.numerics.hostile.NAMES`) on which its outputs and gradients are
            finite on every backend.
        tolerances: "backend/dtype/mode/result", with wildcards -> by which factor the numerical tolerance is wider
            than the default, and why; an infinite factor accepts anything.
    """

    cls: type
    arguments: Mapping[str, Any]
    inputs: tuple[Shape, ...]
    paper: str
    rejects: tuple[Mapping[str, Any], ...] = ()
    rejects_inputs: tuple[Shape | tuple[Shape, ...], ...] = ()
    values: tuple[Draw, ...] = ()
    at_default: Mapping[str, str] = field(default_factory=dict)
    random: bool = False
    random_in_inference: bool = False
    state: tuple[str, ...] = ()
    differentiable: bool = True
    adds_loss: bool = False
    batch_level: bool = False
    perfect: float | None = None
    xfail: Mapping[str, str] = field(default_factory=dict)
    finite: tuple[str, ...] = ("zeros", "constant", "tiny", "batch of one")
    tolerances: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.cls.__name__

    @property
    def subject(self) -> type:
        return self.cls

    def make(self, **overrides: Any) -> Any:
        return self.cls(**{**self.arguments, **overrides})


@dataclass(frozen=True)
class Function:
    """One row for a public function, which has no weights, no config and no contract.

    Args:
        function: the function.
        paper: arXiv id, DOI or "none".
    """

    function: Callable[..., Any]
    paper: str

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def subject(self) -> Callable[..., Any]:
        return self.function
