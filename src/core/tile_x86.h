/*
 * tile_x86.h: the sums of the tiles that most of the work is done by, for AVX2 and AVX-512; taken in by tile.h. In
 * assembly, since a tile of 4 x 3 takes all 16 registers, and compilers run short of them in one way or another: they
 * move sums about, or load the same numbers several times. Steps of k four at a time, then one by one.
 */
#ifndef RNN_CORE_TILE_X86_H
#define RNN_CORE_TILE_X86_H

#if RNN_CORE_PRECISION == 32
#define ONE "ss"
#define ALL "ps"
#else
#define ONE "sd"
#define ALL "pd"
#endif
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define REAL_BYTES TEXT(RNN_CORE_PRECISION) "/8"
#define VECTOR_BYTES TEXT(RNN_CORE_VECTOR_BYTES)

/* Where A's elements stand, as element() says: those of rows 0 to 3 at step k, and the way to the next step */
#define ROWS_0(k) #k "*" REAL_BYTES "(%[a])"
#define ROWS_1(k) #k "*" REAL_BYTES "(%[a],%[row])"
#define ROWS_2(k) #k "*" REAL_BYTES "(%[a],%[row],2)"
#define ROWS_3(k) #k "*" REAL_BYTES "(%[a],%[row3])"
#define ROWS_STEP "1*" REAL_BYTES
#define SLICES_0(k) "(4*" #k ")*" REAL_BYTES "(%[a])"
#define SLICES_1(k) "(4*" #k "+1)*" REAL_BYTES "(%[a])"
#define SLICES_2(k) "(4*" #k "+2)*" REAL_BYTES "(%[a])"
#define SLICES_3(k) "(4*" #k "+3)*" REAL_BYTES "(%[a])"
#define SLICES_STEP "4*" REAL_BYTES

/* A step: the panel's vectors, and for each row the product of A's element and them */
#define LOAD(v, width, k) "vmovu" ALL " (" #width "*" #k "+" #v ")*" VECTOR_BYTES "(%[b]), %[b" #v "]\n\t"
#define LOADS_2(k) LOAD(0, 2, k) LOAD(1, 2, k)
#define LOADS_3(k) LOAD(0, 3, k) LOAD(1, 3, k) LOAD(2, 3, k)
#define ADD(r, v) "vfmadd231" ALL " %[x], %[b" #v "], %[s" #r #v "]\n\t"
#define ADDS_2(r) ADD(r, 0) ADD(r, 1)
#define ADDS_3(r) ADD(r, 0) ADD(r, 1) ADD(r, 2)
#define ROW(r, width, where, k) "vbroadcast" ONE " " where##_##r(k) ", %[x]\n\t" ADDS_##width(r)
#define STEP_3(width, where, k) LOADS_##width(k) ROW(0, width, where, k) ROW(1, width, where, k) ROW(2, width, where, k)
#define STEP_4(width, where, k) STEP_3(width, where, k) ROW(3, width, where, k)
#define ZERO(r, v) "vxor" ALL " %[s" #r #v "], %[s" #r #v "], %[s" #r #v "]\n\t"
#define ZEROS(r) ZERO(r, 0) ZERO(r, 1) ZERO(r, 2)

/* clang-format off */
#define SUMS(rows, width, where)                                                                                       \
    __asm__ __volatile__(ZEROS(0) ZEROS(1) ZEROS(2) ZEROS(3)                                                                        \
            "test %[fours], %[fours]\n\t"                                                                              \
            "jz 2f\n"                                                                                                  \
            ".p2align 5\n"                                                                                             \
            "1:\t" STEP_##rows(width, where, 0) STEP_##rows(width, where, 1)                                           \
            STEP_##rows(width, where, 2) STEP_##rows(width, where, 3)                                                  \
            "add $4*" where##_STEP ", %[a]\n\t"                                                                        \
            "add $4*" #width "*" VECTOR_BYTES ", %[b]\n\t"                                                             \
            "dec %[fours]\n\t"                                                                                         \
            "jnz 1b\n"                                                                                                 \
            "2:\ttest %[ones], %[ones]\n\t"                                                                            \
            "jz 4f\n"                                                                                                  \
            "3:\t" STEP_##rows(width, where, 0)                                                                        \
            "add $" where##_STEP ", %[a]\n\t"                                                                          \
            "add $" #width "*" VECTOR_BYTES ", %[b]\n\t"                                                               \
            "dec %[ones]\n\t"                                                                                          \
            "jnz 3b\n"                                                                                                 \
            "4:"                                                                                                       \
            : [s00] "=&v"(sum[0][0]), [s01] "=&v"(sum[0][1]), [s02] "=&v"(sum[0][2]),                                  \
              [s10] "=&v"(sum[1][0]), [s11] "=&v"(sum[1][1]), [s12] "=&v"(sum[1][2]),                                  \
              [s20] "=&v"(sum[2][0]), [s21] "=&v"(sum[2][1]), [s22] "=&v"(sum[2][2]),                                  \
              [s30] "=&v"(sum[3][0]), [s31] "=&v"(sum[3][1]), [s32] "=&v"(sum[3][2]),                                  \
              [b0] "=&v"(column[0]), [b1] "=&v"(column[1]), [b2] "=&v"(column[2]), [x] "=&v"(x),                       \
              [a] "+&r"(a), [b] "+&r"(b), [fours] "+&r"(fours), [ones] "+&r"(ones)                                     \
            : [row] "r"(row), [row3] "r"(3 * row)                                                                      \
            : "cc", "memory")
/* clang-format on */

/* Whether it has made the sums: it has for large tiles of one panel. */
INLINE bool make_sums(const int rows, const tile_columns n, const layout where, const tile_operands *o,
                      vector sum[TILE_ROWS][ROW_VECTORS])
{
    const int width = 3 * n.threes + 2 * n.twos;
    if (rows < 3 || width < 2 || width > 3)
        return false;
    vector column[TILE_VECTORS], x;
    const real *a = o->a, *b = o->b + o->k_first * (size_t)width * WIDTH;
    size_t fours = o->k_count / 4, ones = o->k_count % 4, row = o->a_row * sizeof(real);
    if (rows == 4 && width == 3 && where == ROWS)
        SUMS(4, 3, ROWS);
    else if (rows == 4 && width == 3)
        SUMS(4, 3, SLICES);
    else if (rows == 4 && where == ROWS)
        SUMS(4, 2, ROWS);
    else if (rows == 4)
        SUMS(4, 2, SLICES);
    else if (width == 3)
        SUMS(3, 3, ROWS);
    else
        SUMS(3, 2, ROWS);
    return true;
}

#endif
