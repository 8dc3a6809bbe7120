// run.js: one run, a network that learns a text. Its losses and samples depend only on the text, the settings and the
// number of characters that the network has read, not on the speed of the machine.

const LN2 = Math.LN2;
const SMOOTH = 5000; // characters over which the loss is averaged
const SAMPLE = 300; // characters of a sample

/** A run keeps a sample after these numbers of characters: 0, 1000, 2000, 5000, 10000, ... */
function* milestones() {
    yield 0;
    for (let power = 1000; ; power *= 10) {
        yield* [power, 2 * power, 5 * power];
    }
}

export class Run {
    constructor(network, settings) {
        this.network = network;
        this.settings = settings;
        this.trained = 0; // characters
        this.loss = NaN; // bits per character, smoothed
        this.milestones = milestones();
        this.next = this.milestones.next().value;
    }

    /** Trains for some milliseconds, but not past the next milestone. */
    train(milliseconds, chunksAtOnce = 8) {
        const end = performance.now() + milliseconds;
        do {
            const left = Math.ceil((this.next - this.trained) / this.settings.sequence);
            this.trainChunks(Math.max(1, Math.min(chunksAtOnce, left)));
        } while (performance.now() < end && this.trained < this.next);
    }

    trainChunks(chunks) {
        const bits = this.network.train(chunks, this.settings) / LN2;
        const characters = chunks * this.settings.sequence;
        this.trained += characters;
        const window = Math.min(SMOOTH, this.trained / 2);
        const weight = Number.isNaN(this.loss) ? 1 : 1 - Math.exp(-characters / window);
        this.loss = (Number.isNaN(this.loss) ? bits : this.loss) * (1 - weight) + bits * weight;
    }

    /** The sample of a milestone that has been reached, or undefined */
    milestone() {
        if (this.trained < this.next) {
            return undefined;
        }
        this.next = this.milestones.next().value;
        return this.look();
    }

    /** What the network writes after this number of characters, and its loss on text that it doesn't learn from */
    look() {
        const { network, settings, trained } = this;
        return {
            trained,
            text: network.sample(SAMPLE, settings.temperature, (settings.seed * 1000003 + trained) >>> 0),
            heldOut: network.evaluate() / LN2,
        };
    }

    /** The last chunk, as symbols, bits and norms */
    chunk() {
        const { ids, losses, norms } = this.network.chunk(this.settings.sequence);
        return { symbols: [...ids].map((id) => this.network.symbols[id]), bits: losses.map((x) => x / LN2), norms };
    }
}
