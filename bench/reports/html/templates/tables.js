"use strict";
// The data that cells.js and compare.js show.
const report = JSON.parse(document.getElementById("data").textContent);

// An element with attributes and children; texts become text nodes, so that nothing in them is markup.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function sortValue(row, column) {
  const cell = row.cells[column];
  return cell.dataset.sort !== undefined ? Number(cell.dataset.sort) : cell.textContent.trim();
}

// What is no number stands last, whichever the direction.
function compareValues(one, two, direction) {
  const numbers = [typeof one === "number", typeof two === "number"];
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
  return direction * (numbers[0] ? one - two : one.localeCompare(two, "en", { numeric: true }));
}

function sortBy(button) {
  const head = button.closest("th");
  const table = head.closest("table");
  const column = [...head.parentNode.children].indexOf(head);
  const first = head.classList.contains("numeric") ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  for (const th of head.parentNode.children) th.setAttribute("aria-sort", th === head ? order : "none");
  const direction = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => compareValues(sortValue(a, column), sortValue(b, column), direction));
  table.tBodies[0].append(...rows);
}

// Rows that have all words of the filter, in any of their columns.
function filterRows(input) {
  const table = document.getElementById(input.dataset.filters);
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  const all = table.tBodies[0].rows.length;
  const count = document.querySelector(`[data-counts="${input.dataset.filters}"]`);
  count.textContent = shown === all ? `${all} rows` : `${shown} of ${all} rows`;
}

// The second column of labels stands beside the first one when a wide table is scrolled.
function placeStubs() {
  for (const table of document.querySelectorAll("table.stubs")) {
    const first = table.tHead.rows[table.tHead.rows.length - 1].cells[0];
    table.style.setProperty("--first", `${first.getBoundingClientRect().width}px`);
  }
}

const tip = document.getElementById("tip");

function showTip(target) {
  tip.textContent = target.dataset.facts;
  tip.hidden = false;
  target.setAttribute("aria-describedby", "tip");
  const box = target.getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const above = box.top > tip.offsetHeight + 60;
  tip.style.left = `${Math.max(8, left) + window.scrollX}px`;
  tip.style.top = `${(above ? box.top - tip.offsetHeight - 8 : box.bottom + 8) + window.scrollY}px`;
}

function hideTip() {
  tip.hidden = true;
  document.querySelectorAll("[aria-describedby=tip]").forEach((target) => target.removeAttribute("aria-describedby"));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("table.sortable th button");
  if (button) sortBy(button);
});
document.addEventListener("input", (event) => {
  if (event.target.dataset.filters) filterRows(event.target);
});
for (const kind of ["mouseover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const target = event.target.closest("[data-facts]");
    hideTip();
    if (target && target.dataset.facts) showTip(target);
  });
}
window.addEventListener("resize", placeStubs);
placeStubs();
document.addEventListener("focusout", hideTip);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
