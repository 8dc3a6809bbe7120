/*
 * tile.h: the micro-kernel of all matrix products.
 *
 * C[m][n] = start[m][n] + sum over k of A[m][k] B[k][n], for up to TILE_ROWS rows of C and whole panels of columns. A
 * is read element by element; B comes packed in panels [k][columns of the panel]. Every sum is in ascending k, whatever
 * the shape of the tile that it falls into, so that a result doesn't depend on how many rows are computed together.
 *
 * Of the tiles whose sums fit into 16 registers beside what they are made of, 4 rows of 3 vectors take the fewest loads
 * for their multiply-adds. So panels are three vectors wide; where the columns don't divide by three, one or two of
 * them are two vectors wide, and a single vector is one of its own.
 */
#ifndef RNN_CORE_TILE_H
#define RNN_CORE_TILE_H

#include "real.h"

enum {
    TILE_ROWS = 4,
    TILE_VECTORS = 3, /* the width of a panel, at most */
    TILE_PANELS = 3,  /* at most, when there is one row */
    ROW_VECTORS = TILE_PANELS * TILE_VECTORS,
    LINE = 64 / sizeof(real) /* of the cache */
};

/* The operands of a tile. */
typedef struct tile_operands {
    size_t k_count;
    const real *a;
    size_t a_row;      /* distance of A's rows */
    const real *b;     /* its first panel */
    size_t k_first;    /* what of it is multiplied: rows k_first ... k_first + k_count - 1 */
    size_t k_total;    /* of the rows that a panel has */
    const real *start; /* the rows that C's begin as: C's own, or others */
    size_t start_row;  /* their distance; 0: the same for all */
    real *c;
    size_t c_row;
    const real *next;  /* the panel after this, to be fetched meanwhile */
    size_t next_lines; /* of the cache, for each tile */
} tile_operands;

/* The panels that a tile takes: so many of three vectors, then so many of two; or one of one. */
typedef struct tile_columns {
    int threes, twos, ones;
} tile_columns;

/* A panel's first vector, its width, and where it stands: constants all, but for the last */
typedef struct tile_panel {
    int first, width;
    const real *b;
} tile_panel;

INLINE tile_panel panel_of(const tile_columns n, const int v, const tile_operands *o)
{
    const int narrow = v - 3 * n.threes, width = narrow < 0 ? 3 : n.ones ? 1 : 2;
    const int first = narrow < 0 ? v / 3 * 3 : 3 * n.threes + narrow / width * width;
    return (tile_panel){first, width, o->b + ((size_t)first * o->k_total + (size_t)width * o->k_first) * (size_t)WIDTH};
}

/* Where A's elements stand: a row's one after another, or a step's: of slices that are packed */
typedef enum layout { ROWS, SLICES } layout;

/* The element of row r and step k */
INLINE real element(const layout where, const tile_operands *o, int r, size_t k)
{
    return o->a[where == ROWS ? (size_t)r * o->a_row + k : k * TILE_ROWS + (size_t)r];
}

/*
 * sum[rows][vectors of the panels] += A B, for one k. A's elements are held while B's vectors pass, or B's vectors
 * while A's elements do: the fewer of them. What is used several times is loaded once: left to themselves, compilers
 * make operands in memory of it, and then the loads are what takes time.
 */
INLINE void add_step(const int rows, const tile_columns n, const layout where, const tile_operands *o, size_t k,
                     vector sum[TILE_ROWS][ROW_VECTORS])
{
    const int vectors = 3 * n.threes + 2 * n.twos + n.ones, held = vectors > rows ? rows : 0;
    vector x[TILE_ROWS], column[ROW_VECTORS];
#pragma GCC unroll 4
    for (int r = 0; r < held; r++) {
        x[r] = broadcast(element(where, o, r, k));
        KEEP(x[r]);
    }
#pragma GCC unroll 9
    for (int v = 0; v < vectors; v++) {
        tile_panel p = panel_of(n, v, o);
        column[v] = load(p.b + (k * (size_t)p.width + (size_t)(v - p.first)) * WIDTH);
        if (rows > 1)
            KEEP(column[v]);
#pragma GCC unroll 4
        for (int r = 0; r < held; r++)
            sum[r][v] = multiply_add(x[r], column[v], sum[r][v]);
    }
#pragma GCC unroll 4
    for (int r = held; r < rows; r++) {
        x[r] = broadcast(element(where, o, r, k));
#pragma GCC unroll 9
        for (int v = 0; v < vectors; v++)
            sum[r][v] = multiply_add(x[r], column[v], sum[r][v]);
    }
}

#if RNN_CORE_VECTOR_BYTES >= 32 && defined __x86_64__
#include "tile_x86.h"
#else
INLINE bool make_sums(const int rows, const tile_columns n, const layout where, const tile_operands *o,
                      vector sum[TILE_ROWS][ROW_VECTORS])
{
    (void)rows, (void)n, (void)where, (void)o, (void)sum;
    return false;
}
#endif

/* C[rows][vectors of the panels] = start + A B. All but o are constants. */
INLINE void tile(const int rows, const tile_columns n, const layout where, const tile_operands *o)
{
    const int vectors = 3 * n.threes + 2 * n.twos + n.ones;
    vector sum[TILE_ROWS][ROW_VECTORS];
    for (int r = 0; r < rows; r++) /* C is wanted at the end */
        for (int v = 0; v < vectors; v += LINE / WIDTH)
            __builtin_prefetch(o->c + (size_t)r * o->c_row + v * WIDTH, 1);

    if (!make_sums(rows, n, where, o, sum)) {
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 9
            for (int v = 0; v < vectors; v++)
                sum[r][v] = broadcast(0);
        for (size_t k = 0; k < o->k_count; k++)
            add_step(rows, n, where, o, k, sum);
    }

    const real *start = o->start;
    real *c = o->c;
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++, start += o->start_row, c += o->c_row)
#pragma GCC unroll 9
        for (int v = 0; v < vectors; v++)
            store(c + (size_t)v * WIDTH, load(start + (size_t)v * WIDTH) + sum[r][v]);
}

#define THREES(count) ((tile_columns){.threes = (count)})
#define TWOS(count) ((tile_columns){.twos = (count)})
#define THREES_AND_TWOS(a, b) ((tile_columns){.threes = (a), .twos = (b)})
#define ONE_VECTOR ((tile_columns){.ones = 1})

#endif
