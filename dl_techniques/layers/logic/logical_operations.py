"""`LogicalOperations`: the operations of fuzzy logic as plain functions, elementwise with broadcasting.

Truth values are numbers from 0, false, to 1, true. All functions take `logic_system`, a `LogicSystem` or its name, and
`temperature`, a float > 0 that only the Boolean system knows. Results have the dtype of the arguments, computed in
float32 at least; integers and booleans count as floats.

| system | AND | OR | IMPLIES | NOT |
|---|---|---|---|---|
| `"lukasiewicz"` | `max(0, x + y - 1)` | `min(1, x + y)` | `min(1, 1 - x + y)` | `1 - x` |
| `"godel"` | `min(x, y)` | `max(x, y)` | 1 if `x <= y`, else `y` | `1 - x` |
| `"product"` | `x y` | `x + y - x y` | 1 if `x <= y`, else `y / x` | `1 - x` |
| `"boolean"` | `s(s(x) s(y))` | `s(s(x) + s(y) - s(x) s(y))` | `OR(NOT x, y)` | `s(1 - x)` |

Here `s(z) = sigmoid((z - 0.5) / temperature)`. In all systems `EQUIV = AND(x -> y, y -> x)`,
`XOR = AND(OR(x, y), NOT AND(x, y))`, and NAND and NOR are NOT of AND and of OR.

The first three are the t-norms of the field, exact on 0 and 1. Their gradients differ: Lukasiewicz has none where an
operation is saturated, Godel passes it to one argument only, the product to both nearly everywhere. Godel and product
take `1 - x` in place of their residual negation, which is 0 for all but 0. The Boolean system is a smooth step: within
0.01 of true and false at `temperature=0.1`, but useless at 1, where OR of two falsehoods is truer than AND of two
truths; it keeps no law of the others, not even associativity.

References:
    - Hájek, "Metamathematics of Fuzzy Logic", Kluwer 1998
    - van Krieken, Acar and van Harmelen, "Analyzing Differentiable Fuzzy Logic Operators", arXiv:2002.06100
"""

from dl_techniques.layers.logic._systems import system_of, truth
from dl_techniques.layers.logic.logic_system import LogicSystem


def logical_and(x, y, logic_system: str = LogicSystem.LUKASIEWICZ, temperature: float = 1.0):
    """How true it is that both are true.

    Example:

    >>> print(keras.ops.convert_to_numpy(logical_and([0.25, 0.75], 0.5)))
    [0.   0.25]
    """
    return truth(system_of(logic_system, temperature), "and", [x, y])


def logical_or(x, y, logic_system: str = LogicSystem.LUKASIEWICZ, temperature: float = 1.0):
    """How true it is that at least one is true.

    Example:

    >>> print(keras.ops.convert_to_numpy(logical_or([0.25, 0.75], 0.5)))
    [0.75 1.  ]
    """
    return truth(system_of(logic_system, temperature), "or", [x, y])


def logical_not(x, logic_system: str = LogicSystem.LUKASIEWICZ, temperature: float = 1.0):
    """How untrue it is.

    Example:

    >>> print(keras.ops.convert_to_numpy(logical_not([0.25, 0.75])))
    [0.75 0.25]
    """
    return truth(system_of(logic_system, temperature), "not", [x])


def logical_implies(x, y, logic_system: str = LogicSystem.LUKASIEWICZ, temperature: float = 1.0):
    """How true it is that `y` follows from `x`.

    Example:

    >>> print(keras.ops.convert_to_numpy(logical_implies([0.25, 0.75], 0.375, "product")))
    [1.  0.5]
    """
    return truth(system_of(logic_system, temperature), "implies", [x, y])


def logical_equiv(x, y, logic_system: str = LogicSystem.LUKASIEWICZ, temperature: float = 1.0):
    """How true it is that each follows from the other.

    Example:

    >>> print(keras.ops.convert_to_numpy(logical_equiv([0.25, 0.75], 0.375, "product")).round(4))
    [0.6667 0.5   ]
    """
    return truth(system_of(logic_system, temperature), "equiv", [x, y])


def logical_xor(x, y, logic_system: str = LogicSystem.LUKASIEWICZ, temperature: float = 1.0):
    """How true it is that one is true, but not both.

    Example:

    >>> print(keras.ops.convert_to_numpy(logical_xor([0.25, 0.75], 0.5)))
    [0.75 0.75]
    """
    return truth(system_of(logic_system, temperature), "xor", [x, y])


def logical_nand(x, y, logic_system: str = LogicSystem.LUKASIEWICZ, temperature: float = 1.0):
    """How untrue it is that both are true.

    Example:

    >>> print(keras.ops.convert_to_numpy(logical_nand([0.25, 0.75], 0.5)))
    [1.   0.75]
    """
    return truth(system_of(logic_system, temperature), "nand", [x, y])


def logical_nor(x, y, logic_system: str = LogicSystem.LUKASIEWICZ, temperature: float = 1.0):
    """How untrue it is that at least one is true.

    Example:

    >>> print(keras.ops.convert_to_numpy(logical_nor([0.25, 0.75], 0.5)))
    [0.25 0.  ]
    """
    return truth(system_of(logic_system, temperature), "nor", [x, y])
