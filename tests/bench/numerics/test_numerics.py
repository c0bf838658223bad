"""Computing what the backends give, as a user starts it; `tests.bench.analysis.tables.test_agreement` judges."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pytest

from bench.analysis.statistics import rounding
from bench.analysis.tables import agreement as judge
from bench.numerics import __main__ as numerics
from bench.numerics import hostile, options
from bench.numerics.job import Job
from bench.numerics.large import LARGE
from bench.numerics.run_folder import Settings, read_arrays, read_object, write_arrays
from bench.run import devices, machine
from dl_techniques.catalogue import TECHNIQUES
from tests.oracles.norms import rms_norm

ROOT = Path(__file__).resolve().parents[3]
ULPS = 32
# What adds up a thousand terms and more may err by tens of units in the last place, and honest backends do.
ULPS_OF_LONG_SUMS = 128

# The oracle is JAX, so that is where a run begins.
pytestmark = pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "jax", reason="tested where a run begins, on JAX")


def command(results: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "bench.numerics", "--results", str(results), "--run", "run", *options]


def compute(results: Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(command(results, *options), cwd=ROOT, capture_output=True, text=True, timeout=1500)


def disagreements(results: Path) -> list[str]:
    frame, _ = judge.judge(judge.read(results / "run"))
    assert len(frame) > 10
    return judge.worst(frame, 100)


def outcomes(results: Path, worker: str, technique: str) -> dict:
    return read_object(results / "run" / worker / "float32" / f"{technique}.json")


def arrays(results: Path, worker: str, technique: str) -> dict[str, np.ndarray]:
    return read_arrays(results / "run" / worker / "float32" / f"{technique}.npz")


def own_layer(name: str, *shapes: str) -> list[str]:
    return [
        "--layer",
        f"tests.bench.hostile_layers:{name}",
        *(f"--input-shape={shape}" for shape in shapes or ("2,3",)),
    ]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """A run in which the oracle has computed the whole catalogue, and nothing else has run."""
    run = tmp_path_factory.mktemp("numerics") / "run"
    Settings().save(run)
    command = [sys.executable, "-m", "bench.numerics.worker", str(run), "float64"]
    environment = {**os.environ, "XLA_FLAGS": "--xla_backend_optimization_level=0"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=2400)
    return run


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A run of two techniques."""
    results = tmp_path_factory.mktemp("two")
    done = compute(results, "--only", "RMSNorm,StochasticDepth")
    assert done.returncode == 0, done.stderr
    return results


def about(results: Path, technique: str) -> dict:
    return read_object(results / "cases" / f"{technique}.json")


def test_32_ulp_planted_in_the_output_of_any_technique_are_found(oracle):
    paths = sorted((oracle / "jax-float64" / "float32").glob("*.npz"))
    assert len(paths) == len(list((oracle / "cases").glob("*.json"))) > 0
    large = {row.name for row in LARGE}
    for path in paths:
        found = read_arrays(path)
        ulps = ULPS_OF_LONG_SUMS if path.stem in large else ULPS
        # Not the gradients of weights, some of which belong to a layer named "output".
        outputs = [name for name in found if name.startswith("exact/") and "/output" in name.partition(" of ")[0]]
        assert bool(outputs) == bool(about(oracle, path.stem)["phases"]), path.stem
        for name in outputs:
            exact, noise = found[name], found[name.replace("exact", "noise", 1)]
            right = np.atleast_1d(exact.astype("float32"))
            wrong = (right.view(np.int32) + np.int32(ulps)).view(np.float32)
            honest, planted = (
                rounding.measure(value.reshape(exact.shape), exact, noise, "float32") for value in (right, wrong)
            )
            assert honest.ratio < 0.5, f"{path.stem}: rounding once is taken for an error"
            # The better of two other backends errs by 0.15 of the limit in the median, so it raises no limit.
            assert planted.ratio > rounding.limit("float32", [0.33, 0.33]), f"{path.stem}: {planted}"


def test_the_oracle_is_sound_for_the_whole_catalogue(oracle):
    for path in sorted((oracle / "jax-float64" / "float32").glob("*.json")):
        outcome = read_object(path)
        assert outcome["failures"] == {}, path.stem
        if not about(oracle, path.stem)["phases"]:
            continue
        assert not any(outcome["narrow"].values()), f"{path.stem}: {outcome['narrow']}"
        exceptions = about(oracle, path.stem)["tolerances"].items()
        for step, tolerance in (("1e-06", 1e-5), ("1e-09", 1e-3)):
            for phase, slopes in outcome["slopes"].items():
                slope, predicted, scale = slopes[step]
                row = f"jax/float32/exact/{phase}/slope, step {step}"
                factor = max([factor for pattern, (factor, _) in exceptions if fnmatchcase(row, pattern)], default=1)
                error = abs(slope - predicted) / scale if scale > 0 else abs(slope)
                assert error <= factor * tolerance, path.stem


def test_the_oracle_equals_the_formula(two):
    """Beside JAX and TensorFlow in float64, NumPy is a third witness."""
    case = read_arrays(two / "run" / "cases" / "float32" / "RMSNorm.npz")
    found = arrays(two, "jax-float64", "RMSNorm")["exact/inference/output"]
    x, scale = case["input 0"].astype("float64"), case["weight scale"].astype("float64")
    np.testing.assert_allclose(found, rms_norm(x, scale, axis=(1, 2), epsilon=1e-5), rtol=1e-13)


def test_what_a_run_writes(two):
    found = arrays(two, "jax-cpu", "RMSNorm")
    values = {f"{mode}/inference/{name}" for mode in ("eager", "jit") for name in ("output", "gradient of scale")}
    assert values <= set(found)
    assert not [name for name in found if name.startswith("again/")]
    names = {name.split("/")[1] for name in found if name.startswith("hostile/")}
    assert names == {*hostile.NAMES} - {"lowest", "highest"}
    assert found["eager/inference/output"].dtype == np.float32
    assert arrays(two, "jax-cpu", "StochasticDepth")["draws"].shape[1] == 2
    assert read_object(two / "run" / "jax-cpu" / "facts.json")["matmul_precision"] == "highest"


def test_what_is_written_is_not_computed_again(two):
    path = two / "run" / "jax-cpu" / "float32" / "RMSNorm.json"
    before = path.stat().st_mtime_ns
    assert compute(two, "--only", "RMSNorm,StochasticDepth").returncode == 0
    assert path.stat().st_mtime_ns == before


def test_a_run_keeps_its_options(two):
    done = compute(two, "--only", "RMSNorm")
    assert done.returncode == 2
    assert "other options" in done.stderr


def test_the_machine_and_what_changes_programs_are_recorded_and_a_run_is_not_gone_on_with_elsewhere(tmp_path):
    options = (*own_layer("Broken"), "--machine", "my box")
    slow = {**os.environ, "XLA_FLAGS": "--xla_cpu_enable_fast_math=false", "KERAS_HOME": str(tmp_path)}
    (tmp_path / "keras.json").write_text('{"epsilon": 1e-5}')
    done = subprocess.run(command(tmp_path, *options), cwd=ROOT, env=slow, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = {worker: read_object(tmp_path / "run" / worker / "facts.json") for worker in ("jax-float64", "jax-cpu")}
    assert {facts["machine"] for facts in told.values()} == {"my box"}
    assert told["jax-float64"]["surroundings"] == "'keras.json epsilon=1e-05'", "its XLA_FLAGS are not the user's"
    assert told["jax-cpu"]["surroundings"] == ("XLA_FLAGS=--xla_cpu_enable_fast_math=false 'keras.json epsilon=1e-05'")
    again = compute(tmp_path, *options)
    assert again.returncode == 2
    assert "this is no longer what the run run was begun with: surroundings" in again.stderr
    assert len(again.stderr.splitlines()) == 1


def test_several_inputs_and_outputs_and_training(tmp_path):
    options = [*own_layer("Sum", "4,3", "4,3"), "--config", '{"scale": 2.5}']
    assert compute(tmp_path, *options).returncode == 0
    found = arrays(tmp_path, "jax-cpu", "Sum")
    case = read_arrays(tmp_path / "run" / "cases" / "float32" / "Sum.npz")
    first, second = case["input 0"].astype("float64"), case["input 1"].astype("float64")
    gamma, beta = case["weight norm/gamma"], case["weight norm/beta"]
    centred = (first - first.mean(0)) / np.sqrt(first.var(0) + 1e-3)
    for mode in ("eager", "jit"):
        np.testing.assert_allclose(
            found[f"{mode}/training/output 0"], 2.5 * (centred * gamma + beta), rtol=1e-5, atol=1e-5
        )
        np.testing.assert_allclose(found[f"{mode}/inference/output 1"], first + second, rtol=1e-6)
        gradient = (case["cotangent 0"] * 2.5 * centred).sum(0)
        np.testing.assert_allclose(found[f"{mode}/training/gradient of norm/gamma"], gradient, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(found[f"{mode}/inference/gradient of input 1"], case["cotangent 1"])


@pytest.mark.parametrize(("name", "reason"), [("Crash", "ended with code 7"), ("Hang", "took longer than 4 s")])
def test_a_layer_that_kills_its_process_is_a_failure_and_no_more(tmp_path, name, reason):
    done = compute(tmp_path, *own_layer(name), "--limit", "4")
    assert done.returncode == 0, done.stderr
    assert reason in outcomes(tmp_path, "jax-float64", name)["failures"]["process"]
    assert not list(tmp_path.glob("run/*/*/*.running"))


def test_a_layer_that_raises_is_a_failure_of_each_part(tmp_path):
    assert compute(tmp_path, *own_layer("Broken")).returncode == 0
    failures = outcomes(tmp_path, "jax-float64", "Broken")["failures"]
    assert "RuntimeError: not today" in set(failures.values())


def test_hidden_float32_in_the_oracle_is_seen(tmp_path):
    """By the dtypes of its operations, and by a step too small for a float32."""
    assert compute(tmp_path, *own_layer("Narrow")).returncode == 0
    outcome = outcomes(tmp_path, "jax-float64", "Narrow")
    assert {"convert_element_type to float32", "exp to float32"} <= set(outcome["narrow"]["inference"])
    slope, predicted, scale = outcome["slopes"]["inference"]["1e-09"]
    assert abs(slope - predicted) > 0.1 * scale


def test_a_result_that_changes_is_kept_twice(tmp_path):
    assert compute(tmp_path, *own_layer("Counting")).returncode == 0
    found = arrays(tmp_path, "jax-cpu", "Counting")
    assert not np.array_equal(found["again/eager/inference/output"], found["eager/inference/output"])


EMBEDDING = ["--layer", "keras.layers:Embedding", "--config", '{"input_dim": 9, "output_dim": 4}', "--input-shape=2,5"]


def test_token_ids_stay_within_their_range(tmp_path):
    assert compute(tmp_path, *EMBEDDING, "--input-dtype", "int32", "--input-range", "0,9").returncode == 0
    assert disagreements(tmp_path) == []
    ids = read_arrays(tmp_path / "run" / "cases" / "float32" / "Embedding.npz")["input 0"]
    assert (ids.dtype, ids.shape) == (np.int32, (2, 5))
    assert 0 <= ids.min() < ids.max() < 9
    found = arrays(tmp_path, "jax-cpu", "Embedding")
    assert found["eager/inference/gradient of embeddings"].shape == (9, 4)
    hostile_inputs = {name.split("/")[1] for name in found if name.startswith("hostile/")}
    assert hostile_inputs == {"lowest", "highest", "empty batch", "batch of one"}
    assert "tensorflow/*/eager/hostile empty batch" in about(tmp_path / "run", "Embedding")["tolerances"]


def test_floats_and_integers_side_by_side(tmp_path):
    options = [
        *own_layer("Lookup", "4,3", "4"),
        "--input-dtype",
        "float",
        "--input-dtype",
        "int64",
        "--input-range=2,7",
    ]
    assert compute(tmp_path, *options).returncode == 0
    assert disagreements(tmp_path) == []
    found = arrays(tmp_path, "jax-cpu", "Lookup")
    case = read_arrays(tmp_path / "run" / "cases" / "float32" / "Lookup.npz")
    assert set(case["input 1"]) <= {2, 3, 4, 5, 6}
    np.testing.assert_array_equal(found["jit/inference/gradient of input 0"], case["cotangent 0"])
    assert "jit/inference/gradient of input 1" not in found
    assert {name.split("/")[1] for name in found if name.startswith("hostile/")} == set(hostile.NAMES)


def test_an_index_is_compared_as_it_is(tmp_path):
    assert compute(tmp_path, *own_layer("Nearest", "40,3")).returncode == 0
    assert disagreements(tmp_path) == []
    path = tmp_path / "run" / "jax-cpu" / "float32" / "Nearest.npz"
    found = read_arrays(path)
    assert set(found["eager/inference/output 0"]) <= set(range(7))
    found["eager/inference/output 0"][3] += 1
    write_arrays(path, found)
    assert any("output 0" in line for line in disagreements(tmp_path))


def test_layers_of_ordinary_sizes_agree(tmp_path):
    """Alone, so that no other backend that errs alike forgives it."""
    assert compute(tmp_path, "--only", ",".join(row.name for row in LARGE)).returncode == 0
    assert disagreements(tmp_path) == []


@contextlib.contextmanager
def hanging(results: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """A run that is computing for ten minutes, and the process that does it."""
    process = subprocess.Popen(command(results, *own_layer("Hang")), cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        running = results / "run" / "jax-float64" / "float32" / "Hang.running"
        wait_for(lambda: running.exists() and running.read_text())
        yield process, int(running.read_text())
    finally:
        process.kill()
        process.wait()


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the death signal is Linux's")


@linux
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_command_leaves_no_workers(tmp_path, sign):
    with hanging(tmp_path) as (process, worker):
        process.send_signal(sign)
        assert process.wait(20) == (-sign if sign == signal.SIGKILL else 130)
        wait_for(lambda: not is_alive(worker), 5)


@linux
def test_a_command_killed_while_its_workers_start_leaves_none(tmp_path):
    process = subprocess.Popen(command(tmp_path, *own_layer("Hang")), cwd=ROOT)
    wait_for(lambda: children(process.pid))
    started = children(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not any(map(is_alive, started)), 5)


def test_a_second_command_with_the_same_run_is_refused_and_the_first_goes_on(tmp_path):
    with hanging(tmp_path) as (process, worker):
        second = compute(tmp_path, *own_layer("Hang"))
        assert second.returncode == 2
        assert second.stderr == "numerics: the run run is being measured by another process\n"
        assert process.poll() is None
        assert is_alive(worker)


def test_a_clock_that_jumps_costs_no_worker(tmp_path, monkeypatch):
    Settings().save(tmp_path)
    job = Job(tmp_path, "jax", "float64", limit=300)
    running = tmp_path / "jax-float64" / "float32" / "Mish.running"
    running.parent.mkdir(parents=True)
    running.write_text("7")
    os.utime(running, (0, 0))
    assert job._in_flight(7) == [running]
    assert job._is_in_time([running])
    start = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: start + 299)
    monkeypatch.setattr(time, "time", lambda: 1e12)
    assert job._is_in_time([running])
    monkeypatch.setattr(time, "monotonic", lambda: start + 301)
    assert not job._is_in_time([running])


@pytest.mark.parametrize("name", ["run.json", "planned.json"])
def test_a_damaged_run_is_one_line(two, name):
    path = two / "run" / name
    content = path.read_bytes()
    path.write_bytes(content[:20])
    done = compute(two, "--only", "RMSNorm,StochasticDepth")
    path.write_bytes(content)
    assert done.returncode == 2
    assert done.stderr.startswith(f"numerics: {path} is damaged: ")
    assert done.stderr.endswith("; begin another --run\n")
    assert len(done.stderr.splitlines()) == 1


def test_a_damaged_result_keeps_no_other_from_being_computed(two):
    path = two / "run" / "jax-float64" / "float32" / "RMSNorm.json"
    content = path.read_bytes()
    path.write_text('{"failures": {}, "seconds": null}')
    (two / "run" / "jax-cpu" / "float32" / "StochasticDepth.json").unlink()
    done = compute(two, "--only", "RMSNorm,StochasticDepth")
    path.write_bytes(content)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--dtypes", "float8"], "'float8'"),
        (["--run", "a/b"], "'a/b'"),
        (["--threads", "0"], "--threads"),
        (["--config", "{}"], "--layer"),
        (["--layer", "nothing"], "'nothing'"),
        (["--layer", "a:B", "--config", "{", "--input-shape", "2,3"], "JSON"),
        (["--layer", "a:B"], "--input-shape"),
        (["--layer", "no_such_module:B", "--input-shape", "2,3"], "no_such_module"),
        (["--only", "Nonsense"], "Nonsense"),
        (["--cases-of", "nowhere"], "nowhere"),
        (["--device", "tpu"], "tpu"),
        (["--input-dtype", "int32"], "--layer"),
        ([*EMBEDDING, "--input-dtype", "float8"], "--input-dtype"),
        ([*EMBEDDING, "--input-dtype", "int32"], "--input-range"),
        ([*EMBEDDING, "--input-range", "0,100"], "--input-dtype"),
        ([*EMBEDDING, "--input-dtype", "int32", "--input-range", "5,5"], "'5,5'"),
        ([*EMBEDDING, "--input-dtype", "uint8", "--input-range", "0,300"], "'0,300'"),
        ([*EMBEDDING, "--input-dtype", "int32", "--input-range", "0,5", "--input-range", "0,6"], "--input-range"),
    ],
)
def test_wrong_use_is_one_line(tmp_path, options, told):
    done = compute(tmp_path, *options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("row", TECHNIQUES, ids=lambda row: row.name)
def test_an_exception_of_the_catalogue_says_where_and_why(row):
    for pattern, (factor, reason) in row.tolerances.items():
        assert pattern.count("/") >= 3, pattern
        assert factor > 1
        assert len(reason.split()) > 3, reason
    assert set(row.finite) <= set(hostile.NAMES)


def test_the_parent_imports_no_framework():
    frameworks = {"keras", "jax", "torch", "tensorflow"}
    check = f"import sys, bench.numerics.__main__; sys.exit(bool({frameworks} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0


# On a GPU, with made-up devices.


def test_a_backend_without_a_gpu_computes_float64_alone(monkeypatch, capsys):
    monkeypatch.setattr(devices, "lack_of_gpu", lambda name: "" if name == "torch" else f"{name} here sees no GPU")
    assert numerics._roles(["jax", "torch"], "gpu") == {"jax": ("float64",), "torch": ("device",)}
    assert capsys.readouterr().err == "numerics: jax here sees no GPU\n"
    assert numerics._roles(["jax", "torch"], "cpu") == {"jax": ("float64", "device"), "torch": ("device",)}


def test_without_any_gpu_nothing_is_computed(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(devices, "has_driver", lambda: False)
    assert numerics.main(["--device", "gpu", "--results", str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "numerics: no GPU on this machine",
        "numerics: nothing to compare",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_compiles_nothing_again(tmp_path):
    def compiled() -> set[Path]:
        return set((tmp_path / "cache").glob("*/*-cache"))

    assert compute(tmp_path, "--only", "RMSNorm").returncode == 0
    first = compiled()
    assert len(first) > 20
    assert compute(tmp_path, "--only", "RMSNorm", "--run", "second").returncode == 0
    assert compiled() == first
    for path in first:  # as if their writer had been killed
        os.truncate(path, path.stat().st_size // 2)
    assert compute(tmp_path, "--only", "RMSNorm", "--run", "third").returncode == 0
    for worker in ("jax-float64", "jax-cpu"):
        assert read_object(tmp_path / "third" / worker / "float32" / "RMSNorm.json")["failures"] == {}


def test_a_gpu_is_not_filled_by_the_processes_of_many_cores(monkeypatch):
    monkeypatch.setattr(machine, "threads", lambda: 64)
    option = options.parser().parse_args(["--device", "gpu", "--threads", "2"])
    assert numerics._processes(option, "device") == 8
    assert numerics._processes(option, "float64") == 32


def test_a_worker_refuses_a_gpu_that_it_does_not_have_and_the_oracle_needs_none(tmp_path):
    Settings(device="gpu", only=("RMSNorm",)).save(tmp_path)
    command = [sys.executable, "-m", "bench.numerics.worker", str(tmp_path)]
    variables = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    refused, computed = (
        subprocess.run([*command, role], cwd=ROOT, env=variables, capture_output=True, text=True)
        for role in ("device", "float64")
    )
    assert (refused.returncode, refused.stderr) == (2, "numerics: jax here has no gpu\n")
    assert computed.returncode == 0, computed.stderr
    assert read_object(tmp_path / "jax-float64" / "facts.json")["device"] == "cpu"


def test_tf32_is_for_the_device_and_not_for_the_oracle(tmp_path):
    assert compute(tmp_path, "--only", "RMSNorm", "--precision", "tf32").returncode == 0
    told = {worker: read_object(tmp_path / "run" / worker / "facts.json") for worker in ("jax-float64", "jax-cpu")}
    assert {worker: facts["matmul_precision"] for worker, facts in told.items()} == {
        "jax-float64": "highest",
        "jax-cpu": "tensorfloat32",
    }


def test_hostile_inputs_are_what_their_names_say():
    x = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
    made = {name: hostile.change(name, x, None) for name in hostile.names([None])}
    assert all(value.dtype == np.float32 for value in made.values())
    assert not made["zeros"].any()
    assert np.ptp(made["constant"]) == 0
    assert {made["huge"].max(), made["huge"].min()} == {np.float32(1e30), np.float32(-1e30)}
    assert 0 < np.abs(made["tiny"]).max() < 1e-29
    assert np.isnan(made["nan"]).any()
    assert np.isposinf(made["infinite"]).any()
    assert np.isneginf(made["infinite"]).any()
    assert [made[name].shape for name in ("empty batch", "batch of one")] == [(0, 6), (1, 6)]
    ids = np.array([3, 5, 4], np.int32)
    assert hostile.change("lowest", ids, (3, 9)).tolist() == [3, 3, 3]
    assert hostile.change("highest", ids, (3, 9)).tolist() == [8, 8, 8]
    assert hostile.change("nan", ids, (3, 9)).tolist() == ids.tolist()
    for name in hostile.NAMES:  # a target stays as it is
        assert hostile.change(name, x, ()).tolist() == (made[name] if "batch" in name else x).tolist()
    assert hostile.names([(), None]) == hostile.names([None])
    assert hostile.names([(3, 9)]) == ["lowest", "highest", "empty batch", "batch of one"]
    codes = hostile.kinds(np.array([1.0, np.nan, np.inf, -np.inf]))
    assert codes.tolist() == [hostile.FINITE, hostile.NAN, hostile.PLUS_INFINITY, hostile.MINUS_INFINITY]
