// core.wasm as an object: bytes in, bytes out. Nothing but these bytes can reach the world
// inside: the module imports nothing.
//
// A fresh world may begin in a module that holds only what its first commands run (first.mjs).
// The whole module takes over between two calls, as soon as it is there, with the memory as it
// is; or, where a call leaves what the first one has, by doing all calls again from the
// beginning. The same calls give the same bytes, so nobody can tell.

import { BLOCK_BYTES } from './points.js';

export class Core {
  /**
   * A fresh instance, or one with the memory of a checkpoint. `parts` is {first, ready, whole}:
   * the module to begin with, where there is such a one; the whole one or nothing yet; and a
   * function that waits for it.
   */
  constructor(parts, point) {
    this.parts = parts;
    if (point || !parts.first) {
      this.take(parts.whole());
      if (point) this.restore(point);
      return;
    }
    this.take(parts.first);
    this.calls = []; // all there were, as long as the module is not whole
  }

  take(module) {
    this.exports = new WebAssembly.Instance(module).exports;
    const [place] = WebAssembly.Module.customSections(module, 'constants');
    this.constants = place ? new Uint32Array(place) : [0, 0];
  }

  restore(point) {
    this.fill(point.blocks.length, (all) => {
      point.blocks.forEach((block, i) => all.set(block.bytes, i * BLOCK_BYTES));
    });
  }

  /** Puts another memory in, but for the constants: a first module's memory lacks some. */
  fill(blocks, put) {
    const memory = this.exports.memory;
    const missing = blocks - memory.buffer.byteLength / BLOCK_BYTES;
    if (missing > 0) memory.grow(missing);
    const all = new Uint8Array(memory.buffer);
    const constants = all.slice(...this.constants);
    put(all);
    all.set(constants, this.constants[0]);
  }

  get memory() {
    return this.exports.memory.buffer;
  }

  /** Hands a command over and takes its answer. A trap is thrown. */
  call(bytes) {
    if (!this.calls) return this.hand(bytes);
    if (this.parts.ready) {
      const before = this.memory;
      this.take(this.parts.ready);
      this.fill(before.byteLength / BLOCK_BYTES, (all) => all.set(new Uint8Array(before)));
      this.calls = null;
      return this.hand(bytes);
    }
    try {
      const answer = this.hand(bytes);
      this.calls.push(bytes);
      return answer;
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      return this.again(bytes);
    }
  }

  /** The first module has come to its end, which may be the world's or only its own. */
  again(bytes) {
    const { calls } = this;
    let whole;
    try {
      whole = this.parts.whole();
    } catch (error) {
      // As if the command had not been given: perhaps the next can have it.
      this.take(this.parts.first);
      for (const call of calls) this.hand(call);
      throw error;
    }
    this.take(whole);
    this.calls = null;
    for (const call of calls) this.hand(call);
    return this.hand(bytes);
  }

  /** `call` of the module frees the command; its answer is copied out. */
  hand(bytes) {
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
