import keras
import numpy as np
import pytest

from dl_techniques._initializers import derived_seed, fresh


def draw(initializer):
    return keras.ops.convert_to_numpy(initializer((3, 4), "float32"))


@pytest.mark.parametrize("seed", [None, 7, keras.random.SeedGenerator(7)], ids=["none", "int", "generator"])
def test_copies_draw_different_numbers(seed):
    initializer = keras.initializers.RandomNormal(seed=seed)
    draws = [draw(fresh(initializer, index)) for index in range(3)]
    assert not np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[1], draws[2])


def test_seeded_copies_can_be_repeated():
    first, second = (keras.initializers.RandomNormal(stddev=3.0, seed=7) for _ in range(2))
    np.testing.assert_array_equal(draw(fresh(first, 2)), draw(fresh(second, 2)))
    np.testing.assert_array_equal(draw(fresh(first, 0)), draw(first))


def test_what_is_not_random_stays():
    def plain(shape, dtype):
        return keras.ops.ones(shape, dtype)

    assert fresh(plain, 1) is plain
    assert fresh(keras.initializers.Constant(3.0), 1).get_config() == {"value": 3.0}


def test_derived_seeds_are_valid_and_do_not_meet_those_of_the_next_layer():
    seeds = [derived_seed(seed, index) for seed in range(50) for index in range(5)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert derived_seed(None, 1) is None
