// The view of the network: everything that one answer of Python holds, redrawn in place.

const LAYERS = {
  conv1: { title: "Convolution 1: 6 maps of 28×28", maps: 6, side: 28, columns: 6, zoom: 4 },
  conv2: { title: "Convolution 2: 16 maps of 10×10", maps: 16, side: 10, columns: 8, zoom: 8 },
  units: { title: "Linear 2: 84 units", maps: 84, side: 1, columns: 28, zoom: 20 },
};
const GAP = 4; // canvas pixels between two maps
const PATIENCE = 400; // milliseconds without an answer before the view says why

function element(tag, name, properties = {}) {
  return Object.assign(document.createElement(tag), {
    className: `lenet-view-${name}`,
    ...properties,
  });
}

function titled(title, ...children) {
  const figure = element("figure", "figure");
  figure.append(...children, element("figcaption", "title", { textContent: title }));
  return figure;
}

// Maps side by side, in rows of `columns`; `colour` turns a level 0…255 into a colour.
function drawMaps(canvas, levels, { maps, side, columns, zoom }, colour) {
  const pitch = side * zoom + GAP;
  canvas.width = columns * pitch - GAP;
  canvas.height = Math.ceil(maps / columns) * pitch - GAP;
  const context = canvas.getContext("2d");
  for (let i = 0; i < maps * side * side; i++) {
    const [map, pixel] = [Math.floor(i / (side * side)), i % (side * side)];
    context.fillStyle = colour(levels.byteLength ? levels.getUint8(i) : 0);
    context.fillRect(
      (map % columns) * pitch + (pixel % side) * zoom,
      Math.floor(map / columns) * pitch + Math.floor(pixel / side) * zoom,
      zoom,
      zoom,
    );
  }
}

async function render({ model, el }) {
  const answer = element("p", "answer");
  const digit = element("strong", "digit");
  const words = element("span", "words");
  const image = element("canvas", "image");
  const bars = element("div", "bars");
  const columns = Array.from({ length: 10 }, (_, label) => {
    const column = element("div", "column");
    const room = element("div", "room");
    const bar = element("div", "bar");
    room.append(bar);
    column.append(room, element("span", "label", { textContent: label }));
    bars.append(column);
    return { column, bar };
  });
  const maps = Object.keys(LAYERS).map((name) => [name, element("canvas", "maps")]);
  const top = element("div", "top");
  answer.append(digit, words);
  top.append(titled("Prepared, 28×28", image), titled("Probabilities", bars));
  el.append(answer, top, ...maps.map(([name, canvas]) => titled(LAYERS[name].title, canvas)));
  el.classList.add("lenet-view");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "What the network sees");
  answer.setAttribute("role", "status"); // spoken whenever it changes
  answer.setAttribute("aria-atomic", "true");
  for (const canvas of [image, bars, ...maps.map(([, canvas]) => canvas)]) {
    canvas.setAttribute("role", "img");
  }
  image.setAttribute("aria-label", "The digit as the network gets it");
  for (const [name, canvas] of maps) canvas.setAttribute("aria-label", LAYERS[name].title);

  const palette = model.get("palette");
  const magma = (level) =>
    `rgb(${[0, 1, 2].map((channel) => palette.getUint8(3 * level + channel)).join()})`;
  const grey = (level) => `rgb(${level},${level},${level})`;
  let waiting = 0;

  function draw() {
    clearTimeout(waiting);
    const reading = model.get("reading");
    const known = reading.digit !== null;
    el.classList.toggle("lenet-view-empty", !known);
    digit.textContent = known ? reading.digit : "";
    words.textContent = reading.words;
    drawMaps(image, reading.image, { maps: 1, side: 28, columns: 1, zoom: 8 }, grey);
    columns.forEach(({ column, bar }, label) => {
      const share = reading.probabilities[label] ?? 0;
      bar.style.height = `${100 * share}%`;
      column.title = known ? `${label}: ${(100 * share).toFixed(1)} %` : "";
      column.classList.toggle("lenet-view-winner", label === reading.digit);
    });
    bars.setAttribute(
      "aria-label",
      known ? columns.map(({ column }) => column.title).join(", ") : "No probabilities",
    );
    for (const [name, canvas] of maps) drawMaps(canvas, reading[name], LAYERS[name], magma);
    el.dataset.answers = reading.answers;
  }

  function wait() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      digit.textContent = "";
      words.textContent = "Python is busy or has stopped; the answer follows when it is free.";
    }, PATIENCE);
  }

  model.on("change:reading", draw);
  draw();
  const pad = await model.widget_manager.get_model(model.get("pad").replace("IPY_MODEL_", ""));
  pad.on("change:picture", wait);
  return () => {
    clearTimeout(waiting);
    model.off("change:reading", draw);
    pad.off("change:picture", wait);
  };
}

export default { render };
