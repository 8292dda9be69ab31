// What the page needs of the browser and wasm-bindgen does not offer in a stable form.

export { later } from './later.js';

const LOCK = 'quorum-lab-writer';

/**
 * Asks to be the one tab that saves. `onLost` is called when another tab takes over.
 * Resolves to true when this tab may write; without Web Locks every tab may.
 */
export function acquire(steal, onLost) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((answer) => {
    const options = steal ? { steal: true } : { ifAvailable: true };
    navigator.locks
      .request(LOCK, options, (lock) => {
        answer(lock !== null);
        return lock ? new Promise(() => {}) : undefined; // held until the tab ends
      })
      .catch(() => {
        answer(false);
        onLost();
      });
  });
}

/** Asks the browser not to evict what is saved. */
export async function persist() {
  try {
    return (await navigator.storage?.persist?.()) ?? false;
  } catch {
    return false;
  }
}

/** Offers bytes as a file. */
export function download(name, bytes) {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Lets the learner choose a file; resolves to it, or null. */
function choose() {
  return new Promise((answer) => {
    const input = document.createElement('input');
    input.type = 'file';
    input.id = 'file-input';
    input.hidden = true;
    input.onchange = () => answer(input.files[0] ?? null);
    input.oncancel = () => answer(null);
    document.getElementById(input.id)?.remove();
    document.body.append(input);
    input.click();
  });
}

/** Lets the learner choose a file; resolves to its bytes, or null. */
export async function chooseFile() {
  const file = await choose();
  return file && new Uint8Array(await file.arrayBuffer());
}

/**
 * The same with its name and hash: {name, size, bytes, sha256}. Neither reading nor hashing
 * holds the page up. A file that is too large comes without bytes; where the browser gives
 * no hash (an insecure origin), that is empty.
 */
export async function takeFile(bytesMax) {
  const file = await choose();
  if (!file) return null;
  const { name, size } = file;
  if (size > bytesMax) return { name, size };
  const bytes = new Uint8Array(await file.arrayBuffer());
  const digest = await globalThis.crypto?.subtle?.digest('SHA-256', bytes);
  const hex = Array.from(new Uint8Array(digest ?? 0), (it) => it.toString(16).padStart(2, '0'));
  return { name, size, bytes, sha256: hex.join('') };
}

/** Copies text; false where the browser refuses. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Small things that may be lost: theme, sizes. Storage can be refused; then they are. */
export function remember(key, value) {
  try {
    localStorage.setItem(`quorum-lab.${key}`, value);
  } catch {
    // Refused: the choice lasts as long as the tab.
  }
}

export function recall(key) {
  try {
    return localStorage.getItem(`quorum-lab.${key}`) ?? '';
  } catch {
    return '';
  }
}
