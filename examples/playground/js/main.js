// main.js: connects the page with the worker, which start.js has started.

import { ColouredText, quote } from './coloured.js';
import { makeControls, scales, showScale, slider } from './controls.js';
import { Curve } from './curve.js';
import { entropy, gzip } from './facts.js';
import { $, make, showCount, whileVisible } from './page.js';
import { beginsAnew, fromAddress, toAddress } from './settings.js';
import { Units } from './units.js';
import { showChunk, showFlow, showGates, showGuesses } from './views.js';

const EXCERPT = 700; // characters of the coloured texts
const GATED = 90; // characters of the gates
const REFRESH = 600; // milliseconds between two readings of a network that is learning

let settings = fromAddress(location.hash);
let running = true;
let facts = { symbols: [], gates: [] }; // of the network: see the worker's begin()
const texts = { own: '' };
const ask = (request) => worker.postMessage(request);

/* ---- The text ---- */

const sources = { play: 'texts/play.txt', code: 'texts/min_char_rnn.c' };

async function loadText(name) {
    texts[name] ??= fetch(sources[name]).then((answer) => answer.text());
    return texts[name];
}

loadText(settings.text); // meanwhile the worker loads the library

/** The beginning of the last tenth, which the network doesn't learn from */
function heldOut(text) {
    const symbols = [...text];
    const rest = symbols.slice(symbols.length - Math.floor(symbols.length / 10)).join('');
    return [...rest.slice(rest.indexOf('\n') + 1).trimStart()].slice(0, EXCERPT).join('');
}

/* ---- Beginning a run ---- */

const curve = new Curve($('curve'));
const beginning = []; // runs that the worker hasn't begun yet: see begin()
let excerpt = '';

async function begin(file) {
    if (settings.text === 'own' && texts.own === '') {
        settings.text = 'play';
    }
    showSettings();
    const text = await loadText(settings.text);
    $('alert').hidden = true;
    ask({ do: 'begin', text, settings, file, running });
    beginning.push({ excerpt: heldOut(text), lines: linesToBeat(text) });
}

async function linesToBeat(text) {
    return [{ label: 'single characters', bits: entropy(text) }, { label: 'gzip', bits: await gzip(text) }];
}

/** Shows a run that the worker has begun. Until then it sends news of the last one. */
function show(begun) {
    ({ excerpt } = begun);
    $('history').replaceChildren();
    $('trained').textContent = 0;
    $('loss').textContent = $('speed').textContent = '–';
    curve.begin();
    const { run } = curve;
    begun.lines.then((lines) => curve.run === run && curve.setLines(lines));
}

function change(name, value) {
    settings = { ...settings, [name]: value };
    if (name === 'text' && value === 'own' && texts.own === '') {
        $('own').open = true;
        $('own-text').focus();
        return;
    }
    if (beginsAnew.has(name)) {
        begin();
    } else {
        ask({ do: 'set', settings });
        ask({ do: 'sample' });
        showSettings();
        tellGuesses();
    }
}

function setRunning(value) {
    running = value;
    $('pause').textContent = running ? 'Pause' : 'Go on';
    $('pause').setAttribute('aria-pressed', !running);
    ask({ do: 'go', running });
}

$('pause').addEventListener('click', () => setRunning(!running));
$('step').addEventListener('click', () => {
    setRunning(false);
    ask({ do: 'step' });
});
$('reset').addEventListener('click', () => begin());

/* ---- Controls ---- */

const controls = {
    ...makeControls($('controls-network'), ['text', 'cell', 'layers', 'hidden'], change),
    ...makeControls($('controls-guess'), ['temperature'], change),
    ...makeControls($('controls-chunk'), ['sequence'], change),
    ...makeControls($('controls-rule'), ['rate', 'clip'], change),
};

const seed = make('input', { id: 'seed', inputMode: 'numeric', maxLength: 9, autocomplete: 'off' });
seed.addEventListener('change', () => change('seed', Number(seed.value.replace(/\D/g, '') || 0)));
$('controls-share').append(make('div', { className: 'control' },
    make('label', { htmlFor: 'seed' }, 'Seed of the random numbers'), seed));

function showSettings() {
    for (const [name, control] of Object.entries(controls)) {
        control.showValue(settings[name]);
    }
    seed.value = settings.seed;
    $('loop-rate').textContent = `-${settings.rate}`;
    $('loop-low').textContent = settings.clip ? `-${settings.clip}` : '-∞';
    $('loop-high').textContent = settings.clip || '∞';
    history.replaceState(null, '', `#${toAddress(settings)}`);
}

addEventListener('hashchange', () => {
    settings = fromAddress(location.hash);
    begin();
});

/* ---- Looking at the network ---- */

const symbolsOf = (ids) => [...ids].map((id) => facts.symbols[id]);
const surprise = new ColouredText($('surprise-text'), 'Text coloured by surprise', (at) => showSurpriseAt(at));
const units = new Units();
let latest = null; // the last reading of the excerpt

function showSurprise() {
    const bits = [...latest.losses].map((loss) => loss / Math.LN2);
    surprise.show(latest.symbols, latest.symbols.map((_, t) => (t === 0 ? 0 : Math.min(1, bits[t - 1] / 9))));
}

function showSurpriseAt(t) {
    if (t === 0) {
        return;
    }
    const { symbols, losses, probabilities } = latest;
    const row = probabilities.subarray((t - 1) * facts.symbols.length, t * facts.symbols.length);
    const expected = [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, 3)
        .map((id) => `${quote(facts.symbols[id])} ${(100 * row[id]).toFixed(0)} %`);
    $('surprise-note').value =
        `${quote(symbols[t])}: ${(losses[t - 1] / Math.LN2).toFixed(1)} bits. Expected: ${expected.join(', ')}.`;
}

function showGatesOf(reading) {
    const gated = reading.gates !== null;
    $('to-lstm').hidden = gated;
    $('gates').hidden = !gated;
    $('gates-of').disabled = !gated;
    $('gates-note').textContent = gated
        ? `Each column is a character, and each row is a gate of the ${facts.cell.toUpperCase()} that learns, from `
            + 'closed (light) to open (dark).'
        : facts.cell === 'tanh' ? 'The network that learns is a tanh RNN, which has no gates.'
            : 'The gates of this model can’t be shown.';
    if (gated) {
        showGates({ ...reading, names: facts.gates, unit: $('gates-of').value === 'unit' ? units.chosen : -1 });
    }
}

let guessing = null;

function showGuessing() {
    const { symbols, probabilities } = guessing;
    $('guesses').ariaLabel = `The most likely next characters after ${quote(symbols.slice(1).join(''))}`;
    const row = [...probabilities.slice((symbols.length - 1) * facts.symbols.length)];
    showGuesses(facts.symbols, row.map((p) => Math.log(p + 1e-30)), settings.temperature, (symbol) => {
        $('typed').value += symbol === '\n' ? ' ' : symbol;
        tellGuesses();
    });
}

const viewers = {
    surprise: (reading) => { latest = reading; showSurprise(); },
    units: (reading) => units.show(reading),
    gates: showGatesOf,
    guess: (reading) => { guessing = reading; showGuessing(); },
};

/** Asks the worker one question of each kind at a time. Of other questions that come meanwhile, the last one is kept. */
const questions = {
    open: new Map(), // from a kind to {key, next}
    ask(kind, question) {
        const key = JSON.stringify(question);
        const open = this.open.get(kind);
        if (open) {
            open.next = key === open.key ? null : question;
        } else {
            this.open.set(kind, { key, next: null });
            ask(question);
        }
    },
    answered(kind) {
        const next = this.open.get(kind)?.next;
        this.open.delete(kind);
        if (next) {
            this.ask(kind, next);
        }
    },
};

function look(about, text, gates = false) {
    if (facts.symbols.length > 0 && text !== '') {
        questions.ask(about, { do: 'read', about, text, layer: facts.layers - 1, gates });
    }
}

const tellSurprise = whileVisible($('surprise-text'), () => look('surprise', excerpt));
const tellUnits = whileVisible($('units'), () => look('units', excerpt));
const tellGates = whileVisible($('gates-note'), () => look('gates', [...excerpt].slice(0, GATED).join(''), true));
const tellGuesses = whileVisible($('guesses'), () => look('guess', `\n${$('typed').value}`));

let lastChunk = null;

const tellChunk = whileVisible($('chunk'), () => lastChunk && showChunk(lastChunk));

let scale = scales[8], trainsFlow = false;

const tellFlow = whileVisible($('flow'), () => {
    if (excerpt !== '') {
        questions.ask('flow', { do: 'flow', scale, train: trainsFlow, settings });
    }
});

function tellAll() {
    [tellSurprise, tellUnits, tellGates, tellGuesses, tellFlow].forEach((tell) => tell());
}

const scaleSlider = slider('scale', 'Scale of the weights', scales, showScale, (value) => {
    scale = value;
    tellFlow();
});
scaleSlider.showValue(scale);
const trains = make('input', { type: 'checkbox', id: 'flow-trains' });
trains.addEventListener('change', () => {
    trainsFlow = trains.checked;
    tellFlow();
});
$('controls-flow').append(scaleSlider.element, make('label', { className: 'check', htmlFor: 'flow-trains' }, trains,
    'Train the three as well'));

$('typed').value = 'O Romeo, Romeo! wherefore art tho';
$('typed').addEventListener('input', tellGuesses);
$('gates-of').addEventListener('change', tellGates);
$('to-lstm').addEventListener('click', () => change('cell', 'lstm'));

/* ---- News from the worker ---- */

let refreshed = 0;

function keep(sample) {
    const label = make('b', {}, sample.trained === 0 ? 'at first' : `${showCount(sample.trained)}`);
    const loss = make('small', {}, `${sample.heldOut.toFixed(2)} bits`);
    const text = make('p', { className: 'text' }, sample.text.replaceAll('\n', ' ↵ '));
    $('history').append(make('li', {}, make('span', {}, label, loss), text));
    $('history').scrollTop = $('history').scrollHeight;
}

const news = {
    begun(found) {
        facts = found;
        show(beginning.shift());
        questions.open.clear();
        $('share-note').value = found.skipped > 0
            ? `The model doesn’t know ${showCount(found.skipped)} characters of the text. They are left out.` : '';
        if (found.file) {
            settings = { ...settings, cell: found.cell };
            for (const name of ['cell', 'layers', 'hidden']) {
                controls[name].showValue(found[name]);
            }
        }
        tellAll();
    },
    sample(sample) {
        $('now').textContent = sample.text;
        $('ticker').textContent = sample.text.replace(/\s+/g, ' ');
        $('now-label').textContent = sample.trained === 0 ? 'before it has read anything'
            : `after ${showCount(sample.trained)} characters`;
        if (sample.kept) {
            keep(sample);
        }
        curve.addHeldOut(sample);
    },
    progress({ trained, loss, speed, chunk }) {
        const { run } = curve;
        requestAnimationFrame(() => {
            ask({ do: 'seen' });
            if (curve.run !== run) {
                return;
            }
            $('trained').textContent = showCount(trained);
            $('loss').textContent = loss.toFixed(2);
            $('speed').textContent = running ? showCount(speed) : '–';
            curve.addLoss(trained, loss);
            lastChunk = chunk;
            tellChunk();
            if (!running || performance.now() - refreshed > REFRESH) {
                refreshed = performance.now();
                tellAll();
            }
        });
    },
    reading({ about, ...reading }) {
        questions.answered(about);
        viewers[about]({ ...reading, symbols: symbolsOf(reading.ids) });
    },
    flow({ norms }) {
        questions.answered('flow');
        showFlow(norms);
    },
    file({ bytes }) {
        const href = URL.createObjectURL(new Blob([bytes]));
        const link = make('a', { href, download: `${settings.text}-${facts.cell}.safetensors` });
        link.click();
        URL.revokeObjectURL(link.href);
    },
    error({ why, about }) {
        const training = about === 'training' || about === 'step';
        const advice = training
            ? ' Lower the learning rate or turn on clipping, then press Reset.' : '';
        $('alert').textContent = why.replace(/\.?$/, '.') + advice;
        $('alert').hidden = false;
        questions.open.clear();
        if (about === 'begin') {
            beginning.shift();
        } else if (training) {
            setRunning(false);
        }
    },
};

ready.then(() => {
    worker.addEventListener('message', ({ data }) => news[data.is](data));
    begin();
});

/* ---- Texts and models from outside ---- */

function learn(own) {
    texts.own = own.replaceAll('\r\n', '\n');
    change('text', 'own');
}

async function openFile(file) {
    if (!file) {
        return;
    }
    if (file.name.endsWith('.safetensors')) {
        begin(new Uint8Array(await file.arrayBuffer()));
    } else {
        learn(await file.text());
    }
}

$('own-use').addEventListener('click', () => learn($('own-text').value));
for (const id of ['own-file', 'open']) {
    $(id).addEventListener('change', ({ target }) => {
        openFile(target.files[0]);
        target.value = '';
    });
}
addEventListener('dragover', (event) => {
    event.preventDefault();
    $('drop').hidden = false;
});
$('drop').addEventListener('dragleave', () => { $('drop').hidden = true; });
addEventListener('drop', (event) => {
    event.preventDefault();
    $('drop').hidden = true;
    openFile(event.dataTransfer.files[0]);
});

/* ---- Sharing ---- */

$('copy').addEventListener('click', async () => {
    await navigator.clipboard.writeText(location.href);
    $('share-note').value = settings.text === 'own'
        ? 'Copied. The address doesn’t hold your text: send it along.' : 'Copied.';
});
$('save').addEventListener('click', () => ask({ do: 'save' }));
