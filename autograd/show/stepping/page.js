"use strict";

// What the page shows is a function of the moment's number alone. All numbers are texts that the engine
// wrote, and texts reach the page as textContent only.
const { nodes, moments } = JSON.parse(document.getElementById("data").textContent);
const last = moments.length - 1;
const MATHML = "http://www.w3.org/1998/Math/MathML";
const element = (id) => document.getElementById(id);
const slider = element("slider");
const play = element("play");

let current = 0;
let timer = null;

/** The numbers known at a moment: what all moments up to it have changed. */
function stateAt(moment) {
  const state = { values: [], adjoints: [], complete: [], updated: [], edges: {} };
  let round = moments[0].round;
  for (const change of moments.slice(0, moment + 1)) {
    if (change.round !== round) {
      round = change.round;
      forgetSweep(state);
    }
    if (change.value !== null) state.values[change.target] = change.value;
    if (change.adjoint !== null) state.adjoints[change.target] = change.adjoint;
    if (change.complete) state.complete[change.target] = true;
    if (change.phase === "Update") state.updated[change.target] = true;
    if (change.passing) state.edges[edgeId(change.passing)] = change.passing[2];
  }
  return state;
}

/** A descent begins again with the values of the leaves alone. */
function forgetSweep(state) {
  state.values = state.values.map((value, i) => (nodes[i].formula ? undefined : value));
  Object.assign(state, { adjoints: [], complete: [], updated: [], edges: {} });
}

const edgeId = ([node, slot]) => `edge${node}_${slot}`;

// ------------------------------------------------------------------------------------- the picture

const picture = document.querySelector("#graph > svg");
const nodeShapes = nodes.map((_, i) => element(`node${i}`));
const edgeShapes = [...picture.querySelectorAll(".edge:not(.constant)")];

function preparePicture() {
  const { width, height } = picture.viewBox.baseVal;
  picture.style.setProperty("--width", `${(width * 4) / 3}px`);
  picture.style.setProperty("--height", `${(height * 4) / 3}px`);
  picture.removeAttribute("width");
  picture.removeAttribute("height");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `Graph of ${nodes.at(-1).name}`);
  // Graphviz' titles, which browsers show under the mouse, are the ids.
  for (const title of picture.querySelectorAll("title")) title.remove();
}

function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function showPicture(state, { phase, target, passing }) {
  nodeShapes.forEach((shape, i) => {
    const adjoint = state.adjoints[i];
    const [value, slope] = [...shape.querySelectorAll("text")].slice(-2);
    setText(value, state.values[i] === undefined ? "" : `value ${state.values[i]}`);
    setText(slope, adjoint === undefined ? "" : `adjoint ${adjoint}`);
    shape.classList.toggle("known", state.values[i] !== undefined);
    shape.classList.toggle("partly", adjoint !== undefined && !state.complete[i]);
    shape.classList.toggle("complete", Boolean(state.complete[i]));
    shape.classList.toggle("updated", Boolean(state.updated[i]));
    shape.classList.toggle("now", i === target);
    shape.classList.toggle("from", passing !== null && i === passing[0]);
  });
  for (const shape of edgeShapes) {
    const lines = state.edges[shape.id] ?? [];
    shape.querySelectorAll("text").forEach((text, i) => setText(text, lines[i] ?? ""));
    shape.classList.toggle("passed", lines.length > 0);
    shape.classList.toggle("now", passing !== null && shape.id === edgeId(passing));
    shape.classList.toggle("feeds", phase === "Forward" && shape.id.startsWith(`edge${target}_`));
  }
  if (passing !== null) reveal(element("graph"), element(edgeId(passing)));
  if (target !== null) reveal(element("graph"), nodeShapes[target]);
}

/** Scroll a pane, and nothing around it, until it shows something. */
function reveal(pane, item) {
  const [outer, inner] = [pane.getBoundingClientRect(), item.getBoundingClientRect()];
  const excess = (start, end, low, high) => Math.min(start - low, 0) || Math.max(end - high, 0);
  pane.scrollBy(
    excess(inner.left - 24, inner.right + 24, outer.left, outer.right),
    excess(inner.top - 24, inner.bottom + 24, outer.top, outer.bottom),
  );
}

// ----------------------------------------------------------------------------------- the explanation

const rows = nodes.map(({ name, formula }) => {
  const row = element("body").insertRow();
  const head = row.appendChild(document.createElement("th"));
  head.scope = "row";
  head.textContent = name;
  row.insertCell().textContent = formula || "given";
  row.insertCell();
  row.insertCell();
  return row;
});

function showRows(state, { target, passing }) {
  rows.forEach((row, i) => {
    const [, , value, adjoint] = row.cells;
    setText(value, state.values[i] ?? "");
    setText(adjoint, state.adjoints[i] ?? "");
    adjoint.classList.toggle("partly", !state.complete[i]);
    row.classList.toggle("now", i === target);
    row.classList.toggle("from", passing !== null && i === passing[0]);
  });
  if (target !== null) reveal(element("rows"), rows[target]);
}

function math(tag, ...children) {
  const made = document.createElementNS(MATHML, tag);
  made.append(...children);
  return made;
}

/** The end of a name says most: layers.0.neurons.2.w[1]. */
const short = (name) => (name.length > 16 ? `…${name.slice(-14)}` : name);

/** A derivative comes as its sign and two nodes, a node as its index. */
function term(part) {
  if (Array.isArray(part)) {
    const [sign, ...pair] = part;
    return math("mfrac", ...pair.map((i) => math("mrow", math("mi", sign), math("mi", short(nodes[i].name)))));
  }
  return typeof part === "number" ? math("mi", short(nodes[part].name)) : math("mtext", `\u00a0${part}\u00a0`);
}

function showRule(equations) {
  const lines = equations.map((parts) => math("mtr", math("mtd", math("mrow", ...parts.map(term)))));
  const table = math("mtable", ...lines);
  table.setAttribute("displaystyle", "true");
  element("rule").replaceChildren(...(lines.length ? [math("math", table)] : []));
}

// ------------------------------------------------------------------------------------------ moving

function show(moment) {
  current = Math.max(0, Math.min(last, moment));
  const change = moments[current];
  const state = stateAt(current);
  document.body.dataset.phase = change.phase;
  setText(element("phase"), [change.round, change.phase].filter(Boolean).join(" · "));
  setText(element("text"), change.text);
  setText(element("note"), change.note);
  showRule(change.equations);
  showPicture(state, change);
  showRows(state, change);
  slider.value = current;
  slider.setAttribute("aria-valuetext", `${current} of ${last}, ${change.phase.toLowerCase()}`);
  setText(element("position"), `${current} / ${last}`);
  // A button that is disabled loses the focus, and with it the keys.
  for (const id of ["first", "back"]) element(id).setAttribute("aria-disabled", current === 0);
  for (const id of ["forward", "last"]) element(id).setAttribute("aria-disabled", current === last);
}

function stop() {
  clearTimeout(timer);
  timer = null;
  play.classList.remove("playing");
  play.setAttribute("aria-label", "Play");
  play.title = "Play (Space)";
}

function tick() {
  timer = setTimeout(() => {
    show(current + 1);
    if (current < last) tick();
    else stop();
  }, Number(element("speed").value));
}

function start() {
  show(current === last ? 0 : current + 1);
  if (current === last) return;
  play.classList.add("playing");
  play.setAttribute("aria-label", "Pause");
  play.title = "Pause (Space)";
  tick();
}

function go(moment) {
  stop();
  show(moment);
}

const actions = {
  first: () => go(0),
  back: () => go(current - 1),
  play: () => (timer === null ? start() : stop()),
  forward: () => go(current + 1),
  last: () => go(last),
};
const keys = { Home: "first", ArrowLeft: "back", " ": "play", ArrowRight: "forward", End: "last" };

/** Whether what has the focus does something of its own with a key. */
function usesItself(target, key) {
  if (target.closest("input, select")) return true;
  if (target.closest("button")) return key === " ";
  const pane = target.closest(".pane");
  return pane !== null && (pane.scrollWidth > pane.clientWidth || pane.scrollHeight > pane.clientHeight);
}

for (const [id, act] of Object.entries(actions)) element(id).addEventListener("click", act);
slider.addEventListener("input", () => go(Number(slider.value)));
document.addEventListener("keydown", (event) => {
  const modified = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
  const action = keys[event.key];
  if (!action || modified || usesItself(event.target, event.key)) return;
  event.preventDefault();
  if (!(event.repeat && action === "play")) actions[action]();
});

// Panes that scroll can be reached by Tab, so that the keys can scroll them.
for (const pane of document.querySelectorAll(".pane")) {
  new ResizeObserver(() => {
    const scrolls = pane.scrollWidth > pane.clientWidth || pane.scrollHeight > pane.clientHeight;
    if (scrolls) pane.tabIndex = 0;
    else pane.removeAttribute("tabindex");
  }).observe(pane);
}

slider.max = last;
element("stepper").hidden = false;
preparePicture();
show(0);
