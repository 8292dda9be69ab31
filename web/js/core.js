// core.wasm as an object: bytes in, bytes out. It has no imports, so nothing but these bytes
// can reach the world inside.

import { BLOCK_BYTES } from './points.js';

export class Core {
  /** A fresh instance, or one with the memory of a checkpoint. */
  constructor(module, point) {
    this.exports = new WebAssembly.Instance(module, {}).exports;
    if (point) this.restore(point);
  }

  restore(point) {
    const memory = this.exports.memory;
    const missing = point.blocks.length - memory.buffer.byteLength / BLOCK_BYTES;
    if (missing > 0) memory.grow(missing);
    const all = new Uint8Array(memory.buffer);
    point.blocks.forEach((block, i) => all.set(block.bytes, i * BLOCK_BYTES));
  }

  get memory() {
    return this.exports.memory.buffer;
  }

  /** Hands a command over (`call` frees it) and takes its answer. A trap is thrown. */
  call(bytes) {
    const { alloc, free, call } = this.exports;
    const at = alloc(bytes.length);
    new Uint8Array(this.memory, at, bytes.length).set(bytes);
    const answer = BigInt.asUintN(64, call(at, bytes.length));
    const from = Number(answer >> 32n);
    const length = Number(answer & 0xffffffffn);
    const copy = new Uint8Array(this.memory, from, length).slice();
    free(from, length);
    return copy;
  }
}
