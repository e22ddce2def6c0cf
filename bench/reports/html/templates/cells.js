// The list of cells, and the page of a cell, which #cell-KEY opens.
const { cells, pool } = report.cells;
const dialog = document.getElementById("cell");

function listCells() {
  const body = document.querySelector("#cell-list tbody");
  for (const [key, cell] of Object.entries(cells)) {
    const seconds = cell.seconds === undefined ? "–" : cell.seconds.toFixed(1);
    body.append(make("tr", {},
      ...[cell.task, cell.dataset].map((text) => make("th", { scope: "row" }, text)),
      ...[cell.baseline, cell.encoder].map((text) => make("th", { scope: "row" }, text)),
      make("td", { "data-sort": cell.seed }, String(cell.seed)),
      make("td", { "data-sort": cell.seconds ?? null }, seconds),
      make("td", {}, cell.status),
      make("td", { class: "code" }, make("a", { href: `#cell-${key}` }, key))));
  }
  filterRows(document.querySelector("[data-filters=cell-list]"));
}

function definitions(pairs) {
  const list = make("dl");
  for (const [term, value] of pairs) {
    if (value !== null && value !== undefined && value !== "") list.append(make("dt", {}, term), make("dd", {}, String(value)));
  }
  return list;
}

function curveTable(curve) {
  const head = make("tr", {}, ...curve.columns.map((name) => make("th", { scope: "col", class: "numeric" }, name)));
  const rows = curve.rows.map((row) => make("tr", {}, ...row.map((value) => make("td", {}, value === null ? "–" : String(value)))));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Training curve" },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

// The same system with other seeds (and on other corpora, where these are replicates).
function siblings(cell) {
  const same = ["task", "dataset", "baseline", "encoder"];
  return Object.entries(cells).filter(([, other]) => same.every((name) => other[name] === cell[name]));
}

function fillCell(key) {
  const cell = cells[key];
  document.getElementById("cell-title").textContent = `${cell.baseline} with ${cell.encoder}, seed ${cell.seed}`;
  const body = document.getElementById("cell-body");
  body.replaceChildren();
  const seeds = siblings(cell).map(([other, one]) => make("li", {},
    make("a", { href: `#cell-${other}`, "aria-current": other === key ? "page" : null },
      one.corpus === null ? `seed ${one.seed}` : `corpus ${one.corpus}, seed ${one.seed}`)));
  body.append(make("ul", { class: "seeds", "aria-label": "Seeds" }, ...seeds));
  body.append(definitions([["Task", cell.task], ["Data", cell.dataset], ["Status", cell.status], ["Key", key],
    ["Started", cell.started], ["Training", cell.seconds === undefined ? "" : `${cell.seconds} s`],
    ["Pretraining", cell.pretraining_seconds === null || cell.pretraining_seconds === undefined ? "" : `${cell.pretraining_seconds} s, shared with other cells`]]));
  if (cell.error) body.append(make("h3", {}, "Why it failed"), make("pre", { tabindex: 0 }, cell.error));
  if (cell.metrics && Object.keys(cell.metrics).length) {
    body.append(make("h3", {}, "Result"), definitions(Object.entries(cell.metrics).map(([name, value]) => [name, value === null ? "–" : Number(value).toFixed(4)])));
  }
  if (cell.repeat) body.append(make("h3", {}, "Again"), make("pre", { tabindex: 0 }, cell.repeat));
  if (cell.no_repeat) body.append(make("h3", {}, "Again"), make("p", {}, `No command repeats it: ${cell.no_repeat}`));
  for (const [kind, options] of Object.entries(JSON.parse(pool[cell.options]))) {
    const pairs = Object.entries(options).map(([name, value]) => [name, JSON.stringify(value)]);
    if (pairs.length) body.append(make("h3", {}, `Options of the ${kind}`), definitions(pairs));
  }
  if (cell.curve) body.append(make("h3", {}, "Training"), curveTable(cell.curve));
  if (cell.provenance !== undefined) body.append(make("h3", {}, "Computed with"), definitions(Object.entries(JSON.parse(pool[cell.provenance]))));
  for (const warning of cell.warnings ?? []) body.append(make("p", { class: "loud" }, warning));
}

function openFromAddress() {
  const key = location.hash.startsWith("#cell-") ? location.hash.slice(6) : "";
  if (!Object.hasOwn(cells, key)) {
    if (dialog.open) dialog.close();
    return;
  }
  fillCell(key);
  hideTip();
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

document.getElementById("cell-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => {
  if (location.hash.startsWith("#cell-")) history.replaceState(null, "", location.pathname + location.search);
});
window.addEventListener("hashchange", openFromAddress);
listCells();
openFromAddress();
