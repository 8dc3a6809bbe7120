// settings.js: the settings of a run, their choices, and how the address holds them.

/** Each setting has a list of choices, so that an address can hold only values that work. */
export const choices = {
    text: ['play', 'code', 'own'],
    cell: ['tanh', 'gru', 'lstm'],
    layers: [1, 2, 3],
    hidden: [16, 32, 64, 100, 128, 192, 256],
    sequence: [5, 10, 15, 25, 50, 100, 200],
    rate: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
    clip: [0, 0.1, 0.5, 1, 2, 5, 10],
    temperature: [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2],
};

/** The defaults are those of min-char-rnn, except for the temperature. */
export const defaults = {
    text: 'play', cell: 'tanh', layers: 1, hidden: 100, sequence: 25, rate: 0.1, clip: 5, temperature: 0.7, seed: 1,
};

/** Changing one of these begins a new network. The others act on the network that is learning. */
export const beginsAnew = new Set(['text', 'cell', 'layers', 'hidden', 'seed']);

/** Reads settings from the part of an address after "#". A setting without a valid value has its default. */
export function fromAddress(hash) {
    const settings = { ...defaults };
    for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ''))) {
        if (name === 'seed' && /^\d{1,9}$/.test(value)) {
            settings.seed = Number(value);
        } else if (name in choices) {
            const choice = choices[name].find((one) => String(one) === value);
            settings[name] = choice ?? settings[name];
        }
    }
    return settings;
}

/** The part of an address after "#": the settings that aren't the defaults. */
export function toAddress(settings) {
    const changed = Object.keys(defaults).filter((name) => settings[name] !== defaults[name]);
    return new URLSearchParams(changed.map((name) => [name, settings[name]])).toString();
}
