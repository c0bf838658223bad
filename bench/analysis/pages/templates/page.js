function openTarget() {
  const part = location.hash && document.getElementById(location.hash.slice(1));
  if (part instanceof HTMLDetailsElement) part.open = true;
}

async function start() {
  const { cells: columns, charts, csv } = JSON.parse(await unpack("data"));
  const cells = new Cells(columns);
  const table = new Table(cells);
  drawCharts(charts, cells);
  document.getElementById("csv").addEventListener("click", () => download("results.csv", "text/csv", cells.csv(csv)));
  document.getElementById("parquet-file").addEventListener("click", () =>
    download("results.parquet", "application/vnd.apache.parquet", bytes("parquet")));
  for (const button of document.querySelectorAll("[data-technique]")) {
    button.addEventListener("click", () => {
      table.choose("technique", JSON.parse(button.dataset.technique));
      document.getElementById("cells").scrollIntoView();
      table.window.focus({ preventScroll: true });
    });
  }
  addEventListener("hashchange", openTarget);
  openTarget();
  document.body.dataset.ready = "";
}

start();
