/*
 * One valid object and one valid struct of each kind: a model of three symbols, a text of them, and so on. Used by the
 * suites that call every function.
 */
#ifndef RNN_TESTS_ONE_OF_EACH_H
#define RNN_TESTS_ONE_OF_EACH_H

#include "support.h"
#include "temporary.h"

enum { SYMBOLS = 3, HIDDEN = 2, WEIGHTS = HIDDEN * SYMBOLS, PARAMETERS = 5 };

static const int32_t ids[] = {0, 1, 2, 0, 1, 2};
static const int64_t lengths[] = {2, 1};
static const double zeros[16];
static const char *const paths[] = {"text"};

static struct {
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *optimizer;
    rnn_sampler *sampler;
    rnn_vocab *vocab, *words;
    rnn_source *source;
    rnn_corpus *corpus;
    rnn_batcher *batcher;
    rnn_model_options model_options;
    rnn_parameter parameter;
    rnn_chunk chunk;
    rnn_chunk_gradients gradients;
    rnn_optimizer_options optimizer_options;
    rnn_sampler_options sampler_options;
    rnn_generate_options generate_options;
    rnn_beam_options beam_options;
    rnn_sequences sequences;
    rnn_batcher_options batcher_options;
    rnn_save_options save_options;
    rnn_load_options load_options;
    rnn_checkpoint checkpoint;
    char bytes[4096]; /* a file */
    size_t size;
} valid;

static inline void fill_options(void)
{
    assert_ok(rnn_model_options_init(&valid.model_options, sizeof valid.model_options));
    valid.model_options.input_size = valid.model_options.output_size = SYMBOLS;
    valid.model_options.hidden_size = HIDDEN;
    valid.parameter.struct_size = sizeof valid.parameter;
    assert_ok(rnn_chunk_init(&valid.chunk, sizeof valid.chunk));
    valid.chunk.steps = 2;
    valid.chunk.streams = 1;
    valid.chunk.inputs = valid.chunk.targets = ids;
    assert_ok(rnn_chunk_gradients_init(&valid.gradients, sizeof valid.gradients));
    valid.gradients.outputs = zeros;
    assert_ok(rnn_optimizer_options_init(&valid.optimizer_options, sizeof valid.optimizer_options, 0));
    assert_ok(rnn_sampler_options_init(&valid.sampler_options, sizeof valid.sampler_options));
    assert_ok(rnn_generate_options_init(&valid.generate_options, sizeof valid.generate_options));
    valid.generate_options.prompt = ids;
    valid.generate_options.prompt_steps = valid.generate_options.most = 2;
    assert_ok(rnn_beam_options_init(&valid.beam_options, sizeof valid.beam_options));
    valid.beam_options.prompt = ids;
    valid.beam_options.prompt_steps = valid.beam_options.most = 2;
    assert_ok(rnn_sequences_init(&valid.sequences, sizeof valid.sequences));
    valid.sequences.count = 2;
    valid.sequences.lengths = lengths;
    valid.sequences.inputs = valid.sequences.targets = ids;
    assert_ok(rnn_batcher_options_init(&valid.batcher_options, sizeof valid.batcher_options));
    valid.batcher_options.streams = 1;
    assert_ok(rnn_save_options_init(&valid.save_options, sizeof valid.save_options));
    assert_ok(rnn_load_options_init(&valid.load_options, sizeof valid.load_options));
    assert_ok(rnn_checkpoint_init(&valid.checkpoint, sizeof valid.checkpoint));
}

/* cmocka's set-up: fills `valid` in a new directory, which has the files "text" and "file" (a checkpoint). */
static inline int create_all(void **state)
{
    float outputs[2 * SYMBOLS];
    if (enter_temporary_directory(state) != 0)
        return 1;
    write_file("text", "abcabcabc", 9);
    fill_options();
    valid.model = create_model(&valid.model_options);
    assert_ok(rnn_model_set_note(valid.model, "key", "value"));
    valid.state = create_state(valid.model, 1);
    assert_ok(rnn_optimizer_create(valid.model, NULL, &valid.optimizer));
    assert_ok(rnn_sampler_create(NULL, &valid.sampler));
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, "abc", 3, &valid.vocab));
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_WORDS, "a b c", 5, &valid.words));
    assert_ok(rnn_source_open(paths, 1, &valid.source));
    assert_ok(rnn_corpus_create_from_text(valid.vocab, "abcabcabc", 9, 2, 1, &valid.corpus));
    assert_ok(rnn_batcher_create(&valid.sequences, &valid.batcher_options, &valid.batcher));
    valid.checkpoint.model = valid.model;
    assert_ok(rnn_checkpoint_save(&valid.checkpoint, "file"));
    assert_ok(rnn_checkpoint_save_to_memory(&valid.checkpoint, valid.bytes, sizeof valid.bytes, &valid.size));
    assert_ok(rnn_forward_training(valid.model, valid.state, &valid.chunk, outputs, 2 * SYMBOLS));
    return 0;
}

/* cmocka's tear-down */
static inline int destroy_all(void **state)
{
    rnn_model_destroy(valid.model);
    rnn_state_destroy(valid.state);
    rnn_optimizer_destroy(valid.optimizer);
    rnn_sampler_destroy(valid.sampler);
    rnn_vocab_destroy(valid.vocab);
    rnn_vocab_destroy(valid.words);
    rnn_source_destroy(valid.source);
    rnn_corpus_destroy(valid.corpus);
    rnn_batcher_destroy(valid.batcher);
    memset(&valid, 0, sizeof valid);
    return remove_temporary_directory(state);
}

/* A test with this set-up and tear-down */
#define test_with_all(function) cmocka_unit_test_setup_teardown(function, create_all, destroy_all)

#endif
