// The playground: a pad, one or two networks that read while one draws, and the explanation of any
// of their values. It is mounted on a page or in a notebook.

import { createPad, PAD } from "./drawing.js";
import { element } from "./dom.js";
import { explain } from "./explain.js";
import { createGuard } from "./guard.js";
import {
  ACTIVATIONS,
  buildNetwork,
  DEVIATION,
  forward,
  largest,
  MEAN,
  POOLINGS,
} from "./lenet.js";
import { createMaps } from "./maps.js";
import { fillPanel } from "./panel.js";
import { readWeights, WeightsError } from "./safetensors.js";
import { renderStrokes } from "./strokes.js";
import { untrainedWeights } from "./untrained.js";

const SIDE = 28;
const SMALLEST_DRAWING = PAD / 8; // what is smaller is not made larger: a dot stays a dot
const NONE = "none";
const UNTRAINED = "untrained";
const OPEN = "open a file …";

// Drawings to start from, in pixels of the pad.
const EXAMPLES = {
  0: [[[150, 45], [95, 75], [75, 145], [100, 220], [150, 238], [200, 205], [210, 130], [190, 70],
    [150, 45]]],
  3: [[[85, 75], [125, 45], [180, 60], [185, 105], [130, 132], [190, 150], [205, 200], [155, 238],
    [85, 215]]],
  4: [[[120, 45], [90, 110], [80, 150], [140, 152], [210, 145]],
    [[180, 90], [172, 170], [165, 240]]],
  7: [[[75, 60], [140, 62], [205, 58], [160, 130], [125, 235]]],
  8: [[[190, 75], [140, 45], [95, 80], [140, 130], [195, 185], [150, 238], [95, 205], [140, 135],
    [190, 75]]],
};

// Mounts a playground in `root`. `load(name)` promises the bytes of a network's weights file, and
// `guard()` those of the network that knows what is no digit; `names` lists the networks. `drawn`
// is told each drawing when the pen is lifted.
export function mountPlayground(root, { names, load, guard, drawn = () => {} }) {
  // `wanted` and `views` are what was chosen and what is shown, in the first place and the second;
  // `pinned` is the value that stays explained, and `path` how one came there.
  const state = { image: null, doubt: null, wanted: [], views: [], pinned: null, path: [] };
  const opened = new Map(); // networks of the reader's own files, by name
  const warning = element("p", { className: "lenet-warning", role: "alert" });
  const panel = element("section", { className: "lenet-panel", aria: { label: "Explanation" } });
  const spoken = element("p", { className: "lenet-spoken", role: "status" }); // the panel is long
  const back = element("button", { type: "button", textContent: "Back", hidden: true });
  const close = element("button", { type: "button", textContent: "Close" });
  const editing = element("input", { type: "checkbox" });
  const pad = createPad(draw, drawn);
  const networks = element("div", { className: "lenet-networks" });
  const choices = [0, 1].map((at) => chooser(at));
  const file = element("input", { type: "file", accept: ".safetensors", hidden: true });
  const question = element("form", { className: "lenet-question", hidden: true });

  root.classList.add("lenet-playground");
  root.append(
    element(
      "div",
      { className: "lenet-side" },
      pad.root,
      exampleButtons(),
      element("label", { className: "lenet-check" }, editing, " Edit single pixels of the image"),
      ...choices.map(({ label }) => label),
      file,
      question,
      warning,
    ),
    networks,
    element(
      "div",
      { className: "lenet-explained" },
      element("div", { className: "lenet-leave" }, back, close),
      panel,
      spoken,
    ),
  );

  // ---- what is read

  function draw(strokes) {
    state.image = renderStrokes(strokes, SMALLEST_DRAWING) ?? new Float64Array(SIDE * SIDE);
    read();
  }

  function read() {
    const empty = state.image.every((level) => level === 0);
    const doubt = state.doubt?.(fitted(state.image, 32));
    for (const view of state.views) {
      if (!view) continue;
      view.layers = forward(view.network, fitted(state.image, view.network.image_size));
      const answer = largest(view.layers.probabilities.data);
      const areDigits = view.network.num_classes === 10; // other classes are not the guard's
      const doubted = areDigits && doubt?.(answer);
      view.maps.show(view.layers, empty ? null : answer, doubted || "");
    }
    if (state.pinned) point(...state.pinned);
  }

  // ---- what is explained

  function choose(view, name, index, how) {
    if (how === "pressed" && editing.checked && name === "image") editPixel(view, index);
    if (how !== "seen") {
      const [lastView, lastName] = state.pinned ?? [];
      const steps = how === "reached" && lastView === view && lastName === name; // inside a layer
      if (state.pinned && !steps) state.path.push(state.pinned);
      state.pinned = [view, name, index];
    }
    if (name !== null && index !== null) point(view, name, index);
    else if (state.pinned) point(...state.pinned);
    else unpoint();
  }

  function point(view, name, index) {
    root.classList.add("lenet-explaining");
    for (const each of state.views) each?.maps.mark(each === view ? name : null, index);
    fillPanel(
      panel,
      view.layers,
      explain(view.network, view.layers, name, index),
      (before, place) => {
        choose(view, before, place, "reached");
        panel.querySelector("button")?.focus({ preventScroll: true });
      },
    );
    back.hidden = state.path.length === 0;
    if ([view, name, index].every((each, at) => each === state.pinned?.[at])) speak();
  }

  function speak() {
    const words = [...panel.querySelectorAll("h2, p")].map((each) => each.textContent).join(". ");
    if (spoken.textContent !== words) spoken.textContent = words;
  }

  function unpoint() {
    root.classList.remove("lenet-explaining");
    for (const view of state.views) view?.maps.mark(null);
    panel.replaceChildren(
      element("h2", { textContent: "Where does a number come from?" }),
      element("p", {
        textContent:
          (window.matchMedia("(hover: none)").matches
            ? "Tap any square. "
            : "Point at any square, or reach it with Tab and the arrow keys. ") +
          "Red is positive, blue is negative.",
      }),
    );
    back.hidden = true;
  }

  back.addEventListener("click", () => {
    state.pinned = state.path.pop() ?? null;
    if (state.pinned) point(...state.pinned);
    else unpoint();
  });
  function leave() {
    [state.pinned, state.path] = [null, []];
    unpoint();
  }
  close.addEventListener("click", leave);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
  });

  // A pixel that is pointed at turns white or black; places outside of the 28×28 stay as they are.
  // Of a smaller image it is the one in the middle of those that the pixel is the mean of.
  function editPixel(view, index) {
    const size = view.network.image_size;
    const edge = Math.floor((size - SIDE) / 2);
    const [row, column] = [Math.floor(index / size), index % size].map((place) =>
      edge < 0 ? Math.floor(((place + 0.5) * SIDE) / size) : place - edge,
    );
    if (Math.min(row, column) < 0 || Math.max(row, column) >= SIDE) return;
    const at = row * SIDE + column;
    state.image[at] = state.image[at] < 0.5 ? 1 : 0;
    read();
  }

  // ---- which networks

  function chooser(at) {
    const select = element("select", { className: "lenet-select" });
    const options = [...(at === 0 ? [] : [NONE]), ...names, UNTRAINED, OPEN];
    select.append(...options.map((name) => element("option", { value: name, textContent: name })));
    select.addEventListener("change", () => take(at, select.value));
    return {
      select,
      label: element(
        "label",
        { className: "lenet-choice" },
        at === 0 ? "Network " : "Compare with ",
        select,
      ),
    };
  }

  async function take(at, name) {
    warning.textContent = "";
    question.hidden = true; // whoever chooses something else answers it no longer
    if (name === OPEN) {
      showChoices(); // so that it can be chosen again
      file.dataset.at = at;
      file.click();
      return;
    }
    state.wanted[at] = name;
    try {
      const network = name === NONE ? null : await networkNamed(name);
      if (state.wanted[at] === name) setView(at, name, network); // else it came too late
    } catch (error) {
      complain(error, name);
    }
  }

  async function networkNamed(name) {
    if (opened.has(name)) return opened.get(name);
    return buildNetwork(name === UNTRAINED ? untrainedWeights() : readWeights(await load(name)));
  }

  function showChoices() {
    for (const [at, { select }] of choices.entries()) select.value = state.views[at]?.name ?? NONE;
  }

  function complain(error, name) {
    warning.textContent =
      error instanceof WeightsError
        ? `${name}: ${error.message}`
        : `${name} cannot be opened. ${error.message}`;
    showChoices();
  }

  function setView(at, name, network) {
    const old = state.views[at];
    old?.maps.root.remove();
    state.views[at] = null;
    if (network) {
      const view = { name, network };
      view.maps = createMaps(name, (...chosen) => choose(view, ...chosen));
      if (at === 0) networks.prepend(view.maps.root);
      else networks.append(view.maps.root);
      state.views[at] = view;
    }
    showChoices();
    state.path = state.path.filter(([view]) => view !== old);
    if (state.pinned?.[0] === old) [state.pinned, state.path] = [null, []];
    networks.classList.toggle("lenet-two", Boolean(state.views[1]));
    read();
    if (!state.pinned) unpoint();
  }

  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    const at = Number(file.dataset.at);
    file.value = "";
    if (!chosen) return;
    try {
      const weights = readWeights(await chosen.arrayBuffer());
      if (weights.stated) open(at, chosen.name, buildNetwork(weights));
      else ask(at, chosen.name, weights);
    } catch (error) {
      complain(error, chosen.name);
    }
  });

  // From now on it can be chosen in both places.
  function open(at, name, network) {
    opened.set(name, network);
    for (const { select } of choices) {
      const listed = [...select.options].some((option) => option.value === name);
      if (!listed) select.prepend(element("option", { value: name, textContent: name }));
    }
    take(at, name);
  }

  // A file that does not say its activation and pooling is asked about, not guessed.
  function ask(at, name, weights) {
    const [activation, pooling] = [Object.keys(ACTIVATIONS), POOLINGS].map((options) =>
      element(
        "select",
        {},
        ...options.map((option) => element("option", { value: option, textContent: option })),
      ),
    );
    question.replaceChildren(
      element("p", {
        textContent: `${name} does not say how its network was built. What does it use?`,
      }),
      element("label", {}, "Activation ", activation),
      element("label", {}, "Pooling ", pooling),
      element("button", { type: "submit", textContent: "Open it so" }),
    );
    question.hidden = false;
    question.onsubmit = (event) => {
      event.preventDefault();
      question.hidden = true;
      try {
        open(
          at,
          name,
          buildNetwork(weights, { activation: activation.value, pooling: pooling.value }),
        );
      } catch (error) {
        complain(error, name);
      }
    };
    activation.focus();
  }

  function exampleButtons() {
    const buttons = Object.entries(EXAMPLES).map(([name, strokes]) => {
      const button = element("button", {
        type: "button",
        textContent: name,
        aria: { label: `Draw the example ${name}` },
      });
      button.addEventListener("click", () => pad.keep(strokes, `Example ${name} drawn.`));
      return button;
    });
    return element(
      "div",
      { className: "lenet-examples", role: "group", aria: { label: "Examples" } },
      "Examples ",
      ...buttons,
    );
  }

  unpoint();
  draw([]);
  guard().then(
    (bytes) => {
      state.doubt = createGuard(bytes);
      read();
    },
    () => {},
  ); // without it the playground goes on
  return { take, setStrokes: pad.setStrokes };
}

// The 28×28 levels as a network wants them: normalised, with black around them; or as means of
// their pixels where the network's image is smaller.
function fitted(levels, size) {
  const image = new Float32Array(size * size).fill((0 - MEAN) / DEVIATION);
  const edge = Math.floor((size - SIDE) / 2);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const level =
        edge >= 0 ? at(levels, row - edge, column - edge) : mean(levels, row, column, SIDE / size);
      image[row * size + column] = (level - MEAN) / DEVIATION;
    }
  }
  return image;
}

function at(levels, row, column) {
  const inside = Math.min(row, column) >= 0 && Math.max(row, column) < SIDE;
  return inside ? levels[row * SIDE + column] : 0;
}

function mean(levels, row, column, scale) {
  let [sum, count] = [0, 0];
  for (let i = Math.floor(row * scale); i < (row + 1) * scale; i++) {
    for (let j = Math.floor(column * scale); j < (column + 1) * scale; j++, count++)
      sum += at(levels, i, j);
  }
  return sum / count;
}
