// The service worker: the page works without a network after the first visit.
//
// Files carry a hash of their content in their name, so what is cached is never stale; only
// the front door is asked for anew each time. finish.mjs puts the two constants in.

const CACHE = `quorum-lab-${'%VERSION%'}`;
const ASSETS = '%ASSETS%';

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(ASSETS)));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(dropOldCaches());
});

async function dropOldCaches() {
  for (const name of await caches.keys()) {
    if (name.startsWith('quorum-lab-') && name !== CACHE) await caches.delete(name);
  }
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return;
  event.respondWith(request.mode === 'navigate' ? door(request) : file(request));
});

async function door(request) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match('./')) ?? Response.error();
  }
}

async function file(request) {
  return (await caches.match(request)) ?? fetch(request);
}
