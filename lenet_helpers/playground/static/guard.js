// Whether a drawing is one digit at all: the network `characters` of lesson 08 knows other
// characters, and a class for what is none.

import { buildNetwork, forward, largest } from "./lenet.js";
import { readWeights } from "./safetensors.js";

const CLASSES = "0123456789+-×÷/=().";
const LEAST = 0.5; // probability below which the answer is doubted

// A function of an image. What it gives turns an answer into a doubt in words, or into none; so the
// image is read once, however many networks answer.
export function createGuard(bytes) {
  const network = buildNetwork(readWeights(bytes));
  return (image) => {
    const { data } = forward(network, image).probabilities;
    const best = largest(data);
    const words =
      best === CLASSES.length
        ? "this looks like no single digit"
        : `it could be ${CLASSES[best]} as well`;
    return (answer) => (data[answer] >= LEAST ? "" : `not sure: ${words}`);
  };
}
