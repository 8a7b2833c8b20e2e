// Arrays as text: base64 of little-endian numbers, under the names that the scene gives them.

const TYPES = {
  float32: Float32Array, float64: Float64Array, uint8: Uint8Array, int8: Int8Array, int16: Int16Array,
  uint16: Uint16Array, int32: Int32Array,
};

export function unpack(packed) {
  return Object.fromEntries(Object.entries(packed).map(([name, { dtype, data, count }]) => [name, arrayOf(dtype, bytesOf(data), count)]));
}

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

function arrayOf(dtype, bytes, count) {
  if (dtype === "float24") return upperBytes(bytes);
  if (dtype === "float16") return halves(new Uint16Array(bytes.buffer));
  if (dtype === "bits") return Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3] >> (i & 7)) & 1);
  return new TYPES[dtype](bytes.buffer);
}

// The upper three bytes of single precision: 16 bits of mantissa
function upperBytes(bytes) {
  const words = new Uint32Array(bytes.length / 3);
  for (let i = 0; i < words.length; i++) words[i] = (bytes[3 * i] << 8) | (bytes[3 * i + 1] << 16) | (bytes[3 * i + 2] << 24);
  return new Float32Array(words.buffer);
}

function halves(words) {
  return Float32Array.from(words, (w) => {
    const sign = w & 0x8000 ? -1 : 1, exponent = (w >> 10) & 31, fraction = w & 1023;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
  });
}
