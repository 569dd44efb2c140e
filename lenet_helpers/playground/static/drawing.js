// The pad: strokes of mouse, pen, finger or keyboard. It keeps strokes and never reads pixels,
// which browsers that protect against fingerprints falsify.

import { ARROWS, element } from "./dom.js";

export const PAD = 280; // pixels of the pad, whatever its size on the screen
const PEN = 22;
const STEP = 8; // pixels by which an arrow key moves the pen

// A pad that calls `changed` with all strokes, the one being drawn included, once in each frame in
// which something was drawn, and `drawn` when the pen was lifted.
export function createPad(changed, drawn) {
  const canvas = element("canvas", {
    width: PAD,
    height: PAD,
    tabIndex: 0,
    className: "lenet-pad",
  });
  const pen = element("div", { className: "lenet-pen", hidden: true });
  const undo = element("button", {
    type: "button",
    textContent: "Undo",
    aria: { label: "Undo the last stroke" },
  });
  const clear = element("button", {
    type: "button",
    textContent: "Clear",
    aria: { label: "Clear the pad" },
  });
  const help = element("p", {
    id: `lenet-pad-help-${document.querySelectorAll(".lenet-help").length}`, // its own on a page
    className: "lenet-help",
    textContent:
      "Draw a digit with mouse, pen or finger. " +
      "Keyboard: arrow keys move, space puts the pen down and lifts it.",
  });
  const spoken = element("p", { className: "lenet-spoken", role: "status" });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Drawing pad for one digit");
  canvas.setAttribute("aria-describedby", help.id);
  const root = element(
    "div",
    { className: "lenet-pad-room" },
    element("div", { className: "lenet-paper" }, canvas, pen),
    element("div", { className: "lenet-buttons" }, undo, clear),
    help,
    spoken,
  );

  const context = canvas.getContext("2d");
  let strokes = [];
  let stroke = null; // the one being drawn
  let pointer = null; // what draws it; null for the keyboard
  let place = [PAD / 2, PAD / 4]; // of the keyboard's pen
  let frame = 0;

  function redraw() {
    frame = 0;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, PAD, PAD);
    Object.assign(context, {
      lineWidth: PEN,
      lineCap: "round",
      lineJoin: "round",
      strokeStyle: "#000",
      fillStyle: "#000",
    });
    const all = stroke ? [...strokes, stroke] : strokes;
    for (const points of all) drawStroke(context, points);
    changed(all);
  }
  const redrawSoon = () => (frame ||= requestAnimationFrame(redraw));

  function setStrokes(next, said = "") {
    stroke = pointer = null;
    strokes = next;
    spoken.textContent = said;
    redrawSoon();
  }

  function keep(next, said) {
    setStrokes(next, said);
    drawn(next);
  }

  function finish() {
    if (stroke) keep([...strokes, stroke]);
    pen.classList.remove("lenet-down");
  }

  function add(x, y) {
    const [lastX, lastY] = stroke.at(-1) ?? [];
    if (x === lastX && y === lastY) return;
    stroke.push([x, y]);
    redrawSoon();
  }

  function addEvent(event) {
    const box = canvas.getBoundingClientRect();
    const scale = PAD / box.width;
    add((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
  }

  const undoStroke = () => (
    finish(),
    strokes.length && keep(strokes.slice(0, -1), "Stroke undone.")
  );
  const clearPad = () => (finish(), strokes.length && keep([], "Pad cleared."));
  undo.addEventListener("click", undoStroke);
  clear.addEventListener("click", clearPad);

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
    canvas.addEventListener(end, (event) => event.pointerId === pointer && finish());
  }

  function movePen([right, down], step) {
    place = [place[0] + right * step, place[1] + down * step].map((value) =>
      Math.min(Math.max(value, 0), PAD),
    );
    pen.style.left = `${(100 * place[0]) / PAD}%`;
    pen.style.top = `${(100 * place[1]) / PAD}%`;
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
    pen.classList.add("lenet-down");
    spoken.textContent = "Pen down.";
  }

  root.addEventListener("keydown", (event) => {
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

  return { root, setStrokes, keep };
}

// A smooth line: quadratic curves from middle to middle, the points between them pull.
function drawStroke(context, points) {
  context.beginPath();
  if (points.length === 1) {
    context.arc(...points[0], context.lineWidth / 2, 0, 2 * Math.PI);
    context.fill(); // a line without length is drawn by some browsers only
    return;
  }
  context.moveTo(...points[0]);
  for (let i = 1; i + 1 < points.length; i++) {
    const [[x, y], [nextX, nextY]] = [points[i], points[i + 1]];
    context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  context.lineTo(...points.at(-1));
  context.stroke();
}
