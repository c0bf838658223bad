"""Which sizes and dtypes are measured on which device, and whether the sizes that only a GPU measures can be built."""

import importlib
import math
import sys
from dataclasses import replace
from types import SimpleNamespace

import keras
import pytest

from bench.run.cells import cells, select
from bench.run.profiles import PROFILES
from bench.run.programs import BYTES
from bench.workloads import WORKLOADS, Workload

ADAPTER = SimpleNamespace(MODES=("eager", "jit"))
LARGEST_CACHE, GPU_MEMORY = 60e6, 64e9
LAYERED = [workload for workload in WORKLOADS if workload.family != "machine"]
ON_GPU = [workload for workload in LAYERED if "gpu" in workload.sizes and not workload.outside]
CHANGE_THE_SHAPE = {"capsules", "KAN", "tensor networks", "image", "clustering", "losses"}


def found(workloads, profile: str, device: str) -> list:
    return cells(workloads, PROFILES[profile], ADAPTER, device, "forward")


def sizes(workloads, profile: str, device: str) -> set[str]:
    return {cell.size for cell in found(workloads, profile, device)}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_cpu_measures_no_size_and_no_dtype_of_gpus(profile):
    measured = found(WORKLOADS, profile, "cpu")
    assert measured
    assert "gpu" not in {cell.size for cell in measured}
    assert "float16" not in {cell.dtype for cell in measured}


def test_a_gpu_measures_its_own_size_and_the_large_one_in_three_dtypes():
    measured = found(ON_GPU, "large", "gpu")
    assert {(cell.size, cell.dtype) for cell in measured} == {
        (size, dtype) for size in ("large", "gpu") for dtype in ("float32", "bfloat16", "float16")
    }
    assert sizes(ON_GPU, "default", "gpu") == {"medium"}
    assert {"small", "medium", "large", "gpu", "tokens=512"} <= sizes(ON_GPU, "full", "gpu")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_ceilings_are_those_of_the_device(profile, device):
    ceilings = [workload for workload in WORKLOADS if workload.family == "machine"]
    measured = found(ceilings, profile, device)
    assert {cell.size for cell in measured} == {device}
    assert {cell.mode for cell in measured} == {"jit"}
    assert {cell.dtype for cell in measured} >= {cell.dtype for cell in found(ON_GPU, profile, device)}


def test_a_layer_with_other_sizes_is_measured_all_the_same():
    own = Workload("own", "own", lambda size: keras.layers.Identity(), lambda size: [(1,)], {"tiny": {}, "gpu": {}})
    assert sizes([own], "smoke", "cpu") == {"tiny"}
    assert sizes([own], "smoke", "gpu") == {"tiny", "gpu"}
    assert sizes([replace(own, sizes={"small": {}, "tiny": {}})], "smoke", "gpu") == {"small"}


def test_attention_norms_convolutions_and_feed_forward_have_a_size_for_gpus():
    families = {"attention", "normalization", "convolution", "feed-forward"}
    lacking = [w.name for w in LAYERED if w.family in families and "gpu" not in w.sizes]
    assert lacking == []
    for workload in ON_GPU:
        assert workload.native is None or "gpu" in next(w for w in WORKLOADS if w.name == workload.native).sizes


@pytest.mark.parametrize("workload", ON_GPU, ids=lambda workload: workload.name)
def test_the_size_for_gpus_fits_the_layer_and_a_gpu(workload):
    """Built without values: the weights would take seconds and the activations more memory than a test may have."""
    size = workload.sizes["gpu"]
    shapes = workload.inputs(size)
    assert size.keys() == workload.sizes["large"].keys()
    moved = 2 * math.prod(shapes[0])
    assert moved * BYTES["float32"] < GPU_MEMORY / 10
    with keras.StatelessScope(initialize_variables=False):
        layer = workload.make(size)
        if not layer.built:
            layer.build(*shapes)
    if workload.family in CHANGE_THE_SHAPE:
        assert math.prod(layer.compute_output_shape(*shapes)) * BYTES["float32"] < GPU_MEMORY / 10
        return
    if workload.core is None:
        assert tuple(layer.compute_output_shape(*shapes)) == shapes[0]
    assert moved * BYTES["bfloat16"] > LARGEST_CACHE


@pytest.mark.parametrize("name", ["my_workloads", "bench", "keras"])
def test_the_layers_of_a_workload_file_can_be_imported_by_name(tmp_path, name):
    before = sys.modules.get(name)
    file = tmp_path / f"{name}.py"
    file.write_text(
        "import keras\n"
        "from bench.workloads.sizes import TOKENS, tokens\n"
        "from bench.workloads import Workload\n"
        "class Mine(keras.layers.Layer): pass\n"
        "WORKLOADS = [Workload('mine', 'mine', lambda size: Mine(), tokens, TOKENS)]\n"
    )
    workload = next(w for w in select([str(file)], PROFILES["smoke"]) if w.name == "mine")
    layer = type(workload.layer(workload.sizes["small"]))
    assert importlib.import_module(layer.__module__).Mine is layer
    assert sys.modules.get(name) is before
