// The declarations of rnn.h for koffi. Written by examples/ffi/generate.py from include/rnn/rnn.h. Don't edit it.
'use strict';

exports.constants = {
  RNN_OK: 0,
  RNN_ERROR_ARGUMENT: 1,
  RNN_ERROR_MEMORY: 2,
  RNN_ERROR_IO: 3,
  RNN_ERROR_SYMBOL: 4,
  RNN_ERROR_MISMATCH: 5,
  RNN_ERROR_NONFINITE: 6,
  RNN_ERROR_FORMAT: 7,
  RNN_CELL_TANH: 0,
  RNN_CELL_GRU: 1,
  RNN_CELL_LSTM: 2,
  RNN_INPUT_IDS: 0,
  RNN_INPUT_EMBEDDING: 1,
  RNN_INPUT_VECTORS: 2,
  RNN_LOSS_CROSS_ENTROPY: 0,
  RNN_LOSS_SQUARED_ERROR: 1,
  RNN_BIAS_INPUT: 0,
  RNN_BIAS_BOTH: 1,
  RNN_INIT_NORMAL: 0,
  RNN_INIT_UNIFORM: 1,
  RNN_FLOAT32: 0,
  RNN_FLOAT64: 1,
  RNN_REDUCTION_SUM: 0,
  RNN_REDUCTION_MEAN: 1,
  RNN_IGNORE: -1,
  RNN_STATE_HIDDEN: 0,
  RNN_STATE_MEMORY: 1,
  RNN_OPTIMIZER_ADAGRAD: 0,
  RNN_OPTIMIZER_SGD: 1,
  RNN_OPTIMIZER_RMSPROP: 2,
  RNN_OPTIMIZER_ADAM: 3,
  RNN_OPTIMIZER_ADAMW: 4,
  RNN_VOCAB_BYTES: 0,
  RNN_VOCAB_UTF8: 1,
  RNN_VOCAB_WORDS: 2,
  RNN_BATCH_PADDED: 0,
  RNN_BATCH_PACKED: 1,
  RNN_TARGETS_EACH: 0,
  RNN_TARGETS_LAST: 1,
  RNN_TARGETS_NEXT: 2,
  RNN_PRECISION_STORED: -1,
  RNN_CHECKPOINT_NUMBERS: 8,
  RNN_OBSERVE_ACTIVATIONS: 1,
  RNN_OBSERVE_GRADIENT_NORMS: 2,
};

exports.handles = [
  'rnn_model',
  'rnn_state',
  'rnn_optimizer',
  'rnn_sampler',
  'rnn_vocab',
  'rnn_corpus',
  'rnn_source',
  'rnn_batcher',
];

exports.callbacks = {
  rnn_allocator_allocate: 'void *rnn_allocator_allocate(void *context, size_t alignment, size_t size)',
  rnn_allocator_release: 'void rnn_allocator_release(void *context, void *pointer, size_t size)',
  rnn_set_interrupt_interrupted: 'int32_t rnn_set_interrupt_interrupted(void *context)',
};

exports.structs = {
  rnn_model_options: {
    struct_size: 'size_t',
    input_size: 'int64_t',
    hidden_size: 'int64_t',
    output_size: 'int64_t',
    layers: 'int64_t',
    cell: 'int32_t',
    precision: 'int32_t',
    reduction: 'int32_t',
    input: 'int32_t',
    loss: 'int32_t',
    bias: 'int32_t',
    initialization: 'int32_t',
    orthogonal: 'int32_t',
    tied: 'int32_t',
    dropout_per_chunk: 'int32_t',
    embedding_size: 'int64_t',
    weight_scale: 'double',
    forget_bias: 'double',
    dropout: 'double',
    seed: 'uint64_t',
    dropout_input: 'double',
    dropout_output: 'double',
    dropout_recurrent: 'double',
    bidirectional: 'int32_t',
    learned_state: 'int32_t',
    layer_norm: 'int32_t',
    reserved: 'int32_t',
  },
  rnn_parameter: {
    struct_size: 'size_t',
    name: 'const char *',
    shape: 'int64_t[2]',
    strides: 'int64_t[2]',
    count: 'int64_t',
    rank: 'int32_t',
    precision: 'int32_t',
    values: 'const void *',
    gradient: 'const void *',
    frozen: 'int32_t',
    reserved: 'int32_t',
  },
  rnn_chunk: {
    struct_size: 'size_t',
    steps: 'int64_t',
    streams: 'int64_t',
    inputs: 'const int32_t *',
    targets: 'const int32_t *',
    input_vectors: 'const void *',
    target_vectors: 'const void *',
    target_mask: 'const uint8_t *',
    lengths: 'const int64_t *',
    starts: 'const uint8_t *',
    losses: 'double *',
    hits: 'int64_t *',
    last_only: 'int32_t',
    reserved: 'int32_t',
  },
  rnn_loss: {
    sum: 'double',
    count: 'int64_t',
  },
  rnn_chunk_gradients: {
    struct_size: 'size_t',
    outputs: 'const void *',
    final_state: 'const void *',
    input_vectors: 'void *',
    initial_state: 'void *',
  },
  rnn_optimizer_options: {
    struct_size: 'size_t',
    rule: 'int32_t',
    nesterov: 'int32_t',
    learning_rate: 'double',
    epsilon: 'double',
    weight_decay: 'double',
    momentum: 'double',
    beta1: 'double',
    beta2: 'double',
    clip_value: 'double',
    clip_norm: 'double',
    spare_biases: 'int32_t',
    reserved: 'int32_t',
  },
  rnn_sampler_options: {
    struct_size: 'size_t',
    temperature: 'double',
    seed: 'uint64_t',
    top_k: 'int64_t',
    top_p: 'double',
    min_p: 'double',
    repetition_penalty: 'double',
    repetition_window: 'int64_t',
    excluded: 'const int32_t *',
    excluded_count: 'int64_t',
    vocab: 'const rnn_vocab *',
  },
  rnn_generate_options: {
    struct_size: 'size_t',
    prompt: 'const int32_t *',
    prompt_steps: 'int64_t',
    prompt_lengths: 'const int64_t *',
    most: 'int64_t',
    stop: 'int32_t',
    reserved: 'int32_t',
  },
  rnn_beam_options: {
    struct_size: 'size_t',
    prompt: 'const int32_t *',
    prompt_steps: 'int64_t',
    most: 'int64_t',
    beams: 'int64_t',
    results: 'int64_t',
    length_penalty: 'double',
    excluded: 'const int32_t *',
    excluded_count: 'int64_t',
    stop: 'int32_t',
    reserved: 'int32_t',
    vocab: 'const rnn_vocab *',
  },
  rnn_sequences: {
    struct_size: 'size_t',
    count: 'int64_t',
    lengths: 'const int64_t *',
    inputs: 'const int32_t *',
    input_vectors: 'const void *',
    targets: 'const int32_t *',
    target_vectors: 'const void *',
    target_mask: 'const uint8_t *',
    input_size: 'int64_t',
    output_size: 'int64_t',
    precision: 'int32_t',
    reserved: 'int32_t',
  },
  rnn_batcher_options: {
    struct_size: 'size_t',
    streams: 'int64_t',
    steps: 'int64_t',
    layout: 'int32_t',
    target_kind: 'int32_t',
    shuffle: 'int32_t',
    reserved: 'int32_t',
    bucket: 'int64_t',
    seed: 'uint64_t',
  },
  rnn_save_options: {
    struct_size: 'size_t',
    rnn_name: 'const char *',
    decoder_name: 'const char *',
    embedding_name: 'const char *',
  },
  rnn_load_options: {
    struct_size: 'size_t',
    precision: 'int32_t',
    ignore_others: 'int32_t',
    configuration: 'const rnn_model_options *',
    rnn_name: 'const char *',
    decoder_name: 'const char *',
    embedding_name: 'const char *',
    infer: 'int32_t',
    reserved: 'int32_t',
  },
  rnn_checkpoint: {
    struct_size: 'size_t',
    model: 'rnn_model *',
    optimizer: 'rnn_optimizer *',
    state: 'rnn_state *',
    sampler: 'rnn_sampler *',
    vocab: 'rnn_vocab *',
    corpus_position: 'int64_t',
    counters: 'int64_t[8]',
    values: 'double[8]',
    average: 'rnn_model *',
  },
  rnn_allocator: {
    allocate: 'rnn_allocator_allocate *',
    release: 'rnn_allocator_release *',
    context: 'void *',
  },
};

exports.functions = {
  rnn_version: 'const char *rnn_version(void)',
  rnn_version_number: 'int32_t rnn_version_number(void)',
  rnn_last_error: 'const char *rnn_last_error(void)',
  rnn_status_name: 'const char *rnn_status_name(rnn_status status)',
  rnn_enumerator_count: 'int64_t rnn_enumerator_count(void)',
  rnn_enumerator: 'rnn_status rnn_enumerator(int64_t index, _Out_ const char **name, _Out_ int32_t *value)',
  rnn_model_options_init: 'rnn_status rnn_model_options_init(_Inout_ rnn_model_options *options, size_t struct_size)',
  rnn_model_create: 'rnn_status rnn_model_create(const rnn_model_options *options, _Out_ rnn_model **model)',
  rnn_model_copy: 'rnn_status rnn_model_copy(const rnn_model *model, _Out_ rnn_model **copy)',
  rnn_model_average: 'rnn_status rnn_model_average(rnn_model *average, const rnn_model *model, double weight)',
  rnn_model_destroy: 'void rnn_model_destroy(rnn_model *model)',
  rnn_model_get_options: 'rnn_status rnn_model_get_options(const rnn_model *model, _Inout_ rnn_model_options *options)',
  rnn_parameter_init: 'rnn_status rnn_parameter_init(_Inout_ rnn_parameter *parameter, size_t struct_size)',
  rnn_model_parameter_count: 'int64_t rnn_model_parameter_count(const rnn_model *model)',
  rnn_model_describe_parameter:
    'rnn_status rnn_model_describe_parameter(const rnn_model *model, int64_t index, ' +
    '_Inout_ rnn_parameter *parameter)',
  rnn_model_find_parameter:
    'rnn_status rnn_model_find_parameter(const rnn_model *model, const char *name, _Out_ int64_t *index)',
  rnn_model_freeze: 'rnn_status rnn_model_freeze(rnn_model *model, int64_t index, int32_t frozen)',
  rnn_model_get_parameter:
    'rnn_status rnn_model_get_parameter(const rnn_model *model, int64_t index, void *values, int64_t count)',
  rnn_model_set_parameter:
    'rnn_status rnn_model_set_parameter(rnn_model *model, int64_t index, const void *values, int64_t count)',
  rnn_model_get_gradient:
    'rnn_status rnn_model_get_gradient(const rnn_model *model, int64_t index, void *values, int64_t count)',
  rnn_model_set_gradient:
    'rnn_status rnn_model_set_gradient(rnn_model *model, int64_t index, const void *values, int64_t count)',
  rnn_model_check_finite: 'rnn_status rnn_model_check_finite(const rnn_model *model)',
  rnn_model_zero_gradients: 'rnn_status rnn_model_zero_gradients(rnn_model *model)',
  rnn_model_clip_value: 'rnn_status rnn_model_clip_value(rnn_model *model, double limit)',
  rnn_model_clip_norm: 'rnn_status rnn_model_clip_norm(rnn_model *model, double limit, _Out_ double *norm)',
  rnn_model_set_note: 'rnn_status rnn_model_set_note(rnn_model *model, const char *key, const char *value)',
  rnn_model_note: 'const char *rnn_model_note(const rnn_model *model, const char *key)',
  rnn_model_note_count: 'int64_t rnn_model_note_count(const rnn_model *model)',
  rnn_model_note_at:
    'rnn_status rnn_model_note_at(const rnn_model *model, int64_t index, _Out_ const char **key, ' +
    '_Out_ const char **value)',
  rnn_chunk_init: 'rnn_status rnn_chunk_init(_Inout_ rnn_chunk *chunk, size_t struct_size)',
  rnn_state_create: 'rnn_status rnn_state_create(const rnn_model *model, int64_t streams, _Out_ rnn_state **state)',
  rnn_state_destroy: 'void rnn_state_destroy(rnn_state *state)',
  rnn_state_streams: 'int64_t rnn_state_streams(const rnn_state *state)',
  rnn_state_reset: 'rnn_status rnn_state_reset(rnn_state *state)',
  rnn_state_reset_stream: 'rnn_status rnn_state_reset_stream(rnn_state *state, int64_t stream)',
  rnn_state_copy: 'rnn_status rnn_state_copy(rnn_state *destination, const rnn_state *source)',
  rnn_state_copy_stream:
    'rnn_status rnn_state_copy_stream(rnn_state *destination, int64_t destination_stream, const rnn_state *source, ' +
    'int64_t source_stream)',
  rnn_state_get:
    'rnn_status rnn_state_get(const rnn_state *state, int64_t layer, int32_t what, void *values, int64_t count)',
  rnn_state_set:
    'rnn_status rnn_state_set(rnn_state *state, int64_t layer, int32_t what, const void *values, int64_t count)',
  rnn_state_get_all: 'rnn_status rnn_state_get_all(const rnn_state *state, void *values, int64_t count)',
  rnn_state_set_all: 'rnn_status rnn_state_set_all(rnn_state *state, const void *values, int64_t count)',
  rnn_forward:
    'rnn_status rnn_forward(const rnn_model *model, rnn_state *state, const rnn_chunk *chunk, void *outputs, ' +
    'int64_t outputs_count, _Out_ rnn_loss *loss)',
  rnn_forward_backward:
    'rnn_status rnn_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, ' +
    '_Out_ rnn_loss *loss)',
  rnn_evaluate:
    'rnn_status rnn_evaluate(const rnn_model *model, const rnn_corpus *corpus, int64_t streams, ' +
    '_Out_ rnn_loss *loss, _Out_ int64_t *hits)',
  rnn_forward_training:
    'rnn_status rnn_forward_training(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, void *outputs, ' +
    'int64_t outputs_count)',
  rnn_loss_gradient:
    'rnn_status rnn_loss_gradient(const rnn_model *model, const rnn_chunk *chunk, const void *outputs, ' +
    'int64_t outputs_count, void *gradient, _Out_ rnn_loss *loss)',
  rnn_softmax:
    'rnn_status rnn_softmax(int32_t precision, const void *logits, int64_t rows, int64_t symbols, ' +
    'void *probabilities)',
  rnn_chunk_gradients_init:
    'rnn_status rnn_chunk_gradients_init(_Inout_ rnn_chunk_gradients *gradients, size_t struct_size)',
  rnn_backward: 'rnn_status rnn_backward(rnn_model *model, rnn_state *state, const rnn_chunk_gradients *gradients)',
  rnn_optimizer_options_init:
    'rnn_status rnn_optimizer_options_init(_Inout_ rnn_optimizer_options *options, size_t struct_size, ' +
    'int32_t rule)',
  rnn_optimizer_create:
    'rnn_status rnn_optimizer_create(const rnn_model *model, const rnn_optimizer_options *options, ' +
    '_Out_ rnn_optimizer **optimizer)',
  rnn_optimizer_destroy: 'void rnn_optimizer_destroy(rnn_optimizer *optimizer)',
  rnn_optimizer_step: 'rnn_status rnn_optimizer_step(rnn_optimizer *optimizer, rnn_model *model)',
  rnn_optimizer_get_options:
    'rnn_status rnn_optimizer_get_options(const rnn_optimizer *optimizer, _Inout_ rnn_optimizer_options *options)',
  rnn_optimizer_set_options:
    'rnn_status rnn_optimizer_set_options(rnn_optimizer *optimizer, const rnn_optimizer_options *options)',
  rnn_optimizer_learning_rate: 'double rnn_optimizer_learning_rate(const rnn_optimizer *optimizer)',
  rnn_optimizer_set_learning_rate:
    'rnn_status rnn_optimizer_set_learning_rate(rnn_optimizer *optimizer, double learning_rate)',
  rnn_schedule_warmup: 'double rnn_schedule_warmup(int64_t step, int64_t steps)',
  rnn_schedule_cosine: 'double rnn_schedule_cosine(int64_t step, int64_t steps, double least)',
  rnn_schedule_step_decay: 'double rnn_schedule_step_decay(int64_t step, int64_t every, double factor)',
  rnn_schedule_one_cycle:
    'double rnn_schedule_one_cycle(int64_t step, int64_t steps, int64_t rise, double first, double last)',
  rnn_sampler_options_init:
    'rnn_status rnn_sampler_options_init(_Inout_ rnn_sampler_options *options, size_t struct_size)',
  rnn_sampler_create: 'rnn_status rnn_sampler_create(const rnn_sampler_options *options, _Out_ rnn_sampler **sampler)',
  rnn_sampler_get_options:
    'rnn_status rnn_sampler_get_options(const rnn_sampler *sampler, _Inout_ rnn_sampler_options *options)',
  rnn_sampler_set_options:
    'rnn_status rnn_sampler_set_options(rnn_sampler *sampler, const rnn_sampler_options *options)',
  rnn_sampler_draw:
    'rnn_status rnn_sampler_draw(rnn_sampler *sampler, int32_t precision, const void *logits, int64_t streams, ' +
    'int64_t symbols, _Out_ int32_t *ids, _Out_ double *log_probabilities)',
  rnn_sampler_destroy: 'void rnn_sampler_destroy(rnn_sampler *sampler)',
  rnn_sample:
    'rnn_status rnn_sample(const rnn_model *model, rnn_state *state, rnn_sampler *sampler, const int32_t *first, ' +
    'int64_t n, _Out_ int32_t *ids)',
  rnn_generate_options_init:
    'rnn_status rnn_generate_options_init(_Inout_ rnn_generate_options *options, size_t struct_size)',
  rnn_generate:
    'rnn_status rnn_generate(const rnn_model *model, rnn_state *state, rnn_sampler *sampler, ' +
    'const rnn_generate_options *options, _Out_ int32_t *ids, _Out_ int64_t *counts, ' +
    '_Out_ double *log_probabilities)',
  rnn_beam_options_init: 'rnn_status rnn_beam_options_init(_Inout_ rnn_beam_options *options, size_t struct_size)',
  rnn_beam_search:
    'rnn_status rnn_beam_search(const rnn_model *model, const rnn_state *state, const rnn_beam_options *options, ' +
    '_Out_ int32_t *ids, _Out_ int64_t *counts, _Out_ double *log_probabilities, _Out_ double *scores)',
  rnn_source_open: 'rnn_status rnn_source_open(const char *const *paths, int64_t count, _Out_ rnn_source **source)',
  rnn_set_interrupt: 'void rnn_set_interrupt(rnn_set_interrupt_interrupted *interrupted, void *context)',
  rnn_source_destroy: 'void rnn_source_destroy(rnn_source *source)',
  rnn_source_size: 'int64_t rnn_source_size(const rnn_source *source)',
  rnn_vocab_create_from_text:
    'rnn_status rnn_vocab_create_from_text(int32_t kind, const void *text, size_t size, _Out_ rnn_vocab **vocab)',
  rnn_vocab_create_from_file:
    'rnn_status rnn_vocab_create_from_file(int32_t kind, const char *path, _Out_ rnn_vocab **vocab)',
  rnn_vocab_create_from_source:
    'rnn_status rnn_vocab_create_from_source(int32_t kind, const rnn_source *source, _Out_ rnn_vocab **vocab)',
  rnn_vocab_create_from_list:
    'rnn_status rnn_vocab_create_from_list(int32_t kind, const void *symbols, size_t size, ' +
    '_Out_ rnn_vocab **vocab)',
  rnn_vocab_create_with_unknown:
    'rnn_status rnn_vocab_create_with_unknown(const rnn_vocab *known, const void *shown, size_t size, ' +
    '_Out_ rnn_vocab **vocab)',
  rnn_vocab_create_frequent:
    'rnn_status rnn_vocab_create_frequent(const rnn_vocab *known, int64_t most, int64_t least, ' +
    '_Out_ rnn_vocab **vocab)',
  rnn_vocab_destroy: 'void rnn_vocab_destroy(rnn_vocab *vocab)',
  rnn_vocab_size: 'int64_t rnn_vocab_size(const rnn_vocab *vocab)',
  rnn_vocab_kind: 'int32_t rnn_vocab_kind(const rnn_vocab *vocab)',
  rnn_vocab_unknown: 'int32_t rnn_vocab_unknown(const rnn_vocab *vocab)',
  rnn_vocab_encode:
    'rnn_status rnn_vocab_encode(const rnn_vocab *vocab, const void *text, size_t size, _Out_ int32_t *ids, ' +
    'int64_t capacity, _Out_ int64_t *count)',
  rnn_vocab_decode:
    'rnn_status rnn_vocab_decode(const rnn_vocab *vocab, const int32_t *ids, int64_t count, char *text, ' +
    'size_t capacity, _Out_ size_t *size)',
  rnn_vocab_symbol:
    'rnn_status rnn_vocab_symbol(const rnn_vocab *vocab, int32_t id, _Out_ const char **symbol, ' +
    '_Out_ size_t *size)',
  rnn_corpus_create_from_text:
    'rnn_status rnn_corpus_create_from_text(const rnn_vocab *vocab, const void *text, size_t size, int64_t steps, ' +
    'int64_t streams, _Out_ rnn_corpus **corpus)',
  rnn_corpus_create_from_file:
    'rnn_status rnn_corpus_create_from_file(const rnn_vocab *vocab, const char *path, int64_t steps, ' +
    'int64_t streams, _Out_ rnn_corpus **corpus)',
  rnn_corpus_create_from_source:
    'rnn_status rnn_corpus_create_from_source(const rnn_vocab *vocab, const rnn_source *source, int64_t steps, ' +
    'int64_t streams, _Out_ rnn_corpus **corpus)',
  rnn_corpus_create_from_ids:
    'rnn_status rnn_corpus_create_from_ids(const int32_t *ids, int64_t count, int64_t symbols, int64_t steps, ' +
    'int64_t streams, _Out_ rnn_corpus **corpus)',
  rnn_corpus_create_from_id_file:
    'rnn_status rnn_corpus_create_from_id_file(const char *path, int32_t id_size, int64_t symbols, int64_t steps, ' +
    'int64_t streams, _Out_ rnn_corpus **corpus)',
  rnn_corpus_split: 'rnn_status rnn_corpus_split(rnn_corpus *corpus, double share, _Out_ rnn_corpus **validation)',
  rnn_corpus_set_drop_last: 'rnn_status rnn_corpus_set_drop_last(rnn_corpus *corpus, int32_t drop_last)',
  rnn_corpus_destroy: 'void rnn_corpus_destroy(rnn_corpus *corpus)',
  rnn_corpus_size: 'int64_t rnn_corpus_size(const rnn_corpus *corpus)',
  rnn_corpus_chunks: 'int64_t rnn_corpus_chunks(const rnn_corpus *corpus)',
  rnn_corpus_next: 'rnn_status rnn_corpus_next(rnn_corpus *corpus, _Inout_ rnn_chunk *chunk, _Out_ int32_t *restarted)',
  rnn_corpus_position: 'int64_t rnn_corpus_position(const rnn_corpus *corpus)',
  rnn_corpus_seek: 'rnn_status rnn_corpus_seek(rnn_corpus *corpus, int64_t position)',
  rnn_corpus_rewind: 'rnn_status rnn_corpus_rewind(rnn_corpus *corpus)',
  rnn_sequences_init: 'rnn_status rnn_sequences_init(_Inout_ rnn_sequences *sequences, size_t struct_size)',
  rnn_batcher_options_init:
    'rnn_status rnn_batcher_options_init(_Inout_ rnn_batcher_options *options, size_t struct_size)',
  rnn_batcher_create:
    'rnn_status rnn_batcher_create(const rnn_sequences *sequences, const rnn_batcher_options *options, ' +
    '_Out_ rnn_batcher **batcher)',
  rnn_batcher_destroy: 'void rnn_batcher_destroy(rnn_batcher *batcher)',
  rnn_batcher_size: 'int64_t rnn_batcher_size(const rnn_batcher *batcher)',
  rnn_batcher_positions: 'int64_t rnn_batcher_positions(const rnn_batcher *batcher)',
  rnn_batcher_steps: 'int64_t rnn_batcher_steps(const rnn_batcher *batcher)',
  rnn_batcher_chunks: 'int64_t rnn_batcher_chunks(const rnn_batcher *batcher)',
  rnn_batcher_next: 'rnn_status rnn_batcher_next(rnn_batcher *batcher, _Inout_ rnn_chunk *chunk, _Out_ int32_t *last)',
  rnn_batcher_get_places:
    'rnn_status rnn_batcher_get_places(const rnn_batcher *batcher, _Out_ int64_t *sequences, ' +
    '_Out_ int64_t *elements, int64_t count)',
  rnn_batcher_position: 'int64_t rnn_batcher_position(const rnn_batcher *batcher)',
  rnn_batcher_seek: 'rnn_status rnn_batcher_seek(rnn_batcher *batcher, int64_t position)',
  rnn_batcher_rewind: 'rnn_status rnn_batcher_rewind(rnn_batcher *batcher)',
  rnn_model_save: 'rnn_status rnn_model_save(const rnn_model *model, const rnn_vocab *vocab, const char *path)',
  rnn_model_save_to_memory:
    'rnn_status rnn_model_save_to_memory(const rnn_model *model, const rnn_vocab *vocab, void *bytes, ' +
    'size_t capacity, _Out_ size_t *size)',
  rnn_save_options_init: 'rnn_status rnn_save_options_init(_Inout_ rnn_save_options *options, size_t struct_size)',
  rnn_model_save_with:
    'rnn_status rnn_model_save_with(const rnn_model *model, const rnn_vocab *vocab, ' +
    'const rnn_save_options *options, const char *path)',
  rnn_model_save_to_memory_with:
    'rnn_status rnn_model_save_to_memory_with(const rnn_model *model, const rnn_vocab *vocab, ' +
    'const rnn_save_options *options, void *bytes, size_t capacity, _Out_ size_t *size)',
  rnn_load_options_init: 'rnn_status rnn_load_options_init(_Inout_ rnn_load_options *options, size_t struct_size)',
  rnn_model_load:
    'rnn_status rnn_model_load(const char *path, const rnn_load_options *options, _Out_ rnn_model **model, ' +
    '_Out_ rnn_vocab **vocab)',
  rnn_model_load_from_memory:
    'rnn_status rnn_model_load_from_memory(const void *bytes, size_t size, const rnn_load_options *options, ' +
    '_Out_ rnn_model **model, _Out_ rnn_vocab **vocab)',
  rnn_checkpoint_init: 'rnn_status rnn_checkpoint_init(_Inout_ rnn_checkpoint *checkpoint, size_t struct_size)',
  rnn_checkpoint_save: 'rnn_status rnn_checkpoint_save(const rnn_checkpoint *checkpoint, const char *path)',
  rnn_checkpoint_save_to_memory:
    'rnn_status rnn_checkpoint_save_to_memory(const rnn_checkpoint *checkpoint, void *bytes, size_t capacity, ' +
    '_Out_ size_t *size)',
  rnn_checkpoint_load: 'rnn_status rnn_checkpoint_load(const char *path, _Inout_ rnn_checkpoint *checkpoint)',
  rnn_checkpoint_load_from_memory:
    'rnn_status rnn_checkpoint_load_from_memory(const void *bytes, size_t size, ' +
    '_Inout_ rnn_checkpoint *checkpoint)',
  rnn_set_threads: 'rnn_status rnn_set_threads(int32_t threads)',
  rnn_threads: 'int32_t rnn_threads(void)',
  rnn_set_allocator: 'rnn_status rnn_set_allocator(const rnn_allocator *allocator)',
  rnn_model_flat_parameters:
    'rnn_status rnn_model_flat_parameters(const rnn_model *model, _Out_ const void **values, _Out_ int64_t *count)',
  rnn_model_flat_gradients:
    'rnn_status rnn_model_flat_gradients(rnn_model *model, _Out_ void **gradients, _Out_ int64_t *count)',
  rnn_state_random_index: 'uint64_t rnn_state_random_index(const rnn_state *state)',
  rnn_state_set_random_index: 'rnn_status rnn_state_set_random_index(rnn_state *state, uint64_t index)',
  rnn_state_observe: 'rnn_status rnn_state_observe(rnn_state *state, int32_t what)',
  rnn_state_get_activations:
    'rnn_status rnn_state_get_activations(const rnn_state *state, int64_t layer, void *values, int64_t count)',
  rnn_state_get_gradient_norms:
    'rnn_status rnn_state_get_gradient_norms(const rnn_state *state, int64_t layer, _Out_ double *norms, ' +
    'int64_t count)',
};
