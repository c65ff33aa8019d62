"use strict";

// What moments.py writes for the numbers that a graph has now. A run is a list of moments: what changes at
// each is kept as numbers, and its texts are written when they are shown.

const HISTORY = 8;
const MOST_FLOWS = 1000;

/** The moments of a graph with other numbers at its leaves, and a backward sweep in some order. */
class Run {
  constructor(program, rules, leaves, order = "topological") {
    Object.assign(this, { program, rules, order, nodes: program.nodes, root: program.nodes.length - 1 });
    this.names = program.nodes.map((node) => node.name);
    this.moments = [];
    this.passes = [];
    this.sweeps = [];
    this.used = new Map();
    for (const i of program.sweep) {
      for (const slot of this.nodes[i].slots ?? []) this.add(this.used, this.nodes[i].args[slot]);
    }
    this.flows = flowsInOrder(program, order);
    this.arrivals = new Map();
    for (const [i, slot] of this.flows) this.add(this.arrivals, this.nodes[i].args[slot]);
    this.start();
    if (program.descent) this.descend([...leaves]);
    else this.sweep(leaves, "");
  }

  add(counter, key) {
    counter.set(key, (counter.get(key) ?? 0) + 1);
    return counter.get(key);
  }

  /** The texts of a moment. */
  texts(moment) {
    const found = { text: "", note: "", equations: [], lines: [], ...moment.write() };
    if (moment.history !== undefined) found.note = this.history(moment.history);
    return found;
  }

  total(y, x) {
    return `d${joined(this.names[y])}/d${joined(this.names[x])}`;
  }

  start() {
    const leaves = this.nodes.filter((node) => !node.op).length;
    const parts = [count(leaves, "leaf", "leaves"), count(this.nodes.length - leaves, "operation")];
    const name = this.names[this.root];
    this.moments.push({
      phase: "Start",
      round: "",
      write: () => ({
        text: `${name} has ${parts.join(" and ")}. Values go forward, then gradients go backward.`,
        note: `The gradient of a node is the derivative of ${name} by it.`,
      }),
    });
  }

  descend(now) {
    const { leaves, rate, times } = this.program.descent;
    for (let i = 0; i < times; i++) {
      const turn = `Descent ${i + 1} of ${times}`;
      const gradients = this.sweep([...now], turn);
      for (const leaf of leaves) {
        const before = now[leaf];
        now[leaf] = before - numberOf(rate) * (gradients.get(leaf) ?? 0);
        this.update(leaf, before, gradients.get(leaf) ?? 0, now[leaf], turn);
      }
    }
    this.forward([...now], `After ${count(times, "descent")}`);
  }

  sweep(leaves, turn) {
    const pass = this.forward(leaves, turn);
    const gradients = new Map([[this.root, 1]]);
    this.seed(turn, pass);
    const [arrived, passed] = [new Map(), new Map()];
    for (const [node, slot] of this.flows) {
      const target = this.nodes[node].args[slot];
      const [gradient, partial] = [gradients.get(node), pass.partials[node][slot]];
      const before = gradients.get(target) ?? 0;
      const adds = gradient * partial;
      gradients.set(target, before + adds);
      // What the node had received itself, and how often it had passed along this edge: both matter in a wrong order.
      const [heard, again] = [arrived.get(node) ?? 0, this.add(passed, `${node} ${slot}`) - 1];
      const nth = this.add(arrived, target);
      const numbers = { gradient, partial, before, adds, after: before + adds };
      this.flow({ node, slot, target, nth, heard, again, ...numbers }, turn, pass);
    }
    pass.gradients = gradients;
    pass.right = this.rightGradients(pass);
    return gradients;
  }

  /** The gradients in topological order, to compare those of a wrong one with. */
  rightGradients({ partials }) {
    const found = new Map([[this.root, 1]]);
    for (const i of this.program.sweep) {
      for (const slot of this.nodes[i].slots ?? []) {
        const target = this.nodes[i].args[slot];
        found.set(target, (found.get(target) ?? 0) + found.get(i) * partials[i][slot]);
      }
    }
    return found;
  }

  /** Values and local partials, by the rules of the rows or as Python has recorded them. */
  forward(leaves, turn) {
    const [values, partials] = [[...leaves], []];
    const recorded = new Map((this.program.recorded[this.passes.length] ?? []).map(([i, ...rest]) => [i, rest]));
    const isFirst = this.passes.length === 0;
    const pass = { values, partials, turn, index: this.passes.length };
    this.passes.push(pass);
    this.nodes.forEach((node, i) => {
      if (recorded.has(i)) {
        const [value, slopes] = recorded.get(i);
        values[i] = numberOf(value);
        partials[i] = slopes.map((slope) => (slope === null ? null : numberOf(slope)));
      } else if (node.op) {
        const args = node.args.map((arg) => (typeof arg === "string" ? numberOf(arg) : values[arg]));
        [values[i], partials[i]] = evaluated(this.rules[node.op], args);
      }
      if (node.op || isFirst) this.value(i, values, turn, pass);
    });
    if (!isFirst) this.moments.at(-1).history = pass.index;
    return pass;
  }

  value(i, values, turn, pass) {
    const write = () => {
      const value = digits(values[i]);
      if (!this.nodes[i].op) return { text: `${this.names[i]} = ${value} is given.` };
      const sides = [this.names[i], this.formula(i), this.substituted(i, values), value];
      return { text: sides.join(" = ") };
    };
    this.moments.push({ phase: "Forward", round: turn, target: i, value: values[i], write, pass });
  }

  history(last) {
    const results = this.passes.slice(0, last + 1).map((pass) => digits(pass.values[this.root]));
    const shown = [...(results.length > HISTORY ? ["…"] : []), ...results.slice(-HISTORY)];
    return `${this.names[this.root]} so far: ${shown.join(" → ")}`;
  }

  formula(i) {
    return this.nodes[i].formula.map((piece) => (typeof piece === "number" ? this.names[piece] : piece)).join("");
  }

  /** The formula with numbers in place of names; a signed one has parentheses after an operator. */
  substituted(i, values) {
    const written = (j) => {
      const text = digits(values[j]);
      return text.startsWith("-") && this.nodes[i].symbol ? `(${text})` : text;
    };
    return this.nodes[i].formula.map((piece) => (typeof piece === "number" ? written(piece) : piece)).join("");
  }

  seed(turn, pass) {
    const { root } = this;
    this.moments.push({
      phase: "Backward",
      round: turn,
      target: root,
      gradient: 1,
      complete: true,
      pass,
      write: () => ({
        text: `The sweep begins at the result: ${this.total(root, root)} = 1.`,
        equations: [[["d", root, root], "= 1"]],
      }),
    });
  }

  flow(passing, turn, pass) {
    const { node, target, nth, after } = passing;
    const used = this.used.get(target);
    const isLast = nth === this.arrivals.get(target);
    this.moments.push({
      phase: "Backward",
      round: turn,
      target,
      gradient: after,
      complete: isLast,
      passing,
      pass,
      write: () => {
        // -0 is 0 to whoever reads one.
        const [gradient, partial, adds] = [passing.gradient, passing.partial, passing.adds].map((x) => digits(x + 0));
        const [name, other] = [this.names[node], this.names[target]];
        const factors = product(gradient, partial);
        const terms = sum(digits(passing.before), adds);
        let note = `${other} is used once, here: its gradient is complete.`;
        if (this.order !== "topological") note = this.fault(passing);
        else if (used > 1) {
          const which = `This is use ${nth}, as operand ${passing.slot + 1} of ${name}`;
          note = `${other} is used ${used} times, and its gradient is the sum over all uses. `;
          note += which + (isLast ? ": the gradient is complete." : ".");
        }
        return {
          text: `${name} passes ${factors} = ${adds} to ${other}, whose gradient becomes ${terms} = ${digits(after)}.`,
          note,
          lines: [`∂ ${partial}`, `adds ${adds}`, `sum ${digits(after)}`],
          equations: [
            [["d", this.root, node], "·", ["∂", node, target], `= ${factors} = ${adds}`],
            [["d", this.root, target], `← ${terms} = ${digits(after)}`],
          ],
        };
      },
    });
  }

  /** What is wrong with a passing in a wrong order. */
  fault({ node, heard, again }) {
    const [name, needed] = [this.names[node], this.used.get(node) ?? 0];
    if (again > 0) return `${name} passes its whole sum again, so what it had passed before arrives once more.`;
    if (heard >= needed) return `Nothing is wrong here: the gradient of ${name} is complete.`;
    const late = this.order === "once" ? "What it receives later is never passed on." : "";
    return `Too early: ${name} has received ${heard} of ${count(needed, "contribution")}, but passes on already. ${late}`;
  }

  update(leaf, before, gradient, after, turn) {
    const { root } = this;
    const rate = this.program.descent.rate;
    this.moments.push({
      phase: "Update",
      round: turn,
      target: leaf,
      value: after,
      pass: this.passes.at(-1),
      write: () => {
        const [name, lr, value] = [this.names[leaf], digits(numberOf(rate)), digits(after)];
        const factors = product(lr, digits(gradient));
        const numbers = `${digits(before)} − ${factors.startsWith("-") ? `(${factors})` : factors} = ${value}`;
        return {
          text: `${name} ← ${name} − lr · ${this.total(root, leaf)} = ${numbers}`,
          note: `A step against the derivative makes ${this.names[root]} smaller, if the learning rate is small.`,
          equations: [[leaf, "←", leaf, "− lr ·", ["d", root, leaf]], [`= ${numbers}`]],
        };
      },
    });
  }
}

/** The value of a row, and its partials by operand. */
function evaluated(rule, args) {
  if (!rule.variadic) {
    const value = rule.value(...args);
    return [value, rule.partials.map((partial) => partial(...args, value))];
  }
  const length = args.length / rule.partials.length;
  const columns = rule.partials.map((_, i) => args.slice(i * length, (i + 1) * length));
  const value = rule.value(...columns);
  return [value, rule.partials.flatMap((partial) => partial(...columns, value))];
}

/**
 * The edges in the order in which a sweep passes along them. "once" goes depth first, and each node passes when
 * it is first reached; "again" passes each time that a node is reached, as a recursion without an order does.
 */
function flowsInOrder({ nodes, sweep }, order) {
  const slotsOf = (i) => nodes[i].slots ?? [];
  if (order === "topological") return sweep.flatMap((i) => slotsOf(i).map((slot) => [i, slot]));
  const [found, reached, root] = [[], new Set(), nodes.length - 1];
  const stack = [[root, 0]];
  while (stack.length) {
    const top = stack.at(-1);
    const [i, next] = top;
    const slots = slotsOf(i);
    if (next === slots.length) {
      stack.pop();
      continue;
    }
    top[1]++;
    found.push([i, slots[next]]);
    if (found.length > MOST_FLOWS) return [];
    const target = nodes[i].args[slots[next]];
    if (order === "once" && reached.has(target)) continue;
    reached.add(target);
    stack.push([target, 0]);
  }
  return found;
}
