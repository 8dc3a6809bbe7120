// Trains a model on a text, lets it write, saves it and loads it: node train.js FILE [MODEL]
'use strict';

const { Corpus, Model, Optimizer, RnnError, Sampler, State, Vocab } = require('.');

function run(text, file) {
  const vocab = Vocab.fromFile('bytes', text);
  const corpus = Corpus.fromFile(vocab, text, { steps: 25, streams: 8 });
  const model = new Model({
    inputSize: vocab.size,
    outputSize: vocab.size,
    cell: 'gru',
    hiddenSize: 64,
    initialization: 'uniform',
    reduction: 'mean',
  });
  const state = new State(model, 8);
  const optimizer = new Optimizer(model, { rule: 'adam', learningRate: 0.01, clipNorm: 1 });

  for (let step = 1; step <= 1000; step++) {
    const { chunk, restarted } = corpus.next();
    if (restarted) state.reset();
    const loss = model.forwardBackward(state, chunk);
    optimizer.step(model);
    if (step % 200 === 0) console.log(`step ${step}: ${loss.mean.toFixed(3)} nats per symbol`);
  }

  model.save(file, vocab);
  for (const object of [optimizer, state, model, corpus, vocab]) object.close();

  const loaded = Model.load(file);
  const sampler = new Sampler({ temperature: 0.5, seed: 1 });
  const prompt = loaded.vocab.encode('the ');
  const { ids } = loaded.model.generate(new State(loaded.model), sampler, { prompt, most: 200 });
  console.log('the ' + loaded.vocab.decode(ids));
}

if (process.argv.length < 3) {
  console.error('usage: node train.js FILE [MODEL]');
  process.exit(2);
}
try {
  run(process.argv[2], process.argv[3] ?? 'model.safetensors');
} catch (error) {
  if (!(error instanceof RnnError)) throw error;
  console.error(`train.js: ${error.message}`);
  process.exit(1);
}
