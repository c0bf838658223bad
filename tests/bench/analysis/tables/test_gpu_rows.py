"""Rows of a CPU and of a GPU of one machine, side by side: nothing may mix them up."""

import csv

import pytest

from bench.analysis import load
from bench.analysis.__main__ import main
from bench.analysis.tables import comparison
from tests.bench.analysis.pages.test_report import Page
from tests.bench.analysis.synthetic import cell, write_launch

CPU = {"jax": 1e-3, "torch": 2e-3}
GPU = {"jax": 4e-5, "torch": 1e-5}
BYTES = {"cpu": 1e6, "gpu": 1e9}
NAME, DRIVER = "NVIDIA H200", "580.95.05"


def exact(seconds):
    return [seconds] * 9


def results(device, seconds):
    of_gpu = {"gpu_clock_mhz": 1755, "slowed_by": "power cap"} if device == "gpu" else {}
    common = {"bytes": BYTES[device], "peak_memory_bytes": 5000 if device == "gpu" else 700, **of_gpu}
    yield cell(native="native_rms_norm", **common), exact(seconds)
    yield cell("native_rms_norm", technique="native.rms_norm", **common), exact(seconds / 2)
    yield cell("copy", family="machine", size=device, bytes=BYTES[device]), exact(seconds / 4)
    yield (
        cell("attend", family="attention", attention="flash" if device == "gpu" else "unfused", **common),
        exact(seconds),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    raw = tmp_path_factory.mktemp("gpu") / "raw"
    for device, times in (("cpu", CPU), ("gpu", GPU)):
        facts = {"device_name": NAME, "driver": DRIVER} if device == "gpu" else {}
        settings = {"profile": "large" if device == "gpu" else "default"}
        for backend, seconds in times.items():
            for launch in (1, 2, 3):
                write_launch(
                    raw,
                    results(device, seconds),
                    backend=backend,
                    device=device,
                    launch=launch,
                    settings=settings,
                    **facts,
                )
    return raw / "run"


@pytest.fixture(scope="module")
def loaded(run):
    return load([run])


def of(frame, device, **wanted):
    rows = frame[frame["device"] == device]
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    return rows


def test_every_launch_of_both_devices_is_read(loaded):
    assert loaded.problems == []
    assert len(loaded.launches) == 12
    assert len(loaded.frame) == 16
    assert set(loaded.frame["launches"]) == {3}


def test_ceilings_and_native_counterparts_are_those_of_the_device(loaded):
    peaks = loaded.ceilings.set_index("device")["peak_bytes"]
    assert peaks["cpu"] == pytest.approx(4 * BYTES["cpu"] / CPU["jax"])
    assert peaks["gpu"] == pytest.approx(4 * BYTES["gpu"] / GPU["torch"])
    rows = loaded.frame[loaded.frame["workload"] == "rms_norm"]
    assert rows["native_ratio"].tolist() == pytest.approx([2.0] * 4)
    fractions = {(row.device, row.backend): row.roofline_fraction for row in rows.itertuples()}
    assert fractions == pytest.approx(
        {("cpu", "jax"): 0.25, ("cpu", "torch"): 0.125, ("gpu", "jax"): 0.0625, ("gpu", "torch"): 0.25}
    )


def test_backends_are_compared_on_one_device_only(loaded):
    fastest = {(row.device, row.backend): (row.fastest, row.ratio) for row in comparison.ratios(loaded).itertuples()}
    assert fastest == {
        ("cpu", "jax"): ("jax", 1),
        ("cpu", "torch"): ("jax", pytest.approx(2)),
        ("gpu", "torch"): ("torch", 1),
        ("gpu", "jax"): ("torch", pytest.approx(4)),
    }
    ranked = comparison.ranking(loaded)
    leaders = ranked[ranked["verdict"] == "fastest"].groupby("device")["backend"].unique()
    assert {device: list(names) for device, names in leaders.items()} == {"cpu": ["jax"], "gpu": ["torch"]}


def test_a_larger_profile_on_the_gpu_is_no_difference_between_backends(loaded):
    assert comparison.unlike(loaded.launches) == []


def test_the_table_tells_what_only_a_gpu_has(run, tmp_path):
    assert main(["report", str(run), "--out", str(tmp_path), "--history", str(tmp_path / "history")]) == 0
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["backend"] == "jax" and row["workload"] == "attend"]
    told = {row["device"]: [row[name] for name in ("attention", "gpu_clock_mhz", "slowed_by")] for row in rows}
    assert told == {"cpu": ["unfused", "", ""], "gpu": ["flash", "1755.0", "power cap"]}
    assert {row["device"]: float(row["peak_memory_bytes"]) for row in rows} == {"cpu": 700, "gpu": 5000}
    figures = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {name for name in figures if "cpu" in name and "gpu" in name} == set()
    assert {name.replace("cpu", "gpu") for name in figures if "cpu" in name} == {
        name for name in figures if "gpu" in name
    }
    text = Page(tmp_path / "index.html").text
    assert f"{NAME}, driver {DRIVER}" in text
    assert "torch on testbox, gpu: 3 cells were slowed by power cap" in text
    assert text.index("testbox · cpu · float32") < text.index("testbox · gpu · float32")
    assert "--device gpu --profile large" in text


def test_clocks_and_what_slowed_the_gpu_are_joined_over_launches(tmp_path):
    seen = [(1900, "power cap"), (1700, ""), (1800, "temperature, power cap")]
    for launch, (clock, slowed_by) in enumerate(seen):
        case = cell(gpu_clock_mhz=clock, slowed_by=slowed_by)
        write_launch(tmp_path, [(case, exact(1.0))], device="gpu", launch=launch)
    (row,) = load([tmp_path / "run"]).frame.to_dict("records")
    assert (row["gpu_clock_mhz"], row["slowed_by"]) == (1800, "power cap, temperature")


def test_a_launch_after_an_update_of_the_driver_is_no_replicate(tmp_path):
    for launch, driver in enumerate((DRIVER, "590.1"), 1):
        write_launch(tmp_path, results("gpu", 1e-3), device="gpu", launch=launch, device_name=NAME, driver=driver)
    (problem,) = load([tmp_path / "run"]).problems
    assert f"driver '{DRIVER}' and '590.1'" in problem
