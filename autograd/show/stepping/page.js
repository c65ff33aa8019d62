"use strict";

// What the page shows is a function of the moment's number, of the leaves' numbers and of the order of the
// sweep. Names and formulas reach the page as textContent only.
const { program, predict } = JSON.parse(document.getElementById("data").textContent);
const { nodes } = program;
const root = nodes.length - 1;
const MATHML = "http://www.w3.org/1998/Math/MathML";
const SVG = "http://www.w3.org/2000/svg";
const element = (id) => document.getElementById(id);
const slider = element("slider");
const play = element("play");
const given = nodes.map((node) => (node.op ? undefined : numberOf(node.value)));
const leaves = [...given];

let run = new Run(program, RULES, leaves);
let last = run.moments.length - 1;
let current = 0;
let timer = null;
let chosen = null;

function made(tag, text = "", className = "") {
  const item = document.createElement(tag);
  item.textContent = text;
  item.className = className;
  return item;
}

function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** The numbers known at a moment: what all moments up to it have changed. Leaves are known from the start. */
function stateAt(moment) {
  const state = { values: [...leaves], gradients: [], complete: [], updated: [], edges: {} };
  let round = run.moments[1].round;
  for (const change of run.moments.slice(0, moment + 1)) {
    if (change.round && change.round !== round) {
      round = change.round;
      forgetSweep(state);
    }
    if (change.value !== undefined) state.values[change.target] = change.value;
    if (change.gradient !== undefined) state.gradients[change.target] = change.gradient;
    if (change.complete) state.complete[change.target] = true;
    if (change.phase === "Update") state.updated[change.target] = true;
    if (change.passing) state.edges[edgeId(change.passing)] = change;
  }
  return state;
}

/** A descent begins again with the values of the leaves alone. */
function forgetSweep(state) {
  state.values = state.values.map((value, i) => (nodes[i].op ? undefined : value));
  Object.assign(state, { gradients: [], complete: [], updated: [], edges: {} });
}

const edgeId = ({ node, slot }) => `edge${node}_${slot}`;
const isBroken = (number) => number !== undefined && !Number.isFinite(number);

/** The right gradient of a node, if it is complete and a wrong order has made it wrong; else undefined. */
function rightInstead(state, i, { pass }) {
  const right = pass?.right?.get(i);
  if (!state.complete[i] || right === undefined || run.order === "topological") return undefined;
  return digits(state.gradients[i]) === digits(right) ? undefined : right;
}

// ------------------------------------------------------------------------------------- the picture

const picture = document.querySelector("#graph > svg");
const nodeShapes = nodes.map((_, i) => element(`node${i}`));
const edgeShapes = [...picture.querySelectorAll(".edge:not(.constant)")];
const nodeTexts = nodeShapes.map((shape) => [...shape.querySelectorAll("text")].slice(-2));
const rooms = [];

function preparePicture() {
  const { width, height } = picture.viewBox.baseVal;
  picture.style.setProperty("--width", `${(width * 4) / 3}px`);
  picture.style.setProperty("--height", `${(height * 4) / 3}px`);
  picture.removeAttribute("width");
  picture.removeAttribute("height");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `Graph of ${nodes[root].name}`);
  // Graphviz' titles, which browsers show under the mouse, are the ids.
  for (const title of picture.querySelectorAll("title")) title.remove();
  nodeShapes.forEach((shape, i) => {
    const { right, middle, width: room } = boxOf(shape);
    rooms.push(room - 8);
    if (nodes[i].op || program.fixed[i]) return void shape.addEventListener("click", () => choose(i));
    shape.classList.add("drag");
    const handle = shape.appendChild(document.createElementNS(SVG, "path"));
    handle.setAttribute("class", "handle");
    const [x, y] = [right - 9, middle];
    handle.setAttribute("d", `M${x - 1.5} ${y - 4}l-4 4l4 4zM${x + 1.5} ${y - 4}l4 4l-4 4z`);
    scrubbed(shape, i, () => choose(i));
  });
}

/** Where a box is, by its outline: a frame that is not shown yet has no layout to ask. */
function boxOf(shape) {
  const outline = shape.querySelector("path, polygon");
  const numbers = (outline.getAttribute("d") ?? outline.getAttribute("points")).match(/-?\d+(\.\d+)?/g).map(Number);
  const [xs, ys] = [0, 1].map((start) => numbers.filter((_, i) => i % 2 === start));
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  return { right, middle: (Math.min(...ys) + Math.max(...ys)) / 2, width: right - left };
}

/** Numbers change and boxes do not: a longer text is condensed. */
function fill(target, text, room) {
  if (target.textContent === text) return;
  target.textContent = text;
  target.removeAttribute("textLength");
  if (target.getComputedTextLength() <= room) return;
  target.setAttribute("textLength", room);
  target.setAttribute("lengthAdjust", "spacingAndGlyphs");
}

function showPicture(state, change, passing) {
  const { phase, target } = change;
  nodeShapes.forEach((shape, i) => {
    const [value, gradient] = nodeTexts[i];
    const [number, slope, right] = [state.values[i], state.gradients[i], rightInstead(state, i, change)];
    const instead = right === undefined ? "" : `, not ${digits(right)}`;
    // Beside the number of a leaf is its handle.
    const room = shape.classList.contains("drag") ? rooms[i] - 20 : rooms[i];
    fill(value, number === undefined ? "" : `value ${digits(number)}`, room);
    fill(gradient, slope === undefined ? "" : `gradient ${digits(slope)}${instead}`, rooms[i]);
    shape.classList.toggle("known", number !== undefined);
    shape.classList.toggle("partly", slope !== undefined && !state.complete[i]);
    shape.classList.toggle("complete", Boolean(state.complete[i]));
    shape.classList.toggle("updated", Boolean(state.updated[i]));
    shape.classList.toggle("broken", isBroken(number) || isBroken(slope));
    shape.classList.toggle("wrong", right !== undefined);
    shape.classList.toggle("now", i === target);
    shape.classList.toggle("chosen", i === chosen);
    shape.classList.toggle("from", passing !== undefined && i === passing.node);
  });
  element("unbounded").hidden = !nodeShapes.some((shape) => shape.classList.contains("broken"));
  for (const shape of edgeShapes) {
    const passed = state.edges[shape.id];
    const lines = passed ? run.texts(passed).lines : [];
    shape.querySelectorAll("text").forEach((text, i) => setText(text, lines[i] ?? ""));
    shape.classList.toggle("passed", lines.length > 0);
    shape.classList.toggle("broken", passed !== undefined && isBroken(passed.passing.adds));
    shape.classList.toggle("now", passing !== undefined && shape.id === edgeId(passing));
    shape.classList.toggle("feeds", phase === "Forward" && shape.id.startsWith(`edge${target}_`));
  }
}

function revealInPicture({ target }, passing) {
  for (const id of passing ? [`node${passing.node}`, edgeId(passing)] : []) reveal(element("graph"), element(id));
  if (target !== undefined) reveal(element("graph"), nodeShapes[target]);
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

/** Dots that travel with what flows: values from operands to a node, the gradient back along an edge. */
function travel(change, passing) {
  for (const dot of picture.querySelectorAll(".dot")) dot.remove();
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const shapes = edgeShapes.filter((shape) => shape.matches(passing ? ".now" : ".feeds"));
  const lines = shapes.slice(0, 12).map((shape) => shape.querySelector("path"));
  const dots = lines.map((line) => {
    const dot = line.parentNode.appendChild(document.createElementNS(SVG, "circle"));
    dot.setAttribute("class", "dot");
    dot.setAttribute("r", 4.5);
    return [dot, line, line.getTotalLength()];
  });
  const [start, length] = [performance.now(), Math.min(800, 0.7 * Number(element("speed").value))];
  const step = (time) => {
    const share = Math.min(1, Math.max(0, time - start) / length);
    for (const [dot, line, total] of dots) {
      const { x, y } = line.getPointAtLength(total * (passing ? 1 - share : share));
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
      if (share === 1) dot.remove();
    }
    if (share < 1 && dots.some(([dot]) => dot.isConnected)) requestAnimationFrame(step);
  };
  step(start);
}

// ---------------------------------------------------------------------------------------- the numbers

const rows = nodes.map((node, i) => {
  const row = element("body").insertRow();
  const head = row.appendChild(made("th"));
  head.scope = "row";
  head.append(made("button", node.name, "name"));
  head.firstChild.type = "button";
  head.firstChild.title = "Show the derivation";
  head.firstChild.addEventListener("click", () => choose(i));
  row.insertCell().textContent = node.op ? run.formula(i) : "given";
  const cell = row.insertCell();
  row.insertCell();
  if (!node.op && !program.fixed[i]) prepareInput(cell, i);
  return row;
});

/** A leaf has its number in a field, beside a handle to drag. */
function prepareInput(cell, i) {
  const handle = made("span", "◂▸", "handle");
  handle.title = "Drag to change";
  handle.setAttribute("aria-hidden", "true");
  const input = made("input");
  Object.assign(input, { type: "text", inputMode: "decimal", size: 7, autocomplete: "off" });
  input.setAttribute("aria-label", `Value of ${nodes[i].name}`);
  input.addEventListener("input", () => {
    const number = typed(input.value);
    input.classList.toggle("bad", number === undefined);
    if (number !== undefined) setLeaf(i, number);
  });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("blur", () => {
    input.classList.remove("bad");
    show(current, false);
  });
  input.addEventListener("keydown", (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (way === undefined) return;
    event.preventDefault();
    setLeaf(i, nudged(leaves[i], leaves[i], way));
    input.value = digits(leaves[i]);
  });
  cell.append(handle, input);
  scrubbed(handle, i, () => input.focus());
}

/** The number that somebody types: also a fraction, and a comma in place of the point. */
function typed(text) {
  const parts = text.trim().replace("−", "-").replace(",", ".").split("/");
  const numbers = parts.map((part) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part.trim()) ? Number(part) : NaN));
  if (parts.length === 1 && /^[+-]?(inf|nan)$/.test(parts[0])) return numberOf(parts[0].replace(/^[+-]?nan/, "nan"));
  const number = parts.length === 2 ? numbers[0] / numbers[1] : numbers[0];
  return parts.length > 2 || Number.isNaN(number) ? undefined : number;
}

/** A number some steps away: a step is a unit of its second digit, and a tenth for numbers near 0. */
function nudged(start, from, steps) {
  if (!Number.isFinite(from)) return steps;
  const step = 10 ** (Math.floor(Math.log10(Math.max(Math.abs(start), 1) + 1e-12)) - 1);
  return Number((Math.round(from / step + steps) * step).toPrecision(12)) + 0;
}

/** Let a leaf follow the pointer; a press without a move does something else. */
function scrubbed(target, i, press) {
  let from = null;
  target.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = { x: event.clientX, start: leaves[i], moved: false };
    target.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  target.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const distance = event.clientX - from.x;
    if (!from.moved && Math.abs(distance) < 4) return;
    from.moved = true;
    document.body.classList.add("dragging");
    const steps = Math.trunc(distance / 4) * (event.shiftKey ? 10 : 1);
    setLeaf(i, nudged(from.start, from.start, steps));
  });
  const end = (event) => {
    document.body.classList.remove("dragging");
    if (from !== null && !from.moved && event.type === "pointerup") press();
    from = null;
  };
  target.addEventListener("pointerup", end);
  target.addEventListener("pointercancel", end);
}

function setLeaf(i, number) {
  stop();
  leaves[i] = number;
  // Where a descent has changed the leaf, the number that one gives it is that of the start.
  const isUpdated = run.moments.slice(0, current + 1).some(({ phase, target }) => phase === "Update" && target === i);
  if (isUpdated) current = 0;
  element("reset").hidden = leaves.every((leaf, j) => Object.is(leaf, given[j]));
  compute();
}

/** Compute all moments again, for the numbers and the order that there are now. */
function compute() {
  run = new Run(program, RULES, leaves, element("order").value);
  last = run.moments.length - 1;
  slider.max = last;
  showMarks();
  show(current, false);
}

function showRows(state, change, passing) {
  rows.forEach((row, i) => {
    const [, , value, gradient] = row.cells;
    const [number, slope, right] = [state.values[i], state.gradients[i], rightInstead(state, i, change)];
    const input = value.querySelector("input");
    const text = number === undefined ? "" : digits(number);
    if (!input) setText(value, text);
    else if (input !== document.activeElement) input.value = text;
    setText(gradient, slope === undefined ? "" : digits(slope));
    if (right !== undefined) gradient.append(made("span", ` right: ${digits(right)}`, "right"));
    value.classList.toggle("broken", isBroken(number));
    gradient.classList.toggle("broken", isBroken(slope));
    gradient.classList.toggle("wrong", right !== undefined);
    gradient.classList.toggle("partly", !state.complete[i]);
    row.classList.toggle("now", i === change.target);
    row.classList.toggle("chosen", i === chosen);
    row.classList.toggle("from", passing !== undefined && i === passing.node);
  });
}

// ----------------------------------------------------------------------------------- the explanation

function math(tag, ...children) {
  const item = document.createElementNS(MATHML, tag);
  item.append(...children);
  return item;
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

function typeset(equations) {
  if (!equations.length) return [];
  const lines = equations.map((parts) => math("mtr", math("mtd", math("mrow", ...parts.map(term)))));
  const table = math("mtable", ...lines);
  table.setAttribute("displaystyle", "true");
  return [math("math", table)];
}

function choose(i) {
  chosen = chosen === i ? null : i;
  show(current, false);
  if (chosen !== null) element("rows").scrollTop = 0;
}

const MOST_USES = 12;

/** The value of the chosen node with its numbers, and its gradient as the sum over its uses. */
function showDerivation(state, { pass = run.passes[0] }) {
  element("derivation").hidden = chosen === null;
  if (chosen === null) return;
  const [i, node, name] = [chosen, nodes[chosen], nodes[chosen].name];
  const [head, body] = element("derivation").querySelectorAll("h2, div");
  setText(head, name);
  const { values, partials, gradients } = pass;
  const sides = node.op ? [run.formula(i), run.substituted(i, values), digits(values[i])] : [`${digits(values[i])} is given`];
  const parts = [made("p", [name, ...sides].join(" = "))];
  const isHidden = quiz.isOn && !state.complete[i];
  if (isHidden) parts.push(made("p", "The gradient is shown when you have predicted it."));
  else if (i === root) parts.push(made("p", `${run.total(root, root)} = 1: it is the result.`));
  else if (!gradients?.has(i)) parts.push(made("p", "No gradient flows here: it is only compared, or selects."));
  else parts.push(...derivedGradient(i, { values, partials, gradients }));
  body.replaceChildren(...parts);
}

function derivedGradient(i, { partials, gradients }) {
  const uses = program.sweep.flatMap((j) => (nodes[j].slots ?? []).map((slot, k) => [j, slot, k]));
  const own = uses.filter(([j, slot]) => nodes[j].args[slot] === i);
  const shown = own.slice(0, MOST_USES);
  const lines = shown.map(([j, slot, k]) => {
    const [gradient, partial] = [gradients.get(j), partials[j][slot]];
    const rule = pieces(nodes[j].rules[k]);
    const why = rule && rule !== digits(partial) ? `  with ∂ = ${rule} = ${digits(partial)}` : "";
    return [["d", root, j], "·", ["∂", j, i], `= ${product(digits(gradient), digits(partial))} = ${digits(gradient * partial)}${why}`];
  });
  const terms = shown.map(([j, slot]) => digits(gradients.get(j) * partials[j][slot]));
  if (own.length > shown.length) terms.push(`… ${own.length - shown.length} more`);
  const total = terms.reduce((text, next) => sum(text, next));
  const whole = terms.length > 1 ? `= ${total} = ${digits(gradients.get(i))}` : `= ${total}`;
  const title = own.length === 1 ? "Its gradient comes from its one use:" : `Its gradient is the sum over its ${own.length} uses:`;
  return [made("p", title), ...typeset([...lines, [["d", root, i], whole]])];
}

const pieces = (found) => found.map((piece) => (typeof piece === "number" ? nodes[piece].name : piece)).join("");

const MOST_LEAVES = 24;

/** At the end: the result and the gradients of the leaves. */
function showSummary() {
  const isEnd = current === last;
  element("summary").hidden = !isEnd;
  if (!isEnd) return;
  const [head, body] = element("summary").querySelectorAll("h2, div");
  const results = run.passes.map((pass) => digits(pass.values[root]));
  const isDescent = program.descent !== null;
  setText(head, `${nodes[root].name} = ${isDescent ? `${results[0]} → ${results.at(-1)}` : results[0]}`);
  const pass = run.passes.findLast((item) => item.gradients);
  const found = nodes.flatMap((node, i) => (!node.op && pass.gradients.has(i) ? [i] : []));
  const size = (i) => Math.abs(pass.gradients.get(i));
  const most = new Set(found.toSorted((i, j) => size(j) - size(i)).slice(0, MOST_LEAVES));
  const items = found.filter((i) => most.has(i)).map((i) => {
    const right = pass.right.get(i);
    const isWrong = digits(pass.gradients.get(i)) !== digits(right);
    const instead = isWrong ? `, not ${digits(right)}` : "";
    const kind = isWrong ? "wrong" : isBroken(pass.gradients.get(i)) ? "broken" : "";
    const way = isDescent && program.descent.leaves.includes(i) ? ` (${digits(leaves[i])} → ${digits(run.passes.at(-1).values[i])})` : "";
    return made("li", `${run.total(root, i)} = ${digits(pass.gradients.get(i))}${instead}${way}`, kind);
  });
  if (found.length > most.size) items.push(made("li", `… ${found.length - most.size} more, which are smaller`));
  const list = made("ul");
  list.append(...items);
  const score = quiz.asked ? [made("p", `You predicted ${quiz.right} of ${quiz.asked} gradients at the first try.`)] : [];
  const title = isDescent ? "The gradients of the last descent:" : "The gradients of the leaves:";
  body.replaceChildren(...score, made("p", title), list);
}

/** The results of the descents so far, the one of now marked. */
function showCurve({ pass }) {
  element("curve").hidden = program.descent === null;
  if (program.descent === null) return;
  const results = run.passes.map(({ values }) => values[root]);
  const finite = results.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const x = (i) => 8 + (304 * i) / Math.max(results.length - 1, 1);
  const y = (number) => (high > low ? 82 - (74 * (number - low)) / (high - low) : 45);
  const points = results.flatMap((number, i) => (Number.isFinite(number) ? [`${x(i).toFixed(1)} ${y(number).toFixed(1)}`] : []));
  element("line").setAttribute("d", points.length ? `M${points.join("L")}` : "");
  const now = pass?.index ?? 0;
  element("point").toggleAttribute("hidden", !Number.isFinite(results[now]));
  element("point").setAttribute("cx", x(now));
  element("point").setAttribute("cy", Number.isFinite(results[now]) ? y(results[now]) : 0);
  const text = `${nodes[root].name} after ${now} of ${results.length - 1} descents: ${digits(results[now])}`;
  setText(document.querySelector("#curve figcaption"), text);
  document.querySelector("#curve svg").setAttribute("aria-label", text);
}

// ------------------------------------------------------------------------------------ the wrong order

/** What a wrong order has done to the gradients of this graph, in a sentence or two. */
function verdict() {
  if (run.order === "topological") return "";
  const name = (i) => nodes[i].name;
  if (!run.flows.length && program.sweep.length > 1) {
    return "So many paths lead through this graph that a sweep without an order would pass on more than 1,000 times.";
  }
  const { gradients, right } = run.passes.findLast((pass) => pass.gradients);
  const wrong = [...right.keys()].filter((i) => digits(gradients.get(i)) !== digits(right.get(i)));
  const faulty = run.moments.find(({ passing }) => passing && (passing.again || passing.heard < (run.used.get(passing.node) ?? 0)));
  if (!faulty) {
    return "In this graph the order makes no difference: every intermediate result is complete when it is first reached, since it is used once.";
  }
  const { node } = faulty.passing;
  const uses = run.used.get(node);
  const why = run.order === "once"
    ? `${name(node)} passed on before all of its ${uses} contributions had arrived.`
    : `${name(node)} passed on its sum each time that one of its ${uses} contributions arrived, so that the first arrived below more than once.`;
  const cure = "In topological order a node waits for all of its consumers, and passes on once.";
  if (!wrong.length) return `${why} The gradients come out right here by chance. ${cure}`;
  const shown = wrong.slice(-3).reverse().map((i) => `${run.total(root, i)} comes out as ${digits(gradients.get(i))} instead of ${digits(right.get(i))}`);
  return `Wrong: ${shown.join(", ")}. ${why} ${cure}`;
}

function showVerdict() {
  const text = verdict();
  element("verdict").hidden = !text;
  element("verdict").classList.toggle("wrong", text.startsWith("Wrong"));
  setText(element("verdict"), text);
}

// --------------------------------------------------------------------------------- predict the gradient

const quiz = { isOn: predict, asked: 0, right: 0, done: new Map(), tries: 0, at: null };

/** Whether the moment is a gradient that is still to be predicted; a wrong order has none worth predicting. */
const isAsked = (moment) =>
  quiz.isOn && run.order === "topological" && moment.passing !== undefined && Number.isFinite(moment.passing.after) && !quiz.done.has(moment);

function ask(moment) {
  const { node, target, gradient, before } = moment.passing;
  if (quiz.at !== moment) {
    Object.assign(quiz, { at: moment, tries: 0 });
    element("answer").value = "";
    setText(element("feedback"), "");
  }
  const [name, other] = [nodes[node].name, nodes[target].name];
  const soFar = before === 0 ? "" : ` So far it is ${digits(before)}.`;
  setText(element("text"), `${name}, whose gradient is ${digits(gradient)}, passes it on to ${other}.`);
  setText(element("question"), `What does the gradient of ${other} become?${soFar}`);
}

const isClose = (answer, number) => digits(answer) === digits(number) || Math.abs(answer - number) <= 0.005 * Math.abs(number);

function grade() {
  const { passing } = quiz.at;
  const answer = typed(element("answer").value);
  if (answer === undefined) return setText(element("feedback"), "Please type a number, such as -0.5 or 1/3.");
  quiz.tries += 1;
  if (isClose(answer, passing.after)) return settle(quiz.tries === 1 ? "Right." : "Right, now.", quiz.tries === 1);
  const { node, slot, target, partial, before, adds, gradient } = passing;
  const name = `∂${joined(nodes[node].name)}/∂${joined(nodes[target].name)}`;
  const rule = pieces(nodes[node].rules[nodes[node].slots.indexOf(slot)]);
  const sides = rule === digits(partial) ? [name, rule] : [name, rule, digits(partial)];
  if (before !== 0 && isClose(answer, adds)) {
    return setText(element("feedback"), `That is what ${nodes[node].name} passes. Add it to the ${digits(before)} that is there.`);
  }
  if (quiz.tries === 1) return setText(element("feedback"), `Not yet: the local partial is ${sides.filter(Boolean).join(" = ")}.`);
  const hint = `${sum(digits(before), product(digits(gradient), digits(partial)))}`;
  if (quiz.tries === 2) return setText(element("feedback"), `Not yet: it is ${hint}.`);
  settle(`It is ${digits(passing.after)}.`, false);
}

/** Count an answer, and show the moment. */
function settle(text, isRight) {
  quiz.done.set(quiz.at, isRight);
  quiz.asked += 1;
  quiz.right += isRight;
  quiz.at = null;
  show(current);
  setText(element("note"), `${text} ${element("note").textContent}`);
  element("forward").focus();
}

element("quiz").addEventListener("submit", (event) => {
  event.preventDefault();
  grade();
});
element("reveal").addEventListener("click", () => settle("Shown.", false));
element("predict").addEventListener("click", () => {
  Object.assign(quiz, { isOn: !quiz.isOn, asked: 0, right: 0, done: new Map(), at: null });
  if (quiz.isOn) go(run.moments.findIndex(({ passing }) => passing) - 1);
  else show(current);
});

// ------------------------------------------------------------------------------------------ moving

function show(moment, isStep = true) {
  current = Math.max(0, Math.min(last, moment));
  const change = run.moments[current];
  const asked = isAsked(change);
  const state = stateAt(asked ? current - 1 : current);
  const { text, note, equations } = run.texts(change);
  document.body.dataset.phase = change.phase;
  setText(element("phase"), [change.round, change.phase].filter(Boolean).join(" · "));
  element("quiz").hidden = !asked;
  element("predict").setAttribute("aria-pressed", quiz.isOn);
  if (asked) ask(change);
  else setText(element("text"), text);
  setText(element("note"), asked ? "" : note);
  element("rule").replaceChildren(...typeset(asked ? [] : equations));
  showPicture(state, change, change.passing);
  showRows(state, change, change.passing);
  showVerdict();
  showDerivation(state, change);
  showSummary();
  showCurve(change);
  if (isStep) {
    revealInPicture(change, change.passing);
    if (current === last) element("rows").scrollTop = 0;
    else if (change.target !== undefined) reveal(element("rows"), rows[change.target]);
    travel(change, change.passing);
    if (asked) element("answer").focus({ preventScroll: true });
  }
  slider.value = current;
  slider.setAttribute("aria-valuetext", `${current} of ${last}, ${change.phase.toLowerCase()}`);
  setText(element("position"), `${current} / ${last}`);
  // A button that is disabled loses the focus, and with it the keys.
  for (const id of ["first", "back"]) element(id).setAttribute("aria-disabled", current === 0);
  for (const id of ["forward", "last"]) element(id).setAttribute("aria-disabled", current === last);
}

/** The phases along the slider; the one moment of the start belongs to the first. */
function showMarks() {
  const found = [];
  for (const { round, phase } of run.moments.slice(1)) {
    const same = found.at(-1);
    if (same?.round === round && same.phase === phase) same.size += 1;
    else found.push({ round, phase, size: 1 });
  }
  const marks = found.map(({ round, phase, size }) => {
    const mark = made("span", size > 0.1 * last ? phase : "", phase);
    mark.style.flexGrow = size;
    mark.title = [round, phase].filter(Boolean).join(" · ");
    return mark;
  });
  element("marks").replaceChildren(...marks);
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
    if (current < last && !isAsked(run.moments[current])) tick();
    else stop();
  }, Number(element("speed").value));
}

function start() {
  show(current === last ? 0 : current + 1);
  if (current === last || isAsked(run.moments[current])) return;
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
  // A gradient that is to be predicted is shown before one goes on.
  forward: () => (isAsked(run.moments[current]) ? element("answer").focus() : go(current + 1)),
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
element("close").addEventListener("click", () => choose(chosen));
element("reset").addEventListener("click", () => {
  leaves.splice(0, leaves.length, ...given);
  element("reset").hidden = true;
  compute();
});
element("order").addEventListener("change", () => {
  compute();
  const sweep = run.moments.findIndex(({ phase }) => phase === "Backward");
  if (run.order !== "topological" || current > sweep) go(sweep);
});
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

// A notebook, whose theme need not be that of the system, says what it is.
addEventListener("message", ({ source, data }) => {
  if (source === parent && ["light", "dark", ""].includes(data?.theme)) {
    document.documentElement.dataset.theme = data.theme;
  }
});

// ------------------------------------------------------------------------------------- the size of it

const LEGIBLE = 0.45;
let isWhole = null;

/**
 * The graph stands above the explanation where it is larger there than beside it. A graph that can be read when
 * it is shown whole is; of another one sees a part, which follows.
 */
function fit() {
  const { width, height } = picture.viewBox.baseVal;
  const scale = (x, y) => (Math.min(x / width, y / height, 1.4) * 3) / 4;
  const [beside, above] = [scale(innerWidth * 0.58, innerHeight - 230), scale(innerWidth - 60, innerHeight * 0.5)];
  const main = element("stepper");
  main.classList.toggle("wide", above > 1.15 * beside);
  main.style.setProperty("--room", `${Math.min(innerHeight * 0.52, (height * (innerWidth - 60)) / width + 50)}px`);
  const pane = element("graph");
  const now = scale(pane.clientWidth - 16, element("picture").clientHeight - 50);
  element("whole").hidden = now >= LEGIBLE;
  pane.classList.toggle("whole", isWhole ?? now >= LEGIBLE);
  element("whole").setAttribute("aria-pressed", pane.classList.contains("whole"));
}

element("whole").addEventListener("click", () => {
  isWhole = element("whole").getAttribute("aria-pressed") !== "true";
  fit();
  revealInPicture(run.moments[current], run.moments[current].passing);
});

slider.max = last;
element("stepper").hidden = false;
const reasons = new Set(program.fixed.filter(Boolean));
element("fixed").hidden = reasons.size === 0;
setText(element("fixed"), [...reasons].map((reason) => `Some numbers cannot be changed here: ${reason}.`).join(" "));
element("symbols").hidden = program.symbols.length === 0;
setText(element("symbols"), program.symbols.map(([symbol, name]) => `${symbol} is ${name}.`).join(" "));
preparePicture();
showMarks();
new ResizeObserver(fit).observe(document.documentElement);
fit();
show(0);
