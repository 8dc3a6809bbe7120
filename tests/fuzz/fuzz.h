/*
 * fuzz.h: what the fuzzers share: the input taken apart, an allocator with a limit, and checks that end the program.
 */
#ifndef RNN_TESTS_FUZZ_H
#define RNN_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rnn/rnn.h"

/* What an input of a few thousand bytes may make the library hold at a time. */
enum { FUZZ_MEMORY_MOST = 64 << 20 };

/* libFuzzer's: called once, and for each input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program with a sentence unless `holds`. libFuzzer keeps the input. */
#define CHECK(holds) ((holds) ? (void)0 : fuzz_abort(#holds, __FILE__, __LINE__))

/* The call must succeed. */
#define CHECK_OK(call) CHECK((call) == RNN_OK)

_Noreturn void fuzz_abort(const char *what, const char *file, int line);

/*
 * Has the library take its memory from an allocator that ends the program where more than FUZZ_MEMORY_MOST would be
 * out, and that fills with other bytes than zeros. fuzz_check_memory() checks that so many blocks are out.
 */
void fuzz_limit_memory(void);
void fuzz_check_memory(size_t blocks);
size_t fuzz_blocks_out(void);

/* Checks that a failure has left one line of UTF-8, and that `status` is one that there is. */
void fuzz_check_failure(rnn_status status);

/* Checks the sentence if the status is one of failure. */
bool fuzz_worked(rnn_status status);

/* What is left of an input. Of one that has ended all further numbers are 0. */
typedef struct fuzz_input {
    const uint8_t *bytes;
    size_t size;
} fuzz_input;

uint8_t fuzz_byte(fuzz_input *input);
uint32_t fuzz_number(fuzz_input *input, int bytes); /* little-endian, 1 to 4 bytes */

/* Takes up to `most` bytes from the front. */
fuzz_input fuzz_take(fuzz_input *input, size_t most);

/* A copy of exactly the input's size, so that reading beyond its end is seen; to free(). */
uint8_t *fuzz_copy(fuzz_input input);

/*
 * A file made of an input, to free(). Most files of random bytes fail at the first eight, the length of the header, or
 * at the length of all tensors, which the header must have told right. So unless `raw` the input is the size of the
 * tensors' bytes (2 bytes; modulo 4096), the header up to a NUL, and after that bytes which are repeated up to that
 * size.
 */
typedef struct fuzz_file {
    uint8_t *bytes;
    size_t size;
} fuzz_file;

fuzz_file fuzz_make_file(fuzz_input input, bool raw);

/* Runs a model for one step, forward, on a state of one stream. */
void fuzz_run_forward(const rnn_model *model);

#endif
