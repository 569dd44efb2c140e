// Small helpers for the page.

export function element(tag, properties = {}, ...children) {
  const { dataset = {}, aria = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  for (const [name, value] of Object.entries(aria)) made.setAttribute(`aria-${name}`, value);
  made.append(...children);
  return made;
}

// A number to four digits, with a real minus; without an exponent where it is not needed.
export function digits(value) {
  const text = Math.abs(value) < 1e-4 && value !== 0 ? value.toExponential(3) : Number(value.toPrecision(4)).toString();
  return text.replace("-", "−");
}

const POSITIVE = [178, 24, 43];
const NEGATIVE = [33, 102, 172];

// White for 0, red for positive, blue for negative: red, green and blue of a share from -1 to 1.
export function colourOf(share) {
  const strength = Math.min(1, Math.abs(share));
  return (share < 0 ? NEGATIVE : POSITIVE).map((level) => Math.round(255 + (level - 255) * strength));
}

// The same as CSS, and black or white letters on it.
export function paint(cell, share) {
  cell.style.background = `rgb(${colourOf(share).join(" ")})`;
  cell.style.color = Math.abs(share) > 0.55 ? "#fff" : "#000";
}
