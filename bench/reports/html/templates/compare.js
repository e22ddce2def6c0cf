// Any two systems that were scored on the same queries: who wins for how many users, and where they differ most.
const TIE = 1e-6; // sums are of single precision
const MOST_SHOWN = 5;

function decoded(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function signed(value, places = 4) {
  return (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(places);
}

function fillSystems() {
  const group = report.groups[document.getElementById("compare-group").value];
  const [first, second] = group.start;
  for (const [id, chosen] of [["compare-first", first], ["compare-second", second]]) {
    const options = group.systems.map((system, place) => make("option", { value: place }, `${system.name} (${system.mean.toFixed(3)})`));
    const select = document.getElementById(id);
    select.replaceChildren(...options);
    select.value = String(chosen);
  }
}

// The small picture of an image, described by the words that stand beside it; null where there is none.
function pictureOf(group, image, about) {
  const known = group.pictures.shown[image];
  if (!known) return null;
  const [width, height, jpeg] = known;
  return make("img", { src: `data:image/jpeg;base64,${jpeg}`, width, height, alt: about, loading: "lazy" });
}

function unitOf(group, place, first, second) {
  const shown = group.shown[place];
  const words = (text) => group.texts[text] || "(no words)";
  const steps = shown.steps.map(([kind, text, image]) => {
    const picture = pictureOf(group, image, `Image of the query: ${words(text)}`);
    return make("li", {}, `${kind}: ${words(text)}${image >= 0 && !picture ? ` + image ${image}` : ""}`, picture);
  });
  const seen = shown.clicked.map(([text, image]) => pictureOf(group, image, `Clicked item: ${words(text)}`)).filter(Boolean);
  const start = shown.before > 0 ? shown.before + 1 : 1;
  return make("div", { class: "unit" },
    make("p", {}, make("strong", {}, `${first.toFixed(3)} against ${second.toFixed(3)}`), ` · session ${shown.session}`),
    steps.length ? make("ol", { start }, ...steps) : null,
    shown.clicked.length ? make("p", { class: "note" }, `Clicked: ${shown.clicked.map(([text]) => words(text)).join("; ")}`) : null,
    seen.length ? make("p", { class: "pictures" }, ...seen) : null);
}

function side(title, group, places, one, two) {
  const units = places.map((place) => unitOf(group, place, one[place], two[place]));
  return make("div", {}, make("h3", {}, title), ...(units.length ? units : [make("p", {}, "None of those embedded.")]));
}

function balance(won, tied, lost, names) {
  const bar = make("div", { class: "balance", role: "img", "aria-label": `${won} users won, ${tied} tied, ${lost} lost` });
  const tally = make("ul", { class: "tally" });
  for (const [kind, count, text] of [["won", won, `better with ${names[0]}`], ["tied", tied, "the same"], ["lost", lost, `better with ${names[1]}`]]) {
    const part = make("span", { class: kind });
    part.style.flexGrow = count;
    if (count) bar.append(part);
    tally.append(make("li", {}, make("i", { class: kind, "aria-hidden": "true" }), `${count} user${count === 1 ? "" : "s"} ${text}`));
  }
  return [bar, tally];
}

function compare() {
  const group = report.groups[document.getElementById("compare-group").value];
  const [first, second] = ["compare-first", "compare-second"].map((id) => Number(document.getElementById(id).value));
  const names = [group.systems[first].name, group.systems[second].name];
  const result = document.getElementById("compare-result");
  result.replaceChildren();
  if (first === second) {
    result.append(make("p", {}, "Choose two different systems."));
    return;
  }
  const delta = group.systems[first].mean - group.systems[second].mean;
  result.append(make("p", { class: "big" }, `Δ ${group.metric} ${signed(delta)}: ${names[0]} minus ${names[1]}`));
  const forward = group.tested[`${first}-${second}`];
  const backward = group.tested[`${second}-${first}`];
  const said = forward ? `Tested as declared: ${forward}.`
    : backward ? `Tested as declared, the other way round: ${backward}.`
    : "This pair was not declared before the run: look, but do not conclude.";
  result.append(make("p", { class: "note" }, said));
  const [mine, theirs] = [decoded(group.sums[first]), decoded(group.sums[second])];
  let won = 0, lost = 0;
  mine.forEach((sum, user) => { won += sum - theirs[user] > TIE; lost += theirs[user] - sum > TIE; });
  result.append(...balance(won, mine.length - won - lost, lost, names));
  if (mine.length < group.all_users) result.append(make("p", { class: "note" }, `Counted over ${mine.length} of ${group.all_users} users, evenly chosen.`));
  const [one, two] = [decoded(group.values[first]), decoded(group.values[second])];
  const places = [...one.keys()].sort((a, b) => (one[b] - two[b]) - (one[a] - two[a]));
  const better = places.filter((place) => one[place] - two[place] > TIE).slice(0, MOST_SHOWN);
  const worse = places.filter((place) => two[place] - one[place] > TIE).slice(-MOST_SHOWN).reverse();
  result.append(make("div", { class: "sides" },
    side(`Where ${names[0]} is furthest ahead`, group, better, one, two),
    side(`Where ${names[1]} is furthest ahead`, group, worse, one, two)));
  const embedded = one.length < group.all_units ? `the ${one.length} of ${group.all_units} ${group.units} on which systems differ most are embedded` : `all ${one.length} ${group.units}`;
  const pictures = group.pictures.said ? ` ${group.pictures.said}` : "";
  result.append(make("p", { class: "note" }, `Means over ${group.seeds} seeds; ${embedded}.${pictures}`));
}

if (report.groups.length) {
  const form = document.getElementById("compare-form");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    if (event.target.id === "compare-group") fillSystems();
    compare();
  });
  document.getElementById("compare-swap").addEventListener("click", () => {
    const [first, second] = ["compare-first", "compare-second"].map((id) => document.getElementById(id));
    [first.value, second.value] = [second.value, first.value];
    compare();
  });
  fillSystems();
  compare();
}
