// IndexedDB in five words: open, get, all, commit, and who may write.
//
// Stores (keys are texts, so that a lab's rows lie together):
//   app     'current' -> name of the open lab; 'fence' -> number of the tab that may write
//   labs    LAB -> its record                     (bytes, made by the crate)
//   inputs  LAB/SEQ -> an input with its time     (bytes)
//   blocks  LAB/BLOCK -> 64 KiB of a checkpoint   (bytes)
//   scroll  LAB/TTY -> what a terminal showed     (bytes)
//
// A commit carries the fence its tab got when it became the writer: a tab that lost the lock
// in the middle of a write can no longer spoil what the new writer saves.

const NAME = 'quorum-lab';
const VERSION = 1;
const STORES = ['app', 'labs', 'inputs', 'blocks', 'scroll'];

let db = null;

/** Rejects with the browser's error where storage is refused. */
export function open(onClosed) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const name of STORES) {
        if (!request.result.objectStoreNames.contains(name)) request.result.createObjectStore(name);
      }
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      db = request.result;
      db.onversionchange = () => {
        db.close();
        db = null;
        onClosed();
      };
      resolve();
    };
  });
}

export function get(store, key) {
  return ask(store, (it) => it.get(key));
}

/** Everything of a store whose key begins with `prefix`, as [key, value] pairs. */
export async function all(store, prefix) {
  const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
  const [keys, values] = await Promise.all([
    ask(store, (it) => it.getAllKeys(range)),
    ask(store, (it) => it.getAll(range)),
  ]);
  return keys.map((key, i) => [key, values[i]]);
}

function ask(store, question) {
  return new Promise((resolve, reject) => {
    if (!db) return reject(new DOMException('the store is closed', 'InvalidStateError'));
    const request = question(db.transaction(store).objectStore(store));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Makes this tab the writer: every older fence is void from here on. */
export function raiseFence() {
  return run((tx, resolve) => {
    const app = tx.objectStore('app');
    const old = app.get('fence');
    old.onsuccess = () => {
      const fence = (old.result ?? 0) + 1;
      app.put(fence, 'fence');
      resolve(fence);
    };
  });
}

/**
 * All or nothing. `ops` are [store, key, value] to put, [store, key] to delete and
 * [store, from, to, true] to delete a range of keys, both ends included.
 */
export function commit(fence, ops) {
  return run((tx) => {
    const held = tx.objectStore('app').get('fence');
    held.onsuccess = () => {
      if (held.result !== fence) {
        tx.fenced = true;
        tx.abort();
        return;
      }
      for (const [store, key, value, range] of ops) {
        const it = tx.objectStore(store);
        if (range) it.delete(IDBKeyRange.bound(key, value));
        else if (value === undefined) it.delete(key);
        else it.put(value, key);
      }
    };
  });
}

function run(work) {
  return new Promise((resolve, reject) => {
    if (!db) return reject(new DOMException('the store is closed', 'InvalidStateError'));
    const tx = db.transaction(STORES, 'readwrite', { durability: 'relaxed' });
    let value;
    tx.oncomplete = () => resolve(value);
    tx.onabort = () => {
      if (tx.fenced) reject(new DOMException('another tab writes', 'Fenced'));
      else reject(tx.error ?? new DOMException('the write was given up', 'AbortError'));
    };
    work(tx, (it) => {
      value = it;
    });
  });
}
