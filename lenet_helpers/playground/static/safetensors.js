// A file of weights, as safetensors has it: 8 bytes with the length of a header, the header in
// JSON, and the numbers of all tensors one after another, the lowest byte first.

export class WeightsError extends Error {}

const TYPES = {
  F32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F64: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};
const LARGEST = 10_000_000; // bytes: a LeNet-5 has a quarter of a million

// Tensors by name, each with its shape and its values, and what the metadata says of the network:
// the arguments of its LeNet5, or null where an older file says nothing.
export function readWeights(buffer) {
  if (buffer.byteLength > LARGEST) throw new WeightsError("The file is too large for a LeNet-5.");
  const header = headerOf(buffer);
  const tensors = {};
  for (const [name, entry] of Object.entries(header.entries)) {
    if (!name.startsWith("__") && entry?.dtype in TYPES) {
      tensors[name] = readTensor(buffer, header.end, name, entry);
    }
  }
  const said = header.entries.__metadata__?.LeNet5;
  return { tensors, stated: said === undefined ? null : parse(said) };
}

function headerOf(buffer) {
  const start = new DataView(buffer);
  const length = buffer.byteLength < 8 ? Infinity : Number(start.getBigUint64(0, true));
  if (8 + length > buffer.byteLength) {
    throw new WeightsError("This is no safetensors file, or it is cut off.");
  }
  const text = new TextDecoder().decode(new Uint8Array(buffer, 8, length));
  return { entries: parse(text), end: 8 + length };
}

function parse(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // said below
  }
  throw new WeightsError("The header of the file is damaged. Save the weights again.");
}

function readTensor(buffer, end, name, { dtype, shape, data_offsets: offsets }) {
  const whole = (number) => Number.isInteger(number) && number >= 0;
  if (![shape, offsets].every((list) => Array.isArray(list) && list.every(whole))) {
    throw new WeightsError(`The header of the file is damaged at ${name}.`);
  }
  const count = shape.reduce((product, side) => product * side, 1);
  const [first, last] = offsets;
  const { bytes, read } = TYPES[dtype];
  if (last - first !== count * bytes || end + last > buffer.byteLength) {
    throw new WeightsError(`The file is damaged: ${name} is not whole.`);
  }
  const view = new DataView(buffer, end + first, last - first);
  const data = Float32Array.from({ length: count }, (_, i) => read(view, bytes * i));
  if (!data.every(Number.isFinite)) {
    throw new WeightsError(`${name} holds numbers that are not finite: was the training stable?`);
  }
  return { shape, data };
}
