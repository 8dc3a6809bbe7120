/*
 * pack.h: divides the columns of a matrix into panels, and packs weights as the right-hand operand of product().
 */
#ifndef RNN_CORE_KERNELS_PACK_H
#define RNN_CORE_KERNELS_PACK_H

#include "base/share.h"
#include "core/kernels/real.h"
#include "core/kernels/tile.h"

/* `count` parts, as equal as possible: `larger` of them have size + 1, the others `size`. */
typedef struct parts {
    size_t count, size, larger;
} parts;

/*
 * Divides `total` into as few parts as possible, each of at most `most`. If `most` is 1, 2 or 3, computing the size
 * needs no division.
 */
INLINE parts parts_of(size_t total, const size_t most)
{
    size_t count = (total + most - 1) / most;
    size_t size = most > 3 ? total / count : total % most == 0 ? most : least_of(most - 1, total);
    return (parts){count, size, total - count * size};
}

/* Divides columns into panels. The larger panels come first. */
INLINE parts panels_of(size_t columns)
{
    return parts_of((columns + WIDTH - 1) / WIDTH, TILE_VECTORS);
}

/* The column where a panel begins. The panel's offset in the packed matrix is this column times K. */
INLINE size_t start_of(parts panels, size_t panel)
{
    return (panel * panels.size + least_of(panel, panels.larger)) * WIDTH;
}

/* The number of columns of a panel, including padding. */
INLINE size_t width_of(parts panels, size_t panel)
{
    return (panels.size + (panel < panels.larger)) * WIDTH;
}

/* out[k][width] = rows[k][0 .. width), for whole vectors. */
static void copy_panel(size_t k_count, size_t width, const real *rows, size_t row, real *out)
{
#define COPY(vectors)                                                                                                  \
    for (size_t k = 0; k < k_count; k++, rows += row, out += (vectors)*WIDTH)                                          \
    _Pragma("GCC unroll 3") for (size_t v = 0; v < (vectors); v++) store(out + v * WIDTH, load(rows + v * WIDTH))
    if (width == 3 * WIDTH)
        COPY(3);
    else if (width == 2 * WIDTH)
        COPY(2);
    else
        COPY(1);
#undef COPY
}

/* The same for a panel with only `count` columns. The others become 0. */
static void copy_part_of_panel(size_t k_count, size_t width, size_t count, const real *rows, size_t row, real *out)
{
    for (size_t k = 0; k < k_count; k++)
        for (size_t j = 0; j < width; j++)
            out[k * width + j] = j < count ? rows[k * row + j] : 0;
}

/*
 * Weights come in groups of rows (gates). They are packed as if each group had `stride` rows, like the rows of
 * activations; the additional rows are zero. The packed matrix begins with group `first`, and the groups before it come
 * last.
 */
typedef struct row_groups {
    size_t count, first, rows, stride;
} row_groups;

/* The address of a group's first row. Groups are numbered in packed order. */
static const real *group_at(const real *w, row_groups of, size_t group, size_t columns)
{
    size_t from = of.first + group;
    return w + (from < of.count ? from : from - of.count) * of.rows * columns;
}

/* B[k][n] = w[k][n], where K is the sum of the groups' strides and N = columns; for one share of the panels. */
static __attribute__((noinline)) void pack_rows(team me, const real *w, row_groups of, size_t columns, real *packed)
{
    parts panels = panels_of(columns);
    share mine = share_of(me, panels.count);
    for (size_t panel = mine.first; panel < mine.first + mine.count; panel++) {
        size_t n = start_of(panels, panel), width = width_of(panels, panel);
        size_t count = least_of(columns - n, width);
        real *to = packed + n * of.count * of.stride;
        for (size_t g = 0; g < of.count; g++, to += of.stride * width) {
            const real *row = group_at(w, of, g, columns) + n;
            if (count == width)
                copy_panel(of.rows, width, row, columns, to);
            else
                copy_part_of_panel(of.rows, width, count, row, columns, to);
            memset(to + of.rows * width, 0, (of.stride - of.rows) * width * sizeof *to);
        }
    }
}

/*
 * out[k][j] = v[j][k], with row stride out_row. Each step interleaves the first half of the vectors with the second
 * half, a perfect shuffle. After log2(WIDTH) steps the block is transposed.
 */
INLINE void store_transposed(vector v[WIDTH], real *out, size_t out_row)
{
#pragma GCC unroll 4
    for (int step = 1; step < WIDTH; step *= 2) {
        vector shuffled[WIDTH];
#pragma GCC unroll 8
        for (int j = 0; j < WIDTH / 2; j++) {
            shuffled[2 * j] = interleave_low(v[j], v[j + WIDTH / 2]);
            shuffled[2 * j + 1] = interleave_high(v[j], v[j + WIDTH / 2]);
        }
        memcpy(v, shuffled, sizeof shuffled);
    }
#pragma GCC unroll 16
    for (size_t j = 0; j < WIDTH; j++)
        store(out + j * out_row, v[j]);
}

/*
 * B[k][n] = w[n][k], where K = columns and N is the sum of the groups' strides; for one share of the panels. Each whole
 * vector belongs to one group.
 */
static void pack_columns(team me, const real *w, row_groups of, size_t columns, real *packed)
{
    static const real zeros[WIDTH];
    size_t n_count = of.count * of.stride;
    parts panels = panels_of(n_count);
    share mine = share_of(me, panels.count);
    for (size_t panel = mine.first; panel < mine.first + mine.count; panel++) {
        size_t start = start_of(panels, panel), width = width_of(panels, panel);
        for (size_t n = start; n < start + width; n += WIDTH) {
            size_t within = n % of.stride, count = within < of.rows ? least_of(of.rows - within, WIDTH) : 0;
            const real *from = group_at(w, of, n / of.stride, columns) + within * columns;
            real *to = packed + start * columns + (n - start);
            if (columns < WIDTH) {
                for (size_t k = 0; k < columns; k++)
                    for (size_t j = 0; j < WIDTH; j++)
                        to[k * width + j] = j < count ? from[j * columns + k] : 0;
                continue;
            }
            for (size_t done = 0; done < columns; done += WIDTH) {
                size_t k = least_of(done, columns - WIDTH); /* the last block may overlap the previous one */
                vector v[WIDTH];
                if (count == WIDTH) {
#pragma GCC unroll 16
                    for (size_t j = 0; j < WIDTH; j++)
                        v[j] = load(from + j * columns + k);
                } else {
                    for (size_t j = 0; j < WIDTH; j++)
                        v[j] = load(j < count ? from + j * columns + k : zeros);
                }
                store_transposed(v, to + k * width, width);
            }
        }
    }
}

#endif
