// Trains and runs recurrent networks with librnn, through koffi. index.d.ts describes the classes, and rnn.h the calls.
//
// Each object of the library has a class. close() releases the object, and so does a `using` declaration. If nothing
// refers to an object any more, the garbage collector releases it. Calls are synchronous, so an object can't be
// released in the middle of one. Typed arrays are passed to the library in place.
'use strict';

const koffi = require('koffi');
const declarations = require('./declarations.js');

const { constants } = declarations;

for (const name of declarations.handles) koffi.opaque(name);
koffi.alias('rnn_status', 'int32_t');
for (const prototype of Object.values(declarations.callbacks)) koffi.proto(prototype);
const structs = {};
for (const [name, fields] of Object.entries(declarations.structs)) structs[name] = koffi.struct(name, fields);

const library = koffi.load(process.env.LIBRNN || (process.platform === 'darwin' ? 'librnn.0.dylib' : 'librnn.so.0'));
const native = {};
for (const [name, prototype] of Object.entries(declarations.functions)) native[name] = library.func(prototype);

// A call failed. `status` is one of the numbers RNN_ERROR_..., and `code` is its name.
class RnnError extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'RnnError';
    this.status = status;
    this.code = native.rnn_status_name(status);
  }
}

// An object was used after close().
class ClosedError extends RnnError {
  constructor(name) {
    super(constants.RNN_ERROR_ARGUMENT, `this ${name} is closed`);
    this.name = 'ClosedError';
  }
}

function check(status) {
  if (status !== constants.RNN_OK) throw new RnnError(status, native.rnn_last_error());
}

function refuse(message) {
  throw new RnnError(constants.RNN_ERROR_ARGUMENT, message);
}

// The callback runs between the program's tasks. Objects that are left at exit are the system's to release.
const registry = new FinalizationRegistry(({ pointer, destroy }) => destroy(pointer));

let pointerOf; // the pointer of an object that must be open and of a given class

class Handle {
  #pointer;

  constructor(pointer, destroy) {
    this.#pointer = pointer;
    registry.register(this, { pointer, destroy }, this);
    this.#destroy = destroy;
  }

  #destroy;

  static {
    pointerOf = (object, type) => {
      if (!(object instanceof type) || !(#pointer in object)) {
        throw new TypeError(`expected a ${type.name}, not ${object === null ? 'null' : typeof object}`);
      }
      if (object.#pointer === null) throw new ClosedError(type.name);
      return object.#pointer;
    };
  }

  get closed() {
    return this.#pointer === null;
  }

  close() {
    if (this.#pointer === null) return;
    registry.unregister(this);
    this.#destroy(this.#pointer);
    this.#pointer = null;
  }

  [Symbol.dispose ?? Symbol.for('nodejs.dispose')]() {
    this.close();
  }
}

// Marks a pointer that a constructor takes over.
class Owned {
  constructor(pointer) {
    this.pointer = pointer;
  }
}

function create(call) {
  const out = [null];
  check(call(out));
  return out[0];
}

function integer(name, value) {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return value;
  throw new TypeError(`${name} must be an integer, not ${String(value)}`);
}

function size(name, value) {
  if (integer(name, value) < 0) refuse(`${name} is ${value}; it must be 0 or more`);
  return Number(value);
}

function number(name, value) {
  if (typeof value === 'number') return value;
  throw new TypeError(`${name} must be a number, not ${typeof value}`);
}

function text(value) {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return value;
  throw new TypeError('a text must be a string or a Uint8Array');
}

// C strings end at a NUL, so a NUL within would cut the string off.
function string(name, value) {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${typeof value}`);
  if (value.includes('\0')) refuse(`${name} contains a NUL`);
  return value;
}

function array(name, value, type, length) {
  if (!(value instanceof type)) throw new TypeError(`${name} must be a ${type.name}`);
  if (value.length !== length) refuse(`${name} has ${value.length} elements; it must have ${length}`);
  return value;
}

const choices = {
  cell: { tanh: 0, gru: 1, lstm: 2 },
  input: { ids: 0, embedding: 1, vectors: 2 },
  loss: { 'cross-entropy': 0, 'squared-error': 1 },
  bias: { input: 0, both: 1 },
  initialization: { normal: 0, uniform: 1 },
  precision: { float32: 0, float64: 1 },
  reduction: { sum: 0, mean: 1 },
  rule: { adagrad: 0, sgd: 1, rmsprop: 2, adam: 3, adamw: 4 },
  kind: { bytes: 0, utf8: 1, words: 2 },
};

function choose(name, value) {
  if (!Object.hasOwn(choices[name], value)) {
    throw new TypeError(`${name} must be one of ${Object.keys(choices[name]).join(', ')}, not ${String(value)}`);
  }
  return choices[name][value];
}

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// Fills a struct of options: the library's defaults, then the fields that are given, under names such as hiddenSize.
function fill(struct, given, ...rest) {
  const options = { struct_size: koffi.sizeof(structs[struct]) };
  const buffer = Buffer.alloc(options.struct_size);
  check(native[`${struct}_init`](buffer, buffer.length, ...rest));
  Object.assign(options, koffi.decode(buffer, structs[struct]));
  const types = Object.entries(declarations.structs[struct]);
  const fields = new Map(types.map(([name, type]) => [camel(name), [name, type]]));
  for (const [key, value] of Object.entries(given)) {
    const [name, type] = fields.get(key) ?? [];
    if (!name || name === 'reserved' || name === 'struct_size') throw new TypeError(`unknown option ${key}`);
    if (value === undefined) continue;
    if (Object.hasOwn(choices, name)) options[name] = choose(name, value);
    else if (typeof value === 'boolean') options[name] = Number(value);
    else if (type === 'double') options[name] = number(key, value);
    else if (/^u?int/.test(type)) options[name] = integer(key, value);
    else options[name] = value;
  }
  return options;
}

class Loss {
  constructor(sum, count) {
    this.sum = sum;
    this.count = Number(count);
  }

  get mean() {
    return this.count === 0 ? 0 : this.sum / this.count;
  }
}

class Vocab extends Handle {
  constructor(kind, symbols) {
    if (kind instanceof Owned) {
      super(kind.pointer, native.rnn_vocab_destroy);
      return;
    }
    const bytes = text(symbols);
    const number = choose('kind', kind);
    super(
      create((out) => native.rnn_vocab_create_from_text(number, bytes, bytes.length, out)),
      native.rnn_vocab_destroy,
    );
  }

  static fromFile(kind, path) {
    const number = choose('kind', kind);
    return new Vocab(new Owned(create((out) => native.rnn_vocab_create_from_file(number, string('path', path), out))));
  }

  static fromList(kind, symbols) {
    const number = choose('kind', kind);
    const bytes = text(symbols);
    return new Vocab(
      new Owned(create((out) => native.rnn_vocab_create_from_list(number, bytes, bytes.length, out))),
    );
  }

  withUnknown() {
    const known = pointerOf(this, Vocab);
    return new Vocab(new Owned(create((out) => native.rnn_vocab_create_with_unknown(known, null, 0, out))));
  }

  frequent(most, least = 1) {
    const known = pointerOf(this, Vocab);
    const limits = [integer('most', most), integer('least', least)];
    return new Vocab(new Owned(create((out) => native.rnn_vocab_create_frequent(known, ...limits, out))));
  }

  get size() {
    return native.rnn_vocab_size(pointerOf(this, Vocab));
  }

  get unknown() {
    const id = native.rnn_vocab_unknown(pointerOf(this, Vocab));
    return id < 0 ? null : id;
  }

  encode(string) {
    const vocab = pointerOf(this, Vocab);
    const bytes = text(string);
    const count = [0];
    check(native.rnn_vocab_encode(vocab, bytes, bytes.length, null, 0, count));
    const ids = new Int32Array(count[0]);
    if (ids.length > 0) check(native.rnn_vocab_encode(vocab, bytes, bytes.length, ids, ids.length, null));
    return ids;
  }

  decodeBytes(ids) {
    const vocab = pointerOf(this, Vocab);
    array('ids', ids, Int32Array, ids?.length);
    const length = [0];
    check(native.rnn_vocab_decode(vocab, ids, ids.length, null, 0, length));
    const bytes = Buffer.alloc(length[0]);
    if (bytes.length > 0) check(native.rnn_vocab_decode(vocab, ids, ids.length, bytes, bytes.length, null));
    return bytes;
  }

  decode(ids) {
    return this.decodeBytes(ids).toString();
  }
}

let bufferOf; // the struct of a corpus's chunk

class CorpusChunk {
  #corpus;
  #buffer;

  constructor(corpus, buffer) {
    this.#corpus = corpus;
    this.#buffer = buffer;
    ({ steps: this.steps, streams: this.streams } = koffi.decode(buffer, structs.rnn_chunk));
  }

  static {
    bufferOf = (chunk) => {
      pointerOf(chunk.#corpus, Corpus);
      if (!chunk.#corpus.serves(chunk)) refuse('this chunk is no longer valid, because its corpus was used again');
      return chunk.#buffer;
    };
  }

  #copy(field) {
    const ids = koffi.decode(bufferOf(this), structs.rnn_chunk)[field];
    return Int32Array.from(koffi.decode(ids, 'int32_t', this.steps * this.streams));
  }

  get inputs() {
    return this.#copy('inputs');
  }

  get targets() {
    return this.#copy('targets');
  }
}

class Corpus extends Handle {
  #chunk = null;

  constructor(vocab, content, shape = {}) {
    if (vocab instanceof Owned) {
      super(vocab.pointer, native.rnn_corpus_destroy);
      return;
    }
    const pointer = pointerOf(vocab, Vocab);
    const bytes = text(content);
    const sizes = Corpus.#shape(shape);
    super(
      create((out) => native.rnn_corpus_create_from_text(pointer, bytes, bytes.length, ...sizes, out)),
      native.rnn_corpus_destroy,
    );
  }

  static #shape({ steps, streams = 1 }) {
    return [integer('steps', steps), integer('streams', streams)];
  }

  static fromFile(vocab, path, shape) {
    const pointer = pointerOf(vocab, Vocab);
    const sizes = Corpus.#shape(shape);
    return new Corpus(
      new Owned(create((out) => native.rnn_corpus_create_from_file(pointer, string('path', path), ...sizes, out))),
    );
  }

  static fromIds(ids, symbols, shape) {
    array('ids', ids, Int32Array, ids?.length);
    const sizes = [integer('symbols', symbols), ...Corpus.#shape(shape)];
    return new Corpus(
      new Owned(create((out) => native.rnn_corpus_create_from_ids(ids, ids.length, ...sizes, out))),
    );
  }

  // Every call that uses the corpus ends the life of the chunk served before.
  #use() {
    this.#chunk = null;
    return pointerOf(this, Corpus);
  }

  static use(corpus) {
    pointerOf(corpus, Corpus);
    return corpus.#use();
  }

  serves(chunk) {
    return this.#chunk === chunk;
  }

  next() {
    const corpus = this.#use();
    const buffer = Buffer.alloc(koffi.sizeof(structs.rnn_chunk));
    check(native.rnn_chunk_init(buffer, buffer.length));
    const restarted = [0];
    check(native.rnn_corpus_next(corpus, buffer, restarted));
    this.#chunk = new CorpusChunk(this, buffer);
    return { chunk: this.#chunk, restarted: restarted[0] !== 0 };
  }

  split(share) {
    const corpus = this.#use();
    return new Corpus(new Owned(create((out) => native.rnn_corpus_split(corpus, number('share', share), out))));
  }

  setDropLast(dropLast) {
    check(native.rnn_corpus_set_drop_last(this.#use(), Number(Boolean(dropLast))));
  }

  get size() {
    return native.rnn_corpus_size(pointerOf(this, Corpus));
  }

  get chunks() {
    return native.rnn_corpus_chunks(pointerOf(this, Corpus));
  }

  get position() {
    return native.rnn_corpus_position(pointerOf(this, Corpus));
  }

  seek(position) {
    check(native.rnn_corpus_seek(this.#use(), integer('position', position)));
  }
}

class Model extends Handle {
  #options;

  constructor(options) {
    super(
      options instanceof Owned
        ? options.pointer
        : create((out) => native.rnn_model_create(fill('rnn_model_options', options), out)),
      native.rnn_model_destroy,
    );
    const buffer = Buffer.alloc(koffi.sizeof(structs.rnn_model_options));
    check(native.rnn_model_options_init(buffer, buffer.length));
    check(native.rnn_model_get_options(pointerOf(this, Model), buffer));
    this.#options = koffi.decode(buffer, structs.rnn_model_options);
  }

  static #load(call, precision) {
    const options = fill('rnn_load_options', precision === undefined ? {} : { precision });
    const vocab = [null];
    const model = create((out) => call(options, out, vocab));
    return { model: new Model(new Owned(model)), vocab: vocab[0] ? new Vocab(new Owned(vocab[0])) : null };
  }

  static load(path, { precision } = {}) {
    string('path', path);
    return Model.#load((options, model, vocab) => native.rnn_model_load(path, options, model, vocab), precision);
  }

  static fromBytes(bytes, { precision } = {}) {
    if (!(bytes instanceof Uint8Array)) throw new TypeError('bytes must be a Uint8Array');
    return Model.#load(
      (options, model, vocab) => native.rnn_model_load_from_memory(bytes, bytes.length, options, model, vocab),
      precision,
    );
  }

  save(path, vocab = null) {
    const symbols = vocab && pointerOf(vocab, Vocab);
    check(native.rnn_model_save(pointerOf(this, Model), symbols, string('path', path)));
  }

  toBytes(vocab = null) {
    const model = pointerOf(this, Model);
    const symbols = vocab && pointerOf(vocab, Vocab);
    const length = [0];
    check(native.rnn_model_save_to_memory(model, symbols, null, 0, length));
    const bytes = Buffer.alloc(length[0]);
    check(native.rnn_model_save_to_memory(model, symbols, bytes, bytes.length, length));
    return bytes;
  }

  copy() {
    const model = pointerOf(this, Model);
    return new Model(new Owned(create((out) => native.rnn_model_copy(model, out))));
  }

  average(model, weight) {
    check(native.rnn_model_average(pointerOf(this, Model), pointerOf(model, Model), number('weight', weight)));
  }

  get options() {
    pointerOf(this, Model);
    return Object.fromEntries(Object.entries(this.#options).map(([name, value]) => [camel(name), value]));
  }

  // Float32Array or Float64Array
  get arrayType() {
    return this.#options.precision === constants.RNN_FLOAT64 ? Float64Array : Float32Array;
  }

  #find(name) {
    const index = [0];
    check(native.rnn_model_find_parameter(pointerOf(this, Model), string('name', name), index));
    return index[0];
  }

  #describe(index) {
    const buffer = Buffer.alloc(koffi.sizeof(structs.rnn_parameter));
    check(native.rnn_parameter_init(buffer, buffer.length));
    check(native.rnn_model_describe_parameter(pointerOf(this, Model), index, buffer));
    const { name, shape, count, rank, frozen } = koffi.decode(buffer, structs.rnn_parameter);
    return { name, shape: Array.from(shape, Number).slice(0, rank), count, frozen: frozen !== 0 };
  }

  get parameters() {
    const length = native.rnn_model_parameter_count(pointerOf(this, Model));
    return Array.from({ length }, (_, index) => this.#describe(index));
  }

  #read(call, name, values) {
    const index = this.#find(name);
    const { count } = this.#describe(index);
    if (values === undefined) values = new this.arrayType(count);
    array('values', values, this.arrayType, count);
    check(call(pointerOf(this, Model), index, values, count));
    return values;
  }

  values(name, values) {
    return this.#read(native.rnn_model_get_parameter, name, values);
  }

  gradient(name, values) {
    return this.#read(native.rnn_model_get_gradient, name, values);
  }

  #write(call, name, values) {
    const index = this.#find(name);
    array('values', values, this.arrayType, this.#describe(index).count);
    check(call(pointerOf(this, Model), index, values, values.length));
  }

  setValues(name, values) {
    this.#write(native.rnn_model_set_parameter, name, values);
  }

  setGradient(name, values) {
    this.#write(native.rnn_model_set_gradient, name, values);
  }

  freeze(name, frozen = true) {
    const index = this.#find(name);
    check(native.rnn_model_freeze(pointerOf(this, Model), index, Number(Boolean(frozen))));
  }

  checkFinite() {
    check(native.rnn_model_check_finite(pointerOf(this, Model)));
  }

  zeroGradients() {
    check(native.rnn_model_zero_gradients(pointerOf(this, Model)));
  }

  clipValue(limit) {
    check(native.rnn_model_clip_value(pointerOf(this, Model), number('limit', limit)));
  }

  clipNorm(limit) {
    const norm = [0];
    check(native.rnn_model_clip_norm(pointerOf(this, Model), number('limit', limit), norm));
    return norm[0];
  }

  setNote(key, value) {
    const note = value === null ? null : string('value', value);
    check(native.rnn_model_set_note(pointerOf(this, Model), string('key', key), note));
  }

  note(key) {
    return native.rnn_model_note(pointerOf(this, Model), string('key', key));
  }

  // The struct of a chunk: a corpus's own, or one that points to the arrays of a plain object.
  #chunk(chunk) {
    if (chunk instanceof CorpusChunk) return bufferOf(chunk);
    const { steps, streams = 1, inputs, targets, inputVectors, targetVectors } = chunk;
    const { targetMask, lengths, starts, losses } = chunk;
    const positions = size('steps', steps) * size('streams', streams);
    const outputs = chunk.lastOnly ? streams : positions;
    const raw = { struct_size: koffi.sizeof(structs.rnn_chunk), steps, streams, last_only: chunk.lastOnly ? 1 : 0 };
    const set = (field, name, value, type, length) => {
      if (value !== undefined && value !== null) raw[field] = array(name, value, type, length);
    };
    set('inputs', 'inputs', inputs, Int32Array, positions);
    set('targets', 'targets', targets, Int32Array, outputs);
    set('input_vectors', 'inputVectors', inputVectors, this.arrayType, positions * this.#options.input_size);
    set('target_vectors', 'targetVectors', targetVectors, this.arrayType, outputs * this.#options.output_size);
    set('target_mask', 'targetMask', targetMask, Uint8Array, outputs);
    set('lengths', 'lengths', lengths, BigInt64Array, streams);
    set('starts', 'starts', starts, Uint8Array, positions);
    set('losses', 'losses', losses, Float64Array, outputs);
    return raw;
  }

  forward(state, chunk, outputs) {
    const raw = this.#chunk(chunk);
    const positions = (chunk.lastOnly ? 1 : chunk.steps) * (chunk.streams ?? 1);
    const count = positions * this.#options.output_size;
    if (outputs === undefined) outputs = new this.arrayType(count);
    array('outputs', outputs, this.arrayType, count);
    check(native.rnn_forward(pointerOf(this, Model), pointerOf(state, State), raw, outputs, count, null));
    return outputs;
  }

  loss(state, chunk) {
    const loss = {};
    const raw = this.#chunk(chunk);
    check(native.rnn_forward(pointerOf(this, Model), pointerOf(state, State), raw, null, 0, loss));
    return new Loss(loss.sum, loss.count);
  }

  forwardBackward(state, chunk) {
    const loss = {};
    const raw = this.#chunk(chunk);
    check(native.rnn_forward_backward(pointerOf(this, Model), pointerOf(state, State), raw, loss));
    return new Loss(loss.sum, loss.count);
  }

  evaluate(corpus, streams = 1) {
    const loss = {};
    const hits = [0];
    const text = Corpus.use(corpus);
    check(native.rnn_evaluate(pointerOf(this, Model), text, integer('streams', streams), loss, hits));
    return { loss: new Loss(loss.sum, loss.count), hits: hits[0] };
  }

  sample(state, sampler, first, n) {
    const pointers = [pointerOf(this, Model), pointerOf(state, State), pointerOf(sampler, Sampler)];
    array('first', first, Int32Array, state.streams);
    const ids = new Int32Array(size('n', n) * state.streams);
    check(native.rnn_sample(...pointers, first, n, ids));
    return ids;
  }

  generate(state, sampler, { prompt = new Int32Array(0), most, stop = -1 }) {
    const pointers = [pointerOf(this, Model), pointerOf(state, State), pointerOf(sampler, Sampler)];
    const { streams } = state;
    const promptSteps = Math.floor(prompt.length / streams);
    array('prompt', prompt, Int32Array, promptSteps * streams);
    const options = fill('rnn_generate_options', { promptSteps, most, stop });
    if (promptSteps > 0) options.prompt = prompt;
    const ids = new Int32Array(size('most', most) * streams);
    const counts = new BigInt64Array(streams);
    const logProbabilities = new Float64Array(ids.length);
    check(native.rnn_generate(...pointers, options, ids, counts, logProbabilities));
    return { ids, counts: Array.from(counts, Number), logProbabilities };
  }
}

class State extends Handle {
  #type;
  #values;

  constructor(model, streams = 1) {
    const pointer = pointerOf(model, Model);
    const count = integer('streams', streams);
    super(create((out) => native.rnn_state_create(pointer, count, out)), native.rnn_state_destroy);
    const { cell, bidirectional, layers, hiddenSize } = model.options;
    this.#type = model.arrayType;
    this.#values = (cell === constants.RNN_CELL_LSTM ? 2 : 1) * (bidirectional ? 2 : 1) * layers * streams * hiddenSize;
  }

  get streams() {
    return native.rnn_state_streams(pointerOf(this, State));
  }

  reset(stream) {
    const state = pointerOf(this, State);
    check(
      stream === undefined
        ? native.rnn_state_reset(state)
        : native.rnn_state_reset_stream(state, integer('stream', stream)),
    );
  }

  copyFrom(source) {
    check(native.rnn_state_copy(pointerOf(this, State), pointerOf(source, State)));
  }

  copyStreamFrom(stream, source, sourceStream) {
    const streams = [integer('stream', stream), integer('sourceStream', sourceStream)];
    check(native.rnn_state_copy_stream(pointerOf(this, State), streams[0], pointerOf(source, State), streams[1]));
  }

  get values() {
    const values = new this.#type(this.#values);
    check(native.rnn_state_get_all(pointerOf(this, State), values, values.length));
    return values;
  }

  set values(values) {
    array('values', values, this.#type, this.#values);
    check(native.rnn_state_set_all(pointerOf(this, State), values, values.length));
  }
}

class Optimizer extends Handle {
  constructor(model, { rule = 'adagrad', ...options } = {}) {
    const pointer = pointerOf(model, Model);
    const filled = fill('rnn_optimizer_options', options, choose('rule', rule));
    super(create((out) => native.rnn_optimizer_create(pointer, filled, out)), native.rnn_optimizer_destroy);
  }

  step(model) {
    check(native.rnn_optimizer_step(pointerOf(this, Optimizer), pointerOf(model, Model)));
  }

  get learningRate() {
    return native.rnn_optimizer_learning_rate(pointerOf(this, Optimizer));
  }

  set learningRate(rate) {
    check(native.rnn_optimizer_set_learning_rate(pointerOf(this, Optimizer), number('learningRate', rate)));
  }
}

class Sampler extends Handle {
  constructor({ excluded, vocab, ...options } = {}) {
    const filled = fill('rnn_sampler_options', options);
    if (excluded !== undefined) {
      filled.excluded = array('excluded', excluded, Int32Array, excluded.length);
      filled.excluded_count = excluded.length;
    }
    if (vocab !== undefined) filled.vocab = pointerOf(vocab, Vocab);
    super(create((out) => native.rnn_sampler_create(filled, out)), native.rnn_sampler_destroy);
  }
}

function setThreads(threads) {
  check(native.rnn_set_threads(integer('threads', threads)));
}

module.exports = {
  ClosedError,
  Corpus,
  Loss,
  Model,
  Optimizer,
  RnnError,
  Sampler,
  State,
  Vocab,
  constants,
  native,
  setThreads,
  version: native.rnn_version(),
};
