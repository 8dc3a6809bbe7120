/*
 * The core's matrix products must have the same bits as plain loops that add in the same order, for many sizes. Like
 * the core, this is built once for each precision and instruction set.
 */
#include "core/kernels/pack.h"
#include "core/kernels/product.h"

#include "core/kernels/outer.h"

#include "../support/suite.h"

#include <stdio.h>
#include <stdlib.h>

/* Sizes around those of tiles, panels and blocks */
static const size_t many_rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 23, 96, 97, 200};
static const size_t many_vectors[] = {1, 2, 3, 4, 5, 7, 10, 13, 23};
static const size_t many_steps[] = {1, 2, 3, 4, 5, 8, 100, 256, 257, 520};

#define EACH(variable, array)                                                                                          \
    for (size_t variable##_index = 0, variable;                                                                        \
         variable##_index < COUNT_OF(array) && (variable = (array)[variable##_index], true); variable##_index++)

static const team alone = {0, 1};

/* The number of values in a packed K x N matrix */
static size_t packed_matrix(size_t k_count, size_t n_count)
{
    return round_up(n_count) * k_count;
}

/* Values between -1 and 1, the same in each run */
static real *numbers(size_t count)
{
    static uint32_t seed = 1;
    real *x = malloc((count + WIDTH) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < count + WIDTH; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (real)(seed >> 8) / (real)(1 << 23) - 1;
    }
    return x;
}

static real *zeros(size_t count)
{
    real *x = calloc(count + WIDTH, sizeof *x);
    assert_non_null(x);
    return x;
}

/* a b + c as the core computes it: rounded once if the instruction set has a fused multiply-add */
static real multiplied_and_added(real a, real b, real c)
{
#ifdef ROUNDS_ONCE
    return fused(a, b, c);
#else
    return a * b + c;
#endif
}

/* Every instruction set and every division of the work must give the same bits. */
static void check_same(real found, real expected)
{
    if (found != expected)
        fail_msg("%.17g instead of %.17g", (double)found, (double)expected);
}

/* Packed weights of one group without padding */
static real *packed_columns(const real *w, size_t n_count, size_t k_count)
{
    real *packed = zeros(packed_matrix(k_count, n_count));
    pack_columns(alone, w, (row_groups){1, 0, n_count, round_up(n_count)}, k_count, packed);
    return packed;
}

static void check_product(size_t m_count, size_t n_count, size_t k_count)
{
    size_t n_padded = round_up(n_count);
    scoped_memory real *a = numbers(m_count * k_count), *w = numbers(n_count * k_count),
                       *start = numbers(m_count * n_padded);
    scoped_memory real *b = packed_columns(w, n_count, k_count);
    scoped_memory real *c = zeros(m_count * n_padded), *turned = zeros(m_count * n_padded), *row = zeros(n_padded);
    product(m_count, n_padded, k_count, a, k_count, b, start, n_padded, c, n_padded, false);
    product(m_count, n_padded, k_count, a, k_count, b, start, n_padded, turned, n_padded, true);
    assert_memory_equal(turned, c, m_count * n_padded * sizeof *c);
    for (size_t m = 0; m < m_count; m++) {
        for (size_t n = 0; n < n_count; n++) {
            real sum = start[m * n_padded + n];
            for (size_t k = 0; k < k_count; k++)
                sum = multiplied_and_added(a[m * k_count + k], w[n * k_count + k], sum);
            check_same(c[m * n_padded + n], sum);
        }
        product(1, n_padded, k_count, a + m * k_count, k_count, b, start + m * n_padded, 0, row, n_padded, false);
        assert_memory_equal(row, c + m * n_padded,
                            n_padded * sizeof *row); /* the number of rows computed together makes no difference */
        product(1, n_padded, k_count, a + m * k_count, k_count, b, start + m * n_padded, 0, row, n_padded, true);
        assert_memory_equal(row, c + m * n_padded, n_padded * sizeof *row);
    }
}

/* B is larger than a cache, so the next panel is prefetched. */
static void test_products_with_large_matrices_are_sums(void **state)
{
    const size_t vectors = LARGE / (520 * RNN_CORE_VECTOR_BYTES) + 1;
    for (size_t m = 1; m < 12; m++)
        check_product(m, vectors * WIDTH, 520);
}

static void test_products_are_sums_whatever_rows_are_together(void **state)
{
    EACH(m, many_rows)
    EACH(vectors, many_vectors)
    EACH(k, many_steps)
    if (m * vectors * k < 400000)
        check_product(m, vectors * WIDTH - vectors % 2, k);
}

/*
 * The rows of w are the columns of one packing and the rows of the other. A product with a unit vector shows one of
 * them.
 */
static void check_packing(size_t groups, size_t first, size_t group, size_t columns)
{
    size_t stride = round_up(group), rows = groups * group, padded = round_up(columns);
    scoped_memory real *w = numbers(rows * columns), *one_row = zeros(groups * stride), *sums = zeros(padded);
    scoped_memory real *by_columns = zeros(packed_matrix(columns, groups * stride));
    scoped_memory real *by_rows = zeros(packed_matrix(groups * stride, columns));
    row_groups of = {groups, first, group, stride};
    pack_columns(alone, w, of, columns, by_columns);
    pack_rows(alone, w, of, columns, by_rows);
    for (size_t j = 0; j < columns; j++) { /* a unit vector picks a column of w */
        real *unit = zeros(columns), *nothing = zeros(groups * stride);
        unit[j] = 1;
        product(1, groups * stride, columns, unit, columns, by_columns, nothing, 0, one_row, groups * stride, false);
        for (size_t g = 0; g < groups; g++)
            for (size_t i = 0; i < stride; i++)
                assert_true(one_row[g * stride + i] ==
                            (i < group ? w[((g + first) % groups * group + i) * columns + j] : 0));
        free(nothing);
        free(unit);
    }
    for (size_t i = 0; i < groups * stride; i++) { /* a unit vector picks a row of w */
        real *unit = zeros(groups * stride), *nothing = zeros(padded);
        unit[i] = 1;
        product(1, padded, groups * stride, unit, groups * stride, by_rows, nothing, 0, sums, padded, false);
        for (size_t j = 0; j < padded; j++)
            assert_true(sums[j] == (i % stride < group && j < columns
                                        ? w[((i / stride + first) % groups * group + i % stride) * columns + j]
                                        : 0));
        free(nothing);
        free(unit);
    }
    for (size_t size = 2; size < 6; size++) { /* any division of the packing among threads gives the same bytes */
        scoped_memory real *columns_too = zeros(packed_matrix(columns, groups * stride));
        scoped_memory real *rows_too = zeros(packed_matrix(groups * stride, columns));
        for (size_t rank = 0; rank < size; rank++) {
            pack_columns((team){rank, size}, w, of, columns, columns_too);
            pack_rows((team){rank, size}, w, of, columns, rows_too);
        }
        assert_memory_equal(columns_too, by_columns, packed_matrix(columns, groups * stride) * sizeof *w);
        assert_memory_equal(rows_too, by_rows, packed_matrix(groups * stride, columns) * sizeof *w);
    }
}

static void test_packed_weights_are_the_weights(void **state)
{
    for (size_t groups = 1; groups <= 4; groups++)
        for (size_t group = 1; group < 40; group += 1 + group / 4)
            for (size_t columns = 1; columns < 70; columns += 1 + columns / 3)
                check_packing(groups, group % groups, group, columns);
}

/* Two inputs at once, computed by one thread and by several. The gradients are added to those already there. */
static void check_outer_products(size_t groups, size_t kept, size_t p_count, const size_t columns[2])
{
    size_t group = round_up(kept), i_count = groups * group, rows = groups * kept;
    scoped_memory real *g = numbers(p_count * i_count);
    real *x[2], *w[2], *before[2], *divided[2];
    scoped_memory real *scratch = zeros(OUTER_SCRATCH);
    outer_input inputs[2], again[2];
    for (int n = 0; n < 2; n++) {
        size_t padded = round_up(columns[n]);
        x[n] = numbers(p_count * padded);
        before[n] = numbers(rows * columns[n]);
        w[n] = zeros(rows * columns[n]);
        divided[n] = zeros(rows * columns[n]);
        memcpy(w[n], before[n], rows * columns[n] * sizeof(real));
        memcpy(divided[n], before[n], rows * columns[n] * sizeof(real));
        inputs[n] = (outer_input){x[n], padded, columns[n], w[n], columns[n]};
        again[n] = (outer_input){x[n], padded, columns[n], divided[n], columns[n]};
    }
    outer_products((share){0, i_count}, group, kept, p_count, g, i_count, inputs, 2, scratch);
    for (size_t rank = 0; rank < 3; rank++)
        outer_products(share_of((team){rank, 3}, i_count), group, kept, p_count, g, i_count, again, 2, scratch);
    for (int n = 0; n < 2; n++) {
        assert_memory_equal(divided[n], w[n], rows * columns[n] * sizeof(real));
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns[n]; j++) {
                const real *g_column = g + i / kept * group + i % kept, *x_column = x[n] + j;
                real expected = before[n][i * columns[n] + j];
                for (size_t p = 0, blocks = (p_count + 255) / 256; blocks > 0; blocks--) {
                    real sum = 0;
                    for (size_t end = p + (p_count - p) / blocks; p < end; p++)
                        sum = multiplied_and_added(g_column[p * i_count], x_column[p * round_up(columns[n])], sum);
                    expected += sum;
                }
                check_same(w[n][i * columns[n] + j], expected);
            }
        free(divided[n]);
        free(w[n]);
        free(before[n]);
        free(x[n]);
    }
}

static void test_weight_gradients_are_sums_whoever_adds_them(void **state)
{
    static const size_t widths[][2] = {{1, 7}, {8, 24}, {65, 3}, {100, 100}, {500, 30}, {513, 600}};
    static const size_t kept[] = {1, 2, 3, 4, 5, 8, 25, 100};
    for (size_t groups = 1; groups <= 4; groups++)
        EACH(h, kept)
    EACH(p, many_steps)
    for (size_t i = 0; i < COUNT_OF(widths); i++)
        if (groups * h * p * (widths[i][0] + widths[i][1]) < 4000000)
            check_outer_products(groups, h, p, widths[i]);
}

/* A sum too small for the precision is -0. Adding it to -0 gives -0, in a whole tile and in a partial one. */
static void test_a_gradient_of_minus_0_keeps_its_sign_in_every_tile(void **state)
{
    const real tiny = sizeof(real) == sizeof(float) ? (real)1e-30 : (real)1e-200;
    const real sum = multiplied_and_added(-tiny, tiny, 0); /* +0 if the product is rounded first */
    for (size_t kept = 1; kept <= 9; kept++) {
        size_t group = round_up(kept), columns = 2 * WIDTH + 1;
        scoped_memory real *g = zeros(group), *x = zeros(round_up(columns)), *w = zeros(kept * columns);
        scoped_memory real *scratch = zeros(OUTER_SCRATCH);
        for (size_t i = 0; i < kept; i++)
            g[i] = -tiny;
        for (size_t j = 0; j < columns; j++)
            x[j] = tiny;
        for (size_t i = 0; i < kept * columns; i++)
            w[i] = (real)-0.0;
        outer_input input = {x, round_up(columns), columns, w, columns};
        outer_products((share){0, group}, group, kept, 1, g, group, &input, 1, scratch);
        for (size_t i = 0; i < kept * columns; i++)
            assert_true(w[i] == 0 && signbit(w[i]) == signbit(sum));
    }
}

static void test_bias_gradients_are_sums_of_columns(void **state)
{
    EACH(p, many_steps)
    {
        size_t group = round_up(5), i_count = 3 * group;
        scoped_memory real *g = numbers(p * i_count), *b = zeros(15), *twin = zeros(15), *scratch = zeros(i_count);
        column_sums((share){0, i_count}, group, 5, p, g, i_count, b, twin, scratch);
        for (size_t i = 0; i < 15; i++) {
            real expected = 0;
            for (size_t row = 0; row < p;) {
                real sum = 0;
                for (size_t end = p - row < 256 ? p : row + 256; row < end; row++)
                    sum += g[row * i_count + i / 5 * group + i % 5];
                expected += sum;
            }
            check_same(b[i], expected);
            check_same(twin[i], expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_are_sums_whatever_rows_are_together),
        cmocka_unit_test(test_products_with_large_matrices_are_sums),
        cmocka_unit_test(test_packed_weights_are_the_weights),
        cmocka_unit_test(test_weight_gradients_are_sums_whoever_adds_them),
        cmocka_unit_test(test_a_gradient_of_minus_0_keeps_its_sign_in_every_tile),
        cmocka_unit_test(test_bias_gradients_are_sums_of_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
