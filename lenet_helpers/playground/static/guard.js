// Whether a drawing is one digit at all: the network `characters` of lesson 08 knows other
// characters, and a class for what is none.

import { buildNetwork, forward } from "./lenet.js";
import { readWeights } from "./safetensors.js";

const CLASSES = "0123456789+-×÷/=().";
const LEAST = 0.5; // probability below which the answer is doubted

// A function of an image and the answer that gives a doubt in words, or nothing.
export function createGuard(bytes) {
  const network = buildNetwork(readWeights(bytes));
  return (image, answer) => {
    const { data } = forward(network, image).probabilities;
    if (data[answer] >= LEAST) return "";
    const best = data.indexOf(Math.max(...data));
    if (best === CLASSES.length) return "not sure: this looks like no single digit";
    return `not sure: it could be ${CLASSES[best]} as well`;
  };
}
