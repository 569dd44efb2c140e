// The pad. The strokes are the drawing: lists [x, y, x, y, …] in pixels of the pad. The canvas is
// their picture, SIDE×SIDE whatever its size on the screen, and its grey levels go to Python.

const SIDE = 280;
const STEP = 8; // pixels by which an arrow key moves the pen
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function element(tag, name, properties = {}) {
  return Object.assign(document.createElement(tag), { className: `lenet-pad-${name}`, ...properties });
}

// A smooth line: quadratic curves from middle to middle, the points between them pull.
function drawStroke(context, points) {
  context.beginPath();
  if (points.length === 2) {
    context.arc(points[0], points[1], context.lineWidth / 2, 0, 2 * Math.PI);
    context.fill(); // a line without length is drawn by some browsers only
    return;
  }
  context.moveTo(points[0], points[1]);
  for (let i = 2; i < points.length - 2; i += 2) {
    const [x, y] = [points[i], points[i + 1]];
    context.quadraticCurveTo(x, y, (x + points[i + 2]) / 2, (y + points[i + 3]) / 2);
  }
  context.lineTo(points.at(-2), points.at(-1));
  context.stroke();
}

function greyLevels(context) {
  const colours = context.getImageData(0, 0, SIDE, SIDE).data;
  const grey = new Uint8Array(SIDE * SIDE);
  for (let i = 0; i < grey.length; i++) grey[i] = colours[4 * i];
  return new DataView(grey.buffer);
}

function render({ model, el }) {
  const paper = element("div", "paper");
  const canvas = element("canvas", "canvas", { width: SIDE, height: SIDE, tabIndex: 0 });
  const pen = element("div", "pen", { hidden: true });
  const undo = element("button", "button", { type: "button", textContent: "Undo" });
  const clear = element("button", "button", { type: "button", textContent: "Clear" });
  const help = element("p", "help", {
    textContent:
      "Draw with mouse, pen or finger. Keyboard: arrow keys move, space puts the pen down and lifts it.",
  });
  const spoken = element("p", "spoken");
  const buttons = element("div", "buttons");
  paper.append(canvas, pen);
  buttons.append(undo, clear);
  el.append(paper, buttons, help, spoken);
  el.classList.add("lenet-pad");
  el.dataset.lmSuppressShortcuts = "true"; // keys pressed here are no commands of JupyterLab
  help.id = `lenet-pad-help-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Drawing pad for one digit");
  canvas.setAttribute("aria-describedby", help.id);
  undo.setAttribute("aria-label", "Undo the last stroke");
  clear.setAttribute("aria-label", "Clear the pad");
  spoken.setAttribute("role", "status");

  const context = canvas.getContext("2d", { willReadFrequently: true });
  let stroke = null; // the one being drawn
  let pointer = null; // the finger, mouse or pen that draws it; null for the keyboard
  let place = [SIDE / 2, SIDE / 4]; // of the keyboard's pen
  let frame = 0;

  function redraw() {
    cancelAnimationFrame(frame);
    frame = 0;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, SIDE, SIDE);
    Object.assign(context, { lineWidth: model.get("pen"), lineCap: "round", lineJoin: "round" });
    context.fillStyle = context.strokeStyle = "#000";
    for (const points of model.get("strokes")) drawStroke(context, points);
    if (stroke) drawStroke(context, stroke);
  }

  function redrawSoon() {
    frame ||= requestAnimationFrame(redraw);
  }

  // While Python is busy, the widget manager keeps only the newest state back for it.
  function change(strokes) {
    stroke = pointer = null;
    model.set("strokes", strokes);
    redraw();
    model.set("picture", greyLevels(context));
    model.save_changes();
  }

  function finish() {
    if (stroke) change([...model.get("strokes"), stroke]);
    pen.classList.remove("lenet-pad-down");
  }

  function add(x, y) {
    const point = [x, y].map((value) => Math.round(value * 10) / 10);
    if (stroke.length && point[0] === stroke.at(-2) && point[1] === stroke.at(-1)) return;
    stroke.push(...point);
    redrawSoon();
  }

  function addEvent(event) {
    const box = canvas.getBoundingClientRect();
    const scale = SIDE / box.width;
    add((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
  }

  function undoStroke() {
    finish();
    if (!model.get("strokes").length) return;
    change(model.get("strokes").slice(0, -1));
    spoken.textContent = "Stroke undone.";
  }

  function clearPad() {
    finish();
    if (!model.get("strokes").length) return;
    change([]);
    spoken.textContent = "Pad cleared.";
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || pointer !== null) return; // a second finger draws nothing
    event.preventDefault();
    finish();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    pen.hidden = true;
    pointer = event.pointerId;
    stroke = [];
    addEvent(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const missed = event.getCoalescedEvents?.() ?? [];
    for (const each of missed.length ? missed : [event]) addEvent(each);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId === pointer) finish();
    });
  }

  function movePen([right, down], step) {
    place = [place[0] + right * step, place[1] + down * step];
    place = place.map((value) => Math.min(Math.max(value, 0), SIDE));
    pen.style.left = `${(100 * place[0]) / SIDE}%`;
    pen.style.top = `${(100 * place[1]) / SIDE}%`;
    pen.hidden = false;
    if (stroke) add(...place);
  }

  function pressSpace() {
    if (stroke) {
      finish();
      spoken.textContent = "Pen lifted.";
      return;
    }
    stroke = [];
    movePen([0, 0], 0);
    pen.classList.add("lenet-pad-down");
    spoken.textContent = "Pen down.";
  }

  el.addEventListener("keydown", (event) => {
    const onCanvas = event.target === canvas && pointer === null;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") undoStroke();
    else if (["Delete", "Backspace", "Escape"].includes(event.key)) clearPad();
    else if (event.key in ARROWS && onCanvas) movePen(ARROWS[event.key], event.shiftKey ? 1 : STEP);
    else if (event.key === " " && onCanvas && !event.repeat) pressSpace();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("focus", () => {
    if (canvas.matches(":focus-visible") && pointer === null) movePen([0, 0], 0);
  });
  canvas.addEventListener("blur", () => {
    if (pointer === null) finish();
    pen.hidden = true;
  });
  undo.addEventListener("click", undoStroke);
  clear.addEventListener("click", clearPad);

  model.on("change:strokes", redraw); // by another view of the same pad, or by Python
  redraw();
  return () => model.off("change:strokes", redraw);
}

export default { render };
