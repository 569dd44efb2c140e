// Small helpers for the page.

export function element(tag, properties = {}, ...children) {
  const { dataset = {}, aria = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  for (const [name, value] of Object.entries(aria)) made.setAttribute(`aria-${name}`, value);
  made.append(...children);
  return made;
}

// To the right and down.
export const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// A number to four digits, with a real minus; a power of ten where it is very large or small.
export function digits(value) {
  if (!Number.isFinite(value)) return String(value).replace("-", "−");
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-4 && size < 1e6);
  if (plain) return Number(value.toPrecision(4)).toString().replace("-", "−");
  const [number, exponent] = value.toExponential(3).split("e");
  const raised = [...exponent.replace("+", "")].map((each) => (each === "-" ? "⁻" : RAISED[each]));
  return `${number} · 10${raised.join("")}`.replace("-", "−");
}

// The largest size of some numbers, by which they are divided to be coloured; never 0.
export function scaleOf(numbers) {
  return numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
}

const POSITIVE = [178, 24, 43];
const NEGATIVE = [33, 102, 172];

// White for 0, red for positive, blue for negative: red, green and blue of a share from -1 to 1.
export function colourOf(share) {
  const strength = Math.min(1, Math.abs(share));
  return (share < 0 ? NEGATIVE : POSITIVE).map((level) =>
    Math.round(255 + (level - 255) * strength),
  );
}

// The same as CSS, with white or black letters, whichever stand out more (WCAG 2, relative
// luminance: where it is below 0.179 white does).
export function paint(cell, share) {
  const colour = colourOf(share);
  const [red, green, blue] = colour.map((level) => {
    const part = level / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  cell.style.background = `rgb(${colour.join(" ")})`;
  cell.style.color = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179 ? "#fff" : "#000";
}
