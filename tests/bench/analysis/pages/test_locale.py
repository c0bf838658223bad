"""In a locale without Unicode the commands say what they say elsewhere, and JSON stays JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.analysis.synthetic import cell, write_launches

ROOT = Path(__file__).parents[4]
LOCALES = {
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    raw = tmp_path_factory.mktemp("größe")
    results = [(cell("wörk"), [1e-5] * 9), (cell("broken"), ("failed", "größer")), (cell(size="tokens=8"), [1.0] * 9)]
    for run in ("é", "ø"):
        write_launches(raw, results, run=run, machine="Rechnér µ", modified=False)
    return raw


def analysis(locale, *arguments):
    command = [sys.executable, "-m", "bench.analysis", *map(str, arguments)]
    found = subprocess.run(command, cwd=ROOT, env=os.environ | LOCALES[locale], capture_output=True, check=False)
    assert b"Traceback" not in found.stderr, found.stderr.decode(errors="replace")
    return found


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("summary", "é", "--json"), 0),
        (("compare", "é", "ø", "--json"), 4),
        (("export", "é", "--github-benchmark"), 1),
    ],
    ids=["summary", "compare", "export"],
)
def test_json(runs, locale, command, code):
    name, *rest = command
    found = analysis(locale, name, *(runs / part if part in ("é", "ø") else part for part in rest))
    assert found.returncode == code
    assert json.loads(found.stdout)


@pytest.mark.parametrize("locale", LOCALES)
def test_report(runs, tmp_path, locale):
    out, store = tmp_path / "öut", tmp_path / "höst"
    found = analysis(locale, "report", runs / "é", "--summary", "--out", out, "--history", store)
    assert (found.returncode, found.stderr) == (0, b"")
    assert "Rechnér µ" in (out / "index.html").read_text(encoding="utf-8")
    assert len([*store.glob("*.parquet")]) == 1
