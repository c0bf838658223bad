"""The noise that the oracle says rounding makes, against what statistics say of simple programs."""

import os

import numpy as np
import pytest

from bench.analysis.statistics import rounding
from tests.oracles.sums import ORDERS, noise_of_products, noise_of_sums

if os.environ["KERAS_BACKEND"] != "jax":
    pytest.skip("the oracle is written in JAX", allow_module_level=True)

import jax
import jax.numpy as jnp

from backends import oracle
from backends.protocol import Program

# Large enough to be seen in float32; errors are uniform, so their standard deviation is a third of it, under a root.
ROUNDOFF = 2.0**-8
DEVIATION = ROUNDOFF / np.sqrt(3)

random = np.random.default_rng(0)
x, y = (jnp.asarray(random.standard_normal((3, 5)), "float32") for _ in range(2))


def noise(function, **roundoff):
    found = oracle.Roundoff(**{"result": ROUNDOFF, "operand": 0.0, "inner": ROUNDOFF, **roundoff})
    return oracle.rounding_noise(Program(run=lambda: function(x, y)), found, samples=600)


def noise_in_float32(program):
    return np.asarray(oracle.rounding_noise(program, oracle.Roundoff(2.0**-24, 0.0, 2.0**-24)))


def assert_near(found, expected):
    np.testing.assert_allclose(found, np.asarray(expected), rtol=0.15)


def test_one_operation_errs_by_its_own_rounding():
    assert_near(noise(lambda x, y: x * y), DEVIATION * np.abs(x * y))


def test_what_moves_data_does_not_round():
    moved = noise(lambda x, y: (jnp.concatenate([x.T, -y.T]), jnp.max(x, axis=0), jnp.where(x > 0, x, y)))
    assert not any(np.any(part) for part in moved)


def test_what_cancels_keeps_the_noise_of_what_cancelled():
    assert_near(noise(lambda x, y: (x + 1000) - 1000), DEVIATION * np.full((3, 5), 1000.0))


def test_sums_and_products_of_exact_terms_round_too():
    terms = np.asarray(x[:, None] * y[None])
    assert_near(noise(lambda x, y: x @ y.T), noise_of_products(terms, ROUNDOFF))
    assert_near(noise(lambda x, y: jnp.sum(x)), noise_of_sums(np.asarray(x).ravel(), ROUNDOFF))


@pytest.mark.parametrize("terms", [random.standard_normal((400, 50)), random.uniform(1, 2, (400, 50))])
def test_long_sums_may_be_added_one_term_after_the_other(terms):
    rounded = np.zeros((600, 50))
    for row in terms:
        rounded = (rounded + row) * (1 + ROUNDOFF * random.uniform(-1, 1, rounded.shape))
    found = noise(lambda x, y: jnp.sum(terms, axis=0))
    expected = np.sqrt(np.mean((rounded - terms.sum(0)) ** 2, axis=0))
    assert 0.8 < np.sqrt(np.mean(np.square(found)) / np.mean(np.square(expected))) < 1.25


@pytest.mark.parametrize("terms", [64, 256, 2304, 100_000])
@pytest.mark.parametrize("kind", ["products", "terms", "positive terms"])
def test_honest_sums_agree_in_any_order_and_the_slowest_errs_by_a_unit(kind, terms):
    """In float32, added up by NumPy; float64 is what is right."""
    rows = (random.uniform if kind == "positive terms" else random.standard_normal)(size=(40, terms)).astype("float32")
    columns = random.standard_normal((terms, 2)).astype("float32")
    if kind == "products":
        parts = rows[:, None] * columns.T
        exact = rows.astype("float64") @ columns.astype("float64")
        units = noise_in_float32(Program(run=lambda: jnp.asarray(rows) @ jnp.asarray(columns)))
    else:
        parts, exact = rows, rows.sum(axis=1, dtype="float64")
        units = noise_in_float32(Program(run=lambda: jnp.sum(jnp.asarray(rows), axis=1)))
    for order, add in ORDERS.items():
        error = rounding.measure(add(parts), exact, units, "float32")
        assert error.ratio < 0.5, (order, error)
        if order == "one after the other":
            assert 0.4 < error.rms_units < 1.1, error


@pytest.mark.parametrize("kind", ["convolution", "cumulative sum", "sum of a window", "scatter"])
def test_every_kind_of_sum_has_the_noise_of_its_terms(kind):
    values = np.concatenate([np.asarray(x), np.asarray(y)]).astype("float64")  # (6, 5)
    kernel = np.asarray(y)[0].astype("float64")
    run, terms = {
        "convolution": (
            lambda: jax.lax.conv_general_dilated(
                jnp.asarray(values)[:, None], jnp.asarray(kernel)[None, None], (1,), "VALID"
            ),
            values * kernel,
        ),
        "cumulative sum": (lambda: jnp.cumsum(jnp.asarray(values), axis=1)[:, -1], values),
        "sum of a window": (
            lambda: jax.lax.reduce_window(jnp.asarray(values), 0.0, jax.lax.add, (1, 5), (1, 1), "VALID"),
            values,
        ),
        "scatter": (
            lambda: jnp.zeros(6).at[jnp.repeat(jnp.arange(6), 5)].add(jnp.asarray(values).ravel()),
            np.pad(values, ((0, 0), (0, 1))),
        ),
    }[kind]
    formula = noise_of_products if kind == "convolution" else noise_of_sums
    found = noise(lambda x, y: run())
    assert_near(np.asarray(found).ravel(), formula(terms, ROUNDOFF))


def test_sums_of_nothing_are_exact():
    for empty in (noise(lambda x, y: jnp.sum(x[:0], axis=0)), noise(lambda x, y: x[:, :0] @ y[:, :0].T)):
        assert not np.any(empty)


def test_products_of_narrower_operands_have_more_noise():
    terms, total = np.asarray(x[:, None] * y[None]), np.asarray(x @ y.T)
    squares = noise_of_products(terms, ROUNDOFF) ** 2
    assert_near(
        noise(lambda x, y: x @ y.T, operand=8 * ROUNDOFF),
        np.sqrt(squares + DEVIATION**2 * 128 * np.sum(terms**2, axis=-1)),
    )
    assert_near(noise(lambda x, y: x @ y.T, inner=ROUNDOFF / 100), DEVIATION * np.abs(total))


def test_a_fourier_transform_errs_alike_in_every_element():
    signal = jnp.asarray(np.cos(np.arange(64) * 2 * np.pi / 8) + 1e-3 * random.standard_normal(64), "float32")
    found = noise(lambda x, y: jnp.fft.fft(signal).real) * 2.0**-24 / ROUNDOFF
    error = np.fft.fft(np.asarray(signal, "float64")).real - np.asarray(jnp.fft.fft(signal).real)
    assert_near(found, np.full(64, np.sqrt(np.mean(np.square(found)))))
    assert 0.1 < np.sqrt(np.mean(error**2)) / np.mean(found) < 1


def test_noise_goes_through_compiled_functions():
    assert_near(noise(lambda x, y: jax.jit(jnp.multiply)(x, y)), DEVIATION * np.abs(x * y))


@pytest.mark.parametrize("reverse", [False, True])
def test_loops_add_up_noise(reverse):
    def products(x, y):
        """With a constant, which rounds nothing."""

        def step(carry, row):
            return carry * jnp.where(y[1] < jnp.inf, row, carry), carry * row

        return jax.lax.scan(step, y[0], x, reverse=reverse)

    last, steps = noise(products)
    values = products(x, y)[1]
    order = [3, 2, 1] if reverse else [1, 2, 3]
    # Two roundings a step: once for the carry, once for the output, of which the carry's stay.
    expected = [np.abs(value) * DEVIATION * np.sqrt(count) for value, count in zip(values, order, strict=True)]
    assert_near(steps, np.stack(expected))
    assert_near(last, expected[0 if reverse else -1])


def test_a_loop_may_begin_with_a_number():
    """As that of its steps does."""
    found = noise(lambda x, y: jax.lax.fori_loop(0, 3, lambda step, z: z * x, x))
    assert_near(found, np.abs(x**4) * DEVIATION * np.sqrt(3))


def test_float32_is_narrow():
    assert oracle.narrowings(Program(run=lambda: jnp.exp(x).T)) == ["exp to float32"]


@pytest.mark.parametrize("heads", [4, 2])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("extra", ["nothing", "bias", "mask"])
def test_attention_is_that_of_jax(heads, is_causal, extra):
    query, key, value = (
        jnp.asarray(random.standard_normal((2, 5, count, 8)), "float32") for count in (4, heads, heads)
    )
    options = {"is_causal": is_causal, "scale": 0.3}
    if extra == "bias":
        options["bias"] = jnp.asarray(random.standard_normal((1, 4, 5, 5)), "float32")
    if extra == "mask":
        options["mask"] = jnp.asarray(np.tril(np.ones((1, 1, 5, 5), bool), 1))
    expected = jax.nn.dot_product_attention(query, key, value, **options)
    np.testing.assert_allclose(oracle._attention(query, key, value, **options), expected, rtol=1e-5, atol=1e-5)
