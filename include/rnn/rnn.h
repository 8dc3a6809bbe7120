/**
 * @file rnn.h
 * @brief The whole public API of librnn, a C library that trains and runs recurrent neural networks.
 *
 * This program learns a text byte by byte, then prints some text of its own:
 *
 * @code{.c}
 * #include <stdio.h>
 * #include <stdlib.h>
 *
 * #include <rnn/rnn.h>
 *
 * static void check(rnn_status status)
 * {
 *     if (status == RNN_OK)
 *         return;
 *     fprintf(stderr, "%s\n", rnn_last_error());
 *     exit(EXIT_FAILURE);
 * }
 *
 * int main(int argc, char **argv)
 * {
 *     const char *path = argc > 1 ? argv[1] : "input.txt";
 *     rnn_vocab *vocab;
 *     rnn_corpus *corpus;
 *     rnn_model *model;
 *     rnn_state *state;
 *     rnn_optimizer *optimizer;
 *     rnn_sampler *sampler;
 *     rnn_model_options options;
 *     rnn_chunk chunk;
 *     int32_t ids[200];
 *     char text[200];
 *
 *     check(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, path, &vocab));
 *     check(rnn_corpus_create_from_file(vocab, path, 25, 1, &corpus));
 *     check(rnn_model_options_init(&options, sizeof options));
 *     options.input_size = options.output_size = rnn_vocab_size(vocab);
 *     check(rnn_model_create(&options, &model));
 *     check(rnn_state_create(model, 1, &state));
 *     check(rnn_optimizer_create(model, NULL, &optimizer));
 *     check(rnn_chunk_init(&chunk, sizeof chunk));
 *     for (int n = 0; n < 10000; n++) {
 *         int32_t restarted;
 *         check(rnn_corpus_next(corpus, &chunk, &restarted));
 *         if (restarted)
 *             check(rnn_state_reset(state));
 *         check(rnn_forward_backward(model, state, &chunk, NULL));
 *         check(rnn_model_clip_value(model, 5));
 *         check(rnn_optimizer_step(optimizer, model));
 *     }
 *     check(rnn_sampler_create(NULL, &sampler));
 *     check(rnn_sample(model, state, sampler, &chunk.targets[chunk.steps - 1], 200, ids));
 *     check(rnn_vocab_decode(vocab, ids, 200, text, sizeof text, NULL));
 *     printf("%.200s\n", text);
 *
 *     rnn_sampler_destroy(sampler);
 *     rnn_optimizer_destroy(optimizer);
 *     rnn_state_destroy(state);
 *     rnn_model_destroy(model);
 *     rnn_corpus_destroy(corpus);
 *     rnn_vocab_destroy(vocab);
 *     return EXIT_SUCCESS;
 * }
 * @endcode
 *
 * Each round of its loop trains on one chunk: the next 25 bytes of the text. The program runs the model forward and
 * backward over the chunk, limits the gradients, and updates the parameters. The state carries the model's memory from
 * chunk to chunk. A chunk can hold several streams, which are independent sequences that advance side by side. This
 * program has one stream. It uses six kinds of object, each through an opaque handle:
 *
 * | handle          | object                                                                          |
 * |-----------------|---------------------------------------------------------------------------------|
 * | `rnn_model`     | a network: its configuration, its parameters and, in training, their gradients  |
 * | `rnn_state`     | the model's memory from one chunk to the next                                   |
 * | `rnn_optimizer` | the rule that turns gradients into updates of the parameters                    |
 * | `rnn_sampler`   | the rule that turns the model's outputs into symbols                            |
 * | `rnn_vocab`     | the symbols of a text and their ids                                             |
 * | `rnn_corpus`    | an encoded text, served chunk by chunk                                          |
 *
 * There are two more kinds. An `rnn_source` reads a text from several files or from a pipe. An `rnn_batcher` serves
 * many separate sequences instead of one long text. rnn_model_save() writes a model to a file, which PyTorch can also
 * read, and rnn_model_load() reads it back. rnn_checkpoint_save() saves a whole training run, and rnn_checkpoint_load()
 * restores it, so that you can resume the run another day.
 *
 * After the version and the status codes, the sections come in this order: models, chunks, states, running, optimizers,
 * samplers, texts, sequences, files. A first program needs one or two functions from each. Threads and memory follow.
 * The experimental functions at the end may change in any version. To use them, define RNN_EXPERIMENTAL.
 *
 * The default options are those of min-char-rnn, Andrej Karpathy's Python program of 112 lines. docs/seed.md compares
 * librnn with it, side by side.
 *
 * These conventions hold for every function:
 *
 * - **Errors.** A call that can fail returns an `rnn_status`, which is #RNN_OK (0) on success. After any other status,
 *   rnn_last_error() returns one sentence that names the argument, its value and the limit. A failed call leaves every
 *   object and every result unchanged, unless its comment names an exception. For example, if an object can't be
 *   created, the variable for its handle keeps its old value. Passing NULL where an object is required is an error,
 *   never a crash. An option that has no effect in combination with the others must keep its default; any other value
 *   is an error.
 * - **Getters.** A getter that can't fail returns its result. If you pass NULL, it returns a value that its comment
 *   names: rnn_vocab_size(), for example, returns 0. A getter that can fail stores its result through a pointer. A
 *   `_get_` function copies data to the caller's memory, and a `_set_` function copies data from it. All other getters
 *   give access to data that the object owns. No getter changes the object.
 * - **Ownership.** The caller owns every object that a function creates or loads, and releases it with its `_destroy`
 *   function, which accepts NULL. No function keeps a pointer to the caller's memory after it returns, except for the
 *   `context` of rnn_set_allocator() and rnn_set_interrupt(). No object needs another to stay alive: a corpus can
 *   outlive its vocabulary, and a state its model. When a function hands out a pointer, its comment says how long the
 *   pointer is valid.
 * - **Paths** go to the system as they are. On Windows they are UTF-8.
 * - **Sizes.** The comments use these letters: T steps of a chunk, B streams, V symbols, H hidden units, L layers, O
 *   outputs. A position (t, b) is step t of stream b. Element counts are `int64_t`, so that a negative count is an
 *   error instead of a huge number. Lengths of memory in bytes are `size_t`.
 * - **Layout.** Arrays are dense, row-major and time-major: in `[T][B]`, element (t, b) has the index `t * B + b`. The
 *   arrays that a call reads must not overlap those that it writes. An array of `float`, `double` or integers must be
 *   aligned as C requires for these types; `bytes` and `text` may begin at any address.
 * - **Precision.** A model computes in float32 or float64. You choose the precision when you create the model. Values
 *   passed as `void *` are then `float` or `double`.
 * - **Option structs** begin with `struct_size`. Each has an `_init` function, which fills it with defaults. Pass
 *   `sizeof` of the struct to this function. New fields are added at the end, so a program compiled against an older
 *   header keeps working.
 * - **Threads.** Any number of threads may read a model at once (rnn_forward(), rnn_generate(), rnn_evaluate(), the
 *   getters), each with its own state. Any number of threads may use a vocabulary or a source at once. Every other use
 *   of an object, including a change to a model, is for one thread at a time.
 * - **Stack.** Every call works on a thread with a stack of 48 KiB, unless the library was built without optimisation.
 * - **Reproducibility.** The same version of the library, options, seed and calls give the same bits of parameters,
 *   states, outputs, losses, draws and files. The bits don't depend on:
 *   - the number of threads;
 *   - the compiler (gcc or clang), or the processor, if it has fused multiply-add (AVX2, AVX-512, NEON, s390x).
 *     Processors without it (SSE2) give different last bits;
 *   - the caller's rounding mode, treatment of subnormal numbers and exception traps. Each call restores these before
 *     it returns. Within a call that computes, subnormal numbers are treated as zero. (x86 checks after rounding
 *     whether a result is subnormal, and NEON checks before. So the two can differ in a result that rounds up to the
 *     smallest normal number. s390x and other processors keep subnormal numbers.)
 *
 *   In the forward pass, a stream's results don't depend on the other streams. They also don't depend on how its steps
 *   are divided into calls, unless the model is bidirectional. Other versions of the library may give other bits. All
 *   random numbers come from Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), a
 *   counter-based generator.
 */
#ifndef RNN_RNN_H
#define RNN_RNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks the functions that the shared library exports. (On Windows, its build makes a list of them.) */
#if defined(__GNUC__) && !defined(_WIN32)
#define RNN_API __attribute__((visibility("default")))
#else
#define RNN_API
#endif

/**
 * Marks the functions whose status a program must check: the compiler warns where the status is ignored. To turn these
 * warnings off, define RNN_NO_WARN_UNUSED_RESULT before you include this header.
 */
#if defined(__GNUC__) && !defined(RNN_NO_WARN_UNUSED_RESULT)
#define RNN_CHECKED __attribute__((warn_unused_result))
#else
#define RNN_CHECKED
#endif

/**
 * @defgroup version Version
 * @{
 */
#define RNN_VERSION_MAJOR 0 /**< Changes when compiled programs may stop working. */
#define RNN_VERSION_MINOR 2 /**< Changes when something is added. */
#define RNN_VERSION_PATCH 0 /**< Changes when something is fixed. */

/** The version of this header as one number, for comparisons: 10000 major + 100 minor + patch. */
#define RNN_VERSION_NUMBER (10000 * RNN_VERSION_MAJOR + 100 * RNN_VERSION_MINOR + RNN_VERSION_PATCH)

/**
 * Returns the version of the library in use, which may be newer than the header that the program was compiled with.
 * @return "major.minor.patch"; static memory.
 */
RNN_API const char *rnn_version(void);

/** Returns the version of the library in use as one number, in the form of #RNN_VERSION_NUMBER. */
RNN_API int32_t rnn_version_number(void);
/** @} */

/**
 * @defgroup status Status and last error
 * @{
 */

/** The result of a call that can fail: #RNN_OK or one of the `RNN_ERROR_` values. */
typedef int32_t rnn_status;

/** The values of an ::rnn_status. */
enum {
    RNN_OK = 0,             /**< The call succeeded. */
    RNN_ERROR_ARGUMENT = 1, /**< An argument is NULL, out of range, or of the wrong kind for the function. */
    RNN_ERROR_MEMORY = 2,   /**< Memory could not be allocated. */
    RNN_ERROR_IO = 3,       /**< A file can't be opened, read or written; rnn_last_error() gives the system's reason. */
    RNN_ERROR_SYMBOL = 4,   /**< An id is out of range, or a text has an invalid or unknown symbol. */
    RNN_ERROR_MISMATCH = 5, /**< Two objects don't fit together: shape, precision or number of streams differ. */
    /**
     * The loss, a gradient, the state or a parameter is NaN or infinite. Nothing was updated. rnn_last_error() says
     * whether the model's parameters are finite. If they are, lower the learning rate or clip the gradients. If they
     * aren't, go back to a saved model first.
     */
    RNN_ERROR_NONFINITE = 6,
    /** The contents of a file are invalid: damaged, truncated, of another kind or of a later version. */
    RNN_ERROR_FORMAT = 7
};

/**
 * Returns a sentence about this thread's last failed call, such as "hidden_size is 0; it must be 1 to 1048576".
 * @return One line of UTF-8, valid until the thread's next failed call; "" before the first. If a path or a part of a
 *         file appears in it, bytes that would break the line or its encoding are shown as "?".
 */
RNN_API const char *rnn_last_error(void);

/**
 * Returns the name of a status.
 * @return "RNN_ERROR_ARGUMENT" and so on; "unknown status" for any number that is not a status. Static memory.
 */
RNN_API const char *rnn_status_name(rnn_status status);

/**
 * Returns the number of named constants in this header: its enumerators, and #RNN_IGNORE, #RNN_PRECISION_STORED and
 * #RNN_CHECKPOINT_NUMBERS. It is meant for bindings to other languages, which can't read the header.
 */
RNN_API int64_t rnn_enumerator_count(void);

/**
 * Gives the name and the value of one named constant.
 * @param index 0 to rnn_enumerator_count() - 1; later versions may assign the numbers differently.
 * @param[out] name "RNN_CELL_LSTM" and so on; static memory.
 * @param[out] value Its value.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_enumerator(int64_t index, const char **name, int32_t *value);
/** @} */

/**
 * @defgroup handles Handles
 *
 * The types of the library's objects. Each has its own section below.
 * @{
 */
typedef struct rnn_model rnn_model;         /**< A network: its configuration and parameters. */
typedef struct rnn_state rnn_state;         /**< The hidden state of B streams. */
typedef struct rnn_optimizer rnn_optimizer; /**< An update rule and the values it has accumulated. */
typedef struct rnn_sampler rnn_sampler;     /**< A reproducible way of drawing symbols. */
typedef struct rnn_vocab rnn_vocab;         /**< A set of symbols with ids 0 to size - 1. */
typedef struct rnn_corpus rnn_corpus;       /**< A text or part of one, and a position in it. */
typedef struct rnn_source rnn_source;       /**< The bytes of a text. */
typedef struct rnn_batcher rnn_batcher;     /**< Sequences, their order, and a position in it. */
/** @} */

/**
 * @defgroup model Model: configuration, parameters, gradients
 * @{
 */
/**
 * The recurrence of a layer. Begin with a GRU. An LSTM of the same size needs a third more computation, and may
 * remember longer.
 */
enum {
    /**
     * h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh): the vanilla RNN (Elman 1990), as in min-char-rnn. Choose it to
     * study how networks learn, or where a step must be cheap. It forgets inputs from many steps back.
     */
    RNN_CELL_TANH = 0,
    /**
     * Gated recurrent unit (Cho et al. 2014) in the form of PyTorch and cuDNN, with its gates in the order r, z, n.
     * With x = x_t and h = h_{t-1}:
     *
     *     r = σ(W_ir x + b_ir + W_hr h + b_hr)
     *     z = σ(W_iz x + b_iz + W_hz h + b_hz)
     *     n = tanh(W_in x + b_in + r (W_hn h + b_hn))
     *     h_t = (1 - z) n + z h_{t-1}
     */
    RNN_CELL_GRU = 1,
    /**
     * Long short-term memory (Hochreiter and Schmidhuber 1997), with the forget gate of Gers et al. 2000, without
     * peepholes, and with its gates in the order i, f, g, o. With x = x_t and h = h_{t-1}:
     *
     *     i, f, o = σ(W_i x + b_i + W_h h + b_h), each with its own weights and biases
     *     g = tanh(W_ig x + b_ig + W_hg h + b_hg)
     *     c_t = f c_{t-1} + i g
     *     h_t = o tanh(c_t)
     */
    RNN_CELL_LSTM = 2
};

/** The kind of input of the first layer. */
enum {
    /**
     * Ids. Each id selects the weights of its symbol directly. The result is the product with a one-hot vector, as in
     * min-char-rnn, but it costs only a look-up. Choose this for up to a few hundred symbols.
     */
    RNN_INPUT_IDS = 0,
    /**
     * Ids. Each id selects a vector of `embedding_size` numbers from a learned embedding (PyTorch's nn.Embedding).
     * Choose this for thousands of symbols, such as words.
     */
    RNN_INPUT_EMBEDDING = 1,
    /** Vectors of `input_size` numbers. */
    RNN_INPUT_VECTORS = 2
};

/** The kind of targets, and the loss at one position. */
enum {
    RNN_LOSS_CROSS_ENTROPY = 0, /**< -log softmax(outputs)[target], in nats. For symbols and classes. */
    RNN_LOSS_SQUARED_ERROR = 1  /**< Sum over the outputs of (output - target)². For numbers. */
};

/** The biases of a layer. */
enum {
    /** One bias, `bias_ih`, as in min-char-rnn. Recommended. It is added to the input product, so a GRU has no b_hn. */
    RNN_BIAS_INPUT = 0,
    /**
     * Two biases, `bias_ih` and `bias_hh`, as in PyTorch. Choose this to compute exactly the same as a PyTorch model,
     * including each step of its training. Except for b_hn of a GRU, the second bias is of no use. Training changes
     * both biases by the same amount, so one bias with twice the learning rate learns the same.
     */
    RNN_BIAS_BOTH = 1
};

/** The initial values of the parameters. `forget_bias` and `orthogonal`, if set, change some of them in either case. */
enum {
    RNN_INIT_NORMAL = 0, /**< Weights from N(0, weight_scale²), biases 0, as in min-char-rnn. */
    /**
     * All values uniform in ±1/√H, as in PyTorch's nn.RNN, nn.GRU, nn.LSTM and nn.Linear. An embedding that isn't tied
     * is drawn from N(0, 1), as in PyTorch's nn.Embedding. Recommended. `weight_scale` isn't used.
     */
    RNN_INIT_UNIFORM = 1
};

/** The number format that a model computes in. */
enum {
    RNN_FLOAT32 = 0, /**< `float`: for training and sampling. */
    RNN_FLOAT64 = 1  /**< `double`: for gradient checks and reference runs. */
};

/** The loss that training minimises: a sum or a mean. ::rnn_chunk says which positions count. */
enum {
    /** The sum of the loss over the counted positions of a chunk, as in min-char-rnn. It grows with T and B. */
    RNN_REDUCTION_SUM = 0,
    /**
     * That sum divided by the number of counted positions. The learning rate and the clipping limit then suit any T and
     * B.
     */
    RNN_REDUCTION_MEAN = 1
};

/**
 * The configuration of a model. Fill it with rnn_model_options_init(), then set `input_size` and `output_size`.
 *
 * The defaults are those of min-char-rnn. To learn a text well, begin with these settings instead:
 *
 *     options.cell = RNN_CELL_GRU;
 *     options.hidden_size = 256;
 *     options.initialization = RNN_INIT_UNIFORM;
 *     options.reduction = RNN_REDUCTION_MEAN;
 *     check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
 *     rule.clip_norm = 1;
 *
 * Use chunks of 64 steps and 32 streams. Let the learning rate fall from 0.01 (rnn_schedule_cosine()), or keep it
 * constant at 0.003 to 0.01. With an LSTM, set `forget_bias` to 1.
 *
 * In the names of options and parameters, "decoder" means the linear layer that computes the outputs from the last
 * layer's h.
 */
typedef struct rnn_model_options {
    size_t struct_size;  /**< sizeof(rnn_model_options) as the caller knows it. */
    int64_t input_size;  /**< V input symbols or I input features: 1 to 16777216. Default 0: must be set. */
    int64_t hidden_size; /**< H, the hidden units of a layer: 1 to 1048576. Default 100. */
    /**
     * O, the number of output symbols, classes or features: 1 to 16777216. Default 0: must be set. If you don't need
     * outputs, set it to 1.
     */
    int64_t output_size;
    int64_t layers;         /**< L, the number of stacked layers: 1 to 1024. Default 1. */
    int32_t cell;           /**< One of the `RNN_CELL_` values. Default #RNN_CELL_TANH. */
    int32_t precision;      /**< #RNN_FLOAT32 or #RNN_FLOAT64. Default #RNN_FLOAT32. */
    int32_t reduction;      /**< One of the `RNN_REDUCTION_` values. Default #RNN_REDUCTION_SUM. */
    int32_t input;          /**< One of the `RNN_INPUT_` values. Default #RNN_INPUT_IDS. */
    int32_t loss;           /**< One of the `RNN_LOSS_` values. Default #RNN_LOSS_CROSS_ENTROPY. */
    int32_t bias;           /**< One of the `RNN_BIAS_` values. Default #RNN_BIAS_INPUT. */
    int32_t initialization; /**< One of the `RNN_INIT_` values. Default #RNN_INIT_NORMAL. */
    /**
     * Not 0: W_hh of each gate starts as a random orthogonal matrix (Saxe et al. 2014). Making it takes time in
     * proportion to H³. Default 0.
     */
    int32_t orthogonal;
    /**
     * Not 0: the embedding also serves as the decoder's weight (Press and Wolf 2017). Needs #RNN_INPUT_EMBEDDING,
     * `embedding_size` = `hidden_size` (twice that if bidirectional) and `output_size` = `input_size`. Default 0.
     */
    int32_t tied;
    /**
     * 1: for each stream, dropout drops the same elements in all steps of a chunk (Gal and Ghahramani 2016). 0, the
     * default: it draws anew at each position. With 1, at least one of the four dropout probabilities must be greater
     * than 0.
     */
    int32_t dropout_per_chunk;
    int64_t embedding_size; /**< With #RNN_INPUT_EMBEDDING: 1 to 1048576; else 0. Default 0. */
    /**
     * The standard deviation of the initial weights with #RNN_INIT_NORMAL: 0 or more, finite. Default 0.01, as in
     * min-char-rnn; with #RNN_INIT_UNIFORM it must keep this value.
     */
    double weight_scale;
    /**
     * A finite number that is added to the first bias of an LSTM's forget gate (Jozefowicz et al. 2015). Must be 0 with
     * other cells. Default 0.
     */
    double forget_bias;
    /**
     * The probability that an element of a layer's output is dropped on its way to the next layer. This happens in
     * training only; the elements that remain are multiplied by 1 / (1 - dropout). 0 to less than 1. Must be 0 with one
     * layer. Default 0. See rnn_state_set_random_index().
     */
    double dropout;
    uint64_t seed; /**< Seed of the initial parameters and of dropout. Default 0. */
    /** Like `dropout`, for the elements of an input vector or embedding. Must be 0 with #RNN_INPUT_IDS. Default 0. */
    double dropout_input;
    /**
     * Like `dropout`, for the last layer's output on its way to the decoder. With one layer of a few hundred units and
     * many passes over the data, try this kind of dropout first: about 0.1, and a higher learning rate. Default 0.
     */
    double dropout_output;
    /**
     * Like `dropout`, for the candidate: the value that the cell would add to its memory, g of an LSTM and n of a GRU.
     * The mask m multiplies only the candidate (Semeniuta et al. 2016), so the cell loses nothing that it remembers:
     *
     *     c_t = f c_{t-1} + i (m g)
     *     h_t = (1 - z) (m n) + z h_{t-1}
     *
     * Must be 0 with #RNN_CELL_TANH. Default 0.
     */
    double dropout_recurrent;
    /**
     * 1: each layer reads a chunk in both directions (Schuster and Paliwal 1997), as with PyTorch's bidirectional=True.
     * Its output is 2 H numbers: h of the forward direction, then h of the reverse direction. Choose it for labels,
     * classes and encoders, where the whole sequence is known in advance. The functions that generate text refuse such
     * a model. Default 0.
     *
     * A chunk should hold whole sequences (see rnn_chunk::lengths and `starts`). The forward direction begins with the
     * state, as always: reset the state, or set `starts`. The reverse direction begins with the values of a new state,
     * at the end of each chunk or, if the stream ends earlier, at the end of the stream. After a chunk, the reverse
     * direction's part of the state is its h at the chunk's first position. The next chunk doesn't use it.
     *
     * With rnn_chunk::last_only the outputs are computed from h of the forward direction at a sequence's last position
     * and from h of the reverse direction at its first position. So they depend on everything that both directions have
     * read.
     *
     * With `bidirectional`, `hidden_size` is at most 524288 and `layers` at most 512.
     */
    int32_t bidirectional;
    /**
     * 1: the initial state is learned. Streams that were created or reset, or that begin a sequence within a chunk
     * (rnn_chunk::starts), begin with the parameters initial_h and, in an LSTM, initial_c of each layer. These start as
     * zeros. Choose it for many short sequences, in which the first steps matter. 0, the default: streams begin with
     * zeros.
     */
    int32_t learned_state;
    /**
     * 1: layer normalisation of the gates (Ba, Kiros and Hinton, "Layer normalization", 2016). In the cell's formula,
     * W_ih x becomes n(W_ih x), and W_hh h' becomes n(W_hh h'), where h' is the previous h and
     *
     *     n(a) = gain (a - mean(a)) / sqrt(variance(a) + 1e-5)
     *
     * The mean and variance of a product are taken over all its G H elements at one position. A GRU is different: r and
     * z share one mean and variance, taken over 2 H elements. The candidate has its own mean and variance, taken over H
     * elements. An LSTM's c isn't normalised.
     *
     * The gains are the parameters norm_ih and norm_hh, [G H] for each layer. They start as ones. The layer's biases
     * are added after the gains are applied.
     *
     * Normalisation makes training less sensitive to the scale of the weights and to the learning rate. Choose it for
     * deep networks, and for long training at high rates. A training step takes 15 % longer with a layer of 256 units,
     * and 25 % longer with layers of 128. 0, the default: no normalisation.
     */
    int32_t layer_norm;
    int32_t reserved; /**< Must be 0. */
} rnn_model_options;

/**
 * Fills the options with their defaults.
 * @param[out] options The options to fill.
 * @param struct_size sizeof(rnn_model_options).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_options_init(rnn_model_options *options, size_t struct_size);

/**
 * Creates a model with its initial parameters.
 * @param options The configuration; not kept.
 * @param[out] model The new model; release it with rnn_model_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_create(const rnn_model_options *options, rnn_model **model);

/**
 * Copies a model: its options, its parameters and its notes. Frozen parameters are frozen in the copy as well. The copy
 * has no gradients.
 * @param model The model.
 * @param[out] copy The new model; release it with rnn_model_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_copy(const rnn_model *model, rnn_model **copy);

/**
 * Moves a running average of models towards a model: average += weight (model - average), for each parameter. The
 * average often generalises better than the model at the end of training. Begin with rnn_model_copy().
 *
 * For an exponential moving average with the decay d, 0.999 for example, call it after every step with weight 1 - d.
 * For the mean of several models (stochastic weight averaging, Izmailov et al. 2018), call it less often, once an epoch
 * for example. The weight is then 1 / (n + 1), where n is the number of models averaged so far.
 * @param average The average; its gradients are unchanged.
 * @param model   A model of the same shape and precision.
 * @param weight  0 to 1.
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MISMATCH.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_average(rnn_model *average, const rnn_model *model, double weight);

/** Releases a model. NULL is allowed. */
RNN_API void rnn_model_destroy(rnn_model *model);

/**
 * Copies the options that the model was created with.
 * @param model The model.
 * @param[out] options The options to fill; `options->struct_size` must be set (rnn_model_options_init()).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_get_options(const rnn_model *model, rnn_model_options *options);

/**
 * A named parameter of a model: a read-only view into the model's flat buffers.
 *
 * Element (i, j) of a matrix is `values[i * strides[0] + j * strides[1]]`. Element i of a vector is
 * `values[i * strides[0]]`. Strides count elements. The shape is that of PyTorch. The strides show how librnn stores
 * the parameter. Matrices are stored row by row, except for the input weights of ids. These are stored column by
 * column, so that the weights of a symbol are adjacent.
 *
 * | name               | shape     | min-char-rnn's | present                                           |
 * |--------------------|-----------|------------|---------------------------------------------------|
 * | `embedding.weight` | [V][E]    |            | with #RNN_INPUT_EMBEDDING, E = `embedding_size`   |
 * | `rnn.weight_ih_l0` | [G H][I]  | `Wxh`      | G gates: 1, 3 (GRU), 4 (LSTM); I = V with ids     |
 * | `rnn.weight_hh_l0` | [G H][H]  | `Whh`      |                                                   |
 * | `rnn.bias_ih_l0`   | [G H]     | `bh`       |                                                   |
 * | `rnn.bias_hh_l0`   | [G H]     |            | with #RNN_BIAS_BOTH                               |
 * | `rnn.norm_ih_l0`   | [G H]     |            | with `layer_norm`                                 |
 * | `rnn.norm_hh_l0`   | [G H]     |            | with `layer_norm`                                 |
 * | `rnn.initial_h_l0` | [H]       |            | with `learned_state`                              |
 * | `rnn.initial_c_l0` | [H]       |            | with `learned_state`, in an LSTM                  |
 * | `decoder.weight`   | [O][H]    | `Why`      | unless tied: `embedding.weight` takes its place   |
 * | `decoder.bias`     | [O]       | `by`       |                                                   |
 *
 * Layer k > 0 has the same parameters, with `_lk` in their names and inputs of size H. In a bidirectional model each
 * layer has a second set of parameters, with `_reverse` at the end of their names. The inputs of later layers and of
 * the decoder then have size 2 H instead of H.
 */
typedef struct rnn_parameter {
    size_t struct_size; /**< sizeof(rnn_parameter) as the caller knows it. */
    const char *name;   /**< NUL-terminated; valid as long as the model. */
    int64_t shape[2];   /**< Rows and columns; {n, 1} for a vector. */
    int64_t strides[2]; /**< Distance between neighbours along each dimension, in elements. */
    int64_t count;      /**< Number of elements: shape[0] * shape[1]. */
    int32_t rank;       /**< 1 for a vector, 2 for a matrix. */
    int32_t precision;  /**< #RNN_FLOAT32 or #RNN_FLOAT64. */
    const void *values; /**< Valid as long as the model. */
    const void
        *gradient;    /**< The gradient, in the same layout; NULL until gradients exist. Valid as long as the model. */
    int32_t frozen;   /**< 1 if rnn_model_freeze() has frozen it; else 0. */
    int32_t reserved; /**< 0. */
} rnn_parameter;

/**
 * Fills a description with zeros and its size.
 * @param[out] parameter The description to fill.
 * @param struct_size sizeof(rnn_parameter).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_parameter_init(rnn_parameter *parameter, size_t struct_size);

/**
 * Returns the number of named parameters.
 * @return At least 5; 0 for NULL.
 */
RNN_API int64_t rnn_model_parameter_count(const rnn_model *model);

/**
 * Describes a parameter.
 * @param model The model.
 * @param index 0 to rnn_model_parameter_count() - 1.
 * @param[out] parameter The description to fill; `parameter->struct_size` must be set (rnn_parameter_init()).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_describe_parameter(const rnn_model *model, int64_t index,
                                                            rnn_parameter *parameter);

/**
 * Finds a parameter by its name.
 * @param model The model.
 * @param name  A name as in ::rnn_parameter.
 * @param[out] index Its index.
 * @return #RNN_OK, or #RNN_ERROR_ARGUMENT when the model has no parameter of that name.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_find_parameter(const rnn_model *model, const char *name, int64_t *index);

/**
 * Freezes or unfreezes a parameter. A step of an optimizer changes neither a frozen parameter nor the values
 * accumulated for it. The step still sets the parameter's gradient to zero, as it does with all gradients. The gradient
 * of a frozen parameter doesn't count in the norm of all gradients. Checkpoints record which parameters are frozen;
 * files of rnn_model_save() don't.
 * @param model  The model.
 * @param index  0 to rnn_model_parameter_count() - 1.
 * @param frozen 1 or 0.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_freeze(rnn_model *model, int64_t index, int32_t frozen);

/**
 * Copies a parameter's values to the caller's array, row-major.
 * @param model  The model.
 * @param index  0 to rnn_model_parameter_count() - 1.
 * @param[out] values Room for `count` numbers of the model's precision.
 * @param count  The parameter's number of elements.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when `count` is wrong.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_get_parameter(const rnn_model *model, int64_t index, void *values,
                                                       int64_t count);

/**
 * Sets a parameter's values.
 * @param model  The model.
 * @param index  0 to rnn_model_parameter_count() - 1.
 * @param values `count` finite numbers of the model's precision, row-major.
 * @param count  The parameter's number of elements.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when `count` is wrong or a value is not finite.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_set_parameter(rnn_model *model, int64_t index, const void *values,
                                                       int64_t count);

/**
 * Copies a parameter's gradient to the caller's array, row-major. Before the first rnn_forward_backward() the gradient
 * is all zeros.
 * @param model  The model.
 * @param index  0 to rnn_model_parameter_count() - 1.
 * @param[out] values Room for `count` numbers of the model's precision.
 * @param count  The parameter's number of elements.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when `count` is wrong.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_get_gradient(const rnn_model *model, int64_t index, void *values,
                                                      int64_t count);

/**
 * Sets a parameter's gradient, which the next rnn_optimizer_step() uses. Use it for gradients that were computed
 * elsewhere or summed over processes.
 * @param model  The model.
 * @param index  0 to rnn_model_parameter_count() - 1.
 * @param values `count` finite numbers of the model's precision, row-major.
 * @param count  The parameter's number of elements.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when `count` is wrong or a value is not finite; #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_set_gradient(rnn_model *model, int64_t index, const void *values,
                                                      int64_t count);

/**
 * Checks that all parameters are finite. rnn_model_set_parameter() accepts only finite values, but a file may hold
 * others, and training may produce them.
 * @param model The model.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_NONFINITE when a parameter isn't finite. rnn_last_error() then names
 *         the first such element: "decoder.weight[3][5] is nan".
 */
RNN_API RNN_CHECKED rnn_status rnn_model_check_finite(const rnn_model *model);

/**
 * Sets all gradients to zero.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_zero_gradients(rnn_model *model);

/**
 * Limits each element of the gradients to the range -limit to limit, as min-char-rnn does with 5. It leaves infinite
 * and NaN elements unchanged, and rnn_optimizer_step() refuses them.
 * @param model The model.
 * @param limit Greater than 0, finite.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_clip_value(rnn_model *model, double limit);

/**
 * Scales all gradients down together if their norm exceeds a limit (Pascanu et al. 2013). The norm is that of all
 * gradients taken as one vector. The gradients are multiplied by min(1, limit / (norm + 1e-6)), as in PyTorch's
 * clip_grad_norm_. With #RNN_REDUCTION_SUM the norm grows with the number of positions.
 * @param model The model.
 * @param limit Greater than 0, finite.
 * @param[out] norm The norm before the scaling; NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_NONFINITE when the sum of the gradients' squares is not finite in
 *         double. After an error the gradients are unchanged.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_clip_norm(rnn_model *model, double limit, double *norm);

/**
 * Stores a note in a model: a string of your choice under a key of your choice. The model's files, checkpoints and
 * copies include its notes. Use notes for the names of classes (one per line, for example), the scaling of the inputs
 * or the origin of the data. Notes don't affect the model's results. docs/files.md describes how a file holds them.
 * @param model The model.
 * @param key   1 to 200 bytes of UTF-8; copied.
 * @param value Up to 1048576 bytes of UTF-8; copied. It replaces an existing note under this key. NULL removes the
 *        note, if there is one.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when the note would be the 1025th; #RNN_ERROR_MEMORY. After an error the
 *         notes are unchanged.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_set_note(rnn_model *model, const char *key, const char *value);

/**
 * Returns the note under a key.
 * @return The note's value, valid until that note is set again or removed, or the model is destroyed. NULL if there is
 *         no such note or an argument is NULL.
 */
RNN_API const char *rnn_model_note(const rnn_model *model, const char *key);

/**
 * Returns the number of notes in a model.
 * @return 0 to 1024; 0 for NULL.
 */
RNN_API int64_t rnn_model_note_count(const rnn_model *model);

/**
 * Gives the key and the value of a note by its index.
 * @param model The model.
 * @param index 0 to rnn_model_note_count() - 1, in the order of the keys' bytes.
 * @param[out] key   Its key, valid as long as the value.
 * @param[out] value Its value; rnn_model_note() says how long it is valid.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_note_at(const rnn_model *model, int64_t index, const char **key,
                                                 const char **value);
/** @} */

/**
 * @defgroup chunk Chunk: T steps of B streams
 * @{
 */

/**
 * A target id that leaves its position out of the loss. Use it for burn-in, for padding, and for sequences that have
 * one target at their end.
 */
#define RNN_IGNORE (-1)

/**
 * The data of one forward or backward pass: T steps of B streams. The library uses the arrays during one call only. A
 * position counts towards the loss if it has a target and its stream hasn't ended before it.
 *
 * A model takes one kind of inputs and one kind of targets:
 *
 * - Inputs are ids with #RNN_INPUT_IDS and #RNN_INPUT_EMBEDDING, and vectors with #RNN_INPUT_VECTORS.
 * - Targets are ids with #RNN_LOSS_CROSS_ENTROPY, and vectors with #RNN_LOSS_SQUARED_ERROR.
 *
 * The fields of the other kinds must be NULL. rnn_forward() can run without computing a loss, and then needs no
 * targets.
 */
typedef struct rnn_chunk {
    size_t struct_size;         /**< sizeof(rnn_chunk) as the caller knows it. */
    int64_t steps;              /**< T, 1 to 16777216. */
    int64_t streams;            /**< B, the same number as in the state. */
    const int32_t *inputs;      /**< [T][B] ids, each 0 to V - 1. */
    const int32_t *targets;     /**< [T][B] ids, each 0 to O - 1 or #RNN_IGNORE. */
    const void *input_vectors;  /**< [T][B][I] finite numbers of the model's precision. */
    const void *target_vectors; /**< [T][B][O] likewise; any values where `target_mask` is 0. */
    const uint8_t *target_mask; /**< [T][B] 0: leaves the target vector there out of the loss. NULL: all count. */
    /**
     * [B] The length of each stream's sequence, 0 to T: the stream ends after that many steps. After its end its state
     * doesn't change, its outputs are zeros, its targets don't count, and the contents of the arrays are ignored. NULL:
     * all streams have T steps.
     */
    const int64_t *lengths;
    /**
     * [T][B] Not 0: a new sequence begins at that step, so the stream's state is reset before the step, as by
     * rnn_state_reset_stream(). This lets sequences follow one another without padding. NULL: no sequence begins.
     */
    const uint8_t *starts;
    /**
     * Out: the loss of each position, [T][B], or [B] with `last_only`; 0 at positions that don't count. NULL: not
     * wanted. A call that fails may have written to it.
     */
    double *losses;
    /**
     * Out: a single number, which says how many of the counted positions are hits. A hit is a position whose target has
     * the largest output. If several outputs are the largest, only the one with the lowest id counts. Needs targets and
     * #RNN_LOSS_CROSS_ENTROPY. NULL: not wanted.
     */
    int64_t *hits;
    /**
     * 1: only the last position of each stream, according to `lengths`, has outputs and a target. Use it to classify
     * whole sequences. (rnn_model_options::bidirectional describes which h of the reverse direction is used.) With 1,
     * `targets` and `target_mask` are [B], and `target_vectors` and the outputs are [B][O]. A stream of length 0 has
     * outputs of zeros and no target. 0, the default: every position has outputs and a target.
     */
    int32_t last_only;
    int32_t reserved; /**< Must be 0. */
} rnn_chunk;

/**
 * Fills a chunk with zeros and its size.
 * @param[out] chunk The chunk to fill.
 * @param struct_size sizeof(rnn_chunk).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_chunk_init(rnn_chunk *chunk, size_t struct_size);

/**
 * The loss of a chunk. The mean is `sum / count`; if no position counted, both are 0. This struct will never grow. To
 * ask for other results, use the fields of ::rnn_chunk, such as `losses` and `hits`.
 */
typedef struct rnn_loss {
    double sum;    /**< Sum of the losses of the counted positions: see #RNN_LOSS_CROSS_ENTROPY and so on. */
    int64_t count; /**< Number of counted positions, as defined in ::rnn_chunk. */
} rnn_loss;
/** @} */

/**
 * @defgroup state State: the values that a model carries from chunk to chunk
 * @{
 */
/** The kinds of values that a state holds for each layer, stream and hidden unit. */
enum {
    RNN_STATE_HIDDEN = 0, /**< h, the activations. */
    RNN_STATE_MEMORY = 1  /**< c, the memory of an LSTM. */
};

/**
 * Creates a state of zeros. The state fits every model with the same cell, layers, hidden size, directions and
 * precision. If the model has a learned initial state (`learned_state`), the first call begins with that.
 * @param model   The model that it is for; may be destroyed before the state.
 * @param streams B: 1 to 1048576.
 * @param[out] state The new state; release it with rnn_state_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_create(const rnn_model *model, int64_t streams, rnn_state **state);

/** Releases a state. NULL is allowed. */
RNN_API void rnn_state_destroy(rnn_state *state);

/**
 * Returns the number of streams, B.
 * @return At least 1; 0 for NULL.
 */
RNN_API int64_t rnn_state_streams(const rnn_state *state);

/**
 * Resets all streams to zeros, or to the model's learned initial state, as rnn_state_create() does. Any activations
 * kept for rnn_backward() remain.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_reset(rnn_state *state);

/**
 * Resets one stream in the same way as rnn_state_reset().
 * @param state  The state.
 * @param stream 0 to B - 1.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_reset_stream(rnn_state *state, int64_t stream);

/**
 * Copies a state's values to another state that fits the same models (see rnn_state_create()) and has the same number
 * of streams. Any activations that either state keeps for rnn_backward() remain.
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MISMATCH.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_copy(rnn_state *destination, const rnn_state *source);

/**
 * Copies the values of one stream. For example, copy one of the streams in training to a state that has only one
 * stream, and sample with that.
 * @param destination        The state to copy to.
 * @param destination_stream 0 to its B - 1.
 * @param source             The state to copy from. It must fit the same models, but may have any number of streams.
 *        May be `destination`.
 * @param source_stream      0 to its B - 1.
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MISMATCH.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_copy_stream(rnn_state *destination, int64_t destination_stream,
                                                     const rnn_state *source, int64_t source_stream);

/**
 * Copies a layer's values to the caller's array. In a bidirectional model, the forward direction of layer k has the
 * number 2 k, and the reverse direction has 2 k + 1.
 * @param state  The state.
 * @param layer  0 to L - 1, or to 2 L - 1 for a bidirectional model.
 * @param what   #RNN_STATE_HIDDEN or, for an LSTM, #RNN_STATE_MEMORY.
 * @param[out] values [B][H] numbers of the model's precision.
 * @param count  B times H.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when `count` is wrong.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_get(const rnn_state *state, int64_t layer, int32_t what, void *values,
                                             int64_t count);

/**
 * Sets a layer's values.
 * @param state  The state.
 * @param layer  0 to L - 1, or to 2 L - 1 for a bidirectional model.
 * @param what   #RNN_STATE_HIDDEN or, for an LSTM, #RNN_STATE_MEMORY.
 * @param values [B][H] finite numbers of the model's precision.
 * @param count  B times H.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when `count` is wrong or a value is not finite.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_set(rnn_state *state, int64_t layer, int32_t what, const void *values,
                                             int64_t count);

/**
 * Copies the values of all layers and streams to one array: all h and then, for an LSTM (P = 2), all c. For a
 * bidirectional model, L is twice the number of layers.
 * @param state  The state.
 * @param[out] values [P][L][B][H] numbers of the model's precision.
 * @param count  P times L times B times H.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_get_all(const rnn_state *state, void *values, int64_t count);

/**
 * Sets the values of all layers and streams.
 * @param state  The state.
 * @param values [P][L][B][H] finite numbers of the model's precision, in the layout of rnn_state_get_all().
 * @param count  P times L times B times H.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_set_all(rnn_state *state, const void *values, int64_t count);
/** @} */

/**
 * @defgroup compute Forward and backward over a chunk
 * @{
 */

/**
 * Runs a model over a chunk and advances the state. Dropout is off.
 * @param model The model.
 * @param state The state before the chunk; the call advances it to the state after the chunk.
 * @param chunk The inputs and, if `loss` is wanted, the targets.
 * @param[out] outputs [T][B][O] numbers of the model's precision, or [B][O] if the chunk has `last_only`; NULL if not
 *        wanted. With cross-entropy they are logits: unnormalised log probabilities.
 * @param outputs_count T times B times O, or B times O; 0 when `outputs` is NULL.
 * @param[out] loss The loss; NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when an id is out of range; #RNN_ERROR_MISMATCH when state,
 *         chunk and model don't fit; #RNN_ERROR_NONFINITE when the loss or the new state would be NaN or infinite;
 *         #RNN_ERROR_MEMORY. After an error the state is unchanged (`outputs` may have been written).
 */
RNN_API RNN_CHECKED rnn_status rnn_forward(const rnn_model *model, rnn_state *state, const rnn_chunk *chunk,
                                           void *outputs, int64_t outputs_count, rnn_loss *loss);

/**
 * Runs a model forward and backward over a chunk, adds the gradients of the loss to the model's gradients, and advances
 * the state. This is min-char-rnn's `lossFun`; called for one chunk after another, it is truncated backpropagation
 * through time. Gradients add up until rnn_optimizer_step() or rnn_model_zero_gradients() sets them to zero.
 * @param model The model.
 * @param state The state before the chunk, treated as a constant; the call advances it to the state after the chunk.
 * @param chunk Inputs and targets.
 * @param[out] loss The loss; NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when an id is out of range; #RNN_ERROR_MISMATCH when state,
 *         chunk and model don't fit; #RNN_ERROR_NONFINITE when the loss or the new state would be NaN or infinite;
 *         #RNN_ERROR_MEMORY. After an error the state and the gradients are unchanged.
 */
RNN_API RNN_CHECKED rnn_status rnn_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *chunk,
                                                    rnn_loss *loss);

/**
 * Computes the loss of a model over a whole corpus of N symbols. Every symbol except the first is a target exactly
 * once. That includes the last symbols, which rnn_corpus_next() may leave unused. The perplexity is exp(sum / count).
 * Dropout is off.
 *
 * The N - 1 targets are divided among the streams in parts that are as equal as possible. Each stream reads its part,
 * beginning with a new state. One stream gives the exact loss of the text. More streams are faster, but the model
 * predicts a little worse at the beginning of each part. For speed, 32 streams are enough: the loss of a text of
 * 100,000 symbols is then about a thousandth higher.
 * @param model   A model of ids with #RNN_LOSS_CROSS_ENTROPY.
 * @param corpus  The corpus. Its position doesn't change; its T and B don't matter.
 * @param streams 1 to N - 1, and at most 1048576.
 * @param[out] loss The loss.
 * @param[out] hits The number of targets that had the largest output; NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when the corpus has an id that the model doesn't have;
 *         #RNN_ERROR_MISMATCH; #RNN_ERROR_NONFINITE when the loss or a state is not finite; #RNN_ERROR_IO;
 *         #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_evaluate(const rnn_model *model, const rnn_corpus *corpus, int64_t streams,
                                            rnn_loss *loss, int64_t *hits);

/**
 * Runs a model over a chunk with dropout on, gives the outputs, keeps the activations in the state for rnn_backward(),
 * and advances the state. This is the first half of training with a loss of your own. The chunk may have targets, but
 * they are ignored.
 *
 * The state keeps the activations of the last call only. They take extra memory, which is freed with the state. If you
 * run two models, or two chunks of one model, before you go backward through both, use two states.
 * @param model The model.
 * @param state The state before the chunk; the call advances it to the state after the chunk.
 * @param chunk The inputs. `losses` and `hits` must be NULL.
 * @param[out] outputs As in rnn_forward(); NULL if only the state is wanted, as with an encoder.
 * @param outputs_count As in rnn_forward().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when an id is out of range; #RNN_ERROR_MISMATCH when state,
 *         chunk and model don't fit; #RNN_ERROR_NONFINITE when the new state is not finite; #RNN_ERROR_MEMORY. After an
 *         error the state's values are unchanged, `outputs` may have been written, and the activations of an earlier
 *         call may be lost.
 */
RNN_API RNN_CHECKED rnn_status rnn_forward_training(rnn_model *model, rnn_state *state, const rnn_chunk *chunk,
                                                    void *outputs, int64_t outputs_count);

/**
 * Computes the model's own loss for given outputs, and its gradient with respect to them, for rnn_backward(). It
 * follows the model's `loss` and `reduction`, just as rnn_forward_backward() does internally. Use it where that
 * function isn't enough, as in the decoder of a translator, whose gradient continues into the encoder.
 *
 * You can also compute the gradient yourself. For cross-entropy it is softmax(outputs), minus 1 at the target. For the
 * squared error it is 2 (output - target). At positions that don't count it is 0. If you want the gradient of the mean
 * loss, divide by the number of counted positions.
 * @param model   The model.
 * @param chunk   The chunk that was given to rnn_forward_training(), with targets. Its inputs are ignored. It may ask
 *        for `losses` and `hits`.
 * @param outputs [T][B][O], or [B][O] if the chunk has `last_only`: the outputs that the model gave.
 * @param outputs_count T times B times O, or B times O.
 * @param[out] gradient The gradient, of the same size, for rnn_chunk_gradients::outputs; NULL if not wanted.
 * @param[out] loss The loss; NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when a target is out of range; #RNN_ERROR_NONFINITE when the
 *         loss is not finite (`gradient` may have been written); #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_loss_gradient(const rnn_model *model, const rnn_chunk *chunk, const void *outputs,
                                                 int64_t outputs_count, void *gradient, rnn_loss *loss);

/**
 * Turns each row of logits into probabilities: exp(logit) / sum of exp(logits).
 * @param precision #RNN_FLOAT32 or #RNN_FLOAT64: the type of the numbers.
 * @param logits  [rows][symbols] finite numbers: outputs of a model with #RNN_LOSS_CROSS_ENTROPY, for example.
 * @param rows    1 to 2^48: B or T times B.
 * @param symbols 1 to 16777216: O.
 * @param[out] probabilities [rows][symbols]; may be `logits`, to convert in place.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_softmax(int32_t precision, const void *logits, int64_t rows, int64_t symbols,
                                           void *probabilities);

/**
 * The gradients that rnn_backward() reads and writes: gradients of the caller's loss, in the model's precision. Fill
 * the struct with rnn_chunk_gradients_init(). The values of a state are [P][L][B][H]: all h and then, for an LSTM (P =
 * 2), all c. For a bidirectional model they are [P][2 L][B][H], and in each layer the forward direction comes first.
 */
typedef struct rnn_chunk_gradients {
    size_t struct_size; /**< sizeof(rnn_chunk_gradients) as the caller knows it. */
    /**
     * In: the gradient with respect to the outputs, [T][B][O], or [B][O] with `last_only`. Values after a stream's end
     * are ignored. NULL: zeros. Must be NULL if rnn_forward_training() computed no outputs.
     */
    const void *outputs;
    const void *final_state; /**< In: with respect to the state after the chunk, [P][L][B][H]. NULL: zeros. */
    void *input_vectors;     /**< Out: with respect to the input vectors, [T][B][I]. NULL if not wanted or with ids. */
    void *initial_state;     /**< Out: with respect to the state before the chunk, [P][L][B][H]. NULL if not wanted. */
} rnn_chunk_gradients;

/**
 * Fills the struct with NULL pointers and its size.
 * @param[out] gradients The struct to fill.
 * @param struct_size sizeof(rnn_chunk_gradients).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_chunk_gradients_init(rnn_chunk_gradients *gradients, size_t struct_size);

/**
 * Goes backward through the chunk of the last rnn_forward_training() on this state, and adds the gradients of the
 * parameters to the model's gradients. This is the second half of training with a loss of your own: you give the
 * gradient of your loss with respect to the outputs or the state. The model's `loss` and `reduction` don't matter. The
 * call uses up the activations, so each rnn_forward_training() can be followed by at most one rnn_backward().
 *
 * In this way you can train two models as one. The encoder of a translator reads a sequence, and the decoder continues
 * from the encoder's state. The gradient of the loss with respect to that state goes back into the encoder:
 *
 *     check(rnn_state_reset(read));
 *     check(rnn_forward_training(encoder, read, &source, NULL, 0));
 *     check(rnn_state_copy(write, read));
 *     check(rnn_forward_training(decoder, write, &target, outputs, count));
 *     check(rnn_loss_gradient(decoder, &target, outputs, count, gradient, &loss));
 *     of_decoder.outputs = gradient;
 *     of_decoder.initial_state = memory; // [P][L][B][H]
 *     of_encoder.final_state = memory;
 *     check(rnn_backward(decoder, write, &of_decoder));
 *     check(rnn_backward(encoder, read, &of_encoder));
 *
 * @param model The model that ran rnn_forward_training(). Its parameters must not have changed since that call.
 * @param state The state.
 * @param gradients The gradients to read and to write; `outputs` or `final_state` must be given. The values written may
 *        be infinite; this is not checked.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT (a gradient isn't finite, or no activations are kept); #RNN_ERROR_MISMATCH when
 *         `model` is a different one or has changed since; #RNN_ERROR_MEMORY. After an error everything is as before,
 *         and the call may be repeated.
 */
RNN_API RNN_CHECKED rnn_status rnn_backward(rnn_model *model, rnn_state *state, const rnn_chunk_gradients *gradients);
/** @} */

/**
 * @defgroup optimizer Optimizer: from gradients to updates
 * @{
 */
/**
 * The rule that updates a parameter x with gradient g. Products and roots are element by element. Accumulated values
 * start as zeros. A step first limits g, if there is a clip_value or a clip_norm. Then, except with AdamW, it adds
 * weight_decay times x to g. Then it applies the rule. So the decay itself is not limited.
 */
enum {
    /** m += g²; x -= learning_rate g / sqrt(m + epsilon). Duchi et al. 2011, in min-char-rnn's form. */
    RNN_OPTIMIZER_ADAGRAD = 0,
    /** v = momentum v + g; x -= learning_rate v; with nesterov x -= learning_rate (g + momentum v). */
    RNN_OPTIMIZER_SGD = 1,
    /**
     * m = beta2 m + (1 - beta2) g²; v = momentum v + g / (sqrt(m) + epsilon); x -= learning_rate v. Hinton 2012, in
     * PyTorch's form.
     */
    RNN_OPTIMIZER_RMSPROP = 2,
    /**
     * m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²; in step k, counted from 1,
     * x -= learning_rate (m / (1 - beta1^k)) / (sqrt(v / (1 - beta2^k)) + epsilon). Kingma and Ba 2015.
     */
    RNN_OPTIMIZER_ADAM = 3,
    /** First x -= learning_rate weight_decay x, then Adam. Loshchilov and Hutter 2019. */
    RNN_OPTIMIZER_ADAMW = 4
};

/**
 * The configuration of an optimizer. Fill it with rnn_optimizer_options_init(), which sets the defaults of a rule. A
 * field that the rule doesn't use must be 0.
 */
typedef struct rnn_optimizer_options {
    size_t struct_size;   /**< sizeof(rnn_optimizer_options) as the caller knows it. */
    int32_t rule;         /**< One of the `RNN_OPTIMIZER_` values. */
    int32_t nesterov;     /**< Not 0: Nesterov's momentum (Sutskever et al. 2013); SGD with momentum only. Default 0. */
    double learning_rate; /**< 0 or more, finite. */
    double epsilon;       /**< Adagrad, RMSprop, Adam, AdamW: greater than 0, finite. */
    double weight_decay;  /**< 0 or more, finite. */
    double momentum;      /**< SGD, RMSprop: 0 to less than 1. */
    double beta1;         /**< Adam, AdamW: 0 to less than 1. */
    double beta2;         /**< RMSprop (PyTorch's alpha), Adam, AdamW: 0 to less than 1. */
    /**
     * Greater than 0, finite: limits each element of the gradients to ±clip_value. It has the same effect as
     * rnn_model_clip_value() before the step, but needs no extra pass over the parameters. 0, the default: no limit.
     */
    double clip_value;
    /**
     * Greater than 0, finite: scales all gradients down together. The results have the same bits as with
     * rnn_model_clip_norm() before the step. 1 is usual with #RNN_REDUCTION_MEAN; with #RNN_REDUCTION_SUM the norm
     * grows with the number of positions. 0, the default: no scaling. At least one of `clip_value` and `clip_norm` must
     * be 0.
     */
    double clip_norm;
    int32_t spare_biases; /**< 1: biases have no weight decay. Needs a weight_decay other than 0. Default 0. */
    int32_t reserved;     /**< Must be 0. */
} rnn_optimizer_options;

/**
 * Fills the options with a rule and its usual settings.
 *
 * | rule    | learning_rate | epsilon | weight_decay | momentum | beta1 | beta2 |
 * |---------|---------------|---------|--------------|----------|-------|-------|
 * | Adagrad | 0.1           | 1e-8    | 0            |          |       |       |
 * | SGD     | 0.01          |         | 0            | 0        |       |       |
 * | RMSprop | 0.01          | 1e-8    | 0            | 0        |       | 0.99  |
 * | Adam    | 0.001         | 1e-8    | 0            |          | 0.9   | 0.999 |
 * | AdamW   | 0.001         | 1e-8    | 0.01         |          | 0.9   | 0.999 |
 *
 * @param[out] options The options to fill.
 * @param struct_size sizeof(rnn_optimizer_options).
 * @param rule #RNN_OPTIMIZER_ADAGRAD and so on.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_optimizer_options_init(rnn_optimizer_options *options, size_t struct_size,
                                                          int32_t rule);

/**
 * Creates an optimizer for models of one shape.
 * @param model   A model of that shape; may be destroyed before the optimizer.
 * @param options The rule and its settings; not kept. NULL means Adagrad with its usual settings.
 * @param[out] optimizer The new optimizer; release it with rnn_optimizer_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_optimizer_create(const rnn_model *model, const rnn_optimizer_options *options,
                                                    rnn_optimizer **optimizer);

/** Releases an optimizer. NULL is allowed. */
RNN_API void rnn_optimizer_destroy(rnn_optimizer *optimizer);

/**
 * Updates a model's parameters with its gradients, then sets the gradients to zero.
 * @param optimizer The optimizer.
 * @param model     The model.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_MISMATCH when the optimizer was created for another shape;
 *         #RNN_ERROR_NONFINITE when a gradient is NaN or infinite, or so large that an accumulated value would become
 *         infinite; #RNN_ERROR_MEMORY when the model has no gradients yet and they can't be allocated. After an error
 *         the parameters, the gradients and the optimizer are unchanged. Use rnn_model_zero_gradients() to discard bad
 *         gradients.
 */
RNN_API RNN_CHECKED rnn_status rnn_optimizer_step(rnn_optimizer *optimizer, rnn_model *model);

/**
 * Copies an optimizer's current options, including its current learning rate.
 * @param optimizer The optimizer.
 * @param[out] options The options to fill; `options->struct_size` must be set.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_optimizer_get_options(const rnn_optimizer *optimizer,
                                                         rnn_optimizer_options *options);

/**
 * Changes an optimizer's options from the next step on and keeps its accumulated values. These values depend on the
 * rule, and on whether the momentum is 0. So you can't change the rule, and you can't change the momentum from 0 or to
 * 0.
 * @param optimizer The optimizer.
 * @param options All options, not only those that change; copied. Begin with rnn_optimizer_get_options().
 * @return #RNN_OK, or #RNN_ERROR_ARGUMENT, after which the options are unchanged.
 */
RNN_API RNN_CHECKED rnn_status rnn_optimizer_set_options(rnn_optimizer *optimizer,
                                                         const rnn_optimizer_options *options);

/**
 * Returns the current learning rate.
 * @return 0 or more; 0 for NULL.
 */
RNN_API double rnn_optimizer_learning_rate(const rnn_optimizer *optimizer);

/**
 * Changes the learning rate from the next step on.
 * @param optimizer     The optimizer.
 * @param learning_rate 0 or more, finite.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_optimizer_set_learning_rate(rnn_optimizer *optimizer, double learning_rate);
/** @} */

/**
 * @defgroup schedule Schedules: learning rates that change
 *
 * Each of these plain functions takes the number of a step, counted from 0, and returns a factor for the learning rate
 * of that step. You can multiply the factors:
 *
 *     double factor = rnn_schedule_warmup(k, 100) * rnn_schedule_cosine(k, 5000, 0.02);
 *     check(rnn_optimizer_set_learning_rate(optimizer, 0.01 * factor));
 *
 * To train by the clock, count milliseconds instead of steps. A bad argument gives NaN, which
 * rnn_optimizer_set_learning_rate() refuses. The factors have the same bits on every machine.
 * @{
 */

/**
 * Computes a linear warm-up: the factor rises by 1 / steps in each step, reaches 1 in step `steps` - 1, and stays
 * there.
 * @param step  The number of the step: 0 or more.
 * @param steps The number of steps that the rise takes: 1 or more.
 * @return 1 / steps to 1.
 */
RNN_API double rnn_schedule_warmup(int64_t step, int64_t steps);

/**
 * Computes half a period of a cosine (Loshchilov and Hutter 2017). The factor falls from 1 in step 0 to `least` in step
 * `steps` and stays there. Before that it is least + (1 - least) (1 + cos(pi step / steps)) / 2.
 * @param step  The number of the step: 0 or more.
 * @param steps The number of steps over which the factor falls: 1 or more.
 * @param least The factor at the end: 0 to 1.
 * @return `least` to 1.
 */
RNN_API double rnn_schedule_cosine(int64_t step, int64_t steps, double least);

/**
 * Computes a step decay: `factor` to the power of floor(step / every).
 * @param step   The number of the step: 0 or more.
 * @param every  The number of steps after which the rate falls: 1 or more.
 * @param factor The factor by which the rate is multiplied each time: 0 to 1.
 * @return 0 to 1.
 */
RNN_API double rnn_schedule_step_decay(int64_t step, int64_t every, double factor);

/**
 * Computes one cycle (Smith 2018): the factor rises from `first` to 1 in the first `rise` steps and then falls to
 * `last` in the remaining steps. Both the rise and the fall follow half a period of a cosine. After the cycle the
 * factor stays at `last`.
 * @param step  The number of the step: 0 or more.
 * @param steps The length of the cycle: more than `rise`.
 * @param rise  The step in which the factor is 1: 1 or more. A third of `steps` is usual.
 * @param first The factor at the start: 0 to 1. 0.04 is usual.
 * @param last  The factor at the end: 0 to 1. 0.0001 is usual.
 * @return 0 to 1.
 */
RNN_API double rnn_schedule_one_cycle(int64_t step, int64_t steps, int64_t rise, double first, double last);
/** @} */

/**
 * @defgroup sampler Sampler: from outputs to symbols
 * @{
 */
/**
 * The configuration of a sampler. Fill it with rnn_sampler_options_init(). A draw goes through these steps in this
 * order:
 *
 * 1. The repetition penalty changes the logits.
 * 2. The excluded ids are removed.
 * 3. The logits are divided by the temperature. Softmax turns them into probabilities.
 * 4. top_k, then top_p, then min_p remove symbols that are too unlikely.
 * 5. One of the remaining symbols is drawn.
 */
typedef struct rnn_sampler_options {
    size_t struct_size; /**< sizeof(rnn_sampler_options) as the caller knows it. */
    double temperature; /**< Draws from softmax(logits / temperature): 0 or more, finite. 0: takes the most likely
                           symbol. Default 1. */
    uint64_t seed; /**< Seed of the draws, not used with temperature 0. The same seed gives the same text. Default 0. */
    int64_t top_k; /**< Draws from the top_k most likely symbols only. 0, the default: from all. */
    /**
     * Draws from the smallest set of most likely symbols that together have at least this probability (Holtzman et al.
     * 2020). Greater than 0, at most 1; 1, the default: from all.
     */
    double top_p;
    /**
     * Draws only from symbols that have at least min_p times the probability of the most likely one. 0 to less than 1.
     * Default 0: from all.
     */
    double min_p;
    /**
     * Makes symbols less likely if they have occurred before. It divides their positive logits by this number and
     * multiplies their negative ones by it (Keskar et al. 2019). Greater than 0, finite; 1, the default: no penalty.
     */
    double repetition_penalty;
    /**
     * The penalty applies to this number of a stream's last ids. rnn_sample() counts the ids that the same call has
     * drawn. rnn_generate() counts those that the same call has read and drawn. 1 to 65536 with a penalty, else 0.
     * Default 0.
     */
    int64_t repetition_window;
    const int32_t *excluded; /**< [excluded_count] ids that are never drawn, in any order. Copied. Default NULL. */
    int64_t excluded_count;  /**< Number of excluded ids. Default 0. */
    /**
     * The vocabulary of the drawn ids. If it has an unknown symbol, that symbol is excluded as well. Not kept. Default
     * NULL: the unknown symbol may be drawn.
     */
    const rnn_vocab *vocab;
} rnn_sampler_options;

/**
 * Fills the options with their defaults.
 * @param[out] options The options to fill.
 * @param struct_size sizeof(rnn_sampler_options).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_sampler_options_init(rnn_sampler_options *options, size_t struct_size);

/**
 * Creates a sampler.
 * @param options The configuration; not kept. NULL means the defaults.
 * @param[out] sampler The new sampler; release it with rnn_sampler_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_sampler_create(const rnn_sampler_options *options, rnn_sampler **sampler);

/**
 * Copies a sampler's current options.
 * @param sampler The sampler.
 * @param[out] options The options to fill; `options->struct_size` must be set. `excluded` then points into the sampler;
 *        it is valid until the sampler's options are set again or the sampler is destroyed. It includes the unknown
 *        symbol, and `vocab` is NULL.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_sampler_get_options(const rnn_sampler *sampler, rnn_sampler_options *options);

/**
 * Changes a sampler's options for all later draws. The number of draws that it has made doesn't change.
 * @param sampler The sampler.
 * @param options All options, not only those that change; copied. Begin with rnn_sampler_get_options().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, #RNN_ERROR_SYMBOL (an excluded id below 0) or #RNN_ERROR_MEMORY, after which
 *         the options are unchanged.
 */
RNN_API RNN_CHECKED rnn_status rnn_sampler_set_options(rnn_sampler *sampler, const rnn_sampler_options *options);

/**
 * Draws one symbol for each stream from given logits, as rnn_sample() does from a model's outputs.
 * @param sampler The sampler, without a repetition penalty; advanced by one draw.
 * @param precision #RNN_FLOAT32 or #RNN_FLOAT64: the type of the logits.
 * @param logits  [B][V] finite numbers: unnormalised log probabilities.
 * @param streams B: 1 to 1048576.
 * @param symbols V: 1 to 16777216.
 * @param[out] ids [B] ids.
 * @param[out] log_probabilities [B] The natural logarithm of the probability of each id by softmax(logits), before the
 *        options change anything. NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT (a logit isn't finite; all symbols are excluded); #RNN_ERROR_SYMBOL (an excluded
 *         id is V or more); #RNN_ERROR_MEMORY. After an error the sampler is unchanged.
 */
RNN_API RNN_CHECKED rnn_status rnn_sampler_draw(rnn_sampler *sampler, int32_t precision, const void *logits,
                                                int64_t streams, int64_t symbols, int32_t *ids,
                                                double *log_probabilities);

/** Releases a sampler. NULL is allowed. */
RNN_API void rnn_sampler_destroy(rnn_sampler *sampler);

/**
 * Generates `n` symbols in each of B streams: feeds each stream its first symbol, draws the next one from the outputs,
 * feeds that, and so on.
 *
 * The call advances the state. So a second call continues the text if you pass it the last symbols of the first call as
 * `first`. To continue a given text, run rnn_forward() over all its ids but the last, and pass the last id as `first`.
 * To sample in the middle of training, copy the training state (rnn_state_copy_stream()) and pass the copy.
 *
 * The model's inputs and outputs must be the same symbols (V = O). The k-th draw of stream b since the sampler was
 * created depends only on the seed, k, b and the outputs. So the number of other streams doesn't affect the symbols
 * that a stream draws.
 * @param model   The model.
 * @param state   B streams; advanced by `n` steps.
 * @param sampler The sampler; advanced by `n` draws.
 * @param first   [B] ids: each stream's first input. After a chunk, these are the targets of its last step.
 * @param n       The number of symbols to draw for each stream: 0 or more.
 * @param[out] ids [n][B] ids. May be NULL when `n` is 0.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when an id is out of range; #RNN_ERROR_MISMATCH;
 *         #RNN_ERROR_NONFINITE when the outputs or the new state would be NaN or infinite; #RNN_ERROR_MEMORY. After an
 *         error the state and the sampler are unchanged (`ids` may have been written).
 */
RNN_API RNN_CHECKED rnn_status rnn_sample(const rnn_model *model, rnn_state *state, rnn_sampler *sampler,
                                          const int32_t *first, int64_t n, int32_t *ids);

/** The options of rnn_generate(). Fill the struct with rnn_generate_options_init(). */
typedef struct rnn_generate_options {
    size_t struct_size;    /**< sizeof(rnn_generate_options) as the caller knows it. */
    const int32_t *prompt; /**< [P][B] ids that each stream reads first. NULL if P is 0. */
    int64_t prompt_steps;  /**< P, 0 to 16777216. Default 0: the streams continue from their states. */
    /**
     * [B] The length of each stream's prompt: its first 0 to P ids. The ids after it are ignored. NULL, the default:
     * all prompts have P ids.
     */
    const int64_t *prompt_lengths;
    int64_t most;     /**< n, the maximum number of symbols for a stream, including `stop`: 0 to 16777216. Default 0. */
    int32_t stop;     /**< The id that ends a stream. -1, the default: none; all streams draw n symbols. */
    int32_t reserved; /**< Must be 0. */
} rnn_generate_options;

/**
 * Fills the options with their defaults.
 * @param[out] options The options to fill.
 * @param struct_size sizeof(rnn_generate_options).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_generate_options_init(rnn_generate_options *options, size_t struct_size);

/**
 * Reads a prompt and continues it. Each stream reads its own prompt, which may be empty. Then it draws a symbol, reads
 * that, draws the next, and so on, until it has drawn `stop` or n symbols.
 *
 * With an empty prompt, the first symbol depends only on the state. If the state is new, the model then writes a symbol
 * before it has read one. It never did this in training, so give it a prompt, such as the end of a line.
 *
 * Unlike rnn_sample(), which leaves the last symbol for the caller to feed, rnn_generate() has read every symbol that
 * it drew. So a second call without a prompt continues the text. The other streams don't affect the symbols that a
 * stream writes. The model must take ids and have #RNN_LOSS_CROSS_ENTROPY and V = O. It must not be bidirectional.
 * @param model   The model.
 * @param state   B streams. Each is advanced by its prompt and the symbols that it draws. A stream that draws `stop`
 *        reads it and then doesn't change any more.
 * @param sampler The sampler; advanced by the largest number of draws that any one stream made.
 * @param options The options.
 * @param[out] ids [n][B] ids; #RNN_IGNORE after the end of a stream. May be NULL when n is 0.
 * @param[out] counts [B] The number of symbols that each stream has drawn, including `stop`. NULL if not wanted.
 * @param[out] log_probabilities [n][B] as from rnn_sampler_draw(); 0 after the end of a stream. NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when an id is out of range; #RNN_ERROR_MISMATCH;
 *         #RNN_ERROR_NONFINITE when outputs or the new state are not finite; #RNN_ERROR_MEMORY. After an error state,
 *         sampler and results are unchanged.
 */
RNN_API RNN_CHECKED rnn_status rnn_generate(const rnn_model *model, rnn_state *state, rnn_sampler *sampler,
                                            const rnn_generate_options *options, int32_t *ids, int64_t *counts,
                                            double *log_probabilities);

/** The options of rnn_beam_search(). Fill the struct with rnn_beam_options_init(). */
typedef struct rnn_beam_options {
    size_t struct_size; /**< sizeof(rnn_beam_options) as the caller knows it. */
    /** [P] ids that the model reads first, such as the id that begins every text of a decoder. NULL if P is 0. */
    const int32_t *prompt;
    int64_t prompt_steps; /**< P, 0 to 16777216. Default 0: the search continues from the state. */
    int64_t most;    /**< n, the maximum number of symbols in a result, including `stop`: 1 to 16777216. Must be set. */
    int64_t beams;   /**< W, the number of hypotheses followed at once: 1 to 1048576. Default 4. */
    int64_t results; /**< K, the number of results wanted: 1 to W. Default 1. */
    /**
     * Alpha, 0 to 10. The score of a result Y is log P(Y) / ((5 + |Y|) / 6)^alpha, where |Y| is the number of its
     * symbols, including `stop`. Wu et al. ("Google's Neural Machine Translation System", 2016) use 0.6 to 0.7. Without
     * a penalty, short results win, because each further symbol makes a text less probable. 0, the default: the score
     * is log P(Y).
     */
    double length_penalty;
    const int32_t *excluded; /**< [excluded_count] ids that no result may contain, in any order. Default NULL. */
    int64_t excluded_count;  /**< Number of excluded ids. Default 0. */
    int32_t stop;            /**< The id that ends a result. -1, the default: none; all results have n symbols. */
    int32_t reserved;        /**< Must be 0. */
    const rnn_vocab *vocab;  /**< Its unknown symbol is excluded as well, as in ::rnn_sampler_options. Default NULL. */
} rnn_beam_options;

/**
 * Fills the options with their defaults.
 * @param[out] options The options to fill.
 * @param struct_size sizeof(rnn_beam_options).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_beam_options_init(rnn_beam_options *options, size_t struct_size);

/**
 * Searches for the most probable continuations of a prompt; rnn_generate() draws one at random instead. Use the search
 * for a translation, for example: the decoder then begins with the encoder's final state. The search uses no random
 * numbers.
 *
 * The beam begins with one empty hypothesis and W places. Each step extends every hypothesis by every symbol and keeps
 * the most probable extensions, one for each place. A hypothesis that ends with `stop` is finished. It leaves the beam,
 * and the beam then has one place fewer (Sutskever et al., "Sequence to sequence learning with neural networks", 2014).
 * The search ends when no place is left, or after n symbols. In the second case the remaining hypotheses also count as
 * finished. The K hypotheses with the best scores are the results.
 *
 * With W = 1 the result is the text that rnn_generate() writes with a temperature of 0. If W is as large as the number
 * of all possible texts, the search is certain to find the best.
 *
 * If two extensions are equally probable, the one of the earlier hypothesis comes first. If both extend the same
 * hypothesis, the one with the lower id comes first. If two hypotheses have equal scores, the one that was finished
 * earlier comes first.
 * @param model   A model of ids with #RNN_LOSS_CROSS_ENTROPY and V = O that isn't bidirectional.
 * @param state   The state to begin with, which has one stream; not changed. It may come from an encoder (see
 *        rnn_state_create()). NULL: a new state.
 * @param options The options.
 * @param[out] ids [K][n] The results, the best first; #RNN_IGNORE after the end of each.
 * @param[out] counts [K] The number of symbols in each result, including `stop`. 0 where there are fewer than K
 *        results. NULL if not wanted.
 * @param[out] log_probabilities [K] log P(Y), a natural logarithm: the sum of the values that rnn_generate() gives for
 *        the symbols. -infinity where there is no result. NULL if not wanted.
 * @param[out] scores [K] The scores; -infinity where there is no result. NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT (also when all symbols are excluded); #RNN_ERROR_SYMBOL when an id is out of
 *         range; #RNN_ERROR_MISMATCH (also when the state has more than one stream); #RNN_ERROR_NONFINITE when outputs
 *         or a state are not finite; #RNN_ERROR_MEMORY. After an error nothing has been written.
 */
RNN_API RNN_CHECKED rnn_status rnn_beam_search(const rnn_model *model, const rnn_state *state,
                                               const rnn_beam_options *options, int32_t *ids, int64_t *counts,
                                               double *log_probabilities, double *scores);
/** @} */

/**
 * @defgroup source Source: where a text comes from
 *
 * A source is the text of one file, of several files taken as one, of standard input, or of anything else that can be
 * read, such as a pipe. Use a source when the text is not a single file or a block of memory. (For those, other
 * functions take a path or a pointer.) A source never changes after it is opened; any number of threads may use it.
 *
 * Regular files are read piece by piece as needed, so the memory that a source takes doesn't depend on their size. They
 * must not change in the meantime: if a file's length or time of modification differs from when it was opened, the call
 * that reads it fails with #RNN_ERROR_IO.
 * @{
 */
/**
 * Opens one or more files as one text, in the order given. Nothing is inserted between them: if a file ends in the
 * middle of a code point, the next file continues it.
 *
 * The path "-" means standard input. For a file named "-", use "./-". The call reads standard input from its
 * descriptor. It doesn't see bytes that stdio has already read.
 *
 * FIFOs, pipes, sockets and terminals can be read only once. This also holds for standard input, unless it is a regular
 * file. The call reads them to their end, waiting if it must (see rnn_set_interrupt()), and keeps their contents in
 * memory. If the call fails, the bytes that it has read from them are lost.
 * @param paths  [count] names; not kept.
 * @param count  The number of files: 1 to 1048576. Each regular file stays open, so the system's limit on open files
 *        applies as well.
 * @param[out] source The new source; release it with rnn_source_destroy().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT (also when "-" occurs twice); #RNN_ERROR_IO (also for a directory or a block
 *         device); #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_source_open(const char *const *paths, int64_t count, rnn_source **source);

/**
 * Sets a function that decides whether to stop waiting for a pipe, FIFO, socket or terminal. A call that waits asks
 * this function several times a second, and within a tenth of a second after a signal. This is meant for languages that
 * handle signals between calls, such as Python, so that Ctrl-C works during the wait. In C, write a signal handler that
 * sets a flag, and a function that returns the flag.
 * @param interrupted If it returns anything but 0, the call fails with #RNN_ERROR_IO; if it returns 0, the call keeps
 *        waiting. It runs on the thread that waits. NULL, the default: a call waits to the end, whatever signals
 *        arrive. Set the function only while no call is waiting. On Windows it is asked only while a call waits for
 *        a pipe.
 * @param context Passed to the function.
 */
RNN_API void rnn_set_interrupt(int32_t (*interrupted)(void *context), void *context);

/** Releases a source and, unless a corpus still reads them, closes its files. NULL is allowed. */
RNN_API void rnn_source_destroy(rnn_source *source);

/**
 * Returns the length of the text.
 * @return Bytes, 0 or more; 0 for NULL.
 */
RNN_API int64_t rnn_source_size(const rnn_source *source);
/** @} */

/**
 * @defgroup vocab Vocabulary: symbols and their ids
 *
 * A vocabulary corresponds to min-char-rnn's `chars`, `char_to_ix` and `ix_to_char`. It never changes after it is
 * created; any number of threads may use it.
 *
 * **Code points.** For a vocabulary of code points, a text must be UTF-8 as defined by RFC 3629. That excludes
 * overlong forms, surrogates, values above U+10FFFF, truncated code points and stray continuation bytes. Every function
 * that reads an invalid text fails with #RNN_ERROR_SYMBOL. rnn_last_error() then gives the offset of the first invalid
 * byte. It also says if the text looks like Latin-1 or UTF-16, and how to convert it. A vocabulary of code points
 * always decodes to valid UTF-8. A byte order mark is an ordinary symbol, U+FEFF.
 *
 * The library can't detect one mistake: a UTF-16 text that is all ASCII and has no byte order mark is also valid UTF-8,
 * with U+0000 before or after each letter. If the vocabulary of a text contains U+0000, check the text's encoding.
 *
 * **Words.** A vocabulary of words splits a text at white space: the bytes 0x20 and 0x09 to 0x0d. All other bytes
 * belong to words, whatever the encoding. A line's end, 0x0a, is also a symbol, as in the files of the Penn Treebank; a
 * vocabulary without this symbol skips line ends. In decoded text there is a space between words, but none next to a
 * line's end. So encoding and decoding preserve a text except for its other white space.
 *
 * To make a vocabulary of words, begin with a text, keep the frequent words, and treat the rest as unknown:
 *
 *     check(rnn_vocab_create_from_file(RNN_VOCAB_WORDS, "ptb.train.txt", &all));
 *     check(rnn_vocab_create_frequent(all, 9999, 1, &vocab));
 * @{
 */
/** The kinds of symbols. */
enum {
    RNN_VOCAB_BYTES = 0, /**< Each of the 256 bytes is a symbol. */
    RNN_VOCAB_UTF8 = 1,  /**< Each of the 1112064 code points of Unicode is a symbol. */
    RNN_VOCAB_WORDS = 2  /**< Each string of bytes without white space is a symbol, and so is a line's end. */
};

/**
 * Creates the vocabulary of the symbols that occur in a text. Ids are in ascending order of the symbols. For words, the
 * most frequent come first, and equally frequent ones are in ascending order.
 * @param kind  #RNN_VOCAB_BYTES, #RNN_VOCAB_UTF8 or #RNN_VOCAB_WORDS.
 * @param text  The text; not kept.
 * @param size  Its length in bytes, at least 1.
 * @param[out] vocab The new vocabulary; release it with rnn_vocab_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT (also for a text without symbols, or with more than 2^24 words),
 *         #RNN_ERROR_SYMBOL (invalid UTF-8) or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_create_from_text(int32_t kind, const void *text, size_t size,
                                                          rnn_vocab **vocab);

/**
 * Creates the vocabulary of the text in a file, as rnn_vocab_create_from_text() does. It reads the file once from start
 * to end in pieces, whatever its size.
 * @param kind  As in rnn_vocab_create_from_text().
 * @param path  The name of a regular file.
 * @param[out] vocab The new vocabulary; release it with rnn_vocab_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT (also for an empty file), #RNN_ERROR_IO (also for a directory or a pipe),
 *         #RNN_ERROR_SYMBOL (invalid UTF-8) or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_create_from_file(int32_t kind, const char *path, rnn_vocab **vocab);

/**
 * Creates the vocabulary of a source's text, as rnn_vocab_create_from_text() does. It reads the text once from start to
 * end in pieces.
 * @param kind   As in rnn_vocab_create_from_text().
 * @param source The source of the text; not kept.
 * @param[out] vocab The new vocabulary; release it with rnn_vocab_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT (also for an empty text), #RNN_ERROR_IO, #RNN_ERROR_SYMBOL (invalid UTF-8; the
 *         offset is counted within its file) or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_create_from_source(int32_t kind, const rnn_source *source, rnn_vocab **vocab);

/**
 * Creates a vocabulary from a list of its symbols, in the order of their ids.
 * @param kind    As in rnn_vocab_create_from_text().
 * @param symbols All symbols, one after the other. Each word is followed by 0x0a (optional after the last), so an empty
 *        line stands for the line's end. Not kept.
 * @param size    Their length in bytes, at least 1.
 * @param[out] vocab The new vocabulary; release it with rnn_vocab_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT (also when a symbol occurs twice), #RNN_ERROR_SYMBOL (invalid UTF-8, or white
 *         space within a word) or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_create_from_list(int32_t kind, const void *symbols, size_t size,
                                                          rnn_vocab **vocab);

/**
 * Creates a vocabulary that can encode every text (for code points, every text that is valid UTF-8). It has the symbols
 * of the vocabulary `known`, followed by one unknown symbol that stands for everything else. The unknown symbol has the
 * id rnn_vocab_size(known). But if `known` has a word spelled like `shown`, that word becomes the unknown symbol and no
 * symbol is added.
 *
 * A model learns to use the unknown symbol only if it occurs in the training text. So leave rare symbols out of
 * `known`, or create `known` from only a part of the text.
 * @param known The vocabulary of the other symbols, without an unknown symbol; not changed and not kept.
 * @param shown The text that the unknown symbol is decoded as: valid UTF-8 for a vocabulary of code points, a word for
 *        a vocabulary of words. NULL means "?" for bytes, the replacement character U+FFFD for code points, and "<unk>"
 *        for words.
 * @param size  Its length in bytes, 1 to 16; 0 when `shown` is NULL.
 * @param[out] vocab The new vocabulary; release it with rnn_vocab_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT, #RNN_ERROR_SYMBOL (invalid UTF-8) or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_create_with_unknown(const rnn_vocab *known, const void *shown, size_t size,
                                                             rnn_vocab **vocab);

/**
 * Creates a vocabulary of the frequent words of a text, with an unknown symbol for all other words. The words come
 * first, in descending order of frequency. The unknown symbol is the last. The line's end is always kept.
 * @param known A vocabulary of words that was made from a text; not changed and not kept. If it has an unknown symbol,
 *        the new unknown symbol is shown in the same way; otherwise it is shown as "<unk>".
 * @param most  The maximum number of words to keep, including the line's end but not the unknown symbol: 1 to 2^24; 0:
 *        all.
 * @param least The minimum number of times that a word must occur to be kept: 1 or more.
 * @param[out] vocab The new vocabulary; release it with rnn_vocab_destroy().
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_create_frequent(const rnn_vocab *known, int64_t most, int64_t least,
                                                         rnn_vocab **vocab);

/** Releases a vocabulary. NULL is allowed. */
RNN_API void rnn_vocab_destroy(rnn_vocab *vocab);

/**
 * Returns the number of symbols, V.
 * @return At least 1; 0 for NULL.
 */
RNN_API int64_t rnn_vocab_size(const rnn_vocab *vocab);

/**
 * Returns the kind of the vocabulary's symbols.
 * @return One of the `RNN_VOCAB_` values; -1 for NULL.
 */
RNN_API int32_t rnn_vocab_kind(const rnn_vocab *vocab);

/**
 * Returns the id of the unknown symbol, which stands for everything that the vocabulary doesn't have.
 * @return V - 1 after rnn_vocab_create_with_unknown() and rnn_vocab_create_frequent(); -1 when there is none, and for
 *         NULL.
 */
RNN_API int32_t rnn_vocab_unknown(const rnn_vocab *vocab);

/**
 * Turns text into ids, or only counts them.
 * @param vocab    The vocabulary.
 * @param text     The text; may be NULL when `size` is 0.
 * @param size     Its length in bytes.
 * @param[out] ids Room for `capacity` ids; NULL if that is 0.
 * @param capacity The number of ids that fit. `size` is always enough, since each symbol has at least one byte. With 0,
 *        the call only counts.
 * @param[out] count The number of the text's ids; NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_SYMBOL when the text is invalid UTF-8, or when a symbol is not in the vocabulary and
 *         there is no unknown symbol; #RNN_ERROR_ARGUMENT when `capacity` is too small. rnn_last_error() names the
 *         symbol and its offset in bytes. After an error nothing has been written.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_encode(const rnn_vocab *vocab, const void *text, size_t size, int32_t *ids,
                                                int64_t capacity, int64_t *count);

/**
 * Turns ids into text, or only counts its bytes. The text is not terminated by a NUL.
 * @param vocab    The vocabulary.
 * @param ids      The ids; may be NULL when `count` is 0.
 * @param count    Their number.
 * @param[out] text Room for `capacity` bytes; NULL if that is 0.
 * @param capacity The number of bytes that fit. With 0, the call only computes `size`, so you can call it once to learn
 *        the size. (A capacity of `count` is enough for bytes, and 4 times `count` for code points, unless the unknown
 *        symbol is shown as a longer text.)
 * @param[out] size The text's length in bytes; NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_SYMBOL when an id is not 0 to V - 1; #RNN_ERROR_ARGUMENT when `capacity` is too small.
 *         After an error nothing has been written.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_decode(const rnn_vocab *vocab, const int32_t *ids, int64_t count, char *text,
                                                size_t capacity, size_t *size);

/**
 * Gives the bytes of one symbol.
 * @param vocab  The vocabulary.
 * @param id     0 to V - 1.
 * @param[out] symbol Its first byte; a NUL follows the last one. Valid as long as the vocabulary.
 * @param[out] size Its length in bytes; NULL if not wanted.
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT, or #RNN_ERROR_SYMBOL when `id` is out of range.
 */
RNN_API RNN_CHECKED rnn_status rnn_vocab_symbol(const rnn_vocab *vocab, int32_t id, const char **symbol, size_t *size);
/** @} */

/**
 * @defgroup corpus Corpus: text served chunk by chunk
 *
 * A corpus cuts its N symbols into B streams of equal length S = (N - 1) / B, rounded down. The streams follow one
 * another in the text. The corpus serves all of them together, T steps at a time. At position p of the corpus, the
 * inputs of stream b are T symbols, of which the first has the number b S + p (counted from 0). The target of each
 * input is the symbol that follows it in the text.
 *
 * After the last whole chunk, the corpus starts over at position 0. A chunk is served while p + T < S, as in
 * min-char-rnn, so the last few symbols of a stream may remain unused. The chunk at position 0 is always served.
 * rnn_corpus_set_drop_last() makes the corpus serve the last symbols as well.
 *
 * The kind of the vocabulary determines the kind of symbol. With #RNN_VOCAB_UTF8 all sizes and positions count code
 * points, and with #RNN_VOCAB_WORDS they count words.
 *
 * With #RNN_VOCAB_BYTES a file is read piece by piece as it is served. The memory that the corpus takes doesn't depend
 * on the size of its file. The file must not change in the meantime: if its length or time of modification differs from
 * when it was opened, rnn_corpus_next() fails. rnn_corpus_next() also fails when it reaches a byte that the vocabulary
 * doesn't have.
 *
 * Code points and words are read when the corpus is created, so invalid UTF-8 and symbols that the vocabulary doesn't
 * have are found then. The corpus keeps the whole text in memory as ids. Each id takes 1, 2 or 4 bytes, depending on V.
 * @{
 */
/**
 * Opens a text in memory.
 * @param vocab   The vocabulary that encodes the text; may be destroyed before the corpus.
 * @param text    The text; copied. All its symbols must be in `vocab`.
 * @param size    Its length in bytes.
 * @param steps   T, the steps of a chunk: 1 to 16777216.
 * @param streams B: 1 to 1048576. The text must have at least B T + 1 symbols.
 * @param[out] corpus The new corpus, at its start; release it with rnn_corpus_destroy().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT (also when the text is too short); #RNN_ERROR_SYMBOL with the symbol and its
 *         offset; #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_create_from_text(const rnn_vocab *vocab, const void *text, size_t size,
                                                           int64_t steps, int64_t streams, rnn_corpus **corpus);

/**
 * Opens the text in a file.
 * @param vocab   The vocabulary that encodes the text; may be destroyed before the corpus.
 * @param path    The name of a regular file.
 * @param steps   As in rnn_corpus_create_from_text().
 * @param streams As in rnn_corpus_create_from_text().
 * @param[out] corpus The new corpus, at its start. It keeps the file open until rnn_corpus_destroy().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT (also when the text is too short); #RNN_ERROR_IO; #RNN_ERROR_SYMBOL with the
 *         symbol and its offset; #RNN_ERROR_MEMORY. With #RNN_VOCAB_BYTES, a byte that the vocabulary doesn't have is
 *         found only when rnn_corpus_next() reaches it.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_create_from_file(const rnn_vocab *vocab, const char *path, int64_t steps,
                                                           int64_t streams, rnn_corpus **corpus);

/**
 * Opens the text of a source.
 * @param vocab   The vocabulary that encodes the text; may be destroyed before the corpus.
 * @param source  The source of the text; may be destroyed before the corpus.
 * @param steps   As in rnn_corpus_create_from_text().
 * @param streams As in rnn_corpus_create_from_text().
 * @param[out] corpus The new corpus, at its start. It keeps the source's files open until rnn_corpus_destroy().
 * @return As rnn_corpus_create_from_file(); an offset is counted within its file.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_create_from_source(const rnn_vocab *vocab, const rnn_source *source,
                                                             int64_t steps, int64_t streams, rnn_corpus **corpus);

/**
 * Opens a sequence of ids in memory, which may stand for words, musical notes or the bytes of a protocol. The corpus
 * serves it like a text.
 * @param ids     [count] ids; copied, as one, two or four bytes each.
 * @param count   N.
 * @param symbols V: 1 to 16777216. All ids must be 0 to V - 1.
 * @param steps   T, the steps of a chunk: 1 to 16777216.
 * @param streams B: 1 to 1048576. There must be at least B T + 1 ids.
 * @param[out] corpus The new corpus, at its start; release it with rnn_corpus_destroy().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when an id is out of range; #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_create_from_ids(const int32_t *ids, int64_t count, int64_t symbols,
                                                          int64_t steps, int64_t streams, rnn_corpus **corpus);

/**
 * Opens a file of ids. The ids stay in the file and are read as they are served. An id out of range is found only then:
 * rnn_corpus_next() fails with #RNN_ERROR_SYMBOL and says where.
 * @param path    The name of a regular file. It contains unsigned integers, the lowest byte first, and nothing else.
 * @param id_size Bytes of an id: 1, 2 or 4.
 * @param symbols V: 1 to 16777216. All ids must be 0 to V - 1.
 * @param steps   As in rnn_corpus_create_from_ids().
 * @param streams As in rnn_corpus_create_from_ids().
 * @param[out] corpus As in rnn_corpus_create_from_ids().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_IO; #RNN_ERROR_FORMAT when the file ends within an id;
 *         #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_create_from_id_file(const char *path, int32_t id_size, int64_t symbols,
                                                              int64_t steps, int64_t streams, rnn_corpus **corpus);

/**
 * Moves the end of a corpus into a second corpus, for validation. Afterwards both are at their start.
 * @param corpus The corpus, which becomes shorter.
 * @param share  The part of its symbols to move: greater than 0, less than 1. Rounded down to whole symbols.
 * @param[out] validation The new corpus, with the same T and B; release it with rnn_corpus_destroy().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when either part would have fewer than B T + 1 symbols; #RNN_ERROR_MEMORY;
 *         #RNN_ERROR_IO.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_split(rnn_corpus *corpus, double share, rnn_corpus **validation);

/**
 * Chooses whether symbols at the ends of the streams may remain unused, and goes back to the start. Set `drop_last` to
 * 0 for short texts, where every symbol matters.
 * @param corpus    The corpus. rnn_corpus_split() gives the new corpus the same setting.
 * @param drop_last 1, the default: serves only whole chunks, as described above. 0: each symbol but the first is a
 *        target once in each pass. The N - 1 targets are divided among the streams in parts that are as equal as
 *        possible, the longer ones first. The last chunk may have fewer than T steps, and its `lengths` may be set.
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_set_drop_last(rnn_corpus *corpus, int32_t drop_last);

/** Releases a corpus and closes its file. NULL is allowed. */
RNN_API void rnn_corpus_destroy(rnn_corpus *corpus);

/**
 * Returns the number of symbols, N.
 * @return At least 2; 0 for NULL.
 */
RNN_API int64_t rnn_corpus_size(const rnn_corpus *corpus);

/**
 * Returns the number of chunks that the corpus serves before it starts over.
 * @return At least 1; 0 for NULL.
 */
RNN_API int64_t rnn_corpus_chunks(const rnn_corpus *corpus);

/**
 * Serves the chunk at the current position and moves on.
 * @param corpus The corpus.
 * @param[out] chunk The chunk; `chunk->struct_size` must be set (rnn_chunk_init()). Its arrays belong to the corpus and
 *        are valid until the corpus is used again.
 * @param[out] restarted 1 when this chunk is the first of the text, at the beginning and each time the corpus starts
 *        over; else 0. When it is 1, reset the state (min-char-rnn sets `hprev` to zeros there). NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL with the symbol and its offset from the start of the file or
 *         of the whole text in memory; #RNN_ERROR_IO. After an error the position is unchanged.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_next(rnn_corpus *corpus, rnn_chunk *chunk, int32_t *restarted);

/**
 * Returns the position of the next chunk: the number of steps of each stream that have been served since the start.
 * @return A multiple of T; 0 at the start, and for NULL. After the last chunk: T times rnn_corpus_chunks().
 */
RNN_API int64_t rnn_corpus_position(const rnn_corpus *corpus);

/**
 * Sets the position of the next chunk to one that rnn_corpus_position() gave for a corpus of the same text, part, T
 * and B. From there on, this corpus serves the same chunks as that one.
 * @param corpus   The corpus.
 * @param position A multiple of T, 0 to T times rnn_corpus_chunks(). The largest value is the end of the text; the
 *        corpus then starts over.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_seek(rnn_corpus *corpus, int64_t position);

/**
 * Goes back to the start.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_corpus_rewind(rnn_corpus *corpus);
/** @} */

/**
 * @defgroup batcher Batcher: sequences served in batches
 *
 * A batcher takes N sequences of ids or of vectors, of unequal length, and serves them as chunks of B streams. It
 * serves each sequence once per epoch. The outputs and losses of a sequence have the same bits as if it were served
 * alone. There are two layouts:
 *
 * - #RNN_BATCH_PADDED: a chunk has B whole sequences, one in each stream, and as many steps as the longest of them. If
 *   B doesn't divide N, the streams left over in the last chunk of an epoch have length 0.
 * - #RNN_BATCH_PACKED: in each stream one sequence follows another, cut into chunks of T steps. A stream that reaches
 *   the end of its sequence continues with the next one. If several streams do so in the same step, the one with the
 *   lowest number goes first. Only the end of an epoch is padded. Gradients don't go back beyond a chunk.
 *
 * In both layouts `starts` marks where a sequence begins, so you needn't reset the state, and one state serves training
 * and validation. (To begin sequences with a state of your own, use #RNN_BATCH_PADDED and set the chunk's `starts` to
 * NULL.)
 *
 * This loop trains for one epoch:
 *
 *     int32_t last = 0;
 *     while (!last) {
 *         check(rnn_batcher_next(batcher, &chunk, &last));
 *         check(rnn_forward_backward(model, state, &chunk, &loss));
 *         check(rnn_optimizer_step(optimizer, model));
 *     }
 *
 * To classify sequences, give each one a class as its only target (#RNN_TARGETS_LAST), and use a model whose outputs
 * are the classes, perhaps a `bidirectional` one. To count the correct answers, run it over an epoch of another
 * batcher:
 *
 *     chunk.hits = &hits; // of this chunk; add them up
 *     check(rnn_forward(model, state, &chunk, NULL, 0, NULL));
 *
 * rnn_softmax() turns the outputs [B][O] into probabilities.
 *
 * The order of the sequences in an epoch depends only on the options and the number of the epoch.
 * @{
 */
/** The layouts of a batcher's sequences. */
enum {
    RNN_BATCH_PADDED = 0, /**< A chunk has B whole sequences. */
    RNN_BATCH_PACKED = 1  /**< In each stream one sequence follows another. */
};

/** The kinds of targets of a batcher's sequences. */
enum {
    /** One for each element, or none; chunks without targets are for rnn_forward() without a loss. */
    RNN_TARGETS_EACH = 0,
    /**
     * One for each sequence, at its last element. With #RNN_BATCH_PADDED the chunks have `last_only`, and targets are
     * optional. With #RNN_BATCH_PACKED all other positions have no target (#RNN_IGNORE, or a mask of 0).
     */
    RNN_TARGETS_LAST = 1,
    /** The next element, for a language model. A sequence of n elements then counts as n - 1 positions everywhere. */
    RNN_TARGETS_NEXT = 2
};

/**
 * Sequences for a batcher, which copies them. The elements of all sequences are in one array, one sequence after
 * another; there are S elements, the sum of the lengths. Fill the struct with rnn_sequences_init(), then set the
 * fields that you need.
 */
typedef struct rnn_sequences {
    size_t struct_size;        /**< sizeof(rnn_sequences) as the caller knows it. */
    int64_t count;             /**< N: 1 to 2147483647. */
    const int64_t *lengths;    /**< [N] Elements of each sequence, 1 to 16777216; with #RNN_TARGETS_NEXT at least 2. */
    const int32_t *inputs;     /**< [S] ids, 0 to 16777215. NULL for vectors. */
    const void *input_vectors; /**< [S][I] numbers. NULL for ids. */
    /** [S], or [N] if the batcher's `target_kind` is #RNN_TARGETS_LAST: ids or #RNN_IGNORE. NULL if there are none. */
    const int32_t *targets;
    const void *target_vectors; /**< [S][O], or [N][O] with #RNN_TARGETS_LAST. NULL if there are none. */
    const uint8_t *target_mask; /**< [S] or [N] 0: leaves the target vector there out of the loss. NULL: all count. */
    int64_t input_size;         /**< I, 1 to 16777216, with `input_vectors`; else 0. */
    int64_t output_size;        /**< O, 1 to 16777216, with `target_vectors`; else 0. */
    int32_t precision;          /**< Of vectors, as in the model: #RNN_FLOAT32, the default, or #RNN_FLOAT64. */
    int32_t reserved;           /**< Must be 0. */
} rnn_sequences;

/**
 * Fills the struct with zeros, NULL and its size.
 * @param[out] sequences The struct to fill.
 * @param struct_size sizeof(rnn_sequences).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_sequences_init(rnn_sequences *sequences, size_t struct_size);

/** The configuration of a batcher. Fill it with rnn_batcher_options_init(). */
typedef struct rnn_batcher_options {
    size_t struct_size;  /**< sizeof(rnn_batcher_options) as the caller knows it. */
    int64_t streams;     /**< B: 1 to 1048576. Default 1. */
    int64_t steps;       /**< T, with #RNN_BATCH_PACKED: 1 to 16777216. With #RNN_BATCH_PADDED: 0, the default. */
    int32_t layout;      /**< One of the `RNN_BATCH_` values. Default #RNN_BATCH_PADDED. */
    int32_t target_kind; /**< One of the `RNN_TARGETS_` values. Default #RNN_TARGETS_EACH. */
    int32_t shuffle;     /**< 1: serves each epoch in a new random order. 0, the default: in the order given. */
    int32_t reserved;    /**< Must be 0. */
    /**
     * 2 to 2147483647: puts sequences of similar lengths together, which needs less padding. The sequences are divided,
     * in their order, into groups of `bucket` times B, and each group is sorted by length before it is cut into chunks.
     * With `shuffle`, the chunks are then shuffled, but a chunk of fewer than B sequences stays at the end. Needs
     * #RNN_BATCH_PADDED. 10 to 100 are usual. A large number sorts all sequences. 0, the default: no sorting.
     */
    int64_t bucket;
    uint64_t seed; /**< Seed of the random order. Must be 0 without `shuffle`. Default 0. */
} rnn_batcher_options;

/**
 * Fills the options with their defaults.
 * @param[out] options The options to fill.
 * @param struct_size sizeof(rnn_batcher_options).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_batcher_options_init(rnn_batcher_options *options, size_t struct_size);

/**
 * Creates a batcher. It doesn't check whether the ids and sizes fit a model, or whether the numbers are finite. The
 * calls that compute with the chunks check this.
 * @param sequences The sequences; all arrays are copied.
 * @param options   The configuration; not kept. NULL: the defaults.
 * @param[out] batcher The new batcher, at the beginning of epoch 0; release it with rnn_batcher_destroy().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_SYMBOL when an id is out of range; #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_batcher_create(const rnn_sequences *sequences, const rnn_batcher_options *options,
                                                  rnn_batcher **batcher);

/** Releases a batcher. NULL is allowed. */
RNN_API void rnn_batcher_destroy(rnn_batcher *batcher);

/**
 * Returns the number of sequences, N.
 * @return At least 1; 0 for NULL.
 */
RNN_API int64_t rnn_batcher_size(const rnn_batcher *batcher);

/**
 * Returns the number of positions in an epoch, without padding.
 * @return At least N; 0 for NULL.
 */
RNN_API int64_t rnn_batcher_positions(const rnn_batcher *batcher);

/**
 * Returns the largest number of steps that a chunk has, for sizing your arrays.
 * @return T, or with #RNN_BATCH_PADDED the number of positions of the longest sequence; 0 for NULL.
 */
RNN_API int64_t rnn_batcher_steps(const rnn_batcher *batcher);

/**
 * Returns the number of chunks in the current epoch. This is the epoch of the last chunk served or, if none has been
 * served, of the next chunk. With #RNN_BATCH_PACKED and `shuffle` it can differ from epoch to epoch.
 * @return At least 1; 0 for NULL.
 */
RNN_API int64_t rnn_batcher_chunks(const rnn_batcher *batcher);

/**
 * Serves the next chunk. The last chunk of an epoch is followed by the first of the next epoch.
 * @param batcher The batcher.
 * @param[out] chunk The chunk; `chunk->struct_size` must be set (rnn_chunk_init()). Its arrays belong to the batcher
 *        and are valid until the batcher is used again. After a stream's end they hold zeros and no targets. `lengths`
 *        is NULL if no stream ends before the chunk does, and `starts` is NULL if no sequence begins in it. `losses`
 *        and `hits` are not changed.
 * @param[out] last 1 when this chunk is the last of its epoch, else 0. NULL if not wanted.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_batcher_next(rnn_batcher *batcher, rnn_chunk *chunk, int32_t *last);

/**
 * Tells which sequences and elements are in the chunk served last, so that you know which ones its outputs and losses
 * belong to.
 * @param batcher The batcher.
 * @param[out] sequences [T][B] The sequence at each position, 0 to N - 1; -1 after a stream's end. NULL if not wanted.
 * @param[out] elements  [T][B] The element of that sequence; -1 after a stream's end. NULL if not wanted.
 * @param count T times B of that chunk, or B to get only the first step, which is enough for a padded chunk.
 * @return #RNN_OK, or #RNN_ERROR_ARGUMENT (also when no chunk has been served since the beginning or since
 *         rnn_batcher_seek()).
 */
RNN_API RNN_CHECKED rnn_status rnn_batcher_get_places(const rnn_batcher *batcher, int64_t *sequences, int64_t *elements,
                                                      int64_t count);

/**
 * Returns the position of the next chunk, counted in positions of sequences since the beginning of epoch 0. To get the
 * number of the epoch, divide the position by rnn_batcher_positions() and round down. A checkpoint can keep the
 * position as its `corpus_position`.
 * @return 0 or more; 0 for NULL.
 */
RNN_API int64_t rnn_batcher_position(const rnn_batcher *batcher);

/**
 * Sets the position of the next chunk to one that rnn_batcher_position() gave for a batcher of the same sequences and
 * options. From there on, this batcher serves the same chunks as that one.
 * @param batcher  The batcher.
 * @param position 0 to 2^62, and a position at which a chunk begins.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_batcher_seek(rnn_batcher *batcher, int64_t position);

/**
 * Goes back to the beginning of epoch 0.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_batcher_rewind(rnn_batcher *batcher);
/** @} */

/**
 * @defgroup files Files: models that travel
 *
 * A model's file is a safetensors file (https://huggingface.co/docs/safetensors) with the names and shapes of PyTorch's
 * state_dict(). PyTorch loads it as it is. The file's metadata contains the model's configuration. Models trained in
 * PyTorch load from the same kind of file: numbers of type F64, F32, F16 or BF16 are converted to float32 or float64.
 * PyTorch has two biases in a layer; if the model has only one (#RNN_BIAS_INPUT), the second is written as zeros.
 * docs/files.md describes every byte.
 *
 * A save replaces a file as a whole. Until the new file is complete and on the disk, the old one stays intact, even if
 * the program or the machine fails. A load trusts nothing in the file, and takes memory in proportion to the file's
 * size. There is no checksum. If damage changes a number but leaves the file's structure intact, the load doesn't
 * notice it.
 *
 * A library can be built without files (RNN_WITH_FILES=OFF), so that it doesn't need jansson. In such a library every
 * function that saves or loads a model or a checkpoint, in a file or in memory, fails with #RNN_ERROR_IO.
 * @{
 */

/**
 * Saves a model, together with the vocabulary whose ids it was trained on. The same model and vocabulary give the same
 * bytes.
 *
 * The file is written in the same directory under a name that begins with ".librnn-", synchronised with the disk, and
 * renamed to its final name. A killed process may leave a ".librnn-" file behind. It does no harm. You may delete it
 * when no process is saving to that directory.
 *
 * If there is no file of this name yet, the new file gets the permissions that the umask allows. An existing file must
 * be writable. The new file takes over the permissions, group and owner of the old one, as far as the process may set
 * them and the file system supports them. On Windows it keeps the old one's attributes and access rights. If `path` is
 * a symbolic link, the file that it leads to is replaced.
 *
 * The program may have closed the descriptors 0 to 2. The library never reads or writes a file through one of them.
 * @param model The model.
 * @param vocab The symbols of the inputs or, if the inputs are vectors, of the outputs. NULL if there are none to save.
 *        (Names of classes can be a note: rnn_model_set_note().)
 * @param path  The name of the file.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_MISMATCH when the vocabulary and the model differ in the number of
 *         symbols; #RNN_ERROR_IO (also when `path` names a directory or a pipe); #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_save(const rnn_model *model, const rnn_vocab *vocab, const char *path);

/**
 * Writes to memory the same bytes that rnn_model_save() would write to a file.
 * @param model The model.
 * @param vocab As in rnn_model_save().
 * @param[out] bytes Room for `capacity` bytes; NULL, with a capacity of 0, to ask only for the size.
 * @param capacity The number of bytes that fit.
 * @param[out] size The number of bytes of the file.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when `capacity` is too small; #RNN_ERROR_MISMATCH as in rnn_model_save();
 *         #RNN_ERROR_MEMORY. After an error nothing has been written.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_save_to_memory(const rnn_model *model, const rnn_vocab *vocab, void *bytes,
                                                        size_t capacity, size_t *size);

/**
 * The options for saving a model: the names of its modules in the file. Choose the names of the attributes in the
 * PyTorch module that will load the file. Fill the struct with rnn_save_options_init().
 *
 * Names are UTF-8, of at most 200 bytes. "" omits the module's name and the dot after it. No name may be "librnn" or
 * begin with "librnn.". librnn loads such a file without being told the names, because the metadata contains them.
 */
typedef struct rnn_save_options {
    size_t struct_size;   /**< sizeof(rnn_save_options) as the caller knows it. */
    const char *rnn_name; /**< The name of the nn.RNN, nn.GRU or nn.LSTM. NULL, the default: "rnn". Not kept. */
    /** The name of the nn.Linear, which must differ from the embedding's. NULL, the default: "decoder". Not kept. */
    const char *decoder_name;
    /** The name of the nn.Embedding. Needs #RNN_INPUT_EMBEDDING. NULL, the default: "embedding". Not kept. */
    const char *embedding_name;
} rnn_save_options;

/**
 * Fills the options with their defaults.
 * @param[out] options The options to fill.
 * @param struct_size sizeof(rnn_save_options).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_save_options_init(rnn_save_options *options, size_t struct_size);

/**
 * Saves a model under names that the caller chooses: rnn_model_save() with options.
 * @param model   The model.
 * @param vocab   As in rnn_model_save().
 * @param options The options; not kept. NULL means the defaults.
 * @param path    The name of the file.
 * @return As rnn_model_save().
 */
RNN_API RNN_CHECKED rnn_status rnn_model_save_with(const rnn_model *model, const rnn_vocab *vocab,
                                                   const rnn_save_options *options, const char *path);

/**
 * Writes to memory what rnn_model_save_with() would write to a file: rnn_model_save_to_memory() with options.
 * @param model    The model.
 * @param vocab    As in rnn_model_save().
 * @param options  As in rnn_model_save_with().
 * @param[out] bytes As in rnn_model_save_to_memory().
 * @param capacity   As in rnn_model_save_to_memory().
 * @param[out] size  As in rnn_model_save_to_memory().
 * @return As rnn_model_save_to_memory().
 */
RNN_API RNN_CHECKED rnn_status rnn_model_save_to_memory_with(const rnn_model *model, const rnn_vocab *vocab,
                                                             const rnn_save_options *options, void *bytes,
                                                             size_t capacity, size_t *size);

/** For ::rnn_load_options: the precision of the numbers in the file. */
#define RNN_PRECISION_STORED (-1)

/** The options for loading a model. Fill the struct with rnn_load_options_init(). */
typedef struct rnn_load_options {
    size_t struct_size; /**< sizeof(rnn_load_options) as the caller knows it. */
    /**
     * #RNN_FLOAT32 or #RNN_FLOAT64: numbers of another type are converted. #RNN_PRECISION_STORED, the default: float64
     * if any of the file's numbers are float64, else float32.
     */
    int32_t precision;
    /**
     * 1: ignores tensors that belong to none of the model's modules. 0, the default: such tensors are an error. A
     * tensor of one of the model's modules is always an error if the model has no such parameter.
     */
    int32_t ignore_others;
    /**
     * The model's configuration; its `precision` is ignored. Not kept.
     *
     * A file that librnn didn't write contains the tensors of an nn.RNN (with tanh), nn.GRU or nn.LSTM, an nn.Linear
     * and, with #RNN_INPUT_EMBEDDING, an nn.Embedding. If both biases of a layer or the decoder's bias are missing
     * (bias=False), librnn takes them as zeros. With #RNN_BIAS_INPUT the sum of a layer's two biases becomes `bias_ih`.
     * A tied model has one matrix for embedding and decoder. The file may have it under the embedding's name, the
     * decoder's name, or both.
     *
     * For a file that librnn wrote, the configuration must agree with the file in all options that determine the
     * network's results: cell, input, loss, bias, tied, layers, sizes, bidirectional, learned_state and layer_norm.
     * Settings that matter only in training are taken from the configuration.
     *
     * NULL, the default: everything is taken from the file, or inferred from the shapes of its tensors, as with
     * `infer`.
     *
     * Options without effect that rnn_model_create() refuses (`dropout` of one layer, `weight_scale` with
     * #RNN_INIT_UNIFORM, `forget_bias` without a forget gate) are accepted here and in files, and ignored.
     */
    const rnn_model_options *configuration;
    /**
     * The name before ".weight_ih_l0" and so on in a file that librnn didn't write; "" if there is none. NULL, the
     * default: "rnn". A file that librnn wrote contains the names of its modules. Not kept.
     */
    const char *rnn_name;
    const char *decoder_name; /**< The same for the nn.Linear. NULL, the default: "decoder". */
    /** The same for the nn.Embedding. NULL, the default: "embedding". Needs #RNN_INPUT_EMBEDDING. */
    const char *embedding_name;
    /**
     * 1: the configuration needn't give the cell, the layers, the sizes or the biases, or say whether the model is
     * tied. librnn infers these from the file. For a file that librnn didn't write, the model has an embedding if the
     * file has a tensor of one. Otherwise the configuration's `input` decides, since models of ids and models of
     * vectors have the same shapes. (If the file has no tensor of an embedding but `input` is #RNN_INPUT_EMBEDDING, the
     * model is tied and its matrix has the decoder's name.) The `loss` is also taken from the configuration, because
     * the tensors don't show it.
     *
     * 0, the default: a configuration, if there is one, must be complete.
     */
    int32_t infer;
    int32_t reserved; /**< Must be 0. */
} rnn_load_options;

/**
 * Fills the options with their defaults.
 * @param[out] options The options to fill.
 * @param struct_size sizeof(rnn_load_options).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_load_options_init(rnn_load_options *options, size_t struct_size);

/**
 * Loads a model. Its numbers have the bits that were saved, unless they are converted to another precision. They may
 * include NaNs: see rnn_model_check_finite().
 * @param path    The name of a regular file.
 * @param options The options; not kept. NULL means the defaults.
 * @param[out] model The new model; release it with rnn_model_destroy().
 * @param[out] vocab The vocabulary that was saved with it, or NULL if there was none; release it with
 *        rnn_vocab_destroy(). NULL if not wanted.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_IO (also for a directory or a pipe); #RNN_ERROR_FORMAT when the file
 *         is damaged, isn't a model, lacks necessary information, or has other tensors than the model;
 *         #RNN_ERROR_MISMATCH when the file doesn't agree with `options`: the configuration or the names of modules
 *         differ, or one of the file's numbers is too large for the precision; #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_load(const char *path, const rnn_load_options *options, rnn_model **model,
                                              rnn_vocab **vocab);

/**
 * Loads a model from memory that holds the contents of a file.
 * @param bytes   The file's bytes, at any address; not kept.
 * @param size    Their number.
 * @param options As in rnn_model_load().
 * @param[out] model As in rnn_model_load().
 * @param[out] vocab As in rnn_model_load().
 * @return As rnn_model_load(), without #RNN_ERROR_IO.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_load_from_memory(const void *bytes, size_t size,
                                                          const rnn_load_options *options, rnn_model **model,
                                                          rnn_vocab **vocab);
/** @} */

/**
 * @defgroup checkpoint Checkpoints: training that goes on
 *
 * A checkpoint holds a model and everything that training has accumulated:
 *
 * - the values in the optimizer;
 * - the gradients, if there are any;
 * - the state, and the index of its next dropout mask;
 * - the sampler's options, and the number of its draws;
 * - a running average of the model, if there is one;
 * - numbers of the program's choice.
 *
 * Training that resumes from a checkpoint computes exactly the bits that it would have computed without stopping, on
 * any processor with fused multiply-add and on any number of threads.
 *
 * The file is a model's file with additional contents. rnn_model_load() reads the model in it. PyTorch also reads it,
 * if you leave out the names that begin with "librnn." (load_state_dict() with strict=False). Like rnn_model_save(), a
 * save replaces the file as a whole.
 *
 *     rnn_checkpoint c;
 *     check(rnn_checkpoint_init(&c, sizeof c));
 *     if (access("run.safetensors", F_OK) == 0) {
 *         check(rnn_checkpoint_load("run.safetensors", &c));
 *         ... open the text with c.vocab, then ...
 *         check(rnn_corpus_seek(corpus, c.corpus_position));
 *     } else {
 *         ... create c.vocab, c.model, c.optimizer, c.state, and open the text ...
 *     }
 *     for (;;) {
 *         ... a chunk; and now and then ...
 *         c.corpus_position = rnn_corpus_position(corpus);
 *         check(rnn_checkpoint_save(&c, "run.safetensors"));
 *     }
 *
 * The library doesn't check that you open the same text again, with the same T and B. If these may change, store T, B
 * and rnn_corpus_size() in the counters, and compare them after loading. If rnn_checkpoint_load() fails, don't start a
 * new run: its first save would replace the file.
 * @{
 */

/** The number of counters, and of values, that a checkpoint holds for the program. If you need more, use notes. */
#define RNN_CHECKPOINT_NUMBERS 8

/** The contents of a checkpoint. Begin with rnn_checkpoint_init(). */
typedef struct rnn_checkpoint {
    size_t struct_size;       /**< sizeof(rnn_checkpoint) as the caller knows it. */
    rnn_model *model;         /**< The model, with its gradients. */
    rnn_optimizer *optimizer; /**< Its accumulated values and current learning rate. NULL: none. */
    rnn_state *state;         /**< All streams' values and the random index, without observed data. NULL: none. */
    rnn_sampler *sampler;     /**< Its options and the number of draws it has made. NULL: none. */
    rnn_vocab *vocab;         /**< As in rnn_model_save(). NULL: none. */
    /**
     * The value of rnn_corpus_position(), for rnn_corpus_seek() once the same text is open again; or the value of
     * rnn_batcher_position(), for rnn_batcher_seek(). 0 or more.
     */
    int64_t corpus_position;
    int64_t counters[RNN_CHECKPOINT_NUMBERS]; /**< For the program: iterations, or the position of another corpus. */
    double values[RNN_CHECKPOINT_NUMBERS];    /**< For the program: a smoothed loss, say. Any bits. */
    /**
     * A running average of the model (rnn_model_average()). Its parameters are saved. NULL: none. It needs a model.
     * Since version 0.2; a program that was compiled with an older header loads such a file without it.
     */
    rnn_model *average;
} rnn_checkpoint;

/**
 * Makes an empty checkpoint: every object is NULL, and every number is 0.
 * @param[out] checkpoint The checkpoint to fill.
 * @param struct_size sizeof(rnn_checkpoint).
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_checkpoint_init(rnn_checkpoint *checkpoint, size_t struct_size);

/**
 * Saves a checkpoint. The same objects and numbers give the same bytes. The objects are not changed.
 * @param checkpoint The contents; `model` must not be NULL.
 * @param path The name of the file, which is replaced as described in rnn_model_save().
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_MISMATCH when optimizer, state, vocabulary or average don't fit
 *         the model; #RNN_ERROR_IO; #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_checkpoint_save(const rnn_checkpoint *checkpoint, const char *path);

/**
 * Writes to memory the same bytes that rnn_checkpoint_save() would write to a file. Unlike in rnn_checkpoint_save(),
 * `model` may be NULL. So you can keep an optimizer, a state, a sampler or a vocabulary without a model. If you keep
 * several of these, they must fit one another.
 * @param checkpoint The contents.
 * @param[out] bytes Room for `capacity` bytes; NULL, with a capacity of 0, to ask only for the size.
 * @param capacity The number of bytes that fit.
 * @param[out] size The number of bytes of the file.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT, also when `capacity` is too small; #RNN_ERROR_MISMATCH as in
 *         rnn_checkpoint_save(); #RNN_ERROR_MEMORY. After an error nothing has been written.
 */
RNN_API RNN_CHECKED rnn_status rnn_checkpoint_save_to_memory(const rnn_checkpoint *checkpoint, void *bytes,
                                                             size_t capacity, size_t *size);

/**
 * Loads a checkpoint, in the precision in which it was saved. A file of rnn_model_save() loads as a checkpoint with a
 * model, perhaps a vocabulary, and zeros.
 * @param path The name of a regular file.
 * @param[out] checkpoint The checkpoint to fill; `checkpoint->struct_size` must be set (rnn_checkpoint_init()). Its
 *        objects are new and belong to the caller, who releases each with its `_destroy` function. An object that the
 *        file doesn't have is NULL. Objects that the struct held before are not released.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT; #RNN_ERROR_IO (also when there is no such file); #RNN_ERROR_FORMAT when the
 *         file is damaged, wasn't written by librnn, or was written by a later version in a way that this one can't
 *         resume; #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_checkpoint_load(const char *path, rnn_checkpoint *checkpoint);

/**
 * Loads a checkpoint from memory that holds the contents of a file.
 * @param bytes The file's bytes, at any address; not kept.
 * @param size  Their number.
 * @param[out] checkpoint As in rnn_checkpoint_load(); its `model` is NULL if it was saved without a model.
 * @return As rnn_checkpoint_load(), without #RNN_ERROR_IO.
 */
RNN_API RNN_CHECKED rnn_status rnn_checkpoint_load_from_memory(const void *bytes, size_t size,
                                                               rnn_checkpoint *checkpoint);
/** @} */

/**
 * @defgroup threads Threads
 *
 * A call with enough work divides it among the calling thread and helper threads, which the library creates when they
 * are first needed. A call with little work stays on the calling thread. The number of threads doesn't affect the bits
 * of the results.
 *
 * - **Busy machines.** A call doesn't wait for helpers that have not started on its work; the other threads do that
 *   work. If the system refuses to create more threads, a call computes with those it has. The process has one set of
 *   helpers: while one call uses them, every other call computes only on its calling thread.
 * - **Idle helpers** sleep and use no processor time.
 * - **Signals.** Helpers block all signals. A signal to the process is handled by one of the program's own threads.
 * - **Memory.** A helper has a stack of 256 KiB.
 * - **fork().** A forked child can compute with as many threads as its parent, whatever the parent was doing.
 * - **dlclose()** stops the helpers and leaves no thread behind. No call may be in progress at that time. Windows keeps
 *   the DLL loaded once it has helpers, and these end with the process.
 *
 * A library can be built without threads (RNN_WITH_THREADS=OFF), for WebAssembly for example. Each call then computes
 * on the calling thread only, and rnn_threads() returns 1.
 * @{
 */

/**
 * Sets the number of threads that a call may compute with, including the calling thread.
 * @param threads 1 to 1024, or 0, the default. With 0 the number comes from the environment variable `RNN_NUM_THREADS`,
 *        or else from the first number in `OMP_NUM_THREADS`. A variable is ignored unless its number is 1 to 1024. If
 *        neither gives a number, the library counts the processors that the process may use: those in its affinity
 *        mask, or fewer if its control group has a CPU quota.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_set_threads(int32_t threads);

/**
 * Returns the number of threads that a call may compute with.
 * @return At least 1.
 */
RNN_API int32_t rnn_threads(void);
/** @} */

/**
 * @defgroup memory Memory
 * @{
 */

/**
 * The functions from which the library takes its memory. Several threads may call them at once. One kind of memory
 * doesn't come from them: jansson, the library that reads and writes the headers of files, uses the C library for its
 * own temporary memory.
 */
typedef struct rnn_allocator {
    /** Returns `size` bytes (> 0) at a multiple of `alignment` (a power of two), or NULL. */
    void *(*allocate)(void *context, size_t alignment, size_t size);
    /** Releases memory that `allocate` returned; `size` is the size that was asked for. Never called with NULL. */
    void (*release)(void *context, void *pointer, size_t size);
    /** Passed to both functions. */
    void *context;
} rnn_allocator;

/**
 * Sets the allocator of all memory. Call it before the first object is created, or after the last is destroyed.
 * @param allocator The allocator; copied. NULL returns to the C library.
 * @return #RNN_OK; #RNN_ERROR_ARGUMENT when one of its functions is NULL or the library currently holds memory.
 */
RNN_API RNN_CHECKED rnn_status rnn_set_allocator(const rnn_allocator *allocator);
/** @} */

#ifdef RNN_EXPERIMENTAL
/**
 * @defgroup experimental Experiments
 *
 * These functions may change or disappear in any version. To use them, define RNN_EXPERIMENTAL before you include this
 * header.
 *
 * With rnn_state_observe() and the functions after it, you can look inside the last chunk. They give the activations of
 * each layer, and measure how strongly the loss depends on them at each step. With them you can see gradients vanish or
 * explode.
 * @{
 */

/**
 * Gives all parameters as one flat buffer, for reading. The `values` of each ::rnn_parameter point into it.
 * @param model The model.
 * @param[out] values The buffer, of the model's precision. Valid as long as the model.
 * @param[out] count  Its number of elements.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_flat_parameters(const rnn_model *model, const void **values, int64_t *count);

/**
 * Gives all gradients as one flat buffer in the layout of the parameters, for reading and writing. With it you can, for
 * example, sum gradients over processes with one call. If there are no gradients yet, it creates them as zeros.
 *
 * This call can make later steps slower. As long as only the library writes gradients, it tracks the symbols whose
 * input weights have a gradient. The cost of a step then doesn't grow with V, if the rule is Adagrad or SGD without
 * momentum and there is no weight decay. After this call the program may write to the buffer at any time, so each step
 * goes through all symbols. rnn_model_set_gradient() doesn't have this cost.
 * @param model The model.
 * @param[out] gradients The buffer, of the model's precision. Valid as long as the model.
 * @param[out] count     Its number of elements.
 * @return #RNN_OK, #RNN_ERROR_ARGUMENT or #RNN_ERROR_MEMORY.
 */
RNN_API RNN_CHECKED rnn_status rnn_model_flat_gradients(rnn_model *model, void **gradients, int64_t *count);

/**
 * Returns the index of the next dropout mask. Unless it was set, it is the number of calls of rnn_forward_backward()
 * and rnn_forward_training() on this state.
 * @return 0 or more; 0 for NULL.
 */
RNN_API uint64_t rnn_state_random_index(const rnn_state *state);

/**
 * Sets the index of the next dropout mask. The masks of a chunk are a function of the model's seed, this index, the
 * layer and the position (t, b). So setting the index back repeats the masks. If several states train one model side by
 * side, let them begin with indices far apart, so that they get different masks. rnn_state_reset() and rnn_state_copy()
 * don't change the index.
 * @param state The state.
 * @param index The index of the next chunk, less than 2^54.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_set_random_index(rnn_state *state, uint64_t index);

/** The data about a chunk that a state can keep. Add up the values that you want. */
enum {
    RNN_OBSERVE_ACTIVATIONS = 1,   /**< h of each layer, step and stream. */
    RNN_OBSERVE_GRADIENT_NORMS = 2 /**< ‖∂loss/∂h_t‖ of each layer and step. */
};

/**
 * Chooses the data that later calls keep. Data that isn't chosen costs nothing.
 * @param state The state.
 * @param what  A sum of `RNN_OBSERVE_` values; 0 for nothing, which is the setting of a new state.
 * @return #RNN_OK or #RNN_ERROR_ARGUMENT.
 */
RNN_API RNN_CHECKED rnn_status rnn_state_observe(rnn_state *state, int32_t what);

/**
 * Copies a layer's activations in the last chunk that rnn_forward() or rnn_forward_backward() ran on this state, before
 * any dropout.
 * @param state  The state.
 * @param layer  0 to L - 1, or to 2 L - 1 for a bidirectional model.
 * @param[out] values [T][B][H] numbers of the model's precision.
 * @param count  T times B times H of that chunk.
 * @return #RNN_OK, or #RNN_ERROR_ARGUMENT (also when nothing has been kept).
 */
RNN_API RNN_CHECKED rnn_status rnn_state_get_activations(const rnn_state *state, int64_t layer, void *values,
                                                         int64_t count);

/**
 * Copies a measure of how strongly the loss of the last rnn_forward_backward() depends on a layer's activations at each
 * step. The measure is the Euclidean norm, over all streams and units, of the derivative of the loss with respect to
 * h_t. The loss is the sum or the mean, according to the model's `reduction`. The derivative includes every path by
 * which h_t affects the loss within the chunk.
 * @param state  The state.
 * @param layer  0 to L - 1, or to 2 L - 1 for a bidirectional model.
 * @param[out] norms [T] numbers.
 * @param count  T of that chunk.
 * @return #RNN_OK, or #RNN_ERROR_ARGUMENT (also when nothing has been kept).
 */
RNN_API RNN_CHECKED rnn_status rnn_state_get_gradient_norms(const rnn_state *state, int64_t layer, double *norms,
                                                            int64_t count);
/** @} */
#endif

#ifdef __cplusplus
}
#endif

#endif
