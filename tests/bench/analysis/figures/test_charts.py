"""The interactive charts, as the dictionaries that Plotly draws: what is there, where it is, what is missing."""

import math
from itertools import pairwise

import pytest

from bench.analysis import load
from bench.analysis.figures import chart_data, compile_phases, heat_map, interactive, roofline, side_by_side
from bench.analysis.pages import chart_sections
from bench.analysis.pages.chart_registry import Gallery
from tests.bench.analysis.synthetic import cell, write_launch, write_launches


def exact(seconds):
    return [seconds] * 9


def cells(raw, times, **changes):
    """`times` maps backend -> workload -> rounds or an ending."""
    for backend, workloads in times.items():
        results = [(cell(name, **changes), result) for name, result in workloads.items()]
        write_launches(raw, results, backend=backend)
    return list(interactive.prepared(load([raw / "run"])).itertuples())


def trace(figure, name):
    return next(trace for trace in figure["data"] if trace.get("name") == name)


def gallery(raw):
    loaded = load([raw / "run"])
    made = Gallery()
    return chart_sections.sections(chart_data.material(loaded), made), made.figures


def charted(raw, title):
    """The figures of the group with this title, by their own titles."""
    sections, figures = gallery(raw)
    return {
        chart.title: figures[chart.name]
        for section in sections
        for group in section.groups
        if group.title == title
        for chart in group.charts
    }


# Bars.


def test_bars_are_multiples_of_the_fastest_with_their_intervals(tmp_path):
    for launch, factor in enumerate((0.98, 1.0, 1.02)):
        for backend, seconds in (("jax", 1.0), ("torch", 2.0)):
            write_launch(tmp_path, [(cell("a"), exact(seconds * factor))], backend=backend, launch=launch)
    known = list(interactive.prepared(load([tmp_path / "run"])).itertuples())
    figure = side_by_side.chart(known, side_by_side.RATIO)
    jax, torch = trace(figure, "jax"), trace(figure, "torch")
    assert (jax["x"], torch["x"]) == ([1], [2])
    row = next(cell for cell in known if cell.backend == "torch")
    assert torch["error_x"]["array"] == [pytest.approx(row.ratio_high - 2, rel=1e-4)]
    assert torch["error_x"]["arrayminus"] == [pytest.approx(2 - row.ratio_low, rel=1e-4)]
    assert 1 < row.ratio_low < 2 < row.ratio_high
    assert jax["y"][0] < torch["y"][0]
    assert figure["layout"]["yaxis"]["ticktext"] == ["a · small<br><i>fastest: 1.00 s</i>"]
    assert figure["layout"]["xaxis"]["range"][1] > 2.2


def test_a_long_bar_is_cut_and_tells_its_length(tmp_path):
    known = cells(tmp_path, {"jax": {"a": exact(1.0)}, "torch": {"a": exact(23.0)}})
    figure = side_by_side.chart(known, side_by_side.RATIO)
    assert figure["layout"]["xaxis"]["range"] == [0, 10]
    assert (trace(figure, "torch")["text"], trace(figure, "jax")["text"]) == (["23.0"], [""])


def test_failed_and_unstable_cells_are_shown_as_such(tmp_path):
    times = {"jax": {"a": exact(1.0), "b": exact(1.0)}, "torch": {"a": exact(1.0), "b": ("out_of_memory", "")}}
    cells(tmp_path, times)
    write_launch(tmp_path, [(cell("a"), exact(9.0))], launch=3)
    figure = side_by_side.chart(list(interactive.prepared(load([tmp_path / "run"])).itertuples()), side_by_side.RATIO)
    assert trace(figure, "jax")["marker"]["pattern"]["shape"] == ["/", ""]
    missing = trace(figure, "no result")
    assert (missing["text"], missing["x"]) == (["out of memory"], [0])
    assert round(missing["y"][0]) == 1
    assert len(trace(figure, "torch")["x"]) == 1


def test_one_backend_has_nothing_to_compare_and_shows_times(tmp_path):
    cells(tmp_path, {"jax": {"a": exact(2e-3)}})
    (figure,) = charted(tmp_path, "Backends side by side").values()
    assert trace(figure, "jax")["x"] == [2]
    assert figure["layout"]["xaxis"]["title"]["text"] == "ms"


def test_each_metric_and_mode_has_a_chart(tmp_path):
    for backend in ("jax", "torch"):
        results = [
            (cell(metric=m, mode=mode), exact(1.0)) for m in ("forward", "backward") for mode in ("jit", "eager")
        ]
        write_launches(tmp_path, results, backend=backend)
    titles = ["forward · jit", "forward · eager", "backward · jit", "backward · eager"]
    assert list(charted(tmp_path, "Backends side by side")) == titles
    assert list(charted(tmp_path, "Against the fastest backend")) == titles


def test_memory_in_mebibytes(tmp_path):
    cells(tmp_path, {"jax": {"a": exact(1.0)}}, peak_memory_bytes=3 << 20)
    (figure,) = charted(tmp_path, "Peak memory").values()
    assert trace(figure, "jax")["x"] == [3]


def test_phases_add_up(tmp_path):
    phases = {"trace_s": 1.0, "compile_s": 2.5}
    write_launch(tmp_path, [(cell(metric="compile_cold", phases=phases, stop="single"), [4.0])])
    figure = charted(tmp_path, "Time to compile")["compile, cold · jit · phases"]
    parts = {part["name"]: part["x"] for part in figure["data"][:-1]}
    assert parts == {"trace": [1], "lower": [None], "compile": [2.5], "first run": [None], "not told apart": [0.5]}


def test_phases_of_a_row_stand_together(tmp_path):
    times = {
        "torch": {"a": exact(1.0), "b": ("timeout", "")},
        "jax": {"a": exact(2.0), "b": exact(4.0)},
        "tensorflow": {"a": exact(3.0)},
    }
    figure = compile_phases.chart(cells(tmp_path, times, metric="compile_cold"))
    assert figure["layout"]["yaxis"]["ticktext"] == ["a · small · TF", "JAX", "torch", "b · small · JAX", "torch"]
    bars = trace(figure, "not told apart")
    assert dict(zip(bars["y"], bars["x"], strict=True)) == {0: 3, 1: 2, 2: 1, 3: 4}
    assert trace(figure, "no result")["y"] == [4]


def test_what_has_something_to_show_has_a_key(tmp_path):
    figure = compile_phases.chart(cells(tmp_path, {"jax": {"a": exact(1.0)}}, metric="compile_cold"))
    keys = Gallery().add("", figure).keys
    assert [(key.name, key.style, figure["data"][key.trace]["name"]) for key in keys] == [
        ("not told apart", "not-told-apart", "not told apart")
    ]
    times = {"jax": {"a": exact(1.0)}, "torch": {"a": ("timeout", "")}}
    figure = side_by_side.chart(cells(tmp_path / "other", times), side_by_side.RATIO)
    assert [key.name for key in Gallery().add("", figure).keys] == ["jax", "no result"]


# Heat maps.


def test_tiles_are_ratios_and_doubt_is_marked(tmp_path):
    times = {"jax": {"a": exact(1.0)}, "torch": {"a": exact(2.5)}, "tensorflow": {"a": exact(1.0)}}
    cells(tmp_path, times)
    (figure,) = charted(tmp_path, "Against the fastest backend").values()
    tiles = figure["data"][0]
    assert figure["layout"]["xaxis"]["ticktext"] == ["TF", "JAX", "torch"]
    assert tiles["text"] == [["1.00~", "1.00~", "2.50"]]
    assert tiles["z"] == [[0, 0, pytest.approx(math.log(2.5), rel=1e-5)]]


def test_a_missing_tile_says_why(tmp_path):
    cells(tmp_path, {"jax": {"a": exact(1.0)}, "torch": {"a": ("timeout", "")}})
    (figure,) = charted(tmp_path, "Against the fastest backend").values()
    tiles, missing = figure["data"]
    assert tiles["z"] == [[0, None]]
    assert (missing["x"], missing["y"], missing["text"]) == ([1], [0], ["timeout"])


def test_native_tiles(tmp_path):
    results = [(cell(native="native_rms_norm"), exact(3.0)), (cell("native_rms_norm"), exact(2.0))]
    write_launch(tmp_path, results)
    (figure,) = charted(tmp_path, "Against the framework's own code").values()
    assert figure["data"][0]["text"] == [["1.50"]]
    shades = heat_map.SLOWER_OR_FASTER
    assert shades.low * shades.high == 1


# Curves.


def test_a_sweep_has_its_exponent_and_hollow_marks(tmp_path):
    results = [(cell(size=f"tokens={n}"), exact(max(1e-4, 1e-8 * n**2))) for n in (64, 1024, 2048, 4096)]
    write_launch(tmp_path, results)
    (figure,) = charted(tmp_path, "Growth with size").values()
    (line,) = figure["data"]
    assert line["name"] == "jax: 2.00 [2.00, 2.00]"
    assert line["x"] == [64, 1024, 2048, 4096]
    assert figure["layout"]["xaxis"]["ticktext"] == ["50", "100", "200", "500", "1000", "2000", "5000"]
    assert line["marker"]["symbol"] == ["square-open", "square", "square", "square"]


def test_the_roof_is_the_measured_ceiling(tmp_path):
    ceilings = [
        (cell("matmul", family="machine", flops=5e9), [1.0]),
        (cell("copy", family="machine", bytes=1e9), [1.0]),
    ]
    write_launch(tmp_path, [*ceilings, (cell(flops=4e6, bytes=1e6), [1e-2] * 9)])
    (figure,) = charted(tmp_path, "How near to what the machine can do").values()
    roof = trace(figure, "measured ceiling")
    assert max(roof["y"]) == 5
    assert [y for x, y in zip(roof["x"], roof["y"], strict=True) if x < 5] == [x for x in roof["x"] if x < 5]
    assert (trace(figure, "jax")["x"], trace(figure, "jax")["y"]) == ([4], [0.4])
    assert roofline.has_intensity(cells(tmp_path / "other", {"jax": {"a": exact(1.0)}})[0]) is False


# What they are made from.


def test_of_several_runs_the_newest_counts_and_a_measurement_before_a_failure(tmp_path):
    write_launch(tmp_path, [(cell("a"), exact(1.0)), (cell("b"), exact(1.0))], run="old")
    write_launch(tmp_path, [(cell("a"), exact(2.0)), (cell("b"), ("crashed", ""))], run="new", hours=1)
    loaded = load([tmp_path / "old", tmp_path / "new"])
    frame, found = loaded.frame, interactive.prepared(loaded)
    assert found["median_s"].tolist() == [2.0, 1.0]
    assert frame["run"].iloc[found["place"]].tolist() == ["new", "old"]


def test_sweeps_come_by_workload_the_compiled_forward_pass_first(tmp_path):
    steps = [(metric, mode) for metric in ("backward", "forward") for mode in ("eager", "jit")]
    results = [
        (cell(name, size=f"tokens={n}", metric=metric, mode=mode), exact(1e-6 * n))
        for name in ("b", "a")
        for n in (64, 128)
        for metric, mode in steps
    ]
    write_launch(tmp_path, results)
    titles = list(charted(tmp_path, "Growth with size"))
    assert titles[:5] == [
        "a · forward · jit",
        "a · forward · eager",
        "a · backward · jit",
        "a · backward · eager",
        "b · forward · jit",
    ]


def test_no_cells_no_sections():
    empty = load([])
    assert chart_sections.sections(chart_data.material(empty), Gallery()) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [("<b>&", "&lt;b&gt;&amp; · s"), ("a\nb\u202e", "a b  · s"), ("x" * 40, "x" * 27 + "… · s"), ("", "s")],
)
def test_labels_are_text(name, shown):
    assert interactive.label(name, "s") == shown


def test_twenty_workloads_have_room(tmp_path):
    names = {f"workload_{n}": exact(1.0) for n in range(20)}
    figure = side_by_side.chart(
        cells(tmp_path, {"jax": names, "torch": names, "tensorflow": names}), side_by_side.RATIO
    )
    layout = figure["layout"]
    assert layout["height"] >= 20 * (3 * 12 + 10)
    heights = sorted(y for t in figure["data"][:3] for y in t["y"])
    assert min(b - a for a, b in pairwise(heights)) > 0.24
