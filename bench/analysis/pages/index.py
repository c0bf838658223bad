"""The page of a report: one file that shows everything, with its data and its script inside."""

import base64
import gzip

from plotly.offline import get_plotlyjs

from bench.analysis.figures import chart_data
from bench.analysis.figures.style import COLOURS
from bench.analysis.pages import (
    chart_sections,
    fastest_backend,
    html_templates,
    json_text,
    numerics,
    other_results,
    single_backend,
    trend,
)
from bench.analysis.pages.chart_registry import Gallery
from bench.analysis.pages.other_results import Companions
from bench.analysis.pages.technique_cards import techniques
from bench.analysis.tables import comparison, machines_and_runs
from bench.analysis.tables.load import Loaded
from bench.analysis.tables.series import Line


def render(loaded: Loaded, parquet: bytes, beside: Companions, lines: list[Line], command: str) -> str:
    """The page as one self-contained document."""
    gallery = Gallery()
    source = chart_data.material(loaded)
    ranking = comparison.ranking(loaded)
    sections = chart_sections.sections(source, gallery)
    known = techniques(loaded.frame, source, beside, lines, gallery)
    found = machines_and_runs.troubles(loaded.frame)
    runs = machines_and_runs.runs(loaded.launches)
    workers, matrix = other_results.matrix(beside.numerics)
    data = {
        "cells": json_text.columns(comparison.joined(loaded)),
        "charts": gallery.figures,
        "csv": list(loaded.frame.columns),
    }
    return html_templates.template("report.html.j2").render(
        blocks=fastest_backend.blocks(ranking),
        alone=single_backend.alone(loaded.frame),
        preliminary=machines_and_runs.preliminary(loaded.launches),
        missing=loaded.missing,
        newer=loaded.newer,
        spent=machines_and_runs.spent(loaded.launches),
        sureness=fastest_backend.sureness(loaded.frame, ranking),
        unlike=[*comparison.unlike(loaded.launches), *comparison.slowed(loaded.frame)],
        machines=machines_and_runs.machines(loaded.launches),
        runs=runs,
        unfinished=machines_and_runs.unfinished(loaded.launches),
        problems=[*loaded.problems, *beside.problems],
        failures=[trouble for trouble in found if trouble["status"] != "unstable"],
        unstable=[trouble for trouble in found if trouble["status"] == "unstable"],
        sections=sections,
        techniques=known,
        workers=workers,
        matrix=matrix,
        shades=numerics.LEGEND,
        regressions=other_results.changes(beside.regressions) if len(beside.regressions) else [],
        alarms=trend.alarms(lines),
        lines=len(lines),
        commands=[*dict.fromkeys(run["command"] for run in runs), command],
        colours=COLOURS,
        data=packed(json_text.dumps(data).encode()),
        parquet=base64.b64encode(parquet).decode(),
        plotly=packed(get_plotlyjs().encode()),
    )


def packed(content: bytes) -> str:
    """As the page's script unpacks it; in this alphabet nothing can end the element that holds it."""
    return base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode()
