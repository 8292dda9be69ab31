// Checkpoints: copies of the core's linear memory at rest, as shared blocks of 64 KiB.
//
// A block that did not change since the checkpoint before is the same object in both, so a
// checkpoint costs one comparison of the memory and a copy of what is new. Block numbers are
// never used twice within a lab; 0 is the block of zeros.

export const BLOCK_BYTES = 65536;
const UNDO_POINTS_MAX = 40;
const UNDO_BYTES_MAX = 256 << 20;
const ZEROS = { id: 0, bytes: new Uint8Array(BLOCK_BYTES) };

export class Points {
  constructor() {
    this.list = []; // oldest first: {id, seq, now, blocks, action}
    this.nextPoint = 1;
    this.nextBlock = 1;
    this.saved = new Set([0]); // block ids the page has in its store
  }

  /** A checkpoint of the memory after input `seq`, at virtual time `now`. */
  take(memory, seq, now, action) {
    const before = this.list.at(-1)?.blocks ?? [];
    const count = memory.byteLength / BLOCK_BYTES;
    const blocks = new Array(count);
    for (let i = 0; i < count; i++) {
      const bytes = new Uint8Array(memory, i * BLOCK_BYTES, BLOCK_BYTES);
      const old = before[i] ?? ZEROS;
      blocks[i] = same(bytes, old.bytes) ? old : { id: this.nextBlock++, bytes: bytes.slice() };
    }
    const point = { id: this.nextPoint++, seq, now, blocks, action };
    // Only the newest of those not made for undo is of use: recovery and saving start there.
    this.list = this.list.filter((it) => it.action);
    this.list.push(point);
    this.trim();
    return point;
  }

  /** A checkpoint the page had in its store. */
  adopt(point, blocks) {
    const byId = new Map(blocks.map(([id, bytes]) => [id, { id, bytes }]));
    byId.set(0, ZEROS);
    for (const id of point.blocks) {
      if (byId.get(id)?.bytes.length !== BLOCK_BYTES) throw new Error(`block ${id} is damaged`);
    }
    const adopted = {
      id: this.nextPoint++,
      seq: point.seq,
      now: point.now,
      blocks: Array.from(point.blocks, (id) => byId.get(id)),
      action: point.action,
    };
    for (const id of byId.keys()) {
      this.saved.add(id);
      this.nextBlock = Math.max(this.nextBlock, id + 1);
    }
    this.list.push(adopted);
    return adopted;
  }

  /** Forgets `point` and all after it. */
  cut(point) {
    this.list = this.list.slice(0, this.list.indexOf(point));
  }

  /** Forgets one. */
  drop(id) {
    this.list = this.list.filter((it) => it.id !== id);
  }

  /** The newest made for undo. */
  undo() {
    return this.list.findLast((it) => it.action);
  }

  /** Blocks of these points that the page does not have yet. */
  fresh(points) {
    const out = new Map();
    for (const point of points) {
      for (const block of point.blocks) {
        if (!this.saved.has(block.id)) out.set(block.id, block.bytes);
      }
    }
    return out;
  }

  trim() {
    const undo = this.list.filter((it) => it.action);
    let excess = Math.max(0, undo.length - UNDO_POINTS_MAX);
    while (excess > 0 || (undo.length > 1 && this.bytes() > UNDO_BYTES_MAX)) {
      this.drop(undo.shift().id);
      excess--;
    }
  }

  bytes() {
    const seen = new Set();
    for (const point of this.list) for (const block of point.blocks) seen.add(block.id);
    return seen.size * BLOCK_BYTES;
  }
}

function same(a, b) {
  const left = new Int32Array(a.buffer, a.byteOffset, BLOCK_BYTES / 4);
  const right = new Int32Array(b.buffer, b.byteOffset, BLOCK_BYTES / 4);
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
