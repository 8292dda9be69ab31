// What the page needs of the browser and wasm-bindgen does not offer in a stable form.

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

/** Lets the learner choose a file; resolves to its bytes, or null. */
export function chooseFile() {
  return new Promise((answer) => {
    const input = document.createElement('input');
    input.type = 'file';
    input.onchange = async () => {
      const file = input.files[0];
      answer(file ? new Uint8Array(await file.arrayBuffer()) : null);
    };
    input.oncancel = () => answer(null);
    input.click();
  });
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
