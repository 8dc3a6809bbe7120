// facts.js: the bits per character that simpler methods need for a text.

/** The entropy of single characters: the loss of a network that knows only how frequent each character is */
export function entropy(text) {
    const counts = new Map();
    let total = 0;
    for (const symbol of text) {
        counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
        total++;
    }
    return [...counts.values()].reduce((sum, n) => sum - n / total * Math.log2(n / total), 0);
}

/** The size of the text after gzip has compressed it */
export async function gzip(text) {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
    const { byteLength } = await new Response(stream).arrayBuffer();
    return 8 * byteLength / [...text].length;
}
