/*
 * matmul.c: the three matrix products of the core, on one micro-kernel.
 *
 * Kernel contract: C[m][n] = start[m][n] + sum over k of A[m][k] B[k][n], for up to TILE_ROWS rows of C and whole
 * panels of PANEL = 2 WIDTH columns. A is read element by element at any strides; B comes packed in panels [k][PANEL],
 * padded with zeros. Every sum is in ascending k, whatever the shape of the tile that it falls into, so that a result
 * doesn't depend on how many rows are computed together.
 */
#include "real.h"
#include "team.h"

enum {
    PANEL = 2 * WIDTH,
    TILE_ROWS = 6,
    TILE_PANELS = 4,    /* at most, when rows are few */
    BLOCK_K = 256,      /* of products: a panel of it stays in the first-level cache */
    BLOCK_ROWS = 96,    /* rows of A that stay in the second-level cache */
    BLOCK_COLUMNS = 512 /* of weight gradients */
};

/* The operands of a tile. */
typedef struct tile_operands {
    size_t k_count;
    const real *a;
    size_t a_row, a_k; /* distances of A's neighbours */
    const real *b;
    size_t b_panel;    /* distance of panels */
    const real *start; /* the rows that C's begin as: C's own, or others */
    size_t start_row;  /* their distance; 0: the same for all */
    real *c;
    size_t c_row;
    int vectors; /* of the columns that exist in C */
} tile_operands;

/* C[rows][panels * PANEL] = start + A B. rows and panels are constants. */
INLINE void tile(const int rows, const int panels, const tile_operands *o)
{
    const size_t k_count = o->k_count, a_row = o->a_row, a_k = o->a_k, b_panel = o->b_panel;
    const real *a = o->a, *b = o->b;
    vector sum[TILE_ROWS][2 * TILE_PANELS];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < 2 * panels; v++)
            sum[r][v] = broadcast(0);
    for (int r = 0; r < rows; r++) /* C is wanted at the end */
        __builtin_prefetch(o->c + (size_t)r * o->c_row, 1);

#pragma GCC unroll 2
    for (size_t k = 0; k < k_count; k++) {
        vector column[2 * TILE_PANELS];
#pragma GCC unroll 8
        for (int v = 0; v < 2 * panels; v++)
            column[v] = load(b + (size_t)(v / 2) * b_panel + k * PANEL + (size_t)(v % 2) * WIDTH);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            real x = a[(size_t)r * a_row + k * a_k];
#pragma GCC unroll 8
            for (int v = 0; v < 2 * panels; v++)
                sum[r][v] += x * column[v];
        }
    }
    const real *start = o->start;
    real *c = o->c;
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++, start += o->start_row, c += o->c_row)
#pragma GCC unroll 8
        for (int v = 0; v < 2 * panels; v++)
            if (v < o->vectors)
                store(c + (size_t)v * WIDTH, load(start + (size_t)v * WIDTH) + sum[r][v]);
}

/* Few rows take several panels at a time, so that there are enough sums under way to fill the pipeline. */
INLINE int panels_at_a_time(size_t rows)
{
    return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
}

INLINE void tile_of(size_t rows, int panels, const tile_operands *o)
{
#define TILE(rows, panels)                                                                                             \
    case 8 * (rows) + (panels):                                                                                        \
        tile(rows, panels, o);                                                                                         \
        break
    switch (8 * (int)rows + panels) {
        TILE(1, 1);
        TILE(1, 2);
        TILE(1, 3);
        TILE(1, 4);
        TILE(2, 1);
        TILE(2, 2);
        TILE(3, 1);
        TILE(3, 2);
        TILE(4, 1);
        TILE(5, 1);
        TILE(6, 1);
    }
#undef TILE
}

/* The number of reals that K x N takes packed. */
static size_t packed_matrix(size_t k_count, size_t n_count)
{
    return (n_count + PANEL - 1) / PANEL * PANEL * k_count;
}

/*
 * Weights come in `groups` groups (gates) of `group` rows and are packed as if each group had `stride` rows, the
 * further ones zero, as the rows of activations are.
 */

/* B[k][n] = w[k][n]; w: [groups * group][columns]; K = groups * stride, N = columns; this thread's share of the panels.
 */
static __attribute__((noinline)) void pack_rows(team me, const real *w, size_t groups, size_t group, size_t stride,
                                                size_t columns, real *packed)
{
    share panels = share_of(me, (columns + PANEL - 1) / PANEL);
    packed += panels.first * groups * stride * PANEL;
    for (size_t n = panels.first * PANEL; n < (panels.first + panels.count) * PANEL; n += PANEL) {
        size_t count = columns - n < PANEL ? columns - n : PANEL;
        for (size_t g = 0; g < groups; g++) {
            const real *row = w + g * group * columns + n;
            for (size_t k = 0; k < stride; k++, row += columns, packed += PANEL) {
                if (k < group && count == PANEL) {
                    store(packed, load(row));
                    store(packed + WIDTH, load(row + WIDTH));
                    continue;
                }
                for (size_t j = 0; j < PANEL; j++)
                    packed[j] = k < group && j < count ? row[j] : 0;
            }
        }
    }
}

/*
 * out[k][j] = v[j][k]; out's rows are PANEL apart. Vectors a half apart are interleaved, log2(WIDTH) times: a perfect
 * shuffle each, which together transpose.
 */
INLINE void store_transposed(vector v[WIDTH], real *out)
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
    for (int j = 0; j < WIDTH; j++)
        store(out + j * PANEL, v[j]);
}

/* B[k][n] = w[n][k]; w: [groups * group][columns]; K = columns, N = groups * stride; this thread's share of the panels.
 */
static void pack_columns(team me, const real *w, size_t groups, size_t group, size_t stride, size_t columns,
                         real *packed)
{
    static const real zeros[WIDTH];
    share panels = share_of(me, (groups * stride + PANEL - 1) / PANEL);
    packed += panels.first * columns * PANEL;
    for (size_t n0 = panels.first * PANEL; n0 < (panels.first + panels.count) * PANEL;
         n0 += PANEL, packed += columns * PANEL) {
        const real *from[PANEL];
        size_t step[PANEL]; /* 0 where there is nothing but zeros */
        for (size_t j = 0; j < PANEL; j++) {
            size_t g = (n0 + j) / stride, within = (n0 + j) % stride;
            step[j] = g < groups && within < group;
            from[j] = step[j] ? w + (g * group + within) * columns : zeros;
        }
        size_t k = 0;
        bool together = step[0] && step[PANEL - 1] && from[PANEL - 1] - from[0] == (ptrdiff_t)((PANEL - 1) * columns);
        for (; k + WIDTH <= columns; k += WIDTH)
            for (size_t half = 0; half < PANEL; half += WIDTH) {
                vector v[WIDTH];
                const real *row = from[half] + k;
                if (together) {
#pragma GCC unroll 16
                    for (size_t j = 0; j < WIDTH; j++)
                        v[j] = load(row + j * columns);
                } else {
                    for (size_t j = 0; j < WIDTH; j++)
                        v[j] = load(from[half + j] + step[half + j] * k);
                }
                store_transposed(v, packed + k * PANEL + half);
            }
        for (; k < columns; k++)
            for (size_t j = 0; j < PANEL; j++)
                packed[k * PANEL + j] = from[j][step[j] * k];
    }
}

/*
 * C[m][n] = start[m][n] + sum over k of A[m][k] B[k][n].
 * a: [M] rows at a_row; b: packed; start: [M] rows at start_row, C itself or, at 0, one row for all; c: [M] rows at
 * c_row, N a multiple of WIDTH; turned: takes the columns from the last to the first. What is multiplied with the same
 * B over and over turns each time, and so begins with that part of B which is still in the nearest cache.
 */
static void product(size_t m_count, size_t n_count, size_t k_count, const real *a, size_t a_row, const real *b,
                    const real *start, size_t start_row, real *c, size_t c_row, bool turned)
{
    size_t m_blocks = (m_count + BLOCK_ROWS - 1) / BLOCK_ROWS, k_block;
    for (size_t k0 = 0; k0 < k_count; k0 += k_block, start = c, start_row = c_row) {
        k_block = k_count - k0 < BLOCK_K ? k_count - k0 : BLOCK_K;
        for (size_t block = 0, m0 = 0, m_block; block < m_blocks; block++, m0 += m_block) {
            m_block = (m_count - m0) / (m_blocks - block); /* blocks, and tiles below, as equal as they can be */
            size_t tiles = (m_block + TILE_ROWS - 1) / TILE_ROWS;
            size_t width = (size_t)panels_at_a_time(m_block) * PANEL, parts = (n_count + width - 1) / width;
            for (size_t part = 0; part < parts; part++) {
                size_t n = (turned ? parts - 1 - part : part) * width;
                size_t columns = n_count - n < width ? n_count - n : width;
                int panels = (int)((columns + PANEL - 1) / PANEL);
                const real *panel = b + n * k_count + k0 * PANEL;
                for (size_t i = 0, m = m0; i < tiles; i++) {
                    size_t rows = (m0 + m_block - m) / (tiles - i);
                    tile_operands o = {
                        .k_count = k_block,
                        .a = a + m * a_row + k0,
                        .a_row = a_row,
                        .a_k = 1,
                        .b = panel,
                        .b_panel = k_count * PANEL,
                        .start = start + m * start_row + n,
                        .start_row = start_row,
                        .c = c + m * c_row + n,
                        .c_row = c_row,
                        .vectors = (int)(columns / WIDTH),
                    };
                    tile_of(rows, panels, &o);
                    m += rows;
                }
            }
        }
    }
}

enum {
    LINE = 64 / sizeof(real), /* of the cache */
    AHEAD = 6,                /* rows that are fetched before they are packed */
    /* Slices are a line apart, so that they don't all fall into the same sets of the cache. */
    SLICES_MOST = BLOCK_ROWS / TILE_ROWS * (BLOCK_K * TILE_ROWS + LINE),
    OUTER_SCRATCH = SLICES_MOST + BLOCK_K * BLOCK_COLUMNS /* reals */
};

/* out[k][PANEL] = x[k][0 .. columns), in panels one behind the other, padded with zeros. */
static void pack_panels(size_t k_count, size_t columns, const real *x, size_t x_row, real *out)
{
    for (size_t c = 0; c < columns; c += PANEL) {
        size_t n = columns - c < PANEL ? columns - c : PANEL;
        for (size_t k = 0; k < k_count; k++, out += PANEL) {
            const real *row = x + k * x_row + c;
            if (n == PANEL) {
                memcpy(out, row, PANEL * sizeof *out);
                continue;
            }
            for (size_t j = 0; j < PANEL; j++)
                out[j] = j < n ? row[j] : 0;
        }
    }
}

/*
 * out[k][TILE_ROWS] = g[k][0 .. columns), in slices `slice` reals apart, padded with zeros. Row by row: reading g is
 * what takes time.
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
        for (size_t j = 0; whole < columns && j < TILE_ROWS; j++)
            to[j] = whole + j < columns ? g[whole + j] : 0;
    }
}

/* C[TILE_ROWS][PANEL] += A B, of packed slices; not inline, since there are two calls. */
static __attribute__((noinline)) void add_products(size_t p_count, const real *g_packed, const real *x_packed, real *c,
                                                   size_t c_row)
{
    tile_operands o = {
        .k_count = p_count,
        .a = g_packed,
        .a_row = 1,
        .a_k = TILE_ROWS,
        .b = x_packed,
        .start = c,
        .start_row = c_row,
        .c = c,
        .c_row = c_row,
        .vectors = 2,
    };
    tile(TILE_ROWS, 1, &o);
}

/* The same for a tile not all of which exists: w[r][0 .. columns) for those rows of it that `kept` says exist. */
static void add_existing_products(size_t p_count, const real *g_packed, const real *x_packed, size_t row0, size_t rows,
                                  size_t group, size_t kept, size_t columns, real *w, size_t w_row)
{
    real sum[TILE_ROWS][PANEL] = {{0}};
    add_products(p_count, g_packed, x_packed, sum[0], PANEL);
    for (size_t r = 0; r < rows; r++) {
        size_t gate = (row0 + r) / group, within = (row0 + r) % group;
        if (within >= kept)
            continue;
        real *p = w + (gate * kept + within) * w_row;
        if (columns == PANEL) {
            store(p, load(p) + load(sum[r]));
            store(p + WIDTH, load(p + WIDTH) + load(sum[r] + WIDTH));
        } else {
            for (size_t j = 0; j < columns; j++)
                p[j] += sum[r][j];
        }
    }
}

/*
 * Weight gradient: W[i][j] += sum over p of G[p][i] X[p][j], ascending p; for some of the i.
 * g: [P] rows at g_row, its columns in groups of `group`, of which the first `kept` exist in w; x: [P] rows at x_row;
 * w: [I kept][J]; scratch: OUTER_SCRATCH reals.
 */
static void outer_product(share i_share, size_t group, size_t kept, size_t j_count, size_t p_count, const real *g,
                          size_t g_row, const real *x, size_t x_row, real *w, real *scratch)
{
    real *x_packed = scratch, *g_packed = scratch + BLOCK_K * BLOCK_COLUMNS;
    size_t i_end = i_share.first + i_share.count;
    for (size_t j0 = 0; i_share.count > 0 && j0 < j_count; j0 += BLOCK_COLUMNS) {
        size_t j_block = j_count - j0 < BLOCK_COLUMNS ? j_count - j0 : BLOCK_COLUMNS;
        for (size_t p0 = 0; p0 < p_count; p0 += BLOCK_K) {
            size_t p_block = p_count - p0 < BLOCK_K ? p_count - p0 : BLOCK_K;
            size_t slice = p_block * TILE_ROWS + LINE;
            pack_panels(p_block, j_block, x + p0 * x_row + j0, x_row, x_packed);
            for (size_t i0 = i_share.first; i0 < i_end; i0 += BLOCK_ROWS) {
                size_t i_block = i_end - i0 < BLOCK_ROWS ? i_end - i0 : BLOCK_ROWS;
                pack_slices(p_block, i_block, g + p0 * g_row + i0, g_row, g_packed, slice);
                for (size_t j = 0; j < j_block; j += PANEL) {
                    size_t columns = j_block - j < PANEL ? j_block - j : PANEL;
                    size_t gate = i0 / group, within = i0 % group;
                    const real *g_slice = g_packed, *x_panel = x_packed + j * p_block;
                    for (size_t i = i0; i < i0 + i_block; i += TILE_ROWS, g_slice += slice, within += TILE_ROWS) {
                        size_t rows = i0 + i_block - i < TILE_ROWS ? i0 + i_block - i : TILE_ROWS;
                        for (; within >= group; within -= group)
                            gate++;
                        if (rows == TILE_ROWS && columns == PANEL && within + rows <= kept)
                            add_products(p_block, g_slice, x_panel, w + (gate * kept + within) * j_count + j0 + j,
                                         j_count);
                        else
                            add_existing_products(p_block, g_slice, x_panel, i, rows, group, kept, columns, w + j0 + j,
                                                  j_count);
                    }
                }
            }
        }
    }
}

/*
 * Bias gradient: b[i] += sum over p of G[p][i], in blocks of BLOCK_K, which keeps the error of a long sum small; for
 * some of the i, whole vectors of them. Groups as in outer_product(); scratch: as many reals as i.
 */
static void column_sums(share i_share, size_t group, size_t kept, size_t p_count, const real *g, size_t g_row, real *b,
                        real *scratch)
{
    for (size_t p0 = 0; p0 < p_count; p0 += BLOCK_K) {
        size_t p_end = p_count - p0 < BLOCK_K ? p_count : p0 + BLOCK_K;
        memset(scratch, 0, i_share.count * sizeof *scratch);
        for (size_t p = p0; p < p_end; p++)
            for (size_t i = 0; i < i_share.count; i += WIDTH)
                store(scratch + i, load(scratch + i) + load(g + p * g_row + i_share.first + i));
        for (size_t i = i_share.first; i < i_share.first + i_share.count; i++)
            if (i % group < kept)
                b[i / group * kept + i % group] += scratch[i - i_share.first];
    }
}
