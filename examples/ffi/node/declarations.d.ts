// The types of declarations.js. Written by examples/ffi/generate.py from include/rnn/rnn.h. Don't edit it.

export declare const constants: {
  readonly RNN_OK: 0;
  readonly RNN_ERROR_ARGUMENT: 1;
  readonly RNN_ERROR_MEMORY: 2;
  readonly RNN_ERROR_IO: 3;
  readonly RNN_ERROR_SYMBOL: 4;
  readonly RNN_ERROR_MISMATCH: 5;
  readonly RNN_ERROR_NONFINITE: 6;
  readonly RNN_ERROR_FORMAT: 7;
  readonly RNN_CELL_TANH: 0;
  readonly RNN_CELL_GRU: 1;
  readonly RNN_CELL_LSTM: 2;
  readonly RNN_INPUT_IDS: 0;
  readonly RNN_INPUT_EMBEDDING: 1;
  readonly RNN_INPUT_VECTORS: 2;
  readonly RNN_LOSS_CROSS_ENTROPY: 0;
  readonly RNN_LOSS_SQUARED_ERROR: 1;
  readonly RNN_BIAS_INPUT: 0;
  readonly RNN_BIAS_BOTH: 1;
  readonly RNN_INIT_NORMAL: 0;
  readonly RNN_INIT_UNIFORM: 1;
  readonly RNN_FLOAT32: 0;
  readonly RNN_FLOAT64: 1;
  readonly RNN_REDUCTION_SUM: 0;
  readonly RNN_REDUCTION_MEAN: 1;
  readonly RNN_IGNORE: -1;
  readonly RNN_STATE_HIDDEN: 0;
  readonly RNN_STATE_MEMORY: 1;
  readonly RNN_OPTIMIZER_ADAGRAD: 0;
  readonly RNN_OPTIMIZER_SGD: 1;
  readonly RNN_OPTIMIZER_RMSPROP: 2;
  readonly RNN_OPTIMIZER_ADAM: 3;
  readonly RNN_OPTIMIZER_ADAMW: 4;
  readonly RNN_VOCAB_BYTES: 0;
  readonly RNN_VOCAB_UTF8: 1;
  readonly RNN_VOCAB_WORDS: 2;
  readonly RNN_BATCH_PADDED: 0;
  readonly RNN_BATCH_PACKED: 1;
  readonly RNN_TARGETS_EACH: 0;
  readonly RNN_TARGETS_LAST: 1;
  readonly RNN_TARGETS_NEXT: 2;
  readonly RNN_PRECISION_STORED: -1;
  readonly RNN_CHECKPOINT_NUMBERS: 8;
  readonly RNN_OBSERVE_ACTIVATIONS: 1;
  readonly RNN_OBSERVE_GRADIENT_NORMS: 2;
};
export declare const handles: readonly string[];
export declare const callbacks: Readonly<Record<string, string>>;
export declare const structs: Readonly<Record<string, Readonly<Record<string, string>>>>;
export declare const functions: Readonly<Record<string, string>>;

export interface rnn_model_options {
  struct_size: number | bigint;
  input_size: number | bigint;
  hidden_size: number | bigint;
  output_size: number | bigint;
  layers: number | bigint;
  cell: number;
  precision: number;
  reduction: number;
  input: number;
  loss: number;
  bias: number;
  initialization: number;
  orthogonal: number;
  tied: number;
  dropout_per_chunk: number;
  embedding_size: number | bigint;
  weight_scale: number;
  forget_bias: number;
  dropout: number;
  seed: number | bigint;
  dropout_input: number;
  dropout_output: number;
  dropout_recurrent: number;
  bidirectional: number;
  learned_state: number;
  layer_norm: number;
  reserved: number;
}

export interface rnn_parameter {
  struct_size: number | bigint;
  name: unknown;
  shape: (number | bigint)[];
  strides: (number | bigint)[];
  count: number | bigint;
  rank: number;
  precision: number;
  values: unknown;
  gradient: unknown;
  frozen: number;
  reserved: number;
}

export interface rnn_chunk {
  struct_size: number | bigint;
  steps: number | bigint;
  streams: number | bigint;
  inputs: unknown;
  targets: unknown;
  input_vectors: unknown;
  target_vectors: unknown;
  target_mask: unknown;
  lengths: unknown;
  starts: unknown;
  losses: unknown;
  hits: unknown;
  last_only: number;
  reserved: number;
}

export interface rnn_loss {
  sum: number;
  count: number | bigint;
}

export interface rnn_chunk_gradients {
  struct_size: number | bigint;
  outputs: unknown;
  final_state: unknown;
  input_vectors: unknown;
  initial_state: unknown;
}

export interface rnn_optimizer_options {
  struct_size: number | bigint;
  rule: number;
  nesterov: number;
  learning_rate: number;
  epsilon: number;
  weight_decay: number;
  momentum: number;
  beta1: number;
  beta2: number;
  clip_value: number;
  clip_norm: number;
  spare_biases: number;
  reserved: number;
}

export interface rnn_sampler_options {
  struct_size: number | bigint;
  temperature: number;
  seed: number | bigint;
  top_k: number | bigint;
  top_p: number;
  min_p: number;
  repetition_penalty: number;
  repetition_window: number | bigint;
  excluded: unknown;
  excluded_count: number | bigint;
  vocab: unknown;
}

export interface rnn_generate_options {
  struct_size: number | bigint;
  prompt: unknown;
  prompt_steps: number | bigint;
  prompt_lengths: unknown;
  most: number | bigint;
  stop: number;
  reserved: number;
}

export interface rnn_beam_options {
  struct_size: number | bigint;
  prompt: unknown;
  prompt_steps: number | bigint;
  most: number | bigint;
  beams: number | bigint;
  results: number | bigint;
  length_penalty: number;
  excluded: unknown;
  excluded_count: number | bigint;
  stop: number;
  reserved: number;
  vocab: unknown;
}

export interface rnn_sequences {
  struct_size: number | bigint;
  count: number | bigint;
  lengths: unknown;
  inputs: unknown;
  input_vectors: unknown;
  targets: unknown;
  target_vectors: unknown;
  target_mask: unknown;
  input_size: number | bigint;
  output_size: number | bigint;
  precision: number;
  reserved: number;
}

export interface rnn_batcher_options {
  struct_size: number | bigint;
  streams: number | bigint;
  steps: number | bigint;
  layout: number;
  target_kind: number;
  shuffle: number;
  reserved: number;
  bucket: number | bigint;
  seed: number | bigint;
}

export interface rnn_save_options {
  struct_size: number | bigint;
  rnn_name: unknown;
  decoder_name: unknown;
  embedding_name: unknown;
}

export interface rnn_load_options {
  struct_size: number | bigint;
  precision: number;
  ignore_others: number;
  configuration: unknown;
  rnn_name: unknown;
  decoder_name: unknown;
  embedding_name: unknown;
  infer: number;
  reserved: number;
}

export interface rnn_checkpoint {
  struct_size: number | bigint;
  model: unknown;
  optimizer: unknown;
  state: unknown;
  sampler: unknown;
  vocab: unknown;
  corpus_position: number | bigint;
  counters: (number | bigint)[];
  values: number[];
  average: unknown;
}

export interface rnn_allocator {
  allocate: unknown;
  release: unknown;
  context: unknown;
}
