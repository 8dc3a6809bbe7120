/*
 * tile.h: the micro-kernels of all matrix products.
 *
 * They compute up to TILE_ROWS rows of C and one panel of its columns, or one row and several panels. A is read element
 * by element; B is packed in panels [k][columns of the panel]. Each element of C is one chain of multiply-adds in
 * ascending order of k, whatever the shape of its tile. So a result depends neither on the number of rows computed
 * together nor on the vector width.
 *
 * The sums of a tile and their operands must fit into the registers: 16, or 32 with AVX-512. Of the tiles that fit into
 * 16, 4 rows of 3 vectors need the fewest loads per multiply-add; with 32, the tile has 8 rows. So panels are three
 * vectors wide. If the number of vectors isn't a multiple of three, one or two panels are two vectors wide. If there is
 * only one vector, it is a panel of its own.
 *
 * Each sum is a named variable, because some compilers keep an array of vectors in memory. The shape of a tile is a
 * constant wherever a kernel is inlined, so only the sums of that shape remain.
 */
#ifndef RNN_CORE_TILE_H
#define RNN_CORE_TILE_H

#include "core/kernels/real.h"

enum {
    TILE_ROWS = RNN_CORE_VECTOR_BYTES == 64 ? 8 : 4,
    TILE_VECTORS = 3,        /* maximum width of a panel */
    TILE_PANELS = 3,         /* maximum number of panels in a tile of one row */
    LINE = 64 / sizeof(real) /* reals in a cache line */
};

/* The operands of a tile. */
typedef struct tile_operands {
    size_t k_count;
    const real *a;
    size_t a_row;      /* row stride of A */
    const real *b;     /* one panel */
    size_t k_first;    /* The tile multiplies rows k_first ... k_first + k_count - 1 of the panel. */
    const real *start; /* initial values of C's rows: C itself or other rows */
    size_t start_row;  /* row stride; 0: the same row for all */
    real *c;
    size_t c_row;
    const real *next;  /* the next panel; prefetched while this one is multiplied */
    size_t next_lines; /* cache lines to prefetch for each tile */
} tile_operands;

/*
 * C = start + A B. PRODUCT: each sum begins with its element of `start`; A is stored by rows. GRADIENT: each sum begins
 * with zero, and its element of `start` is added at the end; A is stored as [k][TILE_ROWS].
 */
typedef enum tile_kind { PRODUCT, GRADIENT } tile_kind;

INLINE real element(const tile_kind kind, const real *a, size_t a_row, size_t r, size_t k)
{
    return kind == PRODUCT ? a[r * a_row + k] : a[k * TILE_ROWS + r];
}

INLINE vector finished(const tile_kind kind, const real *start, vector sum)
{
    if (kind == GRADIENT)
        sum = load(start) + sum;
    return sum;
}

/* Beginning, one step and end of row r of a tile's sums. `rows` and `vectors` are constants. */
#define BEGIN_ROW(r)                                                                                                   \
    vector s##r##0 = zero, s##r##1 = zero, s##r##2 = zero;                                                             \
    if (kind == PRODUCT && rows > r) {                                                                                 \
        const real *start = o->start + r * o->start_row;                                                               \
        s##r##0 = load(start);                                                                                         \
        s##r##1 = vectors > 1 ? load(start + WIDTH) : zero;                                                            \
        s##r##2 = vectors > 2 ? load(start + 2 * WIDTH) : zero;                                                        \
    }
#define ADD_TO_ROW(r)                                                                                                  \
    if (rows > r) {                                                                                                    \
        vector x = broadcast(element(kind, a, o->a_row, r, k));                                                        \
        KEEP(x);                                                                                                       \
        s##r##0 = multiply_add(x, b0, s##r##0);                                                                        \
        s##r##1 = vectors > 1 ? multiply_add(x, b1, s##r##1) : zero;                                                   \
        s##r##2 = vectors > 2 ? multiply_add(x, b2, s##r##2) : zero;                                                   \
    }
#define END_ROW(r)                                                                                                     \
    if (rows > r) {                                                                                                    \
        const real *start = o->start + r * o->start_row;                                                               \
        real *c = o->c + r * o->c_row;                                                                                 \
        store(c, finished(kind, start, s##r##0));                                                                      \
        if (vectors > 1)                                                                                               \
            store(c + WIDTH, finished(kind, start + WIDTH, s##r##1));                                                  \
        if (vectors > 2)                                                                                               \
            store(c + 2 * WIDTH, finished(kind, start + 2 * WIDTH, s##r##2));                                          \
    }

/*
 * A tile of `rows` rows and `vectors` vectors of one panel. The operands are kept in registers. Otherwise compilers
 * load the same numbers again for each multiply-add, and loading takes most of the time. Two steps at once save
 * instructions, of which a core decodes few when its other hardware thread is busy.
 */
INLINE void tile(const size_t rows, const size_t vectors, const tile_kind kind, const tile_operands *o)
{
    const vector zero = {0};
    for (size_t r = 0; r < rows; r++) /* prefetches C, which is needed at the end */
        for (size_t v = 0; v < vectors; v += LINE / WIDTH)
            __builtin_prefetch(o->c + r * o->c_row + v * WIDTH, 1);

    BEGIN_ROW(0)
    BEGIN_ROW(1)
    BEGIN_ROW(2)
    BEGIN_ROW(3)
    BEGIN_ROW(4)
    BEGIN_ROW(5)
    BEGIN_ROW(6)
    BEGIN_ROW(7)
    const real *a = o->a, *b = o->b + o->k_first * vectors * WIDTH;
#ifndef __wasm__ /* where it makes the code larger and no faster */
#pragma GCC unroll 2
#endif
    for (size_t k = 0; k < o->k_count; k++, b += vectors * WIDTH) {
        vector b0 = load(b), b1 = vectors > 1 ? load(b + WIDTH) : zero, b2 = vectors > 2 ? load(b + 2 * WIDTH) : zero;
        KEEP(b0);
        KEEP(b1);
        KEEP(b2);
        ADD_TO_ROW(0)
        ADD_TO_ROW(1)
        ADD_TO_ROW(2)
        ADD_TO_ROW(3)
        ADD_TO_ROW(4)
        ADD_TO_ROW(5)
        ADD_TO_ROW(6)
        ADD_TO_ROW(7)
    }
    END_ROW(0)
    END_ROW(1)
    END_ROW(2)
    END_ROW(3)
    END_ROW(4)
    END_ROW(5)
    END_ROW(6)
    END_ROW(7)
}

/* Beginning, one step and end of the sums of panel p, which is `width<p>` vectors wide. */
#define BEGIN_PANEL(p)                                                                                                 \
    vector s##p##0 = width##p > 0 ? load(start) : zero;                                                                \
    vector s##p##1 = width##p > 1 ? load(start + WIDTH) : zero;                                                        \
    vector s##p##2 = width##p > 2 ? load(start + 2 * WIDTH) : zero;                                                    \
    start += width##p * WIDTH;
#define ADD_TO_PANEL(p)                                                                                                \
    s##p##0 = width##p > 0 ? multiply_add(x, load(b##p), s##p##0) : zero;                                              \
    s##p##1 = width##p > 1 ? multiply_add(x, load(b##p + WIDTH), s##p##1) : zero;                                      \
    s##p##2 = width##p > 2 ? multiply_add(x, load(b##p + 2 * WIDTH), s##p##2) : zero;                                  \
    b##p += width##p * WIDTH;
#define END_PANEL(p)                                                                                                   \
    if (width##p > 0)                                                                                                  \
        store(c, s##p##0);                                                                                             \
    if (width##p > 1)                                                                                                  \
        store(c + WIDTH, s##p##1);                                                                                     \
    if (width##p > 2)                                                                                                  \
        store(c + 2 * WIDTH, s##p##2);                                                                                 \
    c += width##p * WIDTH;

/* A row [K] and the packed panels that it is multiplied with. `b` is the first panel. */
typedef struct row_factors {
    size_t k_count;
    const real *a;
    const real *b;
} row_factors;

/*
 * One row of up to three panels, which is enough sums to keep the pipeline full. c = start + the sum of the products.
 * The panels begin at column n.
 */
INLINE void row_tile(const size_t width0, const size_t width1, const size_t width2, size_t products,
                     const row_factors *factors, size_t n, const real *start, real *c)
{
    const vector zero = {0};
    start += n;
    c += n;
    BEGIN_PANEL(0)
    BEGIN_PANEL(1)
    BEGIN_PANEL(2)
    for (; products > 0; products--, factors++) {
        size_t k_count = factors->k_count;
        const real *a = factors->a;
        const real *b0 = factors->b + n * k_count;
        const real *b1 = b0 + k_count * width0 * WIDTH;
        const real *b2 = b1 + k_count * width1 * WIDTH;
        for (size_t k = 0; k < k_count; k++) {
            vector x = broadcast(a[k]);
            KEEP(x);
            ADD_TO_PANEL(0)
            ADD_TO_PANEL(1)
            ADD_TO_PANEL(2)
        }
    }
    END_PANEL(0)
    END_PANEL(1)
    END_PANEL(2)
}

#endif
