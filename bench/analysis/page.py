"""The page of a report: one file that shows everything, with its data and its script inside."""

import base64
import gzip

from plotly.offline import get_plotlyjs

from bench.analysis import (
    alone,
    answers,
    companions,
    compare,
    markup,
    material,
    numerics_page,
    panels,
    plain,
    provenance,
    trend_page,
)
from bench.analysis.companions import Companions
from bench.analysis.gallery import Gallery
from bench.analysis.lines import Line
from bench.analysis.load import Loaded
from bench.analysis.style import COLOURS
from bench.analysis.techniques import techniques


def render(loaded: Loaded, parquet: bytes, beside: Companions, lines: list[Line], command: str) -> str:
    """The page as one self-contained document."""
    gallery = Gallery()
    source = material.material(loaded)
    ranking = compare.ranking(loaded)
    sections = panels.sections(source, gallery)
    known = techniques(loaded.frame, source, beside, lines, gallery)
    found = provenance.troubles(loaded.frame)
    runs = provenance.runs(loaded.launches)
    workers, matrix = companions.matrix(beside.numerics)
    data = {
        "cells": plain.columns(compare.joined(loaded)),
        "charts": gallery.figures,
        "csv": list(loaded.frame.columns),
    }
    return markup.template("report.html.j2").render(
        blocks=answers.blocks(ranking),
        alone=alone.alone(loaded.frame),
        preliminary=provenance.preliminary(loaded.launches),
        missing=loaded.missing,
        newer=loaded.newer,
        spent=provenance.spent(loaded.launches),
        sureness=answers.sureness(loaded.frame, ranking),
        unlike=[*compare.unlike(loaded.launches), *compare.slowed(loaded.frame)],
        machines=provenance.machines(loaded.launches),
        runs=runs,
        unfinished=provenance.unfinished(loaded.launches),
        problems=[*loaded.problems, *beside.problems],
        failures=[trouble for trouble in found if trouble["status"] != "unstable"],
        unstable=[trouble for trouble in found if trouble["status"] == "unstable"],
        sections=sections,
        techniques=known,
        workers=workers,
        matrix=matrix,
        shades=numerics_page.LEGEND,
        regressions=companions.changes(beside.regressions) if len(beside.regressions) else [],
        alarms=trend_page.alarms(lines),
        lines=len(lines),
        commands=[*dict.fromkeys(run["command"] for run in runs), command],
        colours=COLOURS,
        data=packed(plain.dumps(data).encode()),
        parquet=base64.b64encode(parquet).decode(),
        plotly=packed(get_plotlyjs().encode()),
    )


def packed(content: bytes) -> str:
    """As the page's script unpacks it; in this alphabet nothing can end the element that holds it."""
    return base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode()
