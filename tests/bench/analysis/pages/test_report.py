"""The command, the files it writes and the page: what a reader sees, and what happens when something is wrong."""

import base64
import errno
import gzip
import html.parser
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from bench.analysis import load
from bench.analysis.__main__ import main
from bench.analysis.pages import index, other_results
from bench.analysis.tables import machines_and_runs, schema
from tests.bench.analysis.synthetic import EPOCH, cell, write_launch, write_launches

HOSTILE = "<script>alert(1)</script>"


def exact(seconds):
    return [seconds] * 9


def reports(run, out):
    """Reports one run, into a history of its own."""
    return main(["report", str(run), "--out", str(out), "--history", str(run.parent / "history")])


@pytest.fixture
def raw(tmp_path):
    return measure(tmp_path / "raw")


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A run, and the folder with its report."""
    folder = tmp_path_factory.mktemp("reported")
    raw = measure(folder / "raw")
    assert reports(raw / "run", folder / "out") == 0
    return raw / "run", folder / "out"


def measure(raw):
    for backend, factor in (("jax", 1.0), ("torch", 2.0), ("tensorflow", 4.0)):
        results = [
            (cell(mode=mode, metric=metric, phases={}), exact(factor * 1e-3))
            for mode in ("jit", "eager")
            for metric in schema.RUN_METRICS
        ]
        write_launches(raw, results, backend=backend)
    return raw


class Page(html.parser.HTMLParser):
    """Tags that are open at the end, attributes that would load something, and the text."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, path):
        super().__init__()
        self.open, self.tags, self.sources, self.text = [], [], [], ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open += [tag] if tag not in self.VOID else []
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["script"], ["style"]):
            self.text = re.sub(r"\s+", " ", self.text + data.replace("\u00d7", "x"))


def data(path):
    """What the page's script unpacks."""
    packed = re.search(r'<script type="text/plain" id="data">(.*?)</script>', path.read_text())[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def test_files(reported):
    _, out = reported
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    figures = {name for name in written if name.startswith("figures/")}
    assert written - figures == {"results.csv", "results.parquet", "trend.html", "index.html"}
    names = ("normalization-times-cpu-float32", "normalization-ratios-cpu-float32")
    assert figures == {f"figures/{name}.{kind}" for name in names for kind in ("png", "svg")}
    begins = {".png": b"\x89PNG", ".svg": b"<?xml"}
    assert all((out / name).read_bytes().startswith(begins[name[-4:]]) for name in figures)


def test_csv_and_parquet_hold_the_table(reported):
    run, out = reported
    frame = load([run]).frame
    pd.testing.assert_frame_equal(pd.read_parquet(out / "results.parquet"), frame)
    csv = pd.read_csv(out / "results.csv", keep_default_na=False)
    assert list(csv.columns) == list(schema.COLUMNS)
    assert csv["timestamp"].unique().tolist() == ["2026-01-01T00:00:00Z"]
    assert csv["median_s"].tolist() == frame["median_s"].tolist()
    assert csv["launches"].unique().tolist() == [3]


def test_the_page_answers_first(reported):
    text = Page(reported[1] / "index.html").text
    answer = "jax torch 2.00x [2.00, 2.00] tensorflow 4.00x [4.00, 4.00] 1 of 1 workload, 3 launches"
    facts = "testbox \u00b7 Test CPU @ 2 GHz \u00b7 2 cores \u00b7 8 GiB"
    sure = "12 cells: 12 ok. Behind each time of a call stand the medians of 3 launches."
    first = ["Which backend is fastest?", facts, "torch 2.12.0", sure, answer]
    order = [*first, "Charts", "Backends side by side", "All cells"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "nox -s bench-jax -- --device cpu --profile smoke" in text
    assert "python -m bench.analysis report" in text


def test_the_page_needs_no_network(reported):
    path = reported[1] / "index.html"
    found = Page(path)
    assert found.open == []
    assert {source for source in found.sources if not source.startswith("#")} == {"trend.html"}
    visible = re.sub(r"<script.*?</script>", "", path.read_text(), flags=re.DOTALL)
    assert "url(" not in visible
    assert "http" not in visible
    anchors = set(re.findall(r'id="([^"]+)"', visible))
    assert {source[1:] for source in found.sources if source.startswith("#")} <= anchors


def test_the_page_holds_all_cells_and_draws_what_it_holds(reported):
    run, out = reported
    index = (out / "index.html").read_text()
    held = data(out / "index.html")
    frame = load([run]).frame
    assert held["csv"] == list(frame.columns)
    assert held["cells"]["median_s"] == frame["median_s"].tolist()
    assert set(held["cells"]["verdict"]) == {"fastest", "slower"}
    assert set(re.findall(r'data-chart="([^"]+)"', index)) == set(held["charts"])
    parquet = re.search(r'id="parquet">(.*?)</script>', index)[1]
    assert base64.b64decode(parquet) == (out / "results.parquet").read_bytes()


def test_a_page_without_cells(tmp_path):
    document = index.render(load([]), b"", other_results.read(tmp_path), [], "the command")
    assert "There is no cell." in document
    assert "No technique was measured" in document
    assert "the command" in document
    assert 'id="charts"' not in document


def test_techniques_tell_all_that_is_known(tmp_path):
    native = cell("native_rms_norm", technique="native")
    for backend, factor in (("jax", 1.0), ("torch", 2.0)):
        sweep = [(cell(size=f"tokens={n}"), exact(1e-6 * factor * n)) for n in (64, 1024, 2048, 4096)]
        results = [(cell(native="native_rms_norm"), exact(factor)), (native, exact(0.5)), *sweep]
        write_launches(tmp_path / "raw", results, backend=backend)
    write_launch(tmp_path / "raw", [(cell(mode="eager"), ("crashed", "signal 11"))], launch=3)
    out = tmp_path / "out"
    reports(tmp_path / "raw/run", out)
    numbers = {"technique": "RMSNorm", "backend": "jax", "device": "cpu", "dtype": "float32", "reason": ""}
    agrees = numbers | {"max_ulp": 3.5, "verdict": "agree", "check": "value"}
    lost = numbers | {"verdict": "disagree", "check": "missing"}
    pd.DataFrame([agrees, lost]).to_csv(out / "numerics.csv", index=False)
    slower = {"backend": "jax", "device": "cpu", "workload": "rms_norm", "size": "small", "dtype": "float32"}
    slower |= {"mode": "jit", "metric": "forward", "ratio": 1.2, "ci_low": 1.1, "ci_high": 1.3, "p_value": 0.01}
    slower |= {"pairs": 12, "verdict": "slower", "detectable": 1.02, "reason": ""}
    pd.DataFrame([slower]).to_csv(out / "regressions.csv", index=False)
    reports(tmp_path / "raw/run", out)
    text = Page(out / "index.html").text
    told = text[text.index("Techniques RMSNorm") : text.index("Do the backends agree?")]
    assert "jax fastest in 5 of 5 cases" in told
    assert "jax: 2.00 [2.00, 2.00] to 2.00 [2.00, 2.00] times its own code, over 1 cell of 3 launches" in told
    assert "jax, jit forward: time grows with tokens to the power 1.00 [1.00, 1.00], 3 sizes, 3 launches" in told
    assert "Numerics, jax \u00b7 cpu \u00b7 float32: agrees, 1 result missing, at most 3.50 ulp" in told
    assert "rms_norm small float32 jit forward jax cpu: slower, 1.20 [1.10, 1.30], 12 pairs of launches" in told
    assert "signal 11" in told
    assert "Show its 11 cells in the table" in told
    assert "found 1 slower; regressions.html" in text
    assert "Techniques RMSNorm" in text
    assert "(native)" not in told


def test_a_clock_that_was_set_back_during_a_launch_costs_no_row(tmp_path):
    """All but what the time of that launch went into is known."""
    took = {"measured_s": 1.0}
    for launch in (1, 2):
        write_launch(tmp_path, [(cell() | took, exact(1.0)), (cell(mode="eager") | took, exact(2.0))], launch=launch)
    path = tmp_path / "run" / "journal.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    spawns = [{**e, "event": "spawn"} for e in events if e["event"] == "launch"]
    both = load([_journal(path, [*spawns, *events])])
    second = [e for e in events if e["launch"] == 2]
    for event in second[len(second) // 2 :]:
        event["time"] = (datetime.fromisoformat(event["time"]) - timedelta(hours=1)).isoformat()
    back = load([_journal(path, [*spawns, *events])])
    assert back.problems == []
    assert back.frame["median_s"].tolist() == both.frame["median_s"].tolist() == [2.0, 1.0]
    assert back.frame["launches"].tolist() == [2, 2]
    (row, _), (whole, _) = machines_and_runs.spent(back.launches), machines_and_runs.spent(both.launches)
    assert (row["in all"], whole["in all"]) == ("0 min 2 s", "0 min 4 s")
    spawns[1]["time"] = second[0]["time"] = (EPOCH - timedelta(hours=1)).isoformat()
    for event in second[1:]:
        event["time"] = (EPOCH - timedelta(minutes=59)).isoformat()
    (row,) = machines_and_runs.spent(load([_journal(path, [*spawns, *events])]).launches)
    assert row["backend"] == "jax", "between launches nobody knows"


def _journal(path, events):
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path.parent


def test_a_damaged_neighbour_is_named(raw, tmp_path):
    (tmp_path / "numerics.csv").write_text("not,what,is,meant\n1,2,3,4\n")
    assert reports(raw / "run", tmp_path) == 1
    assert "numerics.csv" in Page(tmp_path / "index.html").text


def test_hostile_names_break_nothing(tmp_path):
    turned = HOSTILE + "\u202e"
    hostile = cell(turned, family=turned, technique=turned, size=turned, dtype=turned, shape=turned)
    other = hostile | {"family": "../../" + HOSTILE, "workload": "=1+1"}
    results = [(hostile, exact(1.0)), (other, exact(1.0)), (hostile | {"mode": "eager"}, ("failed", HOSTILE))]
    write_launch(tmp_path / "raw", results, run=HOSTILE.replace("/", ""), machine=HOSTILE, cpu=turned, commit=HOSTILE)
    write_launch(tmp_path / "raw", results, run=HOSTILE.replace("/", ""), machine=HOSTILE, backend="torch")
    (folder,) = (tmp_path / "raw").iterdir()
    out = tmp_path / "out"
    assert reports(folder, out) == 0
    found = Page(out / "index.html")
    assert found.open == []
    assert found.tags.count("script") == 4
    assert HOSTILE in found.text
    assert "\u202e" not in found.text
    assert {path.parent for path in out.rglob("*.png")} == {out / "figures"}
    assert len(list(out.rglob("*.png"))) == len(list(out.rglob("*.svg"))) == 4


def test_cells_that_failed_say_why(raw, tmp_path):
    write_launch(raw, [(cell("broken"), ("out_of_memory", "killed at 3 GiB"))], launch=1)
    reports(raw / "run", tmp_path)
    text = Page(tmp_path / "index.html").text
    assert "What went wrong" in text
    assert "killed at 3 GiB" in text
    assert "small float32 jit forward" in text


def test_only_failures_still_make_a_page(tmp_path):
    write_launch(tmp_path / "raw", [(cell(), ("crashed", "signal 11"))])
    assert reports(tmp_path / "raw/run", tmp_path) == 0
    text = Page(tmp_path / "index.html").text
    assert "no backend can be compared" in text
    assert "signal 11" in text


def test_a_launch_that_stopped_says_how_to_go_on(raw, tmp_path):
    journal = raw / "run" / "journal.jsonl"
    journal.write_text("\n".join(journal.read_text().splitlines()[:-2]) + "\n")
    (raw / "run" / "tensorflow-cpu-2.json").write_bytes(b"")
    reports(raw / "run", tmp_path)
    text = Page(tmp_path / "index.html").text
    assert "launch 2 of tensorflow on cpu stopped during rms_norm/small/float32/eager/backward" in text
    assert "--resume goes on" in text


def test_the_same_run_gives_the_same_page(reported, tmp_path):
    run, out = reported
    reports(run, tmp_path)
    assert (tmp_path / "index.html").read_bytes() == (out / "index.html").read_bytes()


def test_the_newest_runs_are_the_default(raw, tmp_path, capsys, monkeypatch):
    write_launch(tmp_path / "results/raw", [(cell(), exact(1.0))])
    write_launch(tmp_path / "results/raw", [(cell(), exact(1.0)), (cell("b"), exact(1.0))], run="newer", hours=1)
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 0
    assert pd.read_csv("results/report/results.csv")["run"].unique().tolist() == ["newer"]
    names = {path.name for path in (tmp_path / "results/history").iterdir()}
    assert names == {"newer,testbox,jax,cpu.parquet", "run,testbox,jax,cpu.parquet"}


# When something is wrong.


def test_problems_are_named_after_a_report_is_written(raw, tmp_path, capsys):
    (raw / "run" / "torch-cpu-1.json").write_text('{"cut')
    assert reports(raw / "run", tmp_path) == 1
    assert "torch-cpu-1.json: damaged" in capsys.readouterr().err
    assert "torch-cpu-1.json: damaged" in Page(tmp_path / "index.html").text


@pytest.mark.parametrize("arguments", [[], ["plot"], ["report", "--output", "x"], ["summary", "no/such/run"]])
def test_usage_errors_are_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert error.startswith("python -m bench.analysis")


@pytest.mark.parametrize("command", ["report", "summary"])
def test_nothing_to_report(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    assert main([command]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "nothing to report: no measured case in results/raw" in error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(raw, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert reports(raw / "run", tmp_path / "file") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"cannot write into {tmp_path / 'file'}" in error
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_leaves_what_was_there(raw, tmp_path, capsys, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = tmp_path / "out"
    out.mkdir()
    (out / "results.csv").write_text("the old table")
    assert reports(raw / "run", tmp_path / "elsewhere") == 0
    monkeypatch.setattr("os.replace", full)
    assert reports(raw / "run", out) == 2
    assert capsys.readouterr().err == f"cannot write into {out}: No space left on device\n"
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [("results.csv", "the old table")]


def test_a_history_that_cannot_be_written(raw, tmp_path, capsys):
    (raw / "history").write_text("mine")
    assert reports(raw / "run", tmp_path / "out") == 2
    assert capsys.readouterr().err == f"cannot write into {raw / 'history'}: File exists\n"
    assert not (tmp_path / "out").exists()


def test_a_report_adds_to_the_history(raw, tmp_path):
    write_launch(raw, [(cell(), exact(1.0))], run="newer", hours=1)
    assert reports(raw / "run", tmp_path) == 0
    assert "2026-01-01 to 2026-01-01" in Page(tmp_path / "trend.html").text
    assert reports(raw / "newer", tmp_path) == 0
    runs = [pd.read_parquet(path)["run"].unique().tolist() for path in (raw / "history").iterdir()]
    assert sorted(runs) == [["newer"], ["run"], ["run"], ["run"]]


def test_no_framework_is_loaded():
    code = (
        "import sys, bench.analysis.__main__, bench.analysis.pages.report, bench.analysis.pages.two_runs_told\n"
        "print([m for m in ('keras', 'tensorflow', 'jax', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# Small parts of the page.


def test_commands_quote_what_the_shell_would_split(tmp_path):
    settings = {
        "profile": "full",
        "workloads": ["my file.py", "b"],
        "launches": None,
        "threads": 2,
        "keyword": "a or b",
    }
    write_launch(tmp_path, [(cell(), exact(1.0))], settings=settings)
    (row,) = machines_and_runs.runs(load([tmp_path / "run"]).launches)
    assert row["command"] == (
        "nox -s bench-jax -- --device cpu --profile full --workloads 'my file.py,b' --threads 2 -k 'a or b'"
    )


def test_troubles_come_worst_first_and_together(tmp_path):
    results = [
        (cell("a"), ("unsupported", "no kernel")),
        (cell("a", size="large"), ("unsupported", "no kernel")),
        (cell("b"), ("crashed", "signal 11")),
        (cell("c"), [1.0, 1.0, 1.0, 9.0, 9.0, 9.0]),
    ]
    write_launch(tmp_path, results)
    found = machines_and_runs.troubles(load([tmp_path / "run"]).frame)
    assert [trouble["status"] for trouble in found] == ["crashed", "unsupported", "unstable"]
    assert found[1]["cells"] == ["small float32 jit forward", "large float32 jit forward"]


@pytest.mark.parametrize(("options", "drawn"), [([], False), (["--figures"], True)])
def test_figures_of_many_cells_are_drawn_on_demand(raw, tmp_path, capsys, monkeypatch, options, drawn):
    monkeypatch.setattr("bench.analysis.__main__.MOST_DRAWN", 11)
    arguments = ["report", str(raw / "run"), "--out", str(tmp_path), "--history", str(tmp_path / "history")]
    assert main([*arguments, *options]) == 0
    assert (tmp_path / "figures").exists() == drawn
    assert ("--figures draws them" in capsys.readouterr().out) != drawn


def test_the_default_report_names_a_newer_run_of_chosen_cells(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for hours, chosen in enumerate(([], ["rms_norm"])):
        settings = {"workloads": chosen, "keyword": ""}
        write_launch(Path("results/raw"), [(cell(), [1.0])], run=f"run-{hours}", hours=hours, settings=settings)
    assert main(["report"]) == 0
    told = "run run-1 is newer and of chosen cells only; see it with: "
    told += "python -m bench.analysis report results/raw/run-1"
    assert told in capsys.readouterr().err
    assert told in Page(Path("results/report/index.html")).text
