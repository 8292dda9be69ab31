// core.wasm as an object: bytes in, bytes out. Nothing but these bytes can reach the world
// inside: all it may ask for is its own second half (see split.mjs).

import { BLOCK_BYTES } from './points.js';

export class Core {
  /**
   * A fresh instance, or one with the memory of a checkpoint. `halves` is {first, later}: a
   * compiled module, and a function that answers with the other or, if it must, waits for it.
   */
  constructor(halves, point) {
    const load = () => {
      const { exports } = this;
      new WebAssembly.Instance(halves.later(), { first: exports });
      exports.loaded.value = 1;
    };
    this.exports = new WebAssembly.Instance(halves.first, { later: { load } }).exports;
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
