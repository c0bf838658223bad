"""Files -> table: planted values come back, endings are kept, and what cannot be trusted is named and left out."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from bench.analysis import latest, load
from bench.analysis.tables import schema
from tests.bench.analysis.synthetic import cell, write_launch

DESIGN_COLUMNS = [
    "run",
    "commit",
    "timestamp",
    "machine",
    "backend",
    "backend_version",
    "keras_version",
    "device",
    "family",
    "workload",
    "technique",
    "size",
    "dtype",
    "mode",
    "metric",
    "status",
    "median_s",
    "ci_low_s",
    "ci_high_s",
    "min_s",
    "rounds",
    "launches",
    "stop",
    "flops",
    "bytes",
    "flops_per_s",
    "bytes_per_s",
    "roofline_fraction",
    "peak_memory_bytes",
    "native_ratio",
]
EXTRA_COLUMNS = [
    "reason",
    "interval",
    "trace_s",
    "lower_s",
    "compile_s",
    "first_run_s",
    "graphs",
    "graph_breaks",
    "cpu_per_wall",
    "shape",
    "attention",
    "gpu_clock_mhz",
    "slowed_by",
    "native_low",
    "native_high",
    "native",
]


def only(raw, run="run"):
    """The single row of a run."""
    loaded = load([raw / run])
    assert loaded.problems == []
    (row,) = loaded.frame.to_dict("records")
    return row


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_columns(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    assert list(load([tmp_path / "run"]).frame.columns) == DESIGN_COLUMNS + EXTRA_COLUMNS


def test_nothing_gives_an_empty_table_with_all_columns():
    loaded = load([])
    assert list(loaded.frame.columns) == DESIGN_COLUMNS + EXTRA_COLUMNS
    assert loaded.frame.empty
    assert loaded.problems == []


def test_one_launch(tmp_path):
    times = [5.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0]
    write_launch(tmp_path, [(cell(peak_memory_bytes=7, shape="(2, 3)"), times)])
    row = only(tmp_path)
    assert row["status"] == "unstable"
    assert (row["median_s"], row["min_s"], row["rounds"], row["launches"]) == (4.0, 1.0, 7, 1)
    assert (row["ci_low_s"], row["ci_high_s"], row["interval"]) == (1.0, 7.0, "rounds")
    assert (row["run"], row["commit"], row["machine"], row["keras_version"]) == ("run", "d4aa4a2", "testbox", "3.15.1")
    assert (row["backend"], row["backend_version"], row["device"]) == ("jax", "0.10.2", "cpu")
    assert (row["technique"], row["peak_memory_bytes"], row["shape"]) == ("RMSNorm", 7, "(2, 3)")
    assert row["timestamp"] == pd.Timestamp("2026-01-01T00:00:00Z")


def test_one_round_has_no_interval(tmp_path):
    write_launch(tmp_path, [(cell(metric="compile_cold", stop="single"), [2.0])])
    row = only(tmp_path)
    assert row["status"] == "ok"
    assert row["median_s"] == 2.0
    assert math.isnan(row["ci_low_s"])
    assert math.isnan(row["ci_high_s"])
    assert pd.isna(row["interval"])


def test_launches_are_the_replicates(tmp_path):
    for launch, median in enumerate([1.0, 1.1, 1.3]):
        write_launch(tmp_path, [(cell(), [median, 0.9, 2.0])], launch=launch)
    row = only(tmp_path)
    assert (row["median_s"], row["min_s"], row["rounds"], row["launches"]) == (1.1, 0.9, 9, 3)
    logs = np.log([1.0, 1.1, 1.3])
    half = 4.302652729911275 * logs.std(ddof=1) / math.sqrt(3)
    assert row["interval"] == "launches"
    assert row["ci_low_s"] == pytest.approx(math.exp(logs.mean() - half))
    assert row["ci_high_s"] == pytest.approx(math.exp(logs.mean() + half))


def test_amounts_are_joined_over_launches(tmp_path):
    for launch, (memory, trace, stop) in enumerate([(10, 1.0, "precise"), (30, 3.0, "timeout"), (20, 2.0, "plateau")]):
        case = cell(peak_memory_bytes=memory, phases={"trace_s": trace}, stop=stop, graphs=launch)
        write_launch(tmp_path, [(case, [1.0])], launch=launch)
    row = only(tmp_path)
    assert (row["peak_memory_bytes"], row["trace_s"], row["stop"], row["graphs"]) == (30, 2.0, "timeout", 2)
    assert math.isnan(row["compile_s"])


@pytest.mark.parametrize("status", [status for status in schema.STATUSES if status != "ok"])
def test_endings_other_than_ok(tmp_path, status):
    write_launch(tmp_path, [(cell(), (status, "because"))])
    row = only(tmp_path)
    assert (row["status"], row["reason"], row["launches"], row["rounds"]) == (status, "because", 0, 0)
    assert math.isnan(row["median_s"])


def test_the_worst_launch_decides(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    write_launch(tmp_path, [(cell(technique="rms_norm"), ("crashed", "signal 11"))], launch=1)
    write_launch(tmp_path, [(cell(technique="rms_norm"), ("failed", "ValueError"))], launch=2)
    row = only(tmp_path)
    assert (row["status"], row["reason"]) == ("crashed", "signal 11")
    assert (row["median_s"], row["launches"], row["technique"]) == (1.0, 1, "RMSNorm")


@pytest.mark.parametrize(("factor", "status"), [(1.49, "ok"), (1.51, "unstable")])
def test_launches_that_disagree_are_unstable(tmp_path, factor, status):
    for launch, level in enumerate([1.0, 1.2, factor], 1):
        write_launch(tmp_path, [(cell(), [0.1, level, level, level, 9.0])], launch=launch)
    row = only(tmp_path)
    assert row["status"] == status
    assert ("a factor of 1.51" in row["reason"]) == (status == "unstable")


@pytest.mark.parametrize(("factor", "status"), [(1.49, "ok"), (1.51, "unstable")])
def test_one_launch_is_unstable_where_its_quartiles_disagree(tmp_path, factor, status):
    write_launch(tmp_path, [(cell(), [0.1, 1.0, 1.0, factor, 9.0])])
    assert only(tmp_path)["status"] == status


def test_a_single_measurement_is_not_unstable(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    assert only(tmp_path)["status"] == "ok"


def test_rates_and_roofline(tmp_path):
    results = [
        (cell("matmul", family="machine", flops=100, bytes=1), [1.0]),
        (cell("copy", family="machine", bytes=10), [1.0]),
        (cell("by_flops", flops=200, bytes=10), [4.0]),
        (cell("by_bytes", flops=100, bytes=30), [4.0]),
        (cell("by_flops", flops=200, bytes=10, metric="compile_cold"), [4.0]),
        (cell("copy", family="machine", bytes=10, dtype="bfloat16"), [1.0]),
        (cell("half_known", flops=200, bytes=10, dtype="bfloat16"), [4.0]),
    ]
    write_launch(tmp_path, results)
    write_launch(tmp_path, [(results[0][0], [2.0])], backend="torch")
    loaded = load([tmp_path / "run"])
    rows = loaded.frame.query("family != 'machine'").set_index(["workload", "metric"])
    assert rows.loc[("by_flops", "forward"), "roofline_fraction"] == pytest.approx(0.5)
    assert rows.loc[("by_bytes", "forward"), "roofline_fraction"] == pytest.approx(0.75)
    assert rows.loc[("by_flops", "forward"), "flops_per_s"] == pytest.approx(50)
    assert rows.loc[("by_bytes", "forward"), "bytes_per_s"] == pytest.approx(7.5)
    assert rows.loc[("by_flops", "compile_cold"), ["flops_per_s", "bytes_per_s", "roofline_fraction"]].isna().all()
    assert math.isnan(rows.loc[("half_known", "forward"), "roofline_fraction"])
    ceiling = loaded.ceilings.set_index("dtype").loc["float32"]
    assert (ceiling["peak_flops"], ceiling["peak_bytes"]) == (100, 10)


def test_a_ceiling_is_the_best_launch(tmp_path):
    for launch, seconds in enumerate([4.0, 1.0, 2.0]):
        write_launch(tmp_path, [(cell("matmul", family="machine", flops=100), [seconds])], launch=launch)
    assert load([tmp_path / "run"]).ceilings["peak_flops"].tolist() == [100]


def test_native_ratio_pairs_like_with_like(tmp_path):
    results = [
        (cell(native="native_rms_norm", mode=mode, size=size), [3.0 * scale])
        for mode in ("jit", "eager")
        for size, scale in (("small", 1), ("large", 2))
    ]
    results += [
        (cell("native_rms_norm", mode="jit", size="small"), [2.0]),
        (cell("native_rms_norm", mode="jit", size="large"), [4.0]),
        (cell("native_rms_norm", mode="eager", size="small"), [6.0]),
        (cell("native_rms_norm", mode="eager", size="large"), ("failed", "")),
    ]
    write_launch(tmp_path, results)
    write_launch(tmp_path, [(cell(native="native_rms_norm"), [1.0])], backend="torch")
    frame = load([tmp_path / "run"]).frame
    ratios = frame.set_index(["backend", "workload", "mode", "size"])["native_ratio"]
    assert ratios["jax", "rms_norm", "jit", "small"] == 1.5
    assert ratios["jax", "rms_norm", "jit", "large"] == 1.5
    assert ratios["jax", "rms_norm", "eager", "small"] == 0.5
    assert math.isnan(ratios["jax", "rms_norm", "eager", "large"])
    assert ratios["torch"].isna().all()
    assert ratios[:, "native_rms_norm"].isna().all()


def test_a_native_ratio_has_an_interval(tmp_path):
    known = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5]
    write_launch(tmp_path, [(cell(native="native_rms_norm"), [2.0] * 6), (cell("native_rms_norm"), known)])
    row = load([tmp_path / "run"]).frame.set_index("workload").loc["rms_norm"]
    assert row[["native_ratio", "native_low", "native_high"]].tolist() == pytest.approx([1.6, 2 / 1.5, 2.0])


def test_sizes_come_in_order(tmp_path):
    sizes = ["small", "medium", "large", "mine", "tokens=64", "tokens=1024"]
    write_launch(tmp_path, [(cell(size=size), [1.0]) for size in reversed(sizes)])
    assert load([tmp_path / "run"]).frame["size"].tolist() == sizes


# Which file a launch is read from.


def test_files_without_a_journal(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    (tmp_path / "run" / "journal.jsonl").unlink()
    assert only(tmp_path)["median_s"] == 1.0


def test_a_single_file(tmp_path):
    path = write_launch(tmp_path, [(cell(), [1.0])])
    assert load([path]).frame["median_s"].tolist() == [1.0]


@pytest.mark.parametrize("leave", ["nothing", "empty"])
def test_a_launch_that_died_is_read_from_the_journal(tmp_path, leave):
    path = write_launch(tmp_path, [(cell(), [1.0]), (cell("other"), ("crashed", "signal 9"))])
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    path.unlink() if leave == "nothing" else path.write_text("")
    loaded = load([tmp_path / "run"])
    assert loaded.problems == []
    assert dict(zip(loaded.frame["workload"], loaded.frame["status"], strict=True)) == {
        "rms_norm": "ok",
        "other": "crashed",
    }
    assert loaded.frame["median_s"].tolist()[::-1] == pytest.approx([1.0, math.nan], nan_ok=True)


def test_the_file_goes_before_the_journal(tmp_path):
    path = write_launch(tmp_path, [(cell(), [1.0])])
    edit(path, lambda document: document["benchmarks"][0]["stats"].update(data=[2.0]))
    assert only(tmp_path)["median_s"] == 2.0


def test_a_cut_last_line_is_normal(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"event": "start", "case": "rms_no')
    assert only(tmp_path)["status"] == "ok"


def test_damage_inside_the_journal_is_named_by_line(tmp_path):
    write_launch(tmp_path, [(cell(), (("failed"), "x")), (cell("other"), [1.0])])
    journal = tmp_path / "run" / "journal.jsonl"
    lines = journal.read_text().splitlines()
    lines[2] = "%%% " + lines[2]
    journal.write_text("\n".join(lines) + "\n")
    loaded = load([tmp_path / "run"])
    assert f"{journal}, line 3: damaged" in loaded.problems[0]
    assert "ended 1 case: rms_norm/small/float32/jit/forward" in loaded.problems[1]
    assert loaded.frame["workload"].tolist() == ["other"]


def test_a_line_that_nests_without_end(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    with (tmp_path / "run" / "journal.jsonl").open("ab") as journal:
        journal.write(b"[" * 10**6 + b"\n" + b'{"event": ' * 10**5 + b"\n")
    loaded = load([tmp_path / "run"])
    assert "line 5: damaged, not JSON" in loaded.problems[0]
    assert len(loaded.frame) == 1


def test_a_journal_that_cannot_be_read(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    journal = tmp_path / "run" / "journal.jsonl"
    journal.unlink()
    journal.mkdir()
    loaded = load([tmp_path / "run"])
    assert loaded.problems[0] == f"{journal}: Is a directory"
    assert len(loaded.frame) == 1


def test_a_journal_may_hold_events_of_other_programs(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_text('{"event": "session", "time": "2026-01-01T00:00:00Z"}\n' + journal.read_text())
    assert only(tmp_path)["status"] == "ok"


def test_a_case_in_flight_is_remembered(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0]), (cell("other"), [1.0])])
    assert load([tmp_path / "run"]).launches["in_flight"].tolist() == [""]
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_text("\n".join(journal.read_text().splitlines()[:4]) + "\n")
    (tmp_path / "run" / "jax-cpu-0.json").unlink()
    loaded = load([tmp_path / "run"])
    assert loaded.launches["in_flight"].tolist() == ["other/small/float32/jit/forward"]
    assert loaded.frame["workload"].tolist() == ["rms_norm"]
    assert loaded.problems == []


# What cannot be trusted.


def cut(path):
    path.write_text(path.read_text()[:-20])


def replaced(content):
    return lambda path: path.write_bytes(content)


def edited(change):
    return lambda path: edit(path, change)


UNTRUSTED = {
    "cut": (cut, "damaged, not JSON"),
    "binary": (replaced(b"\x89PNG\xff\x00"), "damaged, not JSON"),
    "list": (replaced(b"[1, 2]"), 'no "suite" object'),
    "foreign": (edited(lambda d: d.pop("suite")), 'no "suite" object'),
    "other schema": (edited(lambda d: d["suite"].update(schema=2)), "its schema is 2"),
    "no schema": (edited(lambda d: d["suite"].pop("schema")), "its schema is None"),
    "no facts": (edited(lambda d: d["suite"].pop("facts")), "`facts` must be dict"),
    "no machine": (edited(lambda d: d["suite"]["facts"].pop("machine")), "`machine` must be str"),
    "unknown backend": (edited(lambda d: d["suite"].update(backend="mxnet")), "`backend` must be one of"),
    "launch as text": (edited(lambda d: d["suite"].update(launch="1")), "`launch` must be int. Received: launch='1'"),
    "no time": (edited(lambda d: d.pop("datetime")), "ISO 8601"),
    "no benchmarks": (edited(lambda d: d.pop("benchmarks")), "`benchmarks` must be list"),
    "benchmark as text": (edited(lambda d: d.update(benchmarks=["x"])), "benchmark 1: expected an object"),
    "no cell": (edited(lambda d: d["benchmarks"][0].pop("extra_info")), "`extra_info` must be dict"),
    "unknown mode": (edited(lambda d: d["benchmarks"][0]["extra_info"].update(mode="auto")), "`mode` must be one of"),
    "flops as text": (
        edited(lambda d: d["benchmarks"][0]["extra_info"].update(flops="9")),
        "`flops` must be int | float",
    ),
    "phase as text": (
        edited(lambda d: d["benchmarks"][0]["extra_info"].update(phases={"trace_s": "1"})),
        "`trace_s` must be int | float",
    ),
    "no data": (edited(lambda d: d["benchmarks"][0]["stats"].pop("data")), "`data` must be list"),
    "empty data": (edited(lambda d: d["benchmarks"][0]["stats"].update(data=[])), "finite and above 0"),
    "zero time": (edited(lambda d: d["benchmarks"][0]["stats"].update(data=[1.0, 0.0])), "finite and above 0"),
    "time as text": (edited(lambda d: d["benchmarks"][0]["stats"].update(data=["1.0"])), "finite and above 0"),
    "nan": (edited(lambda d: d["benchmarks"][0]["stats"].update(data=[math.nan])), "damaged, not JSON"),
    "infinite": (edited(lambda d: d["benchmarks"][0]["stats"].update(data=[1e308, 1e308])), "finite and above 0"),
    "empty": (replaced(b""), "empty, its process died; name the run folder"),
}


@pytest.mark.parametrize(("spoil", "message"), UNTRUSTED.values(), ids=UNTRUSTED)
def test_an_untrusted_file_is_named_and_the_others_load(tmp_path, spoil, message):
    bad = write_launch(tmp_path, [(cell(), [1.0])])
    write_launch(tmp_path, [(cell("other"), [2.0])], launch=1)
    (tmp_path / "run" / "journal.jsonl").unlink()
    spoil(bad)
    loaded = load([tmp_path / "run"])
    (problem,) = loaded.problems
    assert problem.startswith(str(bad))
    assert message in problem
    assert "Left out: move it away, or measure that launch again" in problem
    assert loaded.frame["workload"].tolist() == ["other"]


def test_a_damaged_file_loses_nothing_that_the_journal_has(tmp_path):
    cut(write_launch(tmp_path, [(cell(), [1.0])]))
    loaded = load([tmp_path / "run"])
    assert len(loaded.problems) == 1
    assert loaded.frame["median_s"].tolist() == [1.0]


def test_times_that_are_in_no_file_are_missed(tmp_path):
    path = write_launch(tmp_path, [(cell(), [1.0]), (cell("other"), [1.0])])
    edit(path, lambda document: document["benchmarks"].pop(0))
    journal = tmp_path / "run" / "journal.jsonl"
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps(event | {"benchmark": None}) + "\n" for event in events))
    loaded = load([tmp_path / "run"])
    assert "1 finished cases of launch jax-cpu-0 have their times in no file" in loaded.problems[0]
    assert loaded.frame["workload"].tolist() == ["other"]


def test_a_folder_without_results(tmp_path):
    (problem,) = load([tmp_path]).problems
    assert "holds neither journal.jsonl nor a *.json file" in problem


def test_a_launch_counts_once(tmp_path):
    path = write_launch(tmp_path, [(cell(), [1.0])])
    loaded = load([tmp_path / "run", path])
    assert "was already read" in loaded.problems[0]
    assert loaded.frame["launches"].tolist() == [1]


@pytest.mark.parametrize("name", ["commit", "machine", "backend_version", "keras_version", "device_name", "threads"])
def test_launches_that_differ_are_no_replicates(tmp_path, name):
    write_launch(tmp_path, [(cell(), [1.0])])
    write_launch(tmp_path, [(cell(), [9.0])], launch=1, **{name: "another"})
    loaded = load([tmp_path / "run"])
    assert f"{name} " in loaded.problems[0]
    assert "'another'" in loaded.problems[0]
    assert loaded.frame["median_s"].tolist() == [1.0]


# Which runs.


def test_a_machine_is_what_it_is_not_what_it_is_called(tmp_path):
    """Without a name of its own: two machines called "vm" are two, and every start of a container is the same one."""
    hosts = [("vm", "Test CPU", 2), ("vm", "Other CPU", 2), ("vm", "Test CPU", 8), ("a1b2c3", "Test CPU", 2)]
    for number, (host, cpu, cores) in enumerate(hosts):
        write_launch(tmp_path, [(cell(), [1.0])], run=f"run-{number}", machine=host, host=None, cpu=cpu, cores=cores)
    loaded = load([tmp_path / f"run-{number}" for number in range(len(hosts))])
    assert loaded.problems == []
    assert loaded.frame.set_index("run")["machine"].to_dict() == {
        "run-0": "Test CPU, 2 cores, 8 GiB",
        "run-1": "Other CPU, 2 cores, 8 GiB",
        "run-2": "Test CPU, 8 cores, 8 GiB",
        "run-3": "Test CPU, 2 cores, 8 GiB",
    }


def test_results_of_a_gpu_from_before_accelerators_were_noted(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])], device="gpu", host=None, device_name="NVIDIA H200")
    assert only(tmp_path)["machine"] == "Test CPU @ 2 GHz, 2 cores, 8 GiB, NVIDIA H200"


def test_latest_takes_the_newest_of_each_machine_backend_and_device(tmp_path):
    for run, hours in (("b-old", 0), ("a-new", 5)):
        write_launch(tmp_path, [(cell(), [hours + 1.0])], run=run, hours=hours)
    write_launch(tmp_path, [(cell(), [7.0])], run="b-old", backend="torch")
    write_launch(tmp_path, [(cell(), [8.0])], run="b-old", device="gpu")
    write_launch(tmp_path, [(cell(), [9.0])], run="other", machine="laptop")
    write_launch(tmp_path, [(cell("late"), [3.0])], run="b-old", hours=1, launch=1)
    loaded = latest(tmp_path)
    assert loaded.problems == []
    found = set(loaded.frame[["run", "machine", "backend", "device"]].itertuples(index=False, name=None))
    assert found == {
        ("a-new", "testbox", "jax", "cpu"),
        ("b-old", "testbox", "torch", "cpu"),
        ("b-old", "testbox", "jax", "gpu"),
        ("other", "laptop", "jax", "cpu"),
    }
    assert "late" not in set(loaded.frame["workload"])


WHOLE, PART = {"workloads": [], "keyword": ""}, {"workloads": ["rms_norm"], "keyword": ""}


@pytest.mark.parametrize("chosen", [PART, {"workloads": [], "keyword": "rms"}])
def test_latest_keeps_a_whole_run_where_chosen_cells_are_newer(tmp_path, chosen):
    for hours, (run, settings) in enumerate({"old": WHOLE, "whole": WHOLE, "chosen": chosen}.items()):
        write_launch(tmp_path, [(cell(), [1.0])], run=run, hours=hours, settings=settings)
    loaded = latest(tmp_path)
    assert set(loaded.frame["run"]) == {"whole"}
    assert loaded.problems == []
    assert loaded.newer == [
        "run chosen is newer and of chosen cells only; see it with: "
        f"python -m bench.analysis report {tmp_path / 'chosen'}"
    ]


def test_latest_takes_the_newest_of_chosen_cells_where_no_run_is_whole(tmp_path):
    for hours, run in enumerate(("b", "a")):
        write_launch(tmp_path, [(cell(), [1.0])], run=run, hours=hours, settings=PART)
    write_launch(tmp_path, [(cell(), [1.0])], run="b", backend="torch", settings=WHOLE)
    loaded = latest(tmp_path)
    assert set(loaded.frame[["run", "backend"]].itertuples(index=False, name=None)) == {("a", "jax"), ("b", "torch")}
    assert loaded.newer == []


def test_latest_of_a_missing_folder_is_empty(tmp_path):
    assert latest(tmp_path / "nowhere").frame.empty


ODD_HEADS = {
    "launches as text": ("settings", {"launches": "3"}, "`launches` must be int"),
    "memory as text": ("facts", {"memory_bytes": "8 GiB"}, "`memory_bytes` must be int"),
    "cores beyond all tables": ("facts", {"cores": 2**63}, "`cores` must be int"),
    "one accelerator": ("facts", {"accelerators": "H200"}, "`accelerators` must be list"),
}


@pytest.mark.parametrize(("place", "change", "message"), ODD_HEADS.values(), ids=ODD_HEADS)
def test_a_head_with_a_field_of_another_type(tmp_path, place, change, message):
    path = write_launch(tmp_path, [(cell(), [1.0])])
    edit(path, lambda document: document["suite"][place].update(change))
    (problem,) = load([path]).problems
    assert message in problem


def test_a_time_beyond_all_calendars(tmp_path):
    path = write_launch(tmp_path, [(cell(), [1.0])])
    edit(path, lambda document: document.update(datetime="9999-12-31T23:59:59-12:00"))
    assert "a time must be in ISO 8601" in load([path]).problems[0]


def test_a_container_may_have_a_fraction_of_a_core(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])], cores=0.5)
    loaded = load([tmp_path / "run"])
    assert loaded.problems == []
    assert len(loaded.frame) == 1
