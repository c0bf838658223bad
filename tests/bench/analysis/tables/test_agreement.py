"""The judge of the backends, on arrays with planted errors."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.analysis.__main__ import main
from bench.analysis.statistics import rounding
from bench.analysis.tables import agreement
from bench.commandline import FOUND, INCOMPLETE, OK
from bench.numerics.run_folder import write_arrays, write_json
from tests.bench.analysis import damaged_numerics
from tests.bench.analysis.numerics_made_up import BACKENDS, TENSORS, ULP, Folder, random


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
    assert rounding.measure(right, expected, noise, "float16").ratio == 0
    assert rounding.measure(right, expected, noise, "bfloat16").misplaced == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_element_of_unknown_noise_is_found(folder, value):
    folder.arrays["jax-float64"]["noise/inference/output"][0, 0] = value
    assert set(folder.disagreements()["tensor"]) == {"inference/output"}


def test_a_hostile_result_of_another_shape_is_found_without_another_backend(folder):
    folder.drop("tensorflow")
    folder.drop("torch")
    folder.arrays["jax-cpu"] |= {
        f"hostile/{name}/output": np.zeros((1, 6), np.int8) for name in ("huge", "batch of one")
    }
    (found,) = folder.disagreements().itertuples()
    assert (found.tensor, found.reason) == ("hostile huge", "output: the shape is (1, 6)")


def test_random_results_that_are_not_finite_are_found_without_another_backend(folder):
    folder.drop("tensorflow")
    folder.drop("torch")
    folder.arrays["jax-cpu"]["draws"] = np.full((192, 2), np.nan)
    assert folder.disagreements()["reason"].tolist() == ["not finite"]


def test_another_shape_is_found(folder):
    folder.arrays["jax-cpu"]["jit/inference/output"] = np.zeros((6, 4), "float32")
    assert "shape" in folder.disagreements()["reason"].item()


def test_the_numbers_of_a_row():
    expected = np.array([1.0, 2.0, 4.0, 0.0])
    error = rounding.measure(expected + np.array([0, 0, 3 * 4 * ULP, ULP]), expected, np.zeros(4), "float32")
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
    assert found.reason.startswith("was planned and is not there")


@pytest.mark.parametrize("kind", ["exact", "noise"])
def test_a_tensor_that_the_oracle_lacks_is_a_disagreement(folder, kind):
    del folder.arrays["jax-float64"][f"{kind}/inference/output"]
    assert set(folder.disagreements()["check"]) == {"missing"}


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
    assert set(folder.disagreements()["check"]) == {"missing"}


@pytest.mark.parametrize("is_planned", [True, False])
def test_hostile_inputs_and_draws_that_were_planned_are_there(tmp_path, is_planned):
    folder = Folder(tmp_path / "run", **({"random": True, "hostile": ["huge"]} if is_planned else {}))
    for backend in BACKENDS[1:]:
        arrays = folder.arrays[f"{backend}-cpu"]
        arrays["draws"] = random(3).standard_normal((192, 2))
        arrays |= {f"hostile/huge/{name.removeprefix('inference/')}": np.zeros((4, 6), np.int8) for name in TENSORS}
    found = folder.disagreements()
    wanted = [f"huge/{name.removeprefix('inference/')}" for name in TENSORS] + ["draws"]
    assert found["tensor"].tolist() == (wanted if is_planned else [])
    assert set(found["backend"]) <= {"tensorflow"}


def told(run, capsys, *options):
    """The exit code of the command, and what it printed."""
    code = main(["numerics", str(run), *options, "--out", str(run.parent / "report")])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("worker", ["jax-float64", "tensorflow-float64", "torch-cpu"])
@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_a_run_without_one_file_is_incomplete(folder, worker, suffix, capsys):
    path = folder.write() / worker / "float32" / f"Norm.{suffix}"
    path.unlink()
    code, text = told(folder.path, capsys)
    assert code == INCOMPLETE
    lines = {"npz": f"{path} is missing; delete", "json": f"Norm: not computed in {path.parent}; go on"}
    assert lines[suffix] in text


def test_a_run_without_a_whole_worker_is_incomplete(folder, capsys):
    shutil.rmtree(folder.write() / "torch-cpu")
    code, text = told(folder.path, capsys)
    assert code == INCOMPLETE
    assert f"{folder.path / 'torch-cpu'}/facts.json is missing; go on with --run run" in text


def test_a_worker_that_is_there_and_was_not_planned_is_judged(folder):
    folder.arrays["torch-cpu"]["jit/inference/output"] *= 2
    plan = folder.write() / "planned.json"
    write_json(plan, {"workers": ["jax-float64", "jax-cpu"]})
    frame, _ = agreement.judge(agreement.read(folder.path))
    assert set(frame[frame["verdict"] == "disagree"]["backend"]) == {"torch"}


def test_a_run_without_one_tensor_is_incomplete_and_a_disagreement_comes_first(folder, capsys):
    del folder.arrays["torch-cpu"]["jit/inference/output"]
    code, text = told(folder.write(), capsys)
    notes = folder.path / "torch-cpu" / "float32" / "Norm.json"
    assert code == INCOMPLETE
    assert "0 disagreements, 1 missing or damaged" in text
    assert f"  jit/inference/output: was planned and is not there; delete {notes} and go on with --run run" in text
    folder.arrays["jax-cpu"]["jit/inference/output"] *= 2
    assert told(folder.write(), capsys)[0] == FOUND


def test_no_exception_stands_for_a_loss(tmp_path):
    folder = Folder(tmp_path / "run", tolerances={"torch/*": [float("inf"), "anything"]})
    del folder.arrays["torch-cpu"]["jit/inference/output"]
    assert folder.disagreements()["check"].tolist() == ["missing"]


def test_a_technique_without_any_file_is_missed(folder, capsys):
    write_json(folder.write() / "jax-cpu" / "facts.json", {"techniques": ["Norm", "Sum"]})
    code, text = told(folder.path, capsys)
    assert code == INCOMPLETE
    assert text.count("  Sum: not computed in ") == 5


def test_a_technique_that_nobody_could_build_is_a_disagreement(folder):
    path = folder.write()
    for worker in folder.notes:
        write_json(path / worker / "float32" / "Sum.json", {"failures": {"build": "ValueError: no"}})
        write_arrays(path / worker / "float32" / "Sum.npz", {})
    found = agreement.disagreements(agreement.judge(agreement.read(path))[0])
    assert set(found["technique"]) == {"Sum"}
    assert set(found["backend"]) == set(BACKENDS)


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
    """What each backend finds in a hostile input: everything finite, but nothing on the `bad` ones."""
    return {b: np.full((4, 6), bad.get(b, 0), np.int8) for b in BACKENDS}


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
        folder.arrays[f"{backend}-cpu"]["hostile/huge/output"] = np.ones((4, 6), np.int8)
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
    run = agreement.read(Folder(tmp_path / "run", tolerances={"torch/*": [8, "?"], "mars/*": [2, "?"]}).write())
    assert agreement.unneeded(run, agreement.judge(run)[0]) == ["Norm: the exception 'torch/*' was not needed"]


def test_a_layer_of_the_users_own_has_no_exceptions_of_the_catalogue(tmp_path):
    folder = Folder(tmp_path / "run", tolerances={"torch/*": [8, "of frameworks"]})
    folder.settings = replace(folder.settings, layer="keras.layers:Dense")
    run = agreement.read(folder.write())
    assert agreement.unneeded(run, agreement.judge(run)[0]) == []


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


def test_the_run_that_the_notebook_reads_is_of_this_version_and_agrees():
    run = agreement.read(Path(__file__).resolve().parents[4] / "results" / "baselines" / "example-numerics")
    frame, _ = agreement.judge(run)
    assert agreement.exit_code(frame) == OK, agreement.worst(frame) + agreement.losses(frame)


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
    with pytest.raises(SystemExit) as stop:
        main(["numerics", str(folder.write())])
    assert stop.value.code == 2
    assert "no oracle" in capsys.readouterr().err


def test_no_damage_is_taken_for_agreement_or_ends_in_a_traceback(tmp_path):
    """Some of those of `python -m tests.bench.analysis.damaged_numerics`."""
    assert damaged_numerics.campaign(tmp_path / "all", count=40, seed=1) == []
    assert damaged_numerics.campaign(tmp_path / "alone", count=20, seed=1, backends=["jax"]) == []


def test_each_damaged_file_has_its_line(folder, capsys):
    run = folder.write()
    paths = [run / worker / "float32" / f"Norm.{suffix}" for worker in folder.notes for suffix in ("npz", "json")]
    for path in paths[::2]:
        path.write_bytes(path.read_bytes()[:-9])
    code, text = told(run, capsys)
    assert code == INCOMPLETE
    for path in paths[::2]:
        assert sum(str(path) in line for line in text.splitlines()) == 1, path


def test_a_case_without_inputs_is_damaged(folder, capsys):
    folder.cases = {}
    code, text = told(folder.write(), capsys)
    assert code == INCOMPLETE
    assert "cases/float32/Norm.npz is damaged: it holds no inputs; compute another" in text


def test_a_damaged_file_of_either_of_two_runs_is_named(tmp_path, capsys):
    before, after = (Folder(tmp_path / name).write() for name in ("before", "after"))
    path = before / "jax-cpu" / "float32" / "Norm.npz"
    path.write_bytes(path.read_bytes()[:-9])
    code, text = told(after, capsys, "--against", str(before))
    assert code == INCOMPLETE
    assert f"{path} is damaged" in text


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
    frame = agreement.changes(agreement.read(gpu), agreement.read(cpu))
    assert set(frame["device"]) == {"cpu and gpu"}
    assert set(frame["verdict"]) == {"agree"}


def test_what_only_one_of_two_runs_has_is_a_change(tmp_path):
    before, after = Folder(tmp_path / "before"), Folder(tmp_path / "after")
    del after.arrays["torch-cpu"]["jit/inference/output"]
    after.write()
    shutil.rmtree(before.write() / "jax-cpu" / "float32")
    frame = agreement.changes(agreement.read(after.path), agreement.read(before.path))
    found = frame[frame["verdict"] == "disagree"]
    lost = f"not computed in {before.path / 'jax-cpu' / 'float32'}; go on with --run before"
    assert found[["backend", "reason"]].values.tolist() == [
        ["jax", lost],
        ["torch", "there is no such result in this run"],
    ]


def test_runs_with_other_inputs_are_not_compared(tmp_path):
    one, other = Folder(tmp_path / "one"), Folder(tmp_path / "other")
    other.cases["input 0"][0, 0] += 1
    with pytest.raises(agreement.Unreadable, match="--cases-of"):
        agreement.changes(agreement.read(one.write()), agreement.read(other.write()))


def test_the_page_shows_every_pair_and_opens_its_results(folder, tmp_path):
    folder.arrays["torch-cpu"]["jit/inference/output"] = moved(folder.arrays["torch-cpu"]["jit/inference/output"], 32)
    folder.about["technique"] = folder.about["paper"] = "<script>"
    main(["numerics", str(folder.write()), "--out", str(tmp_path)])
    page = (tmp_path / "numerics.html").read_text()
    assert page.count("<details>") == 6
    assert page.count('class="disagree"') == 1 + 3, "the legend, and torch with each of the others"
    assert "inference/gradient of kernel" in page
    assert "<script" not in page


def test_the_page_counts_what_is_missing_apart_from_what_disagrees(folder, tmp_path):
    del folder.arrays["torch-cpu"]["jit/inference/output"]
    assert main(["numerics", str(folder.write()), "--out", str(tmp_path)]) == INCOMPLETE
    page = " ".join((tmp_path / "numerics.html").read_text().split())
    assert 'What could be compared agrees. <b class="off">1 result missing or damaged.</b>' in page
    assert "<li>jit/inference/output: was planned and is not there; delete" in page
    assert "disagreements" not in page
    output = folder.arrays["torch-cpu"]["eager/inference/output"]
    folder.arrays["torch-cpu"]["eager/inference/output"] = moved(output, 32)
    assert main(["numerics", str(folder.write()), "--out", str(tmp_path)]) == FOUND
    page = " ".join((tmp_path / "numerics.html").read_text().split())
    assert '<b class="off">1 disagreement.</b> <b class="off">1 result missing or damaged.</b>' in page
