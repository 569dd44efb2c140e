// LeNet-5 of lesson 02, as `LeNet5` in model.py builds it, for one grey image: the forward pass
// keeps what each layer gives, under the name that the layer has there.

import { WeightsError } from "./safetensors.js";

export const ACTIVATIONS = {
  relu: (z) => (z > 0 ? z : 0),
  tanh: Math.tanh,
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
};
export const POOLINGS = ["max", "average"];
export const MEAN = 0.1307; // of MNIST's pixels, from 0 to 1
export const DEVIATION = 0.3081;
export const KERNEL = 5;
export const EPSILON = 1e-5; // of PyTorch's batch norm

// A network of the weights that `readWeights` gave. `choices` says activation and pooling where
// the file does not; a file that says them is believed.
export function buildNetwork({ tensors, stated }, choices = {}) {
  const found = argumentsOf(tensors, stated?.image_size);
  const network = { ...found, ...choices, ...(stated ?? {}) };
  for (const [name, value] of Object.entries(found)) {
    if (network[name] !== value) {
      throw new WeightsError(
        `The file says that ${name} is ${network[name]}, its weights fit ${value}.`,
      );
    }
  }
  if (network.in_channels !== 1) {
    throw new WeightsError(
      `This network reads ${network.in_channels} channels; a drawing has one.`,
    );
  }
  if (!Object.hasOwn(ACTIVATIONS, network.activation) || !POOLINGS.includes(network.pooling)) {
    throw new WeightsError("The file does not say activation and pooling of its network.");
  }
  return { ...network, tensors };
}

// What the shapes of the weights say. Of the sizes of image that give the same maps, the one that
// the file states comes first, then lesson 02's 32 and 28, then the smallest.
function argumentsOf(tensors, statedSize) {
  const shape = (name) => {
    if (!tensors[name]) {
      throw new WeightsError(`This is no LeNet-5 of the course: ${name} is missing.`);
    }
    return tensors[name].shape;
  };
  const classes = shape("classifier.linear3.weight")[0];
  const batchNorm = "features.norm1.weight" in tensors;
  const channels = shape("features.conv1.weight")[1];
  const side = Math.sqrt(shape("classifier.linear1.weight")[1] / 16);
  const expected = {
    "features.conv1.weight": [6, channels, KERNEL, KERNEL],
    "features.conv2.weight": [16, 6, KERNEL, KERNEL],
    "classifier.linear1.weight": [120, 16 * side * side],
    "classifier.linear2.weight": [84, 120],
    "classifier.linear3.weight": [classes, 84],
  };
  for (const [name, sides] of Object.entries(expected)) {
    expected[name.replace("weight", "bias")] = [sides[0]];
  }
  for (const [number, maps] of Object.entries(batchNorm ? { 1: 6, 2: 16 } : {})) {
    for (const part of ["weight", "bias", "running_mean", "running_var"]) {
      expected[`features.norm${number}.${part}`] = [maps];
    }
  }
  for (const [name, sides] of Object.entries(expected)) {
    if (String(shape(name)) !== String(sides) || !Number.isInteger(side)) {
      throw new WeightsError(
        `This is no LeNet-5 of the course: ${name} has the shape ${shape(name).join("×")}.`,
      );
    }
  }
  const sizes = [statedSize, 32, 28, ...Array.from({ length: 300 }, (_, i) => i + 16)];
  return {
    in_channels: channels,
    num_classes: classes,
    batch_norm: batchNorm,
    image_size: sizes.find((size) => size >= 16 && sideOfMaps(size) === side),
  };
}

// Height and width of the maps before the linear layers, of an image of this side.
function sideOfMaps(size) {
  const halved = Math.floor((size - KERNEL + 1) / 2);
  return Math.floor((halved - KERNEL + 1) / 2);
}

// All layers for one image, a Float32Array of `image_size` squared, row by row. Each layer has
// `data` and `shape`: channels, height and width, or the number of units.
export function forward(network, image) {
  const { tensors, batch_norm: batchNorm, image_size: size } = network;
  const activate = ACTIVATIONS[network.activation];
  const layers = { image: { data: image, shape: [1, size, size] } };
  let last = layers.image;
  const keep = (name, layer) => (last = layers[name] = layer);
  for (const number of [1, 2]) {
    const of = (kind) => (part) => tensors[`features.${kind}${number}.${part}`];
    keep(`conv${number}`, convolve(last, of("conv")));
    if (batchNorm) keep(`norm${number}`, normalise(last, of("norm")));
    keep(`activation${number}`, { ...last, data: last.data.map(activate) });
    keep(`pool${number}`, pool(last, network.pooling));
  }
  for (const number of [1, 2, 3]) {
    keep(
      `linear${number}`,
      multiply(last, (part) => tensors[`classifier.linear${number}.${part}`]),
    );
    if (number < 3) keep(`activation${number + 2}`, { ...last, data: last.data.map(activate) });
  }
  layers.probabilities = { ...last, data: softmax(last.data) };
  return layers;
}

function convolve({ data, shape: [channels, height, width] }, tensor) {
  const { data: weights, shape: [maps] } = tensor("weight");
  const biases = tensor("bias").data;
  const [rows, columns] = [height - KERNEL + 1, width - KERNEL + 1];
  const result = new Float32Array(maps * rows * columns);
  for (let map = 0, at = 0; map < maps; map++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++, at++) {
        let sum = biases[map];
        for (let channel = 0; channel < channels; channel++) {
          for (let u = 0; u < KERNEL; u++) {
            const pixel = (channel * height + i + u) * width + j;
            const weight = ((map * channels + channel) * KERNEL + u) * KERNEL;
            for (let v = 0; v < KERNEL; v++) sum += weights[weight + v] * data[pixel + v];
          }
        }
        result[at] = sum;
      }
    }
  }
  return { data: result, shape: [maps, rows, columns] };
}

function normalise({ data, shape }, tensor) {
  const [scale, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
    (part) => tensor(part).data,
  );
  const size = shape[1] * shape[2];
  const result = data.map((z, at) => {
    const map = Math.floor(at / size);
    return (scale[map] * (z - mean[map])) / Math.sqrt(variance[map] + EPSILON) + shift[map];
  });
  return { data: result, shape };
}

function pool({ data, shape: [maps, height, width] }, kind) {
  const [rows, columns] = [Math.floor(height / 2), Math.floor(width / 2)];
  const result = new Float32Array(maps * rows * columns);
  for (let map = 0, at = 0; map < maps; map++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++, at++) {
        const corner = (map * height + 2 * i) * width + 2 * j;
        const four = [
          data[corner],
          data[corner + 1],
          data[corner + width],
          data[corner + width + 1],
        ];
        result[at] =
          kind === "max" ? Math.max(...four) : (four[0] + four[1] + four[2] + four[3]) / 4;
      }
    }
  }
  return { data: result, shape: [maps, rows, columns] };
}

function multiply({ data }, tensor) {
  const { data: weights, shape: [units, inputs] } = tensor("weight");
  const result = tensor("bias").data.map((bias, unit) => {
    let sum = bias;
    for (let i = 0; i < inputs; i++) sum += weights[unit * inputs + i] * data[i];
    return sum;
  });
  return { data: result, shape: [units] };
}

// The place of the largest value; -1 where they are no numbers.
export const largest = (data) => data.indexOf(Math.max(...data));

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = logits.map((z) => Math.exp(z - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
