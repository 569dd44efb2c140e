// An explanation in words, numbers and colours. Each number that comes from an earlier layer is a
// button that leads there.

import { digits, element, paint, scaleOf } from "./dom.js";
import { DEVIATION, MEAN } from "./lenet.js";
import { nameOf } from "./maps.js";

const FUNCTIONS = { relu: "ReLU", tanh: "tanh", sigmoid: "sigmoid" };

// Fills `panel` with an explanation that `explain` gave; `follow(name, index)` goes to a value.
export function fillPanel(panel, layers, said, follow) {
  const { layer, index, value } = said;
  const title = element("h2", {
    textContent: `${nameOf(layers, layer.name, index)}: ${digits(value)}`,
  });
  const body = {
    image: imageWords,
    convolution: convolutionWords,
    pooling: poolingWords,
    linear: linearWords,
    softmax: softmaxWords,
  }[layer.kind];
  const before = (place, number, share) =>
    valueButton(layers, layer.from, place, number, share, follow);
  panel.replaceChildren(title, ...body(said, before, layers));
}

const paragraph = (text) => element("p", { textContent: text });

function shown(number) {
  const text = digits(number);
  return {
    className: text.length > 8 ? "lenet-value lenet-long" : "lenet-value",
    textContent: text,
  };
}

function valueButton(layers, name, place, number, share, follow) {
  const button = element("button", {
    type: "button",
    ...shown(number),
    title: nameOf(layers, name, place),
    aria: { label: `${nameOf(layers, name, place)}: ${digits(number)}` },
  });
  paint(button, share);
  button.addEventListener("click", () => follow(name, place));
  return button;
}

function imageWords({ value }) {
  const level = value * DEVIATION + MEAN;
  return [
    paragraph(
      `A pixel of the prepared drawing: ${digits(Math.max(0, level))} between black (0) and ` +
        `white (1), less the mean ${MEAN}, divided by the standard deviation ${DEVIATION}.`,
    ),
  ];
}

// sum = products + bias, then batch norm and activation where there are some.
function sumWords({ bias, sum, norm, activation, value }, products) {
  const steps = [`products ${digits(products)} + bias ${digits(bias)} = ${digits(sum)}`];
  if (norm) {
    const { mean, deviation, scale, shift } = norm;
    steps.push(
      `batch norm: (${digits(sum)} − ${digits(mean)}) ÷ ${digits(deviation)} × ` +
        `${digits(scale)} + ${digits(shift)} = ${digits(norm.value)}`,
    );
  }
  const last = norm ? norm.value : sum;
  if (activation) steps.push(`${FUNCTIONS[activation]}(${digits(last)}) = ${digits(value)}`);
  return element("p", { className: "lenet-sum", textContent: steps.join("; ") });
}

function convolutionWords(said, before) {
  const most = Math.max(...said.terms.map(({ sum }) => Math.abs(sum)));
  const products = said.terms.reduce((total, { sum }) => total + sum, 0);
  const blocks = said.terms.map((term) => {
    const tables = element(
      "div",
      { className: "lenet-tables" },
      table("patch", term.patch, (number, at, share) => before(term.places[at], number, share)),
      element("span", { className: "lenet-sign", textContent: "×" }),
      table("kernel", term.kernel),
      element("span", { className: "lenet-sign", textContent: "=" }),
      table("products", term.products),
    );
    if (said.terms.length === 1) return tables;
    const summary = element("summary", {
      textContent: `map ${term.channel + 1}: products add up to ${digits(term.sum)}`,
    });
    return element("details", { open: Math.abs(term.sum) === most }, summary, tables);
  });
  return [sumWords(said, products), ...blocks];
}

// 25 numbers in rows of five, coloured by their share of the largest.
function table(name, numbers, cell = plainCell) {
  const scale = scaleOf(numbers);
  const rows = Array.from({ length: 5 }, (_, row) =>
    element(
      "tr",
      {},
      ...numbers
        .slice(5 * row, 5 * row + 5)
        .map((number, column) => element("td", {}, cell(number, 5 * row + column, number / scale))),
    ),
  );
  return element(
    "table",
    { className: "lenet-table", dataset: { table: name } },
    element("caption", { textContent: name }),
    element("tbody", {}, ...rows),
  );
}

function plainCell(number, _, share) {
  const cell = element("span", shown(number));
  paint(cell, share);
  return cell;
}

function poolingWords({ places, four, chosen, value }, before) {
  const scale = scaleOf(four);
  const buttons = four.map((number, at) => {
    const button = before(places[at], number, number / scale);
    button.classList.toggle("lenet-winner", at === chosen);
    return button;
  });
  const words =
    chosen === null
      ? `The mean of these four is ${digits(value)}.`
      : `The largest of these four is ${digits(value)}.`;
  return [paragraph(words), element("div", { className: "lenet-four" }, ...buttons)];
}

function linearWords(said, before) {
  const products = said.largest.reduce((total, { product }) => total + product, said.rest.sum);
  const scale = scaleOf([said.rest.sum, ...said.largest.map(({ product }) => product)]);
  const row = (first, words, product) => {
    const bar = element("span", { className: "lenet-bar" });
    bar.style.width = `${(100 * Math.abs(product)) / scale}%`;
    bar.classList.toggle("lenet-negative", product < 0);
    return element(
      "li",
      {},
      first,
      element("span", { className: "lenet-words", textContent: words }),
      element("span", { className: "lenet-room" }, bar),
    );
  };
  const ofInputs = scaleOf(said.largest.map(({ input }) => input));
  const rows = said.largest.map(({ place, input, weight, product }) =>
    row(
      before(place, input, input / ofInputs),
      ` × ${digits(weight)} = ${digits(product)}`,
      product,
    ),
  );
  rows.push(
    row("", `the other ${said.rest.count} together: ${digits(said.rest.sum)}`, said.rest.sum),
  );
  return [sumWords(said, products), element("ul", { className: "lenet-contributions" }, ...rows)];
}

function softmaxWords({ logits, less, powers, sum, index, value }, before) {
  const scale = scaleOf(logits);
  const taken = less ? ` − (${digits(less)})` : "";
  const rows = logits.map((logit, k) =>
    element(
      "li",
      { className: k === index ? "lenet-chosen" : "" },
      "e to the power of ",
      before(k, logit, logit / scale),
      `${taken} = ${digits(powers[k])}`,
    ),
  );
  return [
    paragraph(
      `Each logit z becomes e to the power of z${taken}. ` +
        (less ? "Taking the largest logit off first changes no share, and no power overflows. " : "") +
        `Their sum is ${digits(sum)}, and ` +
        `${digits(powers[index])} ÷ ${digits(sum)} = ${digits(value)}.`,
    ),
    element("ol", { className: "lenet-powers", start: 0 }, ...rows),
  ];
}
