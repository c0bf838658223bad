"""The few lines that differ between the frameworks: outputs and gradients of a layer, eager or as one compiled graph.

Everything that changes from call to call (inputs, weights, state, cotangents) is an argument of the compiled function.
A Python constant in its place would be folded, and an operation without a gradient would seem to compile.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import ops


@contextlib.contextmanager
def double_precision() -> Iterator[None]:
    """JAX has no float64 without it."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    with jax.enable_x64(True):
        yield


def forget_programs() -> None:
    """JAX keeps thousands of them; to free one takes the longer, the more were made since."""
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()


def leave_no_garbage() -> None:
    """Compiled code that is freed late is searched for among all that was compiled since, for minutes at the end."""
    forget_programs()
    gc.collect()
    gc.freeze()


def variable(x: Any) -> Any:
    """The numbers in what the framework keeps weights in."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.Variable(x)
    if keras.backend.backend() == "torch":
        import torch

        return torch.nn.Parameter(x)
    return keras.Variable(x)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """As one graph, from tensors to tensors."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if keras.backend.backend() == "torch":
        import torch

        torch._dynamo.reset()
        return torch.compile(function, fullgraph=True, backend="aot_eager")
    import jax

    return jax.jit(function)


def call_without_sizes(layer: keras.layers.Layer, inputs: Sequence[Any], shapes: Sequence[Any]) -> list[Any]:
    """The outputs; on TensorFlow those of a graph that knows only what is in `shapes`."""

    def forward(*inputs):
        return _outputs(layer, inputs, False)

    if keras.backend.backend() != "tensorflow":
        return forward(*inputs)
    import tensorflow as tf

    signature = [tf.TensorSpec(shape, x.dtype) for x, shape in zip(inputs, shapes, strict=True)]
    return tf.function(forward, autograph=False, input_signature=signature)(*inputs)


def narrow_operations(layer: keras.layers.Layer, inputs: Sequence[Any]) -> list[str]:
    """The operations of a call that compute in, or cast to, a float narrower than float64, by JAX's trace."""
    import jax
    from jax.extend.core import jaxprs_in_params

    def forward(*inputs):
        with keras.StatelessScope():
            return _outputs(layer, inputs, False)

    def narrow(jaxpr):
        for equation in jaxpr.eqns:
            if any(str(getattr(x.aval, "dtype", "")) in ("float32", "float16", "bfloat16") for x in equation.outvars):
                yield str(equation.primitive)
            for inner in jaxprs_in_params(equation.params):
                yield from narrow(inner)

    return sorted(set(narrow(jax.make_jaxpr(forward)(*inputs).jaxpr)))


def value_and_gradients(
    layer: keras.layers.Layer, inputs: Sequence[Any], cotangents: Sequence[Any], *, training: bool, jit: bool
) -> tuple[list[Any], list[Any]]:
    """Returns the outputs, and the gradients of `sum(output * cotangent)` for each input, then each trainable weight.

    The layer must be built. A gradient that does not exist is None (TensorFlow, torch) or zero (JAX).
    """
    step = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]
    inputs = [ops.convert_to_tensor(x) for x in inputs]
    cotangents = [ops.convert_to_tensor(c) for c in cotangents]
    return step(layer, inputs, cotangents, training, jit)


def _tensorflow(layer, inputs, cotangents, training, jit):
    import tensorflow as tf

    def step(inputs, cotangents):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = _outputs(layer, inputs, training)
            loss = _loss(outputs, cotangents)
        return outputs, tape.gradient(loss, [*inputs, *(v.value for v in layer.trainable_variables)])

    signature = None
    if not training:  # Without the size of the batch, as in a model that is served.
        signature = [
            [tf.TensorSpec([None, *x.shape[1:]][: x.ndim], x.dtype) for x in xs] for xs in (inputs, cotangents)
        ]
    compiled = tf.function(step, jit_compile=True, autograph=False, input_signature=signature)
    return (compiled if jit else step)(inputs, cotangents)


def _jax(layer, inputs, cotangents, training, jit):
    import jax

    weights, state = layer.trainable_variables, layer.non_trainable_variables

    def loss(inputs, weight_values, state_values, cotangents):
        mapping = zip([*weights, *state], [*weight_values, *state_values], strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)) as scope:
            outputs = _outputs(layer, inputs, training)
        return _loss(outputs, cotangents), (outputs, [scope.get_current_value(v) for v in state])

    step = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    arguments = inputs, [v.value for v in weights], [v.value for v in state], cotangents
    (_, (outputs, new_state)), gradients = (jax.jit(step) if jit else step)(*arguments)
    for variable, value in zip(state, new_state, strict=True):
        variable.assign(value)
    return outputs, [*gradients[0], *gradients[1]]


def _torch(layer, inputs, cotangents, training, jit):
    import torch

    def forward(*inputs):
        return _outputs(layer, inputs, training)

    # All Keras layers share one code object, whose recompilation limit would otherwise be used up after eight of them.
    torch._dynamo.reset()
    inputs = [x.detach().requires_grad_() for x in inputs]
    outputs = (torch.compile(forward, fullgraph=True, backend="aot_eager") if jit else forward)(*inputs)
    targets = [*inputs, *(v.value for v in layer.trainable_variables)]
    loss = _loss(outputs, cotangents)
    if not loss.requires_grad:
        return outputs, [None] * len(targets)
    return outputs, list(torch.autograd.grad(loss, targets, allow_unused=True))


def _outputs(layer, inputs, training):
    return keras.tree.flatten(layer(inputs[0] if len(inputs) == 1 else list(inputs), training=training))


def _loss(outputs, cotangents):
    pairs = zip(outputs, cotangents, strict=True)
    terms = [ops.sum(y * c) for y, c in pairs if keras.backend.is_float_dtype(y.dtype)]
    return sum(terms) if terms else ops.zeros(())
