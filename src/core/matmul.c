/*
 * matmul.c: the matrix products of the core, on the micro-kernel of tile.h, and what packs their operands.
 */
#include "real.h"
#include "team.h"
#include "tile.h"

enum {
    /* Rows of G and X that are summed at once, with every instruction set: where such a sum ends is seen in its bits. */
    BLOCK_K = 256,
    /* Rows of B that are multiplied at once: a panel of so many takes 24 KiB and stays in the first-level cache. */
    PANEL_K = RNN_CORE_VECTOR_BYTES == 64 ? 128 : 256,
    BLOCK_ROWS = 96,     /* rows of A, or columns of G, that stay in the second-level cache when so many are packed */
    BLOCK_COLUMNS = 512, /* of weight gradients */
    LARGE = 1 << 20      /* bytes of B that the second-level cache can't be expected to hold */
};

/* So many parts, as equal as they can be: `larger` of them have size + 1, the others size. */
typedef struct parts {
    size_t count, size, larger;
} parts;

/* The fewest parts of at most `most`, which is 1, 2 or 3: few enough that the size needs no division. */
INLINE parts parts_of(size_t total, size_t most)
{
    size_t count = (total + most - 1) / most, size = total % most == 0 ? most : least_of(most - 1, total);
    return (parts){count, size, total - count * size};
}

/* Panels of some columns; the larger ones come first. */
INLINE parts panels_of(size_t columns)
{
    return parts_of((columns + WIDTH - 1) / WIDTH, TILE_VECTORS);
}

/* The column where a panel begins. What stands packed before it is as many reals, times K. */
INLINE size_t start_of(parts panels, size_t panel)
{
    return (panel * panels.size + least_of(panel, panels.larger)) * WIDTH;
}

/* Its columns, padding included */
INLINE size_t width_of(parts panels, size_t panel)
{
    return (panels.size + (panel < panels.larger)) * WIDTH;
}

/* How several rows of C are divided into tiles of 4, of 3, and at most one of 2: of as many sums as there can be */
typedef struct tile_rows {
    size_t fours, threes;
    bool two;
} tile_rows;

static tile_rows tiles_of(size_t rows)
{
    size_t threes = (TILE_ROWS - rows % TILE_ROWS) % TILE_ROWS;
    if (rows < 3 * threes) /* 2 or 5 */
        return (tile_rows){0, rows / 3, true};
    return (tile_rows){(rows - 3 * threes) / TILE_ROWS, threes, false};
}

/* Some lines of the next panel into the second-level cache: more than hardware has in flight by itself */
INLINE void fetch_next(tile_operands *o)
{
    for (size_t i = 0; i < o->next_lines; i++, o->next += LINE)
        __builtin_prefetch(o->next, 0, 2);
}

/* The next tile below this */
INLINE void move_down(tile_operands *o, size_t rows)
{
    o->a += rows * o->a_row;
    o->start += rows * o->start_row;
    o->c += rows * o->c_row;
}

/* One panel for all rows of a block, of which there are at least two */
INLINE void multiply_rows(const size_t vectors, tile_rows rows, tile_operands o)
{
    for (size_t i = 0; i < rows.fours; i++, move_down(&o, 4)) {
        fetch_next(&o);
        tile(4, vectors, PRODUCT, &o);
    }
    for (size_t i = 0; i < rows.threes; i++, move_down(&o, 3)) {
        fetch_next(&o);
        tile(3, vectors, PRODUCT, &o);
    }
    if (rows.two)
        tile(2, vectors, PRODUCT, &o);
}

static void multiply_panel(size_t vectors, tile_rows rows, const tile_operands *o)
{
    switch (vectors) {
    case 1: multiply_rows(1, rows, *o); break;
    case 2: multiply_rows(2, rows, *o); break;
    default: multiply_rows(3, rows, *o);
    }
}

/* A group of panels for one row; how many of them are three vectors wide, and how many two. If none, it is one vector. */
static void multiply_row(size_t threes, size_t twos, const tile_operands *o)
{
    switch (10 * threes + twos) {
    case 30: row_tile(3, 3, 3, o); break;
    case 21: row_tile(3, 3, 2, o); break;
    case 12: row_tile(3, 2, 2, o); break;
    case 20: row_tile(3, 3, 0, o); break;
    case 11: row_tile(3, 2, 0, o); break;
    case 2: row_tile(2, 2, 0, o); break;
    case 10: row_tile(3, 0, 0, o); break;
    case 1: row_tile(2, 0, 0, o); break;
    default: row_tile(1, 0, 0, o);
    }
}

/* The first panel of a group. The smaller groups come first: the larger panels do. */
INLINE size_t group_start(parts groups, size_t group)
{
    size_t smaller = groups.count - groups.larger;
    return group * groups.size + (group > smaller ? group - smaller : 0);
}

/* out[k][width] = rows[k][0 .. width), whole vectors */
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

/*
 * Weights come in `groups` groups (gates) of `group` rows and are packed as if each group had `stride` rows, the
 * further ones zero, as the rows of activations are.
 */

/* B[k][n] = w[k][n]; w: [groups * group][columns]; K = groups * stride, N = columns; one share of the panels.
 */
static __attribute__((noinline)) void pack_rows(team me, const real *w, size_t groups, size_t group, size_t stride,
                                                size_t columns, real *packed)
{
    parts panels = panels_of(columns);
    share mine = share_of(me, panels.count);
    for (size_t panel = mine.first; panel < mine.first + mine.count; panel++) {
        size_t n = start_of(panels, panel), width = width_of(panels, panel);
        size_t count = least_of(columns - n, width);
        real *to = packed + n * groups * stride;
        for (size_t g = 0; g < groups; g++, to += stride * width) {
            const real *row = w + g * group * columns + n;
            if (count == width)
                copy_panel(group, width, row, columns, to);
            for (size_t k = 0; count < width && k < group; k++)
                for (size_t j = 0; j < width; j++)
                    to[k * width + j] = j < count ? row[k * columns + j] : 0;
            memset(to + group * width, 0, (stride - group) * width * sizeof *to);
        }
    }
}

/*
 * out[k][j] = v[j][k]; out's rows are out_row apart. Vectors a half apart are interleaved, log2(WIDTH) times: a perfect
 * shuffle each, which together transpose.
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

/* B[k][n] = w[n][k]; w: [groups * group][columns]; K = columns, N = groups * stride; one share of the panels.
 */
static void pack_columns(team me, const real *w, size_t groups, size_t group, size_t stride, size_t columns,
                         real *packed)
{
    static const real zeros[WIDTH];
    size_t n_count = groups * stride;
    parts panels = panels_of(n_count);
    share mine = share_of(me, panels.count);
    for (size_t panel = mine.first; panel < mine.first + mine.count; panel++) {
        size_t start = start_of(panels, panel), width = width_of(panels, panel);
        for (size_t n = start; n < start + width; n += WIDTH) { /* whole vectors are of one group */
            size_t within = n % stride, count = within < group ? least_of(group - within, WIDTH) : 0;
            const real *from = w + (n / stride * group + within) * columns;
            real *to = packed + start * columns + (n - start);
            for (size_t done = 0; columns >= WIDTH && done < columns; done += WIDTH) {
                size_t k = least_of(done, columns - WIDTH); /* the last block may overlap the one before */
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
            for (size_t k = 0; columns < WIDTH && k < columns; k++)
                for (size_t j = 0; j < WIDTH; j++)
                    to[k * width + j] = j < count ? from[j * columns + k] : 0;
        }
    }
}

/*
 * C[m][n] = start[m][n] + sum over k of A[m][k] B[k][n], each a chain of multiply-adds from start[m][n] in ascending k.
 * a: [M] rows at a_row; b: packed; start: [M] rows at start_row, C itself or, at 0, one row for all; c: [M] rows at
 * c_row, N a multiple of WIDTH; turned: takes the columns from the last to the first. What is multiplied with the same
 * B over and over turns each time, and so begins with that part of B which is still in the nearest cache.
 */
static void product(size_t m_count, size_t n_count, size_t k_count, const real *a, size_t a_row, const real *b,
                    const real *start, size_t start_row, real *c, size_t c_row, bool turned)
{
    parts panels = panels_of(n_count);
    size_t m_blocks = (m_count + BLOCK_ROWS - 1) / BLOCK_ROWS, k_block;
    bool large = n_count * k_count * sizeof *b >= LARGE;
    for (size_t k0 = 0; k0 < k_count; k0 += k_block, start = c, start_row = c_row) {
        k_block = k_count - k0 < PANEL_K ? k_count - k0 : PANEL_K;
        for (size_t block = 0, m0 = 0, m_block; block < m_blocks; block++, m0 += m_block) {
            m_block = m_count - m0;
            if (block + 1 < m_blocks) /* as equal as they can be */
                m_block /= m_blocks - block;
            tile_rows rows = tiles_of(m_block);
            parts groups = m_block == 1 ? parts_of(panels.count, TILE_PANELS) : parts_of(panels.count, 1);
            for (size_t i = 0; i < groups.count; i++) {
                size_t group = turned ? groups.count - 1 - i : i;
                size_t first = group_start(groups, group), end = group_start(groups, group + 1);
                size_t n = start_of(panels, first);
                tile_operands o = {
                    .k_count = k_block,
                    .a = a + m0 * a_row + k0,
                    .a_row = a_row,
                    .b = b + n * k_count,
                    .k_first = k0,
                    .k_total = k_count,
                    .start = start + m0 * start_row + n,
                    .start_row = start_row,
                    .c = c + m0 * c_row + n,
                    .c_row = c_row,
                };
                if (large && i + 1 < groups.count && m_block > 2) {
                    size_t next = turned ? first - 1 : end, width = width_of(panels, next);
                    o.next = b + start_of(panels, next) * k_count + k0 * width;
                    o.next_lines = width * k_block / LINE / (rows.fours + rows.threes);
                }
                if (m_block > 1) {
                    multiply_panel(width_of(panels, first) / WIDTH, rows, &o);
                } else {
                    size_t wide = panels.larger <= first ? 0 : least_of(panels.larger, end) - first;
                    size_t threes = panels.size == 3 ? end - first : panels.size == 2 ? wide : 0;
                    multiply_row(threes, panels.size == 1 ? 0 : end - first - threes, &o);
                }
            }
        }
    }
}

enum {
    AHEAD = 6, /* rows that are fetched before they are packed */
    /* Slices are a line apart, so that they don't all fall into the same sets of the cache. */
    SLICES_MOST = BLOCK_ROWS / TILE_ROWS * (BLOCK_K * TILE_ROWS + LINE),
    OUTER_SCRATCH = SLICES_MOST + BLOCK_K * BLOCK_COLUMNS /* reals */
};

/* X of a weight gradient, and the weights it is of */
typedef struct outer_input {
    const real *x; /* [P] rows, padded with zeros to whole vectors */
    size_t x_row;  /* their distance */
    size_t columns;
    real *w;      /* [I][J] */
    size_t w_row; /* J */
} outer_input;

/* Panels of x, rows `first` and so on, one behind the other. */
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

/* C[TILE_ROWS][width] = start + A B, of packed slices */
static void add_products(size_t p_count, const real *g_packed, const real *x_packed, size_t width, const real *start,
                         size_t start_row, real *c, size_t c_row)
{
    tile_operands o = {
        .k_count = p_count,
        .a = g_packed,
        .b = x_packed,
        .k_total = p_count,
        .start = start,
        .start_row = start_row,
        .c = c,
        .c_row = c_row,
    };
    switch (width) {
    case WIDTH: tile(TILE_ROWS, 1, GRADIENT, &o); break;
    case 2 * WIDTH: tile(TILE_ROWS, 2, GRADIENT, &o); break;
    default: tile(TILE_ROWS, 3, GRADIENT, &o);
    }
}

/* Rows of G of which no gradient exists */
#define NOWHERE (SIZE_MAX / 2)

/* The rows of the weights that a block of G's columns belongs to; of each group of columns the first `kept` exist. */
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

/* add_products() for a tile not all of which exists */
static void add_existing_products(size_t p_count, const real *g_packed, const real *x_packed, size_t width,
                                  const size_t *rows, size_t columns, real *w, size_t w_row)
{
    static const real zeros[TILE_VECTORS * WIDTH];
    real sum[TILE_ROWS][TILE_VECTORS * WIDTH];
    add_products(p_count, g_packed, x_packed, width, zeros, 0, sum[0], TILE_VECTORS * WIDTH);
    for (size_t r = 0; r < TILE_ROWS; r++)
        for (size_t j = 0; rows[r] != NOWHERE && j < columns; j++)
            w[rows[r] * w_row + j] += sum[r][j];
}

/* Multiplies packed slices of G, a block of rows, with packed panels of X. */
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

/* The gradient of one block of columns, of up to two inputs. */
static void outer_product_block(share i_share, size_t group, size_t kept, size_t p_count, const real *g, size_t g_row,
                                const outer_input *inputs, size_t count, real *scratch)
{
    real *g_packed = scratch, *x_packed = scratch + SLICES_MOST;
    size_t i_end = i_share.first + i_share.count;
    size_t blocks = (p_count + BLOCK_K - 1) / BLOCK_K;
    for (size_t n = 0, p0 = 0, p_block; n < blocks; n++, p0 += p_block) {
        p_block = (p_count - p0) / (blocks - n); /* as equal as they can be */
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
 * Weight gradients of one or two inputs X: W[i][j] += sum over p of G[p][i] X[p][j], ascending p; for some of the i.
 * g: [P] rows at g_row, its columns in groups of `group`, of which the first `kept` exist in w; scratch: OUTER_SCRATCH
 * reals.
 */
static void outer_products(share i_share, size_t group, size_t kept, size_t p_count, const real *g, size_t g_row,
                           const outer_input *inputs, size_t count, real *scratch)
{
    for (size_t n = 0, column = 0; i_share.count > 0 && n < count;) {
        outer_input block[2];
        size_t blocks = 0, room = BLOCK_COLUMNS;
        while (n < count && room > 0) { /* what G is packed for */
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
 * Bias gradient: b[i] += sum over p of G[p][i], in blocks of BLOCK_K, which keeps the error of a long sum small; for
 * some of the i, whole vectors of them. Groups as in outer_products(); also: NULL, or b's twin, to which the same is
 * added; scratch: as many reals as i.
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
