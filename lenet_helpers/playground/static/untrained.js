// Weights before any training, as PyTorch draws them: evenly between ±1/√F for F inputs of a unit.

const SHAPES = {
  "features.conv1": [6, 1, 5, 5],
  "features.conv2": [16, 6, 5, 5],
  "classifier.linear1": [120, 400],
  "classifier.linear2": [84, 120],
  "classifier.linear3": [10, 84],
};

export function untrainedWeights(seed = 0) {
  const random = mulberry32(seed);
  const tensors = {};
  for (const [name, shape] of Object.entries(SHAPES)) {
    const inputs = shape.slice(1).reduce((product, side) => product * side, 1);
    const draw = (count) =>
      Float32Array.from({ length: count }, () => (2 * random() - 1) / Math.sqrt(inputs));
    tensors[`${name}.weight`] = { shape, data: draw(shape[0] * inputs) };
    tensors[`${name}.bias`] = { shape: [shape[0]], data: draw(shape[0]) };
  }
  return { tensors, stated: { activation: "relu", pooling: "max", image_size: 32 } };
}

// A small generator of random numbers from 0 to 1 with a seed, which JavaScript's own has not
// (T. Ettinger, public domain).
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
