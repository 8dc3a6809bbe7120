// views.js: the smaller views of the lessons: the next character, the chunk, the bars of the gradients, and the gates.

import { $, draw, make, nameSymbol, shade, showPower, showSymbol } from './page.js';
import { cells } from './rnn.js';

const GUESSES = 8;
const names = { tanh: 'tanh RNN', gru: 'GRU', lstm: 'LSTM' };

/** The most likely next characters, as buttons that type them */
export function showGuesses(symbols, logProbabilities, temperature, type) {
    const scaled = logProbabilities.map((x) => (temperature > 0 ? x / temperature : x * 1e3));
    const most = Math.max(...scaled);
    const parts = [...scaled].map((x) => Math.exp(x - most));
    const sum = parts.reduce((a, b) => a + b, 0);
    const order = parts.map((_, id) => id).sort((a, b) => parts[b] - parts[a]).slice(0, GUESSES);
    const buttons = order.map((id, i) => {
        const button = $('guesses').children[i]?.firstChild ?? make('button', {}, make('b'), make('small'));
        const percent = `${(100 * parts[id] / sum).toFixed(1)} %`;
        button.style.setProperty('--part', (parts[id] / sum).toFixed(3));
        button.firstChild.textContent = showSymbol(symbols[id]);
        button.lastChild.textContent = percent;
        button.ariaLabel = `${nameSymbol(symbols[id])}, ${percent}`;
        button.onclick = () => type(symbols[id]);
        return button;
    });
    if ($('guesses').children.length !== buttons.length) {
        $('guesses').replaceChildren(...buttons.map((button) => make('li', {}, button)));
    }
}

/** The last chunk: the surprise at each character above, the gradient below */
export function showChunk({ symbols, bits, norms }) {
    const place = $('chunk');
    if (place.children.length !== symbols.length) {
        place.replaceChildren(...symbols.map(() => make('div', {}, make('i'), make('b'), make('i'))));
    }
    const largest = Math.max(...norms) || 1;
    symbols.forEach((symbol, t) => {
        const [up, middle, down] = place.children[t].children;
        up.style.setProperty('--part', Math.min(1, bits[t] / 10).toFixed(3));
        down.style.setProperty('--part', (norms[t] / largest).toFixed(3));
        middle.textContent = showSymbol(symbol);
    });
    const mean = bits.reduce((a, b) => a + b, 0) / bits.length;
    place.ariaLabel = `The last chunk: ${symbols.join('')}. Mean surprise: ${mean.toFixed(1)} bits.`;
}

const FLOOR = -12, CEILING = 6; // powers of ten

function verdict(ratio, steps) {
    const power = Math.round(Math.log10(ratio));
    if (power <= -3) {
        return `vanishes: ${showPower(power)} is left after ${steps} steps`;
    }
    return power >= 2 ? `explodes: ${showPower(power)} times as much after ${steps} steps`
        : `holds over ${steps} steps`;
}

function drawBars(svg, norms) {
    const { width, height } = svg.getBoundingClientRect();
    const last = norms.at(-1), each = width / norms.length;
    const y = (power) => height * (CEILING - Math.max(FLOOR, Math.min(CEILING, power))) / (CEILING - FLOOR);
    const bars = [...norms].map((norm, t) => {
        const top = y(Math.log10(norm / last));
        return draw('rect', { x: t * each, width: Math.max(1, each - 1), y: top, height: Math.max(1, height - top) });
    });
    const lines = [0, -6, -12, 6].flatMap((power) => [
        draw('line', { class: power === 0 ? 'one' : 'grid', x1: 0, x2: width, y1: y(power), y2: y(power) }),
        draw('text', { x: 2, y: y(power) + (power === CEILING ? 13 : -3) }, power === 0 ? '1' : showPower(power)),
    ]);
    svg.replaceChildren(...bars, ...lines);
}

function makeFigures() {
    $('flow').append(...cells.map((cell) => {
        const figure = make('figure', {}, make('figcaption'), draw('svg', { role: 'img' }));
        figure.style.setProperty('--tone', `var(--${cell})`);
        return figure;
    }));
}

/** Bars of ‖∂loss/∂h_t‖ for the three cells, relative to the last step, on a logarithmic axis */
export function showFlow(norms) {
    if ($('flow').children.length === 0) {
        makeFigures();
    }
    cells.forEach((cell, i) => {
        const [caption, svg] = $('flow').children[i].children;
        const steps = norms[cell].length - 1;
        const says = verdict(norms[cell][0] / norms[cell].at(-1), steps);
        caption.replaceChildren(make('b', {}, names[cell]), ` ${says}`);
        svg.setAttribute('aria-label', `${names[cell]}: the gradient ${says}`);
        drawBars(svg, norms[cell]);
    });
}

/** The gates at each character: a row for each gate and one for |h|. unit -1: the mean of all units */
export function showGates({ symbols, gates, activations, names: gateNames, unit }) {
    const columns = symbols.length, hidden = activations.length / columns;
    const mean = (at) => {
        let sum = 0;
        for (let j = 0; j < hidden; j++) {
            sum += Math.abs(at(j));
        }
        return sum / hidden;
    };
    const value = (at) => (unit < 0 ? mean(at) : Math.abs(at(unit)));
    const rows = gateNames.map((name, g) => ({
        name, values: symbols.map((_, t) => value((j) => gates[(t * gateNames.length + g) * hidden + j])),
    }));
    rows.push({ name: '|h|', values: symbols.map((_, t) => value((j) => activations[t * hidden + j])) });
    const header = make('div', {}, make('b'), ...symbols.map((symbol) => make('b', {}, showSymbol(symbol))));
    const lines = rows.map(({ name, values }) => {
        const cellsOf = values.map((x, t) => {
            const cell = make('span', { title: `${name} at ${nameSymbol(symbols[t])}: ${x.toFixed(2)}` });
            shade(cell, -x);
            return cell;
        });
        const average = values.reduce((a, b) => a + b, 0) / columns;
        const ariaLabel = `${name}: on average ${average.toFixed(2)}`;
        return make('div', { role: 'img', ariaLabel }, make('b', {}, name), ...cellsOf);
    });
    $('gates').style.setProperty('--columns', columns);
    $('gates').replaceChildren(header, ...lines);
}
