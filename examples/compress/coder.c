/*
 * coder.c: codes bytes bit by bit with a range coder.
 *
 * The last bytes of a stream form several contexts, such as the last three bytes or the last word. For each context,
 * counters remember which bits followed it. A mixer (Mahoney, "Adaptive weighing of context models for lossless data
 * compression", 2005) weighs the predictions of the counters, of the longest match and of the network, and learns the
 * weights as it goes. All streams share the counters and the mixer.
 *
 * All numbers are integers, so all machines compute the same. A probability p is in units of 2^-16 or, in a map, of
 * 2^-22. The mixer adds logits: ln(p / (1 - p)) in units of 1/256.
 */
#include "compress.h"

#include <stdlib.h>
#include <string.h>

enum {
    CONTEXTS = 12,
    INPUTS = 2 * CONTEXTS + 6,
    SETS = 3,          /* Each bit is mixed with a set of weights from each of three tables. */
    LOGIT = 2900,      /* the largest logit */
    POINTS = 47,       /* of a curve: one for each 128 units of the range of logits */
    HISTORY = 1 << 25, /* bytes */
    MATCH_BITS = 20,   /* of an index of the table of matches */
    LEAST_MATCH = 5,   /* bytes */
    COUNT_MOST = 1023, /* bits that a counter counts */
    SLOT_COUNT = 120,  /* A slot's prediction moves by at least about 1/SLOT_COUNT. */
};

typedef struct slot {
    uint16_t p;      /* of a 1 */
    uint8_t count;   /* of the bits seen */
    uint8_t history; /* the last bits, after a leading 1 */
} slot;

/* The slots of the four bits of half a byte. */
typedef struct bucket {
    uint16_t tag, used;
    slot slots[15];
} bucket;

/* A probability and a count, which learns what to expect: p is in the upper 22 bits. */
typedef uint32_t map;

/* A function of a logit, which learns by how much a prediction is wrong. */
typedef struct curve {
    uint32_t points[POINTS]; /* p, in units of 2^-32 */
} curve;

typedef struct stream {
    uint32_t position, line, line_above; /* in the history, modulo 2^32 */
    uint64_t last;                       /* the last eight bytes */
    uint32_t word, word_before;          /* hashes */
    uint32_t hashes[CONTEXTS];
    uint32_t match, match_length; /* the position of the expected byte, and how many bytes before it match */
} stream;

/* The predictions of one bit, and what they were made from. */
typedef struct prediction {
    slot *slots[CONTEXTS];
    map *maps[CONTEXTS], *match;
    int expected; /* by the match: 0, 1, or -1 for nothing */
    int32_t inputs[INPUTS];
    int32_t *weights[SETS], *last_weights;
    int32_t logits[SETS];
    int p_mixed;
    uint32_t *curve_points[3];
} prediction;

struct coder {
    int16_t logits[1 << 16];               /* of each p */
    uint16_t probabilities[2 * LOGIT + 1]; /* of each logit */
    int32_t rates[COUNT_MOST + 1];         /* of each count */
    int table_bits;
    bucket *tables[CONTEXTS];
    map maps[CONTEXTS][4 * BYTES]; /* by a slot's count and history */
    map match_maps[64];            /* by the match's length */
    curve of_network[BYTES], of_one[BYTES * BYTES], of_three[BYTES * BYTES];
    int32_t by_match[64 * 8][INPUTS], by_last[BYTES * 8][INPUTS], by_node[BYTES][INPUTS];
    int32_t last_weights[BYTES][SETS];
    uint8_t *history;
    uint32_t *matches; /* where the same bytes came before */
    stream streams[MOST_STREAMS];
    uint32_t low, high, code; /* the range coder */
    bool writes;
    uint8_t *to;
    const uint8_t *from;
    size_t at, size;
};

/* ---- Probabilities ---- */

static void fill_tables(coder *c)
{
    uint64_t e = UINT64_C(1) << 32; /* exp(-i / 256) */
    for (int i = 0; i <= LOGIT; i++) {
        uint64_t p = (UINT64_C(1) << 48) / ((UINT64_C(1) << 32) + e);
        c->probabilities[LOGIT + i] = (uint16_t)p;
        c->probabilities[LOGIT - i] = (uint16_t)((1 << 16) - p);
        e = e * UINT64_C(4278222847) >> 32; /* times exp(-1 / 256) */
    }
    for (int p = 0, x = 0; p < 1 << 16; p++) {
        while (x < 2 * LOGIT && c->probabilities[x] < p)
            x++;
        c->logits[p] = (int16_t)(x - LOGIT);
    }
    for (int i = 0; i <= COUNT_MOST; i++)
        c->rates[i] = 65536 * 2 / (2 * i + 3);
}

static int limit(int64_t logit)
{
    return logit > LOGIT ? LOGIT : logit < -LOGIT ? -LOGIT : (int)logit;
}

static int probability(const coder *c, int logit)
{
    return c->probabilities[limit(logit) + LOGIT];
}

static void update_slot(const coder *c, slot *s, int bit)
{
    s->p = (uint16_t)(s->p + ((bit * 65535 - s->p) * c->rates[s->count] >> 16));
    s->count = (uint8_t)(s->count + (s->count < SLOT_COUNT));
    s->history = (uint8_t)((s->history < 128 ? s->history : (s->history & 63) | 64) << 1 | bit);
}

static int map_logit(const coder *c, const map *m)
{
    return c->logits[*m >> 16];
}

static void update_map(const coder *c, map *m, int bit, uint32_t most)
{
    uint32_t count = *m & COUNT_MOST;
    int64_t p = *m >> 10;
    p += (bit * INT64_C(0x3fffff) - p) * c->rates[count] >> 16;
    *m = (uint32_t)p << 10 | (count + (count < most));
}

/* Reads a curve between its points. Sets `nearest`, the point to update. */
static int read_curve(curve *f, int logit, uint32_t **nearest)
{
    uint32_t x = (uint32_t)(logit + LOGIT), i = x >> 7, part = x & 127;
    *nearest = &f->points[i + (part >> 6)];
    return (int)(((f->points[i] >> 16) * (128 - part) + (f->points[i + 1] >> 16) * part) >> 7);
}

static void update_curve(uint32_t *point, int bit)
{
    *point = (uint32_t)(*point + ((bit * INT64_C(0xffffffff) - *point) >> 6));
}

static void start_curves(const coder *c, curve *curves, int count)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < POINTS; j++)
            curves[i].points[j] = (uint32_t)probability(c, 128 * j - LOGIT) << 16;
}

/* ---- The range coder ---- */

static void shift_out(coder *c)
{
    if (c->writes && c->at < c->size)
        c->to[c->at] = (uint8_t)(c->high >> 24);
    else if (!c->writes)
        c->code = c->code << 8 | (c->at < c->size ? c->from[c->at] : 0);
    c->at++;
    c->low <<= 8;
    c->high = c->high << 8 | 255;
}

static int code_bit(coder *c, int p, int bit)
{
    uint32_t middle = c->low + (uint32_t)(((uint64_t)(c->high - c->low) * (uint32_t)p) >> 16);
    if (!c->writes)
        bit = c->code <= middle;
    if (bit)
        c->high = middle;
    else
        c->low = middle + 1;
    while ((c->low ^ c->high) >> 24 == 0)
        shift_out(c);
    return bit;
}

void coder_write(coder *c, uint8_t *to, size_t capacity)
{
    c->writes = true;
    c->to = to;
    c->at = 0;
    c->size = capacity;
    c->low = 0;
    c->high = UINT32_MAX;
}

void coder_read(coder *c, const uint8_t *from, size_t size)
{
    c->writes = false;
    c->from = from;
    c->at = 0;
    c->size = size;
    for (int i = 0; i < 4; i++)
        shift_out(c);
    c->low = 0;
    c->high = UINT32_MAX;
}

size_t coder_size(const coder *c)
{
    return c->at;
}

size_t coder_finish(coder *c)
{
    c->high = ((c->low >> 24) + 1) << 24; /* The reader adds zeros, so one byte is enough. */
    shift_out(c);
    return c->at;
}

/* ---- Contexts ---- */

static uint32_t hash(uint64_t x)
{
    return (uint32_t)((x * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

static bucket *bucket_of(const coder *c, int context, uint32_t h)
{
    return &c->tables[context][(h * 2654435761U) >> (32 - c->table_bits)];
}

/* Finds a bucket or takes one of two places that have been used less. */
static bucket *find(const coder *c, int context, uint32_t h)
{
    bucket *first = bucket_of(c, context, h);
    bucket *second = c->tables[context] + ((first - c->tables[context]) ^ 1);
    uint16_t tag = (uint16_t)h;
    if (first->used && first->tag == tag)
        return first;
    if (second->used && second->tag == tag)
        return second;
    bucket *b = first->slots[0].count <= second->slots[0].count ? first : second;
    *b = (bucket){.tag = tag, .used = 1};
    for (int i = 0; i < 15; i++)
        b->slots[i] = (slot){.p = 1 << 15, .history = 1};
    return b;
}

static void set_contexts(coder *c, stream *s)
{
    uint64_t x = s->last;
    uint32_t column = s->position - s->line, width = s->line - s->line_above;
    uint64_t above = column < width ? c->history[(s->line_above + column) % HISTORY] : 0;
    const uint64_t contexts[CONTEXTS] = {
        0,
        x & 0xff,
        x & 0xffff,
        x & 0xffffff,
        x & 0xffffffff,
        x & 0xffffffffff,
        x & 0xffffffffffff,
        (uint64_t)s->word << 8 | (x & 0xff),
        (uint64_t)s->word << 32 | s->word_before,
        x & 0xffff00,
        x & 0xf0f0ff00,
        above << 8 | (x & 0xff) | (uint64_t)(column < 255 ? column : 255) << 16,
    };
    for (int i = 0; i < CONTEXTS; i++) {
        s->hashes[i] = hash(contexts[i] + ((uint64_t)(i + 1) << 56) + 1);
        __builtin_prefetch(bucket_of(c, i, s->hashes[i]));
    }
}

static void find_buckets(const coder *c, const stream *s, int node, bucket *buckets[CONTEXTS])
{
    uint32_t hashes[CONTEXTS];
    for (int i = 0; i < CONTEXTS; i++) {
        hashes[i] = node == 1 ? s->hashes[i] : hash(s->hashes[i] * UINT64_C(31) + (uint64_t)node);
        __builtin_prefetch(bucket_of(c, i, hashes[i]));
    }
    for (int i = 0; i < CONTEXTS; i++)
        buckets[i] = find(c, i, hashes[i]);
}

static bool is_in_word(int byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte >= 128;
}

/* Extends the match, or looks for another. */
static void update_match(coder *c, stream *s, int byte)
{
    if (s->match_length > 0 && c->history[s->match % HISTORY] == byte) {
        s->match++;
        s->match_length += s->match_length < 65535;
    } else {
        s->match_length = 0;
    }
    c->history[s->position++ % HISTORY] = (uint8_t)byte;
    uint32_t *place = &c->matches[hash(s->last & 0xffffffffffff) >> (32 - MATCH_BITS)];
    if (s->match_length == 0 && *place != 0) {
        s->match = *place;
        while (s->match_length < 64 && c->history[(s->match - 1 - s->match_length) % HISTORY] ==
                                           c->history[(s->position - 1 - s->match_length) % HISTORY])
            s->match_length++;
        if (s->match_length < LEAST_MATCH)
            s->match_length = 0;
    }
    *place = s->position;
}

static void append(coder *c, stream *s, int byte)
{
    s->last = s->last << 8 | (uint64_t)byte;
    update_match(c, s, byte);
    if (is_in_word(byte)) {
        s->word = (s->word + (uint32_t)byte + 1) * 0x2F0B4C47;
    } else if (s->word != 0) {
        s->word_before = s->word;
        s->word = 0;
    }
    if (byte == '\n') {
        s->line_above = s->line;
        s->line = s->position;
    }
    set_contexts(c, s);
}

void coder_begin_stream(coder *c, int64_t index, uint32_t position)
{
    stream *s = &c->streams[index];
    *s = (stream){.position = position, .line = position, .line_above = position};
    set_contexts(c, s);
}

/* ---- Mixing ---- */

static int64_t dot(const int32_t *weights, const int32_t *inputs, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += (int64_t)weights[i] * inputs[i];
    return sum >> 16;
}

static void learn(int32_t *weights, const int32_t *inputs, int count, int error)
{
    for (int i = 0; i < count; i++)
        weights[i] += (inputs[i] * error + (1 << 13)) >> 14;
}

/* Predicts the bit after `node`: a leading 1 and the byte's bits so far. Returns its probability of being 1. */
static int predict(coder *c, stream *s, bucket *const *buckets, const uint32_t *shares, int node, int bits_left,
                   prediction *o)
{
    int32_t *x = o->inputs;
    int low = bits_left & 3 ? 1 << (4 - bits_left % 4) : 1; /* the leading 1 within half a byte */
    for (int i = 0; i < CONTEXTS; i++) {
        slot *t = o->slots[i] = &buckets[i]->slots[(low | (node & (low - 1))) - 1];
        int much = (t->count >= 8) + (t->count >= 20) + (t->count >= 50);
        o->maps[i] = &c->maps[i][much * BYTES + t->history];
        *x++ = t->count > 0 ? c->logits[t->p] : 0;
        *x++ = t->count > 0 ? map_logit(c, o->maps[i]) : 0;
    }

    int guess = c->history[s->match % HISTORY];
    uint32_t length = s->match_length < 32 ? s->match_length : 32 + (s->match_length - 32) / 16;
    length = length < 63 ? length : 63;
    o->expected = length > 0 && (guess | BYTES) >> bits_left == node ? guess >> (bits_left - 1) & 1 : -1;
    o->match = &c->match_maps[length];
    int sign = o->expected < 0 ? 0 : o->expected ? 1 : -1;
    *x++ = sign * map_logit(c, o->match);
    *x++ = sign * ((int)(*o->match >> 16) - (1 << 15)) / 32;

    int p = (int)(((uint64_t)shares[2 * node + 1] << 16) / shares[node]);
    *x++ = c->logits[p];
    *x++ = (p - (1 << 15)) / 32;
    *x++ = c->logits[read_curve(&c->of_network[node], c->logits[p], &o->curve_points[0])];
    *x++ = 256;

    o->weights[0] = c->by_match[(sign != 0 ? length : 0) * 8 + (uint32_t)bits_left - 1];
    o->weights[1] = c->by_last[(s->last & 255) * 8 + (uint32_t)bits_left - 1];
    o->weights[2] = c->by_node[node];
    o->last_weights = c->last_weights[node];
    for (int j = 0; j < SETS; j++)
        o->logits[j] = limit(dot(o->weights[j], o->inputs, INPUTS));
    int mixed = limit(dot(o->last_weights, o->logits, SETS));
    o->p_mixed = probability(c, mixed);

    curve *one = &c->of_one[(s->last & 255) << 8 | (uint64_t)node];
    curve *three = &c->of_three[hash((s->last & 0xffffff) << 8 | (uint64_t)node) >> 16];
    p = (2 * o->p_mixed + read_curve(one, mixed, &o->curve_points[1]) + read_curve(three, mixed, &o->curve_points[2])) /
        4;
    return p > 0 ? p : 1;
}

static void update(coder *c, prediction *o, int bit)
{
    for (int j = 0; j < SETS; j++)
        learn(o->weights[j], o->inputs, INPUTS, ((bit << 16) - probability(c, o->logits[j])) * 5 >> 5);
    learn(o->last_weights, o->logits, SETS, ((bit << 16) - o->p_mixed) >> 5);
    for (int i = 0; i < CONTEXTS; i++) {
        update_slot(c, o->slots[i], bit);
        update_map(c, o->maps[i], bit, 255);
    }
    if (o->expected >= 0)
        update_map(c, o->match, bit == o->expected, 127);
    for (int i = 0; i < 3; i++)
        update_curve(o->curve_points[i], bit);
}

int coder_code(coder *c, int64_t index, const uint32_t *shares, int byte)
{
    stream *s = &c->streams[index];
    bucket *buckets[CONTEXTS];
    prediction o;
    int node = 1;
    for (int bits_left = 8; bits_left > 0; bits_left--) {
        if (bits_left % 4 == 0)
            find_buckets(c, s, node, buckets);
        int p = predict(c, s, buckets, shares, node, bits_left, &o);
        int bit = code_bit(c, p, byte >> (bits_left - 1) & 1);
        update(c, &o, bit);
        node = node << 1 | bit;
    }
    append(c, s, node & 255);
    return node & 255;
}

/* ---- A coder ---- */

/* Expects the history's bits to go on as they were. */
static map first_map(int history)
{
    uint64_t ones = 1, zeros = 1;
    for (; history > 1; history >>= 1) {
        ones += history & 1 ? 2 : 0;
        zeros += history & 1 ? 0 : 2;
    }
    return (map)((ones << 22) / (ones + zeros)) << 10;
}

coder *coder_create(int table_bits)
{
    coder *c = allocate(sizeof *c);
    fill_tables(c);
    c->table_bits = table_bits;
    for (int i = 0; i < CONTEXTS; i++) {
        c->tables[i] = allocate(sizeof(bucket) << table_bits);
        for (int j = 0; j < 4 * BYTES; j++)
            c->maps[i][j] = first_map(j % BYTES);
    }
    for (int i = 0; i < 64; i++)
        c->match_maps[i] = UINT32_C(1) << 31;
    start_curves(c, c->of_network, BYTES);
    start_curves(c, c->of_one, BYTES * BYTES);
    start_curves(c, c->of_three, BYTES * BYTES);
    for (int i = 0; i < INPUTS; i++) {
        for (int j = 0; j < 64 * 8; j++)
            c->by_match[j][i] = 12000;
        for (int j = 0; j < BYTES * 8; j++)
            c->by_last[j][i] = 12000;
        for (int j = 0; j < BYTES; j++)
            c->by_node[j][i] = 12000;
    }
    for (int j = 0; j < BYTES; j++)
        for (int i = 0; i < SETS; i++)
            c->last_weights[j][i] = 65536 / SETS;
    c->history = allocate(HISTORY);
    c->matches = allocate(sizeof *c->matches << MATCH_BITS);
    return c;
}

void coder_destroy(coder *c)
{
    if (!c)
        return;
    for (int i = 0; i < CONTEXTS; i++)
        free(c->tables[i]);
    free(c->history);
    free(c->matches);
    free(c);
}
