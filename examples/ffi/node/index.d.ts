// The classes of librnn. The comments in rnn.h describe the calls and the options in full.

import * as declarations from './declarations';

export { constants } from './declarations';

/** The functions of rnn.h by their names, as koffi calls them. */
export declare const native: Readonly<Record<keyof typeof declarations.functions, (...args: any[]) => any>>;
export declare const version: string;
export declare function setThreads(threads: number): void;

/** A call failed. */
export declare class RnnError extends Error {
  readonly status: number;
  /** The name of the status, such as 'RNN_ERROR_IO'. */
  readonly code: string;
}

/** An object was used after close(). */
export declare class ClosedError extends RnnError {}

type Int = number | bigint;
type Text = string | Uint8Array;
type Real = Float32Array | Float64Array;
type Kind = 'bytes' | 'utf8' | 'words';

/** An object of the library. close() releases it; so does the end of a `using` declaration. */
declare class Handle {
  readonly closed: boolean;
  close(): void;
}

/** The loss of a chunk or of a text: a sum over `count` positions. */
export declare class Loss {
  readonly sum: number;
  readonly count: number;
  readonly mean: number;
}

/** The symbols of a text and their ids. */
export declare class Vocab extends Handle {
  constructor(kind: Kind, text: Text);
  static fromFile(kind: Kind, path: string): Vocab;
  /** Words are separated by line ends. */
  static fromList(kind: Kind, symbols: Text): Vocab;
  withUnknown(): Vocab;
  frequent(most: Int, least?: Int): Vocab;
  readonly size: number;
  /** The id of the unknown symbol, or null. */
  readonly unknown: number | null;
  encode(text: Text): Int32Array;
  decode(ids: Int32Array): string;
  decodeBytes(ids: Int32Array): Uint8Array;
}

/** A chunk that a corpus serves. It is valid until the corpus is used again. */
export interface CorpusChunk {
  readonly steps: number;
  readonly streams: number;
  /** A copy, [T][B]. */
  readonly inputs: Int32Array;
  /** A copy, [T][B]. */
  readonly targets: Int32Array;
}

/** A chunk of your own. The library uses its arrays in place. */
export interface ChunkData {
  steps: number;
  /** 1 by default. */
  streams?: number;
  inputs?: Int32Array;
  targets?: Int32Array;
  inputVectors?: Real;
  targetVectors?: Real;
  targetMask?: Uint8Array;
  lengths?: BigInt64Array;
  starts?: Uint8Array;
  /** Receives the loss of each position. */
  losses?: Float64Array;
  lastOnly?: boolean;
}

export type Chunk = CorpusChunk | ChunkData;

export interface ChunkShape {
  steps: number;
  /** 1 by default. */
  streams?: number;
}

/** An encoded text, served chunk by chunk. */
export declare class Corpus extends Handle {
  constructor(vocab: Vocab, text: Text, shape: ChunkShape);
  static fromFile(vocab: Vocab, path: string, shape: ChunkShape): Corpus;
  static fromIds(ids: Int32Array, symbols: Int, shape: ChunkShape): Corpus;
  /** When `restarted` is true, reset the state. */
  next(): { chunk: CorpusChunk; restarted: boolean };
  /** Moves a share of the text, at its end, to a second corpus. */
  split(share: number): Corpus;
  setDropLast(dropLast: boolean): void;
  seek(position: Int): void;
  readonly position: number;
  readonly size: number;
  readonly chunks: number;
}

export interface ModelOptions {
  inputSize: Int;
  outputSize: Int;
  hiddenSize?: Int;
  layers?: Int;
  cell?: 'tanh' | 'gru' | 'lstm';
  precision?: 'float32' | 'float64';
  reduction?: 'sum' | 'mean';
  input?: 'ids' | 'embedding' | 'vectors';
  loss?: 'cross-entropy' | 'squared-error';
  bias?: 'input' | 'both';
  initialization?: 'normal' | 'uniform';
  orthogonal?: boolean;
  tied?: boolean;
  dropoutPerChunk?: boolean;
  embeddingSize?: Int;
  weightScale?: number;
  forgetBias?: number;
  dropout?: number;
  seed?: Int;
  dropoutInput?: number;
  dropoutOutput?: number;
  dropoutRecurrent?: number;
  bidirectional?: boolean;
  learnedState?: boolean;
  layerNorm?: boolean;
}

export interface Parameter {
  readonly name: string;
  readonly shape: number[];
  readonly count: number;
  readonly frozen: boolean;
}

/** A network. Its numbers are a Float32Array or, with the precision 'float64', a Float64Array. */
export declare class Model extends Handle {
  constructor(options: ModelOptions);
  static load(path: string, options?: { precision?: 'float32' | 'float64' }): { model: Model; vocab: Vocab | null };
  static fromBytes(
    bytes: Uint8Array,
    options?: { precision?: 'float32' | 'float64' },
  ): { model: Model; vocab: Vocab | null };
  save(path: string, vocab?: Vocab | null): void;
  toBytes(vocab?: Vocab | null): Uint8Array;
  copy(): Model;
  average(model: Model, weight: number): void;
  /** The options as the library stores them: choices are numbers. */
  readonly options: Readonly<Record<string, number | bigint>>;
  readonly arrayType: typeof Float32Array | typeof Float64Array;
  readonly parameters: Parameter[];
  /** Copies a parameter's values, row-major, to `into` or a new array. */
  values(name: string, into?: Real): Real;
  setValues(name: string, values: Real): void;
  gradient(name: string, into?: Real): Real;
  setGradient(name: string, values: Real): void;
  freeze(name: string, frozen?: boolean): void;
  checkFinite(): void;
  zeroGradients(): void;
  clipValue(limit: number): void;
  /** Returns the norm before the scaling. */
  clipNorm(limit: number): number;
  setNote(key: string, value: string | null): void;
  note(key: string): string | null;
  /** Returns the outputs, [T][B][O], in `outputs` or a new array. */
  forward(state: State, chunk: Chunk, outputs?: Real): Real;
  loss(state: State, chunk: Chunk): Loss;
  forwardBackward(state: State, chunk: Chunk): Loss;
  evaluate(corpus: Corpus, streams?: Int): { loss: Loss; hits: number };
  /** Draws n symbols in each stream, [n][B]. */
  sample(state: State, sampler: Sampler, first: Int32Array, n: number): Int32Array;
  /** Reads a prompt, [P][B], and continues it. */
  generate(
    state: State,
    sampler: Sampler,
    options: { prompt?: Int32Array; most: number; stop?: number },
  ): { ids: Int32Array; counts: number[]; logProbabilities: Float64Array };
}

/** The values that a model carries from chunk to chunk. */
export declare class State extends Handle {
  constructor(model: Model, streams?: number);
  readonly streams: number;
  /** Resets one stream, or all. */
  reset(stream?: Int): void;
  copyFrom(source: State): void;
  copyStreamFrom(stream: Int, source: State, sourceStream: Int): void;
  /** All values, [P][L][B][H]. Reading makes a copy. */
  values: Real;
}

export interface OptimizerOptions {
  /** 'adagrad' by default. */
  rule?: 'adagrad' | 'sgd' | 'rmsprop' | 'adam' | 'adamw';
  nesterov?: boolean;
  learningRate?: number;
  epsilon?: number;
  weightDecay?: number;
  momentum?: number;
  beta1?: number;
  beta2?: number;
  clipValue?: number;
  clipNorm?: number;
  spareBiases?: boolean;
}

/** The rule that updates a model's parameters. */
export declare class Optimizer extends Handle {
  constructor(model: Model, options?: OptimizerOptions);
  step(model: Model): void;
  learningRate: number;
}

export interface SamplerOptions {
  temperature?: number;
  seed?: Int;
  topK?: Int;
  topP?: number;
  minP?: number;
  repetitionPenalty?: number;
  repetitionWindow?: Int;
  excluded?: Int32Array;
  /** Its unknown symbol is excluded. */
  vocab?: Vocab;
}

/** A reproducible way of drawing symbols. */
export declare class Sampler extends Handle {
  constructor(options?: SamplerOptions);
}
