// page.js: small helpers for building the page and for showing numbers.

export const $ = (id) => document.getElementById(id);

/** Makes an element. Properties that the element doesn't have become attributes. */
export function make(name, properties = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
        if (key in element) {
            element[key] = value;
        } else {
            element.setAttribute(key, value);
        }
    }
    element.append(...children);
    return element;
}

const svgNames = 'http://www.w3.org/2000/svg';

export function draw(name, attributes = {}, text = '') {
    const element = document.createElementNS(svgNames, name);
    for (const [key, value] of Object.entries(attributes)) {
        element.setAttribute(key, value);
    }
    element.textContent = text;
    return element;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, notation: 'compact' });

export const showCount = (n) => (n < 100000 ? whole : short).format(n);

/** A power of ten with a Unicode exponent: 10⁻¹² */
export function showPower(exponent) {
    const digits = String(Math.abs(exponent)).replace(/\d/g, (d) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[d]);
    return `10${exponent < 0 ? '⁻' : ''}${digits}`;
}

const shown = { ' ': '␣', '\n': '↵', '\t': '⇥', '\r': '␍' };

/** A symbol, or a visible sign for it if it is white space */
export const showSymbol = (symbol) => shown[symbol] ?? symbol;

const names = { ' ': 'space', '\n': 'line end', '\t': 'tab', '\r': 'return' };

/** A symbol, or its name if it is white space: for screen readers */
export const nameSymbol = (symbol) => names[symbol] ?? symbol;

/** Colours an element: value from -1 (cold) to 1 (hot). */
export function shade(element, value) {
    element.style.setProperty('--tone', value < 0 ? 'var(--cold)' : 'var(--hot)');
    element.style.setProperty('--shade', Math.min(1, Math.abs(value)).toFixed(2));
}

/** Calls back when an element comes onto the screen. Returns a function that calls back if the element is there. */
export function whileVisible(element, callback) {
    let visible = false;
    new IntersectionObserver((entries) => {
        visible = entries.at(-1).isIntersecting;
        if (visible) {
            callback();
        }
    }).observe(element);
    return () => visible && callback();
}
