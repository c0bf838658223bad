// Draws a chart when it comes into view, in the colours of the page.

const CONFIG = { responsive: true, displaylogo: false, displayModeBar: false };
let library;

function loadPlotly() {
  library ??= unpack("plotly").then((source) => {
    const script = document.createElement("script");
    script.textContent = source;
    document.head.append(script);
    return window.Plotly;
  });
  return library;
}

function look() {
  const style = getComputedStyle(document.body);
  const probe = document.body.appendChild(document.createElement("i"));
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [ink, line, band] = ["--ink", "--line", "--band"].map(colour);
  probe.remove();
  const axis = {
    gridcolor: line, zerolinecolor: line, automargin: true, fixedrange: matchMedia("(pointer: coarse)").matches,
    title: { font: { size: 11 }, standoff: 6 },
  };
  const interval = { color: ink, thickness: 1.2, width: 2 };
  return {
    layout: {
      font: { family: style.fontFamily, size: 11, color: ink },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 8, r: 18, t: 8, b: 8, pad: 4 },
      minreducedwidth: 60,
      minreducedheight: 10,
      showlegend: false,
      hoverlabel: { bgcolor: band, bordercolor: line, font: { color: ink }, align: "left" },
      hovermode: "closest",
      barmode: "overlay",
      xaxis: axis,
      yaxis: { ...axis, ticklabelstandoff: 5 },
    },
    data: { bar: [{ error_x: interval }], scatter: [{ error_y: interval }] },
  };
}

function withWords(trace, cells) {
  if (!trace.customdata) return trace;
  const word = (place) => (Array.isArray(place) ? place.map(word) : place === null ? "" : told(cells.at(place)));
  return { ...trace, hovertext: trace.customdata.map(word), hoverinfo: "text" };
}

function drawCharts(figures, cells) {
  const draw = async (element) => {
    const plotly = await loadPlotly();
    const { data, layout } = figures[element.dataset.chart];
    const hidden = Array.from(
      element.parentElement.querySelectorAll("[aria-pressed=false]"), (key) => Number(key.dataset.trace));
    const traces = data.map((trace, number) => ({ ...withWords(trace, cells), visible: !hidden.includes(number) }));
    await plotly.react(element, traces, { ...layout, template: look() }, CONFIG);
    element.dataset.drawn = "";
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      observer.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll("[data-chart]").forEach((element) => observer.observe(element));
  document.addEventListener("click", ({ target }) => {
    const key = target.closest("[data-trace]");
    if (!key) return;
    key.setAttribute("aria-pressed", String(key.getAttribute("aria-pressed") === "false"));
    draw(key.closest("figure").querySelector("[data-chart]"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.querySelectorAll("[data-drawn]").forEach(draw));
}
