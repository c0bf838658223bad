import keras

from dl_techniques._checks import check_choice
from dl_techniques._serialization import serializable
from dl_techniques.layers.logic._inputs import agree, is_shape
from dl_techniques.layers.logic._systems import OPERATIONS, system_of, truth
from dl_techniques.layers.logic.logic_system import LogicSystem


@serializable
class FuzzyLogicLayer(keras.layers.Layer):
    """An operation of fuzzy logic as a layer without weights, for use in models.

    For gates with weights, with more inputs than two, or on intervals, see `AdvancedLogicGateLayer`.

    Formula: that of the function `logical_and`, `logical_or`, ... of the operation; see the table in
    `dl_techniques.layers.logic.logical_operations`.

    Args:
        operation: "and", "or", "not", "implies", "equiv", "xor", "nand" or "nor".
        logic_system: `LogicSystem` or its name, "lukasiewicz", "godel", "product" or "boolean".
        temperature: float > 0, how far the Boolean system is from steps; 0.1 makes it useful. The others ignore it.

    Input shape:
        A list of two equal shapes, or one shape for "not". The numbers are truth values in [0, 1].

    Output shape:
        That of one input.

    Example:

    >>> x, y = keras.ops.convert_to_tensor([[0.25, 0.75], [0.5, 0.5]])
    >>> print(keras.ops.convert_to_numpy(FuzzyLogicLayer("implies")([x, y])))
    [1.   0.75]

    References:
        van Krieken, Acar and van Harmelen, "Analyzing Differentiable Fuzzy Logic Operators", arXiv:2002.06100
    """

    def __init__(
        self,
        operation: str = "and",
        logic_system: str = LogicSystem.LUKASIEWICZ,
        *,
        temperature: float = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice(OPERATIONS, operation=operation)
        self.operation = operation
        self.logic_system = logic_system
        self.temperature = temperature
        self.supports_masking = True
        self._system = system_of(logic_system, temperature)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return truth(self._system, self.operation, inputs if isinstance(inputs, list | tuple) else [inputs])

    def compute_output_shape(self, input_shape):
        if self.operation == "not":
            if is_shape(input_shape):
                return input_shape
            raise ValueError(f'"not" takes one tensor. Received: input_shape={input_shape}')
        if agree(input_shape) and len(input_shape) == 2:
            return input_shape[0]
        raise ValueError(
            f'"{self.operation}" takes a list of two tensors of equal shapes. Received: input_shape={input_shape}'
        )
