/*
 * product.h: the product of a matrix with a packed one. It takes most of the time of the forward and the backward pass.
 */
#ifndef RNN_CORE_KERNELS_PRODUCT_H
#define RNN_CORE_KERNELS_PRODUCT_H

#include "base/share.h"
#include "core/kernels/pack.h"
#include "core/kernels/real.h"
#include "core/kernels/tile.h"

enum {
    BLOCK_ROWS = 96, /* rows of A that stay in the L2 cache; a multiple of TILE_ROWS */
    /* Rows of B that are multiplied at once. A panel of this many rows takes 24 KiB and stays in the L1 cache. */
    PANEL_K = RNN_CORE_VECTOR_BYTES == 64 ? 128 : 256,
    LARGE = 1 << 20 /* size of B in bytes from which we don't expect it to stay in the L2 cache */
};

/* The arguments of product(). */
typedef struct matrices {
    size_t n_count, k_count;
    const real *a;
    size_t a_row;
    const real *b;
    const real *start;
    size_t start_row;
    real *c;
    size_t c_row;
    bool turned;
} matrices;

/*
 * Prefetches some lines of the next panel into the L2 cache. Hardware prefetching alone doesn't have enough lines in
 * flight.
 */
INLINE void fetch_next(tile_operands *o)
{
    for (size_t i = 0; i < o->next_lines; i++, o->next += LINE)
        __builtin_prefetch(o->next, 0, 2);
}

/* Moves to the next tile below. */
INLINE void move_down(tile_operands *o, size_t rows)
{
    o->a += rows * o->a_row;
    o->start += rows * o->start_row;
    o->c += rows * o->c_row;
}

/* A tile of one of the numbers of rows that division into tiles gives */
INLINE void tile_of_rows(size_t rows, const size_t vectors, const tile_operands *o)
{
#define TILE(count)                                                                                                    \
    case count:                                                                                                        \
        if ((count) <= TILE_ROWS)                                                                                      \
            tile(count, vectors, PRODUCT, o);                                                                          \
        break;
    switch (rows) {
        TILE(2)
        TILE(3)
        TILE(4)
        TILE(5)
        TILE(6)
        TILE(7)
        TILE(8)
    default:
        break;
    }
#undef TILE
}

/* Multiplies one panel with all rows of a block. The block has at least two rows. */
INLINE void multiply_rows(const size_t vectors, parts tiles, tile_operands o)
{
    for (size_t i = 0; i < tiles.count; i++) {
        size_t rows = tiles.size + (i < tiles.larger);
        fetch_next(&o);
        tile_of_rows(rows, vectors, &o);
        move_down(&o, rows);
    }
}

static void multiply_panel(size_t vectors, parts tiles, const tile_operands *o)
{
    switch (vectors) {
    case 1:
        multiply_rows(1, tiles, *o);
        break;
    case 2:
        multiply_rows(2, tiles, *o);
        break;
    default:
        multiply_rows(3, tiles, *o);
    }
}

/* Computes some rows of C (at least two) and all of its columns, over a range of k. */
static void product_block(const matrices *x, share rows, share steps)
{
    parts panels = panels_of(x->n_count);
    parts tiles = parts_of(rows.count, TILE_ROWS);
    bool fetches = x->n_count * x->k_count * sizeof *x->b >= LARGE;
    for (size_t i = 0; i < panels.count; i++) {
        size_t panel = x->turned ? panels.count - 1 - i : i, n = start_of(panels, panel);
        tile_operands o = {
            .k_count = steps.count,
            .a = x->a + rows.first * x->a_row + steps.first,
            .a_row = x->a_row,
            .b = x->b + n * x->k_count,
            .k_first = steps.first,
            .start = x->start + rows.first * x->start_row + n,
            .start_row = x->start_row,
            .c = x->c + rows.first * x->c_row + n,
            .c_row = x->c_row,
        };
        if (fetches && i + 1 < panels.count) {
            size_t next = x->turned ? panel - 1 : panel + 1, width = width_of(panels, next);
            o.next = x->b + start_of(panels, next) * x->k_count + steps.first * width;
            o.next_lines = width * steps.count / LINE / tiles.count;
        }
        multiply_panel(width_of(panels, panel) / WIDTH, tiles, &o);
    }
}

/*
 * Computes one row of up to TILE_PANELS panels: `threes` panels of three vectors, then `twos` panels of two. If both
 * are 0, it is one panel of one vector.
 */
static void multiply_panels(size_t threes, size_t twos, size_t products, const row_factors *factors, size_t n,
                            const real *start, real *c)
{
    switch (10 * threes + twos) {
    case 30:
        row_tile(3, 3, 3, products, factors, n, start, c);
        break;
    case 21:
        row_tile(3, 3, 2, products, factors, n, start, c);
        break;
    case 12:
        row_tile(3, 2, 2, products, factors, n, start, c);
        break;
    case 20:
        row_tile(3, 3, 0, products, factors, n, start, c);
        break;
    case 11:
        row_tile(3, 2, 0, products, factors, n, start, c);
        break;
    case 2:
        row_tile(2, 2, 0, products, factors, n, start, c);
        break;
    case 10:
        row_tile(3, 0, 0, products, factors, n, start, c);
        break;
    case 1:
        row_tile(2, 0, 0, products, factors, n, start, c);
        break;
    default:
        row_tile(1, 0, 0, products, factors, n, start, c);
    }
}

/* The first panel of a group. The larger panels come first, so the groups with fewer panels come first as well. */
INLINE size_t group_start(parts groups, size_t group)
{
    size_t smaller = groups.count - groups.larger;
    return group * groups.size + (group > smaller ? group - smaller : 0);
}

/*
 * C[0][n] = start[n] + the sum of one or more products. It gives the same bits as product() would for one row, but
 * doesn't divide K into blocks, because it reads nothing twice.
 */
static void product_row(size_t n_count, size_t products, const row_factors *factors, const real *start, real *c,
                        bool turned)
{
    parts panels = panels_of(n_count);
    parts groups = parts_of(panels.count, TILE_PANELS);
    for (size_t i = 0; i < groups.count; i++) {
        size_t group = turned ? groups.count - 1 - i : i;
        size_t first = group_start(groups, group), end = group_start(groups, group + 1);
        size_t larger = panels.larger <= first ? 0 : least_of(panels.larger, end) - first;
        size_t threes = panels.size == 3 ? end - first : panels.size == 2 ? larger : 0;
        size_t twos = panels.size == 1 ? larger : end - first - threes;
        multiply_panels(threes, twos, products, factors, start_of(panels, first), start, c);
    }
}

/*
 * C[m][n] = start[m][n] + sum over k of A[m][k] B[k][n]. Each element is a chain of multiply-adds that begins with
 * start[m][n] and continues in ascending order of k.
 * a: [M] rows with stride a_row. b: packed.
 * start: [M] rows with stride start_row; it may be C itself. With stride 0, one row serves all.
 * c: [M] rows with stride c_row. N is a multiple of WIDTH.
 * turned: goes through the columns from last to first. A caller that multiplies with the same B many times alternates,
 * and so begins with the part of B that is still in the nearest cache.
 */
static void product(size_t m_count, size_t n_count, size_t k_count, const real *a, size_t a_row, const real *b,
                    const real *start, size_t start_row, real *c, size_t c_row, bool turned)
{
    if (m_count == 1) {
        product_row(n_count, 1, &(row_factors){k_count, a, b}, start, c, turned);
        return;
    }
    matrices x = {n_count, k_count, a, a_row, b, start, start_row, c, c_row, turned};
    size_t blocks = (m_count + BLOCK_ROWS - 1) / BLOCK_ROWS;
    for (share steps = {0, 0}; steps.first < k_count; steps.first += steps.count) {
        steps.count = least_of(k_count - steps.first, PANEL_K);
        share rows = {0, 0};
        for (size_t left = blocks; left > 0; left--, rows.first += rows.count) {
            rows.count = m_count - rows.first;
            if (left > 1) /* As equal as possible. Usually there is only one block, which needs no division. */
                rows.count /= left;
            product_block(&x, rows, steps);
        }
        x.start = c; /* the chains continue from C */
        x.start_row = c_row;
    }
}

/* The sum over k of a[k] b[k], for whole vectors. It computes LANES partial sums side by side and then adds them up. */
INLINE real inner_product(const real *a, const real *b, size_t count)
{
    vector sum[LANE_VECTORS];
    for (size_t v = 0; v < LANE_VECTORS; v++)
        sum[v] = broadcast(0);
    size_t k = 0;
    for (; k + LANES <= count; k += LANES)
        for (size_t v = 0; v < LANE_VECTORS; v++)
            sum[v] = multiply_add(load(a + k + v * WIDTH), load(b + k + v * WIDTH), sum[v]);
    for (size_t v = 0; k < count; v++, k += WIDTH)
        sum[v] = multiply_add(load(a + k), load(b + k), sum[v]);
    return sum_of_lanes(sum);
}

#endif
