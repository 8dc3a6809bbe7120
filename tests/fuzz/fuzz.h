/*
 * fuzz.h: used by all fuzzers. It splits the input and has an allocator with a limit and checks that end the program.
 */
#ifndef RNN_TESTS_FUZZ_H
#define RNN_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rnn/rnn.h"

/* The memory that the library may hold for an input of a few thousand bytes */
enum { FUZZ_MEMORY_MOST = 64 << 20 };

/* libFuzzer calls the first once, and the second for each input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program with a sentence unless the condition holds. libFuzzer then saves the input. */
#define CHECK(holds) ((holds) ? (void)0 : fuzz_abort(#holds, __FILE__, __LINE__))

/* The call must succeed. */
#define CHECK_OK(call) CHECK((call) == RNN_OK)

_Noreturn void fuzz_abort(const char *what, const char *file, int line);

/*
 * Gives the library an allocator that ends the program if more than FUZZ_MEMORY_MOST bytes would be in use. It fills
 * new memory with bytes that aren't zero. fuzz_check_memory() checks how many blocks are in use.
 */
void fuzz_limit_memory(void);
void fuzz_check_memory(size_t blocks);
size_t fuzz_blocks_out(void);

/* Checks that a failure has left one line of UTF-8 and that its status exists. */
void fuzz_check_failure(rnn_status status);

/* Returns whether a call succeeded. If it failed, checks its sentence. */
bool fuzz_worked(rnn_status status);

/* The rest of an input. At its end all further numbers are 0. */
typedef struct fuzz_input {
    const uint8_t *bytes;
    size_t size;
} fuzz_input;

uint8_t fuzz_byte(fuzz_input *input);
uint32_t fuzz_number(fuzz_input *input, int bytes); /* little-endian, 1 to 4 bytes */

/* Takes up to `most` bytes from the front. */
fuzz_input fuzz_take(fuzz_input *input, size_t most);

/* A copy of exactly the input's size, so that reading past its end is detected; to free() */
uint8_t *fuzz_copy(fuzz_input input);

/*
 * Makes a file from an input, to free(). Most files of random bytes fail early: the first eight bytes give the length
 * of the header, and the header must give the right length of all tensors. So, unless `raw`, the input has 2 bytes for
 * the size of all tensors (modulo 4096), the header up to a NUL, and then bytes that are repeated up to that size.
 */
typedef struct fuzz_file {
    uint8_t *bytes;
    size_t size;
} fuzz_file;

fuzz_file fuzz_make_file(fuzz_input input, bool raw);

/* Runs a model forward for one step of one stream. */
void fuzz_run_forward(const rnn_model *model);

#endif
