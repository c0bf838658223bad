"""What a launch runs of a workload: inputs of integers and of floats, forward and backward, on every backend."""

import importlib
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

import backends
from bench.run.cells import Cell, cells
from bench.run.profiles import PROFILES
from bench.run.programs import Programs
from bench.workloads import Workload

ADAPTER = backends.active()
NATIVE = importlib.import_module(f"backends.native.{keras.backend.backend()}")


class Lookup(keras.layers.Layer):
    """Rows of a table, those that a mask leaves."""

    def build(self, ids, kept, scale):
        self.table = self.add_weight(shape=(9, scale[-1]), initializer="ones", name="table")

    def call(self, ids, kept, scale, training=None):
        return ops.where(kept[..., None], ops.take(self.table, ids, axis=0) * scale, 0.0)


WORKLOAD = Workload(
    "lookup",
    "own",
    lambda size: Lookup(),
    lambda size: [(4, 5), (4, 5), (4, 5, size["width"])],
    {"tiny": {"width": 3}},
    integers=[("int32", 2, 7), ("bool", 0, 2), None],
)


@pytest.mark.parametrize(("mode", "metric"), [("eager", "forward"), ("eager", "backward"), ("jit", "backward")])
def test_token_ids_and_masks_are_inputs_like_others(tmp_path, mode, metric):
    programs = Programs(ADAPTER, NATIVE, "cpu", tmp_path)
    cell = Cell(WORKLOAD, "tiny", "float32", mode, metric)
    step = programs.step(cell)
    step()
    step.settle()
    ids, kept, scale = (ADAPTER.array(x) for x in programs._model(WORKLOAD, "tiny", "float32")[1])
    assert (ids.dtype, kept.dtype, scale.dtype) == (np.int32, np.bool_, np.float32)
    assert 2 <= ids.min() < ids.max() < 7
    assert 0 < kept.mean() < 1
    about = programs.describe(cell)
    assert (about["shape"], about["bytes"]) == ("4x5 4x5 4x5x3", None)
    if metric == "forward":
        np.testing.assert_array_equal(ADAPTER.array(step.results), np.where(kept[..., None], scale, 0))
        return
    _, (gradient,), (table,) = step.results[:3]
    assert (ADAPTER.array(gradient)[~kept] == 0).all()
    assert ADAPTER.array(table).shape == (9, 3)


def test_each_input_is_told_of():
    for name, told in {"integers": [("int32", 0, 9)], "values": [halves]}.items():
        workload = replace(WORKLOAD, **{name: told})
        with pytest.raises(ValueError, match=rf"`{name}` must have an entry for each of the 3 inputs\. Received: "):
            Programs(ADAPTER, NATIVE, "cpu", None)._model(workload, "tiny", "float32")


def halves(shape, generator):
    return np.full(shape, 0.5) + 0 * generator.uniform(size=shape)


LOSS = Workload(
    "squares",
    "losses",
    lambda size: keras.losses.MeanSquaredError(),
    lambda size: [(4, size["width"]), (4, size["width"])],
    {"tiny": {"width": 3}},
    values=(halves, None),
)


def test_a_loss_is_a_layer_of_its_target_and_prediction(tmp_path):
    programs = Programs(ADAPTER, NATIVE, "cpu", tmp_path)
    cell = Cell(LOSS, "tiny", "float32", "jit", "backward")
    step = programs.step(cell)
    step()
    step.settle()
    target, prediction = (ADAPTER.array(x) for x in programs._model(LOSS, "tiny", "float32")[1])
    assert (target == 0.5).all()
    assert programs.describe(cell)["technique"] == "keras.MeanSquaredError"
    value, (of_target, of_prediction), weights = step.results[:3]
    np.testing.assert_allclose(ADAPTER.array(value), np.mean((target - prediction) ** 2), rtol=1e-5)
    cotangent = ADAPTER.array(programs._model(LOSS, "tiny", "float32")[2])
    np.testing.assert_allclose(
        ADAPTER.array(of_prediction), cotangent * 2 * (prediction - target) / target.size, rtol=1e-4, atol=1e-6
    )
    assert of_target is None or not ADAPTER.array(of_target).any()
    assert len(weights) == 0


OUTSIDE = Workload(
    "sorted",
    "own",
    lambda size: lambda x: np.sort(x, axis=-1),
    lambda size: [(4, size["width"])],
    {"tiny": {"width": 3}},
    outside=True,
)


def test_what_is_no_frameworks_is_measured_forward_and_alike_in_every_mode(tmp_path):
    found = {
        (cell.metric, cell.mode, cell.dtype)
        for metric in ("forward", "backward", "compile_cold", "compile_warm")
        for cell in cells([OUTSIDE], PROFILES["full"], ADAPTER, "cpu", metric)
    }
    assert found == {("forward", mode, "float32") for mode in ADAPTER.MODES}
    assert cells([OUTSIDE], PROFILES["full"], ADAPTER, "gpu", "forward") == []
    programs = Programs(ADAPTER, NATIVE, "cpu", tmp_path)
    for mode in ADAPTER.MODES:
        cell = Cell(OUTSIDE, "tiny", "float32", mode, "forward")
        step = programs.step(cell)
        step()
        step.settle()
        np.testing.assert_array_equal(step.results, np.sort(programs._model(OUTSIDE, "tiny", "float32")[1][0]))
        assert programs.describe(cell)["technique"] == "outside.sorted"
