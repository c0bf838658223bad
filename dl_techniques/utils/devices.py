"""Where operations run, as far as that decides which form of them is fast."""

import keras
from keras import ops


def runs_on_a_cpu(x) -> bool:
    """Whether what is done with `x` runs on a CPU. PyTorch's tensors tell; the others compute on the first device."""
    if keras.config.backend() == "torch":
        return getattr(x, "is_cpu", True)
    return keras.distribution.list_devices()[0].startswith("cpu")


def xla_fuses_on_a_cpu(x) -> bool:
    """Whether XLA compiles what is done with `x` for a CPU, and can put several operations into one pass."""
    return xla_compiles(x) and runs_on_a_cpu(x)


def xla_compiles(x) -> bool:
    """Whether XLA compiles what is done with `x`."""
    backend = keras.config.backend()
    if backend == "torch":
        return False
    return _is_traced() if backend == "jax" else _is_in_xla_context(getattr(x, "graph", None))


def records_gradients(*tensors) -> bool:
    """PyTorch: whether what is computed with the tensors is to be differentiated; of symbolic ones it may be."""
    return any(keras.backend.is_keras_tensor(x) or (x[:0] + 0).requires_grad for x in tensors)


def _is_traced() -> bool:
    """JAX: whether operations are staged for a compiler. Then they have no value to look at."""
    try:
        bool(ops.zeros(()))
    except TypeError:
        return True
    return False


def _is_in_xla_context(graph) -> bool:
    """TensorFlow: whether a graph is made for `jit_compile=True`, which has no public name."""
    while graph is not None:
        context = graph._get_control_flow_context()
        if context is not None and context.IsXLAContext():
            return True
        graph = getattr(graph, "outer_graph", None)
    return False
