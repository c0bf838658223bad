"""The gates of the eight operations. Formulas: see `AdvancedLogicGateLayer` and `logical_operations`."""

import keras

from dl_techniques._serialization import serializable
from dl_techniques.layers.logic._logic_gate import LogicGate
from dl_techniques.layers.logic.logic_system import LogicSystem


@serializable
class FuzzyANDGateLayer(LogicGate):
    """How true it is that all inputs are true.

    Arguments, formula, shapes and weights are those of `AdvancedLogicGateLayer("and")`: two or more inputs, as a list
    or along the last axis.

    Example:

    >>> x = keras.ops.convert_to_tensor([[1.0, 0.75, 0.75], [1.0, 1.0, 0.0]])
    >>> print(keras.ops.convert_to_numpy(FuzzyANDGateLayer("lukasiewicz")(x)))
    [[0.5]
     [0. ]]

    References:
        Riegel et al., "Logical Neural Networks", arXiv:2006.13155
    """

    operation = "and"


@serializable
class FuzzyORGateLayer(LogicGate):
    """How true it is that at least one input is true.

    Arguments, formula, shapes and weights are those of `AdvancedLogicGateLayer("or")`: two or more inputs, as a list
    or along the last axis.

    Example:

    >>> x = keras.ops.convert_to_tensor([[0.0, 0.25, 0.25], [1.0, 1.0, 0.0]])
    >>> print(keras.ops.convert_to_numpy(FuzzyORGateLayer("lukasiewicz")(x)))
    [[0.5]
     [1. ]]

    References:
        Riegel et al., "Logical Neural Networks", arXiv:2006.13155
    """

    operation = "or"


@serializable
class FuzzyXORGateLayer(LogicGate):
    """How true it is that one of two inputs is true, but not both.

    Arguments, formula, shapes and weights are those of `AdvancedLogicGateLayer("xor")`: two inputs, as a list or
    along the last axis.

    Example:

    >>> x = keras.ops.convert_to_tensor([[1.0, 1.0], [1.0, 0.0], [0.5, 0.25]])
    >>> print(keras.ops.convert_to_numpy(FuzzyXORGateLayer("lukasiewicz")(x)))
    [[0.  ]
     [1.  ]
     [0.75]]

    References:
        van Krieken, Acar and van Harmelen, "Analyzing Differentiable Fuzzy Logic Operators", arXiv:2002.06100
    """

    operation = "xor"


@serializable
class FuzzyNANDGateLayer(LogicGate):
    """How untrue it is that all inputs are true.

    Arguments, formula, shapes and weights are those of `AdvancedLogicGateLayer("nand")`: two or more inputs, as a list
    or along the last axis.

    Example:

    >>> x = keras.ops.convert_to_tensor([[1.0, 0.75, 0.75], [1.0, 1.0, 0.0]])
    >>> print(keras.ops.convert_to_numpy(FuzzyNANDGateLayer("lukasiewicz")(x)))
    [[0.5]
     [1. ]]

    References:
        Riegel et al., "Logical Neural Networks", arXiv:2006.13155
    """

    operation = "nand"


@serializable
class FuzzyNORGateLayer(LogicGate):
    """How untrue it is that at least one input is true.

    Arguments, formula, shapes and weights are those of `AdvancedLogicGateLayer("nor")`: two or more inputs, as a list
    or along the last axis.

    Example:

    >>> x = keras.ops.convert_to_tensor([[0.0, 0.25, 0.25], [1.0, 1.0, 0.0]])
    >>> print(keras.ops.convert_to_numpy(FuzzyNORGateLayer("lukasiewicz")(x)))
    [[0.5]
     [0. ]]

    References:
        Riegel et al., "Logical Neural Networks", arXiv:2006.13155
    """

    operation = "nor"


@serializable
class FuzzyImpliesGateLayer(LogicGate):
    """How true it is that the second input follows from the first.

    Arguments, formula, shapes and weights are those of `AdvancedLogicGateLayer("implies")`: two inputs, as a list or
    along the last axis.

    Example:

    >>> x = keras.ops.convert_to_tensor([[1.0, 0.25], [0.5, 0.25], [0.0, 0.25]])
    >>> print(keras.ops.convert_to_numpy(FuzzyImpliesGateLayer("product")(x)))
    [[0.25]
     [0.5 ]
     [1.  ]]

    References:
        Riegel et al., "Logical Neural Networks", arXiv:2006.13155
    """

    operation = "implies"


@serializable
class FuzzyEquivGateLayer(LogicGate):
    """How true it is that two inputs follow from each other.

    Arguments, formula, shapes and weights are those of `AdvancedLogicGateLayer("equiv")`: two inputs, as a list or
    along the last axis.

    Example:

    >>> x = keras.ops.convert_to_tensor([[1.0, 0.25], [0.5, 0.25], [0.25, 0.25]])
    >>> print(keras.ops.convert_to_numpy(FuzzyEquivGateLayer("product")(x)))
    [[0.25]
     [0.5 ]
     [1.  ]]

    References:
        van Krieken, Acar and van Harmelen, "Analyzing Differentiable Fuzzy Logic Operators", arXiv:2002.06100
    """

    operation = "equiv"


@serializable
class FuzzyNOTGateLayer(LogicGate):
    """How untrue each element of the input is.

    Arguments, formula, shapes and weights are those of `AdvancedLogicGateLayer("not")`: one input, of any shape, which
    has no importance.

    Example:

    >>> x = keras.ops.convert_to_tensor([[0.0, 0.25, 1.0]])
    >>> print(keras.ops.convert_to_numpy(FuzzyNOTGateLayer("lukasiewicz")(x)))
    [[1.   0.75 0.  ]]

    References:
        Riegel et al., "Logical Neural Networks", arXiv:2006.13155
    """

    operation = "not"

    def __init__(
        self,
        logic_system: str = LogicSystem.BOOLEAN,
        *,
        use_bounds: bool = False,
        temperature: float = 0.1,
        use_bias: bool = True,
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_constraint: str | keras.constraints.Constraint | None = None,
        **kwargs,
    ):
        super().__init__(
            logic_system,
            use_bounds=use_bounds,
            temperature=temperature,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            **kwargs,
        )
