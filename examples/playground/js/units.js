// units.js: the hidden units. One unit is chosen, and the text shows its activation after each character.

import { ColouredText, quote } from './coloured.js';
import { $, make, shade } from './page.js';

/** Properties that a unit may follow. Each gives a number for each character of a text. */
const properties = {
    'spaces': (symbols) => symbols.map((c) => Number(/\s/.test(c))),
    'line ends': (symbols) => symbols.map((c) => Number(c === '\n')),
    'capitals': (symbols) => symbols.map((c) => Number(/\p{Lu}/u.test(c))),
    'vowels': (symbols) => symbols.map((c) => Number(/[aeiou]/i.test(c))),
    'punctuation': (symbols) => symbols.map((c) => Number(/[.,;:!?]/.test(c))),
    'the length of the line': (symbols) => {
        let length = 0;
        return symbols.map((c) => (length = c === '\n' ? 0 : length + 1));
    },
    'the length of the word': (symbols) => {
        let length = 0;
        return symbols.map((c) => (length = /\p{L}/u.test(c) ? length + 1 : 0));
    },
    'being inside quotes': (symbols) => {
        let inside = 0;
        return symbols.map((c) => (inside = c === '"' ? 1 - inside : c === '\n' ? 0 : inside));
    },
    'being inside brackets': (symbols) => {
        let depth = 0;
        return symbols.map((c) => (depth = Math.max(0, depth + ('([{'.includes(c) ? 1 : ')]}'.includes(c) ? -1 : 0))));
    },
};

function correlation(a, b) {
    const n = a.length;
    const mean = (x) => x.reduce((sum, value) => sum + value, 0) / n;
    const [meanA, meanB] = [mean(a), mean(b)];
    let ab = 0, aa = 0, bb = 0;
    for (let i = 0; i < n; i++) {
        ab += (a[i] - meanA) * (b[i] - meanB);
        aa += (a[i] - meanA) ** 2;
        bb += (b[i] - meanB) ** 2;
    }
    return aa * bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

export class Units {
    constructor() {
        this.chosen = 0;
        this.reading = null;
        this.text = new ColouredText($('unit-text'), 'Text coloured by the unit’s activation',
            (at) => this.showAt(at));
        $('units').addEventListener('click', ({ target }) => this.choose([...$('units').children].indexOf(target)));
        $('units').addEventListener('keydown', (event) => this.move(event));
        for (const name of Object.keys(properties)) {
            const chip = make('button', { className: 'chip' }, name);
            chip.addEventListener('click', () => this.chooseBest(name));
            $('likes').append(chip);
        }
    }

    /** Shows a new reading: {symbols, activations: [T][H]}. */
    show(reading) {
        this.reading = reading;
        this.hidden = reading.activations.length / reading.symbols.length;
        if ($('units').children.length !== this.hidden) {
            $('units').replaceChildren(...Array.from({ length: this.hidden }, (_, j) =>
                make('span', { role: 'option', ariaLabel: `unit ${j}`, title: `unit ${j}` })));
        }
        [...$('likes').children].forEach((chip, i) => {
            const values = Object.values(properties)[i](reading.symbols);
            chip.hidden = values.every((value) => value === values[0]);
        });
        this.choose(Math.min(this.chosen, this.hidden - 1));
    }

    /** The activation of a unit after each character */
    of(unit) {
        const { symbols, activations } = this.reading;
        return symbols.map((_, t) => activations[t * this.hidden + unit]);
    }

    choose(unit, note = '') {
        if (unit < 0 || !this.reading) {
            return;
        }
        this.note = note || (unit === this.chosen ? this.note : '') || `Unit ${unit}.`;
        this.chosen = unit;
        [...$('units').children].forEach((one, j) => {
            one.setAttribute('aria-selected', j === unit);
            one.tabIndex = j === unit ? 0 : -1;
        });
        this.text.show(this.reading.symbols, this.of(unit).map((value) => value * 0.6));
        this.showAt(this.text.chosen);
    }

    /** Shows all units at one character, or at the last one if none is chosen. */
    showAt(at) {
        const { symbols, activations } = this.reading;
        const t = at < 0 ? symbols.length - 1 : at;
        [...$('units').children].forEach((one, j) => shade(one, activations[t * this.hidden + j]));
        const value = activations[t * this.hidden + this.chosen];
        $('unit-note').value = at < 0 ? this.note : `${this.note} At ${quote(symbols[t])}: ${value.toFixed(2)}.`;
    }

    chooseBest(name) {
        const wanted = properties[name](this.reading.symbols);
        let best = 0, most = 0;
        for (let unit = 0; unit < this.hidden; unit++) {
            const c = correlation(this.of(unit), wanted);
            [best, most] = Math.abs(c) > Math.abs(most) ? [unit, c] : [best, most];
        }
        this.choose(best, `Unit ${best} follows ${name} best: the correlation is ${most.toFixed(2)}.`);
    }

    move(event) {
        const columns = getComputedStyle($('units')).gridTemplateColumns.split(' ').length;
        const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
        const unit = this.chosen + by;
        if (unit >= 0 && unit < this.hidden) {
            event.preventDefault();
            this.choose(unit);
            $('units').children[unit].focus();
        }
    }
}
