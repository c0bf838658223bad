import keras

from dl_techniques._checks import check_choice
from dl_techniques._serialization import serializable
from dl_techniques.layers.logic._logic_gate import LogicGate
from dl_techniques.layers.logic._systems import OPERATIONS
from dl_techniques.layers.logic.logic_system import LogicSystem


@serializable
class AdvancedLogicGateLayer(LogicGate):
    """A gate of fuzzy logic with learned importances and a bias, on truth values or on intervals of them.

    The neuron of logical neural networks: in the Lukasiewicz system AND of any number of inputs is
    `clip(1 + bias - sum_i w_i (1 - x_i), 0, 1)`, and OR is `clip(bias + sum_i w_i x_i, 0, 1)`. `FuzzyANDGateLayer` and
    its siblings are this layer for one operation. For an operation without weights see `FuzzyLogicLayer`.

    Formula: `y = clip(operation(e_1 + w_1 (x_1 - e_1), ..., e_n + w_n (x_n - e_n)) + bias, 0, 1)`. The importance
    `w_i` draws an input towards what takes no part in the operation, and at 0 leaves it out: `e = 1` for AND, NAND,
    EQUIV and the antecedent of IMPLIES, `e = 0` for OR, NOR, XOR and the consequent. The operations of two inputs are
    in `dl_techniques.layers.logic.logical_operations`. AND and OR of more are those of pairs, then of pairs of the
    results, so that many inputs are no deep graph; NAND and NOR are NOT of them.

    With `use_bounds`, each input is an interval that holds the truth value, and so, up to rounding, is the output: as
    narrow as can be for a monotone operation, for XOR and EQUIV possibly wider.

    Args:
        operation: "and", "or", "not", "implies", "equiv", "xor", "nand" or "nor".
        logic_system: `LogicSystem` or its name, "lukasiewicz", "godel", "product" or "boolean".
        use_bounds: bool, whether inputs and outputs are pairs of a lower and an upper bound.
        use_weights: bool, whether to learn an importance of each input; not for "not". (`trainable_weights` is what
            every layer of Keras calls its weights.)
        initial_weight: float >= 0, the importance to start with.
        temperature: float > 0, how far the Boolean system is from steps. The others ignore it.
        use_bias: bool, whether to learn a number that is added to the result.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of the importances, or None.
        bias_regularizer: regularizer of the bias, or None.
        kernel_constraint: constraint of the importances. One that lets them become negative turns inputs into their
            opposites, and bounds are no bounds any more.
        bias_constraint: constraint of the bias, or None.

    Input shape:
        A list of equal shapes, one for each truth value, or one shape `(batch, ..., n)` for n of them. Two or more for
        "and", "or", "nand" and "nor", two for "implies", "equiv" and "xor". One shape for "not", which negates
        each element. With `use_bounds` a pair `(lower, upper)` in place of each shape.

    Output shape:
        That of one input of the list, `(batch, ..., 1)` for one tensor, the same as the input for "not". With
        `use_bounds` a pair of such shapes.

    Example:

    >>> x = keras.ops.convert_to_tensor([[1.0, 1.0, 1.0], [1.0, 0.5, 1.0], [1.0, 0.0, 0.0]])
    >>> print(keras.ops.convert_to_numpy(AdvancedLogicGateLayer("nand", "product")(x)))
    [[0. ]
     [0.5]
     [1. ]]

    References:
        - Riegel et al., "Logical Neural Networks", arXiv:2006.13155
        - van Krieken, Acar and van Harmelen, "Analyzing Differentiable Fuzzy Logic Operators", arXiv:2002.06100
    """

    def __init__(
        self,
        operation: str,
        logic_system: str = LogicSystem.BOOLEAN,
        *,
        use_bounds: bool = False,
        use_weights: bool = False,
        initial_weight: float = 1.0,
        temperature: float = 0.1,
        use_bias: bool = True,
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        kernel_constraint: str | keras.constraints.Constraint | None = "non_neg",
        bias_constraint: str | keras.constraints.Constraint | None = None,
        **kwargs,
    ):
        super().__init__(
            logic_system,
            use_bounds=use_bounds,
            use_weights=use_weights,
            initial_weight=initial_weight,
            temperature=temperature,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        check_choice(OPERATIONS, operation=operation)
        if operation == "not" and use_weights:
            raise ValueError(
                '`use_weights` must be false for "not", whose one input has nothing to be more important than. '
                f"Received: use_weights={use_weights}"
            )
        self.operation = operation
