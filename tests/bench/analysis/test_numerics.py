"""The judge of the backends, on arrays with planted errors."""

import json
import shutil

import numpy as np
import pytest

from bench.analysis import numerics, numerics_errors
from bench.analysis.__main__ import main
from bench.numerics.run import Settings, write_arrays, write_json

BACKENDS = ("tensorflow", "jax", "torch")
TENSORS = ("inference/output", "inference/gradient of input", "inference/gradient of kernel")
ULP = 2.0**-23


def random(seed):
    return np.random.default_rng(seed)


class Folder:
    """A run folder of one technique on which all agree; a test changes an array or a note and writes it."""

    def __init__(self, path, *, device="cpu", dtypes=("float32",), seed=0, **about):
        self.path = path
        self.settings = Settings(device=device, dtypes=dtypes)
        self.about = {"technique": "Norm", "paper": "none", "random": False, "finite": [], "tolerances": {}, **about}
        self.about = {"phases": ["inference"], "hostile": [], **self.about}
        self.cases = {"input 0": random(9).standard_normal((4, 6)).astype("float32")}
        exact = {name: random(i).standard_normal((4, 6)) for i, name in enumerate(TENSORS)}
        noise = {name: 0.6 * ULP * np.abs(value) for name, value in exact.items()}
        oracle = {f"exact/{name}": value for name, value in exact.items()}
        self.arrays = {
            "jax-float64": {**oracle, **{f"noise/{name}": value for name, value in noise.items()}},
            "tensorflow-float64": {name: value * (1 + 1e-15) for name, value in oracle.items()},
        }
        slopes = {"inference": {"1e-06": [1.0, 1.0 + 1e-8, 1.0], "1e-09": [1.0, 1.0 + 1e-5, 1.0]}}
        self.notes = {name: {"failures": {}, "narrow": {"inference": []}, "slopes": slopes} for name in self.arrays}
        for i, backend in enumerate(BACKENDS):
            worker = f"{backend}-{device}"
            draw = random((seed, i))
            self.arrays[worker] = {
                f"{mode}/{name}": (value * (1 + ULP * draw.uniform(-1, 1, value.shape))).astype("float32")
                for mode in ("eager", "jit")
                for name, value in exact.items()
            }
            self.notes[worker] = {"failures": {}}

    def write(self):
        self.settings.save(self.path)
        write_json(self.path / "cases" / "Norm.json", self.about)
        for dtype in self.settings.dtypes:
            write_arrays(self.path / "cases" / dtype / "Norm.npz", self.cases)
            for worker, arrays in self.arrays.items():
                write_json(self.path / worker / "facts.json", {"backend_version": "1", "keras_version": "3"})
                write_arrays(self.path / worker / dtype / "Norm.npz", arrays)
                write_json(self.path / worker / dtype / "Norm.json", self.notes[worker])
        return self.path

    def judge(self):
        return numerics.judge(numerics.read(self.write()))[0]

    def disagreements(self):
        frame = self.judge()
        return frame[frame["verdict"] == "disagree"]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "run")


def moved(value, ulps):
    """A float32 array, each element `ulps` representable numbers further from zero."""
    return (value.view(np.int32) + np.int32(ulps)).view(np.float32)


def test_backends_that_differ_by_rounding_agree(folder):
    assert folder.disagreements().empty


@pytest.mark.parametrize("tensor", TENSORS)
@pytest.mark.parametrize("mode", ["eager", "jit"])
@pytest.mark.parametrize("worker", ["tensorflow-cpu", "jax-cpu", "torch-cpu"])
def test_32_ulp_are_found_in_any_result(folder, worker, mode, tensor):
    name = f"{mode}/{tensor}"
    folder.arrays[worker][name] = moved(folder.arrays[worker][name], 32)
    found = folder.disagreements()
    assert found[["backend", "mode", "tensor"]].values.tolist() == [[worker.split("-")[0], mode, tensor]]


def test_32_ulp_are_found_in_a_single_element(folder):
    array = folder.arrays["torch-cpu"]["jit/inference/output"]
    array[2, 3] = moved(array[2:3, 3], 32)[0]
    assert folder.disagreements()["backend"].tolist() == ["torch"]


def test_a_small_element_beside_a_large_one_has_its_own_tolerance(folder):
    for name in ("exact", "noise"):
        folder.arrays["jax-float64"][f"{name}/inference/output"][0, 0] *= 1e6
    folder.arrays["tensorflow-float64"]["exact/inference/output"][0, 0] *= 1e6
    for backend in BACKENDS:
        for mode in ("eager", "jit"):
            folder.arrays[f"{backend}-cpu"][f"{mode}/inference/output"][0, 0] *= np.float32(1e6)
    assert folder.disagreements().empty
    array = folder.arrays["jax-cpu"]["eager/inference/output"]
    array[1, 1] = moved(array[1:2, 1], 32)[0]
    assert folder.disagreements()["backend"].tolist() == ["jax"]


def test_what_cancels_may_err_as_much_as_what_it_cancels(folder):
    """A sum of zero: the oracle has its residue, a backend has another one."""
    for tensor, value in (("exact", 1e-17), ("noise", ULP)):
        folder.arrays["jax-float64"][f"{tensor}/inference/output"] = np.full((4, 6), value)
    folder.arrays["tensorflow-float64"]["exact/inference/output"] = np.full((4, 6), -1e-17)
    for i, backend in enumerate(BACKENDS):
        for mode in ("eager", "jit"):
            folder.arrays[f"{backend}-cpu"][f"{mode}/inference/output"] = np.full((4, 6), i * ULP, "float32")
    assert folder.disagreements().empty


def test_an_error_that_all_others_make_too_is_forgiven_within_reason(folder):
    for backend, ulps in zip(BACKENDS, (14, 12, 16), strict=True):
        exact = folder.arrays["jax-float64"]["exact/inference/output"]
        folder.arrays[f"{backend}-cpu"]["jit/inference/output"] = (exact * (1 + ulps * 0.4 * ULP)).astype("float32")
    assert folder.disagreements().empty
    folder.arrays["torch-cpu"]["jit/inference/output"] *= np.float32(1 + 32 * ULP)
    assert folder.disagreements()["backend"].tolist() == ["torch"]


def test_an_error_that_all_make_is_found_if_large(folder):
    for backend in BACKENDS:
        folder.arrays[f"{backend}-cpu"]["jit/inference/output"] *= np.float32(1.001)
    assert folder.disagreements()["backend"].tolist() == list(BACKENDS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_element_that_is_not_finite_is_found(folder, value):
    folder.arrays["torch-cpu"]["eager/inference/output"][0, 0] = value
    (found,) = folder.disagreements().itertuples()
    assert (found.backend, found.tensor) == ("torch", "inference/output")
    assert "not finite" in found.reason


def test_a_result_beyond_the_range_of_float16_is_infinite():
    expected, noise = np.array([1e5, 1.0]), np.zeros(2)
    right = np.array([np.inf, 1.0], "float16")
    assert numerics_errors.measure(right, expected, noise, "float16").ratio == 0
    assert numerics_errors.measure(right, expected, noise, "bfloat16").misplaced == 1


def test_another_shape_is_found(folder):
    folder.arrays["jax-cpu"]["jit/inference/output"] = np.zeros((6, 4), "float32")
    assert "shape" in folder.disagreements()["reason"].item()


def test_the_numbers_of_a_row():
    expected = np.array([1.0, 2.0, 4.0, 0.0])
    error = numerics_errors.measure(expected + np.array([0, 0, 3 * 4 * ULP, ULP]), expected, np.zeros(4), "float32")
    assert error.max_abs == 3 * 4 * ULP
    assert error.rms == pytest.approx(np.sqrt((12**2 + 1) / 4) * ULP)
    assert error.max_ulp == 3
    assert error.cosine == pytest.approx(1)
    assert error.units > 1e10, "an exact zero has no noise"


def test_a_missing_result_is_a_disagreement(folder):
    folder.notes["torch-cpu"] = {"failures": {"jit/inference": "Unsupported: no"}}
    for tensor in TENSORS:
        del folder.arrays["torch-cpu"][f"jit/{tensor}"]
    found = folder.disagreements()
    assert found[["backend", "mode", "reason"]].values.tolist() == [["torch", "jit", "Unsupported: no"]]


@pytest.mark.parametrize("tensor", TENSORS)
@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_a_planned_tensor_that_is_not_there_is_a_disagreement(folder, mode, tensor):
    del folder.arrays["jax-cpu"][f"{mode}/{tensor}"]
    (found,) = folder.disagreements().itertuples()
    assert (found.backend, found.mode, found.tensor) == ("jax", mode, tensor)
    assert found.reason == "was planned and is not there"


@pytest.mark.parametrize("kind", ["exact", "noise"])
def test_a_tensor_that_the_oracle_lacks_is_a_disagreement(folder, kind):
    del folder.arrays["jax-float64"][f"{kind}/inference/output"]
    reasons = folder.disagreements()["reason"].tolist()
    assert "the oracle has no such result" in reasons


def test_a_tensor_that_the_witness_lacks_is_a_disagreement(folder):
    del folder.arrays["tensorflow-float64"]["exact/inference/output"]
    found = folder.disagreements()
    assert found[["backend", "device", "tensor"]].values.tolist() == [["tensorflow", "float64", "inference/output"]]


def test_a_phase_that_the_oracle_planned_and_nobody_computed_is_a_disagreement(folder):
    folder.about["phases"] = ["inference", "training"]
    found = folder.disagreements()
    assert {
        ("jax", "cpu"),
        ("torch", "cpu"),
        ("tensorflow", "cpu"),
        ("jax", "float64"),
        ("tensorflow", "float64"),
    } == {(row.backend, row.device) for row in found.itertuples() if row.tensor.startswith("training")}


@pytest.mark.parametrize("note", ["narrow", "slopes"])
def test_a_check_of_the_oracle_that_is_not_there_is_a_disagreement(folder, note):
    folder.notes["jax-float64"] = {**folder.notes["jax-float64"], note: {}}
    assert set(folder.disagreements()["reason"]) == {"was planned and is not there"}


@pytest.mark.parametrize("is_planned", [True, False])
def test_hostile_inputs_and_draws_that_were_planned_are_there(tmp_path, is_planned):
    folder = Folder(tmp_path / "run", **({"random": True, "hostile": ["huge"]} if is_planned else {}))
    for backend in BACKENDS[1:]:
        arrays = folder.arrays[f"{backend}-cpu"]
        arrays["draws"] = random(3).standard_normal((192, 2))
        arrays |= {f"hostile/huge/{name.removeprefix('inference/')}": np.zeros(2, np.int8) for name in TENSORS}
    found = folder.disagreements()
    wanted = [f"huge/{name.removeprefix('inference/')}" for name in TENSORS] + ["draws"]
    assert found["tensor"].tolist() == (wanted if is_planned else [])
    assert set(found["backend"]) <= {"tensorflow"}


@pytest.mark.parametrize("worker", ["jax-float64", "tensorflow-float64", "torch-cpu"])
@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_a_file_that_is_missing_is_a_disagreement(folder, worker, suffix, capsys):
    path = folder.write() / worker / "float32" / f"Norm.{suffix}"
    path.unlink()
    assert main(["numerics", str(folder.path), "--out", str(folder.path.parent / "report")]) == 1
    told = capsys.readouterr().out
    assert (f"{path} is missing" if suffix == "npz" else "was not computed") in told


def test_a_technique_without_any_file_is_missed(folder):
    path = folder.write()
    write_json(path / "jax-cpu" / "facts.json", {"techniques": ["Norm", "Sum"]})
    frame, _ = numerics.judge(numerics.read(path))
    found = frame[frame["verdict"] == "disagree"]
    assert set(found["technique"]) == {"Sum"}
    assert {*BACKENDS} == set(found["backend"])


def test_a_technique_that_one_process_never_wrote_is_a_disagreement(folder):
    path = folder.write()
    (path / "torch-cpu" / "float32" / "Norm.json").unlink()
    frame, _ = numerics.judge(numerics.read(path))
    assert "was not computed" in frame[frame["verdict"] == "disagree"]["reason"].item()


def test_a_technique_that_nobody_could_build_is_a_disagreement(folder):
    path = folder.write()
    for worker in folder.notes:
        write_json(path / worker / "float32" / "Sum.json", {"failures": {"build": "ValueError: no"}})
    frame, _ = numerics.judge(numerics.read(path))
    assert set(frame[frame["verdict"] == "disagree"]["technique"]) == {"Sum"}
    assert set(frame[frame["technique"] == "Sum"]["backend"]) == set(BACKENDS)


def test_a_narrow_oracle_is_broken(folder):
    folder.notes["jax-float64"]["narrow"]["inference"] = ["exp to float32"]
    assert "oracle is broken: inference: exp to float32" in folder.disagreements()["reason"].item()


@pytest.mark.parametrize(("step", "off"), [("1e-06", 1e-4), ("1e-09", 1e-2)])
def test_a_gradient_that_is_not_the_slope_breaks_the_oracle(folder, step, off):
    folder.notes["tensorflow-float64"]["slopes"]["inference"][step][0] += off
    found = folder.disagreements()
    assert found["reason"].str.contains("the oracle is broken: a slope").any()


def test_oracles_that_differ_in_float64_are_broken(folder):
    folder.arrays["tensorflow-float64"]["exact/inference/output"][0, 0] *= 1 + 1e-7
    assert "TensorFlow and JAX differ" in folder.disagreements()["reason"].item()


def test_other_bits_when_repeated_are_a_disagreement(folder):
    folder.arrays["jax-cpu"]["again/jit/inference/output"] = folder.arrays["jax-cpu"]["jit/inference/output"]
    found = folder.disagreements()
    assert found[["backend", "mode", "check"]].values.tolist() == [["jax", "jit", "repeat"]]


def finite(**bad):
    """What each backend finds in a hostile input: everything finite, but on the `bad` ones one element."""
    return {b: np.array([bad.get(b, 0), 0], np.int8) for b in BACKENDS}


@pytest.mark.parametrize(
    ("codes", "odd"),
    [
        (finite(), []),
        (finite(tensorflow=1, jax=1, torch=1), []),
        (finite(tensorflow=1, jax=2, torch=3), []),
        (finite(torch=1), ["torch"]),
        (finite(tensorflow=1, jax=1), ["torch"]),
    ],
)
def test_backends_must_agree_on_what_is_finite(folder, codes, odd):
    for backend, found in codes.items():
        folder.arrays[f"{backend}-cpu"]["hostile/huge/output"] = found
    assert folder.disagreements()["backend"].tolist() == odd


def test_a_promise_of_finiteness_is_kept(tmp_path):
    folder = Folder(tmp_path / "run", finite=["huge"])
    for backend in BACKENDS:
        folder.arrays[f"{backend}-cpu"]["hostile/huge/output"] = np.ones(2, np.int8)
    assert folder.disagreements()["backend"].tolist() == list(BACKENDS)


@pytest.mark.parametrize(
    ("change", "odd"),
    [
        (lambda x: x, False),
        (lambda x: x + 1.0, True),
        (lambda x: 2 * x, True),
        (lambda x: np.sign(x) * np.sqrt(np.mean(x**2)), True),
        (lambda x: np.zeros_like(x), True),
    ],
    ids=["same", "mean", "variance", "shape", "constant"],
)
def test_draws_are_compared_as_distributions(folder, change, odd):
    for i, backend in enumerate(BACKENDS):
        folder.arrays[f"{backend}-cpu"]["draws"] = random(i).standard_normal((192, 2))
    folder.arrays["torch-cpu"]["draws"] = change(folder.arrays["torch-cpu"]["draws"])
    assert ("torch" in folder.disagreements()["backend"].tolist()) == odd


def test_an_exception_needs_its_reason_and_its_place(tmp_path):
    pattern = "torch/float32/jit/inference/output"
    folder = Folder(tmp_path / "run", tolerances={pattern: [16, "another algorithm"]})
    for mode in ("eager", "jit"):
        name = f"{mode}/inference/output"
        folder.arrays["torch-cpu"][name] = moved(folder.arrays["torch-cpu"][name], 32)
    frame = folder.judge()
    assert frame[frame["verdict"] == "disagree"]["mode"].tolist() == ["eager"]
    assert "excepted: another algorithm" in frame["reason"].tolist()
    folder.arrays["torch-cpu"]["jit/inference/output"] *= 2
    assert folder.disagreements()["mode"].tolist() == ["eager", "jit"]


def test_an_exception_that_is_not_needed_is_told(tmp_path):
    run = numerics.read(Folder(tmp_path / "run", tolerances={"torch/*": [8, "?"], "mars/*": [2, "?"]}).write())
    assert numerics.unneeded(run, numerics.judge(run)[0]) == ["Norm: the exception 'torch/*' was not needed"]


def test_sixteen_bits_have_their_own_roundoff(tmp_path):
    folder = Folder(tmp_path / "run", dtypes=("bfloat16",))
    for name in TENSORS:
        folder.arrays["jax-float64"][f"noise/{name}"] *= 2.0**16
    for backend in BACKENDS:
        for mode in ("eager", "jit"):
            folder.arrays[f"{backend}-cpu"][f"{mode}/inference/output"] *= np.float32(1 + 2.0**-8)
    assert folder.disagreements().empty
    folder.arrays["jax-cpu"]["jit/inference/output"] *= np.float32(1 + 32 * 2.0**-7)
    assert folder.disagreements()["backend"].tolist() == ["jax"]


# The command. ----------------------------------------------------------------------------------------------------


def test_the_command_agrees(folder, capsys):
    out = folder.path.parent / "report"
    assert main(["numerics", str(folder.write()), "--out", str(out)]) == 0
    assert "0 disagreements" in capsys.readouterr().out
    header = (out / "numerics.csv").read_text().splitlines()[0]
    assert header.startswith(
        "technique,backend,device,dtype,tensor,max_abs_error,rms_error,max_ulp,cosine,tolerance,verdict"
    )


def test_the_command_prints_the_three_worst(folder, capsys):
    for factor, backend in zip((2, 3, 4), BACKENDS, strict=True):
        folder.arrays[f"{backend}-cpu"]["eager/inference/output"] *= np.float32(factor)
    folder.arrays["jax-cpu"]["jit/inference/output"] = moved(folder.arrays["jax-cpu"]["jit/inference/output"], 32)
    assert main(["numerics", str(folder.write()), "--out", str(folder.path.parent)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "4 disagreements" in lines[0]
    assert [line.split(" (")[0] for line in lines[1:]] == ["  Norm on torch", "  Norm on jax", "  Norm on tensorflow"]
    assert main(["numerics", str(folder.path), "--out", str(folder.path.parent), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["disagreements"], [row["verdict"] for row in found["results"]].count("disagree")) == (4, 4)


@pytest.mark.parametrize("arguments", [["nowhere"], ["."], [".", "--against", "nowhere"]])
def test_wrong_use_is_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["numerics", *arguments])
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_run_without_its_oracle_cannot_be_judged(folder, capsys):
    del folder.arrays["jax-float64"]
    with pytest.raises(SystemExit):
        main(["numerics", str(folder.write())])
    assert "no oracle" in capsys.readouterr().err


def nulls(value):
    """Each value in turn as null, and all of them at once."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from ({**value, name: changed} for changed in nulls(part))
    if isinstance(value, list):
        for i, part in enumerate(value):
            yield from ([*value[:i], changed, *value[i + 1 :]] for changed in nulls(part))
    yield None


def damages(path, generator):
    """What may become of a file: its bytes, or None where it is gone."""
    content = path.read_bytes()
    yield from (content[: int(generator.integers(1, len(content)))] for _ in range(2))
    for _ in range(4):
        flipped = bytearray(content)
        flipped[generator.integers(len(content))] ^= 1 << int(generator.integers(8))
        yield bytes(flipped)
    yield b""
    yield None
    if path.suffix == ".json":
        yield from (json.dumps(changed).encode() for changed in nulls(json.loads(content)))
        yield b"[]"
    else:
        yield b"PK\x03\x04 nothing"


def judged(run, out, capsys):
    """The exit code, and what was printed; an exit by the parser has one line."""
    try:
        code = main(["numerics", str(run), "--out", str(out)])
    except SystemExit as stop:
        code = stop.code
        told = capsys.readouterr().err
        assert len(told.splitlines()) == 1
        return code, told
    return code, capsys.readouterr().out


def campaign(run, out, capsys, seed, share):
    """Damages each file in each way, one at a time, or a share of that; returns how often."""
    generator, count = random(seed), 0
    whole = judged(run, out, capsys)
    assert whole[0] == 0
    for path in sorted(run.rglob("*.*")):
        content = path.read_bytes()
        for damaged in damages(path, generator):
            if generator.uniform() > share:
                continue
            path.unlink() if damaged is None else path.write_bytes(damaged)
            code, told = judged(run, out, capsys)
            is_named = path.name in told or (path.stem in told and "was " in told)
            assert (code, told) == whole or (code in (1, 2) and is_named), (path, damaged, code, told)
            assert code or damaged, f"{path} is {damaged} and nobody noticed"
            path.write_bytes(content)
            count += 1
    return count


def test_a_damaged_file_is_named_in_one_line_and_nothing_ends_in_a_traceback(folder, capsys, tmp_path):
    assert campaign(folder.write(), tmp_path / "report", capsys, seed=0, share=0.15) > 30


def test_each_damaged_file_has_its_line(folder, capsys, tmp_path):
    run = folder.write()
    paths = [run / worker / "float32" / f"Norm.{suffix}" for worker in folder.notes for suffix in ("npz", "json")]
    for path in paths[::2]:
        path.write_bytes(path.read_bytes()[:-9])
    assert judged(run, tmp_path, capsys)[0] == 1
    told = judged(run, tmp_path, capsys)[1].splitlines()
    for path in paths[::2]:
        assert sum(str(path) in line for line in told) == 1, path


def test_two_runs_are_compared(tmp_path, capsys):
    before = Folder(tmp_path / "before").write()
    after = Folder(tmp_path / "after", seed=1)
    command = ["numerics", str(after.write()), "--against", str(before), "--out", str(tmp_path)]
    assert main(command) == 0
    after.arrays["torch-cpu"]["jit/inference/output"] = moved(after.arrays["torch-cpu"]["jit/inference/output"], 32)
    after.write()
    capsys.readouterr()
    assert main(command) == 1
    assert "Norm on torch (cpu, float32, jit)" in capsys.readouterr().out


def test_two_devices_are_compared(tmp_path):
    cpu, gpu = (Folder(tmp_path / device, device=device).write() for device in ("cpu", "gpu"))
    frame = numerics.changes(numerics.read(gpu), numerics.read(cpu))
    assert set(frame["device"]) == {"cpu and gpu"}
    assert set(frame["verdict"]) == {"agree"}


def test_what_only_one_of_two_runs_has_is_a_change(tmp_path):
    before, after = Folder(tmp_path / "before"), Folder(tmp_path / "after")
    del after.arrays["torch-cpu"]["jit/inference/output"]
    after.write()
    shutil.rmtree(before.write() / "jax-cpu" / "float32")
    frame = numerics.changes(numerics.read(after.path), numerics.read(before.path))
    found = frame[frame["verdict"] == "disagree"]
    assert found[["backend", "reason"]].values.tolist() == [
        ["jax", "was not computed in before"],
        ["torch", "there is no such result in this run"],
    ]


def test_runs_with_other_inputs_are_not_compared(tmp_path):
    one, other = Folder(tmp_path / "one"), Folder(tmp_path / "other")
    other.cases["input 0"][0, 0] += 1
    with pytest.raises(numerics.Unreadable, match="--cases-of"):
        numerics.changes(numerics.read(one.write()), numerics.read(other.write()))


def test_the_page_shows_every_pair_and_opens_its_results(folder, tmp_path):
    folder.arrays["torch-cpu"]["jit/inference/output"] = moved(folder.arrays["torch-cpu"]["jit/inference/output"], 32)
    folder.about["technique"] = folder.about["paper"] = "<script>"
    main(["numerics", str(folder.write()), "--out", str(tmp_path)])
    page = (tmp_path / "numerics.html").read_text()
    assert page.count("<details>") == 6
    assert page.count('class="disagree"') == 1 + 3, "the legend, and torch with each of the others"
    assert "inference/gradient of kernel" in page
    assert "<script" not in page
