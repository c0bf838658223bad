from functools import cache

import keras


@cache
def _compiled(metric):
    import jax

    return jax.jit(metric.stateless_update_state), jax.jit(metric.stateless_result)


def streamed(metric, *parts):
    """What a metric says of some batches alone, each of targets, predictions and, if any, weights."""
    metric.reset_state()
    if keras.backend.backend() != "jax":
        for part in parts:
            metric.update_state(*part)
        return float(metric.result())
    # JAX compiles a function faster than its operations one by one.
    update, result = _compiled(metric)
    state = [variable.value for variable in metric.variables]
    for part in parts:
        state = update(state, *part)
    for variable, value in zip(metric.variables, state, strict=True):
        variable.assign(value)
    return float(result(state))
