// controls.js: a control for each setting. It is a slider over the setting's choices, or a row of buttons.

import { choices } from './settings.js';
import { make } from './page.js';

const texts = {
    text: { label: 'Text', names: { play: 'Romeo', code: 'C code', own: 'Yours' } },
    cell: { label: 'Cell', names: { tanh: 'tanh', gru: 'GRU', lstm: 'LSTM' } },
    layers: { label: 'Layers' },
    hidden: { label: 'Hidden units' },
    sequence: { label: 'Sequence', show: (n) => `${n} characters` },
    rate: { label: 'Learning rate' },
    clip: { label: 'Clipping', show: (x) => (x === 0 ? 'off' : `±${x}`) },
    temperature: { label: 'Temperature', show: (x) => x.toFixed(1) },
};

/** A slider over a list. Returns the element and a function that shows a value. */
export function slider(id, label, list, show, onChange) {
    const output = make('output', { htmlFor: id });
    const input = make('input', { id, type: 'range', min: 0, max: list.length - 1, step: 1 });
    const showValue = (value) => {
        const distance = (i) => Math.abs(list[i] - value);
        const nearest = list.reduce((best, _, i) => (distance(i) < distance(best) ? i : best), 0);
        input.value = nearest;
        output.value = show(value);
        input.setAttribute('aria-valuetext', show(value));
    };
    input.addEventListener('input', () => {
        const value = list[Number(input.value)];
        showValue(value);
        onChange(value);
    });
    const element = make('div', { className: 'control' }, make('label', { htmlFor: id }, label, output), input);
    return { element, showValue };
}

function segments(name, { label, names }, onChange) {
    const inputs = choices[name].map((value) => {
        const input = make('input', { type: 'radio', name, value });
        input.addEventListener('change', () => onChange(value));
        return input;
    });
    const labels = inputs.map((input) => make('label', {}, input, names[input.value]));
    const row = make('div', { className: 'segments' }, ...labels);
    const element = make('fieldset', { className: 'control' }, make('legend', {}, label), row);
    return { element, showValue: (value) => inputs.forEach((input) => { input.checked = input.value === value; }) };
}

/** Makes the controls of some settings. onChange gets the setting's name and its new value. */
export function makeControls(place, settingNames, onChange) {
    const made = settingNames.map((name) => {
        const { label, show = String } = texts[name];
        const change = (value) => onChange(name, value);
        const control = texts[name].names
            ? segments(name, texts[name], change)
            : slider(`set-${name}`, label, choices[name], show, change);
        place.append(control.element);
        return [name, control];
    });
    return Object.fromEntries(made);
}

/** The standard deviations of the weights, times the root of the number of units: 0.18 to 4.2 */
export const scales = Array.from({ length: 23 }, (_, i) => 10 ** ((i - 12) / 16));

export const showScale = (x) => `${x.toFixed(2)} / √H`;
