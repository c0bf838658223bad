"""The only writer of results/report: tables, figures and two pages, each file replaced as a whole."""

import io
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from bench import files
from bench.analysis.figures import image_files
from bench.analysis.pages import index, trend
from bench.analysis.pages.other_results import Companions
from bench.analysis.pages.report_figures import Drawing, drawings
from bench.analysis.tables.history import History
from bench.analysis.tables.load import Loaded
from bench.analysis.tables.series import lines


def write(
    loaded: Loaded, history: History, beside: Companions, out: Path, command: str, figures: bool = True
) -> list[Path]:
    """Write results.csv, results.parquet, figures/*, trend.html and index.html below `out`; returns their paths.

    Everything is made before the first file is touched, and the page with the answers comes last.
    """
    found = lines(history.frame)
    parquet = _parquet(loaded.frame)
    contents = {
        "results.csv": loaded.frame.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode(),
        "results.parquet": parquet,
        **(_figures(drawings(loaded)) if figures else {}),
        "trend.html": _page(trend.render(found, history.problems)),
        "index.html": _page(index.render(loaded, parquet, beside, found, command)),
    }
    for name, content in contents.items():
        files.replace(out / name, content)
    return [out / name for name in contents]


def _page(content: str) -> bytes:
    """In UTF-8, with the bytes of paths that the locale could not decode as they were."""
    return content.encode(errors="surrogateescape")


def _figures(found: Iterable[Drawing]) -> dict[str, bytes]:
    """Each drawing as PNG and SVG, with a file name that is safe and its own."""
    used: Counter[str] = Counter()
    contents = {}
    for drawing in found:
        name = re.sub(r"[^a-z0-9]+", "-", f"{drawing.family} {drawing.name} {drawing.setting}".lower()).strip("-")
        used[name] += 1
        path = f"figures/{name}" if used[name] == 1 else f"figures/{name}-{used[name]}"
        contents[f"{path}.png"] = image_files.png(drawing.figure)
        contents[f"{path}.svg"] = image_files.svg(drawing.figure)
    return contents


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
