"""The oracle: JAX in float64, and a measure of what rounding may do to its results.

Keras computes parts of float64 in float32 on JAX: its promotion table ends at float32, and JAX's own attention takes
the softmax in float32. `compute_in_float64` mends both, for the whole process.

How large an error is to be expected of a narrower dtype follows from the same program: `rounding_noise` runs it with a
random relative error in the result of every operation that rounds (Monte Carlo arithmetic: Parker, "Monte Carlo
Arithmetic", 1997). What cancels, what is ill-conditioned and what is saturated then has the noise that it deserves,
element by element.
"""

import functools
import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxprs_in_params

from backends.protocol import Program, Tensor

CALLS = ("jit", "pjit", "closed_call", "checkpoint", "remat2", "custom_jvp_call", "custom_vjp_call")
EXACT = """
    reshape transpose broadcast_in_dim squeeze expand_dims rev copy copy_p pad concatenate split slice dynamic_slice
    dynamic_update_slice gather scatter select_n select_and_gather_add neg abs sign max min reduce_max reduce_min
    reduce_window_max reduce_window_min cummax cummin clamp floor ceil round sort top_k iota stop_gradient real imag
    convert_element_type reduce_precision optimization_barrier
"""
TRANSCENDENTAL = """
    exp exp2 expm1 log log1p logistic tanh tan sin cos sinh cosh asin acos atan atan2 asinh acosh atanh erf erfc
    erf_inv lgamma digamma pow rsqrt cbrt
"""
SUMS = "reduce_sum reduce_prod cumsum cumprod cumlogsumexp reduce_window_sum scatter-add"
PRODUCTS = "dot_general conv_general_dilated"
# Unit roundoffs that the frameworks' fast approximations of the transcendental functions may err by.
APPROXIMATION = 4.0

Disturb = Callable[[float, Tensor], Tensor]
Scales = Callable[[str, float], tuple[float, float]]


def compute_in_float64() -> None:
    """Makes this process, which has not computed anything yet, the oracle."""
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    # Keras has no public switch for it, and no public name.
    promotion: Any = importlib.import_module("keras.src.backend.common.dtypes")
    promotion.BIT64_TO_BIT32_DTYPE.update(float64="float64", complex128="complex128")
    jax.nn.dot_product_attention = _attention


def narrowings(program: Program) -> list[str]:
    """Returns the operations of an eager program that compute in, or cast to, a float narrower than float64."""
    return sorted(set(_narrow(_trace(program)[0].jaxpr)))


def rounding_noise(
    program: Program, roundoff: float, product_roundoff: float, *, samples: int = 16, seed: int = 0
) -> Any:
    """Returns, for each element of an eager program's results, how far rounding moves it: root mean square.

    Args:
        program: a program of the JAX adapter in eager mode.
        roundoff: largest relative error of one operation: 2^-24 for float32.
        product_roundoff: the same of the operands of matrix products and convolutions.
        samples: number of runs.
        seed: of the errors.
    """
    closed, structure = _trace(program)
    sites: list[tuple[float, tuple[int, ...]]] = []

    def record(scale: float, x: Tensor) -> Tensor:
        sites.append((scale, x.shape))
        return x

    scales = functools.partial(_scales, roundoff, product_roundoff)

    @jax.jit
    def disturbed(constants, errors):
        remaining = iter(errors)
        return _evaluate(closed.jaxpr, constants, scales, lambda _, x: (x * (1 + next(remaining))).astype(x.dtype))

    jax.eval_shape(lambda constants: _evaluate(closed.jaxpr, constants, scales, record), closed.consts)
    exact = disturbed(closed.consts, [np.zeros(shape) for _, shape in sites])
    generator = np.random.default_rng(seed)
    squares = [np.zeros(x.shape) for x in exact]
    for _ in range(samples):
        errors = [scale * generator.uniform(-1, 1, shape) for scale, shape in sites]
        for total, moved, x in zip(squares, disturbed(closed.consts, errors), exact, strict=True):
            if jnp.issubdtype(x.dtype, jnp.floating):
                total += np.square(np.asarray(moved) - np.asarray(x))
    return jax.tree.unflatten(jax.tree.structure(structure), [jnp.sqrt(total / samples) for total in squares])


def _trace(program: Program):
    """Returns the program's equations, and the structure of its results."""
    return jax.make_jaxpr(program.run, return_shape=True)()


def _scales(roundoff: float, product_roundoff: float, name: str, terms: float) -> tuple[float, float]:
    """The largest relative errors of the operands, and of the result, of an operation.

    Args:
        terms: how many elements of its operands one element of the result is made of.
    """
    if name in EXACT.split():
        return 0.0, 0.0
    if name in TRANSCENDENTAL.split():
        return 0.0, roundoff * APPROXIMATION
    if name in SUMS.split():
        # Added one after the other, as XLA does on a CPU, each of n terms rounds what was summed so far: for terms
        # of one sign by sqrt(n / 3) roundings of the sum, for others by that of each term.
        grown = roundoff * math.sqrt(max(1.0, terms / 3))
        return grown, grown
    return (product_roundoff if name in PRODUCTS.split() else 0.0), roundoff


def _evaluate(
    jaxpr: Any, constants: Sequence[Tensor], scales: Scales, disturb: Disturb, arguments: Sequence[Tensor] = ()
) -> list[Tensor]:
    """Runs the equations one by one, and disturbs what each rounds; a loop is unrolled."""
    values: dict[Any, Tensor] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True))

    def read(atom):
        return atom.val if hasattr(atom, "val") else values[atom]

    def rounded(scale, x):
        return disturb(scale, x) if scale and jnp.issubdtype(x.dtype, jnp.floating) else x

    for equation in jaxpr.eqns:
        name, operands = equation.primitive.name, [read(atom) for atom in equation.invars]
        inner = _called(equation)
        if inner is not None:
            results = _evaluate(inner.jaxpr, inner.consts, scales, disturb, operands)
        elif name == "scan":
            results = _unrolled(equation, scales, disturb, operands)
        else:
            before, after = scales(name, _terms(equation))
            results = equation.primitive.bind(*(rounded(before, x) for x in operands), **equation.params)
            results = results if equation.primitive.multiple_results else [results]
            results = [rounded(after, x) for x in results]
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _terms(equation: Any) -> float:
    """How many elements each element of the result is made of, on average."""
    return max((x.aval.size for x in equation.invars), default=1) / max(1, equation.outvars[0].aval.size)


def _called(equation: Any) -> Any:
    """The equations that an equation only stands for, or None."""
    if equation.primitive.name not in CALLS:
        return None
    return _closed(
        next(equation.params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in equation.params)
    )


def _closed(inner: Any) -> ClosedJaxpr:
    return inner if hasattr(inner, "consts") else ClosedJaxpr(inner, ())


def _unrolled(equation: Any, scales: Scales, disturb: Disturb, operands: list[Tensor]) -> list[Tensor]:
    """Constants come first, then what is carried on, then the sequences, which have one axis more than their steps."""
    body = _closed(equation.params["jaxpr"])
    sequences = sum(x.ndim > inner.aval.ndim for x, inner in zip(operands, body.jaxpr.invars, strict=True))
    carried = sum(
        outer.aval.ndim == inner.aval.ndim for outer, inner in zip(equation.outvars, body.jaxpr.outvars, strict=True)
    )
    first = len(operands) - sequences - carried
    constants, carry, columns = operands[:first], operands[first : first + carried], operands[first + carried :]
    steps = range(equation.params["length"])
    outputs: dict[int, list[Tensor]] = {}
    for step in reversed(steps) if equation.params["reverse"] else steps:
        arguments = [*constants, *carry, *(column[step] for column in columns)]
        results = _evaluate(body.jaxpr, body.consts, scales, disturb, arguments)
        carry, outputs[step] = results[:carried], results[carried:]
    return [*carry, *(jnp.stack(column) for column in zip(*(outputs[step] for step in steps), strict=True))]


def _narrow(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        for inner in jaxprs_in_params(equation.params):
            yield from _narrow(inner)
        loses = name not in {*EXACT.split(), *CALLS} or (
            name == "convert_element_type" and _is_wide(equation.invars[0])
        )
        if loses and any(_is_float(variable) and not _is_wide(variable) for variable in equation.outvars):
            yield f"{name} to {equation.outvars[0].aval.dtype}"


def _is_float(variable: Any) -> bool:
    return jnp.issubdtype(getattr(variable.aval, "dtype", bool), jnp.floating)


def _is_wide(variable: Any) -> bool:
    return getattr(variable.aval, "dtype", None) == jnp.float64


def _attention(query, key, value, bias=None, mask=None, *, scale=None, is_causal=False, **_):
    """`jax.nn.dot_product_attention` in the dtype of its inputs."""
    groups = query.shape[2] // key.shape[2]
    key, value = jnp.repeat(key, groups, axis=2), jnp.repeat(value, groups, axis=2)
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    if is_causal:
        causal = jnp.tril(jnp.ones(scores.shape[-2:], bool))
        mask = causal if mask is None else jnp.logical_and(mask, causal)
    if mask is not None:
        scores = jnp.where(mask, scores, -1e30)
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1), value)
