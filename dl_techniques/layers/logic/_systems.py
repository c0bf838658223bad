"""The formulas of the logic systems, computed in float32 at least.

What they return is a truth once it is cut to [0, 1]. A gate adds its bias before that.
"""

from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_choice, check_positive
from dl_techniques._precision import at_least_float32, is_float64
from dl_techniques.layers.logic.logic_system import LogicSystem

OPERATIONS = ("and", "or", "not", "implies", "equiv", "xor", "nand", "nor")
OF_TWO = ("implies", "equiv", "xor")

# JAX's gradient of a quotient squares the divisor: from here on a square is not 0 in float32.
_SMALL = 2.0**-63


class System:
    """A logic system.

    Args:
        temperature: how far the Boolean system is from steps.
    """

    def __init__(self, temperature: float):
        self.temperature = temperature

    def conjunction(self, x, y):
        raise NotImplementedError

    def disjunction(self, x, y):
        raise NotImplementedError

    def implication(self, x, y):
        raise NotImplementedError

    def negation(self, x):
        return 1 - x

    def evaluate(self, operation: str, rising: Sequence, falling: Sequence):
        """Returns the operation on two operands, or one for "not".

        `rising` holds the operands as they stand where the result rises with them, `falling` as they stand where it
        falls. Both are the same for numbers. For intervals, the lower bounds as `rising` and the upper ones as
        `falling` give the lower bound of the result.
        """
        match operation:
            case "and":
                return self.conjunction(*rising)
            case "or":
                return self.disjunction(*rising)
            case "not":
                return self.negation(*falling)
            case "nand":
                return self.negation(self.conjunction(*falling))
            case "nor":
                return self.negation(self.disjunction(*falling))
            case "implies":
                return self.implication(falling[0], rising[1])
            case "equiv":
                there = cut(self.implication(falling[0], rising[1]))
                back = cut(self.implication(falling[1], rising[0]))
                return self.conjunction(there, back)
            case _:  # "xor"
                either, both = cut(self.disjunction(*rising)), cut(self.conjunction(*falling))
                return self.conjunction(either, self.negation(both))


class Lukasiewicz(System):
    def conjunction(self, x, y):
        return x + y - 1

    def disjunction(self, x, y):
        return x + y

    def implication(self, x, y):
        return 1 - x + y


class Godel(System):
    def conjunction(self, x, y):
        return ops.where(x < y, x, ops.where(y < x, y, _equal(x, y)))

    def disjunction(self, x, y):
        return ops.where(x > y, x, ops.where(y > x, y, _equal(x, y)))

    def implication(self, x, y):
        return ops.where(x <= y, 1.0, y)


class Product(System):
    """What lies outside of [0, 1] is cut first: two negative numbers must not make a truth."""

    def conjunction(self, x, y):
        return cut(x) * cut(y)

    def disjunction(self, x, y):
        x, y = cut(x), cut(y)
        return x + y - x * y

    def implication(self, x, y):
        x, y = cut(x), cut(y)
        holds = x <= y
        divisor = ops.where(holds, 1.0, x)
        small = divisor < _SMALL
        quotient = ops.where(small, y / _SMALL, y) / ops.where(small, divisor / _SMALL, divisor)
        return ops.where(holds, 1.0, quotient)


class Boolean(System):
    def conjunction(self, x, y):
        return self._step(self._step(x) * self._step(y))

    def disjunction(self, x, y):
        x, y = self._step(x), self._step(y)
        return self._step(x + y - x * y)

    def implication(self, x, y):
        return self.disjunction(self.negation(x), y)

    def negation(self, x):
        return self._step(1 - x)

    def _step(self, x):
        return ops.sigmoid((x - 0.5) / self.temperature)


_SYSTEMS: dict[str, type[System]] = {
    LogicSystem.LUKASIEWICZ: Lukasiewicz,
    LogicSystem.GODEL: Godel,
    LogicSystem.PRODUCT: Product,
    LogicSystem.BOOLEAN: Boolean,
}


def system_of(logic_system: str, temperature: float) -> System:
    check_choice([system.value for system in LogicSystem], logic_system=logic_system)
    check_positive(temperature=temperature)
    return _SYSTEMS[logic_system](temperature)


def cut(x):
    """`clip(x, 0, 1)` with slope 1 at 0 and at 1, where the backends differ."""
    return ops.where(x < 0, 0.0, ops.where(x > 1, 1.0, x))


def truth(system: System, operation: str, values: Sequence):
    """Returns the operation on numbers of any dtype, in their dtype."""
    operands = [ops.convert_to_tensor(value) for value in values]
    dtype = "float64"
    if not any(map(is_float64, operands)):
        dtype = keras.backend.result_type(*(x.dtype for x in operands), float)
    operands = [at_least_float32(ops.cast(x, dtype)) for x in operands]
    return ops.cast(cut(system.evaluate(operation, operands, operands)), dtype)


def _equal(x, y):
    """`x`, or `y`, which is the same number; the gradient goes to both alike, which it does not on each backend."""
    return (x + y) / 2
