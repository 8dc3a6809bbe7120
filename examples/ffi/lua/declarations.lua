-- The declarations of rnn.h for LuaJIT. Written by examples/ffi/generate.py from include/rnn/rnn.h. Don't edit it.

require("ffi").cdef [[
typedef int32_t rnn_status;
enum { RNN_OK = 0 };
enum { RNN_ERROR_ARGUMENT = 1, RNN_ERROR_MEMORY = 2, RNN_ERROR_IO = 3, RNN_ERROR_SYMBOL = 4,
    RNN_ERROR_MISMATCH = 5, RNN_ERROR_NONFINITE = 6, RNN_ERROR_FORMAT = 7 };
enum { RNN_CELL_TANH = 0, RNN_CELL_GRU = 1, RNN_CELL_LSTM = 2 };
enum { RNN_INPUT_IDS = 0, RNN_INPUT_EMBEDDING = 1, RNN_INPUT_VECTORS = 2 };
enum { RNN_LOSS_CROSS_ENTROPY = 0, RNN_LOSS_SQUARED_ERROR = 1 };
enum { RNN_BIAS_INPUT = 0, RNN_BIAS_BOTH = 1 };
enum { RNN_INIT_NORMAL = 0, RNN_INIT_UNIFORM = 1 };
enum { RNN_FLOAT32 = 0 };
enum { RNN_FLOAT64 = 1 };
enum { RNN_REDUCTION_SUM = 0, RNN_REDUCTION_MEAN = 1 };
enum { RNN_IGNORE = -1 };
enum { RNN_STATE_HIDDEN = 0, RNN_STATE_MEMORY = 1 };
enum { RNN_OPTIMIZER_ADAGRAD = 0, RNN_OPTIMIZER_SGD = 1, RNN_OPTIMIZER_RMSPROP = 2, RNN_OPTIMIZER_ADAM = 3,
    RNN_OPTIMIZER_ADAMW = 4 };
enum { RNN_VOCAB_BYTES = 0, RNN_VOCAB_UTF8 = 1, RNN_VOCAB_WORDS = 2 };
enum { RNN_BATCH_PADDED = 0, RNN_BATCH_PACKED = 1 };
enum { RNN_TARGETS_EACH = 0, RNN_TARGETS_LAST = 1, RNN_TARGETS_NEXT = 2 };
enum { RNN_PRECISION_STORED = -1 };
enum { RNN_CHECKPOINT_NUMBERS = 8 };
enum { RNN_OBSERVE_ACTIVATIONS = 1, RNN_OBSERVE_GRADIENT_NORMS = 2 };
typedef struct rnn_model rnn_model;
typedef struct rnn_state rnn_state;
typedef struct rnn_optimizer rnn_optimizer;
typedef struct rnn_sampler rnn_sampler;
typedef struct rnn_vocab rnn_vocab;
typedef struct rnn_corpus rnn_corpus;
typedef struct rnn_source rnn_source;
typedef struct rnn_batcher rnn_batcher;
typedef struct rnn_model_options {
    size_t struct_size;
    int64_t input_size;
    int64_t hidden_size;
    int64_t output_size;
    int64_t layers;
    int32_t cell;
    int32_t precision;
    int32_t reduction;
    int32_t input;
    int32_t loss;
    int32_t bias;
    int32_t initialization;
    int32_t orthogonal;
    int32_t tied;
    int32_t dropout_per_chunk;
    int64_t embedding_size;
    double weight_scale;
    double forget_bias;
    double dropout;
    uint64_t seed;
    double dropout_input;
    double dropout_output;
    double dropout_recurrent;
    int32_t bidirectional;
    int32_t learned_state;
    int32_t layer_norm;
    int32_t reserved;
} rnn_model_options;
typedef struct rnn_parameter {
    size_t struct_size;
    const char *name;
    int64_t shape[2];
    int64_t strides[2];
    int64_t count;
    int32_t rank;
    int32_t precision;
    const void *values;
    const void *gradient;
    int32_t frozen;
    int32_t reserved;
} rnn_parameter;
typedef struct rnn_chunk {
    size_t struct_size;
    int64_t steps;
    int64_t streams;
    const int32_t *inputs;
    const int32_t *targets;
    const void *input_vectors;
    const void *target_vectors;
    const uint8_t *target_mask;
    const int64_t *lengths;
    const uint8_t *starts;
    double *losses;
    int64_t *hits;
    int32_t last_only;
    int32_t reserved;
} rnn_chunk;
typedef struct rnn_loss {
    double sum;
    int64_t count;
} rnn_loss;
typedef struct rnn_chunk_gradients {
    size_t struct_size;
    const void *outputs;
    const void *final_state;
    void *input_vectors;
    void *initial_state;
} rnn_chunk_gradients;
typedef struct rnn_optimizer_options {
    size_t struct_size;
    int32_t rule;
    int32_t nesterov;
    double learning_rate;
    double epsilon;
    double weight_decay;
    double momentum;
    double beta1;
    double beta2;
    double clip_value;
    double clip_norm;
    int32_t spare_biases;
    int32_t reserved;
} rnn_optimizer_options;
typedef struct rnn_sampler_options {
    size_t struct_size;
    double temperature;
    uint64_t seed;
    int64_t top_k;
    double top_p;
    double min_p;
    double repetition_penalty;
    int64_t repetition_window;
    const int32_t *excluded;
    int64_t excluded_count;
    const rnn_vocab *vocab;
} rnn_sampler_options;
typedef struct rnn_generate_options {
    size_t struct_size;
    const int32_t *prompt;
    int64_t prompt_steps;
    const int64_t *prompt_lengths;
    int64_t most;
    int32_t stop;
    int32_t reserved;
} rnn_generate_options;
typedef struct rnn_beam_options {
    size_t struct_size;
    const int32_t *prompt;
    int64_t prompt_steps;
    int64_t most;
    int64_t beams;
    int64_t results;
    double length_penalty;
    const int32_t *excluded;
    int64_t excluded_count;
    int32_t stop;
    int32_t reserved;
    const rnn_vocab *vocab;
} rnn_beam_options;
typedef struct rnn_sequences {
    size_t struct_size;
    int64_t count;
    const int64_t *lengths;
    const int32_t *inputs;
    const void *input_vectors;
    const int32_t *targets;
    const void *target_vectors;
    const uint8_t *target_mask;
    int64_t input_size;
    int64_t output_size;
    int32_t precision;
    int32_t reserved;
} rnn_sequences;
typedef struct rnn_batcher_options {
    size_t struct_size;
    int64_t streams;
    int64_t steps;
    int32_t layout;
    int32_t target_kind;
    int32_t shuffle;
    int32_t reserved;
    int64_t bucket;
    uint64_t seed;
} rnn_batcher_options;
typedef struct rnn_save_options {
    size_t struct_size;
    const char *rnn_name;
    const char *decoder_name;
    const char *embedding_name;
} rnn_save_options;
typedef struct rnn_load_options {
    size_t struct_size;
    int32_t precision;
    int32_t ignore_others;
    const rnn_model_options *configuration;
    const char *rnn_name;
    const char *decoder_name;
    const char *embedding_name;
    int32_t infer;
    int32_t reserved;
} rnn_load_options;
typedef struct rnn_checkpoint {
    size_t struct_size;
    rnn_model *model;
    rnn_optimizer *optimizer;
    rnn_state *state;
    rnn_sampler *sampler;
    rnn_vocab *vocab;
    int64_t corpus_position;
    int64_t counters[8];
    double values[8];
    rnn_model *average;
} rnn_checkpoint;
typedef struct rnn_allocator {
    void *(*allocate)(void *context, size_t alignment, size_t size);
    void (*release)(void *context, void *pointer, size_t size);
    void *context;
} rnn_allocator;
const char *rnn_version(void);
int32_t rnn_version_number(void);
const char *rnn_last_error(void);
const char *rnn_status_name(rnn_status status);
int64_t rnn_enumerator_count(void);
rnn_status rnn_enumerator(int64_t index, const char **name, int32_t *value);
rnn_status rnn_model_options_init(rnn_model_options *options, size_t struct_size);
rnn_status rnn_model_create(const rnn_model_options *options, rnn_model **model);
rnn_status rnn_model_copy(const rnn_model *model, rnn_model **copy);
rnn_status rnn_model_average(rnn_model *average, const rnn_model *model, double weight);
void rnn_model_destroy(rnn_model *model);
rnn_status rnn_model_get_options(const rnn_model *model, rnn_model_options *options);
rnn_status rnn_parameter_init(rnn_parameter *parameter, size_t struct_size);
int64_t rnn_model_parameter_count(const rnn_model *model);
rnn_status rnn_model_describe_parameter(const rnn_model *model, int64_t index, rnn_parameter *parameter);
rnn_status rnn_model_find_parameter(const rnn_model *model, const char *name, int64_t *index);
rnn_status rnn_model_freeze(rnn_model *model, int64_t index, int32_t frozen);
rnn_status rnn_model_get_parameter(const rnn_model *model, int64_t index, void *values, int64_t count);
rnn_status rnn_model_set_parameter(rnn_model *model, int64_t index, const void *values, int64_t count);
rnn_status rnn_model_get_gradient(const rnn_model *model, int64_t index, void *values, int64_t count);
rnn_status rnn_model_set_gradient(rnn_model *model, int64_t index, const void *values, int64_t count);
rnn_status rnn_model_check_finite(const rnn_model *model);
rnn_status rnn_model_zero_gradients(rnn_model *model);
rnn_status rnn_model_clip_value(rnn_model *model, double limit);
rnn_status rnn_model_clip_norm(rnn_model *model, double limit, double *norm);
rnn_status rnn_model_set_note(rnn_model *model, const char *key, const char *value);
const char *rnn_model_note(const rnn_model *model, const char *key);
int64_t rnn_model_note_count(const rnn_model *model);
rnn_status rnn_model_note_at(const rnn_model *model, int64_t index, const char **key, const char **value);
rnn_status rnn_chunk_init(rnn_chunk *chunk, size_t struct_size);
rnn_status rnn_state_create(const rnn_model *model, int64_t streams, rnn_state **state);
void rnn_state_destroy(rnn_state *state);
int64_t rnn_state_streams(const rnn_state *state);
rnn_status rnn_state_reset(rnn_state *state);
rnn_status rnn_state_reset_stream(rnn_state *state, int64_t stream);
rnn_status rnn_state_copy(rnn_state *destination, const rnn_state *source);
rnn_status rnn_state_copy_stream(rnn_state *destination, int64_t destination_stream, const rnn_state *source,
    int64_t source_stream);
rnn_status rnn_state_get(const rnn_state *state, int64_t layer, int32_t what, void *values, int64_t count);
rnn_status rnn_state_set(rnn_state *state, int64_t layer, int32_t what, const void *values, int64_t count);
rnn_status rnn_state_get_all(const rnn_state *state, void *values, int64_t count);
rnn_status rnn_state_set_all(rnn_state *state, const void *values, int64_t count);
rnn_status rnn_forward(const rnn_model *model, rnn_state *state, const rnn_chunk *chunk, void *outputs,
    int64_t outputs_count, rnn_loss *loss);
rnn_status rnn_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, rnn_loss *loss);
rnn_status rnn_evaluate(const rnn_model *model, const rnn_corpus *corpus, int64_t streams, rnn_loss *loss,
    int64_t *hits);
rnn_status rnn_forward_training(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, void *outputs,
    int64_t outputs_count);
rnn_status rnn_loss_gradient(const rnn_model *model, const rnn_chunk *chunk, const void *outputs,
    int64_t outputs_count, void *gradient, rnn_loss *loss);
rnn_status rnn_softmax(int32_t precision, const void *logits, int64_t rows, int64_t symbols,
    void *probabilities);
rnn_status rnn_chunk_gradients_init(rnn_chunk_gradients *gradients, size_t struct_size);
rnn_status rnn_backward(rnn_model *model, rnn_state *state, const rnn_chunk_gradients *gradients);
rnn_status rnn_optimizer_options_init(rnn_optimizer_options *options, size_t struct_size, int32_t rule);
rnn_status rnn_optimizer_create(const rnn_model *model, const rnn_optimizer_options *options,
    rnn_optimizer **optimizer);
void rnn_optimizer_destroy(rnn_optimizer *optimizer);
rnn_status rnn_optimizer_step(rnn_optimizer *optimizer, rnn_model *model);
rnn_status rnn_optimizer_get_options(const rnn_optimizer *optimizer, rnn_optimizer_options *options);
rnn_status rnn_optimizer_set_options(rnn_optimizer *optimizer, const rnn_optimizer_options *options);
double rnn_optimizer_learning_rate(const rnn_optimizer *optimizer);
rnn_status rnn_optimizer_set_learning_rate(rnn_optimizer *optimizer, double learning_rate);
double rnn_schedule_warmup(int64_t step, int64_t steps);
double rnn_schedule_cosine(int64_t step, int64_t steps, double least);
double rnn_schedule_step_decay(int64_t step, int64_t every, double factor);
double rnn_schedule_one_cycle(int64_t step, int64_t steps, int64_t rise, double first, double last);
rnn_status rnn_sampler_options_init(rnn_sampler_options *options, size_t struct_size);
rnn_status rnn_sampler_create(const rnn_sampler_options *options, rnn_sampler **sampler);
rnn_status rnn_sampler_get_options(const rnn_sampler *sampler, rnn_sampler_options *options);
rnn_status rnn_sampler_set_options(rnn_sampler *sampler, const rnn_sampler_options *options);
rnn_status rnn_sampler_draw(rnn_sampler *sampler, int32_t precision, const void *logits, int64_t streams,
    int64_t symbols, int32_t *ids, double *log_probabilities);
void rnn_sampler_destroy(rnn_sampler *sampler);
rnn_status rnn_sample(const rnn_model *model, rnn_state *state, rnn_sampler *sampler, const int32_t *first,
    int64_t n, int32_t *ids);
rnn_status rnn_generate_options_init(rnn_generate_options *options, size_t struct_size);
rnn_status rnn_generate(const rnn_model *model, rnn_state *state, rnn_sampler *sampler,
    const rnn_generate_options *options, int32_t *ids, int64_t *counts, double *log_probabilities);
rnn_status rnn_beam_options_init(rnn_beam_options *options, size_t struct_size);
rnn_status rnn_beam_search(const rnn_model *model, const rnn_state *state, const rnn_beam_options *options,
    int32_t *ids, int64_t *counts, double *log_probabilities, double *scores);
rnn_status rnn_source_open(const char *const *paths, int64_t count, rnn_source **source);
void rnn_set_interrupt(int32_t (*interrupted)(void *context), void *context);
void rnn_source_destroy(rnn_source *source);
int64_t rnn_source_size(const rnn_source *source);
rnn_status rnn_vocab_create_from_text(int32_t kind, const void *text, size_t size, rnn_vocab **vocab);
rnn_status rnn_vocab_create_from_file(int32_t kind, const char *path, rnn_vocab **vocab);
rnn_status rnn_vocab_create_from_source(int32_t kind, const rnn_source *source, rnn_vocab **vocab);
rnn_status rnn_vocab_create_from_list(int32_t kind, const void *symbols, size_t size, rnn_vocab **vocab);
rnn_status rnn_vocab_create_with_unknown(const rnn_vocab *known, const void *shown, size_t size,
    rnn_vocab **vocab);
rnn_status rnn_vocab_create_frequent(const rnn_vocab *known, int64_t most, int64_t least, rnn_vocab **vocab);
void rnn_vocab_destroy(rnn_vocab *vocab);
int64_t rnn_vocab_size(const rnn_vocab *vocab);
int32_t rnn_vocab_kind(const rnn_vocab *vocab);
int32_t rnn_vocab_unknown(const rnn_vocab *vocab);
rnn_status rnn_vocab_encode(const rnn_vocab *vocab, const void *text, size_t size, int32_t *ids,
    int64_t capacity, int64_t *count);
rnn_status rnn_vocab_decode(const rnn_vocab *vocab, const int32_t *ids, int64_t count, char *text,
    size_t capacity, size_t *size);
rnn_status rnn_vocab_symbol(const rnn_vocab *vocab, int32_t id, const char **symbol, size_t *size);
rnn_status rnn_corpus_create_from_text(const rnn_vocab *vocab, const void *text, size_t size, int64_t steps,
    int64_t streams, rnn_corpus **corpus);
rnn_status rnn_corpus_create_from_file(const rnn_vocab *vocab, const char *path, int64_t steps,
    int64_t streams, rnn_corpus **corpus);
rnn_status rnn_corpus_create_from_source(const rnn_vocab *vocab, const rnn_source *source, int64_t steps,
    int64_t streams, rnn_corpus **corpus);
rnn_status rnn_corpus_create_from_ids(const int32_t *ids, int64_t count, int64_t symbols, int64_t steps,
    int64_t streams, rnn_corpus **corpus);
rnn_status rnn_corpus_create_from_id_file(const char *path, int32_t id_size, int64_t symbols, int64_t steps,
    int64_t streams, rnn_corpus **corpus);
rnn_status rnn_corpus_split(rnn_corpus *corpus, double share, rnn_corpus **validation);
rnn_status rnn_corpus_set_drop_last(rnn_corpus *corpus, int32_t drop_last);
void rnn_corpus_destroy(rnn_corpus *corpus);
int64_t rnn_corpus_size(const rnn_corpus *corpus);
int64_t rnn_corpus_chunks(const rnn_corpus *corpus);
rnn_status rnn_corpus_next(rnn_corpus *corpus, rnn_chunk *chunk, int32_t *restarted);
int64_t rnn_corpus_position(const rnn_corpus *corpus);
rnn_status rnn_corpus_seek(rnn_corpus *corpus, int64_t position);
rnn_status rnn_corpus_rewind(rnn_corpus *corpus);
rnn_status rnn_sequences_init(rnn_sequences *sequences, size_t struct_size);
rnn_status rnn_batcher_options_init(rnn_batcher_options *options, size_t struct_size);
rnn_status rnn_batcher_create(const rnn_sequences *sequences, const rnn_batcher_options *options,
    rnn_batcher **batcher);
void rnn_batcher_destroy(rnn_batcher *batcher);
int64_t rnn_batcher_size(const rnn_batcher *batcher);
int64_t rnn_batcher_positions(const rnn_batcher *batcher);
int64_t rnn_batcher_steps(const rnn_batcher *batcher);
int64_t rnn_batcher_chunks(const rnn_batcher *batcher);
rnn_status rnn_batcher_next(rnn_batcher *batcher, rnn_chunk *chunk, int32_t *last);
rnn_status rnn_batcher_get_places(const rnn_batcher *batcher, int64_t *sequences, int64_t *elements,
    int64_t count);
int64_t rnn_batcher_position(const rnn_batcher *batcher);
rnn_status rnn_batcher_seek(rnn_batcher *batcher, int64_t position);
rnn_status rnn_batcher_rewind(rnn_batcher *batcher);
rnn_status rnn_model_save(const rnn_model *model, const rnn_vocab *vocab, const char *path);
rnn_status rnn_model_save_to_memory(const rnn_model *model, const rnn_vocab *vocab, void *bytes,
    size_t capacity, size_t *size);
rnn_status rnn_save_options_init(rnn_save_options *options, size_t struct_size);
rnn_status rnn_model_save_with(const rnn_model *model, const rnn_vocab *vocab,
    const rnn_save_options *options, const char *path);
rnn_status rnn_model_save_to_memory_with(const rnn_model *model, const rnn_vocab *vocab,
    const rnn_save_options *options, void *bytes, size_t capacity, size_t *size);
rnn_status rnn_load_options_init(rnn_load_options *options, size_t struct_size);
rnn_status rnn_model_load(const char *path, const rnn_load_options *options, rnn_model **model,
    rnn_vocab **vocab);
rnn_status rnn_model_load_from_memory(const void *bytes, size_t size, const rnn_load_options *options,
    rnn_model **model, rnn_vocab **vocab);
rnn_status rnn_checkpoint_init(rnn_checkpoint *checkpoint, size_t struct_size);
rnn_status rnn_checkpoint_save(const rnn_checkpoint *checkpoint, const char *path);
rnn_status rnn_checkpoint_save_to_memory(const rnn_checkpoint *checkpoint, void *bytes, size_t capacity,
    size_t *size);
rnn_status rnn_checkpoint_load(const char *path, rnn_checkpoint *checkpoint);
rnn_status rnn_checkpoint_load_from_memory(const void *bytes, size_t size, rnn_checkpoint *checkpoint);
rnn_status rnn_set_threads(int32_t threads);
int32_t rnn_threads(void);
rnn_status rnn_set_allocator(const rnn_allocator *allocator);
rnn_status rnn_model_flat_parameters(const rnn_model *model, const void **values, int64_t *count);
rnn_status rnn_model_flat_gradients(rnn_model *model, void **gradients, int64_t *count);
uint64_t rnn_state_random_index(const rnn_state *state);
rnn_status rnn_state_set_random_index(rnn_state *state, uint64_t index);
rnn_status rnn_state_observe(rnn_state *state, int32_t what);
rnn_status rnn_state_get_activations(const rnn_state *state, int64_t layer, void *values, int64_t count);
rnn_status rnn_state_get_gradient_norms(const rnn_state *state, int64_t layer, double *norms, int64_t count);
]]
