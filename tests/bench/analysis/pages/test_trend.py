"""The page of trends: alarms first, every cell once more below, and nothing that a browser has to fetch."""

import html
import re
from itertools import chain

import numpy as np
import pytest

from bench.analysis.pages import trend
from bench.analysis.tables.history import CELL
from bench.analysis.tables.series import lines
from tests.bench.analysis.made_up import point, table
from tests.bench.analysis.pages.test_report import HOSTILE, Page

DAYS = 20


def daily(factor=1.0, since=10, **changes):
    """A cell of one millisecond that takes `factor` times as long since that day."""
    times = 1e-3 * np.where(np.arange(DAYS) < since, 1.0, factor) * np.tile([1.001, 0.999], DAYS // 2)
    return [point(median_s, day, **changes) for day, median_s in enumerate(times)]


def rendered(tmp_path, *cells, problems=()):
    path = tmp_path / "trend.html"
    path.write_text(trend.render(lines(table(chain(*cells))), problems), encoding="utf-8")
    return Page(path)


def words(tmp_path, *cells):
    """What the page says, with a space between one element and the next."""
    rendered(tmp_path, *cells)
    return html.unescape(re.sub(r"(\s|<[^>]*>)+", " ", (tmp_path / "trend.html").read_text()))


def test_a_page_without_history(tmp_path):
    assert "No cell has a history yet." in rendered(tmp_path).text


def test_a_page_without_alarm(tmp_path):
    text = rendered(tmp_path, daily(), daily(workload="other")).text
    assert "No cell of 2 has an open rise." in text
    assert "nox -s regress" not in text


def test_alarms_come_first_with_size_commits_and_what_to_do(tmp_path):
    text = words(tmp_path, daily(), daily(1.2, workload="slow"), daily(0.5, workload="fast"))
    order = [
        "1 of 3 cells are slower",
        "000000090000 \u2192 0000000a0000 1 cell",
        "nox -s regress -- --base 000000090000 --head 0000000a0000 --backend jax --workloads slow",
        "slow small float32 jit forward testbox \u00b7 jax \u00b7 cpu "
        "+20.0% since 0000000a0000, 2026-01-11 1.20 ms [1.20 to 1.20 ms] now, 10 commits",
        "All cells",
        "testbox \u00b7 jax \u00b7 cpu \u00b7 normalization (3 cells)",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_rises_between_the_same_commits_are_one_alarm_and_the_largest_comes_first():
    cells = [daily(1.1, workload="a"), daily(1.2, workload="b", backend="torch"), daily(1.5, since=15, workload="c")]
    found = trend.alarms(lines(table(chain(*cells))))
    assert [[picture.name.split()[0] for picture in alarm.pictures] for alarm in found] == [["c"], ["b", "a"]]
    assert [command.split("--backend ")[1] for command in found[1].commands] == [
        "jax --workloads a",
        "torch --workloads b",
    ]


@pytest.mark.parametrize("how", [{"modified": True}, {"commit": "unknown"}])
def test_code_that_git_does_not_have_cannot_be_compared_again(how):
    rows = daily(1.2)
    for row in rows[10:]:
        row.update(how)
    (alarm,) = trend.alarms(lines(table(rows)))
    assert alarm.commands == []
    assert alarm.title.endswith("unknown" if "commit" in how else "0000000a0000 with changes")


def test_rises_that_are_over_are_told_apart(tmp_path):
    recovered = daily(1.2, since=7)
    for row in recovered[13:]:
        row["median_s"] /= 1.2
    upgraded = daily(1.2, since=7, workload="upgraded")
    for row in upgraded[13:]:
        row["backend_version"] = "0.11.0"
    text = words(tmp_path, recovered, upgraded)
    assert "No cell of 2 has an open rise." in text
    assert "Recovered: a later level is back within 3 % of the old one (1)" in text
    assert "Still there when the environment changed, and not comparable since (1)" in text
    change = "backend_version 0.10.2 \u2192 0.11.0"
    assert f"2026-01-14 testbox \u00b7 jax \u00b7 cpu {change} 1" in text
    assert f"2026-01-14: {change}" in text


def test_many_cells_are_folded(tmp_path):
    rows = [daily(1.2, workload=f"w{n:03}") for n in range(100)]
    page = rendered(tmp_path, *rows)
    assert "88 more" in page.text
    assert page.tags.count("svg") == 200
    source = (tmp_path / "trend.html").read_text()
    outside = re.sub(r"<details>.*?</details>", "", source, flags=re.DOTALL)
    assert outside.count("<svg") == trend.UNFOLDED


def test_sizes_come_in_order(tmp_path):
    sizes = ["small", "medium", "large", "tokens=64", "tokens=1024"]
    text = words(tmp_path, *(daily(size=size) for size in reversed(sizes)))
    places = [text.index(f"rms_norm {size} float32") for size in sizes]
    assert places == sorted(places)


def test_the_page_needs_no_network_and_no_script(tmp_path):
    page = rendered(tmp_path, daily(1.2), daily(backend="torch"))
    assert page.open == []
    assert "script" not in page.tags
    assert "img" not in page.tags
    source = (tmp_path / "trend.html").read_text()
    assert "url(" not in source
    anchors = set(re.findall(r'id="([^"]+)"', source))
    assert {link for link in page.sources if not link.startswith("#")} == {"index.html"}
    assert {link[1:] for link in page.sources if link.startswith("#")} <= anchors


def test_hostile_names_break_nothing(tmp_path):
    names = dict.fromkeys({*CELL, "commit", "cpu"} - {"backend", "device"}, HOSTILE)
    rows = daily(1.2, **names)
    for row in rows[15:]:
        row["cpu"] = HOSTILE + "2"
    page = rendered(tmp_path, rows, daily(1.2, workload=HOSTILE), problems=[HOSTILE])
    assert page.open == []
    assert "script" not in page.tags
    assert HOSTILE in page.text


# The picture.


def drawn(rows):
    (line,) = lines(table(rows))
    return trend.chart(line)


def test_a_line_stays_inside_its_picture():
    rows = daily(1.2)
    rows[3]["median_s"] *= 100
    points = [tuple(map(float, pair.split(","))) for pair in drawn(rows).points.split()]
    assert len(points) == DAYS
    assert [x for x, _ in points] == sorted({x for x, _ in points})
    assert all(trend.LEFT <= x <= trend.RIGHT for x, _ in points)
    assert all(trend.TOP <= y <= trend.BOTTOM for _, y in points)
    assert points[3][1] == trend.TOP


def test_slower_is_higher():
    chart = drawn(daily(1.2))
    (first, end, low), (begin, last, high) = chart.levels
    assert (first, last) == (trend.LEFT, trend.RIGHT)
    assert end == begin == chart.symbols[0][0]
    assert high < low


def test_a_steady_line_looks_steady():
    heights = [float(pair.split(",")[1]) for pair in drawn(daily()).points.split()]
    assert max(heights) - min(heights) < 0.05 * (trend.BOTTOM - trend.TOP)


def test_one_point_is_a_line_too():
    chart = drawn([point(1e-3)])
    assert chart.points == "150.0,42.0"
    assert [level[:2] for level in chart.levels] == [(trend.LEFT, trend.RIGHT)]
    assert chart.dates == "2026-01-01 to 2026-01-01"
