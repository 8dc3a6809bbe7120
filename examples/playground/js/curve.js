// curve.js: the curve of the loss over the characters read, in training and on text that isn't used for training.

import { draw, showCount } from './page.js';

const LEFT = 30, RIGHT = 12, TOP = 14, BOTTOM = 22, FIRST = 300;
const RUNS_KEPT = 3;

export class Curve {
    constructor(svg) {
        this.svg = svg;
        this.runs = [];
        this.lines = [];
        this.size = { width: 0, height: 0 };
        this.begin();
        new ResizeObserver(([{ contentRect }]) => {
            this.size = contentRect;
            this.draw();
        }).observe(svg);
    }

    /** Begins a new run. The earlier ones stay, faintly. */
    begin() {
        this.runs = this.runs.filter((run) => run.train.length > 1).slice(1 - RUNS_KEPT);
        this.runs.push({ train: [], held: [], now: null });
    }

    get run() {
        return this.runs.at(-1);
    }

    /** Sets the levels to beat: [{label, bits}]. */
    setLines(lines) {
        this.lines = lines;
        this.draw();
    }

    addLoss(trained, bits) {
        const { train } = this.run;
        if (train.length === 0 || trained > train.at(-1)[0] * 1.01) { // the axis is logarithmic
            train.push([trained, bits]);
        } else {
            train[train.length - 1] = [trained, bits];
        }
        this.draw();
    }

    /** Adds the loss of a sample. If the sample isn't kept, the next one replaces it. */
    addHeldOut({ trained, heldOut, kept }) {
        this.run.now = [trained, heldOut];
        if (kept) {
            this.run.held.push(this.run.now);
        }
        this.draw();
    }

    draw() {
        const { svg, run } = this;
        const { width, height } = this.size;
        if (width === 0) {
            return;
        }
        const all = this.runs.flatMap(({ train, held }) => [...train, ...held]);
        const most = Math.max(20000, ...all.map(([x]) => x)) * 1.3;
        const low = Math.floor(Math.min(2, ...all.map(([, y]) => y)));
        const high = Math.min(9, Math.ceil(Math.max(6, ...all.map(([, y]) => y))));
        const x = (n) => LEFT + (width - LEFT - RIGHT) * Math.max(0, Math.log(n / FIRST) / Math.log(most / FIRST));
        const y = (bits) => TOP + (height - TOP - BOTTOM) * (high - Math.min(high, bits)) / (high - low);
        const path = (points) => `M${points.map(([n, bits]) => `${x(n).toFixed(1)},${y(bits).toFixed(1)}`).join('L')}`;
        const parts = [];
        for (let bits = low; bits <= high; bits++) {
            parts.push(draw('line', { class: 'grid', x1: LEFT, x2: width - RIGHT, y1: y(bits), y2: y(bits) }));
            parts.push(draw('text', { x: LEFT - 8, y: y(bits) + 4, 'text-anchor': 'end' }, bits));
        }
        for (let n = 1000; n < most; n *= 10) {
            parts.push(draw('text', { x: x(n), y: height - 4, 'text-anchor': 'middle' }, showCount(n)));
        }
        for (const { label, bits } of this.lines) {
            parts.push(draw('line', { class: 'beat', x1: LEFT, x2: width - RIGHT, y1: y(bits), y2: y(bits) }));
            const place = { x: width - RIGHT, y: y(bits) - 5, 'text-anchor': 'end' };
            parts.push(draw('text', place, `${label}: ${bits.toFixed(2)}`));
        }
        for (const one of this.runs.filter(({ train }) => train.length > 0)) {
            parts.push(draw('path', { class: one === run ? 'train' : 'before', d: path(one.train) }));
        }
        for (const [n, bits] of [...run.held, run.now ?? []]) {
            if (n > 0) {
                parts.push(draw('circle', { class: 'held', cx: x(n), cy: y(bits), r: 3.5 }));
            }
        }
        svg.replaceChildren(...parts);
        svg.setAttribute('aria-label', this.describe());
    }

    describe() {
        const { train, now } = this.run;
        if (train.length === 0) {
            return 'The loss. Nothing has been learned yet.';
        }
        const [trained, bits] = train.at(-1);
        const heldOut = now ? ` On text that it hasn’t seen: ${now[1].toFixed(2)}.` : '';
        const levels = this.lines.map((line) => `${line.label}: ${line.bits.toFixed(2)}`).join(', ');
        return `After ${showCount(trained)} characters the loss is ${bits.toFixed(2)} bits per character.${heldOut} `
            + `To beat: ${levels}.`;
    }
}
