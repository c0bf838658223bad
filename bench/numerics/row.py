"""A technique of the catalogue, or a layer of the user's own, as it is compared."""

from dataclasses import dataclass, fields
from math import inf

from bench.numerics.hostile import Range
from bench.numerics.run_folder import Integers
from dl_techniques.catalogue import Technique

OF_FRAMEWORKS = {
    "tensorflow/*/eager/hostile empty batch": (inf, "TensorFlow's convolutions and maxima take no empty batch"),
}
"""What no layer of the user's own is accused of."""


@dataclass(frozen=True)
class Row(Technique):
    """One row.

    Args:
        label: what it is called, where that is not the name of its class.
        integers: what each input of integers holds, None for the other inputs; empty where there are none.
        finite: as in the catalogue, and promised of integers too.
    """

    label: str = ""
    integers: tuple[Integers | None, ...] = ()
    finite: tuple[str, ...] = (*Technique.finite, "lowest", "highest")

    @classmethod
    def of(cls, row: Technique, **changes) -> "Row":
        return cls(**{field.name: getattr(row, field.name) for field in fields(row)} | changes)

    @property
    def name(self) -> str:
        return self.label or self.cls.__name__

    def integers_of_inputs(self) -> tuple[Integers | None, ...]:
        return self.integers or (None,) * len(self.inputs)

    def ranges(self) -> list[Range | None]:
        """The range of each input of integers, None for the other inputs; no numbers at all for a target."""
        ranges: list[Range | None] = [integers and integers[1:] for integers in self.integers_of_inputs()]
        return [(), *ranges[1:]] if self.values else ranges
