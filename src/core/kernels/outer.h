/*
 * outer.h: the gradients of weights and biases, which are sums over positions. They are summed in blocks of at most
 * BLOCK_K positions, which keeps the error of a long sum small. The blocks are the same for every instruction set and
 * precision.
 */
#ifndef RNN_CORE_KERNELS_OUTER_H
#define RNN_CORE_KERNELS_OUTER_H

#include "base/share.h"
#include "core/kernels/pack.h"
#include "core/kernels/product.h"
#include "core/kernels/real.h"
#include "core/kernels/tile.h"

enum {
    BLOCK_K = 256,       /* positions that are summed before the sum is added to the gradient */
    BLOCK_COLUMNS = 512, /* columns of the gradient for which G is packed once */
    AHEAD = 6,           /* how many rows ahead pack_slices() prefetches */
    /* Slices are separated by a cache line, so that they don't all fall into the same sets of the cache. */
    SLICES_MOST = BLOCK_ROWS / TILE_ROWS * (BLOCK_K * TILE_ROWS + LINE),
    OUTER_SCRATCH = SLICES_MOST + BLOCK_K * BLOCK_COLUMNS /* reals */
};

/* One input X of outer_products(), and the weights whose gradient it contributes to. */
typedef struct outer_input {
    const real *x; /* [P] rows, padded with zeros to whole vectors */
    size_t x_row;  /* row stride */
    size_t columns;
    real *w;      /* [I][J] */
    size_t w_row; /* row stride, J */
} outer_input;

/* Packs k_count rows of x, from row `first` on, as panels one after the other. */
static void pack_panels(size_t k_count, const outer_input *input, size_t first, real *out)
{
    parts panels = panels_of(input->columns);
    for (size_t panel = 0; panel < panels.count; panel++) {
        size_t start = start_of(panels, panel), width = width_of(panels, panel);
        copy_panel(k_count, width, input->x + first * input->x_row + start, input->x_row, out);
        out += k_count * width;
    }
}

/*
 * out[k][TILE_ROWS] = g[k][0 .. columns), in slices with a stride of `slice` reals, padded with zeros. It goes row by
 * row, because reading g takes most of the time.
 */
static void pack_slices(size_t k_count, size_t columns, const real *g, size_t g_row, real *out, size_t slice)
{
    size_t whole = columns / TILE_ROWS * TILE_ROWS;
    for (size_t k = 0; k < k_count; k++, g += g_row, out += TILE_ROWS) {
        real *to = out;
        for (size_t c = 0; c < columns; c += LINE)
            __builtin_prefetch(g + AHEAD * g_row + c);
        for (size_t c = 0; c < whole; c += TILE_ROWS, to += slice)
            memcpy(to, g + c, TILE_ROWS * sizeof *to);
        if (whole == columns)
            continue;
        for (size_t j = 0; j < TILE_ROWS; j++)
            to[j] = whole + j < columns ? g[whole + j] : 0;
    }
}

/* C[TILE_ROWS][width] = start + A B, where A is a packed slice and B a packed panel. */
static void add_products(size_t p_count, const real *g_packed, const real *x_packed, size_t width, const real *start,
                         size_t start_row, real *c, size_t c_row)
{
    tile_operands o = {
        .k_count = p_count,
        .a = g_packed,
        .b = x_packed,
        .start = start,
        .start_row = start_row,
        .c = c,
        .c_row = c_row,
    };
    switch (width) {
    case WIDTH:
        tile(TILE_ROWS, 1, GRADIENT, &o);
        break;
    case 2 * WIDTH:
        tile(TILE_ROWS, 2, GRADIENT, &o);
        break;
    default:
        tile(TILE_ROWS, 3, GRADIENT, &o);
    }
}

/* Marks rows of G that have no gradient. */
#define NOWHERE (SIZE_MAX / 2)

/*
 * Finds the row of the weights for each column in a block of G. Columns come in groups, and only the first `kept`
 * columns of each group have weights.
 */
static void find_rows(share block, size_t group, size_t kept, size_t *rows)
{
    size_t gate = block.first / group, within = block.first % group;
    for (size_t i = 0; i < (block.count + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS; i++, within++) {
        if (within == group) {
            gate++;
            within = 0;
        }
        rows[i] = i < block.count && within < kept ? gate * kept + within : NOWHERE;
    }
}

/* The same as add_products(), for a tile in which some rows or columns don't exist. */
static void add_existing_products(size_t p_count, const real *g_packed, const real *x_packed, size_t width,
                                  const size_t *rows, size_t columns, real *w, size_t w_row)
{
    real nothing[TILE_VECTORS * WIDTH], sum[TILE_ROWS][TILE_VECTORS * WIDTH];
    for (size_t j = 0; j < TILE_VECTORS * WIDTH; j++)
        nothing[j] = (real)-0.0; /* adding -0 changes no sum, not even -0 */
    add_products(p_count, g_packed, x_packed, width, nothing, 0, sum[0], TILE_VECTORS * WIDTH);
    for (size_t r = 0; r < TILE_ROWS; r++)
        if (rows[r] != NOWHERE)
            for (size_t j = 0; j < columns; j++)
                w[rows[r] * w_row + j] += sum[r][j];
}

/* Multiplies packed slices of G, a block of rows, with the packed panels of X. */
static void multiply_block(size_t p_count, size_t i_count, const size_t *rows, const real *g_packed, size_t slice,
                           const outer_input *input, const real *x_packed)
{
    parts panels = panels_of(input->columns);
    for (size_t panel = 0; panel < panels.count; panel++) {
        size_t j = start_of(panels, panel), width = width_of(panels, panel),
               columns = least_of(width, input->columns - j);
        const real *g_slice = g_packed, *x_panel = x_packed + j * p_count;
        for (size_t i = 0; i < i_count; i += TILE_ROWS, g_slice += slice) {
            if (columns == width && rows[i] + TILE_ROWS - 1 == rows[i + TILE_ROWS - 1]) {
                real *w = input->w + rows[i] * input->w_row + j;
                add_products(p_count, g_slice, x_panel, width, w, input->w_row, w, input->w_row);
            } else {
                add_existing_products(p_count, g_slice, x_panel, width, rows + i, columns, input->w + j, input->w_row);
            }
        }
    }
}

/* The gradient of one block of columns, for one or two inputs. */
static void outer_product_block(share i_share, size_t group, size_t kept, size_t p_count, const real *g, size_t g_row,
                                const outer_input *inputs, size_t count, real *scratch)
{
    real *g_packed = scratch, *x_packed = scratch + SLICES_MOST;
    size_t i_end = i_share.first + i_share.count;
    size_t blocks = (p_count + BLOCK_K - 1) / BLOCK_K;
    for (size_t n = 0, p0 = 0, p_block; n < blocks; n++, p0 += p_block) {
        p_block = (p_count - p0) / (blocks - n); /* as equal as possible */
        size_t slice = p_block * TILE_ROWS + LINE;
        real *packed = x_packed;
        for (size_t j = 0; j < count; j++) {
            pack_panels(p_block, &inputs[j], p0, packed);
            packed += round_up(inputs[j].columns) * p_block;
        }
        for (size_t i = i_share.first; i < i_end; i += BLOCK_ROWS) {
            share block = {i, least_of(i_end - i, BLOCK_ROWS)};
            size_t rows[BLOCK_ROWS];
            find_rows(block, group, kept, rows);
            pack_slices(p_block, block.count, g + p0 * g_row + i, g_row, g_packed, slice);
            packed = x_packed;
            for (size_t j = 0; j < count; j++) {
                multiply_block(p_block, block.count, rows, g_packed, slice, &inputs[j], packed);
                packed += round_up(inputs[j].columns) * p_block;
            }
        }
    }
}

/*
 * Weight gradients for one or two inputs X: W[i][j] += sum over p of G[p][i] X[p][j], in ascending order of p, for one
 * share of the rows i.
 * g: [P] rows with stride g_row. Its columns come in groups of `group`, of which only the first `kept` exist in W.
 * scratch: OUTER_SCRATCH reals.
 */
static void outer_products(share i_share, size_t group, size_t kept, size_t p_count, const real *g, size_t g_row,
                           const outer_input *inputs, size_t count, real *scratch)
{
    if (i_share.count == 0)
        return;
    for (size_t n = 0, column = 0; n < count;) {
        outer_input block[2];
        size_t blocks = 0, room = BLOCK_COLUMNS;
        while (n < count && room > 0) { /* collects up to BLOCK_COLUMNS columns, for which G is packed once */
            outer_input *b = &block[blocks++];
            *b = inputs[n];
            b->x += column;
            b->w += column;
            b->columns = least_of(inputs[n].columns - column, room);
            room -= round_up(b->columns);
            column += b->columns;
            if (column == inputs[n].columns) {
                column = 0;
                n++;
            }
        }
        outer_product_block(i_share, group, kept, p_count, g, g_row, block, blocks, scratch);
    }
}

/*
 * Bias gradient: b[i] += sum over p of G[p][i], for one share of the elements i (whole vectors). It sums in blocks of
 * BLOCK_K, which keeps the error of a long sum small. Groups are as in outer_products().
 * also: a second bias that gets the same sums; or NULL.
 * scratch: i_share.count reals.
 */
static void column_sums(share i_share, size_t group, size_t kept, size_t p_count, const real *g, size_t g_row, real *b,
                        real *also, real *scratch)
{
    for (size_t p0 = 0; p0 < p_count; p0 += BLOCK_K) {
        size_t p_end = p_count - p0 < BLOCK_K ? p_count : p0 + BLOCK_K;
        memset(scratch, 0, i_share.count * sizeof *scratch);
        for (size_t p = p0; p < p_end; p++)
            for (size_t i = 0; i < i_share.count; i += WIDTH)
                store(scratch + i, load(scratch + i) + load(g + p * g_row + i_share.first + i));
        for (size_t i = i_share.first; i < i_share.first + i_share.count; i++)
            if (i % group < kept) {
                b[i / group * kept + i % group] += scratch[i - i_share.first];
                if (also)
                    also[i / group * kept + i % group] += scratch[i - i_share.first];
            }
    }
}

#endif
