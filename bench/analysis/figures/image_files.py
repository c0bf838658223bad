"""Figures of matplotlib as the contents of files, the same bytes for the same figure."""

import io

import matplotlib
from matplotlib.figure import Figure

from bench.analysis.figures import style

DPI = 110


def png(figure: Figure) -> bytes:
    return _saved(figure, "png", dpi=DPI)


def svg(figure: Figure) -> bytes:
    return _saved(figure, "svg", metadata={"Date": None})


def _saved(figure: Figure, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context(style.RC):
        figure.savefig(buffer, format=kind, **options)
    return buffer.getvalue()
