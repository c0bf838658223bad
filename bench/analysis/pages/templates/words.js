// Numbers as people read them, and what is told of a cell.

const MISSING = "–";

function digits(value) {
  return value === 0 ? "0" : value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}

function timeUnit(value) {
  return [["s", 1], ["ms", 1e3], ["µs", 1e6]].find(([, factor]) => value * factor >= 1) ?? ["ns", 1e9];
}

function seconds(value, reference = value) {
  if (value === null) return MISSING;
  const [unit, factor] = timeUnit(reference);
  return `${digits(value * factor)} ${unit}`;
}

function secondsBetween(low, high, reference) {
  if (low === null) return MISSING;
  const [unit, factor] = timeUnit(reference);
  return `${digits(low * factor)} to ${digits(high * factor)} ${unit}`;
}

function ratio(value) {
  if (value === null) return MISSING;
  if (value >= 10) return digits(value);
  return value.toFixed(value !== 1 && Math.abs(value - 1) < 0.005 ? 4 : 2);
}

function scaled(value, unit) {
  if (value === null) return MISSING;
  const power = value > 0 ? Math.min(Math.max(Math.floor(Math.log10(value) / 3), 0), 5) : 0;
  return `${digits(value / 1000 ** power)} ${["", "k", "M", "G", "T", "P"][power]}${unit}`;
}

const percent = (value) => (value === null ? MISSING : `${(100 * value).toFixed(0)}%`);

const plain = (value) => (value === null ? MISSING : String(value));

// Plotly reads the texts of a chart as HTML; and no name may turn what follows it.
const escaped = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function within(low, high) {
  return low === null ? "" : ` [${ratio(low)}, ${ratio(high)}]`;
}

function toFastest(cell) {
  return ratio(cell.ratio) + (["undecided", "apart"].includes(cell.verdict) ? "~" : "") + within(cell.ratio_low, cell.ratio_high);
}

function toNative(cell) {
  return ratio(cell.native_ratio) + within(cell.native_low, cell.native_high);
}

function told(cell) {
  const lines = [
    `${cell.workload} · ${cell.size}`,
    `${cell.backend} ${cell.backend_version} · ${cell.device} · ${cell.dtype} · ${cell.metric} · ${cell.mode}`,
  ];
  if (cell.median_s !== null) {
    lines.push(`${seconds(cell.median_s)} [${secondsBetween(cell.ci_low_s, cell.ci_high_s, cell.median_s)}]`);
    lines.push(`launches: ${cell.launches}, rounds: ${cell.rounds}`);
  }
  if (cell.ratio !== null && cell.verdict !== "alone") lines.push(`${toFastest(cell)} × the fastest backend`);
  if (cell.native_ratio !== null) lines.push(`${toNative(cell)} × the framework's own code`);
  if (cell.peak_memory_bytes !== null) lines.push(`peak memory ${scaled(cell.peak_memory_bytes, "B")}`);
  if (cell.status !== "ok") lines.push(`${cell.status}: ${cell.reason.slice(0, 100)}`);
  return lines.map(escaped).join("<br>");
}
