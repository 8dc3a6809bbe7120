//! The declarations of rnn.h for Rust.
//! Written by examples/ffi/generate.py from include/rnn/rnn.h. Don't edit it.

#![allow(non_camel_case_types, dead_code)]

use std::os::raw::{c_char, c_void};

pub type rnn_status = i32;

pub const RNN_OK: i32 = 0;

pub const RNN_ERROR_ARGUMENT: i32 = 1;
pub const RNN_ERROR_MEMORY: i32 = 2;
pub const RNN_ERROR_IO: i32 = 3;
pub const RNN_ERROR_SYMBOL: i32 = 4;
pub const RNN_ERROR_MISMATCH: i32 = 5;
pub const RNN_ERROR_NONFINITE: i32 = 6;
pub const RNN_ERROR_FORMAT: i32 = 7;

pub const RNN_CELL_TANH: i32 = 0;
pub const RNN_CELL_GRU: i32 = 1;
pub const RNN_CELL_LSTM: i32 = 2;

pub const RNN_INPUT_IDS: i32 = 0;
pub const RNN_INPUT_EMBEDDING: i32 = 1;
pub const RNN_INPUT_VECTORS: i32 = 2;

pub const RNN_LOSS_CROSS_ENTROPY: i32 = 0;
pub const RNN_LOSS_SQUARED_ERROR: i32 = 1;

pub const RNN_BIAS_INPUT: i32 = 0;
pub const RNN_BIAS_BOTH: i32 = 1;

pub const RNN_INIT_NORMAL: i32 = 0;
pub const RNN_INIT_UNIFORM: i32 = 1;

pub const RNN_FLOAT32: i32 = 0;

pub const RNN_FLOAT64: i32 = 1;

pub const RNN_REDUCTION_SUM: i32 = 0;
pub const RNN_REDUCTION_MEAN: i32 = 1;

pub const RNN_IGNORE: i32 = -1;

pub const RNN_STATE_HIDDEN: i32 = 0;
pub const RNN_STATE_MEMORY: i32 = 1;

pub const RNN_OPTIMIZER_ADAGRAD: i32 = 0;
pub const RNN_OPTIMIZER_SGD: i32 = 1;
pub const RNN_OPTIMIZER_RMSPROP: i32 = 2;
pub const RNN_OPTIMIZER_ADAM: i32 = 3;
pub const RNN_OPTIMIZER_ADAMW: i32 = 4;

pub const RNN_VOCAB_BYTES: i32 = 0;
pub const RNN_VOCAB_UTF8: i32 = 1;
pub const RNN_VOCAB_WORDS: i32 = 2;

pub const RNN_BATCH_PADDED: i32 = 0;
pub const RNN_BATCH_PACKED: i32 = 1;

pub const RNN_TARGETS_EACH: i32 = 0;
pub const RNN_TARGETS_LAST: i32 = 1;
pub const RNN_TARGETS_NEXT: i32 = 2;

pub const RNN_PRECISION_STORED: i32 = -1;

pub const RNN_CHECKPOINT_NUMBERS: i32 = 8;

pub const RNN_OBSERVE_ACTIVATIONS: i32 = 1;
pub const RNN_OBSERVE_GRADIENT_NORMS: i32 = 2;

#[repr(C)]
pub struct rnn_model {
    _private: [u8; 0],
}

#[repr(C)]
pub struct rnn_state {
    _private: [u8; 0],
}

#[repr(C)]
pub struct rnn_optimizer {
    _private: [u8; 0],
}

#[repr(C)]
pub struct rnn_sampler {
    _private: [u8; 0],
}

#[repr(C)]
pub struct rnn_vocab {
    _private: [u8; 0],
}

#[repr(C)]
pub struct rnn_corpus {
    _private: [u8; 0],
}

#[repr(C)]
pub struct rnn_source {
    _private: [u8; 0],
}

#[repr(C)]
pub struct rnn_batcher {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_model_options {
    pub struct_size: usize,
    pub input_size: i64,
    pub hidden_size: i64,
    pub output_size: i64,
    pub layers: i64,
    pub cell: i32,
    pub precision: i32,
    pub reduction: i32,
    pub input: i32,
    pub loss: i32,
    pub bias: i32,
    pub initialization: i32,
    pub orthogonal: i32,
    pub tied: i32,
    pub dropout_per_chunk: i32,
    pub embedding_size: i64,
    pub weight_scale: f64,
    pub forget_bias: f64,
    pub dropout: f64,
    pub seed: u64,
    pub dropout_input: f64,
    pub dropout_output: f64,
    pub dropout_recurrent: f64,
    pub bidirectional: i32,
    pub learned_state: i32,
    pub layer_norm: i32,
    pub reserved: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_parameter {
    pub struct_size: usize,
    pub name: *const c_char,
    pub shape: [i64; 2],
    pub strides: [i64; 2],
    pub count: i64,
    pub rank: i32,
    pub precision: i32,
    pub values: *const c_void,
    pub gradient: *const c_void,
    pub frozen: i32,
    pub reserved: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_chunk {
    pub struct_size: usize,
    pub steps: i64,
    pub streams: i64,
    pub inputs: *const i32,
    pub targets: *const i32,
    pub input_vectors: *const c_void,
    pub target_vectors: *const c_void,
    pub target_mask: *const u8,
    pub lengths: *const i64,
    pub starts: *const u8,
    pub losses: *mut f64,
    pub hits: *mut i64,
    pub last_only: i32,
    pub reserved: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_loss {
    pub sum: f64,
    pub count: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_chunk_gradients {
    pub struct_size: usize,
    pub outputs: *const c_void,
    pub final_state: *const c_void,
    pub input_vectors: *mut c_void,
    pub initial_state: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_optimizer_options {
    pub struct_size: usize,
    pub rule: i32,
    pub nesterov: i32,
    pub learning_rate: f64,
    pub epsilon: f64,
    pub weight_decay: f64,
    pub momentum: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub clip_value: f64,
    pub clip_norm: f64,
    pub spare_biases: i32,
    pub reserved: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_sampler_options {
    pub struct_size: usize,
    pub temperature: f64,
    pub seed: u64,
    pub top_k: i64,
    pub top_p: f64,
    pub min_p: f64,
    pub repetition_penalty: f64,
    pub repetition_window: i64,
    pub excluded: *const i32,
    pub excluded_count: i64,
    pub vocab: *const rnn_vocab,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_generate_options {
    pub struct_size: usize,
    pub prompt: *const i32,
    pub prompt_steps: i64,
    pub prompt_lengths: *const i64,
    pub most: i64,
    pub stop: i32,
    pub reserved: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_beam_options {
    pub struct_size: usize,
    pub prompt: *const i32,
    pub prompt_steps: i64,
    pub most: i64,
    pub beams: i64,
    pub results: i64,
    pub length_penalty: f64,
    pub excluded: *const i32,
    pub excluded_count: i64,
    pub stop: i32,
    pub reserved: i32,
    pub vocab: *const rnn_vocab,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_sequences {
    pub struct_size: usize,
    pub count: i64,
    pub lengths: *const i64,
    pub inputs: *const i32,
    pub input_vectors: *const c_void,
    pub targets: *const i32,
    pub target_vectors: *const c_void,
    pub target_mask: *const u8,
    pub input_size: i64,
    pub output_size: i64,
    pub precision: i32,
    pub reserved: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_batcher_options {
    pub struct_size: usize,
    pub streams: i64,
    pub steps: i64,
    pub layout: i32,
    pub target_kind: i32,
    pub shuffle: i32,
    pub reserved: i32,
    pub bucket: i64,
    pub seed: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_save_options {
    pub struct_size: usize,
    pub rnn_name: *const c_char,
    pub decoder_name: *const c_char,
    pub embedding_name: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_load_options {
    pub struct_size: usize,
    pub precision: i32,
    pub ignore_others: i32,
    pub configuration: *const rnn_model_options,
    pub rnn_name: *const c_char,
    pub decoder_name: *const c_char,
    pub embedding_name: *const c_char,
    pub infer: i32,
    pub reserved: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_checkpoint {
    pub struct_size: usize,
    pub model: *mut rnn_model,
    pub optimizer: *mut rnn_optimizer,
    pub state: *mut rnn_state,
    pub sampler: *mut rnn_sampler,
    pub vocab: *mut rnn_vocab,
    pub corpus_position: i64,
    pub counters: [i64; 8],
    pub values: [f64; 8],
    pub average: *mut rnn_model,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct rnn_allocator {
    pub allocate: Option<unsafe extern "C" fn(context: *mut c_void, alignment: usize, size: usize) -> *mut c_void>,
    pub release: Option<unsafe extern "C" fn(context: *mut c_void, pointer: *mut c_void, size: usize)>,
    pub context: *mut c_void,
}

extern "C" {
    pub fn rnn_version() -> *const c_char;
    pub fn rnn_version_number() -> i32;
    pub fn rnn_last_error() -> *const c_char;
    pub fn rnn_status_name(status: rnn_status) -> *const c_char;
    pub fn rnn_enumerator_count() -> i64;
    pub fn rnn_enumerator(index: i64, name: *mut *const c_char, value: *mut i32) -> rnn_status;
    pub fn rnn_model_options_init(
        options: *mut rnn_model_options,
        struct_size: usize,
    ) -> rnn_status;
    pub fn rnn_model_create(
        options: *const rnn_model_options,
        model: *mut *mut rnn_model,
    ) -> rnn_status;
    pub fn rnn_model_copy(model: *const rnn_model, copy: *mut *mut rnn_model) -> rnn_status;
    pub fn rnn_model_average(
        average: *mut rnn_model,
        model: *const rnn_model,
        weight: f64,
    ) -> rnn_status;
    pub fn rnn_model_destroy(model: *mut rnn_model);
    pub fn rnn_model_get_options(
        model: *const rnn_model,
        options: *mut rnn_model_options,
    ) -> rnn_status;
    pub fn rnn_parameter_init(parameter: *mut rnn_parameter, struct_size: usize) -> rnn_status;
    pub fn rnn_model_parameter_count(model: *const rnn_model) -> i64;
    pub fn rnn_model_describe_parameter(
        model: *const rnn_model,
        index: i64,
        parameter: *mut rnn_parameter,
    ) -> rnn_status;
    pub fn rnn_model_find_parameter(
        model: *const rnn_model,
        name: *const c_char,
        index: *mut i64,
    ) -> rnn_status;
    pub fn rnn_model_freeze(model: *mut rnn_model, index: i64, frozen: i32) -> rnn_status;
    pub fn rnn_model_get_parameter(
        model: *const rnn_model,
        index: i64,
        values: *mut c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_model_set_parameter(
        model: *mut rnn_model,
        index: i64,
        values: *const c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_model_get_gradient(
        model: *const rnn_model,
        index: i64,
        values: *mut c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_model_set_gradient(
        model: *mut rnn_model,
        index: i64,
        values: *const c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_model_check_finite(model: *const rnn_model) -> rnn_status;
    pub fn rnn_model_zero_gradients(model: *mut rnn_model) -> rnn_status;
    pub fn rnn_model_clip_value(model: *mut rnn_model, limit: f64) -> rnn_status;
    pub fn rnn_model_clip_norm(model: *mut rnn_model, limit: f64, norm: *mut f64) -> rnn_status;
    pub fn rnn_model_set_note(
        model: *mut rnn_model,
        key: *const c_char,
        value: *const c_char,
    ) -> rnn_status;
    pub fn rnn_model_note(model: *const rnn_model, key: *const c_char) -> *const c_char;
    pub fn rnn_model_note_count(model: *const rnn_model) -> i64;
    pub fn rnn_model_note_at(
        model: *const rnn_model,
        index: i64,
        key: *mut *const c_char,
        value: *mut *const c_char,
    ) -> rnn_status;
    pub fn rnn_chunk_init(chunk: *mut rnn_chunk, struct_size: usize) -> rnn_status;
    pub fn rnn_state_create(
        model: *const rnn_model,
        streams: i64,
        state: *mut *mut rnn_state,
    ) -> rnn_status;
    pub fn rnn_state_destroy(state: *mut rnn_state);
    pub fn rnn_state_streams(state: *const rnn_state) -> i64;
    pub fn rnn_state_reset(state: *mut rnn_state) -> rnn_status;
    pub fn rnn_state_reset_stream(state: *mut rnn_state, stream: i64) -> rnn_status;
    pub fn rnn_state_copy(destination: *mut rnn_state, source: *const rnn_state) -> rnn_status;
    pub fn rnn_state_copy_stream(
        destination: *mut rnn_state,
        destination_stream: i64,
        source: *const rnn_state,
        source_stream: i64,
    ) -> rnn_status;
    pub fn rnn_state_get(
        state: *const rnn_state,
        layer: i64,
        what: i32,
        values: *mut c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_state_set(
        state: *mut rnn_state,
        layer: i64,
        what: i32,
        values: *const c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_state_get_all(
        state: *const rnn_state,
        values: *mut c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_state_set_all(
        state: *mut rnn_state,
        values: *const c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_forward(
        model: *const rnn_model,
        state: *mut rnn_state,
        chunk: *const rnn_chunk,
        outputs: *mut c_void,
        outputs_count: i64,
        loss: *mut rnn_loss,
    ) -> rnn_status;
    pub fn rnn_forward_backward(
        model: *mut rnn_model,
        state: *mut rnn_state,
        chunk: *const rnn_chunk,
        loss: *mut rnn_loss,
    ) -> rnn_status;
    pub fn rnn_evaluate(
        model: *const rnn_model,
        corpus: *const rnn_corpus,
        streams: i64,
        loss: *mut rnn_loss,
        hits: *mut i64,
    ) -> rnn_status;
    pub fn rnn_forward_training(
        model: *mut rnn_model,
        state: *mut rnn_state,
        chunk: *const rnn_chunk,
        outputs: *mut c_void,
        outputs_count: i64,
    ) -> rnn_status;
    pub fn rnn_loss_gradient(
        model: *const rnn_model,
        chunk: *const rnn_chunk,
        outputs: *const c_void,
        outputs_count: i64,
        gradient: *mut c_void,
        loss: *mut rnn_loss,
    ) -> rnn_status;
    pub fn rnn_softmax(
        precision: i32,
        logits: *const c_void,
        rows: i64,
        symbols: i64,
        probabilities: *mut c_void,
    ) -> rnn_status;
    pub fn rnn_chunk_gradients_init(
        gradients: *mut rnn_chunk_gradients,
        struct_size: usize,
    ) -> rnn_status;
    pub fn rnn_backward(
        model: *mut rnn_model,
        state: *mut rnn_state,
        gradients: *const rnn_chunk_gradients,
    ) -> rnn_status;
    pub fn rnn_optimizer_options_init(
        options: *mut rnn_optimizer_options,
        struct_size: usize,
        rule: i32,
    ) -> rnn_status;
    pub fn rnn_optimizer_create(
        model: *const rnn_model,
        options: *const rnn_optimizer_options,
        optimizer: *mut *mut rnn_optimizer,
    ) -> rnn_status;
    pub fn rnn_optimizer_destroy(optimizer: *mut rnn_optimizer);
    pub fn rnn_optimizer_step(optimizer: *mut rnn_optimizer, model: *mut rnn_model) -> rnn_status;
    pub fn rnn_optimizer_get_options(
        optimizer: *const rnn_optimizer,
        options: *mut rnn_optimizer_options,
    ) -> rnn_status;
    pub fn rnn_optimizer_set_options(
        optimizer: *mut rnn_optimizer,
        options: *const rnn_optimizer_options,
    ) -> rnn_status;
    pub fn rnn_optimizer_learning_rate(optimizer: *const rnn_optimizer) -> f64;
    pub fn rnn_optimizer_set_learning_rate(
        optimizer: *mut rnn_optimizer,
        learning_rate: f64,
    ) -> rnn_status;
    pub fn rnn_schedule_warmup(step: i64, steps: i64) -> f64;
    pub fn rnn_schedule_cosine(step: i64, steps: i64, least: f64) -> f64;
    pub fn rnn_schedule_step_decay(step: i64, every: i64, factor: f64) -> f64;
    pub fn rnn_schedule_one_cycle(step: i64, steps: i64, rise: i64, first: f64, last: f64) -> f64;
    pub fn rnn_sampler_options_init(
        options: *mut rnn_sampler_options,
        struct_size: usize,
    ) -> rnn_status;
    pub fn rnn_sampler_create(
        options: *const rnn_sampler_options,
        sampler: *mut *mut rnn_sampler,
    ) -> rnn_status;
    pub fn rnn_sampler_get_options(
        sampler: *const rnn_sampler,
        options: *mut rnn_sampler_options,
    ) -> rnn_status;
    pub fn rnn_sampler_set_options(
        sampler: *mut rnn_sampler,
        options: *const rnn_sampler_options,
    ) -> rnn_status;
    pub fn rnn_sampler_draw(
        sampler: *mut rnn_sampler,
        precision: i32,
        logits: *const c_void,
        streams: i64,
        symbols: i64,
        ids: *mut i32,
        log_probabilities: *mut f64,
    ) -> rnn_status;
    pub fn rnn_sampler_destroy(sampler: *mut rnn_sampler);
    pub fn rnn_sample(
        model: *const rnn_model,
        state: *mut rnn_state,
        sampler: *mut rnn_sampler,
        first: *const i32,
        n: i64,
        ids: *mut i32,
    ) -> rnn_status;
    pub fn rnn_generate_options_init(
        options: *mut rnn_generate_options,
        struct_size: usize,
    ) -> rnn_status;
    pub fn rnn_generate(
        model: *const rnn_model,
        state: *mut rnn_state,
        sampler: *mut rnn_sampler,
        options: *const rnn_generate_options,
        ids: *mut i32,
        counts: *mut i64,
        log_probabilities: *mut f64,
    ) -> rnn_status;
    pub fn rnn_beam_options_init(options: *mut rnn_beam_options, struct_size: usize) -> rnn_status;
    pub fn rnn_beam_search(
        model: *const rnn_model,
        state: *const rnn_state,
        options: *const rnn_beam_options,
        ids: *mut i32,
        counts: *mut i64,
        log_probabilities: *mut f64,
        scores: *mut f64,
    ) -> rnn_status;
    pub fn rnn_source_open(
        paths: *const *const c_char,
        count: i64,
        source: *mut *mut rnn_source,
    ) -> rnn_status;
    pub fn rnn_set_interrupt(
        interrupted: Option<unsafe extern "C" fn(context: *mut c_void) -> i32>,
        context: *mut c_void,
    );
    pub fn rnn_source_destroy(source: *mut rnn_source);
    pub fn rnn_source_size(source: *const rnn_source) -> i64;
    pub fn rnn_vocab_create_from_text(
        kind: i32,
        text: *const c_void,
        size: usize,
        vocab: *mut *mut rnn_vocab,
    ) -> rnn_status;
    pub fn rnn_vocab_create_from_file(
        kind: i32,
        path: *const c_char,
        vocab: *mut *mut rnn_vocab,
    ) -> rnn_status;
    pub fn rnn_vocab_create_from_source(
        kind: i32,
        source: *const rnn_source,
        vocab: *mut *mut rnn_vocab,
    ) -> rnn_status;
    pub fn rnn_vocab_create_from_list(
        kind: i32,
        symbols: *const c_void,
        size: usize,
        vocab: *mut *mut rnn_vocab,
    ) -> rnn_status;
    pub fn rnn_vocab_create_with_unknown(
        known: *const rnn_vocab,
        shown: *const c_void,
        size: usize,
        vocab: *mut *mut rnn_vocab,
    ) -> rnn_status;
    pub fn rnn_vocab_create_frequent(
        known: *const rnn_vocab,
        most: i64,
        least: i64,
        vocab: *mut *mut rnn_vocab,
    ) -> rnn_status;
    pub fn rnn_vocab_destroy(vocab: *mut rnn_vocab);
    pub fn rnn_vocab_size(vocab: *const rnn_vocab) -> i64;
    pub fn rnn_vocab_kind(vocab: *const rnn_vocab) -> i32;
    pub fn rnn_vocab_unknown(vocab: *const rnn_vocab) -> i32;
    pub fn rnn_vocab_encode(
        vocab: *const rnn_vocab,
        text: *const c_void,
        size: usize,
        ids: *mut i32,
        capacity: i64,
        count: *mut i64,
    ) -> rnn_status;
    pub fn rnn_vocab_decode(
        vocab: *const rnn_vocab,
        ids: *const i32,
        count: i64,
        text: *mut c_char,
        capacity: usize,
        size: *mut usize,
    ) -> rnn_status;
    pub fn rnn_vocab_symbol(
        vocab: *const rnn_vocab,
        id: i32,
        symbol: *mut *const c_char,
        size: *mut usize,
    ) -> rnn_status;
    pub fn rnn_corpus_create_from_text(
        vocab: *const rnn_vocab,
        text: *const c_void,
        size: usize,
        steps: i64,
        streams: i64,
        corpus: *mut *mut rnn_corpus,
    ) -> rnn_status;
    pub fn rnn_corpus_create_from_file(
        vocab: *const rnn_vocab,
        path: *const c_char,
        steps: i64,
        streams: i64,
        corpus: *mut *mut rnn_corpus,
    ) -> rnn_status;
    pub fn rnn_corpus_create_from_source(
        vocab: *const rnn_vocab,
        source: *const rnn_source,
        steps: i64,
        streams: i64,
        corpus: *mut *mut rnn_corpus,
    ) -> rnn_status;
    pub fn rnn_corpus_create_from_ids(
        ids: *const i32,
        count: i64,
        symbols: i64,
        steps: i64,
        streams: i64,
        corpus: *mut *mut rnn_corpus,
    ) -> rnn_status;
    pub fn rnn_corpus_create_from_id_file(
        path: *const c_char,
        id_size: i32,
        symbols: i64,
        steps: i64,
        streams: i64,
        corpus: *mut *mut rnn_corpus,
    ) -> rnn_status;
    pub fn rnn_corpus_split(
        corpus: *mut rnn_corpus,
        share: f64,
        validation: *mut *mut rnn_corpus,
    ) -> rnn_status;
    pub fn rnn_corpus_set_drop_last(corpus: *mut rnn_corpus, drop_last: i32) -> rnn_status;
    pub fn rnn_corpus_destroy(corpus: *mut rnn_corpus);
    pub fn rnn_corpus_size(corpus: *const rnn_corpus) -> i64;
    pub fn rnn_corpus_chunks(corpus: *const rnn_corpus) -> i64;
    pub fn rnn_corpus_next(
        corpus: *mut rnn_corpus,
        chunk: *mut rnn_chunk,
        restarted: *mut i32,
    ) -> rnn_status;
    pub fn rnn_corpus_position(corpus: *const rnn_corpus) -> i64;
    pub fn rnn_corpus_seek(corpus: *mut rnn_corpus, position: i64) -> rnn_status;
    pub fn rnn_corpus_rewind(corpus: *mut rnn_corpus) -> rnn_status;
    pub fn rnn_sequences_init(sequences: *mut rnn_sequences, struct_size: usize) -> rnn_status;
    pub fn rnn_batcher_options_init(
        options: *mut rnn_batcher_options,
        struct_size: usize,
    ) -> rnn_status;
    pub fn rnn_batcher_create(
        sequences: *const rnn_sequences,
        options: *const rnn_batcher_options,
        batcher: *mut *mut rnn_batcher,
    ) -> rnn_status;
    pub fn rnn_batcher_destroy(batcher: *mut rnn_batcher);
    pub fn rnn_batcher_size(batcher: *const rnn_batcher) -> i64;
    pub fn rnn_batcher_positions(batcher: *const rnn_batcher) -> i64;
    pub fn rnn_batcher_steps(batcher: *const rnn_batcher) -> i64;
    pub fn rnn_batcher_chunks(batcher: *const rnn_batcher) -> i64;
    pub fn rnn_batcher_next(
        batcher: *mut rnn_batcher,
        chunk: *mut rnn_chunk,
        last: *mut i32,
    ) -> rnn_status;
    pub fn rnn_batcher_get_places(
        batcher: *const rnn_batcher,
        sequences: *mut i64,
        elements: *mut i64,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_batcher_position(batcher: *const rnn_batcher) -> i64;
    pub fn rnn_batcher_seek(batcher: *mut rnn_batcher, position: i64) -> rnn_status;
    pub fn rnn_batcher_rewind(batcher: *mut rnn_batcher) -> rnn_status;
    pub fn rnn_model_save(
        model: *const rnn_model,
        vocab: *const rnn_vocab,
        path: *const c_char,
    ) -> rnn_status;
    pub fn rnn_model_save_to_memory(
        model: *const rnn_model,
        vocab: *const rnn_vocab,
        bytes: *mut c_void,
        capacity: usize,
        size: *mut usize,
    ) -> rnn_status;
    pub fn rnn_save_options_init(options: *mut rnn_save_options, struct_size: usize) -> rnn_status;
    pub fn rnn_model_save_with(
        model: *const rnn_model,
        vocab: *const rnn_vocab,
        options: *const rnn_save_options,
        path: *const c_char,
    ) -> rnn_status;
    pub fn rnn_model_save_to_memory_with(
        model: *const rnn_model,
        vocab: *const rnn_vocab,
        options: *const rnn_save_options,
        bytes: *mut c_void,
        capacity: usize,
        size: *mut usize,
    ) -> rnn_status;
    pub fn rnn_load_options_init(options: *mut rnn_load_options, struct_size: usize) -> rnn_status;
    pub fn rnn_model_load(
        path: *const c_char,
        options: *const rnn_load_options,
        model: *mut *mut rnn_model,
        vocab: *mut *mut rnn_vocab,
    ) -> rnn_status;
    pub fn rnn_model_load_from_memory(
        bytes: *const c_void,
        size: usize,
        options: *const rnn_load_options,
        model: *mut *mut rnn_model,
        vocab: *mut *mut rnn_vocab,
    ) -> rnn_status;
    pub fn rnn_checkpoint_init(checkpoint: *mut rnn_checkpoint, struct_size: usize) -> rnn_status;
    pub fn rnn_checkpoint_save(
        checkpoint: *const rnn_checkpoint,
        path: *const c_char,
    ) -> rnn_status;
    pub fn rnn_checkpoint_save_to_memory(
        checkpoint: *const rnn_checkpoint,
        bytes: *mut c_void,
        capacity: usize,
        size: *mut usize,
    ) -> rnn_status;
    pub fn rnn_checkpoint_load(path: *const c_char, checkpoint: *mut rnn_checkpoint) -> rnn_status;
    pub fn rnn_checkpoint_load_from_memory(
        bytes: *const c_void,
        size: usize,
        checkpoint: *mut rnn_checkpoint,
    ) -> rnn_status;
    pub fn rnn_set_threads(threads: i32) -> rnn_status;
    pub fn rnn_threads() -> i32;
    pub fn rnn_set_allocator(allocator: *const rnn_allocator) -> rnn_status;
    pub fn rnn_model_flat_parameters(
        model: *const rnn_model,
        values: *mut *const c_void,
        count: *mut i64,
    ) -> rnn_status;
    pub fn rnn_model_flat_gradients(
        model: *mut rnn_model,
        gradients: *mut *mut c_void,
        count: *mut i64,
    ) -> rnn_status;
    pub fn rnn_state_random_index(state: *const rnn_state) -> u64;
    pub fn rnn_state_set_random_index(state: *mut rnn_state, index: u64) -> rnn_status;
    pub fn rnn_state_observe(state: *mut rnn_state, what: i32) -> rnn_status;
    pub fn rnn_state_get_activations(
        state: *const rnn_state,
        layer: i64,
        values: *mut c_void,
        count: i64,
    ) -> rnn_status;
    pub fn rnn_state_get_gradient_norms(
        state: *const rnn_state,
        layer: i64,
        norms: *mut f64,
        count: i64,
    ) -> rnn_status;
}
