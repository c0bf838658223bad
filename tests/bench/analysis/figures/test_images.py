"""Figures show what is there, mark what is missing, and keep their marks and labels apart."""

from itertools import pairwise, product

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from bench.analysis import load
from bench.analysis.figures import style
from bench.analysis.pages.report_figures import Drawing, drawings
from bench.analysis.tables import schema
from tests.bench.analysis.synthetic import cell, rounds, write_launch, write_launches

FAILED = ("failed", "")


def loaded(raw, backends=schema.BACKENDS, workloads=("rms_norm",), missing=(), modes=("jit", "eager"), **changes):
    """Every workload in every mode on every backend, but for `missing` (backend, workload) pairs."""
    rng = np.random.default_rng(0)
    for speed, backend in enumerate(backends, 1):
        results = [
            (
                cell(workload, mode=mode, metric=metric, flops=1e6, bytes=1e5, **changes),
                FAILED if (backend, workload) in missing else rounds(1e-4 * speed * (number + 1), rng),
            )
            for (number, workload), mode, metric in product(enumerate(workloads), modes, schema.RUN_METRICS)
        ]
        write_launch(raw, results, backend=backend)
    return load([raw / "run"])


def drawn(data) -> dict[str, Drawing]:
    """Every figure by name, rendered, as warnings of the layout would be errors."""
    found = {drawing.name: drawing for drawing in drawings(data)}
    with matplotlib.rc_context(style.RC):
        for drawing in found.values():
            FigureCanvasAgg(drawing.figure).draw()
    return found


def texts(figure) -> set[str]:
    return {text.get_text() for axis in figure.axes for text in axis.texts}


def marks(axis, marker) -> list[tuple[float, float]]:
    return [
        point for line in axis.lines if line.get_marker() == marker for point in zip(*line.get_data(), strict=True)
    ]


def test_no_rows_no_figures():
    assert drawn(load([])) == {}


def test_times_are_drawn_where_they_belong(tmp_path):
    data = loaded(tmp_path)
    figure = drawn(data)["times"].figure
    assert [axis.get_title() for axis in figure.axes] == [
        "forward · jit",
        "forward · eager",
        "backward · jit",
        "backward · eager",
    ]
    row = data.frame.query("backend == 'torch' and mode == 'jit' and metric == 'forward'").iloc[0]
    ((x, _),) = marks(figure.axes[0], style.MARKERS["torch"])
    assert x == pytest.approx(row["median_s"] * 1e3)
    assert "(ms)" in figure.axes[0].get_xlabel()
    assert figure.axes[0].get_xscale() == "log"


@pytest.mark.parametrize("backends", [("jax",), ("jax", "torch"), schema.BACKENDS])
def test_one_to_three_backends(tmp_path, backends):
    figures = drawn(loaded(tmp_path, backends))
    assert "times" in figures
    assert ("ratios" in figures) == (len(backends) > 1)
    for backend in schema.BACKENDS:
        assert bool(marks(figures["times"].figure.axes[0], style.MARKERS[backend])) == (backend in backends)


def test_three_rows(tmp_path):
    data = loaded(tmp_path, modes=("jit",))
    assert len(data.frame) == 6
    assert [axis.get_title() for axis in drawn(data)["times"].figure.axes] == ["forward · jit", "backward · jit"]


def test_a_missing_cell_is_marked_and_never_zero(tmp_path):
    data = loaded(tmp_path, workloads=("a", "b"), missing={("torch", "b")})
    figures = drawn(data)
    axis = figures["times"].figure.axes[0]
    assert len(marks(axis, style.MARKERS["torch"])) == 1
    assert len(marks(axis, "x")) == 1
    assert all(x > 0 for backend in schema.BACKENDS for x, _ in marks(axis, style.MARKERS[backend]))
    hatched = [p for p in figures["ratios"].figure.axes[0].patches if isinstance(p, Rectangle) and p.get_hatch()]
    assert [patch.get_xy() for patch in hatched] == [(1.5, 0.5)]


def test_ratios_are_printed_and_doubt_is_marked(tmp_path):
    for backend, seconds in (("jax", 1.0), ("torch", 2.5), ("tensorflow", 1.0)):
        write_launches(tmp_path, [(cell(), [seconds] * 9)], backend=backend)
    assert texts(drawn(load([tmp_path / "run"]))["ratios"].figure) == {"1.00~", "2.50"}


def test_native_ratios_are_printed(tmp_path):
    write_launch(tmp_path, [(cell(native="native_rms_norm"), [3.0] * 9), (cell("native_rms_norm"), [2.0] * 9)])
    assert texts(drawn(load([tmp_path / "run"]))["native"].figure) == {"1.50"}


def test_compile_phases_add_up(tmp_path):
    phases = {"trace_s": 1.0, "compile_s": 2.5}
    write_launch(tmp_path, [(cell(metric="compile_cold", phases=phases, stop="single"), [4.0])])
    (axis,) = drawn(load([tmp_path / "run"]))["phases"].figure.axes
    widths = [bar.get_width() for bars in axis.containers for bar in bars]
    assert widths == [1.0, 0.0, 2.5, 0.0, 0.5]


def test_scaling_prints_the_exponent_and_hollows_what_it_leaves_out(tmp_path):
    results = [(cell(size=f"tokens={n}"), [max(1e-4, 1e-8 * n**2)] * 9) for n in (64, 1024, 2048, 4096)]
    write_launch(tmp_path, results)
    (axis,) = drawn(load([tmp_path / "run"]))["scaling"].figure.axes
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["2.00 [2.00, 2.00]"]
    hollow, filled = axis.lines
    assert (len(hollow.get_xdata()), len(filled.get_xdata())) == (4, 3)


def test_the_roof_is_the_measured_ceiling(tmp_path):
    ceilings = [
        (cell("matmul", family="machine", flops=5e9), [1.0]),
        (cell("copy", family="machine", bytes=1e9), [1.0]),
    ]
    write_launch(tmp_path, [*ceilings, (cell(flops=4e6, bytes=1e6), [1e-2] * 9)])
    axis = drawn(load([tmp_path / "run"]))["roofline"].figure.axes[0]
    roof = axis.lines[-1]
    x, y = roof.get_data()
    assert max(y) == pytest.approx(5)
    assert y[x < 5] == pytest.approx(x[x < 5])
    assert marks(axis, "s") == [(4.0, pytest.approx(0.4))]


def test_there_is_no_roofline_where_nobody_knows_the_operations(tmp_path):
    ceilings = [
        (cell("matmul", family="machine", flops=5e9), [1.0]),
        (cell("copy", family="machine", bytes=1e9), [1.0]),
    ]
    write_launch(tmp_path, [*ceilings, (cell(flops=None, bytes=1e6), [1e-2] * 9)])
    figures = drawn(load([tmp_path / "run"]))
    assert "roofline" not in figures
    assert "times" in figures


def test_twenty_workloads_on_three_backends_do_not_overlap(tmp_path):
    names = [f"a_rather_long_workload_name_{number}" for number in range(20)]
    figures = drawn(loaded(tmp_path, workloads=names, size="medium"))
    for name in ("times", "ratios"):
        figure = figures[name].figure
        renderer = figure.canvas.get_renderer()
        labels = [text.get_window_extent(renderer) for text in figure.axes[0].get_yticklabels()]
        assert len(labels) == 20
        assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(sorted(labels, key=lambda box: -box.y0)))
        assert min(box.x0 for box in labels) >= 0
        panels = [axis.get_tightbbox(renderer) for axis in figure.axes]
        assert all(left.x1 <= right.x0 for left, right in pairwise(panels))


@pytest.mark.parametrize("name", ["$\\frac{$", "<script>alert(1)</script>", "注意", "a\nb", "x" * 200, "%s{}", ""])
def test_hostile_names(tmp_path, name):
    figures = drawn(loaded(tmp_path, workloads=(name,), size="tokens=8"))
    assert {"times", "ratios", "scaling"} <= figures.keys()


@pytest.mark.parametrize(
    ("limits", "ticks"), [((1.0, 8.0), ["1", "2", "5"]), ((0.02, 3.0), ["0.1", "1"]), ((1e-3, 1e4), ["1"])]
)
def test_logarithmic_axes_have_plain_numbers(limits, ticks):
    figure, axes = style.grid(1, 1, 2)
    style.log_axis(axes[0, 0].xaxis, limits)
    FigureCanvasAgg(figure).draw()
    assert set(ticks) <= {label.get_text() for label in axes[0, 0].get_xticklabels()}


def test_a_wild_interval_does_not_squeeze_the_others():
    low, high = style.log_limits([1.0, 2.0], [1e-9, 1.9], [1e9, 2.1])
    assert 0.05 < low < 1
    assert 2 < high < 50
