// start.js: starts the worker. It runs before the other scripts are loaded, so that the worker loads at the same time.

const worker = new Worker('js/worker.js', { type: 'module' });
const ready = new Promise((resolve) => worker.addEventListener('message', resolve, { once: true }));
