/*
 * An allocator that keeps books on the memory that the library holds, and a list of calls of every kind that allocate
 * and release it. Used by the suites about memory.
 */
#ifndef RNN_TESTS_BOOKS_H
#define RNN_TESTS_BOOKS_H

#include "support.h"
#include "temporary.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BLOCKS = 1024 };

typedef struct block {
    void *start; /* to free() */
    char *memory;
    size_t size;
} block;

typedef struct ledger {
    pthread_mutex_t lock;
    int64_t calls;                  /* of allocate */
    int64_t refuse_from, refuse_to; /* the calls that get no memory, counted from 1 */
    size_t limit;                   /* larger blocks are refused */
    size_t largest;                 /* block asked for */
    block blocks[MOST_BLOCKS];
    int64_t held;
    const char *violation; /* of the allocator's contract, for the test to report */
} ledger;

static ledger books;

/*
 * Returns memory full of garbage, at exactly the alignment that was asked for. (Valgrind and the address sanitizer
 * watch its end.)
 */
static inline void *keep_and_allocate(void *context, size_t alignment, size_t size)
{
    ledger *kept = context;
    char *memory = NULL;
    pthread_mutex_lock(&kept->lock);
    kept->calls++;
    kept->largest = size > kept->largest ? size : kept->largest;
    if (size == 0) {
        kept->violation = "allocate was asked for nothing";
    } else if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        kept->violation = "allocate was asked for an alignment that is not a power of two";
    } else if (kept->held == MOST_BLOCKS) {
        kept->violation = "there are more blocks than the books have room for";
    } else if (size <= kept->limit && (kept->calls < kept->refuse_from || kept->calls > kept->refuse_to)) {
        block *entry = &kept->blocks[kept->held];
        size_t twice = 2 * (alignment < sizeof(void *) ? sizeof(void *) : alignment);
        entry->start = allocate_aligned(twice, alignment + size);
        if (entry->start != NULL) {
            memory = entry->memory = (char *)entry->start + alignment;
            entry->size = size;
            memset(memory, 0xa5, size);
            kept->held++;
        }
    }
    pthread_mutex_unlock(&kept->lock);
    return memory;
}

static inline void release_and_keep(void *context, void *memory, size_t size)
{
    ledger *kept = context;
    pthread_mutex_lock(&kept->lock);
    int64_t i = 0;
    while (i < kept->held && kept->blocks[i].memory != memory)
        i++;
    if (i == kept->held) {
        kept->violation = "release was given memory that allocate had not returned";
    } else {
        if (kept->blocks[i].size != size)
            kept->violation = "release was given a different size from allocate";
        memset(memory, 0x5a, kept->blocks[i].size);
        release_aligned(kept->blocks[i].start);
        kept->blocks[i] = kept->blocks[--kept->held];
    }
    pthread_mutex_unlock(&kept->lock);
}

static const rnn_allocator keeping = {.allocate = keep_and_allocate, .release = release_and_keep, .context = &books};

/* From here on the library uses these books. At first they refuse nothing. */
static inline void open_books(void)
{
    books = (ledger){.limit = SIZE_MAX};
    assert_int_equal(pthread_mutex_init(&books.lock, NULL), 0);
    assert_ok(rnn_set_allocator(&keeping));
}

/* The library must have released everything. */
static inline void close_books(void)
{
    if (books.violation != NULL)
        fail_msg("%s", books.violation);
    assert_int_equal(books.held, 0);
    assert_ok(rnn_set_allocator(NULL));
    pthread_mutex_destroy(&books.lock);
}

enum { STEPS = 5, STREAMS = 2, SAMPLES = 40 };

static const char text[] = "the quick brown fox jumps over the lazy dog, and then the dog jumps over the fox";

typedef struct scene {
    rnn_source *source;
    rnn_vocab *vocab, *list_vocab, *file_vocab, *utf8_vocab, *utf8_list_vocab, *unknown_vocab;
    rnn_corpus *corpus, *file_corpus, *validation, *file_validation, *utf8_corpus, *utf8_validation;
    rnn_model *model, *double_model, *lstm;
    rnn_state *state, *sampling_state, *double_state, *lstm_state;
    rnn_optimizer *optimizer, *adam;
    rnn_sampler *sampler;
    rnn_chunk chunk;
    void *gradients;
    int64_t gradient_count;

    /* The results of the calls, which must not depend on any failures on the way */
    struct results {
        rnn_loss loss[6];
        double gradients[40];
        int32_t ids[SAMPLES];
        float state[STREAMS * 16];
        float decoder[30];
        float activations[6 * 2 * 7];
        double norms[6];
    } results;
} scene;

/* A function that makes one call of the library. */
#define CALL(name, call)                                                                                               \
    static inline rnn_status name(scene *s)                                                                            \
    {                                                                                                                  \
        return call;                                                                                                   \
    }

CALL(create_vocab, rnn_vocab_create_from_text(RNN_VOCAB_BYTES, text, sizeof text - 1, &s->vocab))
CALL(create_vocab_from_list, rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, &s->list_vocab))
CALL(create_vocab_from_file, rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "text", &s->file_vocab))
CALL(create_corpus, rnn_corpus_create_from_text(s->vocab, text, sizeof text - 1, STEPS, STREAMS, &s->corpus))
CALL(create_corpus_from_file, rnn_corpus_create_from_file(s->file_vocab, "text", STEPS, STREAMS, &s->file_corpus))
CALL(split_corpus, rnn_corpus_split(s->corpus, 0.25, &s->validation))
CALL(split_file, rnn_corpus_split(s->file_corpus, 0.25, &s->file_validation))

static inline rnn_status open_source(scene *s)
{
    static const char *const paths[] = {"text", "text"};
    return rnn_source_open(paths, 2, &s->source);
}

CALL(create_utf8_vocab_from_source, rnn_vocab_create_from_source(RNN_VOCAB_UTF8, s->source, &s->utf8_vocab))
CALL(create_utf8_vocab_from_list, rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "the 中", 7, &s->utf8_list_vocab))
CALL(create_vocab_with_unknown, rnn_vocab_create_with_unknown(s->utf8_list_vocab, NULL, 0, &s->unknown_vocab))
CALL(create_utf8_corpus, rnn_corpus_create_from_source(s->unknown_vocab, s->source, STEPS, STREAMS, &s->utf8_corpus))
CALL(split_utf8_corpus, rnn_corpus_split(s->utf8_corpus, 0.25, &s->utf8_validation))

static inline rnn_status next_utf8_chunk(scene *s)
{
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    return rnn_corpus_next(s->utf8_corpus, &chunk, NULL);
}

static inline rnn_status create_small_model(int64_t symbols, int64_t layers, int32_t precision, rnn_model **model)
{
    rnn_model_options options;
    rnn_status status = rnn_model_options_init(&options, sizeof options);
    options.input_size = options.output_size = symbols;
    options.hidden_size = 16;
    options.layers = layers;
    options.precision = precision;
    options.weight_scale = 0.5;
    return status == RNN_OK ? rnn_model_create(&options, model) : status;
}

CALL(create_training_model, create_small_model(rnn_vocab_size(s->vocab), 2, RNN_FLOAT32, &s->model))
CALL(create_double_model, create_small_model(3, 1, RNN_FLOAT64, &s->double_model))
CALL(create_training_state, rnn_state_create(s->model, STREAMS, &s->state))
CALL(create_sampling_state, rnn_state_create(s->model, 1, &s->sampling_state))
CALL(create_double_state, rnn_state_create(s->double_model, 1, &s->double_state))
CALL(create_optimizer, rnn_optimizer_create(s->model, NULL, &s->optimizer))
CALL(create_sampler, rnn_sampler_create(NULL, &s->sampler))
CALL(next_chunk, rnn_corpus_next(s->corpus, &s->chunk, NULL))
CALL(next_validation_chunk, rnn_corpus_next(s->validation, &s->chunk, NULL))
CALL(next_chunk_of_the_file, rnn_corpus_next(s->file_validation, &s->chunk, NULL))
CALL(forward, rnn_forward(s->model, s->state, &s->chunk, NULL, 0, &s->results.loss[0]))
CALL(forward_backward, rnn_forward_backward(s->model, s->state, &s->chunk, &s->results.loss[1]))
CALL(forward_backward_again, rnn_forward_backward(s->model, s->state, &s->chunk, &s->results.loss[2]))
CALL(clip, rnn_model_clip_value(s->model, 0.25))
CALL(step, rnn_optimizer_step(s->optimizer, s->model))
CALL(need_flat_gradients, rnn_model_flat_gradients(s->double_model, &s->gradients, &s->gradient_count))

static inline rnn_status forward_backward_in_double(scene *s)
{
    static const int32_t inputs[] = {0, 1, 2};
    static const int32_t targets[] = {1, 2, 0};
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 3, .streams = 1, .inputs = inputs, .targets = targets};
    return rnn_forward_backward(s->double_model, s->double_state, &chunk, &s->results.loss[3]);
}

/* A model with an embedding, orthogonal weights and dropout */
static inline rnn_status create_lstm(scene *s)
{
    rnn_model_options options;
    rnn_status status = rnn_model_options_init(&options, sizeof options);
    options.input_size = options.output_size = 3;
    options.hidden_size = 7;
    options.layers = 2;
    options.cell = RNN_CELL_LSTM;
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = 5;
    options.initialization = RNN_INIT_UNIFORM;
    options.orthogonal = 1;
    options.dropout = 0.5;
    return status == RNN_OK ? rnn_model_create(&options, &s->lstm) : status;
}

static inline rnn_status create_lstm_state(scene *s)
{
    rnn_status status = rnn_state_create(s->lstm, 2, &s->lstm_state);
    return status == RNN_OK ? rnn_state_observe(s->lstm_state, RNN_OBSERVE_ACTIVATIONS + RNN_OBSERVE_GRADIENT_NORMS)
                            : status;
}

static inline rnn_status create_adam(scene *s)
{
    rnn_optimizer_options options;
    rnn_status status = rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_ADAM);
    return status == RNN_OK ? rnn_optimizer_create(s->lstm, &options, &s->adam) : status;
}

static const int32_t lstm_ids[12] = {0, 1, 2, 2, 1, 0, 0, 2, 1, 1, 0, 2};

static inline rnn_status train_lstm(scene *s, int64_t steps, rnn_loss *loss)
{
    rnn_chunk chunk = {
        .struct_size = sizeof chunk, .steps = steps, .streams = 2, .inputs = lstm_ids, .targets = lstm_ids};
    return rnn_forward_backward(s->lstm, s->lstm_state, &chunk, loss);
}

CALL(train_lstm_on_a_short_chunk, train_lstm(s, 2, &s->results.loss[4]))
CALL(train_lstm_on_a_long_chunk, train_lstm(s, 6, &s->results.loss[5]))
CALL(clip_norm, rnn_model_clip_norm(s->lstm, 0.5, NULL))
CALL(step_adam, rnn_optimizer_step(s->adam, s->lstm))
CALL(see_activations, rnn_state_get_activations(s->lstm_state, 1, s->results.activations, 6 * 2 * 7))
CALL(see_gradient_norms, rnn_state_get_gradient_norms(s->lstm_state, 1, s->results.norms, 6))

static inline rnn_status draw(scene *s)
{
    const int32_t first = 1;
    return rnn_sample(s->model, s->sampling_state, s->sampler, &first, SAMPLES, s->results.ids);
}

static const struct {
    rnn_status (*call)(scene *);
    int allocates; /* the header says that it may return RNN_ERROR_MEMORY */
} calls[] = {
    {create_vocab, 1},
    {create_vocab_from_list, 1},
    {create_vocab_from_file, 1},
    {create_corpus, 1},
    {create_corpus_from_file, 1},
    {split_corpus, 1},
    {split_file, 1},
    {open_source, 1},
    {create_utf8_vocab_from_source, 1},
    {create_utf8_vocab_from_list, 1},
    {create_vocab_with_unknown, 1},
    {create_utf8_corpus, 1},
    {split_utf8_corpus, 1},
    {next_utf8_chunk, 0},
    {create_training_model, 1},
    {create_double_model, 1},
    {create_training_state, 1},
    {create_sampling_state, 1},
    {create_double_state, 1},
    {create_optimizer, 1},
    {create_sampler, 1},
    {next_chunk_of_the_file, 0},
    {forward_backward, 1},
    {clip, 0},
    {step, 0},
    {next_validation_chunk, 0},
    {forward, 1},
    {next_chunk, 0},
    {forward_backward_again, 1},
    {step, 0},
    {need_flat_gradients, 1},
    {forward_backward_in_double, 1},
    {draw, 1},
    {create_lstm, 1},
    {create_lstm_state, 1},
    {create_adam, 1},
    {train_lstm_on_a_short_chunk, 1},
    {clip_norm, 0},
    {step_adam, 0},
    {train_lstm_on_a_long_chunk, 1},
    {see_activations, 0},
    {see_gradient_norms, 0},
};

#endif
