/*
 * batcher.c: serves sequences of unequal length in batches.
 *
 * At the beginning of each epoch the batcher plans all of it. A turn is a sequence at its place in the epoch's order.
 * The plan gives each turn a stream, and the step of the epoch at which the turn begins in that stream. To serve a
 * chunk, the batcher copies the part of each turn between the chunk's first step and its last. This is the same for
 * both layouts. They differ only in the plan and in the number of steps of a chunk.
 */
#include "base/memory.h"
#include "base/names.h"
#include "base/random.h"
#include "network/chunk.h"

#include <inttypes.h>

/* Shuffling uses a different random key from the initial parameters. */
#define BATCHER_KEY UINT64_C(0x6261746368657200)

/* The random numbers for shuffling chunks come after those for shuffling sequences. */
#define OF_CHUNKS (UINT64_C(1) << 32)

#define POSITION_MOST (INT64_C(1) << 62)

enum { SIZE_MOST = 1 << 24 };

/* One array that a chunk has: inputs, targets, masks or starts. */
typedef struct column {
    const char *all; /* all sequences, one after the other */
    char *chunk;     /* [T][B]; or [B] for padded sequences with one target each */
    size_t size;     /* size of an element in bytes; 0: there is no such array */
} column;

/* An entry of a heap. The entry with the smallest key is first. */
typedef struct entry {
    int64_t key;
    int32_t index;
} entry;

struct rnn_batcher {
    rnn_sequences sequences; /* its pointers are the copies below */
    rnn_batcher_options options;
    void *inputs, *targets;
    uint8_t *mask;
    int64_t *offsets; /* [N + 1] index of each sequence's first element in the copies */
    int64_t total;    /* positions of an epoch */
    int64_t longest;  /* maximum number of steps of a chunk */

    /* the plan of an epoch */
    int64_t epoch;
    int64_t end;    /* number of steps of the epoch */
    int32_t *order; /* [N] sequence of each turn */
    int64_t *begin; /* [N] step of the epoch at which each turn begins */
    int32_t *next;  /* [N] next turn in the same stream, or -1 */
    int32_t *tails; /* [B] last turn of each stream, used while planning */
    entry *heap;    /* for assigning turns to streams or sorting them */

    /* the position in the epoch */
    int64_t step, served; /* steps and sequence positions before the next chunk */
    int32_t *turns;       /* [B] each stream's current turn, or the turn it waits for; -1: no turn is left */

    /* the last chunk served */
    column input, target, target_mask, start;
    int64_t steps;                /* 0: no chunk has been served */
    int64_t *lengths;             /* [B] */
    int64_t *of_place, *elements; /* [T][B] sequence and element at each position, or -1 */
    bool any_ends, any_starts;    /* in this chunk */
};

rnn_status rnn_sequences_init(rnn_sequences *sequences, size_t struct_size)
{
    const rnn_sequences empty = {.struct_size = sizeof empty};
    return librnn_struct_init("sequences", sequences, struct_size, &empty, sizeof empty, sizeof empty);
}

static const rnn_batcher_options default_options = {.struct_size = sizeof default_options, .streams = 1};

rnn_status rnn_batcher_options_init(rnn_batcher_options *options, size_t struct_size)
{
    return librnn_struct_init("batcher_options", options, struct_size, &default_options, sizeof *options,
                              sizeof *options);
}

static bool is_packed(const rnn_batcher *batcher)
{
    return batcher->options.layout == RNN_BATCH_PACKED;
}

/* Whether there is one target per sequence rather than per element. */
static bool has_one_target(const rnn_batcher *batcher)
{
    return batcher->options.target_kind == RNN_TARGETS_LAST;
}

static bool has_target_vectors(const rnn_batcher *batcher)
{
    const rnn_sequences *s = &batcher->sequences;
    return batcher->options.target_kind == RNN_TARGETS_NEXT ? s->input_vectors != NULL : s->target_vectors != NULL;
}

/*
 * The number of positions of a sequence. This is its length, or one less if each element's target is the next element.
 */
static int64_t length_of(const rnn_batcher *batcher, int32_t sequence)
{
    int64_t elements = batcher->offsets[sequence + 1] - batcher->offsets[sequence];
    return elements - (batcher->options.target_kind == RNN_TARGETS_NEXT);
}

static int64_t length_of_turn(const rnn_batcher *batcher, int32_t turn)
{
    return length_of(batcher, batcher->order[turn]);
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

/* A number that has no effect must keep its default, 0. */
static rnn_status check_unused(const char *name, int64_t value, const char *why)
{
    return value == 0 ? RNN_OK
                      : librnn_fail(RNN_ERROR_ARGUMENT, "%s is %" PRId64 "; it must be 0 %s", name, value, why);
}

static rnn_status check_absent(const char *name, const void *field, const char *why)
{
    return field ? librnn_fail(RNN_ERROR_ARGUMENT, "%s is not NULL; it must be NULL %s", name, why) : RNN_OK;
}

static rnn_status check_options(const rnn_batcher_options *o)
{
    RNN_TRY(librnn_check_range("streams", o->streams, 1, STREAMS_MOST));
    RNN_TRY(librnn_check_enumerator("layout", o->layout, librnn_layouts));
    RNN_TRY(librnn_check_enumerator("target_kind", o->target_kind, librnn_target_kinds));
    RNN_TRY(librnn_check_range("shuffle", o->shuffle, 0, 1));
    RNN_TRY(librnn_check_range("reserved", o->reserved, 0, 0));
    if (o->layout == RNN_BATCH_PACKED) {
        RNN_TRY(librnn_check_range("steps", o->steps, 1, STEPS_MOST));
        RNN_TRY(check_unused("bucket", o->bucket, "with RNN_BATCH_PACKED"));
    } else {
        RNN_TRY(check_unused("steps", o->steps, "with RNN_BATCH_PADDED"));
    }
    if (o->bucket != 0)
        RNN_TRY(librnn_check_range("bucket", o->bucket, 2, INT32_MAX));
    if (!o->shuffle && o->seed != 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "seed is %" PRIu64 "; it must be 0 unless shuffle is 1", o->seed);
    return RNN_OK;
}

static rnn_status check_lengths(const rnn_sequences *s, int32_t targets)
{
    int64_t least = targets == RNN_TARGETS_NEXT ? 2 : 1;
    for (int64_t i = 0; i < s->count; i++)
        if (s->lengths[i] < least || s->lengths[i] > STEPS_MOST)
            return librnn_fail(RNN_ERROR_ARGUMENT,
                               "sequences->lengths[%" PRId64 "] is %" PRId64 "; it must be %" PRId64 " to %d", i,
                               s->lengths[i], least, STEPS_MOST);
    return RNN_OK;
}

static rnn_status check_inputs(const rnn_sequences *s)
{
    if (!s->input_vectors) {
        RNN_TRY(librnn_check_pointer("sequences->inputs", s->inputs));
        return check_unused("sequences->input_size", s->input_size, "unless input_vectors is set");
    }
    RNN_TRY(check_absent("sequences->inputs", s->inputs, "if input_vectors is set"));
    return librnn_check_range("sequences->input_size", s->input_size, 1, SIZE_MOST);
}

static rnn_status check_no_targets(const rnn_sequences *s, const char *why)
{
    RNN_TRY(check_absent("sequences->targets", s->targets, why));
    return check_absent("sequences->target_vectors", s->target_vectors, why);
}

static rnn_status check_targets(const rnn_sequences *s, const rnn_batcher_options *o)
{
    if (o->target_kind == RNN_TARGETS_NEXT)
        RNN_TRY(check_no_targets(s, "with RNN_TARGETS_NEXT"));
    if (o->target_kind == RNN_TARGETS_LAST && o->layout == RNN_BATCH_PACKED && !s->target_vectors)
        RNN_TRY(librnn_check_pointer("sequences->targets", s->targets));
    if (s->target_vectors) {
        RNN_TRY(check_absent("sequences->targets", s->targets, "if target_vectors is set"));
        return librnn_check_range("sequences->output_size", s->output_size, 1, SIZE_MOST);
    }
    RNN_TRY(check_absent("sequences->target_mask", s->target_mask, "unless target_vectors is set"));
    return check_unused("sequences->output_size", s->output_size, "unless target_vectors is set");
}

static rnn_status check_sequences(const rnn_sequences *s, const rnn_batcher_options *o)
{
    RNN_TRY(librnn_check_range("sequences->count", s->count, 1, INT32_MAX));
    RNN_TRY(librnn_check_pointer("sequences->lengths", s->lengths));
    RNN_TRY(librnn_check_range("sequences->reserved", s->reserved, 0, 0));
    RNN_TRY(check_inputs(s));
    RNN_TRY(check_targets(s, o));
    if (s->input_vectors || s->target_vectors)
        RNN_TRY(librnn_check_enumerator("sequences->precision", s->precision, librnn_precisions));
    else
        RNN_TRY(check_unused("sequences->precision", s->precision, "unless input_vectors or target_vectors is set"));
    return check_lengths(s, o->target_kind);
}

/* ---- Creation ---------------------------------------------------------------------------------------------------- */

/* The size in bytes of an id, or of a vector of `width` numbers. */
static size_t element_size(const rnn_sequences *s, const void *vectors, int64_t width)
{
    return !vectors ? sizeof(int32_t) : (size_t)width * (s->precision == RNN_FLOAT64 ? sizeof(double) : sizeof(float));
}

static rnn_status copy(const char *purpose, const void *from, size_t count, size_t size, void **to)
{
    RNN_TRY(librnn_allocate(purpose, count, size, to));
    memcpy(*to, from, count * size);
    return RNN_OK;
}

static rnn_status place_sequences(rnn_batcher *batcher)
{
    const rnn_sequences *s = &batcher->sequences;
    RNN_TRY(
        librnn_allocate("a batcher's sequences", (size_t)s->count + 1, sizeof(int64_t), (void **)&batcher->offsets));
    for (int64_t i = 0; i < s->count; i++)
        batcher->offsets[i + 1] = batcher->offsets[i] + s->lengths[i];
    for (int32_t i = 0; i < s->count; i++) {
        int64_t length = length_of(batcher, i);
        batcher->total += length;
        if (length > batcher->longest)
            batcher->longest = length;
    }
    if (is_packed(batcher))
        batcher->longest = batcher->options.steps;
    return RNN_OK;
}

static rnn_status copy_inputs(rnn_batcher *batcher)
{
    rnn_sequences *s = &batcher->sequences;
    size_t elements = (size_t)batcher->offsets[s->count], size = element_size(s, s->input_vectors, s->input_size);
    const void *from = s->input_vectors ? s->input_vectors : s->inputs;
    RNN_TRY(copy("a batcher's inputs", from, elements, size, &batcher->inputs));
    batcher->input = (column){.all = batcher->inputs, .size = size};
    s->lengths = NULL; /* from here on, only the offsets and the copies are used */
    if (s->input_vectors) {
        s->input_vectors = batcher->inputs;
        return RNN_OK;
    }
    s->inputs = batcher->inputs;
    return librnn_check_ids("sequences->inputs", s->inputs, elements, 0, SYMBOLS_MOST);
}

/*
 * Checks the targets. An invalid id may lie beyond the end of the caller's array, whose length depends on an option; so
 * the message explains that length.
 */
static rnn_status check_target_ids(const rnn_batcher *batcher, size_t count)
{
    rnn_status status =
        librnn_check_ids("sequences->targets", batcher->sequences.targets, count, RNN_IGNORE, SYMBOLS_MOST);
    if (status == RNN_OK || has_one_target(batcher))
        return status;
    return librnn_fail(
        status,
        "%s. RNN_TARGETS_EACH takes %zu targets, one for each element; RNN_TARGETS_LAST takes one for each sequence",
        rnn_last_error(), count);
}

static rnn_status copy_targets(rnn_batcher *batcher)
{
    rnn_sequences *s = &batcher->sequences;
    size_t count = (size_t)(has_one_target(batcher) ? s->count : batcher->offsets[s->count]);
    size_t size = element_size(s, s->target_vectors, s->output_size);
    const void *from = s->target_vectors ? s->target_vectors : s->targets;
    if (batcher->options.target_kind == RNN_TARGETS_NEXT) {
        batcher->target = batcher->input;
        batcher->target.all += batcher->target.size;
        return RNN_OK;
    }
    if (!from)
        return RNN_OK;
    RNN_TRY(copy("a batcher's targets", from, count, size, &batcher->targets));
    batcher->target = (column){.all = batcher->targets, .size = size};
    if (s->targets) {
        s->targets = batcher->targets;
        return check_target_ids(batcher, count);
    }
    s->target_vectors = batcher->targets;
    if (s->target_mask)
        RNN_TRY(copy("a batcher's masks", s->target_mask, count, 1, (void **)&batcher->mask));
    s->target_mask = batcher->mask;
    if (s->target_mask || (has_one_target(batcher) && is_packed(batcher)))
        batcher->target_mask = (column){.all = (char *)batcher->mask, .size = 1};
    return RNN_OK;
}

static rnn_status create_column(const char *purpose, column *c, size_t rows)
{
    return c->size > 0 ? librnn_allocate(purpose, rows, c->size, (void **)&c->chunk) : RNN_OK;
}

/* Allocates the arrays of a chunk. */
static rnn_status create_chunk(rnn_batcher *batcher)
{
    size_t streams = (size_t)batcher->options.streams, rows;
    if (!rnn_size_multiply((uint64_t)batcher->longest, streams, &rows))
        return librnn_fail(RNN_ERROR_MEMORY, "out of memory for a chunk of %" PRId64 " steps and %zu streams",
                           batcher->longest, streams);
    size_t targets = has_one_target(batcher) && !is_packed(batcher) ? streams : rows;
    batcher->start.size = 1;
    RNN_TRY(create_column("a chunk's inputs", &batcher->input, rows));
    RNN_TRY(create_column("a chunk's targets", &batcher->target, targets));
    RNN_TRY(create_column("a chunk's target mask", &batcher->target_mask, targets));
    RNN_TRY(create_column("a chunk's starts", &batcher->start, rows));
    RNN_TRY(librnn_allocate("a chunk's lengths", streams, sizeof(int64_t), (void **)&batcher->lengths));
    RNN_TRY(librnn_allocate("a chunk's sequences", rows, sizeof(int64_t), (void **)&batcher->of_place));
    return librnn_allocate("a chunk's elements", rows, sizeof(int64_t), (void **)&batcher->elements);
}

/* The number of sequences that are sorted together; 0: none. */
static int64_t bucket_size(const rnn_batcher *batcher)
{
    int64_t size = batcher->options.bucket * batcher->options.streams;
    return size < batcher->sequences.count ? size : batcher->sequences.count;
}

static rnn_status create_plan(rnn_batcher *batcher)
{
    size_t count = (size_t)batcher->sequences.count, streams = (size_t)batcher->options.streams;
    size_t heap = is_packed(batcher) ? streams : (size_t)bucket_size(batcher);
    RNN_TRY(librnn_allocate("a batcher's order", count, sizeof(int32_t), (void **)&batcher->order));
    RNN_TRY(librnn_allocate("a batcher's plan", count, sizeof(int64_t), (void **)&batcher->begin));
    RNN_TRY(librnn_allocate("a batcher's plan", count, sizeof(int32_t), (void **)&batcher->next));
    RNN_TRY(librnn_allocate("a batcher's streams", streams, sizeof(int32_t), (void **)&batcher->tails));
    RNN_TRY(librnn_allocate("a batcher's streams", streams, sizeof(int32_t), (void **)&batcher->turns));
    return heap > 0 ? librnn_allocate("a batcher's plan", heap, sizeof(entry), (void **)&batcher->heap) : RNN_OK;
}

static rnn_status fill_batcher(rnn_batcher *batcher)
{
    RNN_TRY(place_sequences(batcher));
    RNN_TRY(copy_inputs(batcher));
    RNN_TRY(copy_targets(batcher));
    RNN_TRY(create_chunk(batcher));
    return create_plan(batcher);
}

void rnn_batcher_destroy(rnn_batcher *batcher)
{
    if (!batcher)
        return;
    void *const memory[] = {batcher->inputs,
                            batcher->targets,
                            batcher->mask,
                            batcher->offsets,
                            batcher->order,
                            batcher->begin,
                            batcher->next,
                            batcher->tails,
                            batcher->heap,
                            batcher->turns,
                            batcher->input.chunk,
                            batcher->target.chunk,
                            batcher->start.chunk,
                            batcher->lengths,
                            batcher->of_place,
                            batcher->elements,
                            batcher->target_mask.chunk};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        librnn_release(memory[i]);
    librnn_release(batcher);
}

/* ---- Order ------------------------------------------------------------------------------------------------------- */

static bool comes_before(const entry *a, const entry *b)
{
    return a->key < b->key || (a->key == b->key && a->index < b->index);
}

/* Sinks an element to its place in a heap. */
static void sink(entry *heap, int64_t count, int64_t at)
{
    for (int64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &heap[at]))
            return;
        entry moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

static int64_t random_below(const rnn_batcher *batcher, uint64_t index, int64_t limit)
{
    return librnn_random_below(batcher->options.seed ^ BATCHER_KEY, (uint64_t)batcher->epoch, index, (uint32_t)limit);
}

static void exchange(int32_t *a, int32_t *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t moved = a[i];
        a[i] = b[i];
        b[i] = moved;
    }
}

/* The Fisher-Yates shuffle, for blocks of `size` turns. */
static void shuffle(rnn_batcher *batcher, int64_t blocks, int64_t size, uint64_t first_index)
{
    for (int64_t i = blocks - 1; i > 0; i--) {
        int64_t other = random_below(batcher, first_index + (uint64_t)i, i + 1);
        if (other != i)
            exchange(batcher->order + i * size, batcher->order + other * size, size);
    }
}

/* Sorts some turns by length. Turns of equal length keep their order. */
static void sort_turns(rnn_batcher *batcher, int32_t *order, int64_t count)
{
    entry *heap = batcher->heap;
    int32_t *before = batcher->next; /* `next` isn't needed yet */
    memcpy(before, order, (size_t)count * sizeof *order);
    for (int64_t i = 0; i < count; i++)
        heap[i] = (entry){length_of(batcher, order[i]), (int32_t)i};
    for (int64_t i = count / 2 - 1; i >= 0; i--)
        sink(heap, count, i);
    for (int64_t i = 0; i < count; i++) {
        order[i] = before[heap[0].index];
        heap[0] = heap[count - 1 - i];
        sink(heap, count - 1 - i, 0);
    }
}

static void make_order(rnn_batcher *batcher)
{
    int64_t count = batcher->sequences.count, bucket = bucket_size(batcher);
    for (int32_t i = 0; i < count; i++)
        batcher->order[i] = i;
    if (batcher->options.shuffle)
        shuffle(batcher, count, 1, 0);
    if (bucket == 0)
        return;
    for (int64_t i = 0; i < count; i += bucket)
        sort_turns(batcher, batcher->order + i, count - i < bucket ? count - i : bucket);
    if (batcher->options.shuffle)
        shuffle(batcher, count / batcher->options.streams, batcher->options.streams, OF_CHUNKS);
}

/* ---- Plan -------------------------------------------------------------------------------------------------------- */

/* Each stream gets one turn. The next turns begin when the longest of these is over. */
static void plan_padded(rnn_batcher *batcher)
{
    int64_t count = batcher->sequences.count, streams = batcher->options.streams, end = 0;
    for (int32_t i = 0; i < count; i++) {
        if (i % streams == 0)
            batcher->end = end;
        batcher->begin[i] = batcher->end;
        batcher->next[i] = i + streams < count ? (int32_t)(i + streams) : -1;
        if (batcher->end + length_of_turn(batcher, i) > end)
            end = batcher->end + length_of_turn(batcher, i);
    }
    batcher->end = end;
    for (int64_t b = 0; b < streams; b++)
        batcher->turns[b] = b < count ? (int32_t)b : -1;
}

/* Each turn goes to the stream that becomes free first. */
static void plan_packed(rnn_batcher *batcher)
{
    int64_t streams = batcher->options.streams;
    entry *heap = batcher->heap;
    for (int64_t b = 0; b < streams; b++) {
        heap[b] = (entry){0, (int32_t)b};
        batcher->turns[b] = batcher->tails[b] = -1;
    }
    batcher->end = 0;
    for (int32_t i = 0; i < batcher->sequences.count; i++) {
        int32_t b = heap[0].index, tail = batcher->tails[b];
        batcher->begin[i] = heap[0].key;
        batcher->next[i] = -1;
        *(tail < 0 ? &batcher->turns[b] : &batcher->next[tail]) = i;
        batcher->tails[b] = i;
        heap[0].key += length_of_turn(batcher, i);
        if (heap[0].key > batcher->end)
            batcher->end = heap[0].key;
        sink(heap, streams, 0);
    }
}

static void begin_epoch(rnn_batcher *batcher, int64_t epoch)
{
    batcher->epoch = epoch;
    batcher->step = batcher->served = 0;
    make_order(batcher);
    if (is_packed(batcher))
        plan_packed(batcher);
    else
        plan_padded(batcher);
}

rnn_status rnn_batcher_create(const rnn_sequences *sequences, const rnn_batcher_options *options, rnn_batcher **batcher)
{
    rnn_sequences s;
    rnn_batcher_options o = default_options;
    rnn_batcher *b;
    RNN_TRY(librnn_struct_read("sequences", sequences, &s, sizeof s, sizeof s));
    if (options)
        RNN_TRY(librnn_struct_read("batcher_options", options, &o, sizeof o, sizeof o));
    RNN_REQUIRE(batcher);
    RNN_TRY(check_options(&o));
    RNN_TRY(check_sequences(&s, &o));
    RNN_TRY(librnn_allocate("a batcher", 1, sizeof *b, (void **)&b));
    b->sequences = s;
    b->options = o;
    rnn_status status = fill_batcher(b);
    if (status != RNN_OK) {
        rnn_batcher_destroy(b);
        return status;
    }
    begin_epoch(b, 0);
    *batcher = b;
    return RNN_OK;
}

/* ---- Serving ----------------------------------------------------------------------------------------------------- */

static int64_t steps_of_next(const rnn_batcher *batcher)
{
    int64_t left = batcher->end - batcher->step, longest = 0;
    if (is_packed(batcher))
        return left < batcher->options.steps ? left : batcher->options.steps;
    for (int64_t b = 0; b < batcher->options.streams && batcher->turns[b] >= 0; b++) {
        int64_t length = length_of_turn(batcher, batcher->turns[b]);
        longest = length > longest ? length : longest;
    }
    return longest;
}

static void clear_column(const column *c, size_t rows, int byte)
{
    if (c->size > 0)
        memset(c->chunk, byte, rows * c->size);
}

/* Four bytes of 255 are the id -1, which is RNN_IGNORE. */
static void clear_chunk(rnn_batcher *batcher)
{
    size_t streams = (size_t)batcher->options.streams, rows = (size_t)batcher->steps * streams;
    size_t targets = has_one_target(batcher) && !is_packed(batcher) ? streams : rows;
    clear_column(&batcher->input, rows, 0);
    clear_column(&batcher->target, targets, has_target_vectors(batcher) ? 0 : 255);
    clear_column(&batcher->target_mask, targets, 0);
    clear_column(&batcher->start, rows, 0);
    memset(batcher->lengths, 0, streams * sizeof *batcher->lengths);
    memset(batcher->of_place, 255, rows * sizeof *batcher->of_place);
    memset(batcher->elements, 255, rows * sizeof *batcher->elements);
    batcher->any_starts = false;
}

static void copy_row(const column *c, int64_t from, size_t row)
{
    if (c->size > 0)
        memcpy(c->chunk + row * c->size, c->all + (size_t)from * c->size, c->size);
}

static void copy_target(const rnn_batcher *batcher, int32_t sequence, int64_t element, size_t row, size_t b)
{
    int64_t from = batcher->offsets[sequence] + element;
    if (has_one_target(batcher)) {
        if (element + 1 < length_of(batcher, sequence))
            return;
        from = sequence;
        row = is_packed(batcher) ? row : b;
    }
    copy_row(&batcher->target, from, row);
    if (batcher->target_mask.all)
        copy_row(&batcher->target_mask, from, row);
    else if (batcher->target_mask.size > 0)
        batcher->target_mask.chunk[row] = 1;
}

/* Copies a turn's positions between steps `first` and `end` of the epoch. */
static void copy_turn(rnn_batcher *batcher, int32_t turn, int64_t first, int64_t end, size_t b)
{
    int32_t sequence = batcher->order[turn];
    for (int64_t step = first; step < end; step++) {
        size_t row = (size_t)((step - batcher->step) * batcher->options.streams) + b;
        int64_t element = step - batcher->begin[turn];
        copy_row(&batcher->input, batcher->offsets[sequence] + element, row);
        copy_target(batcher, sequence, element, row, b);
        batcher->start.chunk[row] = element == 0 ? 1 : 0;
        batcher->any_starts |= element == 0;
        batcher->of_place[row] = sequence;
        batcher->elements[row] = element;
    }
    batcher->lengths[b] = end - batcher->step;
}

/* Goes through the next `steps` steps of a stream. Copies them to the chunk, or only counts them. */
static void serve_stream(rnn_batcher *batcher, int64_t b, int64_t steps, bool copies)
{
    int32_t *turn = &batcher->turns[b];
    int64_t chunk_end = batcher->step + steps;
    while (*turn >= 0 && batcher->begin[*turn] < chunk_end) {
        int64_t begin = batcher->begin[*turn], end = begin + length_of_turn(batcher, *turn);
        int64_t first = begin > batcher->step ? begin : batcher->step, last = end < chunk_end ? end : chunk_end;
        batcher->served += last - first;
        if (copies)
            copy_turn(batcher, *turn, first, last, (size_t)b);
        if (end > chunk_end)
            return;
        *turn = batcher->next[*turn];
    }
}

static void serve(rnn_batcher *batcher, int64_t steps, bool copies)
{
    for (int64_t b = 0; b < batcher->options.streams; b++)
        serve_stream(batcher, b, steps, copies);
    batcher->step += steps;
}

static rnn_chunk describe(const rnn_batcher *batcher, const rnn_chunk *given)
{
    rnn_chunk chunk = {.struct_size = sizeof chunk,
                       .steps = batcher->steps,
                       .streams = batcher->options.streams,
                       .target_mask = (const uint8_t *)batcher->target_mask.chunk,
                       .lengths = batcher->any_ends ? batcher->lengths : NULL,
                       .starts = batcher->any_starts ? (const uint8_t *)batcher->start.chunk : NULL,
                       .losses = given->losses,
                       .hits = given->hits,
                       .last_only = has_one_target(batcher) && !is_packed(batcher)};
    if (batcher->sequences.input_vectors)
        chunk.input_vectors = batcher->input.chunk;
    else
        chunk.inputs = (const int32_t *)(const void *)batcher->input.chunk;
    if (has_target_vectors(batcher))
        chunk.target_vectors = batcher->target.chunk;
    else
        chunk.targets = (const int32_t *)(const void *)batcher->target.chunk;
    return chunk;
}

rnn_status rnn_batcher_next(rnn_batcher *batcher, rnn_chunk *chunk, int32_t *last)
{
    rnn_chunk given;
    RNN_REQUIRE(batcher);
    RNN_TRY(librnn_struct_read("chunk", chunk, &given, sizeof given, sizeof given));
    if (batcher->served == batcher->total)
        begin_epoch(batcher, batcher->epoch + 1);
    batcher->steps = steps_of_next(batcher);
    clear_chunk(batcher);
    serve(batcher, batcher->steps, true);
    batcher->any_ends = false;
    for (int64_t b = 0; b < batcher->options.streams; b++)
        batcher->any_ends |= batcher->lengths[b] < batcher->steps;
    rnn_chunk served = describe(batcher, &given);
    RNN_TRY(librnn_struct_write("chunk", chunk, &served, sizeof served, sizeof served));
    if (last)
        *last = batcher->served == batcher->total;
    return RNN_OK;
}

rnn_status rnn_batcher_get_places(const rnn_batcher *batcher, int64_t *sequences, int64_t *elements, int64_t count)
{
    RNN_REQUIRE(batcher);
    if (batcher->steps == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "the batcher has served no chunk since it was created or since its position was set");
    int64_t streams = batcher->options.streams, all = batcher->steps * streams;
    if (count != all && count != streams)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "count is %" PRId64 "; it must be %" PRId64 " (the chunk's positions) or %" PRId64
                           " (its streams)",
                           count, all, streams);
    if (sequences)
        memcpy(sequences, batcher->of_place, (size_t)count * sizeof *sequences);
    if (elements)
        memcpy(elements, batcher->elements, (size_t)count * sizeof *elements);
    return RNN_OK;
}

/* ---- Sizes and positions ----------------------------------------------------------------------------------------- */

int64_t rnn_batcher_size(const rnn_batcher *batcher)
{
    return batcher ? batcher->sequences.count : 0;
}

int64_t rnn_batcher_positions(const rnn_batcher *batcher)
{
    return batcher ? batcher->total : 0;
}

int64_t rnn_batcher_steps(const rnn_batcher *batcher)
{
    return batcher ? batcher->longest : 0;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

int64_t rnn_batcher_chunks(const rnn_batcher *batcher)
{
    if (!batcher)
        return 0;
    return is_packed(batcher) ? divide_up(batcher->end, batcher->options.steps)
                              : divide_up(batcher->sequences.count, batcher->options.streams);
}

int64_t rnn_batcher_position(const rnn_batcher *batcher)
{
    return batcher ? batcher->epoch * batcher->total + batcher->served : 0;
}

/*
 * Goes to the chunk of an epoch that begins after `served` positions. Returns false if no chunk begins there.
 */
static bool go_to(rnn_batcher *batcher, int64_t epoch, int64_t served)
{
    begin_epoch(batcher, epoch);
    while (batcher->served < served)
        serve(batcher, steps_of_next(batcher), false);
    return batcher->served == served;
}

rnn_status rnn_batcher_seek(rnn_batcher *batcher, int64_t position)
{
    RNN_REQUIRE(batcher);
    RNN_TRY(librnn_check_range("position", position, 0, POSITION_MOST));
    int64_t epoch = batcher->epoch, served = batcher->served;
    if (!go_to(batcher, position / batcher->total, position % batcher->total)) {
        go_to(batcher, epoch, served);
        return librnn_fail(RNN_ERROR_ARGUMENT, "position is %" PRId64 "; no chunk begins there", position);
    }
    batcher->steps = 0;
    return RNN_OK;
}

rnn_status rnn_batcher_rewind(rnn_batcher *batcher)
{
    return rnn_batcher_seek(batcher, 0);
}
