/*
 * Runs that have every object a checkpoint may hold, and their files. Used by the suites of checkpoints.
 */
#ifndef RNN_TESTS_FULL_RUNS_H
#define RNN_TESTS_FULL_RUNS_H

#include "checkpoints.h"

#include <math.h>

enum { STEPS = 3, STREAMS = 2 };

/* A run on symbols that has everything that a checkpoint may hold, gradients included. */
static inline rnn_checkpoint full_run(int32_t cell, int32_t rule, int32_t precision)
{
    rnn_model_options m = make_options(7, 2, 7, 2, precision);
    rnn_optimizer_options o;
    m.cell = cell;
    m.dropout = 0.25;
    assert_ok(rnn_optimizer_options_init(&o, sizeof o, rule));
    o.momentum = rule == RNN_OPTIMIZER_SGD || rule == RNN_OPTIMIZER_RMSPROP ? 0.5 : 0;
    rnn_checkpoint c = begin_run(&m, &o, STREAMS);
    follow(&c, "cducd", 1);
    c.corpus_position = 12;
    return c;
}

/* The bytes of the checkpoint's file, which is "bytes" */
static inline file_bytes checkpoint_bytes(const rnn_checkpoint *c)
{
    assert_ok(rnn_checkpoint_save(c, "bytes"));
    return read_whole("bytes");
}

static inline file_bytes full_file(int32_t cell, int32_t rule, int32_t precision)
{
    rnn_checkpoint c = full_run(cell, rule, precision);
    file_bytes file = checkpoint_bytes(&c);
    destroy_objects(&c);
    return file;
}

/* The load must fail with this status and a sentence that has `part` in it, and leave the struct as it is. */
static inline void refuse(const file_bytes *file, rnn_status status, const char *part)
{
    rnn_checkpoint c = empty_checkpoint(), before;
    c.model = (rnn_model *)(void *)&c;
    c.vocab = (rnn_vocab *)(void *)&c;
    c.counters[3] = 5;
    memcpy(&before, &c, sizeof c);
    write_file("refused", file->bytes, file->size);
    assert_fails(rnn_checkpoint_load("refused", &c), status, part);
    assert_memory_equal(&c, &before, sizeof c);
}

/* The file with changes of its header, {from, to, part of the sentence}, must not load. */
static inline void refuse_changes(const file_bytes *file, const char *const changes[][3], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        file_bytes changed = edited(file, changes[i][0], changes[i][1]);
        refuse(&changed, RNN_ERROR_FORMAT, changes[i][2]);
        free(changed.bytes);
    }
}

#define refuse_all(file, changes) refuse_changes(file, changes, sizeof(changes) / sizeof(changes)[0])

#endif
