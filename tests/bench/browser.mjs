// browser.mjs: how soon the page shows its first sample, how fast it learns, and how fast its library and recurrent-js
// train min-char-rnn's network in Chromium.
//   node browser.mjs PLAYGROUND CHROMIUM    (see browser.sh)
// The two networks have 100 tanh units, chunks of 25 characters and Adagrad with clipping. Both run in one tab, in
// short turns, and each ratio is that of two neighbouring turns.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';

const [playground, executablePath] = process.argv.slice(2);
const types = { '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };
const server = createServer(async ({ url }, answer) => {
    const directory = url.startsWith('/node_modules/') ? '.' : playground;
    try {
        const bytes = url === '/' ? '<!doctype html>' : await readFile(join(directory, url));
        answer.writeHead(200, { 'content-type': types[extname(url)] ?? 'text/html' }).end(bytes);
    } catch {
        answer.writeHead(404).end();
    }
});
await new Promise((resolve) => server.listen(0, resolve));
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const address = `http://localhost:${server.address().port}`;

const VISITS = 8, LOOKS = 5;
const waits = [], pageSpeeds = [];
for (let visit = 0; visit < VISITS; visit++) {
    const context = await browser.newContext(); // without a cache
    const page = await context.newPage();
    await page.goto(`${address}/index.html`);
    const first = await page.waitForFunction(() => document.getElementById('now').textContent && performance.now());
    waits.push(await first.jsonValue());
    for (let look = 0; look < LOOKS; look++) {
        await page.waitForTimeout(1000);
        pageSpeeds.push(countIn(await page.$eval('#speed', (element) => element.textContent)));
    }
    await context.close();
}

const page = await browser.newPage();
await page.goto(address);

const measured = await page.evaluate(async () => {
    const HIDDEN = 100, STEPS = 25, RATE = 0.1, CLIP = 5, ROUNDS = 80, SECONDS = 0.2;
    const text = await (await fetch('/texts/play.txt')).text();

    /** librnn: returns a function that trains on as many chunks as the page does at once. */
    async function librnn() {
        const { loadLibrary } = await import('/js/rnn.js');
        const library = await loadLibrary(await fetch('/rnn.wasm'));
        const network = library.create(text, { cell: 'tanh', layers: 1, hidden: HIDDEN, seed: 1 });
        return { chunks: 8, train: () => network.train(8, { sequence: STEPS, rate: RATE, clip: CLIP }) };
    }

    /** The sources of a CommonJS module and of all modules that it requires */
    async function fetchModules(url, sources = {}) {
        sources[url] ??= await (await fetch(url)).text();
        for (const path of requiredBy(url, sources[url]).values()) {
            if (!(path in sources)) {
                await fetchModules(path, sources);
            }
        }
        return sources;
    }

    function requiredBy(url, source) {
        const path = (name) => new URL(/\.$/.test(name) ? `${name}/index` : name, new URL(url, location)).pathname;
        return new Map([...source.matchAll(/require\("(.*?)"\)/g)].map(([, name]) => [name, `${path(name)}.js`]));
    }

    function evaluate(url, sources, loaded = {}) {
        if (!loaded[url]) {
            const module = loaded[url] = { exports: {} };
            const paths = requiredBy(url, sources[url]);
            const require = (name) => evaluate(paths.get(name), sources, loaded);
            new Function('exports', 'module', 'require', sources[url])(module.exports, module, require);
        }
        return loaded[url].exports;
    }

    /** recurrent-js, a successor of Karpathy's recurrentjs: its graph and its matrices, with the rule of min-char-rnn. */
    async function recurrentJs() {
        const index = '/node_modules/recurrent-js/dist/index.js';
        const { Graph, Mat, RandMat } = evaluate(index, await fetchModules(index));
        const symbols = [...new Set(text)].sort();
        const ids = Array.from(text, (symbol) => symbols.indexOf(symbol));
        const model = {
            wx: new RandMat(symbols.length, HIDDEN, 0, 0.01), wh: new RandMat(HIDDEN, HIDDEN, 0, 0.01),
            wy: new RandMat(symbols.length, HIDDEN, 0, 0.01), bh: new Mat(HIDDEN, 1), by: new Mat(symbols.length, 1),
        };
        const memory = Object.fromEntries(
            Object.entries(model).map(([name, { w }]) => [name, new Float64Array(w.length)]));
        let at = 0, before = new Float64Array(HIDDEN);
        const train = () => {
            if (at + STEPS + 1 >= ids.length) {
                at = 0;
                before = new Float64Array(HIDDEN);
            }
            const graph = new Graph();
            graph.memorizeOperationSequence(true);
            let h = new Mat(HIDDEN, 1), loss = 0;
            h.setFrom(before);
            for (let t = 0; t < STEPS; t++) {
                const x = graph.rowPluck(model.wx, ids[at + t]);
                h = graph.tanh(graph.add(graph.add(x, graph.mul(model.wh, h)), model.bh));
                const y = graph.add(graph.mul(model.wy, h), model.by);
                const most = Math.max(...y.w);
                const parts = Array.from(y.w, (value) => Math.exp(value - most));
                const sum = parts.reduce((a, b) => a + b, 0);
                parts.forEach((part, i) => { y.dw[i] = part / sum; });
                const target = ids[at + t + 1];
                loss -= Math.log(parts[target] / sum);
                y.dw[target] -= 1;
            }
            graph.backward();
            for (const [name, { w, dw }] of Object.entries(model)) {
                const m = memory[name];
                for (let i = 0; i < w.length; i++) {
                    const g = Math.max(-CLIP, Math.min(CLIP, dw[i]));
                    m[i] += g * g;
                    w[i] -= RATE * g / Math.sqrt(m[i] + 1e-8);
                    dw[i] = 0;
                }
            }
            before = h.w;
            at += STEPS;
            return loss / STEPS;
        };
        return { chunks: 1, train };
    }

    const both = { 'librnn': await librnn(), 'recurrent-js': await recurrentJs() };
    const speeds = { 'librnn': [], 'recurrent-js': [] }, losses = {};
    for (let round = 0; round < ROUNDS; round++) {
        for (const [name, { chunks, train }] of Object.entries(both)) {
            const begin = performance.now();
            let calls = 0;
            for (; performance.now() - begin < 1000 * SECONDS; calls++) {
                const loss = train();
                losses[name] = 0.99 * (losses[name] ?? loss) + 0.01 * loss;
            }
            speeds[name].push(calls * chunks * STEPS / (performance.now() - begin) * 1000);
        }
    }
    return { speeds, losses };
});
report('milliseconds to the first sample', waits, 0);
report('characters/s of the page', pageSpeeds, 0);
const [ours, theirs] = Object.values(measured.speeds);
report('characters/s of librnn', ours, 0);
report('characters/s of recurrent-js', theirs, 0);
report('ratio', ours.map((speed, round) => speed / theirs[round]), 1);
for (const [name, loss] of Object.entries(measured.losses)) {
    console.log(`${name}: ${loss.toFixed(2)} nats at the end`);
}
await browser.close();
server.close();

function report(name, values, digits) {
    const sorted = [...values].sort((a, b) => a - b);
    const [least, median, most] = [0, sorted.length >> 1, sorted.length - 1].map((i) => sorted[i].toFixed(digits));
    console.log(`${name}: ${median}, from ${least} to ${most}`);
}

/** The number that the page writes as 61,281 or 126K */
function countIn(text) {
    return parseFloat(text.replaceAll(',', '')) * (text.endsWith('K') ? 1000 : 1);
}
