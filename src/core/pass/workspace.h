/*
 * workspace.h: the arrays of one chunk.
 *
 * T steps, B streams, L layers, D decoded rows. S is H rounded up to whole vectors, and X is the first layer's input
 * size rounded up. A row is one position (t, b).
 */
#ifndef RNN_CORE_PASS_WORKSPACE_H
#define RNN_CORE_PASS_WORKSPACE_H

#include "base/share.h"
#include "core/cells/cell.h"
#include "core/cells/cells.h"
#include "core/core.h"
#include "core/kernels/outer.h"
#include "core/kernels/product.h"
#include "core/kernels/real.h"
#include "core/pass/arena.h"
#include "core/pass/weights.h"

/* Arrays of bidirectional networks. Layers in reverse store their rows in their own order: see directions.h. */
typedef struct two_directions {
    real *joined;           /* [levels - 1][T][B][F] output of each level, after dropout */
    real *x;                /* [T][B][X] x in the order of the layer in reverse; or NULL */
    real *input;            /* [levels - 1][T][B][F] `joined` in the order of the layers in reverse */
    int32_t *ids;           /* [T][B] ids in the order of the layer in reverse; or NULL */
    uint8_t *starts;        /* [T][B] starts in the order of the layers in reverse; or NULL */
    real *djoined, *dbelow; /* [T][B][F] gradients of a level's output and of the output of the level below */
    real *dinput;           /* [T][B][F] the part of `dbelow` that comes from one layer */
} two_directions;

enum { NORM_GROUPS = 2 };

/* Arrays for layer normalisation: see norm.h. Without training L is 1, and both kinds share one array. */
typedef struct normalisation {
    real *product[PRODUCT_KINDS]; /* [L][T][B][G][S] products, then their normalised values, finally their gradients */
    real *inverse[PRODUCT_KINDS]; /* [L][T][B][NORM_GROUPS] factors of normalisation; NULL without training */
    real *dgain[PRODUCT_KINDS];   /* [B][G][S] gradient of a layer's gains, not yet summed over B; or NULL */
} normalisation;

typedef struct workspace {
    share my_streams;            /* the streams of this share of the work */
    size_t steps, streams, rows; /* rows = T B */
    size_t hidden, stride;       /* H, S */
    int64_t directions;
    size_t features, top_stride; /* F: H times the number of directions; F rounded up */
    gate_widths gates;           /* widths within a row of gates: see weights.h */
    size_t outputs, out_stride;  /* O; O rounded up */
    size_t x_stride;             /* X */
    size_t decoded;              /* D: number of rows whose outputs are computed */
    real *x;                     /* [T][B][X] input vectors or embedded ids of the first layer; or NULL */
    real *h;                     /* [L][T + 1][B][S] index 0 is the state before the chunk */
    real *c;                     /* [L][T + 1][B][S] the same for c; NULL if the cell has no c */
    real *h_before, *c_before;   /* [L][T][B][S] state at the start of each step; NULL: it is in h and c */
    real *gate;                  /* [L][T][B][R][S] pre-activations, then activations, finally their gradients */
    normalisation norm;          /* only for networks with layer normalisation */
    real *mask;                  /* [levels - 1][T][B][F] dropout factors between levels; or NULL */
    real *dropped;               /* [L - 1][T][B][S] h after dropout; NULL: no dropout, or `both` has it */
    real *x_mask, *keep;         /* [T][B][X], [L][T][B][S] dropout factors of inputs and candidates; or NULL */
    uint32_t *decoded_before;    /* [T B + 1] number of decoded rows before this one; NULL: all are decoded */
    real *top;                   /* [D][F] output of the last level; NULL: it is in h, which has all rows */
    real *dtop;                  /* [D][F] gradient of `top`; NULL: it is in dh */
    real *top_mask;              /* [D][F] dropout factors before the decoder; or NULL */
    two_directions both;         /* only for bidirectional networks */
    real *out;                   /* [D][O rounded up] outputs, then exponentials, finally gradients of the outputs */
    real *sum;                   /* [D] sum of the exponentials */
    real *dh;                    /* [T + 1][B][S] gradient of a layer's h */
    real *dh_below;              /* [T + 1][B][S] the same for the layer below; the two are swapped after each layer */
    real *dx;                    /* [directions][T][B][X] gradient of the first level's input; or NULL */
    real *dc;                    /* [B][S] gradient of c */
    real *dinitial;              /* [parts][B][S] gradient of a layer's initial state; NULL if it isn't learned */
    real *dh_held, *dc_held;     /* [B][S] saved gradients of streams that start or stand still; or NULL */
    real *zeros;                 /* [max(X, F rounded up)] */
    size_t zero_count;
    real *scratch; /* [scratch_size] for each worker */
    size_t scratch_size;
} workspace;

/* Whether some rows are decoded and others aren't. */
static bool decodes_some(const workspace *w)
{
    return w->decoded > 0 && w->decoded < w->rows;
}

static two_directions take_both(arena *memory, const workspace *w, const core_network *n, const core_shape *shape)
{
    two_directions both = {0};
    size_t above = (size_t)(n->layers / n->directions - 1);
    both.joined = take(memory, w->rows, w->top_stride, above);
    both.input = take(memory, w->rows, w->top_stride, above);
    if (has_input_product(n, 0))
        both.x = take(memory, w->rows, w->x_stride, 1);
    if (n->input != CORE_VECTORS)
        both.ids = (int32_t *)take(memory, w->rows, 1, 1); /* a real is large enough for an id and, below, for a byte */
    if (shape->starts)
        both.starts = (uint8_t *)take(memory, w->rows, 1, 1);
    if (shape->training) {
        both.djoined = take(memory, w->rows, w->top_stride, above > 1);
        both.dbelow = take(memory, w->rows, w->top_stride, above > 0);
        both.dinput = take(memory, w->rows, w->top_stride, above > 0);
    }
    return both;
}

static normalisation take_normalisation(arena *memory, const workspace *w, const core_network *n,
                                        const core_shape *shape)
{
    normalisation norm = {.product = {NULL}};
    size_t layers = shape->training ? (size_t)n->layers : 1;
    for (product_kind kind = INPUT_PRODUCTS; kind < PRODUCT_KINDS; kind++) {
        norm.product[kind] = kind == INPUT_PRODUCTS || shape->training
                                 ? take(memory, w->rows, w->gates.products, layers)
                                 : norm.product[INPUT_PRODUCTS];
        if (!shape->training)
            continue;
        norm.inverse[kind] = take(memory, w->rows, NORM_GROUPS, layers);
        norm.dgain[kind] = take(memory, w->streams, w->gates.products, 1);
    }
    return norm;
}

static workspace take_workspace(arena *memory, const core_network *n, const core_shape *shape)
{
    workspace w = {.steps = (size_t)shape->steps,
                   .streams = (size_t)shape->streams,
                   .decoded = (size_t)shape->decoded,
                   .hidden = (size_t)n->hidden_size};
    size_t layers = (size_t)n->layers;
    w.rows = w.steps * w.streams;
    w.stride = round_up(w.hidden);
    w.directions = n->directions;
    w.features = features_of(n);
    w.top_stride = round_up(w.features);
    w.gates = widths_of(n);
    w.outputs = (size_t)n->output_size;
    w.out_stride = round_up(w.outputs);
    if (has_input_product(n, 0)) {
        w.x_stride = round_up((size_t)n->layer[0].inputs);
        w.x = take(memory, w.rows, w.x_stride, 1);
    }
    w.h = take(memory, w.rows + w.streams, w.stride, layers);
    if (cell_of(n)->info.state_parts > 1)
        w.c = take(memory, w.rows + w.streams, w.stride, layers);
    if (shape->starts)
        w.h_before = take(memory, w.rows, w.stride, layers);
    if (shape->starts && cell_of(n)->info.state_parts > 1)
        w.c_before = take(memory, w.rows, w.stride, layers);
    w.gate = take(memory, w.rows, w.gates.row, layers);
    if (is_normalised(n))
        w.norm = take_normalisation(memory, &w, n, shape);
    bool drops_output = shape->training && n->dropout.output > 0;
    if (decodes_some(&w))
        w.decoded_before = (uint32_t *)take(memory, w.rows + 1, 1, 1); /* a real is large enough for a uint32_t */
    if (decodes_some(&w) || drops_output || n->directions > 1) {
        w.top = take(memory, w.decoded, w.top_stride, 1);
        if (shape->training)
            w.dtop = take(memory, w.decoded, w.top_stride, 1);
    }
    w.out = take(memory, w.decoded, w.out_stride, 1);
    w.sum = take(memory, w.decoded, 1, 1);
    if (n->directions > 1)
        w.both = take_both(memory, &w, n, shape);
    if (!shape->training)
        return w;
    if (n->dropout.between > 0) {
        w.mask = take(memory, w.rows, w.top_stride, layers / (size_t)n->directions - 1);
        if (n->directions == 1)
            w.dropped = take(memory, w.rows, w.stride, layers - 1);
    }
    if (n->dropout.input > 0)
        w.x_mask = take(memory, w.rows, w.x_stride, 1);
    if (n->dropout.candidate > 0)
        w.keep = take(memory, w.rows, w.stride, layers);
    if (drops_output)
        w.top_mask = take(memory, w.decoded, w.top_stride, 1);
    w.dh = take(memory, w.rows + w.streams, w.stride, 1);
    w.dh_below = take(memory, w.rows + w.streams, w.stride, layers > 1 && n->directions == 1);
    if (n->input == CORE_EMBEDDED_IDS || (n->input == CORE_VECTORS && shape->kept))
        w.dx = take(memory, w.rows, w.x_stride, (size_t)n->directions);
    w.dc = take(memory, w.streams, w.stride, 1);
    if (n->layer[0].initial_h != CORE_NONE)
        w.dinitial = take(memory, w.streams, w.stride, (size_t)cell_of(n)->info.state_parts);
    if (shape->ragged) {
        w.dh_held = take(memory, w.streams, w.stride, 1);
        w.dc_held = take(memory, w.streams, w.stride, 1);
    }
    w.zero_count = w.x_stride > w.top_stride ? w.x_stride : w.top_stride;
    w.zeros = take(memory, w.zero_count, 1, 1);
    w.scratch_size = OUTER_SCRATCH + round_up(w.gates.row + w.out_stride);
    w.scratch = take(memory, w.scratch_size, shape->workers, 1);
    return w;
}

static size_t workspace_size(const core_network *n, const core_shape *shape)
{
    arena memory = {0};
    take_workspace(&memory, n, shape);
    return bytes_of(&memory);
}

/* Lays out the arrays of a pass. */
static workspace workspace_of(const core_pass *pass)
{
    arena memory = {.base = pass->workspace};
    workspace w = take_workspace(&memory, pass->network, &pass->shape);
    w.my_streams = (share){0, w.streams};
    return w;
}

/* The same work space, restricted to one share of the streams. */
static workspace of_streams(const workspace *all, team me)
{
    workspace w = *all;
    w.my_streams = share_of(me, w.streams);
    return w;
}

/* [B][S] h of a layer after t steps. */
static real *h_at(const workspace *w, int64_t layer, size_t t)
{
    return w->h + ((size_t)layer * (w->steps + 1) + t) * w->streams * w->stride;
}

static real *c_at(const workspace *w, int64_t layer, size_t t)
{
    return w->c ? w->c + ((size_t)layer * (w->steps + 1) + t) * w->streams * w->stride : NULL;
}

/* [B][S] h at the start of step t. Usually it is h after the previous step. */
static real *h_before(const workspace *w, int64_t layer, size_t t)
{
    return w->h_before ? w->h_before + ((size_t)layer * w->steps + t) * w->streams * w->stride : h_at(w, layer, t);
}

static real *c_before(const workspace *w, int64_t layer, size_t t)
{
    return w->c_before ? w->c_before + ((size_t)layer * w->steps + t) * w->streams * w->stride : c_at(w, layer, t);
}

/* [B][R][S] gates of a layer at step t. */
static real *gate_at(const workspace *w, int64_t layer, size_t t)
{
    return w->gate + ((size_t)layer * w->steps + t) * w->streams * w->gates.row;
}

/* Rows that hold some of the gates. */
typedef struct gate_rows {
    real *first;
    size_t row; /* row stride */
} gate_rows;

/* The rows of a layer, from `row` on, that hold one kind of product and later its gradients. */
static gate_rows product_rows(const workspace *w, int64_t layer, product_kind kind, size_t row)
{
    size_t products = w->gates.products, before = w->norm.inverse[kind] ? (size_t)layer * w->rows : 0;
    if (w->norm.product[kind])
        return (gate_rows){w->norm.product[kind] + (before + row) * products, products};
    size_t first = kind == INPUT_PRODUCTS ? 0 : w->gates.separate;
    return (gate_rows){gate_at(w, layer, 0) + row * w->gates.row + first, w->gates.row};
}

/* The normalisation factors of a row; NULL without training. */
static real *inverse_at(const workspace *w, int64_t layer, product_kind kind, size_t row)
{
    real *inverse = w->norm.inverse[kind];
    return inverse ? inverse + ((size_t)layer * w->rows + row) * NORM_GROUPS : NULL;
}

/* [B][S] dropout factors of a layer's candidates at step t; NULL without dropout of candidates. */
static real *keep_at(const workspace *w, int64_t layer, size_t t)
{
    return w->keep ? w->keep + ((size_t)layer * w->steps + t) * w->streams * w->stride : NULL;
}

/* The input of a layer: rows of all steps. */
typedef struct layer_input {
    real *rows;
    size_t stride;
} layer_input;

static layer_input input_of(const workspace *w, int64_t layer)
{
    const two_directions *both = &w->both;
    bool reverse = w->directions > 1 && layer % 2 > 0;
    int64_t level = w->directions > 1 ? layer / 2 : layer;
    if (level == 0)
        return (layer_input){reverse ? both->x : w->x, w->x_stride};
    if (w->directions > 1)
        return (layer_input){(reverse ? both->input : both->joined) + (size_t)(level - 1) * w->rows * w->top_stride,
                             w->top_stride};
    if (w->dropped)
        return (layer_input){w->dropped + (size_t)(layer - 1) * w->rows * w->stride, w->stride};
    return (layer_input){h_at(w, layer - 1, 1), w->stride};
}

/*
 * The number of steps that are multiplied together. Several steps give matrices with more rows. The number is limited
 * so that the rows still fit into a cache.
 */
static size_t steps_at_once(const workspace *w)
{
    bool all = w->my_streams.count == w->streams; /* otherwise the rows of consecutive steps aren't adjacent */
    return all && w->streams < BLOCK_ROWS ? BLOCK_ROWS / w->streams : 1;
}

/*
 * The number of steps in a block, whose weight gradients are added together. A block has about BLOCK_K rows, as many as
 * outer_products() sums at once.
 */
static size_t steps_of_block(const workspace *w)
{
    return w->streams < BLOCK_K ? BLOCK_K / w->streams : 1;
}

/* This share's rows of steps t ... t + steps - 1. `steps` is at most steps_at_once(). */
static share rows_of(const workspace *w, size_t t, size_t steps)
{
    return (share){t * w->streams + w->my_streams.first, steps * w->my_streams.count};
}

/* The decoded ones among these rows, as rows of `top`, `out` and the other arrays [D]. */
static share decoded_of(const workspace *w, share rows)
{
    if (!w->decoded_before)
        return rows;
    size_t first = w->decoded_before[rows.first];
    return (share){first, w->decoded_before[rows.first + rows.count] - first};
}

static bool is_decoded(const workspace *w, size_t row)
{
    return !w->decoded_before || w->decoded_before[row + 1] > w->decoded_before[row];
}

/* The arguments of a cell for one step of a layer, forward or backward; for a share of the streams. */
static cell_step step_of(const workspace *w, int64_t layer, size_t t)
{
    size_t first = w->my_streams.first, at = first * w->stride, prev = t * w->streams * w->stride + at,
           now = prev + w->streams * w->stride;
    cell_step step = {.streams = w->my_streams.count,
                      .width = w->stride,
                      .gates = gate_at(w, layer, t) + first * w->gates.row,
                      .h_prev = h_before(w, layer, t) + at,
                      .h = h_at(w, layer, t + 1) + at};
    if (w->c) {
        step.c_prev = c_before(w, layer, t) + at;
        step.c = c_at(w, layer, t + 1) + at;
    }
    if (w->keep)
        step.keep = keep_at(w, layer, t) + at;
    if (w->dh) {
        step.dh_prev = w->dh + prev;
        step.dh = w->dh + now;
        step.dc = w->dc + at;
    }
    return step;
}

#endif
