import keras
from keras import ops
from keras.initializers import Constant

from dl_techniques._checks import check_non_negative, check_number
from dl_techniques._precision import at_least_float32
from dl_techniques.layers.logic._inputs import agree, is_pair, is_shape
from dl_techniques.layers.logic._systems import OF_TWO, cut, system_of
from dl_techniques.layers.logic.logic_system import LogicSystem

# What takes no part in an operation, and in its negation.
_NEUTRAL = {"and": 1, "nand": 1, "equiv": 1, "or": 0, "nor": 0, "xor": 0}


class LogicGate(keras.layers.Layer):
    """What all gates share. The arguments are explained at `AdvancedLogicGateLayer`."""

    operation: str

    def __init__(
        self,
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
        super().__init__(**kwargs)
        check_number(initial_weight=initial_weight)
        check_non_negative(initial_weight=initial_weight)
        self.logic_system = logic_system
        self.use_bounds = use_bounds
        self.use_weights = use_weights
        self.initial_weight = initial_weight
        self.temperature = temperature
        self.use_bias = use_bias
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.supports_masking = True
        self._system = system_of(logic_system, temperature)

    def build(self, input_shape):
        number, _ = self._number_and_output_shape(input_shape)
        self.importance = self.bias = None
        if self.use_weights:
            self.importance = self.add_weight(
                name="importance",
                shape=(number,),
                initializer=Constant(self.initial_weight),
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
                autocast=False,
            )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(1,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                autocast=False,
            )
        super().build(input_shape)

    def call(self, inputs, training=None):
        sides = self._sides(inputs)
        operands = [self._operands(side) for side in sides]
        lowest, highest = operands[0], operands[-1]
        truths = [self._truth(lowest, highest)]
        if self.use_bounds:
            truths.append(self._truth(highest, lowest))
        if isinstance(sides[0], list):
            truths = [truth[..., 0] for truth in truths]
        truths = [ops.cast(truth, self.compute_dtype) for truth in truths]
        return tuple(truths) if self.use_bounds else truths[0]

    def compute_output_shape(self, input_shape):
        _, shape = self._number_and_output_shape(input_shape)
        return (shape, shape) if self.use_bounds else shape

    def _sides(self, inputs):
        """The inputs, each a tensor or a list; or their lower bounds and their upper bounds."""
        if not self.use_bounds:
            return [list(inputs) if isinstance(inputs, list | tuple) else inputs]
        if isinstance(inputs[0], list | tuple):
            return [list(side) for side in zip(*inputs, strict=True)]
        return list(inputs)

    def _operands(self, side):
        """The operands of the operation, of size 1 on the last axis."""
        x = at_least_float32(ops.stack(side, axis=-1) if isinstance(side, list) else side)
        if self.operation == "not":
            return [x]
        x = self._weighted(x)
        combine = self._system.conjunction if self.operation in ("and", "nand") else self._system.disjunction
        while x.shape[-1] > 2:
            half = x.shape[-1] // 2
            pairs = combine(x[..., :half], x[..., half : 2 * half])
            x = ops.concatenate([pairs, x[..., 2 * half :]], axis=-1)
        return [x[..., :1], x[..., 1:]]

    def _weighted(self, x):
        if not self.use_weights:
            return x
        neutral = 1 - ops.arange(2, dtype=x.dtype) if self.operation == "implies" else _NEUTRAL[self.operation]
        return neutral + at_least_float32(self.importance) * (x - neutral)

    def _truth(self, rising, falling):
        truth = self._system.evaluate(self.operation, rising, falling)
        return cut(truth + at_least_float32(self.bias)) if self.use_bias else cut(truth)

    def _number_and_output_shape(self, input_shape):
        """How many truth values go in, and the shape of what comes out."""
        shapes = _of_one_side(input_shape) if self.use_bounds else input_shape
        single = is_shape(shapes)
        if self.operation == "not":
            if not single:
                inputs = "two tensors of equal shapes, the bounds" if self.use_bounds else "one tensor"
                raise ValueError(f'"not" takes {inputs}. Received: input_shape={input_shape}')
            return 1, shapes
        number = None
        if single and len(shapes) > 1:
            number = shapes[-1]
        elif agree(shapes):
            number = len(shapes)
        only_two = self.operation in OF_TWO
        if number is None or number < 2 or (only_two and number > 2):
            inputs = "pairs of bounds" if self.use_bounds else "tensors"
            raise ValueError(
                f'"{self.operation}" takes {"two" if only_two else "two or more"} truth values: a list of {inputs} of '
                f"equal shapes, or one with a last axis of that size. Received: input_shape={input_shape}"
            )
        return number, (*shapes[:-1], 1) if single else shapes[0]


def _of_one_side(input_shape):
    """The shapes without those of the other bounds."""
    if is_pair(input_shape):
        return input_shape[0]
    if isinstance(input_shape, list | tuple) and all(map(is_pair, input_shape)):
        return [pair[0] for pair in input_shape]
    raise ValueError(
        "With `use_bounds` the inputs must be a pair of tensors of equal shapes, the bounds, or a list of such pairs. "
        f"Received: input_shape={input_shape}"
    )
