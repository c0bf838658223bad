"""One table: what each command ends with. Nothing measured, compared or judged is never 0."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.commandline import EXIT_CODES, FOUND, INCOMPLETE, OK, USAGE
from tests.bench.run import test_supervisor

pytestmark = test_supervisor.pytestmark

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "results/baselines"
BENCH = ("pytest", "bench", "--profile", "smoke", "--device", "cpu", "--results", "{tmp}/raw", "--workloads")
TABLE = [
    ((*BENCH, "copy"), OK),
    ((*BENCH, "copy", "-k", "copi"), USAGE),
    ((*BENCH, "copi"), USAGE),
    ((*BENCH, "tests/bench/hostile_workloads.py", "-k", "broken and eager and forward"), FOUND),
    (("bench.analysis", "summary", str(KEPT / "example")), OK),
    (("bench.analysis", "summary", "{tmp}/nothing"), USAGE),
    (("bench.analysis", "summary", "{tmp}"), USAGE),
    (("bench.analysis", "report", "{tmp}", "--out", "{tmp}/out", "--history", "{tmp}/history"), USAGE),
    (("bench.analysis", "export", "{tmp}"), USAGE),
    (("bench.analysis", "compare", str(KEPT / "example"), str(KEPT / "example")), INCOMPLETE),
    (("bench.analysis", "compare", str(KEPT / "example"), "{tmp}"), USAGE),
    (("bench.analysis", "compare", str(KEPT / "day-01"), str(KEPT / "day-02")), INCOMPLETE),
    (("bench.analysis", "numerics", str(KEPT / "example-numerics"), "--out", "{tmp}/out"), OK),
    (("bench.analysis", "numerics", "{tmp}"), USAGE),
    (("bench.numerics", "--only", "NoSuchLayer", "--results", "{tmp}"), USAGE),
    (("bench.regress", "--base", "no-such-ref"), USAGE),
    (("bench.regress",), USAGE),
]


@pytest.mark.parametrize(("arguments", "code"), TABLE, ids=[" ".join(arguments)[:60] for arguments, _ in TABLE])
def test_exit_code(tmp_path, arguments, code):
    command = [sys.executable, "-m", *(argument.format(tmp=tmp_path) for argument in arguments)]
    result = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300)
    assert result.returncode == code, result.stdout[-2000:] + result.stderr[-2000:]
    assert code in EXIT_CODES
    assert "Traceback" not in result.stdout + result.stderr
