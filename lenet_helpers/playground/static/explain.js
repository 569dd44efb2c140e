// Where a value of a layer comes from: each explanation holds the very numbers of the network, so
// that a reader can work them out again.

import { EPSILON, KERNEL } from "./lenet.js";

const SHOWN = 10; // largest contributions of a unit; the rest are one bar

// The layers as they are shown, in order: the name, what computes it, and what it reads. A
// convolution and a linear layer are shown behind their activation.
export const SHOWN_LAYERS = [
  { name: "image", kind: "image" },
  { name: "activation1", kind: "convolution", number: 1, from: "image" },
  { name: "pool1", kind: "pooling", from: "activation1" },
  { name: "activation2", kind: "convolution", number: 2, from: "pool1" },
  { name: "pool2", kind: "pooling", from: "activation2" },
  { name: "activation3", kind: "linear", number: 1, from: "pool2" },
  { name: "activation4", kind: "linear", number: 2, from: "activation3" },
  { name: "linear3", kind: "linear", number: 3, from: "activation4" },
  { name: "probabilities", kind: "softmax", from: "linear3" },
];
const LARGEST_POWER = 700; // e to it is a number; to 710 it is infinite
const layerNamed = (name) => SHOWN_LAYERS.find((layer) => layer.name === name);

// Channel, row and column of a value, or the unit alone.
export function placeOf({ shape }, index) {
  if (shape.length === 1) return { unit: index };
  const [, height, width] = shape;
  const inside = index % (height * width);
  return {
    channel: Math.floor(index / (height * width)),
    row: Math.floor(inside / width),
    column: inside % width,
  };
}

// Everything that makes up the value number `index` of a layer.
export function explain(network, layers, name, index) {
  const layer = layerNamed(name);
  const value = layers[name].data[index];
  const place = placeOf(layers[name], index);
  const read = {
    image: null,
    convolution: ofConvolution,
    pooling: ofPooling,
    linear: ofLinear,
    softmax: ofSoftmax,
  }[layer.kind];
  return { layer, index, place, value, ...read?.(network, layers, layer, index, place) };
}

// One patch and one kernel for each input channel; their products, the bias, and what follows.
function ofConvolution(network, layers, { number, from }, index, { channel: map, row, column }) {
  const { data, shape: [channels, height, width] } = layers[from];
  const weights = network.tensors[`features.conv${number}.weight`].data;
  const terms = [];
  for (let channel = 0; channel < channels; channel++) {
    const term = { channel, places: [], patch: [], kernel: [], products: [], sum: 0 };
    for (let u = 0; u < KERNEL; u++) {
      for (let v = 0; v < KERNEL; v++) {
        const place = (channel * height + row + u) * width + column + v;
        const weight = weights[((map * channels + channel) * KERNEL + u) * KERNEL + v];
        term.places.push(place);
        term.patch.push(data[place]);
        term.kernel.push(weight);
        term.products.push(data[place] * weight);
        term.sum += data[place] * weight;
      }
    }
    terms.push(term);
  }
  const bias = network.tensors[`features.conv${number}.bias`].data[map];
  const sum = layers[`conv${number}`].data[index];
  const norm = network.batch_norm ? ofNorm(network, layers, number, map, index) : null;
  return { terms, bias, sum, norm, activation: network.activation };
}

function ofNorm(network, layers, number, map, index) {
  const part = (name) => network.tensors[`features.norm${number}.${name}`].data[map];
  return {
    mean: part("running_mean"),
    deviation: Math.sqrt(part("running_var") + EPSILON),
    scale: part("weight"),
    shift: part("bias"),
    value: layers[`norm${number}`].data[index],
  };
}

// The four values, and which of them was chosen: the first of the largest, or none for a mean.
function ofPooling(network, layers, { from }, index, { channel, row, column }) {
  const { data, shape: [, height, width] } = layers[from];
  const corner = (channel * height + 2 * row) * width + 2 * column;
  const places = [corner, corner + 1, corner + width, corner + width + 1];
  const four = places.map((place) => data[place]);
  const chosen = network.pooling === "max" ? four.indexOf(Math.max(...four)) : null;
  return { places, four, chosen, pooling: network.pooling };
}

// The largest contributions of inputs to a unit, by size; all others as one sum.
function ofLinear(network, layers, { number, from }, index, { unit }) {
  const { data } = layers[from];
  const weights = network.tensors[`classifier.linear${number}.weight`].data;
  const all = Array.from(data, (input, place) => {
    const weight = weights[unit * data.length + place];
    return { place, input, weight, product: input * weight };
  });
  all.sort(
    (one, other) => Math.abs(other.product) - Math.abs(one.product) || one.place - other.place,
  );
  const rest = all.slice(SHOWN);
  return {
    largest: all.slice(0, SHOWN),
    rest: { count: rest.length, sum: rest.reduce((sum, { product }) => sum + product, 0) },
    bias: network.tensors[`classifier.linear${number}.bias`].data[unit],
    sum: layers[`linear${number}`].data[index],
    activation: number < 3 ? network.activation : null,
  };
}

function ofSoftmax(network, layers, { from }) {
  const logits = Array.from(layers[from].data);
  const largest = Math.max(...logits);
  const less = Math.abs(largest) > LARGEST_POWER ? largest : 0; // no probability changes by it
  const powers = logits.map((logit) => Math.exp(logit - less));
  return { logits, less, powers, sum: powers.reduce((sum, power) => sum + power, 0) };
}

// The square of the image that a value depends on: top, left, bottom, right, the last two outside;
// places before the first pixel or behind the last do not come about, as there is no padding.
export function receptiveField(layers, name, index) {
  const { row, column, unit } = placeOf(layers[name], index);
  const size = layers.image.shape[1];
  if (unit !== undefined) return [0, 0, size, size];
  const [field, distance] = {
    image: [1, 1],
    activation1: [5, 1],
    pool1: [6, 2],
    activation2: [14, 2],
    pool2: [16, 4],
  }[name];
  return [row * distance, column * distance, row * distance + field, column * distance + field];
}
