// One network as its layers: every value is a square that can be pointed at.

import { ARROWS, colourOf, digits, element, scaleOf } from "./dom.js";
import { placeOf, receptiveField, SHOWN_LAYERS } from "./explain.js";

// How a layer is laid out: maps in a row, or units in a row; and the largest side of a square.
const LAYOUT = {
  image: { columns: 1, zoom: 7 },
  activation1: { columns: 6, zoom: 4 },
  pool1: { columns: 6, zoom: 7 },
  activation2: { columns: 8, zoom: 7 },
  pool2: { columns: 8, zoom: 12 },
  activation3: { columns: 30, zoom: 18 },
  activation4: { columns: 28, zoom: 18 },
};
const TITLES = {
  image: "Image",
  activation1: "Convolution 1",
  pool1: "Pooling 1",
  activation2: "Convolution 2",
  pool2: "Pooling 2",
  activation3: "Linear 1",
  activation4: "Linear 2",
  linear3: "Logits",
  probabilities: "Probabilities",
};

// The name of a value in words: "Convolution 1, map 3, row 5, column 7". Maps and units have the
// numbers of the lessons' figures, from 1; rows and columns are places and begin with 0.
export function nameOf(layers, name, index) {
  const { channel, row, column, unit } = placeOf(layers[name], index);
  const title = TITLES[name];
  if (unit !== undefined) {
    return `${title}, ${name.startsWith("activation") ? `unit ${unit + 1}` : `class ${unit}`}`;
  }
  const map = name === "image" ? "" : `map ${channel + 1}, `;
  return `${title}, ${map}row ${row}, column ${column}`;
}

// The view of one network. `chosen(name, index, how)` is called when a value is pointed at ("seen";
// or no longer: the index is null), moved to with the arrow keys ("reached"), or clicked, tapped or
// entered ("pressed").
export function createMaps(title, chosen) {
  const root = element("section", {
    className: "lenet-network",
    aria: { label: `Network ${title}` },
  });
  root.dataset.network = title; // on a narrow page it stands above the maps too
  const heading = element("h2", { textContent: title });
  const answer = element("p", { className: "lenet-answer", role: "status" });
  const doubted = element("p", { className: "lenet-doubt" });
  root.append(heading, answer, doubted);
  const figures = {};
  for (const { name } of SHOWN_LAYERS) {
    figures[name] = name in LAYOUT ? createGrid(name, chosen) : createBars(name, chosen);
    root.append(figures[name].root);
  }
  let layers = null;

  function words(best) {
    if (best === null) return "Nothing is drawn yet.";
    if (best < 0) return "No answer: the numbers become too large.";
    return `${best} with ${(100 * layers.probabilities.data[best]).toFixed(1)} %`;
  }

  return {
    root,
    // `best` is the answer, null where nothing is drawn; `doubt` says why not to trust it.
    show(next, best, doubt) {
      layers = next;
      for (const [name, figure] of Object.entries(figures)) figure.show(layers);
      const text = words(best);
      if (answer.textContent !== text) answer.textContent = text;
      doubted.textContent = best === null ? "" : doubt;
      root.dataset.answer = best ?? "";
    },
    mark(name, index) {
      for (const figure of Object.values(figures)) figure.mark(layers, null);
      if (name === null) return;
      figures[name].mark(layers, index);
      if (name !== "image") figures.image.frame(layers, receptiveField(layers, name, index));
    },
  };
}

function titled(name, body) {
  const caption = element("figcaption", { textContent: TITLES[name] });
  return {
    caption,
    root: element("figure", { className: "lenet-layer", dataset: { layer: name } }, caption, body),
  };
}

// Maps or units as squares on one canvas, a pixel for each value; the page makes it larger.
function createGrid(name, chosen) {
  const canvas = element("canvas", { className: "lenet-maps", tabIndex: 0 });
  const mark = element("div", { className: "lenet-mark", hidden: true });
  const { caption, root } = titled(name, element("div", { className: "lenet-card" }, canvas, mark));
  canvas.setAttribute("role", "application");
  const { columns, zoom } = LAYOUT[name];
  let geometry = null; // maps, height and width of one, all of the canvas
  let current = 0;

  function measure({ shape }) {
    const [maps, height, width] = shape.length === 1 ? [shape[0], 1, 1] : shape;
    const gap = shape.length === 1 ? 0 : 1;
    const rows = Math.ceil(maps / columns);
    const size = [columns * (width + gap) - gap, rows * (height + gap) - gap];
    if (canvas.width !== size[0] || canvas.height !== size[1]) {
      [canvas.width, canvas.height] = size;
      canvas.style.width = `${size[0] * zoom}px`;
      const words =
        shape.length === 1
          ? `${maps} units`
          : `${maps === 1 ? "" : `${maps} maps of `}${height}×${width}`;
      caption.textContent = `${TITLES[name]}: ${words}`;
      canvas.setAttribute(
        "aria-label",
        `${TITLES[name]}, ${words}. Arrow keys move from value to value.`,
      );
    }
    geometry = { maps, height, width, gap, size };
  }

  // Column and row on the canvas of a value, and back.
  function spot(index) {
    const { height, width, gap } = geometry;
    const map = Math.floor(index / (height * width));
    const inside = index % (height * width);
    return [
      (map % columns) * (width + gap) + (inside % width),
      Math.floor(map / columns) * (height + gap) + Math.floor(inside / width),
    ];
  }
  function indexAt(event) {
    const box = canvas.getBoundingClientRect();
    const { maps, height, width, gap, size } = geometry;
    const x = Math.floor(((event.clientX - box.left) / box.width) * size[0]);
    const y = Math.floor(((event.clientY - box.top) / box.height) * size[1]);
    const [column, row] = [Math.floor(x / (width + gap)), Math.floor(y / (height + gap))];
    const [insideX, insideY] = [x - column * (width + gap), y - row * (height + gap)];
    const map = row * columns + column;
    const hit =
      map >= 0 && map < maps && insideX >= 0 && insideX < width && insideY >= 0 && insideY < height;
    return hit ? (map * height + insideY) * width + insideX : null;
  }

  canvas.addEventListener(
    "pointermove",
    (event) => event.pointerType === "mouse" && chosen(name, indexAt(event), "seen"),
  );
  canvas.addEventListener(
    "pointerleave",
    (event) => event.pointerType === "mouse" && chosen(name, null, "seen"),
  );
  canvas.addEventListener("click", (event) => {
    const index = indexAt(event);
    if (index !== null) chosen(name, (current = index), "pressed");
  });
  canvas.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!geometry || !(step || ["Enter", " "].includes(event.key))) return;
    event.preventDefault();
    event.stopPropagation();
    if (step) current = neighbour(current, step);
    chosen(name, current, step ? "reached" : "pressed");
  });

  // From the edge of a map the next one follows.
  function neighbour(index, [right, down]) {
    const { maps, height, width } = geometry;
    const map = Math.floor(index / (height * width));
    let [row, column] = [
      Math.floor((index % (height * width)) / width) + down,
      (index % width) + right,
    ];
    let next = map;
    if (column < 0 || column >= width) [next, column] = [map + right, column < 0 ? width - 1 : 0];
    if (row < 0 || row >= height) [next, row] = [map + down * columns, row < 0 ? height - 1 : 0];
    return next < 0 || next >= maps ? index : (next * height + row) * width + column;
  }

  function place(box, [left, top, right, bottom]) {
    const [width, height] = geometry.size;
    Object.assign(box.style, {
      left: `${(100 * left) / width}%`,
      top: `${(100 * top) / height}%`,
      width: `${(100 * (right - left)) / width}%`,
      height: `${(100 * (bottom - top)) / height}%`,
    });
    box.hidden = false;
  }

  return {
    root,
    show(layers) {
      measure(layers[name]);
      draw(canvas, layers[name].data, spot, name === "image");
    },
    mark(layers, index) {
      mark.hidden = true;
      if (index === null) return;
      current = index;
      const [x, y] = spot(index);
      place(mark, [x, y, x + 1, y + 1]);
    },
    frame: (layers, [top, left, bottom, right]) => place(mark, [left, top, right, bottom]),
  };
}

// One scale for a layer, so that its maps can be compared; pixels of the image are grey.
function draw(canvas, data, spot, grey) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height);
  const low = data.reduce((least, value) => Math.min(least, value));
  const scale = scaleOf(data);
  const high = data.reduce((largest, value) => Math.max(largest, value), -Infinity);
  data.forEach((value, index) => {
    const [x, y] = spot(index);
    const level = Math.round((255 * (value - low)) / (high - low || 1));
    picture.data.set(
      grey ? [level, level, level, 255] : [...colourOf(value / scale), 255],
      4 * (y * canvas.width + x),
    );
  });
  context.putImageData(picture, 0, 0);
}

// Logits and probabilities: a button with a bar for each class.
function createBars(name, chosen) {
  const list = element("div", { className: "lenet-bars" });
  const { root } = titled(name, list);
  let rows = [];

  function build(count) {
    rows = Array.from({ length: count }, (_, index) => {
      const bar = element("span", { className: "lenet-bar" });
      const number = element("span", { className: "lenet-number" });
      const button = element(
        "button",
        { type: "button", className: "lenet-row" },
        element("span", { textContent: index }),
        element("span", { className: "lenet-room" }, bar),
        number,
      );
      button.addEventListener(
        "pointerenter",
        (event) => event.pointerType === "mouse" && chosen(name, index, "seen"),
      );
      button.addEventListener(
        "pointerleave",
        (event) => event.pointerType === "mouse" && chosen(name, null, "seen"),
      );
      button.addEventListener("click", () => chosen(name, index, "pressed"));
      return { button, bar, number };
    });
    list.replaceChildren(...rows.map(({ button }) => button));
  }

  return {
    root,
    show(layers) {
      const { data } = layers[name];
      if (rows.length !== data.length) build(data.length);
      const scale = name === "probabilities" ? 1 : scaleOf(data);
      data.forEach((value, index) => {
        const { bar, number, button } = rows[index];
        bar.style.width = `${(100 * Math.abs(value)) / scale}%`;
        bar.classList.toggle("lenet-negative", value < 0);
        number.textContent =
          name === "probabilities" ? `${(100 * value).toFixed(1)} %` : digits(value);
        button.setAttribute("aria-label", `${nameOf(layers, name, index)}: ${number.textContent}`);
      });
    },
    mark(layers, index) {
      rows.forEach(({ button }, each) => button.classList.toggle("lenet-chosen", each === index));
    },
    frame() {},
  };
}
