/*
 * rnn_export: writes a trained model as one C99 file for microcontrollers and audio plug-ins. The file needs no
 * library, and no memory besides the caller's. docs/embedded.md describes it.
 *
 * The functions write_...() write its parts, in its order. In their texts each @ stands for the model's name.
 */
#include "common/common.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *program_name = "rnn_export";

enum { NAME_SIZE = 41, TEXT_SIZE = 4096, INT8_MOST = 127 };

typedef struct exporter {
    rnn_model *model;
    rnn_model_options options;
    const char *name; /* begins the names of all that the file defines */
    bool int8;
    FILE *file;
    int32_t gates;          /* rows of W_ih and W_hh for each unit */
    int32_t sums;           /* numbers of each unit before the non-linearities */
    int64_t constant_bytes; /* of the weights, scales and biases */
    int64_t state_floats, multiplications;
} exporter;

static bool has_ids(const exporter *e)
{
    return e->options.input == RNN_INPUT_IDS;
}

static bool has_embedding(const exporter *e)
{
    return e->options.input == RNN_INPUT_EMBEDDING;
}

static bool is_lstm(const exporter *e)
{
    return e->options.cell == RNN_CELL_LSTM;
}

/* Writes a text, formatted as by printf(), with the model's name in place of each @. */
static void put(const exporter *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(const exporter *e, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text)
        fail("a text of %d bytes is too long for the program", length);
    for (const char *at = text; *at; at++) {
        if (*at == '@')
            fputs(e->name, e->file);
        else
            putc(*at, e->file);
    }
}

/* ---- Constants ---- */

/* A matrix of the model, row-major. Where ids select columns it is transposed, so that a column is a row here. */
typedef struct matrix {
    int64_t rows, columns;
    float *values;
} matrix;

/* Returns a parameter, such as "rnn.weight_ih_l2" for "rnn.weight_ih" and layer 2. For layer -1 `text` is its name. */
static matrix get_parameter(const exporter *e, const char *text, int64_t layer)
{
    char name[64];
    int64_t index;
    rnn_parameter p;
    snprintf(name, sizeof name, layer < 0 ? "%s" : "%s_l%lld", text, (long long)layer);
    check(rnn_model_find_parameter(e->model, name, &index));
    check(rnn_parameter_init(&p, sizeof p));
    check(rnn_model_describe_parameter(e->model, index, &p));
    if (p.count > INT32_MAX)
        fail("%s has %lld numbers; at most %d fit in the indices of the file", name, (long long)p.count, INT32_MAX);
    matrix m = {p.shape[0], p.shape[1], allocate((size_t)p.count * sizeof *m.values)};
    check(rnn_model_get_parameter(e->model, index, m.values, p.count));
    return m;
}

static void transpose(matrix *m)
{
    float *values = allocate((size_t)(m->rows * m->columns) * sizeof *values);
    for (int64_t i = 0; i < m->rows; i++)
        for (int64_t j = 0; j < m->columns; j++)
            values[j * m->rows + i] = m->values[i * m->columns + j];
    free(m->values);
    *m = (matrix){m->columns, m->rows, values};
}

static void write_float(const exporter *e, float value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", fabsf(value) < FLT_MIN ? 0 : (double)value); /* the library computes so too */
    put(e, "%s%sf,", text, strpbrk(text, ".e") ? "" : ".0");
}

/* Writes `static const float NAME_TEXT[] = {...};`. layer: as in get_parameter() */
static void write_floats(exporter *e, const float *values, int64_t count, const char *text, int64_t layer)
{
    enum { A_LINE = 8 };
    put(e, "static const float @_%s", text);
    if (layer >= 0)
        put(e, "_%lld", (long long)layer);
    put(e, "[] = {");
    for (int64_t i = 0; i < count; i++) {
        put(e, i % A_LINE == 0 ? "\n    " : " ");
        write_float(e, values[i]);
    }
    put(e, "\n};\n");
    e->constant_bytes += count * (int64_t)sizeof *values;
}

static void write_vector(exporter *e, const char *parameter, const char *text, int64_t layer)
{
    matrix m = get_parameter(e, parameter, layer);
    write_floats(e, m.values, m.rows * m.columns, text, layer);
    free(m.values);
}

/* Writes a matrix as int8: value = scale of the row times a whole number from -127 to 127. */
static void write_int8(exporter *e, const matrix *m, const char *text, int64_t layer)
{
    enum { A_LINE = 20 };
    char scale_name[32];
    float *scales = allocate((size_t)m->rows * sizeof *scales);
    put(e, "static const int8_t @_%s", text);
    if (layer >= 0)
        put(e, "_%lld", (long long)layer);
    put(e, "[] = {");
    for (int64_t i = 0; i < m->rows; i++) {
        const float *row = m->values + i * m->columns;
        float most = 0;
        for (int64_t j = 0; j < m->columns; j++)
            most = fmaxf(most, fabsf(row[j]));
        scales[i] = most / INT8_MOST;
        for (int64_t j = 0; j < m->columns; j++) {
            long value = scales[i] >= FLT_MIN ? lrintf(row[j] / scales[i]) : 0;
            value = value > INT8_MOST ? INT8_MOST : value < -INT8_MOST ? -INT8_MOST : value;
            put(e, "%s%ld,", (i * m->columns + j) % A_LINE == 0 ? "\n    " : " ", value);
        }
    }
    put(e, "\n};\n");
    e->constant_bytes += m->rows * m->columns;
    snprintf(scale_name, sizeof scale_name, "%s_scale", text);
    write_floats(e, scales, m->rows, scale_name, layer);
    free(scales);
}

static void write_matrix(exporter *e, const char *parameter, const char *text, int64_t layer, bool by_column)
{
    matrix m = get_parameter(e, parameter, layer);
    if (by_column)
        transpose(&m);
    if (e->int8)
        write_int8(e, &m, text, layer);
    else
        write_floats(e, m.values, m.rows * m.columns, text, layer);
    free(m.values);
}

/* Both biases of a layer as one vector of `sums` numbers for each unit. Only a GRU's b_hn stays apart, at the end. */
static void write_bias(exporter *e, int64_t layer)
{
    const int64_t hidden = e->options.hidden_size, rows = e->gates * hidden;
    float *sum = allocate((size_t)(e->sums * hidden) * sizeof *sum);
    matrix m = get_parameter(e, "rnn.bias_ih", layer);
    memcpy(sum, m.values, (size_t)rows * sizeof *sum);
    free(m.values);
    if (e->options.bias == RNN_BIAS_BOTH) {
        m = get_parameter(e, "rnn.bias_hh", layer);
        for (int64_t i = 0; i < rows; i++)
            sum[i + (e->sums > e->gates && i >= 2 * hidden ? hidden : 0)] += m.values[i];
        free(m.values);
    }
    write_floats(e, sum, e->sums * hidden, "bias", layer);
    free(sum);
}

static void write_constants(exporter *e)
{
    const rnn_model_options *o = &e->options;
    put(e, "/* Matrices are row-major%s. Gates are in PyTorch's order. */\n",
        has_ids(e) ? ", except for ih_0: it has the weights of one id after those of another" : "");
    for (int64_t l = 0; l < o->layers; l++) {
        write_matrix(e, "rnn.weight_ih", "ih", l, has_ids(e) && l == 0);
        write_matrix(e, "rnn.weight_hh", "hh", l, false);
        write_bias(e, l);
        if (o->layer_norm) {
            write_vector(e, "rnn.norm_ih", "norm_ih", l);
            write_vector(e, "rnn.norm_hh", "norm_hh", l);
        }
        if (o->learned_state)
            write_vector(e, "rnn.initial_h", "initial_h", l);
        if (o->learned_state && is_lstm(e))
            write_vector(e, "rnn.initial_c", "initial_c", l);
    }
    if (has_embedding(e))
        write_matrix(e, "embedding.weight", "embedding", -1, false);
    if (!o->tied)
        write_matrix(e, "decoder.weight", "decoder", -1, false);
    write_vector(e, "decoder.bias", "decoder_bias", -1);
}

/* ---- Declarations ---- */

/* Numbers that the first layer reads, or 0 where an id selects its weights */
static int64_t first_inputs(const exporter *e)
{
    return has_ids(e) ? 0 : has_embedding(e) ? e->options.embedding_size : e->options.input_size;
}

static void count_sizes(exporter *e)
{
    const rnn_model_options *o = &e->options;
    const int64_t h = o->hidden_size;
    e->gates = o->cell == RNN_CELL_TANH ? 1 : o->cell == RNN_CELL_GRU ? 3 : 4;
    e->sums = o->cell == RNN_CELL_TANH ? 1 : 4;
    e->multiplications = e->gates * h * (first_inputs(e) + h * (2 * o->layers - 1)) + h * o->output_size;
    e->state_floats = o->layers * h * (is_lstm(e) ? 2 : 1) + e->sums * h;
    if (o->layer_norm)
        e->state_floats += e->gates * h;
    if (has_embedding(e) && e->int8)
        e->state_floats += o->embedding_size;
}

static void write_introduction(const exporter *e)
{
    static const char *const cells[] = {"tanh", "GRU", "LSTM"};
    const rnn_model_options *o = &e->options;
    put(e, "/*\n * @: a recurrent network in C99, written by rnn_export of librnn %s.\n *\n", rnn_version());
    put(e, " *     network  %s, %lld layer%s of %lld units%s\n", cells[o->cell], (long long)o->layers,
        o->layers == 1 ? "" : "s", (long long)o->hidden_size, o->layer_norm ? ", layer normalisation" : "");
    if (o->input == RNN_INPUT_VECTORS)
        put(e, " *     input    %lld numbers\n", (long long)o->input_size);
    else
        put(e, " *     input    an id from 0 to %lld\n", (long long)o->input_size - 1);
    put(e, " *     output   %lld %s\n", (long long)o->output_size,
        o->loss == RNN_LOSS_CROSS_ENTROPY ? "logits" : "numbers");
    put(e, " *     weights  %s\n", e->int8 ? "int8, with a float for each row" : "float");
    put(e, " *     state    %lld bytes\n *     a step   %lld multiplications with weights\n *\n",
        (long long)e->state_floats * 4, (long long)e->multiplications);
    put(e,
        " * It needs no library, and no memory other than the caller's. Compile it as a part of the program. For the\n"
        " * declarations alone, write in other files of C or C++:\n *\n"
        " *     #define @_DECLARATIONS\n *     #include \"FILE\"\n *\n"
        " * `float` must be IEEE 754's binary32. Sigmoid and tanh are exact to 3e-7.\n */\n");
}

static void write_declarations(const exporter *e)
{
    const rnn_model_options *o = &e->options;
    const long long h = o->hidden_size, l = o->layers;
    put(e, "#ifndef @_DECLARED\n#define @_DECLARED\n\n#include <stdint.h>\n\n"
           "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    put(e, "enum { @_inputs = %lld, @_outputs = %lld, @_layers = %lld, @_hidden = %lld };\n\n",
        (long long)o->input_size, (long long)o->output_size, l, h);
    put(e,
        "/* The memory of one stream of inputs, and the numbers that a step works with. */\ntypedef struct @_state {\n"
        "    float h[%lld][%lld];\n",
        l, h);
    if (is_lstm(e))
        put(e, "    float c[%lld][%lld];\n", l, h);
    put(e, "    float a[%lld]; /* the arguments of sigmoid and tanh */\n", e->sums * h);
    if (o->layer_norm)
        put(e, "    float product[%lld];\n", e->gates * h);
    if (has_embedding(e) && e->int8)
        put(e, "    float embedded[%lld];\n", (long long)o->embedding_size);
    put(e, "} @_state;\n\n/* Begins a stream. */\nvoid @_reset(@_state *s);\n\n");
    if (o->input == RNN_INPUT_VECTORS)
        put(e, "/* input: [@_inputs]; ");
    else
        put(e, "/* input: 0 to @_inputs - 1, which isn't checked; ");
    put(e,
        "output: [@_outputs], or a null pointer if not wanted */\nvoid @_step(@_state *s, %sinput, float *output);\n\n",
        o->input == RNN_INPUT_VECTORS ? "const float *" : "int32_t ");
    put(e, "#ifdef __cplusplus\n}\n#endif\n#endif\n\n#if !defined @_DECLARATIONS && !defined @_DEFINED\n"
           "#define @_DEFINED\n\n");
}

/* ---- Functions ---- */

static void write_elementary(const exporter *e)
{
    put(e, "/* exp(-x), x >= 0; the polynomial is that of Cephes. */\n"
           "static float @_exp_minus(float x)\n{\n"
           "    union {\n        uint32_t bits;\n        float value;\n    } power; /* of 2 */\n"
           "    if (!(x < 87.0f))\n        x = 87.0f; /* also for NaN */\n"
           "    int32_t n = (int32_t)(x * 1.44269504f + 0.5f);\n"
           "    float r = ((float)n * 0.693359375f - x) - (float)n * 2.12194440e-4f;\n"
           "    float p = 1.9875691500e-4f;\n"
           "    p = p * r + 1.3981999507e-3f;\n"
           "    p = p * r + 8.3334519073e-3f;\n"
           "    p = p * r + 4.1665795894e-2f;\n"
           "    p = p * r + 1.6666665459e-1f;\n"
           "    p = p * r + 5.0000001201e-1f;\n"
           "    power.bits = (uint32_t)(127 - n) << 23;\n"
           "    return (p * r * r + r + 1.0f) * power.value;\n}\n\n");
    if (e->options.cell != RNN_CELL_TANH)
        put(e, "static float @_sigmoid(float a)\n{\n"
               "    float x = @_exp_minus(a < 0.0f ? -a : a);\n"
               "    return (a < 0.0f ? x : 1.0f) / (1.0f + x);\n}\n\n");
    put(e, "static float @_tanh(float a)\n{\n"
           "    float x = @_exp_minus(2.0f * (a < 0.0f ? -a : a)), t = (1.0f - x) / (1.0f + x);\n"
           "    return a < 0.0f ? -t : t;\n}\n\n");
}

static void write_products(const exporter *e)
{
    const char *type = e->int8 ? "int8_t" : "float";
    put(e, "typedef struct @_matrix {\n    const %s *values;\n", type);
    if (e->int8)
        put(e, "    const float *scale; /* of each row */\n");
    put(e, "    int32_t columns;\n} @_matrix;\n\n");
    put(e,
        "/* out += `rows` rows of m, from row `first` on, times x. Four sums needn't wait for one another. */\n"
        "static void @_add(const @_matrix *m, int32_t first, int32_t rows, const float *x, float *out)\n{\n"
        "    for (int32_t i = 0; i < rows; i++) {\n"
        "        const %s *row = m->values + (first + i) * m->columns;\n"
        "        float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};\n"
        "        int32_t j = 0;\n"
        "        for (; j + 4 <= m->columns; j += 4) {\n",
        type);
    for (int k = 0; k < 4; k++)
        put(e, "            sum[%d] += %srow[j + %d] * x[j + %d];\n", k, e->int8 ? "(float)" : "", k, k);
    put(e, "        }\n        for (; j < m->columns; j++)\n            sum[0] += %srow[j] * x[j];\n",
        e->int8 ? "(float)" : "");
    put(e, "        out[i] += %s((sum[0] + sum[1]) + (sum[2] + sum[3]));\n    }\n}\n\n",
        e->int8 ? "m->scale[first + i] * " : "");
    if (has_ids(e) || (has_embedding(e) && e->int8)) {
        put(e, "/* out += `count` numbers of row `row`, from number `first` on */\n"
               "static void @_add_row(const @_matrix *m, int32_t row, int32_t first, int32_t count, float *out)\n{\n"
               "    for (int32_t i = 0; i < count; i++)\n");
        put(e, e->int8 ? "        out[i] += m->scale[row] * (float)m->values[row * m->columns + first + i];\n}\n\n"
                       : "        out[i] += m->values[row * m->columns + first + i];\n}\n\n");
    }
    if (e->options.layer_norm)
        put(e, "/* out += gain (x - mean(x)) / sqrt(variance(x) + 1e-5); x becomes zeros. */\n"
               "static void @_add_normalised(const float *gain, int32_t count, float *x, float *out)\n{\n"
               "    union {\n        uint32_t bits;\n        float value;\n    } root; /* 1 / sqrt(v) by Newton's "
               "method */\n"
               "    float mean = 0.0f, v = 0.0f;\n"
               "    for (int32_t i = 0; i < count; i++)\n        mean += x[i];\n"
               "    mean /= (float)count;\n"
               "    for (int32_t i = 0; i < count; i++)\n        v += (x[i] - mean) * (x[i] - mean);\n"
               "    v = v / (float)count + 1e-5f;\n"
               "    root.value = v;\n"
               "    root.bits = 0x5f3759dfu - (root.bits >> 1);\n"
               "    for (int32_t i = 0; i < 4; i++)\n"
               "        root.value *= 1.5f - 0.5f * v * root.value * root.value;\n"
               "    for (int32_t i = 0; i < count; i++) {\n"
               "        out[i] += gain[i] * (x[i] - mean) * root.value;\n        x[i] = 0.0f;\n    }\n}\n\n");
}

/* Writes the initialiser of a @_matrix. */
static void write_matrix_of(const exporter *e, const char *text, int64_t layer, int64_t columns)
{
    char suffix[24] = "";
    if (layer >= 0)
        snprintf(suffix, sizeof suffix, "_%lld", (long long)layer);
    put(e, "{@_%s%s, ", text, suffix);
    if (e->int8)
        put(e, "@_%s_scale%s, ", text, suffix);
    put(e, "%lld}", (long long)columns);
}

static void write_tables(const exporter *e)
{
    const rnn_model_options *o = &e->options;
    put(e, "typedef struct @_layer {\n    @_matrix ih, hh;\n    const float *bias;\n");
    if (o->layer_norm)
        put(e, "    const float *norm_ih, *norm_hh;\n");
    if (o->learned_state)
        put(e, "    const float *initial_h%s;\n", is_lstm(e) ? ", *initial_c" : "");
    put(e, "} @_layer;\n\nstatic const @_layer @_network[%lld] = {\n", (long long)o->layers);
    for (int64_t l = 0; l < o->layers; l++) {
        const long long n = l;
        put(e, "    {");
        write_matrix_of(e, "ih", l, l > 0 ? o->hidden_size : has_ids(e) ? e->gates * o->hidden_size : first_inputs(e));
        put(e, ", ");
        write_matrix_of(e, "hh", l, o->hidden_size);
        put(e, ", @_bias_%lld", n);
        if (o->layer_norm)
            put(e, ", @_norm_ih_%lld, @_norm_hh_%lld", n, n);
        if (o->learned_state)
            put(e, ", @_initial_h_%lld", n);
        if (o->learned_state && is_lstm(e))
            put(e, ", @_initial_c_%lld", n);
        put(e, "},\n");
    }
    put(e, "};\n");
    if (has_embedding(e) && (e->int8 || o->tied)) {
        put(e, "static const @_matrix @_embedding_matrix = ");
        write_matrix_of(e, "embedding", -1, o->embedding_size);
        put(e, ";\n");
    }
    if (!o->tied) {
        put(e, "static const @_matrix @_decoder_matrix = ");
        write_matrix_of(e, "decoder", -1, o->hidden_size);
        put(e, ";\n");
    }
    putc('\n', e->file);
}

/* Writes the statements that add one of a layer's two products, or its rows from `first` on, to a at `to`. */
static void write_product(const exporter *e, bool input, int64_t first, int64_t rows, int64_t to)
{
    const rnn_model_options *o = &e->options;
    const char *m = input ? "ih" : "hh";
    char out[32];
    if (o->layer_norm)
        snprintf(out, sizeof out, "s->product");
    else
        snprintf(out, sizeof out, "s->a + %lld", (long long)to);
    const bool row = input && has_ids(e), both = row && o->layers > 1;
    if (both)
        put(e, "    if (l == 0)\n    ");
    if (row)
        put(e, "    @_add_row(&layer->ih, id, %lld, %lld, %s);\n", (long long)first, (long long)rows, out);
    if (both)
        put(e, "    else\n    ");
    if (both || !row)
        put(e, "    @_add(&layer->%s, %lld, %lld, %s, %s);\n", m, (long long)first, (long long)rows, input ? "x" : "h",
            out);
    if (o->layer_norm)
        put(e, "    @_add_normalised(layer->norm_%s + %lld, %lld, s->product, s->a + %lld);\n", m, (long long)first,
            (long long)rows, (long long)to);
}

static void write_layer(const exporter *e)
{
    const rnn_model_options *o = &e->options;
    const bool gru = o->cell == RNN_CELL_GRU;
    const int64_t h = o->hidden_size, joint = gru ? 2 * h : e->gates * h;
    const char *arguments = !has_ids(e)     ? "const float *x"
                            : o->layers > 1 ? "const float *x, int32_t id"
                                            : "int32_t id";
    put(e,
        "/* Layer l reads x%s. h and c become those of this step. */\n"
        "static void @_layer_step(@_state *s, int32_t l, %s)\n{\n"
        "    const @_layer *layer = &@_network[l];\n    float *h = s->h[l], *a = s->a;\n",
        !has_ids(e)     ? ""
        : o->layers > 1 ? " or, the first, the id"
                        : ", the id",
        arguments);
    if (is_lstm(e))
        put(e, "    float *c = s->c[l];\n");
    put(e, "    for (int32_t i = 0; i < %lld; i++)\n        a[i] = layer->bias[i];\n", (long long)(e->sums * h));
    for (int input = 1; input >= 0; input--) {
        if (gru && input && !o->layer_norm) {
            write_product(e, input, 0, 3 * h, 0);
            continue;
        }
        write_product(e, input, 0, joint, 0);
        if (gru)
            write_product(e, input, joint, h, input ? joint : joint + h);
    }
    put(e, "    for (int32_t j = 0; j < @_hidden; j++) {\n");
    if (o->cell == RNN_CELL_TANH)
        put(e, "        h[j] = @_tanh(a[j]);\n");
    else if (gru)
        put(e, "        float r = @_sigmoid(a[j]), z = @_sigmoid(a[@_hidden + j]);\n"
               "        float n = @_tanh(a[2 * @_hidden + j] + r * a[3 * @_hidden + j]);\n"
               "        h[j] = n + z * (h[j] - n);\n");
    else
        put(e, "        float i = @_sigmoid(a[j]), f = @_sigmoid(a[@_hidden + j]);\n"
               "        float g = @_tanh(a[2 * @_hidden + j]), o = @_sigmoid(a[3 * @_hidden + j]);\n"
               "        c[j] = f * c[j] + i * g;\n"
               "        h[j] = o * @_tanh(c[j]);\n");
    put(e, "    }\n}\n\n");
}

static void write_interface(const exporter *e)
{
    const rnn_model_options *o = &e->options;
    const bool ids = has_ids(e), vectors = o->input == RNN_INPUT_VECTORS;
    put(e,
        "void @_reset(@_state *s)\n{\n    for (int32_t l = 0; l < @_layers; l++)\n"
        "        for (int32_t j = 0; j < @_hidden; j++) {\n            s->h[l][j] = %s;\n",
        o->learned_state ? "@_network[l].initial_h[j]" : "0.0f");
    if (is_lstm(e))
        put(e, "            s->c[l][j] = %s;\n", o->learned_state ? "@_network[l].initial_c[j]" : "0.0f");
    put(e, "        }\n");
    if (o->layer_norm)
        put(e, "    for (int32_t i = 0; i < %lld; i++)\n        s->product[i] = 0.0f;\n",
            (long long)(e->gates * o->hidden_size));
    put(e, "}\n\nvoid @_step(@_state *s, %sinput, float *output)\n{\n", vectors ? "const float *" : "int32_t ");
    if (has_embedding(e) && e->int8)
        put(e,
            "    for (int32_t i = 0; i < %lld; i++)\n        s->embedded[i] = 0.0f;\n"
            "    @_add_row(&@_embedding_matrix, input, 0, %lld, s->embedded);\n    const float *x = s->embedded;\n",
            (long long)o->embedding_size, (long long)o->embedding_size);
    else if (has_embedding(e))
        put(e, "    const float *x = @_embedding + input * %lld;\n", (long long)o->embedding_size);
    else if (vectors)
        put(e, "    const float *x = input;\n");
    else
        put(e, "    const float *x = 0;\n");
    put(e,
        "    for (int32_t l = 0; l < @_layers; l++) {\n        @_layer_step(s, l, %s);\n        x = s->h[l];\n    }\n",
        !ids            ? "x"
        : o->layers > 1 ? "x, input"
                        : "input");
    put(e,
        "    if (!output)\n        return;\n    for (int32_t i = 0; i < @_outputs; i++)\n"
        "        output[i] = @_decoder_bias[i];\n    @_add(&@_%s_matrix, 0, @_outputs, x, output);\n}\n#endif\n",
        o->tied ? "embedding" : "decoder");
}

/* ---- The program ---- */

static void refuse_others(const exporter *e, const char *path)
{
    size_t length = strspn(e->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (e->name[length] != '\0' || length == 0 || length >= NAME_SIZE || strchr("0123456789_", e->name[0]))
        fail("--name is '%s'; it must be a letter and then up to %d letters, digits or underscores", e->name,
             NAME_SIZE - 2);
    if (e->options.bidirectional)
        fail("%s is bidirectional: its outputs depend on inputs that come later, so it can't run step by step", path);
    check(rnn_model_check_finite(e->model));
}

static void load(exporter *e, const char *path)
{
    rnn_load_options options;
    check(rnn_load_options_init(&options, sizeof options));
    options.precision = RNN_FLOAT32;
    check(rnn_model_load(path, &options, &e->model, NULL));
    check(rnn_model_options_init(&e->options, sizeof e->options));
    check(rnn_model_get_options(e->model, &e->options));
}

static void export(exporter *e, const char *out)
{
    e->file = out ? fopen(out, "w") : stdout;
    if (!e->file)
        fail("can't write %s: %s", out, strerror(errno));
    write_introduction(e);
    write_declarations(e);
    write_constants(e);
    putc('\n', e->file);
    write_elementary(e);
    write_products(e);
    write_tables(e);
    write_layer(e);
    write_interface(e);
    if (!out) {
        flush_output();
        return;
    }
    bool failed = ferror(e->file);
    if (fclose(e->file) != 0 || failed)
        fail("can't write %s: %s", out, strerror(errno));
    printf("%s: %lld bytes of constants, %lld bytes of state, %lld multiplications a step\n", out,
           (long long)e->constant_bytes, (long long)e->state_floats * 4, (long long)e->multiplications);
}

int main(int argc, char **argv)
{
    static const char help[] =
        "usage: rnn_export MODEL [--int8] [--name NAME] [--out FILE]\n\n"
        "Writes a model as one C99 file that needs no library: NAME_reset(), NAME_step() and the\n"
        "struct NAME_state. NAME is 'net' unless it is given. Without --out the file goes to\n"
        "standard output. With --int8 the weights take a quarter of the memory.\n";
    const char *out = NULL;
    exporter e = {.name = "net"};
    const option options[] = {{"--int8", OPTION_FLAG, &e.int8, 0, 0},
                              {"--name", OPTION_TEXT, &e.name, 0, 0},
                              {"--out", OPTION_TEXT, &out, 0, 0}};
    const command_line line = {"rnn_export --help", options, sizeof options / sizeof *options, NULL, NULL};
    char **models = allocate((size_t)argc * sizeof *models);
    int count = read_options(&line, argc - 1, argv + 1, models);
    if (count < 0) {
        fputs(help, stdout);
        flush_output();
        free(models);
        return EXIT_SUCCESS;
    }
    if (count != 1)
        fail("give one model, not %d; see rnn_export --help", count);
    load(&e, models[0]);
    refuse_others(&e, models[0]);
    if (out)
        refuse_to_overwrite(out, models, 1);
    count_sizes(&e);
    export(&e, out);
    flush_output();
    rnn_model_destroy(e.model);
    free(models);
    return EXIT_SUCCESS;
}
