"""`python -m bench.analysis report`, `summary`, `compare`, `export` and `numerics`.

Exit codes are those of `bench.commandline.EXIT_CODES`.
"""

import argparse
import gc
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis.tables.load import Loaded, latest, load
from bench.commandline import FOUND, INCOMPLETE, USAGE, Parser, speak_any_locale

RAW = Path("results/raw")
NUMERICS = Path("results/numerics")
OUT = Path("results/report")
HISTORY = Path("results/history")
MOST_DRAWN = 5000
"""Cells up to which a report draws its figures unasked: they take longer than all the rest."""
NEWEST = 100
"""Measurements of each cell that the page of trends shows."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "numerics":
        return _numerics(options, parser)
    if options.command == "compare":
        return _compare(options, parser)
    loaded = _load(options.paths, parser)
    if loaded.frame.empty:
        where = ", ".join(map(str, options.paths or [RAW]))
        print(f"nothing to report: no measured case in {where}; run nox -s bench-jax", file=sys.stderr)
        return USAGE
    return {"report": _report, "summary": _summary, "export": _export}[options.command](loaded, options)


def _parser() -> Parser:
    parser = Parser(prog="python -m bench.analysis", description="Combine benchmark results.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="report|summary|compare|export|numerics")
    report = commands.add_parser("report", help="write tables, figures and a page")
    summary = commands.add_parser("summary", help="print which backend is fastest")
    export = commands.add_parser("export", help="print the cells for other tools")
    for command in (report, summary, export):
        command.add_argument(
            "paths", nargs="*", type=Path, help=f"run folders or .json files (default: the newest in {RAW})"
        )
    report.add_argument(
        "--figures", action="store_true", help=f"draw PNG and SVG figures of more than {MOST_DRAWN} cells too"
    )
    report.add_argument("--summary", action="store_true", help="print the answers too")
    report.add_argument("--history", type=Path, default=HISTORY, help=f"store of all runs (default: {HISTORY})")
    export.add_argument(
        "--github-benchmark",
        action="store_true",
        help="as benchmark-action/github-action-benchmark reads them (tool: customSmallerIsBetter)",
    )
    compare = commands.add_parser("compare", help="print whether run B is slower than run A")
    compare.add_argument("a", type=Path, metavar="A", help="run folder or .json file")
    compare.add_argument("b", type=Path, metavar="B", help="run folder or .json file")
    numerics = commands.add_parser("numerics", help="judge whether the backends agree, or whether two runs do")
    numerics.add_argument("run", nargs="?", type=Path, help=f"run folder (default: the newest in {NUMERICS})")
    numerics.add_argument("--against", type=Path, help="another run folder: what has changed since that one?")
    for command in (report, numerics):
        command.add_argument("--out", type=Path, default=OUT, help=f"folder to write into (default: {OUT})")
    for command in (summary, compare, export, numerics):
        command.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _load(paths: Sequence[Path], parser: Parser) -> Loaded:
    _check_exist(paths, parser)
    loaded = load(paths) if paths else latest(RAW)
    _tell([*loaded.problems, *loaded.newer])
    return loaded


def _check_exist(paths: Sequence[Path], parser: Parser) -> None:
    for path in paths:
        if not path.exists():
            parser.error(f"no such file or folder: {path}")


def _tell(problems: Sequence[str]) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)


def _print_json(value: Any) -> None:
    from bench.analysis.pages import json_text

    print(json_text.dumps(value, indent=1))


def _report(loaded: Loaded, options: argparse.Namespace) -> int:
    try:
        from bench.analysis.pages import other_results, report
        from bench.analysis.tables import history
    except ModuleNotFoundError as missing:
        print(f"{missing.name} is not installed here; copy the run to where it is and report there", file=sys.stderr)
        return USAGE
    command = shlex.join(["python", "-m", "bench.analysis", "report", *map(str, options.paths)])
    try:
        history.add(loaded, options.history)
        if not options.paths:
            history.add_missing(RAW, options.history)
    except OSError as error:
        return _cannot_write(options.history, error)
    past = history.newest(options.history, NEWEST)
    beside = other_results.read(options.out)
    try:
        figures = options.figures or len(loaded.frame) <= MOST_DRAWN
        written = report.write(loaded, past, beside, options.out, command, figures)
    except OSError as error:
        return _cannot_write(options.out, error)
    _tell([*past.problems, *beside.problems])
    if not figures:
        print(f"more than {MOST_DRAWN} cells: no PNG and SVG figures; --figures draws them")
    if options.summary:
        _summary(loaded, argparse.Namespace(json=False))
    print(f"{len(loaded.frame)} cells, {len(written)} files; open {options.out / 'index.html'}")
    return int(bool(loaded.problems or past.problems or beside.problems))


def _cannot_write(folder: Path, error: OSError) -> int:
    print(f"cannot write into {folder}: {error.strerror}", file=sys.stderr)
    return USAGE


def _summary(loaded: Loaded, options: argparse.Namespace) -> int:
    from bench.analysis.pages import terminal, terminal_summary

    if options.json:
        _print_json(terminal_summary.as_json(loaded))
    else:
        terminal_summary.show(loaded, terminal.console())
    return int(bool(loaded.problems))


def _export(loaded: Loaded, options: argparse.Namespace) -> int:
    from bench.analysis.pages import export, json_text

    if not options.github_benchmark:
        _print_json(json_text.records(loaded.frame))
        return int(bool(loaded.problems))
    _print_json(export.github_benchmark(loaded.frame))
    left_out = export.left_out(loaded.frame)
    _tell(left_out)
    return int(bool(loaded.problems or left_out))


def _compare(options: argparse.Namespace, parser: Parser) -> int:
    from bench.analysis.pages import terminal, two_runs_told
    from bench.analysis.tables import two_runs

    _check_exist([options.a, options.b], parser)
    try:
        found = two_runs.compare(options.a, options.b)
    except ValueError as error:
        parser.error(str(error))
    _tell(found.problems)
    if options.json:
        _print_json(two_runs_told.as_json(found))
    else:
        two_runs_told.show(found, terminal.console())
    code = two_runs.exit_code(found)
    return code if code == FOUND or not found.problems else INCOMPLETE


def _numerics(options: argparse.Namespace, parser: Parser) -> int:
    from bench.analysis import formats
    from bench.analysis.pages import json_text, numerics
    from bench.analysis.tables import agreement

    newest = sorted(NUMERICS.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    if options.run is None and not newest:
        parser.error(f"there is no run in {NUMERICS}; compute one with: python -m bench.numerics")
    try:
        run = agreement.read(options.run or newest[-1].parent)
        if options.against:
            verdicts = agreement.changes(run, agreement.read(options.against))
            written = numerics.write_changes(verdicts, options.out)
        else:
            verdicts, pairs = agreement.judge(run)
            written = numerics.write(run, verdicts, pairs, options.out)
    except (agreement.Unreadable, OSError) as error:
        parser.error(str(error))
    _tell(agreement.unneeded(run, verdicts))
    lost, bad = int(agreement.is_lost(verdicts).sum()), len(agreement.disagreements(verdicts))
    if options.json:
        results = json_text.records(verdicts)
        _print_json({"disagreements": bad, "missing": lost, "results": results, "written": [*map(str, written)]})
        return agreement.exit_code(verdicts)
    techniques = formats.count(len(run.abouts), "technique")
    counts = f"{len(verdicts) - lost} results, {bad} disagreements{f', {lost} missing or damaged' if lost else ''}"
    print(f"{techniques} on {', '.join(run.backends)}: {counts}; see {written[-1]}")
    for line in [*agreement.losses(verdicts), *agreement.worst(verdicts)]:
        print(f"  {line}")
    return agreement.exit_code(verdicts)


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `... | head` ends it without a word
    speak_any_locale()
    pd.options.mode.string_storage = "python"  # many small tables: Arrow's strings take a tenth longer
    gc.disable()  # a short life with millions of small objects that stay: a quarter of the time
    sys.exit(main())
