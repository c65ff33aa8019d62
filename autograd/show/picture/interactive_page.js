// The page shows one view of a graph at a time: a picture that Graphviz has laid out, here or where the page was
// made. All texts are the engine's, and reach the page as textContent or as the text of a picture.
const element = (id) => document.getElementById(id);
const pane = element("graph");
const tip = element("tip");
const panel = element("panel");

const { views, details } = await unpacked(element("data").textContent);
const drawn = new Map();
const THEMES = ["light", "dark"];

let shown = null;
let picture = null;
let open = null;

/** What a page was given: JSON, compressed, in letters. */
async function unpacked(letters) {
  const bytes = Uint8Array.from(atob(JSON.parse(letters)), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

/** An element with texts and elements in it. */
function made(tag, ...children) {
  const item = document.createElement(tag);
  item.append(...children);
  return item;
}

// ------------------------------------------------------------------------------------ the pictures

/** The picture of a view: in the page, among its data, or to be laid out. */
async function drawing(key) {
  if (!drawn.has(key)) {
    const { svg, source } = views[key];
    drawn.set(key, prepared(key, svg === "" ? pane.firstElementChild : parsed(svg ?? (await laidOut(source)))));
  }
  return drawn.get(key);
}

function parsed(svg) {
  const text = svg.slice(svg.indexOf("<svg"));
  return document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
}

async function laidOut(source) {
  tell("Laying out the graph …");
  const engine = await globalThis.Graphviz.load();
  const svg = engine.dot(source, "svg");
  tell("");
  return svg;
}

function tell(message) {
  element("message").textContent = message;
  element("message").hidden = message === "";
}

function prepared(key, svg) {
  const { width, height } = svg.viewBox.baseVal;
  svg.natural = { width, height };
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", views[key].title || "all");
  // Graphviz' titles, which browsers show under the mouse, are ids.
  for (const title of svg.querySelectorAll("title")) title.remove();
  // The paper: the page's own shows.
  svg.querySelector(".graph > polygon")?.remove();
  const own = THEMES.find((theme) => svg.querySelector(".graph").classList.contains(theme));
  if (own !== undefined) setTheme(own, true);
  else for (const shape of svg.querySelectorAll("[fill], [stroke]")) themed(shape);
  svg.items = [...svg.querySelectorAll("g.node, g.edge, g.cluster")].filter((item) => prepareItem(key, item));
  // One of the parts of an edge, of which all tell the same, is enough for the keys.
  const labels = svg.items.map((item) => item.getAttribute("aria-label"));
  svg.items = svg.items.filter((item, i) => labels.indexOf(labels[i]) === i);
  if (svg.items.length) svg.items[0].tabIndex = 0;
  return svg;
}

/** Make the page light or dark; for good, where the picture is drawn in one of them. */
function setTheme(theme, forGood = false) {
  const { dataset } = document.documentElement;
  if (dataset.forGood) return;
  dataset.theme = theme;
  if (forGood) dataset.forGood = "true";
}

/**
 * Let a colour that Graphviz wrote have its counterpart in the dark: greys and pale colours become as dark as they
 * were light, lines and letters light; strong colours stay, since they mean something.
 */
function themed(shape) {
  // What is coloured by a number has dark letters on it in both themes; a legend shows the same colours.
  if (shape.closest(".tinted") || (shape.parentNode.matches(".graph") && shape.tagName === "polygon")) return;
  const thin = shape.closest(".edge") !== null || shape.tagName === "text";
  const isFrame = shape.parentNode.matches(".cluster") && shape.tagName !== "text";
  for (const property of isFrame ? ["stroke"] : ["fill", "stroke"]) {
    const colour = shape.getAttribute(property);
    if (!colour || colour === "none" || colour === "transparent") continue;
    const [dark, strong] = thin || property === "stroke" ? ["1.15 - .75 * l", "l + .08"] : ["1 - .74 * l", "l"];
    const share = shape.tagName === "text" ? "0" : "clamp(0, (c - .05) / .08, 1)";
    const lightness = `(${dark}) * (1 - ${share}) + (${strong}) * ${share}`;
    shape.style[property] = `light-dark(${colour}, oklch(from ${colour} calc(${lightness}) c h))`;
  }
}

/** Make a node, an edge or a frame answer the mouse and the keys, if there is something to tell or to unfold. */
function prepareItem(key, item) {
  const target = views[key].unfolds[item.id];
  const detail = details[item.id];
  if (target === undefined && detail === undefined) return false;
  item.classList.add("item");
  item.classList.toggle("explained", Boolean(detail?.explanation));
  item.classList.toggle("unfolds", target !== undefined && !encloses(target, key));
  item.classList.toggle("folds", target !== undefined && encloses(target, key));
  item.setAttribute("role", target !== undefined || detail.explanation ? "button" : "img");
  item.setAttribute("aria-label", spoken(item, detail));
  item.tabIndex = -1;
  if (item.classList.contains("edge")) widened(item);
  return true;
}

function spoken(item, detail) {
  if (detail) return [detail.title, ...detail.rows.map((row) => row.join(" "))].join(", ");
  return [...item.querySelectorAll("text")].map((text) => text.textContent).join(", ");
}

/** A line is too thin to be pointed at. */
function widened(edge) {
  const line = edge.querySelector("path");
  if (line === null) return;
  const reach = line.cloneNode();
  reach.removeAttribute("style");
  reach.setAttribute("class", "reach");
  edge.prepend(reach);
}

// --------------------------------------------------------------------------------------- the views

/** Whether a module is around another one, or is it; "" is around all. */
const encloses = (outer, inner) => outer === "" || inner === outer || inner.startsWith(`${outer}.`);

async function show(key) {
  const [before, left, focused] = [picture, shown, pane.contains(document.activeElement)];
  picture = await drawing(key);
  shown = key;
  hideTip();
  pane.replaceChildren(picture);
  showTrail();
  fit();
  askForHeight();
  if (open !== null) mark();
  if (focused) focusOn(arrival(before, left) ?? picture.items[0]);
}

/** The item that has the focus after a change of views: the module that was folded, or the first of its parts. */
function arrival(before, left) {
  const known = new Set(before.items.map((item) => item.id));
  const { unfolds } = views[shown];
  return picture.items.find((item) => item.classList.contains("unfolds") && encloses(unfolds[item.id], left))
    ?? picture.items.find((item) => !known.has(item.id) && !item.classList.contains("cluster"));
}

function showTrail() {
  const around = Object.keys(views).filter((key) => encloses(key, shown));
  around.sort((a, b) => a.length - b.length);
  const steps = around.map((key) => {
    const step = made(key === shown ? "strong" : "button", views[key].title || "all");
    if (key === shown) step.setAttribute("aria-current", "true");
    else step.addEventListener("click", () => show(key));
    return made("li", step);
  });
  element("trail").replaceChildren(...(steps.length > 1 || views[shown].title ? steps : []));
}

/** Show the view around the present one. */
function fold() {
  const around = Object.keys(views).filter((key) => key !== shown && encloses(key, shown));
  if (around.length) show(around.sort((a, b) => b.length - a.length)[0]);
}

// ------------------------------------------------------------------------------------ zoom and pan

// The pixels of a unit of the picture, and the point of the picture in the middle of the pane.
const camera = { scale: 1, x: 0, y: 0, fits: true };
const LARGEST = 8;

/** Show all of the width; and all of the height, unless the text would get too small to read. */
function fit() {
  const { width, height } = picture.natural;
  const [across, down] = [pane.clientWidth / width, pane.clientHeight / height];
  const scale = Math.min(across, Math.max(down, 0.7), 1.9);
  const y = scale > down ? pane.clientHeight / scale / 2 : height / 2;
  Object.assign(camera, { scale, x: width / 2, y, fits: true });
  aim();
}

/** Tell the notebook around the page how high the picture is, as wide as it is shown. */
function askForHeight() {
  if (parent === window) return;
  const { width, height } = picture.natural;
  // A unit of the picture is a point, of 4/3 pixels.
  const high = height * Math.min(document.documentElement.clientWidth / width, 4 / 3) + pane.offsetTop + 8;
  // Below the picture, the panel takes up to half of the page.
  const isBelow = panel.offsetTop > pane.offsetTop;
  const asked = panel.hidden ? high : Math.max(isBelow ? 2 * high : high, 448);
  parent.postMessage({ height: Math.round(asked) }, "*");
}

/** Set what is seen; the picture cannot be lost. */
function aim() {
  const { width, height } = picture.natural;
  const [w, h] = [pane.clientWidth / camera.scale, pane.clientHeight / camera.scale];
  const within = (at, size, seen) => (seen >= size ? size / 2 : Math.min(Math.max(at, seen / 2), size - seen / 2));
  camera.x = within(camera.x, width, w);
  camera.y = within(camera.y, height, h);
  picture.setAttribute("viewBox", `${camera.x - w / 2} ${camera.y - h / 2} ${w} ${h}`);
  pane.classList.toggle("beyond", w < width - 1 || h < height - 1);
}

/** Zoom, and keep a point of the pane where it is. */
function zoom(factor, x = pane.clientWidth / 2, y = pane.clientHeight / 2) {
  const { width, height } = picture.natural;
  const smallest = Math.min(pane.clientWidth / width, pane.clientHeight / height, 1);
  const scale = Math.min(Math.max(camera.scale * factor, smallest), LARGEST);
  const nearer = 1 / camera.scale - 1 / scale;
  camera.x += (x - pane.clientWidth / 2) * nearer;
  camera.y += (y - pane.clientHeight / 2) * nearer;
  camera.scale = scale;
  camera.fits = false;
  aim();
}

/** Move what is seen by pixels; return whether that was possible. */
function pan(right, down) {
  const { x, y } = camera;
  camera.x += right / camera.scale;
  camera.y += down / camera.scale;
  aim();
  const could = camera.x !== x || camera.y !== y;
  if (could) camera.fits = false;
  return could;
}

pane.addEventListener("wheel", (event) => {
  const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
  const [across, down] = [event.deltaX * pixels, event.deltaY * pixels];
  hideTip();
  if (event.ctrlKey || event.metaKey) {
    const box = pane.getBoundingClientRect();
    zoom(Math.exp(-down / 300), event.clientX - box.left, event.clientY - box.top);
    event.preventDefault();
  } else if (event.shiftKey ? pan(down || across, 0) : pan(across, down)) {
    // At the end of the picture, the page around it scrolls on.
    event.preventDefault();
  }
}, { passive: false });

// A press is a click until it has moved. Two fingers zoom about the point between them.
const fingers = new Map();
let moved = false;

pane.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (fingers.size === 0) moved = false;
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
});
pane.addEventListener("pointermove", (event) => {
  const from = fingers.get(event.pointerId);
  if (from === undefined) return;
  const [x, y] = [event.clientX, event.clientY];
  if (!moved && Math.hypot(x - from[0], y - from[1]) < 4) return;
  if (!moved) pane.setPointerCapture(event.pointerId);
  moved = true;
  pane.classList.add("dragged");
  hideTip();
  fingers.set(event.pointerId, [x, y]);
  const others = [...fingers].filter(([id]) => id !== event.pointerId);
  if (others.length) pinch(others[0][1], from, [x, y]);
  else pan(from[0] - x, from[1] - y);
});
for (const end of ["pointerup", "pointercancel"]) {
  // Listened for everywhere: a press that has not moved may end outside.
  addEventListener(end, (event) => {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) pane.classList.remove("dragged");
  });
}

function pinch(still, from, to) {
  const apart = (finger) => Math.hypot(finger[0] - still[0], finger[1] - still[1]);
  const box = pane.getBoundingClientRect();
  const [x, y] = [(still[0] + to[0]) / 2, (still[1] + to[1]) / 2];
  zoom(apart(to) / Math.max(apart(from), 1), x - box.left, y - box.top);
}

new ResizeObserver(() => {
  if (picture === null) return;
  (camera.fits ? fit : aim)();
  askForHeight();
}).observe(pane);

// --------------------------------------------------------------------------- what is told of an item

const itemAt = (target) => target.closest?.(".item") ?? null;

function listed(rows) {
  return rows.flatMap(([name, text]) => [made("dt", name), made("dd", text)]);
}

function showTip(item, x, y) {
  const detail = details[item.id] ?? { title: spoken(item), rows: [], explanation: "" };
  const hint = item.classList.contains("unfolds") ? "click to unfold"
    : item.classList.contains("folds") ? "click to fold"
    : detail.explanation ? "click for the derivation" : "";
  tip.replaceChildren(made("strong", detail.title), made("dl", ...listed(detail.rows)), made("em", hint));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const [right, bottom] = [document.documentElement.clientWidth, document.documentElement.clientHeight];
  tip.style.left = `${Math.max(4, Math.min(x + 14, right - width - 4))}px`;
  tip.style.top = `${y + 16 + height > bottom ? Math.max(4, y - height - 12) : y + 16}px`;
}

function hideTip() {
  tip.hidden = true;
}

pane.addEventListener("pointermove", (event) => {
  const item = itemAt(event.target);
  if (item === null || fingers.size) hideTip();
  else showTip(item, event.clientX, event.clientY);
});
pane.addEventListener("pointerleave", hideTip);
pane.addEventListener("focusin", (event) => {
  const item = itemAt(event.target);
  if (item === null || !item.matches(":focus-visible")) return;
  const box = item.getBoundingClientRect();
  showTip(item, box.left, box.bottom - 8);
});
pane.addEventListener("focusout", hideTip);

function activate(item) {
  const target = views[shown].unfolds[item.id];
  if (target !== undefined) show(target);
  else if (details[item.id]?.explanation) explain(item.id);
}

function explain(id) {
  const { title, rows, explanation } = details[id];
  open = id;
  element("name").textContent = title;
  element("rows").replaceChildren(...listed(rows));
  element("explanation").replaceChildren(...lined(explanation));
  panel.hidden = false;
  panel.scrollTop = 0;
  askForHeight();
  hideTip();
  mark();
}

/** Lines of a text: what is too long for the panel goes on below its beginning, and titles stand out. */
function lined(text) {
  const lines = text.split("\n");
  const indents = lines.map((line) => line.search(/\S|$/));
  return lines.map((line, i) => {
    const item = made(indents[i] === 0 && indents[i + 1] > 0 ? "strong" : "span", line.trimStart());
    item.style.paddingLeft = `${indents[i] + 2}ch`;
    return item;
  });
}

function closePanel() {
  const item = picture.querySelector(".open");
  panel.hidden = true;
  askForHeight();
  open = null;
  mark();
  item?.focus({ preventScroll: true });
  hideTip();
}

function mark() {
  for (const item of picture.querySelectorAll(".item")) item.classList.toggle("open", item.id === open);
}

pane.addEventListener("click", (event) => {
  const item = itemAt(event.target);
  if (item !== null && !moved) activate(item);
});

// ---------------------------------------------------------------------------------------- the keys

const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function middle(item) {
  const { left, right, top, bottom } = item.getBoundingClientRect();
  return [(left + right) / 2, (top + bottom) / 2];
}

/** The item to which an arrow goes: near, and in its direction rather than beside. */
function neighbour(item, [right, down]) {
  const [x, y] = middle(item);
  let [nearest, least] = [null, Infinity];
  for (const other of picture.items) {
    const [across, along] = [middle(other)[0] - x, middle(other)[1] - y];
    const ahead = across * right + along * down;
    const beside = Math.abs(across * down) + Math.abs(along * right);
    const distance = ahead + 2 * beside;
    if (ahead > 1 && distance < least) [nearest, least] = [other, distance];
  }
  return nearest;
}

/** Move what is seen until an item is in it. */
function reveal(item) {
  const [outer, inner] = [pane.getBoundingClientRect(), item.getBoundingClientRect()];
  const excess = (start, end, low, high) => Math.min(start - low, 0) || Math.max(end - high, 0);
  const { fits } = camera;
  pan(
    excess(inner.left - 16, inner.right + 16, outer.left, outer.right),
    excess(inner.top - 16, inner.bottom + 16, outer.top, outer.bottom),
  );
  // Nobody has chosen what is seen: when the page gets another size, all of it is again.
  camera.fits = fits;
}

function focusOn(item) {
  if (item === undefined) return;
  for (const other of picture.items) other.tabIndex = -1;
  item.tabIndex = 0;
  reveal(item);
  item.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const item = itemAt(event.target);
  const act = {
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit,
    Escape: () => (panel.hidden ? fold() : closePanel()),
    Enter: item && (() => activate(item)),
    " ": item && (() => activate(item)),
  }[event.key] ?? (item && TURNS[event.key] && (() => {
    const next = neighbour(item, TURNS[event.key]);
    if (next) focusOn(next);
  }));
  if (!act) return;
  event.preventDefault();
  act();
});

element("larger").addEventListener("click", () => zoom(1.25));
element("smaller").addEventListener("click", () => zoom(0.8));
element("fit").addEventListener("click", fit);
element("close").addEventListener("click", closePanel);

// A notebook tells whether it is light or dark; else the page is as the system is.
addEventListener("message", ({ source, data }) => {
  if (source === parent && ["", ...THEMES].includes(data?.theme)) setTheme(data.theme);
});

element("tools").hidden = false;
pane.classList.add("live");
try {
  await show(Object.keys(views)[0]);
} catch (error) {
  tell(`The graph cannot be laid out: ${error.message}`);
}
