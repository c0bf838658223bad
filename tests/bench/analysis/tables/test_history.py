"""The store: every run is in it once, nothing damages it, and what does not belong to it is named and left out."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.analysis import load
from bench.analysis.__main__ import main
from bench.analysis.tables import history
from tests.bench.analysis import made_up
from tests.bench.analysis.made_up import point
from tests.bench.analysis.synthetic import cell, write_launch

ROOT = Path(__file__).parents[4]
ALL = 10**6


def keep(store, *rows):
    """Puts rows into the store as one file."""
    store.mkdir(parents=True, exist_ok=True)
    path = store / f"{len(list(store.iterdir()))},testbox,jax,cpu.parquet"
    path.write_bytes(history.parquet(pa.Table.from_pylist(list(rows), history.SCHEMA)))
    return path


def contents(store):
    return {path.name: path.read_bytes() for path in store.iterdir()}


def column(store, name, count=ALL):
    found = history.newest(store, count)
    assert found.problems == []
    return found.frame[name].tolist()


# What goes in comes out.


def test_a_run(tmp_path):
    store = tmp_path / "store"
    failed = cell("other"), ("failed", "ValueError")
    write_launch(tmp_path, [(cell(), [0.5] * 9), failed], threads=3, precision="ieee", modified=True)
    (path,) = history.add(load([tmp_path / "run"]), store)
    assert path.parent == store
    stored = pq.read_table(path)
    assert stored.schema.equals(history.SCHEMA, check_metadata=True)
    (other, row) = sorted(stored.to_pylist(), key=lambda row: row["workload"])
    assert (other["workload"], other["status"], other["median_s"]) == ("other", "failed", None)
    assert row == {
        **{"run": "run", "commit": "d4aa4a2", "modified": True, "timestamp": pd.Timestamp("2026-01-01T00:00Z")},
        **{"machine": "testbox", "backend": "jax", "device": "cpu"},
        **{"family": "normalization", "workload": "rms_norm", "technique": "RMSNorm"},
        **{"size": "small", "dtype": "float32", "mode": "jit", "metric": "forward", "status": "ok"},
        **{"cpu": "Test CPU @ 2 GHz", "device_name": "Test CPU @ 2 GHz", "threads": "3", "precision": "ieee"},
        **{"backend_version": "0.10.2", "keras_version": "3.15.1", "python": "3.12.1", "surroundings": ""},
        **{"median_s": 0.5, "ci_low_s": 0.5, "ci_high_s": 0.5, "min_s": 0.5, "rounds": 9, "launches": 1},
    }
    found = history.newest(store, ALL).frame
    assert list(found.columns) == list(history.POINT)
    assert found.to_dict("records") == [{name: row[name] for name in history.POINT}]


def test_each_machine_backend_and_device_of_a_run(tmp_path):
    for backend, device in (("jax", "cpu"), ("jax", "gpu"), ("torch", "cpu")):
        write_launch(tmp_path / "raw", [(cell(), [1.0])], backend=backend, device=device)
    write_launch(tmp_path / "raw", [(cell(), [1.0])], run="elsewhere", machine="laptop")
    assert len(history.add(load((tmp_path / "raw").iterdir()), tmp_path / "store")) == 4
    assert len(column(tmp_path / "store", "run")) == 4


def test_the_newest_of_each_cell_in_order_of_time(tmp_path):
    for day in (3, 1, 2):
        keep(tmp_path, point(float(day), day), point(10.0 * day, day, workload="other"))
    keep(tmp_path, point(40.0, 4, workload="other"))
    assert column(tmp_path, "median_s", 2) == [30.0, 40.0, 2.0, 3.0]


def test_only_times_that_can_be_compared(tmp_path):
    times = {"ok": 1.0, "unstable": 2.0, "crashed": 3.0}
    keep(tmp_path, *(point(median_s, day, status=s) for day, (s, median_s) in enumerate(times.items())))
    keep(tmp_path, point(0.0, 5), point(math.inf, 6), point(math.nan, 7), point(-1.0, 8), point(4.0, 9))
    assert column(tmp_path, "median_s") == [1.0, 2.0, 4.0]


def test_no_store_is_an_empty_one(tmp_path):
    found = history.newest(tmp_path / "none", ALL)
    assert list(found.frame.columns) == list(history.POINT)
    assert found.frame.empty
    assert found.problems == []


def test_any_name_will_do(tmp_path):
    hostile = "../'; drop table x; --,\u00e9*?[a]"
    write_launch(tmp_path, [(cell(hostile), [1.0])], machine=hostile)
    store = tmp_path / "a 'quoted' [store]*"
    history.add(load([tmp_path / "run"]), store)
    assert column(store, "machine") == [hostile]
    assert column(store, "workload") == [hostile]
    assert {path.name for path in tmp_path.iterdir()} == {"run", store.name}


# Adding again.


def test_a_run_is_added_once(tmp_path):
    write_launch(tmp_path, [(cell(), [1.0])])
    history.add(load([tmp_path / "run"]), tmp_path / "store")
    before = contents(tmp_path / "store")
    assert history.add(load([tmp_path / "run"]), tmp_path / "store") == []
    assert contents(tmp_path / "store") == before


@pytest.mark.parametrize("more", ["cells", "launches"])
def test_a_run_that_went_on_takes_the_place_of_its_beginning(tmp_path, more):
    write_launch(tmp_path, [(cell(), [1.0])])
    first = load([tmp_path / "run"])
    history.add(first, tmp_path / "store")
    write_launch(tmp_path, [(cell("rms_norm" if more == "launches" else "other"), [2.0])], launch=1)
    assert len(history.add(load([tmp_path / "run"]), tmp_path / "store")) == 1
    assert column(tmp_path / "store", "median_s") == ([1.5] if more == "launches" else [2.0, 1.0])
    assert history.add(first, tmp_path / "store") == []


def test_runs_that_nobody_reported_are_added(tmp_path):
    for run in ("a", "b", "c"):
        write_launch(tmp_path / "raw", [(cell(), [1.0])], run=run)
    history.add(load([tmp_path / "raw" / "b"]), tmp_path / "store")
    history.add_missing(tmp_path / "raw", tmp_path / "store")
    assert column(tmp_path / "store", "run") == ["a", "b", "c"]


# Other processes.

ADD = (
    "import sys; from pathlib import Path\n"
    "from bench.analysis import load; from bench.analysis.tables import history\n"
)


def python(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", ADD + code, *map(str, arguments)], cwd=ROOT)


def test_two_processes_at_once(tmp_path):
    runs = [write_launch(tmp_path, [(cell(), [1.0])], run=f"run-{n:02}").parent for n in range(15)]
    code = "for run in sys.argv[2:]: history.add(load([run]), Path(sys.argv[1]))"
    store = tmp_path / "store"
    both = [python(code, store, *runs), python(code, store, *reversed(runs))]
    while any(process.poll() is None for process in both):
        assert history.newest(store, ALL).problems == []
    assert [process.returncode for process in both] == [0, 0]
    assert column(store, "run") == [run.name for run in runs]


@pytest.mark.parametrize("last_call", ["os.replace", "os.chmod"])
def test_a_write_that_was_killed_leaves_nothing_half(tmp_path, last_call):
    store = tmp_path / "store"
    write_launch(tmp_path, [(cell(), [1.0])])
    history.add(load([tmp_path / "run"]), store)
    write_launch(tmp_path, [(cell("other"), [1.0])], launch=1)
    kill = f"import os, signal; {last_call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    killed = python(kill + "history.add(load([sys.argv[1]]), Path(sys.argv[2]))", tmp_path / "run", store)
    assert killed.wait() == -9
    assert column(store, "workload") == ["rms_norm"]
    history.add(load([tmp_path / "run"]), store)
    assert column(store, "workload") == ["other", "rms_norm"]


# What does not belong to it.


def foreign(path):
    pq.write_table(pa.table({"x": [1]}), path)


def of_another_version(path):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"dl_techniques.history": b"0"}), path)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def spoilt_within(path):
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)


def from_before_surroundings(path):
    table = pq.read_table(path, partitioning=None).drop_columns("surroundings")
    pq.write_table(table, path)
    assert pq.read_schema(path).equals(history.OLDER, check_metadata=True)


def null(name):
    def spoil(path):
        table = pq.read_table(path, partitioning=None)
        rows = table.to_pylist()
        rows[0][name] = None
        path.write_bytes(history.parquet(pa.Table.from_pylist(rows, history.SCHEMA)))

    return spoil


AGAIN = "delete it, and the next report adds the run again from results/raw"
BAD = {
    "text": (lambda path: path.write_text("not this"), "damaged"),
    "empty": (lambda path: path.write_bytes(b""), "damaged"),
    "cut": (cut, "damaged"),
    "spoilt within": (spoilt_within, "damaged"),
    "foreign": (foreign, f"not written by this version of the history. Left out: {AGAIN}"),
    "another version": (of_another_version, f"not written by this version of the history. Left out: {AGAIN}"),
    **{f"null {name}": (null(name), f"damaged: nulls in {name}. Left out: {AGAIN}") for name in ("machine", "rounds")},
}


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("place", [0, 2], ids=["first", "last"])
def test_a_bad_file_is_named_and_the_others_are_read(tmp_path, spoil, message, place):
    paths = [keep(tmp_path, *(point(float(day), day, workload=f"w{n}") for n in range(50))) for day in (1, 2, 3)]
    spoil(paths[place])
    found = history.newest(tmp_path, ALL)
    (problem,) = found.problems
    assert problem.startswith(f"{paths[place]}: {message}")
    assert "Left out: " in problem
    assert "\n" not in problem
    assert sorted(set(found.frame["median_s"])) == [float(day) for day in (1, 2, 3) if day != place + 1]


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
def test_the_report_names_it_and_says_so(tmp_path, capsys, spoil, message):
    write_launch(tmp_path, [(cell(), [1.0])])
    spoil(keep(tmp_path / "store", point(1.0)))
    command = ["report", tmp_path / "run", "--out", tmp_path / "out", "--history", tmp_path / "store"]
    assert main(list(map(str, command))) == 1
    assert message in capsys.readouterr().err
    assert message in (tmp_path / "out" / "trend.html").read_text()


@pytest.mark.parametrize("older", [(0,), (1,), (0, 1)])
def test_files_from_before_surroundings_were_recorded_are_read(tmp_path, older):
    paths = [keep(tmp_path, point(float(day), day, surroundings=f"A={day}")) for day in (1, 2)]
    for place in older:
        from_before_surroundings(paths[place])
    assert column(tmp_path, "median_s") == [1.0, 2.0]
    assert column(tmp_path, "surroundings") == ["" if day - 1 in older else f"A={day}" for day in (1, 2)]


def test_a_damaged_file_from_before_surroundings_is_named(tmp_path):
    path = keep(tmp_path, point(1.0))
    from_before_surroundings(path)
    spoilt_within(path)
    (problem,) = history.newest(tmp_path, ALL).problems
    assert problem.startswith(f"{path}: damaged")


@pytest.mark.parametrize("spoil", [cut, null("rounds")])
def test_a_damaged_file_heals_when_its_run_is_reported_again(tmp_path, spoil):
    write_launch(tmp_path, [(cell(), [1.0])])
    (path,) = history.add(load([tmp_path / "run"]), tmp_path / "store")
    whole = path.read_bytes()
    spoil(path)
    assert history.add(load([tmp_path / "run"]), tmp_path / "store") == [path]
    assert path.read_bytes() == whole


def test_other_files_are_nobodys_business(tmp_path):
    keep(tmp_path, point(1.0))
    (tmp_path / "README.txt").write_text("mine")
    (tmp_path / ".run,x.parquet.k2j3").write_bytes(b"half")
    assert column(tmp_path, "median_s") == [1.0]


def test_a_made_up_history(tmp_path):
    made_up.write(tmp_path, runs=5, count=30, rng=np.random.default_rng(0))
    assert len(column(tmp_path, "run")) == 150
    assert len(column(tmp_path, "run", 2)) == 60
