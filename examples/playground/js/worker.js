// worker.js: trains in a worker, so that the page stays responsive. The page sends requests, {do: ...}, and the worker
// answers with news, {is: ...}.

import { cells, gateNames, loadLibrary } from './rnn.js';
import { Run } from './run.js';

const SLICE = 25; // milliseconds of training before the worker looks at requests
const NEWS = 100; // milliseconds between two reports
const SAMPLES = 1200; // milliseconds between two samples of the current network
const FLOW = { hidden: 64, steps: 50, chunks: 10 };

const library = loadLibrary(await fetch(new URL('../rnn.wasm', import.meta.url)));
const next = new MessageChannel(); // lets requests in between, without the delay of a timer

let run = null;
let text = '';
let running = false;
let scheduled = false; // a message to `next` is under way
let reported = { at: 0, trained: 0 };
let sampled = 0;
let unseen = false; // the page hasn't shown the last report yet
let flow = { scale: 0, networks: [], trained: 0 };

const requests = {
    /** Begins a run: {text, settings, file, running}. `file` has the bytes of a model's file, or is undefined. */
    async begin({ settings, file, ...request }) {
        const made = file ? (await library).open(file, request.text) : (await library).create(request.text, settings);
        run?.network.destroy();
        run = new Run(made, settings);
        text = request.text;
        flow.scale = 0;
        reported = { at: performance.now(), trained: 0 };
        const { cell, layers, hidden, symbols, skipped } = made;
        const gates = gateNames[cell];
        postMessage({ is: 'begun', cell, layers, hidden, symbols, skipped, gates, file: Boolean(file) });
        sample(run.milestone());
        this.go(request);
    },

    go(request) {
        running = request.running;
        reported = { at: performance.now(), trained: run.trained };
        schedule();
    },

    /** Changes settings of the network that is learning. */
    set({ settings }) {
        run.settings = settings;
    },

    /** The page has shown the last report. A slow page gets fewer reports. */
    seen() {
        unseen = false;
    },

    /** Trains on one chunk. */
    step() {
        run.trainChunks(1);
        report();
        sample();
    },

    sample() {
        sample();
    },

    /** Reads a text: {text, layer, gates, about}. The answer repeats `about`. */
    read({ text, layer, gates, about }) {
        const { network } = run;
        postMessage({ is: 'reading', about, ...network.read(text, Math.min(layer, network.layers - 1), gates) });
    },

    /** Measures how far gradients reach in three small networks: {scale, train, settings}. */
    async flow({ scale, train, settings }) {
        if (flow.scale !== scale) {
            flow.networks.forEach((network) => network.destroy());
            flow = { scale, trained: 0, networks: [] };
            for (const cell of cells) {
                const options = { cell, layers: 1, hidden: FLOW.hidden, seed: settings.seed };
                flow.networks.push((await library).create(text, options, scale / Math.sqrt(FLOW.hidden)));
            }
        }
        if (train) {
            flow.networks.forEach((network) => network.train(FLOW.chunks, settings));
            flow.trained += FLOW.chunks * settings.sequence;
        }
        const norms = Object.fromEntries(flow.networks.map((one) => [one.cell, one.flow(FLOW.steps)]));
        postMessage({ is: 'flow', scale, norms, trained: flow.trained });
    },

    save() {
        postMessage({ is: 'file', bytes: run.network.save() });
    },
};

function report() {
    const now = performance.now();
    const speed = (run.trained - reported.trained) / (now - reported.at) * 1000;
    reported = { at: now, trained: run.trained };
    unseen = true;
    postMessage({ is: 'progress', trained: run.trained, loss: run.loss, speed, chunk: run.chunk() });
}

function sample(kept) {
    sampled = performance.now();
    postMessage({ is: 'sample', kept: Boolean(kept), ...(kept ?? run.look()) });
}

function schedule() {
    if (!scheduled) {
        scheduled = true;
        next.port2.postMessage(null);
    }
}

function trainOn() {
    scheduled = false;
    if (!running) {
        return;
    }
    run.train(SLICE);
    const kept = run.milestone();
    if (kept) {
        sample(kept);
    } else if (!unseen && performance.now() - sampled > SAMPLES) {
        sample();
    }
    if (!unseen && performance.now() - reported.at > NEWS) {
        report();
    }
    schedule();
}

/** Reports an error. The run stays as it is, but doesn't go on if training failed. */
async function guarded(action, about) {
    try {
        await action();
    } catch (error) {
        running &&= about !== 'training';
        postMessage({ is: 'error', why: error.message, about });
    }
}

next.port1.onmessage = () => guarded(trainOn, 'training');
onmessage = ({ data }) => guarded(() => requests[data.do](data), data.do);
postMessage({ is: 'ready' });
