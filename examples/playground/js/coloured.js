// coloured.js: a text in which each character has a colour. Pointer and arrow keys choose a character.

import { make, nameSymbol, shade } from './page.js';

const keys = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -20, ArrowDown: 20, Home: -Infinity, End: Infinity };

export class ColouredText {
    /** onChoose gets the index of the chosen character. */
    constructor(element, label, onChoose) {
        this.element = element;
        this.onChoose = onChoose;
        this.spans = [];
        this.chosen = -1;
        const ariaLabel = `${label}. The arrow keys move from character to character.`;
        Object.assign(element, { tabIndex: 0, role: 'group', ariaLabel });
        element.addEventListener('pointerover', ({ target }) => this.choose(this.spans.indexOf(target)));
        element.addEventListener('click', ({ target }) => this.choose(this.spans.indexOf(target)));
        element.addEventListener('keydown', (event) => {
            if (event.key in keys) {
                event.preventDefault();
                this.choose(Math.max(0, Math.min(this.spans.length - 1, this.chosen + keys[event.key])));
                this.spans[this.chosen]?.scrollIntoView({ block: 'nearest' });
            }
        });
    }

    /** Shows symbols in the colours of values from -1 to 1. */
    show(symbols, values) {
        if (symbols.join('') !== this.element.textContent) {
            this.chosen = -1;
            this.spans = symbols.map((symbol) => make('span', {}, symbol));
            this.element.replaceChildren(...this.spans);
        }
        this.spans.forEach((span, i) => shade(span, values[i]));
        if (this.chosen >= 0) {
            this.onChoose(this.chosen);
        }
    }

    choose(index) {
        if (index < 0) {
            return;
        }
        this.spans[this.chosen]?.removeAttribute('aria-current');
        this.chosen = index;
        this.spans[index]?.setAttribute('aria-current', 'true');
        this.onChoose(index);
    }
}

/** A character in a sentence: in quotation marks, or by its name if it is white space */
export const quote = (symbol) => (nameSymbol(symbol) === symbol ? `“${symbol}”` : nameSymbol(symbol));
