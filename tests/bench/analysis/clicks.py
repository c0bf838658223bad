"""How long the page of a report takes to answer, in Chromium: `python -m tests.bench.analysis.clicks PAGE`."""

import argparse
import statistics
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.bench.analysis.pages.test_browser import CHROMIUM

TRIES = 40
# From the event until the frame that shows its result is painted.
TIMES = """async ([act, tries]) => {
  const acts = {
    filter: (n) => {
      const selects = document.querySelectorAll('#filters select');
      const select = selects[n % selects.length];
      select.selectedIndex = select.selectedIndex ? 0 : 1;
      select.dispatchEvent(new Event('input', { bubbles: true }));
    },
    search: (n) => {
      const field = document.querySelector('#filters [name=search]');
      field.value = 'attention_1'.slice(0, n % 12);
      field.dispatchEvent(new Event('input', { bubbles: true }));
    },
    sort: (n) => document.querySelectorAll('#table th button')[n % 14].click(),
  };
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  document.getElementById('cells').scrollIntoView();
  await frame();
  const times = [];
  for (let n = 0; n < tries; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const begin = performance.now();
    acts[act](n);
    await frame();
    times.push(performance.now() - begin);
  }
  return times;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the filters, the search and the sorting of a page.")
    parser.add_argument("page", type=Path)
    page = parser.parse_args().page.resolve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        tab.goto(page.as_uri())
        tab.wait_for_selector("[data-ready]", state="attached")
        print(tab.locator("#count").inner_text())
        for act in ("filter", "search", "sort"):
            times = tab.evaluate(TIMES, [act, TRIES])
            print(f"{act}: median {statistics.median(times):.0f} ms, longest {max(times):.0f} ms of {TRIES}")
        browser.close()


if __name__ == "__main__":
    main()
