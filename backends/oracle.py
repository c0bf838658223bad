"""The oracle: JAX in float64, and a measure of what rounding may do to its results.

Keras computes parts of float64 in float32 on JAX: its promotion table ends at float32, and JAX's own attention takes
the softmax in float32. `compute_in_float64` mends both, for the whole process.

How large an error is to be expected of a narrower dtype follows from the same program: `rounding_noise` runs it with a
random error in the result of every operation that rounds (Monte Carlo arithmetic: Parker, "Monte Carlo Arithmetic",
1997). What cancels, what is ill-conditioned and what is saturated then has the noise that it deserves, element by
element.

Sums, and with them matrix products and convolutions, are one operation here and many in a framework, each of which
rounds what was summed so far (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, chapter 4). They err
most where they add one term after the other, as frameworks do for some shapes, even with 100,000 terms;
`_squared_sums` says how much.
"""

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
SUMS = "reduce_sum cumsum reduce_window_sum scatter-add"
PRODUCTS = "dot_general conv_general_dilated"
# Each factor or term rounds what was multiplied or added so far.
CHAINS = "reduce_prod cumprod cumlogsumexp"
# Unit roundoffs that the frameworks' fast approximations of the transcendental functions may err by.
APPROXIMATION = 4.0

Disturb = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Roundoff:
    """Largest relative errors; 2^-24 is that of float32.

    Args:
        result: of the result of an operation.
        operand: of an operand of a matrix product or convolution; 0 where it is taken as it is.
        inner: of each operation inside of a matrix product or convolution: frameworks add up in float32 at least.
    """

    result: float
    operand: float
    inner: float


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


def rounding_noise(program: Program, roundoff: Roundoff, *, samples: int = 16, seed: int = 0) -> Any:
    """Returns, for each element of an eager program's results, how far rounding moves it: root mean square.

    Args:
        program: a program of the JAX adapter in eager mode.
        roundoff: of the dtype and of the machine.
        samples: number of runs.
        seed: of the errors.
    """
    closed, structure = _trace(program)
    sites: list[tuple[tuple[int, ...], bool]] = []

    def record(size: Tensor, x: Tensor) -> Tensor:
        sites.append((x.shape, jnp.iscomplexobj(x)))
        return x

    @jax.jit
    def disturbed(constants, errors):
        remaining = iter(errors)
        return _evaluate(
            closed.jaxpr, constants, roundoff, lambda size, x: (x + size * next(remaining)).astype(x.dtype)
        )

    jax.eval_shape(lambda constants: _evaluate(closed.jaxpr, constants, roundoff, record), closed.consts)
    exact = disturbed(closed.consts, [np.zeros(shape) for shape, _ in sites])
    generator = np.random.default_rng(seed)
    squares = [np.zeros(x.shape) for x in exact]
    for _ in range(samples):
        errors = [_errors(generator, shape, is_complex) for shape, is_complex in sites]
        for total, moved, x in zip(squares, disturbed(closed.consts, errors), exact, strict=True):
            if jnp.issubdtype(x.dtype, jnp.floating):
                total += np.square(np.asarray(moved) - np.asarray(x))
    return jax.tree.unflatten(jax.tree.structure(structure), [jnp.sqrt(total / samples) for total in squares])


def _errors(generator: np.random.Generator, shape: tuple[int, ...], is_complex: bool) -> np.ndarray:
    errors = generator.uniform(-1, 1, shape)
    return errors + 1j * generator.uniform(-1, 1, shape) if is_complex else errors


def _trace(program: Program):
    """Returns the program's equations, and the structure of its results."""
    return jax.make_jaxpr(program.run, return_shape=True)()


def _evaluate(
    jaxpr: Any, constants: Sequence[Tensor], roundoff: Roundoff, disturb: Disturb, arguments: Sequence[Tensor] = ()
) -> list[Tensor]:
    """Runs the equations one by one, and disturbs what each rounds; a loop is unrolled."""
    values: dict[Any, Tensor] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True))

    def read(atom):
        return atom.val if hasattr(atom, "val") else values[atom]

    for equation in jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]
        inner = _called(equation)
        if inner is not None:
            results = _evaluate(inner.jaxpr, inner.consts, roundoff, disturb, operands)
        elif equation.primitive.name == "scan":
            results = _unrolled(equation, roundoff, disturb, operands)
        else:
            results = _run_and_round(equation, roundoff, disturb, operands)
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _run_and_round(equation: Any, roundoff: Roundoff, disturb: Disturb, operands: list[Tensor]) -> list[Tensor]:
    name = equation.primitive.name

    def run(operands: Sequence[Tensor]) -> list[Tensor]:
        results = equation.primitive.bind(*operands, **equation.params)
        return list(results) if equation.primitive.multiple_results else [results]

    def rounded(relative: float, x: Tensor) -> Tensor:
        return disturb(relative * x, x) if relative and jnp.issubdtype(x.dtype, jnp.inexact) else x

    if name in EXACT.split():
        return run(operands)
    if name in TRANSCENDENTAL.split():
        return [rounded(roundoff.result * APPROXIMATION, y) for y in run(operands)]
    if name in CHAINS.split():
        return [rounded(roundoff.result, y) for y in run([rounded(roundoff.result, x) for x in operands])]
    if name == "fft":
        return [disturb(roundoff.result * _fft_size(equation, y), y) for y in run(operands)]
    if name in SUMS.split():
        (y,) = run(operands)
        if not jnp.issubdtype(y.dtype, jnp.floating):
            return [y]
        (squares,) = run(_each(jnp.square, operands))
        terms = _terms(equation) or run(_each(jnp.ones_like, operands))[0]
        return [disturb(roundoff.result * jnp.sqrt(_squared_sums(terms, squares, y)), y)]
    if name in PRODUCTS.split():
        operands = [rounded(roundoff.operand, x) for x in operands]
        (y,) = run(operands)
        if not jnp.issubdtype(y.dtype, jnp.floating):
            return [y]
        (squares,) = run(_each(jnp.square, operands))
        inner = squares + _squared_sums(_terms(equation), squares, y)
        last = roundoff.result**2 - roundoff.inner**2
        return [disturb(jnp.sqrt(roundoff.inner**2 * inner + last * y**2), y)]
    return [rounded(roundoff.result, y) for y in run(operands)]


def _squared_sums(terms: Tensor | float, squares: Tensor, total: Tensor) -> Tensor:
    """The squares of the sums of the first two, three, ... terms, added up: what one term after the other rounds.

    It is the mean over all orders of the `n` terms. The first `k` have a sum whose square is, in the mean,
    `k/n squares + k (k-1) / (n (n-1)) (total^2 - squares)`.
    """
    count = jnp.maximum(terms, 1)
    rounded = (count + 1) / 3 * total**2 + ((count + 1) / 6 - 1 / count) * squares
    return jnp.where(count > 1, rounded, 0.0)


def _each(change: Callable[[Tensor], Tensor], operands: Sequence[Tensor]) -> list[Tensor]:
    """The operands, those that are numbers and not indices changed."""
    return [change(x) if jnp.issubdtype(x.dtype, jnp.floating) else x for x in operands]


def _terms(equation: Any) -> float | None:
    """How many terms each element of a sum has, padding included; None where they differ."""
    operands, result = [x.aval for x in equation.invars], equation.outvars[0].aval
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return float(math.prod(operands[0].shape[axis] for axis in contracted))
    if equation.primitive.name == "conv_general_dilated":
        output_feature = equation.params["dimension_numbers"].rhs_spec[0]
        return operands[1].size / max(1, operands[1].shape[output_feature])
    if equation.primitive.name == "reduce_sum":
        return operands[0].size / max(1, result.size)
    return None


def _fft_size(equation: Any, y: Tensor) -> Tensor:
    """How far a fast transform errs, in unit roundoffs: each element as much as the others, once for each stage."""
    lengths = equation.params["fft_lengths"]
    axes = tuple(range(-len(lengths), 0))
    stages = math.log2(max(2, math.prod(lengths)))
    return jnp.sqrt(stages * jnp.mean(jnp.abs(y) ** 2, axis=axes, keepdims=True))


def _called(equation: Any) -> Any:
    """The equations that an equation only stands for, or None."""
    if equation.primitive.name not in CALLS:
        return None
    return _closed(
        next(equation.params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in equation.params)
    )


def _closed(inner: Any) -> ClosedJaxpr:
    return inner if hasattr(inner, "consts") else ClosedJaxpr(inner, ())


def _unrolled(equation: Any, roundoff: Roundoff, disturb: Disturb, operands: list[Tensor]) -> list[Tensor]:
    """Constants come first, then what is carried on, then the sequences, which have one axis more than their steps."""
    body = _closed(equation.params["jaxpr"])
    sequences = sum(
        outer.aval.ndim > inner.aval.ndim for outer, inner in zip(equation.invars, body.jaxpr.invars, strict=True)
    )
    carried = sum(
        outer.aval.ndim == inner.aval.ndim for outer, inner in zip(equation.outvars, body.jaxpr.outvars, strict=True)
    )
    first = len(operands) - sequences - carried
    constants, carry, columns = operands[:first], operands[first : first + carried], operands[first + carried :]
    steps = range(equation.params["length"])
    outputs: dict[int, list[Tensor]] = {}
    for step in reversed(steps) if equation.params["reverse"] else steps:
        arguments = [*constants, *carry, *(column[step] for column in columns)]
        results = _evaluate(body.jaxpr, body.consts, roundoff, disturb, arguments)
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
