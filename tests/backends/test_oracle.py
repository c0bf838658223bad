"""The noise that the oracle says rounding makes, against what statistics say of simple programs."""

import os

import numpy as np
import pytest

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


def noise(function, product_roundoff=ROUNDOFF):
    program = Program(run=lambda: function(x, y))
    return oracle.rounding_noise(program, ROUNDOFF, product_roundoff, samples=600)


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
    total = np.sqrt(2 * np.sum(terms**2, axis=-1) + np.sum(terms, axis=-1) ** 2)
    assert_near(noise(lambda x, y: x @ y.T), DEVIATION * total)
    values = np.asarray(x)
    growth = np.sqrt(values.size / 3)
    assert_near(noise(lambda x, y: jnp.sum(x)), growth * DEVIATION * np.sqrt(np.sum(values**2) + np.sum(values) ** 2))


@pytest.mark.parametrize("terms", [random.standard_normal((400, 50)), random.uniform(1, 2, (400, 50))])
def test_long_sums_may_be_added_one_term_after_the_other(terms):
    rounded = np.zeros((600, 50))
    for row in terms:
        rounded = (rounded + row) * (1 + ROUNDOFF * random.uniform(-1, 1, rounded.shape))
    expected = np.std(rounded, axis=0)
    found = oracle.rounding_noise(Program(run=lambda: jnp.sum(terms, axis=0)), ROUNDOFF, ROUNDOFF, samples=100)
    ratio = np.sqrt(np.mean(np.square(found)) / np.mean(np.square(expected)))
    assert 0.7 < ratio < 1.5


def test_products_of_narrower_operands_have_more_noise():
    assert_near(
        noise(lambda x, y: x @ y.T, product_roundoff=8 * ROUNDOFF),
        DEVIATION * np.sqrt(128 * np.sum(np.asarray(x[:, None] * y[None]) ** 2, axis=-1) + np.asarray(x @ y.T) ** 2),
    )


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
