"""The page in a real browser: Chromium from the system, without a network. Screenshots stay in results/screenshots."""

import csv
import dataclasses
import io
import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect, sync_playwright

from bench.analysis import formats, load
from bench.analysis.pages import index, other_results
from tests.bench.analysis import many
from tests.bench.analysis.synthetic import cell, write_launch

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOTS = Path(__file__).parents[4] / "results" / "screenshots"
HOSTILE = "<script>alert(1)</script>\"',\n\u202e\u05d0"
WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 400, "height": 800}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page in a tab, and what went wrong in it."""

    def __init__(self, browser, path, size=WIDE, scheme="light"):
        self.tab = browser.new_page(viewport=size, color_scheme=scheme)
        self.wrong = []
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        self.tab.on("dialog", lambda dialog: (self.wrong.append(dialog.message), dialog.dismiss()))
        self.tab.on("request", self.requested)
        self.tab.goto(path.as_uri())
        self.tab.wait_for_selector("[data-ready]", state="attached")

    def requested(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.wrong.append(request.url)

    def column(self, heading):
        """What the rows in view say below a heading."""
        headings = self.tab.locator("#table thead th").all_text_contents()
        rows = self.tab.locator("#table tbody tr:not(.spacer)")
        return rows.locator(f"td:nth-child({headings.index(heading) + 1})").all_text_contents()

    def filter(self, name):
        return self.tab.locator(f"#filters [name={name}]")

    def count(self):
        return self.tab.locator("#count").inner_text()

    def sort(self, heading):
        # By its text: a sorted column's arrow is part of its accessible name.
        self.tab.locator(f"#table th button:text-is('{heading}')").click()

    def draw_all(self):
        """Opens every part and waits until each chart is drawn."""
        self.tab.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        for chart in self.tab.locator("[data-chart]").all():
            chart.scroll_into_view_if_needed()
        self.tab.wait_for_function("!document.querySelector('[data-chart]:not([data-drawn])')")

    def picture(self, name, full=True):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=full)


def written(folder, loaded, parquet=b"PAR1"):
    path = folder / "index.html"
    document = index.render(loaded, parquet, other_results.read(folder), [], "the command")
    path.write_text(document, encoding="utf-8")
    return path


def grown(loaded, count):
    """The same cells again and again, under new names of workloads."""
    frame = loaded.frame
    places = np.arange(count)
    larger = frame.iloc[places % len(frame)].reset_index(drop=True)
    names = larger["workload"] + "_" + pd.Series(places // len(frame)).astype(str)
    return dataclasses.replace(loaded, frame=larger.assign(workload=names))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return load([many.write(tmp_path_factory.mktemp("raw"), families=2, workloads=2)])


@pytest.fixture(scope="module")
def report(results, tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"), results)


@pytest.fixture
def opened(browser, report):
    one = Opened(browser, report)
    yield one
    one.tab.close()
    assert one.wrong == []


def test_filters_filter(opened, results):
    frame = results.frame
    assert opened.count() == f"{len(frame)} of {len(frame)} cells"
    opened.filter("backend").select_option(label="torch")
    assert opened.count().startswith(f"{(frame['backend'] == 'torch').sum()} of ")
    assert set(opened.column("backend")) == {"torch"}
    opened.filter("metric").select_option(label="compile_cold")
    both = (frame["backend"] == "torch") & (frame["metric"] == "compile_cold")
    assert opened.count().startswith(f"{both.sum()} of ")
    opened.filter("backend").select_option(label="all")
    opened.filter("search").fill("ATTENTION_1")
    found = (frame["metric"] == "compile_cold") & (frame["workload"] == "attention_1")
    assert opened.count().startswith(f"{found.sum()} of ")
    assert set(opened.column("workload")) == {"attention_1"}


def test_sorting_sorts(opened, results):
    opened.filter("metric").select_option(label="forward")
    names = ["workload", "size", "mode", "backend"]
    medians = results.frame[results.frame["metric"] == "forward"].set_index(names)["median_s"]

    def shown():
        """What the first rows say, as numbers; equal ones may be in any order."""
        return [medians[key] for key in list(zip(*map(opened.column, names), strict=True))[:3]]

    opened.sort("median")
    assert shown() == medians.nsmallest(3).tolist()
    assert opened.tab.locator("th[aria-sort=ascending]").inner_text().startswith("median")
    opened.sort("median")
    assert shown() == medians.nlargest(3).tolist()
    opened.sort("size")
    assert opened.column("size")[0] == "small"


def test_unknown_values_sort_last(opened):
    for _ in range(2):
        opened.sort("to native")
        assert opened.column("to native")[0] != formats.MISSING


def test_rows_follow_the_scroll_position(opened, results):
    window = opened.tab.locator("#window")
    shown = opened.column("workload")
    assert len(shown) < len(results.frame)
    window.evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
    last = results.frame["workload"].iloc[-1]
    opened.tab.wait_for_function(f"document.querySelector('#table tbody').innerText.includes('{last}')")
    assert opened.column("workload")[-1] == last


def test_the_keyboard_is_enough(opened):
    opened.tab.get_by_role("button", name="median", exact=True).focus()
    opened.tab.keyboard.press("Enter")
    assert opened.tab.locator("th[aria-sort=ascending]").count() == 1
    opened.filter("backend").focus()
    opened.tab.keyboard.press("ArrowDown")
    assert len(set(opened.column("backend"))) == 1
    opened.tab.locator("#window").focus()
    opened.tab.keyboard.press("End")
    opened.tab.wait_for_function("document.getElementById('window').scrollTop > 0")


RESIZED = """() => [...document.querySelectorAll('[data-chart]')].every((chart) =>
  Math.abs(chart.querySelector('.main-svg').getBoundingClientRect().width - chart.clientWidth) < 2)"""
POINTS = """(chart) => ({
  bars: chart.querySelectorAll('.barlayer .point').length,
  marks: chart.querySelectorAll('.scatterlayer .points > *').length,
  tiles: chart.querySelectorAll('.heatmap-label').length,
})"""


def test_each_chart_has_its_points(opened):
    opened.draw_all()
    charts = opened.tab.locator("[data-chart]")
    assert charts.count() > 40
    for chart in charts.all():
        data = chart.evaluate("(element) => element.data")
        found = chart.evaluate(POINTS)
        # In a stack, Plotly draws what is unknown as a bar without length.
        is_stack = chart.evaluate("(element) => element.layout.barmode") in ("stack", "relative")
        bars = sum(is_stack or x is not None for trace in data if trace["type"] == "bar" for x in trace["x"])
        marks = sum(len(t["x"]) for t in data if t["type"] == "scatter" and "markers" in t["mode"])
        tiles = sum(tile != "" for t in data if t["type"] == "heatmap" for line in t["text"] for tile in line)
        assert found == {"bars": bars, "marks": marks, "tiles": tiles}
        assert bars + marks + tiles > 0


def test_a_mark_tells_time_interval_and_launches(opened):
    chart = opened.tab.locator("[data-chart]").first
    chart.scroll_into_view_if_needed()
    opened.tab.wait_for_selector("[data-drawn] .barlayer .point")
    told = chart.evaluate("(element) => element.data[0].hovertext[0]")
    assert re.search(r"[mµ]s \[", told)
    assert "launches: 3, rounds: 63" in told
    assert "tensorflow 2.21.0 · cpu · float32" in told


def test_a_technique_shows_its_cells(opened, results):
    opened.tab.locator("#technique-1 > summary").click()
    opened.tab.locator("#technique-1 [data-technique]").click()
    mine = results.frame["technique"] == "ActivationsTechnique0"
    assert opened.count().startswith(f"{mine.sum()} of ")


def test_downloads_hold_the_table(opened, results):
    with opened.tab.expect_download() as download:
        opened.tab.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert [row["workload"] for row in rows] == results.frame["workload"].tolist()
    medians = [float(row["median_s"]) if row["median_s"] else None for row in rows]
    assert medians == [None if pd.isna(value) else value for value in results.frame["median_s"]]
    with opened.tab.expect_download() as download:
        opened.tab.get_by_role("button", name="Download Parquet").click()
    assert Path(download.value.path()).read_bytes() == b"PAR1"


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_page(browser, report, size, scheme):
    one = Opened(browser, report, size, scheme)
    one.draw_all()
    assert one.tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
    one.tab.evaluate("scrollTo(0, 0)")
    one.picture(f"report-{size['width']}-{scheme}", full=False)
    one.tab.evaluate("document.querySelectorAll('.part').forEach((part, n) => { part.open = n === 0; })")
    one.picture(f"report-{size['width']}-{scheme}-whole")
    assert one.wrong == []
    one.tab.close()


CROWDED = """(figures) => figures.flatMap((figure) => {
  const box = (one) => one.getBoundingClientRect();
  const apart = (a, b) => a.right < b.left + 1 || b.right < a.left + 1 || a.bottom < b.top + 1 || b.bottom < a.top + 1;
  const inside = (a, b) =>
    a.left > b.left - 1 && a.right < b.right + 1 && a.top > b.top - 1 && a.bottom < b.bottom + 1;
  const chart = figure.querySelector('[data-chart]');
  const legend = figure.querySelector('.keys');
  const plot = box(chart.querySelector('.nsewdrag'));
  const words = '.xtick text, .ytick text, .g-xtitle text, .g-ytitle text, .textpoint text, .heatmap-label text';
  const texts = [...chart.querySelectorAll(words)].filter((text) => text.textContent);
  const title = `${figure.querySelector('figcaption').textContent}: `;
  return [
    ...texts.filter((text) => !inside(box(text), box(chart))).map((text) => `${title}${text.textContent} is cut`),
    ...texts.flatMap((one, n) => texts.slice(n + 1).filter((other) => !apart(box(one), box(other)))
      .map((other) => `${title}${one.textContent} is on ${other.textContent}`)),
    ...(legend && !(apart(box(legend), plot) && inside(box(legend), box(figure))) ? [`${title}legend`] : []),
    ...(plot.width < 110 || plot.height < 30 ? [`${title}${plot.width} x ${plot.height} pixels`] : []),
  ];
})"""


@pytest.fixture(scope="module")
def long_names(tmp_path_factory):
    """Few rows, all phases of compiling, cells without a result, and the longest name of a workload."""
    folder = tmp_path_factory.mktemp("long")
    phases = {"trace_s": 0.02, "lower_s": 0.03, "compile_s": 0.3, "first_run_s": 0.05}
    ceilings = [
        (cell("matmul", family="machine", flops=5e9), [1.0]),
        (cell("copy", family="machine", bytes=1e9), [1.0]),
    ]
    for backend, seconds in (("tensorflow", 0.07), ("jax", 0.02), ("torch", 0.5)):
        results = list(ceilings)
        for (metric, mode), size in product(many.STEPS, ("medium", "tokens=64", "tokens=512", "tokens=4096")):
            names = {"technique": "Module", "native": "native_module", "metric": metric, "mode": mode, "size": size}
            one = cell(
                "convolutional_block_attention_module", flops=4e6, bytes=1e6, peak_memory_bytes=1 << 20, **names
            )
            lost = (metric, mode, backend) in {("compile_cold", "jit", "torch"), ("forward", "jit", "jax")}
            results.append((one | {"phases": phases}, ("out_of_memory", "") if lost else [seconds] * 9))
            results.append((cell("native_module", size=size, metric=metric, mode=mode), [seconds] * 9))
        write_launch(folder, results, backend=backend)
    return written(folder, load([folder / "run"]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["long_names", "report"])
def test_nothing_in_a_chart_is_cut_or_covered(browser, request, which, scheme):
    one = Opened(browser, request.getfixturevalue(which), WIDE, scheme)
    one.draw_all()
    figures = one.tab.locator("figure:has([data-chart])")
    for size in (WIDE, PHONE):
        one.tab.set_viewport_size(size)
        one.tab.wait_for_function(RESIZED)
        one.picture(f"{which}-{size['width']}-{scheme}")
        assert figures.evaluate_all(CROWDED) == []
    assert one.wrong == []
    one.tab.close()


def test_a_key_hides_what_it_names(opened):
    figure = opened.tab.locator("figure:has([data-chart])").first
    figure.scroll_into_view_if_needed()
    key, bars = figure.get_by_role("button", name="jax"), figure.locator(".barlayer .trace")
    expect(bars).to_have_count(3)
    key.press("Enter")
    expect(bars).to_have_count(2)
    opened.tab.emulate_media(color_scheme="dark")
    expect(key).to_have_attribute("aria-pressed", "false")
    expect(bars).to_have_count(2)
    key.press("Enter")
    expect(bars).to_have_count(3)


def test_hostile_text_is_text(browser, tmp_path):
    names = dict.fromkeys(("family", "workload", "technique", "size", "shape"), HOSTILE)
    for backend, factor in (("jax", 1.0), ("torch", 2.0)):
        results = [(cell(**names), [factor] * 9), (cell(**names | {"size": "b"}), ("failed", HOSTILE))]
        write_launch(tmp_path, results, backend=backend, machine=HOSTILE, cpu=HOSTILE)
    one = Opened(browser, written(tmp_path, load([tmp_path / "run"])))
    one.draw_all()
    assert set(one.column("workload")) == {HOSTILE}
    assert "<script>" in one.tab.locator(".ytick").first.text_content()
    one.filter("search").fill("<SCRIPT>")
    assert one.count() == "4 of 4 cells"
    with one.tab.expect_download() as download:
        one.tab.get_by_role("button", name="Download CSV").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        assert {row["workload"] for row in csv.DictReader(file)} == {HOSTILE}
    one.picture("hostile")
    assert one.wrong == []
    one.tab.close()


@pytest.mark.parametrize("count", [0, 3, 20_000])
def test_few_and_many_rows(browser, results, tmp_path, count):
    loaded = load([]) if count == 0 else grown(results, count)
    path = written(tmp_path, loaded)
    assert path.stat().st_size < 10e6
    one = Opened(browser, path)
    assert one.count() == f"{count} of {count} cells"
    one.tab.locator("#window").scroll_into_view_if_needed()
    assert one.tab.locator("#table tbody tr").count() < 60
    one.picture(f"rows-{count}", full=False)
    assert one.wrong == []
    one.tab.close()
