// The table of all cells: filters, sorting, and rows that exist only while they are in view.

const ROW = 28;
const SPARE = 8;
const SIZES = ["small", "medium", "large"];
const NARROW = ["family", "technique", "size", "machine", "device", "dtype", "mode", "metric", "backend", "status"];

// Heading, the column that it sorts by, and how a cell is written; numbers stand right.
const HEADINGS = [
  ["workload", "workload"],
  ["size", "size"],
  ["mode", "mode"],
  ["metric", "metric"],
  ["backend", "backend"],
  ["status", "status", (cell) => cell.status + (cell.reason ? `: ${cell.reason}` : "")],
  ["median", "median_s", (cell) => seconds(cell.median_s)],
  ["95 % interval", "ci_low_s", (cell) => secondsBetween(cell.ci_low_s, cell.ci_high_s, cell.median_s)],
  ["launches", "launches", (cell) => plain(cell.launches)],
  ["rounds", "rounds", (cell) => plain(cell.rounds)],
  ["to fastest", "ratio", toFastest],
  ["to native", "native_ratio", toNative],
  ["minimum", "min_s", (cell) => seconds(cell.min_s, cell.median_s)],
  ["arithmetic", "flops_per_s", (cell) => scaled(cell.flops_per_s, "flop/s")],
  ["traffic", "bytes_per_s", (cell) => scaled(cell.bytes_per_s, "B/s")],
  ["of roofline", "roofline_fraction", (cell) => percent(cell.roofline_fraction)],
  ["peak memory", "peak_memory_bytes", (cell) => scaled(cell.peak_memory_bytes, "B")],
  ["trace", "trace_s", (cell) => seconds(cell.trace_s)],
  ["lower", "lower_s", (cell) => seconds(cell.lower_s)],
  ["compile", "compile_s", (cell) => seconds(cell.compile_s)],
  ["first run", "first_run_s", (cell) => seconds(cell.first_run_s)],
  ["graphs", "graphs", (cell) => plain(cell.graphs)],
  ["breaks", "graph_breaks", (cell) => plain(cell.graph_breaks)],
  ["family", "family"],
  ["technique", "technique"],
  ["shape", "shape"],
  ["dtype", "dtype"],
  ["device", "device"],
  ["machine", "machine"],
  ["version", "backend_version"],
  ["Keras", "keras_version"],
  ["run", "run"],
  ["commit", "commit"],
  ["measured", "timestamp"],
];

class Cells {
  constructor(columns) {
    this.columns = columns;
    this.names = Object.keys(columns);
    this.length = columns.workload.length;
  }

  at(place) {
    return Object.fromEntries(this.names.map((name) => [name, this.columns[name][place]]));
  }

  // Numbers in the order of the values; what is unknown comes last.
  ranks(name) {
    const words = new Intl.Collator(undefined, { numeric: true });
    const group = (value) => (name === "size" && SIZES.includes(value) ? SIZES.indexOf(value) - SIZES.length : 0);
    const compare = (a, b) =>
      a === null || b === null ? (a === null) - (b === null)
        : typeof a === "number" ? a - b : group(a) - group(b) || words.compare(a, b);
    const ranks = new Map([...new Set(this.columns[name])].sort(compare).map((value, rank) => [value, rank]));
    return this.columns[name].map((value) => (value === null ? null : ranks.get(value)));
  }

  csv(names) {
    const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value);
    const row = (place) => names.map((name) => quoted(String(this.columns[name][place] ?? "")));
    const places = Array.from({ length: this.length }, (_, place) => place);
    return [names, ...places.map(row)].map((values) => values.join(",") + "\n").join("");
  }
}

class Table {
  constructor(cells) {
    this.cells = cells;
    this.order = Array.from({ length: cells.length }, (_, place) => place);
    this.texts = this.order.map((place) =>
      ["workload", "technique", "family", "size", "shape", "reason", "run"]
        .map((name) => cells.columns[name][place] ?? "").join("\n").toLowerCase());
    this.window = document.getElementById("window");
    this.body = document.querySelector("#table tbody");
    this.form = document.getElementById("filters");
    this.makeHead();
    this.makeFilters();
    this.window.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.window);
    this.filter();
  }

  makeHead() {
    const row = document.querySelector("#table thead").insertRow();
    this.heads = HEADINGS.map(([heading, name, write]) => {
      const head = row.appendChild(document.createElement("th"));
      const button = head.appendChild(document.createElement("button"));
      head.scope = "col";
      head.className = write && name !== "status" ? "n" : "";
      head.setAttribute("aria-sort", "none");
      button.type = "button";
      button.textContent = heading;
      button.addEventListener("click", () => this.sort(head, name));
      return head;
    });
  }

  makeFilters() {
    this.search = this.field("search", document.createElement("input"));
    this.search.type = "search";
    this.choices = NARROW
      .map((name) => [name, [...new Set(this.cells.columns[name])]])
      .filter(([, values]) => values.length > 1)
      .map(([name, values]) => {
        const select = this.field(name, document.createElement("select"));
        select.add(new Option("all", ""));
        values.forEach((value, number) => select.add(new Option(value, String(number))));
        return { name, values, select };
      });
    this.form.addEventListener("input", () => this.filter());
    this.form.addEventListener("submit", (event) => event.preventDefault());
  }

  field(name, control) {
    const label = this.form.appendChild(document.createElement("label"));
    control.name = name;
    label.append(name, control);
    return control;
  }

  choose(name, value) {
    this.form.reset();
    const choice = this.choices.find((one) => one.name === name);
    if (choice) choice.select.value = String(choice.values.indexOf(value));
    this.filter();
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase();
    const chosen = this.choices.filter(({ select }) => select.value !== "")
      .map(({ name, values, select }) => [this.cells.columns[name], values[Number(select.value)]]);
    this.shown = this.order.filter((place) =>
      chosen.every(([column, value]) => column[place] === value) && this.texts[place].includes(wanted));
    document.getElementById("count").textContent = `${this.shown.length} of ${this.cells.length} cells`;
    this.window.scrollTop = 0;
    this.draw();
  }

  sort(head, name) {
    const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const ranks = this.cells.ranks(name);
    const compare = (a, b) =>
      ranks[a] === ranks[b] ? a - b
        : ranks[a] === null ? 1 : ranks[b] === null ? -1 : direction * (ranks[a] - ranks[b]);
    this.order.sort(compare);
    this.heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    this.filter();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.window.scrollTop / ROW) - SPARE);
    const count = Math.ceil(this.window.clientHeight / ROW) + 2 * SPARE;
    const places = this.shown.slice(first, first + count);
    const rows = places.map((place) => this.row(this.cells.at(place)));
    const above = this.spacer(first * ROW);
    const below = this.spacer((this.shown.length - first - places.length) * ROW);
    this.body.replaceChildren(above, ...rows, below);
  }

  spacer(height) {
    const row = document.createElement("tr");
    row.className = "spacer";
    row.style.height = `${height}px`;
    row.insertCell().colSpan = HEADINGS.length;
    return row;
  }

  row(cell) {
    const row = document.createElement("tr");
    for (const [, name, write] of HEADINGS) {
      const box = row.insertCell();
      box.textContent = write ? write(cell) : plain(cell[name]);
      box.className = name === "status" ? (cell.status === "ok" ? "" : "bad") : write ? "n" : "";
    }
    return row;
  }
}
