// Trains, samples, saves, loads and fails. The tests read as the promises of the module.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const rnn = require('..');

const { Corpus, Model, Optimizer, Sampler, State, Vocab } = rnn;
const TEXT = 'Once upon a time a fisherman lived by the sea. ';

function small(vocab, options = {}) {
  return new Model({
    inputSize: vocab.size,
    outputSize: vocab.size,
    cell: 'gru',
    hiddenSize: 32,
    initialization: 'uniform',
    reduction: 'mean',
    seed: 1,
    ...options,
  });
}

function train(vocab, text, steps) {
  const corpus = new Corpus(vocab, text, { steps: 16, streams: 4 });
  const model = small(vocab);
  const state = new State(model, 4);
  const optimizer = new Optimizer(model, { rule: 'adam', learningRate: 0.01, clipNorm: 1 });
  let loss;
  for (let step = 0; step < steps; step++) {
    const { chunk, restarted } = corpus.next();
    if (restarted) state.reset();
    loss = model.forwardBackward(state, chunk).mean;
    optimizer.step(model);
  }
  return { model, loss };
}

test('a model learns a text and continues it', () => {
  const text = TEXT.repeat(40);
  const vocab = new Vocab('bytes', text);
  const { model, loss } = train(vocab, text, 300);
  assert.ok(loss < 0.3, `the loss is ${loss}`);

  const result = model.evaluate(new Corpus(vocab, text, { steps: 16 }));
  assert.equal(result.loss.count, text.length - 1);
  assert.ok(result.hits > result.loss.count * 0.9);

  const sampler = new Sampler({ temperature: 0 });
  const prompt = vocab.encode('Once upon a time a fish');
  const written = model.generate(new State(model), sampler, { prompt, most: 30 });
  assert.deepEqual(written.counts, [30]);
  assert.match(vocab.decode(written.ids), /^erman lived/);
  const stop = vocab.encode('d')[0];
  const stopped = model.generate(new State(model), sampler, { prompt, most: 30, stop });
  assert.ok(stopped.counts[0] < 30 && stopped.ids[29] === -1);
  assert.equal(vocab.decode(model.sample(new State(model, 2), sampler, vocab.encode('OO'), 5)), 'nnccee  uu');
});

test('a saved model has the same bytes when loaded', () => {
  const text = TEXT.repeat(20);
  const vocab = new Vocab('utf8', text);
  const { model } = train(vocab, text, 20);
  model.setNote('origin', 'a test, größer');
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'librnn-node-'));
  try {
    const file = path.join(directory, 'größer.safetensors');
    model.save(file, vocab);
    const loaded = Model.load(file);
    assert.deepEqual(fs.readFileSync(file), loaded.model.toBytes(loaded.vocab));
    assert.equal(loaded.model.note('origin'), 'a test, größer');
    assert.equal(loaded.model.note('other'), null);
    assert.equal(loaded.model.options.hiddenSize, 32);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
  const { model: copy, vocab: none } = Model.fromBytes(model.toBytes(), { precision: 'float64' });
  assert.equal(none, null);
  assert.deepEqual(copy.values('decoder.bias'), Float64Array.from(model.values('decoder.bias')));
});

test('gradients agree with differences of the loss', () => {
  const vocab = new Vocab('bytes', TEXT);
  const ids = vocab.encode(TEXT);
  const steps = ids.length - 1;
  const losses = new Float64Array(steps);
  const chunk = { steps, inputs: ids.subarray(0, steps), targets: ids.subarray(1), losses };
  const model = small(vocab, { precision: 'float64' });
  const state = new State(model);
  const total = model.forwardBackward(state, chunk);
  assert.ok(Math.abs(losses.reduce((a, b) => a + b) - total.sum) < 1e-9, 'the library wrote the losses in place');

  const name = 'rnn.weight_hh_l0';
  assert.deepEqual(model.parameters.find((parameter) => parameter.name === name).shape, [96, 32]);
  const gradient = model.gradient(name);
  for (const index of [0, 101, 95 * 32 + 31]) {
    const loss = (change) => {
      const values = model.values(name);
      values[index] += change;
      model.setValues(name, values);
      state.reset();
      const { mean } = model.loss(state, chunk);
      values[index] -= change;
      model.setValues(name, values);
      return mean;
    };
    const difference = (loss(1e-5) - loss(-1e-5)) / 2e-5;
    assert.ok(Math.abs(difference - gradient[index]) < 1e-7, `${difference} ${gradient[index]}`);
  }
  model.setGradient('decoder.bias', new Float64Array(vocab.size).fill(1));
  assert.ok(model.clipNorm(1e9) >= Math.sqrt(vocab.size));
  model.clipValue(0.5);
  assert.equal(model.gradient('decoder.bias')[0], 0.5);
  model.zeroGradients();
  const room = new Float64Array(vocab.size);
  assert.equal(model.gradient('decoder.bias', room), room);
  assert.deepEqual(room, new Float64Array(vocab.size));
});

test('a model of vectors checks the sizes of its chunks', () => {
  const model = new Model({ input: 'vectors', loss: 'squared-error', inputSize: 3, outputSize: 2, hiddenSize: 4 });
  const state = new State(model);
  const chunk = { steps: 5, inputVectors: new Float32Array(15), targetVectors: new Float32Array(10) };
  assert.equal(model.forwardBackward(state, chunk).count, 5);
  assert.equal(model.forward(state, chunk).length, 10);
  assert.throws(() => model.forward(state, { ...chunk, inputVectors: new Float32Array(14) }), /has 14 elements/);
  assert.throws(() => model.forward(state, { ...chunk, inputVectors: new Float64Array(15) }), TypeError);
  assert.throws(() => model.forward(state, { ...chunk, steps: 1.5 }), TypeError);
  assert.throws(() => model.forward(state, chunk, new Float32Array(9)), /has 9 elements/);
});

test('errors have the status and the message of the library', () => {
  assert.throws(() => Vocab.fromFile('bytes', '/no/such/file'), { code: 'RNN_ERROR_IO', message: /no\/such\/file/ });
  assert.throws(() => new Model({ inputSize: 2, outputSize: 2, hiddenSize: 0 }), {
    name: 'RnnError',
    status: rnn.constants.RNN_ERROR_ARGUMENT,
    message: 'hidden_size is 0; it must be 1 to 1048576',
  });
  const vocab = new Vocab('bytes', 'abc');
  assert.throws(() => vocab.encode('abd'), { code: 'RNN_ERROR_SYMBOL' });
  assert.deepEqual(vocab.withUnknown().encode('abd'), Int32Array.of(0, 1, 3));
  assert.throws(() => new Corpus(vocab, 'ab', { steps: 16 }), { code: 'RNN_ERROR_ARGUMENT' });
  assert.throws(() => Model.fromBytes(Buffer.from('not a model')), { code: 'RNN_ERROR_FORMAT' });
  assert.throws(() => Vocab.fromFile('bytes', 'a\0b'), { code: 'RNN_ERROR_ARGUMENT' });
  const other = new Model({ inputSize: 3, outputSize: 3, hiddenSize: 5 });
  const chunk = { steps: 2, inputs: Int32Array.of(0, 1), targets: Int32Array.of(1, 2) };
  assert.throws(() => other.loss(new State(small(vocab)), chunk), { code: 'RNN_ERROR_MISMATCH' });
  assert.throws(() => new Model({ inputSize: 3, outputSize: 3, hidden: 5 }), /unknown option hidden/);
  assert.throws(() => new Model({ inputSize: 3, outputSize: 3, cell: 'gnu' }), /one of tanh, gru, lstm/);
  assert.throws(() => new State(vocab), /expected a Model/);
  assert.throws(() => new State(null), TypeError);
  assert.throws(() => other.sample(new State(other, 2), new Sampler(), Int32Array.of(0), 5), /has 1 elements/);
});

test('using an object after close() is an error, and closing it twice is not', () => {
  const text = TEXT.repeat(10);
  const vocab = new Vocab('bytes', text);
  const corpus = new Corpus(vocab, text, { steps: 16 });
  const model = small(vocab);
  const state = new State(model);
  const sampler = new Sampler();
  const optimizer = new Optimizer(model);
  vocab.close();
  vocab.close();
  assert.ok(vocab.closed);
  assert.throws(() => vocab.size, rnn.ClosedError);
  assert.throws(() => model.toBytes(vocab), rnn.ClosedError);

  const { chunk } = corpus.next();
  assert.deepEqual(chunk.inputs.subarray(1), chunk.targets.subarray(0, 15));
  const later = corpus.next().chunk;
  assert.throws(() => model.loss(state, chunk), /no longer valid/);
  model.loss(state, later);
  corpus.close();
  assert.throws(() => model.loss(state, later), rnn.ClosedError);
  assert.throws(() => later.inputs, rnn.ClosedError);

  model.close();
  state.reset();
  for (const use of [() => model.values('decoder.bias'), () => model.options, () => optimizer.step(model),
    () => model.sample(state, sampler, Int32Array.of(0), 1), () => model.checkFinite()]) {
    assert.throws(use, rnn.ClosedError);
  }
  for (const object of [state, sampler, optimizer]) object.close();
  assert.throws(() => state.values, rnn.ClosedError);
  assert.throws(() => optimizer.learningRate, rnn.ClosedError);

  const copy = new State(small(new Vocab('bytes', 'ab')));
  copy[Symbol.dispose ?? Symbol.for('nodejs.dispose')]();
  assert.ok(copy.closed);
});

test('memory is released by close() and by the garbage collector, and the program exits cleanly', () => {
  for (const release of ['corpus.close()', '']) {
    const program = `
      const { Corpus, Model } = require(${JSON.stringify(path.join(__dirname, '..'))});
      const ids = new Int32Array(1 << 20);
      const make = () => { const corpus = Corpus.fromIds(ids, 2, { steps: 16 }); ${release} };
      const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
      (async () => {
        for (let n = 0; n < 200; n++) {
          make();
          if (n % 20 === 0) { gc(); await pause(); }
        }
        globalThis.last = new Model({ inputSize: 8, outputSize: 8 });
        console.log(process.memoryUsage().rss >> 20);
      })();`;
    const result = spawnSync(process.execPath, ['--expose-gc', '-e', program], { encoding: 'utf8' });
    assert.equal(result.status, 0, result.stderr);
    assert.ok(Number(result.stdout) < 170, `200 corpora of 1 MB leave ${result.stdout.trim()} MB in use`);
  }
});
