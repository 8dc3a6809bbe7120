// rnn.js: librnn as JavaScript objects. It wraps the functions of playground.c, which are compiled to rnn.wasm.

export const cells = ['tanh', 'gru', 'lstm']; // numbered as in rnn.h
export const gateNames = { tanh: [], gru: ['r', 'z', 'n'], lstm: ['i', 'f', 'g', 'o'] };

const ENOSYS = 52;

/** The few functions of the system that the C library calls. There are no environment variables and no files. */
function systemFor(memory) {
    const functions = {
        environ_sizes_get(count, size) {
            const view = new DataView(memory().buffer);
            view.setUint32(count, 0, true);
            view.setUint32(size, 0, true);
            return 0;
        },
        environ_get: () => 0,
        proc_exit(code) {
            throw new Error(`rnn.wasm has ended with ${code}`);
        },
    };
    return new Proxy(functions, { get: (own, name) => own[name] ?? (() => ENOSYS) });
}

/** Compiles rnn.wasm, given as a Response or as bytes. */
export async function loadLibrary(source) {
    let exports;
    const imports = { wasi_snapshot_preview1: systemFor(() => exports.memory) };
    const { instance } = source instanceof Response
        ? await WebAssembly.instantiateStreaming(source, imports)
        : await WebAssembly.instantiate(source, imports);
    exports = instance.exports;
    exports._initialize();
    return new Library(exports);
}

class Library {
    constructor(exports) {
        this.exports = exports;
    }

    /** Creates a network. See network_create() for weightScale. */
    create(text, { cell, layers, hidden, seed }, weightScale = 0) {
        return this.withBytes(text, (at, size) =>
            this.network(
                this.exports.network_create(at, size, cells.indexOf(cell), layers, hidden, seed, weightScale)));
    }

    /** Opens a model's file. The model goes on learning from a text. */
    open(file, text) {
        return this.withBytes(file, (file, fileSize) => this.withBytes(text, (at, size) =>
            this.network(this.exports.network_load(file, fileSize, at, size))));
    }

    network(handle) {
        return handle ? new Network(this, handle) : this.fail();
    }

    fail() {
        throw new Error(this.string(this.exports.network_error()));
    }

    /** Calls a function with the address and the size of a copy of a string's or an array's bytes. */
    withBytes(data, call) {
        const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
        const at = this.exports.malloc(bytes.length + 1);
        new Uint8Array(this.exports.memory.buffer, at).set(bytes);
        try {
            return call(at, bytes.length);
        } finally {
            this.exports.free(at);
        }
    }

    /** The string that ends with a NUL. */
    string(at) {
        const bytes = new Uint8Array(this.exports.memory.buffer, at);
        return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
    }

    /** A copy of an array of numbers. */
    array(Type, at, count) {
        return new Type(this.exports.memory.buffer, at, count).slice();
    }
}

class Network {
    constructor(library, handle) {
        this.library = library;
        this.exports = library.exports;
        this.handle = handle;
        this.cell = cells[this.exports.network_cell(handle)];
        this.layers = this.exports.network_layers(handle);
        this.hidden = this.exports.network_hidden(handle);
        this.skipped = this.exports.network_skipped(handle);
        this.symbols = Array.from({ length: this.exports.network_symbols(handle) },
            (_, id) => library.string(this.exports.network_symbol(handle, id)));
    }

    destroy() {
        this.exports.network_destroy(this.handle);
    }

    /** Trains on some chunks. Returns the mean loss of a character in nats. */
    train(chunks, { sequence, rate, clip }) {
        return this.number(this.exports.network_train(this.handle, chunks, sequence, rate, clip));
    }

    /** The mean loss in the part of the text that the network doesn't learn from. */
    evaluate() {
        return this.number(this.exports.network_evaluate(this.handle));
    }

    number(result) {
        return Number.isNaN(result) ? this.library.fail() : result;
    }

    /** The last chunk that the network was trained on */
    chunk(steps) {
        const { library, handle, exports } = this;
        return {
            ids: library.array(Int32Array, exports.network_chunk(handle, steps), steps),
            losses: library.array(Float64Array, exports.network_losses(handle), steps),
            norms: library.array(Float64Array, exports.network_norms(handle), steps),
        };
    }

    /** Some text that the network writes */
    sample(count, temperature, seed) {
        const text = this.exports.network_sample(this.handle, count, temperature, seed);
        return text ? this.library.string(text) : this.library.fail();
    }

    /**
     * Reads a text as if it followed the characters that the network was trained on last. losses: [T] of the next
     * symbol, in nats. probabilities: [T][V] of the next symbol. activations: [T][H] of a layer. gates: [T][G][H], or
     * null.
     */
    read(text, layer, wantsGates) {
        const { library, handle, exports, hidden, symbols } = this;
        const steps = library.withBytes(text, (at, size) => exports.network_read(handle, at, size));
        if (steps === 0) {
            return { steps, ids: [], losses: [], probabilities: [], activations: [], gates: null };
        }
        const gates = wantsGates && exports.reading_gates(handle, layer);
        const gateCount = gateNames[this.cell].length;
        return {
            steps,
            ids: library.array(Int32Array, exports.reading_ids(handle), steps),
            losses: library.array(Float64Array, exports.reading_losses(handle), steps),
            probabilities: library.array(Float32Array, exports.reading_probabilities(handle), steps * symbols.length),
            activations: library.array(Float32Array, exports.reading_activations(handle, layer), steps * hidden),
            gates: gates ? library.array(Float32Array, gates, steps * gateCount * hidden) : null,
        };
    }

    /** ‖∂loss/∂h_t‖ over some steps, of which only the last has a loss. The network needs a weightScale. */
    flow(steps) {
        const norms = this.exports.network_flow(this.handle, steps);
        return norms ? this.library.array(Float64Array, norms, steps) : this.library.fail();
    }

    /** The bytes of the model's file */
    save() {
        const size = this.exports.network_save(this.handle);
        return size ? this.library.array(Uint8Array, this.exports.network_file(this.handle), size)
            : this.library.fail();
    }
}
