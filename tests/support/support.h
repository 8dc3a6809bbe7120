/*
 * The common basis of the suites: checks that print the library's own sentence, random numbers that are the same on
 * every machine, random models, states and chunks, and the golden files. It uses only the public API and is linked into
 * every suite.
 */
#ifndef RNN_TESTS_SUPPORT_H
#define RNN_TESTS_SUPPORT_H

#include "rnn/rnn.h"
#include "scoped.h"
#include "suite.h"

/* ---- Checks ---- */

/* The call must return RNN_OK; otherwise the test fails and prints the status and rnn_last_error(). */
#define assert_ok(call) check_ok((call), #call, __FILE__, __LINE__)

/*
 * The call must return `status` and leave one line that contains `part` in rnn_last_error(). To make sure that the
 * sentence isn't from an earlier call, rnn_optimizer_set_learning_rate(NULL, 0) fails first.
 */
#define assert_fails(call, status, part)                                                                               \
    (leave_another_error(), check_fails((call), (status), (part), #call, __FILE__, __LINE__))

/* |actual - expected| must be at most tolerance * |expected|. A NaN fails. */
#define assert_relative(actual, expected, tolerance)                                                                   \
    check_relative((actual), (expected), (tolerance), #actual, __FILE__, __LINE__)

/* Each of `count` doubles must differ by at most tolerance * (the largest |expected| of all). A NaN fails. */
#define assert_all_close(actual, expected, count, tolerance)                                                           \
    check_all_close((actual), (expected), (count), (tolerance), #actual, __FILE__, __LINE__)

void check_ok(rnn_status status, const char *call, const char *file, int line);
void check_fails(rnn_status actual, rnn_status expected, const char *part, const char *call, const char *file,
                 int line);
void leave_another_error(void);
void ignore(rnn_status status); /* for a call whose status doesn't matter to the test */
void check_relative(double actual, double expected, double tolerance, const char *what, const char *file, int line);
void check_all_close(const double *actual, const double *expected, int64_t count, double tolerance, const char *what,
                     const char *file, int line);

/* A pointer that out-parameters hold before a call that fails and must still hold afterwards */
#define UNTOUCHED ((void *)&untouched_object)
extern char untouched_object;

/* ---- Memory ---- */

/* `count` zeroed elements of `size` bytes, to release with free(); fails the test when there is no memory. */
void *allocate(int64_t count, size_t size);

/* ---- Random test data: splitmix64, independent of the library's generator ---- */

typedef struct random_source {
    uint64_t state; /* any value is a valid seed */
} random_source;

uint64_t random_bits(random_source *source);
double random_between(random_source *source, double low, double high);
int32_t random_below(random_source *source, int64_t limit); /* 0 to limit - 1; limit is at most 2^31 */
void random_fill(random_source *source, double *values, int64_t count, double scale); /* -scale to scale */

/* ---- Values of either precision, as doubles ---- */

/* The size of a number of this precision */
size_t precision_size(int32_t precision);

/* Convert between numbers of a precision and doubles. float32 values are rounded. */
void to_doubles(int32_t precision, const void *values, double *doubles, int64_t count);
void from_doubles(int32_t precision, const double *doubles, void *values, int64_t count);

rnn_model_options options_of(const rnn_model *model);
rnn_parameter parameter_of(const rnn_model *model, int64_t index);
int64_t index_of(const rnn_model *model, const char *name);

/* The row-major values of a parameter. Returned memory has parameter_of().count elements and must be freed. */
double *get_parameter(const rnn_model *model, int64_t index);
double *get_gradient(const rnn_model *model, int64_t index);
void set_parameter(rnn_model *model, int64_t index, const double *values);

/* All parameters or all gradients, one after the other: parameter_total() elements, to free() */
int64_t parameter_total(const rnn_model *model);
double *get_all_parameters(const rnn_model *model);
double *get_all_gradients(const rnn_model *model);

/*
 * The state of all layers: [L][B][H] of h, followed for an LSTM by [L][B][H] of c. With two directions there are 2 L.
 * `model` gives the shape.
 */
int64_t state_total(const rnn_model *model, const rnn_state *state);
double *get_state(const rnn_model *model, const rnn_state *state);
void set_state(const rnn_model *model, rnn_state *state, const double *values);

/* ---- What a failed call must not change ---- */

/* The bits of a model's parameters and gradients, and of a state's values */
typedef struct snapshot {
    unsigned char *bytes;
    size_t size;
} snapshot;

static inline void release_snapshot(snapshot *taken)
{
    free(taken->bytes);
}

#define scoped_snapshot RELEASED_BY(release_snapshot) snapshot

/* `state` may be NULL. Release with free(snapshot.bytes). */
snapshot take_snapshot(const rnn_model *model, const rnn_state *state);

/* Fails the test if a bit differs from `before`. */
void assert_unchanged(const snapshot *before, const rnn_model *model, const rnn_state *state);

/* ---- Models, states and chunks to test with ---- */

/* The defaults with these sizes */
rnn_model_options make_options(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                               int32_t precision);

rnn_model *create_model(const rnn_model_options *options);

/*
 * All parameters, including biases, are uniform in -scale to scale, with the same (rounded) values in either precision.
 */
rnn_model *create_random_model(const rnn_model_options *options, double scale, uint64_t seed);

rnn_state *create_state(const rnn_model *model, int64_t streams);
rnn_state *create_random_state(const rnn_model *model, int64_t streams, double scale, uint64_t seed);

/* The sizes of structs in version 0.1, which are the smallest that the library accepts */
enum {
    FIRST_CHUNK_SIZE = offsetof(rnn_chunk, target_mask) + sizeof(void *),
    FIRST_OPTIONS_SIZE = offsetof(rnn_model_options, seed) + sizeof(uint64_t),
    FIRST_PARAMETER_SIZE = offsetof(rnn_parameter, gradient) + sizeof(void *),
    FIRST_SAMPLER_OPTIONS_SIZE = offsetof(rnn_sampler_options, seed) + sizeof(uint64_t),
    FIRST_OPTIMIZER_OPTIONS_SIZE = offsetof(rnn_optimizer_options, clip_value) + sizeof(double),
};

/* A chunk and the arrays that it points to. Arrays that it doesn't have are NULL. */
typedef struct owned_chunk {
    rnn_chunk chunk;
    int32_t *inputs;              /* [T][B] */
    int32_t *targets;             /* [T][B] */
    void *input_vectors;          /* [T][B][I] */
    void *target_vectors;         /* [T][B][O] */
    uint8_t *target_mask;         /* [T][B] */
    size_t input_row, target_row; /* bytes of a vector */
} owned_chunk;

/* Random inputs below `input_size`, and random targets below `output_size` of which a share (0 to 1) are RNN_IGNORE */
owned_chunk create_random_chunk(int64_t steps, int64_t streams, int64_t input_size, int64_t output_size,
                                double ignored_share, uint64_t seed);

/*
 * A random chunk for the model, of ids or of vectors with elements in -1 to 1. A share of the targets is ignored or
 * masked; a masked target vector holds NaNs. The values are the same (rounded) in either precision.
 */
owned_chunk create_random_chunk_for(const rnn_model *model, int64_t steps, int64_t streams, double ignored_share,
                                    uint64_t seed);
void destroy_chunk(owned_chunk *chunk);

#define scoped_chunk RELEASED_BY(destroy_chunk) owned_chunk

/* A view of `steps` steps of a chunk from `first` on, valid as long as `chunk` */
rnn_chunk chunk_steps(const owned_chunk *chunk, int64_t first, int64_t steps);

/* ---- Golden files ---- */

/* The `size` bytes of a file in tests/golden, to free(). A NUL that isn't counted follows. */
char *read_golden(const char *name, size_t *size);

/* The `count` numbers of a file of little-endian float64, to free() */
double *read_golden_doubles(const char *name, int64_t *count);

#endif
