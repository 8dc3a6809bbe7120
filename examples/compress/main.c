/*
 * main.c: the command line and the files of compress, a lossless compressor.
 *
 * An archive has a header, blocks and an end. Numbers are in little-endian order.
 *
 *     header: "\x89RNZ", the format (1 byte), the level (1 byte), 0 (2 bytes), the version of librnn (4 bytes), a
 *             fingerprint of the bits that the network computes (8 bytes), the checksum of these 20 bytes (8 bytes)
 *     block:  its kind (1 byte), its number of bytes before and after compression (4 bytes each), the checksum of these
 *             9 bytes and the contents (8 bytes), the contents
 *     end:    a block of kind END, whose contents are the number of all bytes (8 bytes) and their checksum (8 bytes)
 *
 * The contents of a coded block begin with its long runs of equal bytes, which the model doesn't see: their number,
 * and for each the number of bytes kept since the last one and how often the byte before it is repeated (7 bits a byte,
 * the lowest first). The bits of the kept bytes follow. If coding doesn't help, a block is stored as it is, and the
 * next block begins with a new model.
 */
#include "compress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LEVELS = 3,
    FORMAT = 1,
    HEADER_SIZE = 28,
    BLOCK_HEADER_SIZE = 17,
    BLOCK = 1 << 24,    /* The history of a coder holds two blocks. */
    LEAST_RUN = 1024,   /* shorter runs are left to the model */
    RUN_KEPT = 32,      /* bytes of a run that the model sees */
    NUMBER_SIZE = 5,    /* the most bytes that a number takes */
    STREAM_SIZE = 4096, /* bytes; a short first block has fewer streams, each of this size or more */
};
enum { END, CODED, STORED };

static const level levels[LEVELS] = {
    {RNN_CELL_LSTM, 80, 16, 0.01, 19},
    {RNN_CELL_LSTM, 160, 16, 0.007, 19},
    {RNN_CELL_LSTM, 320, 16, 0.004, 20},
};

static const char suffix[] = ".rnz", magic[] = "\x89RNZ";

static const char help[] =
    "usage: compress [OPTIONS] [FILE]\n"
    "Compresses FILE to FILE.rnz by prediction: a recurrent network predicts each byte, and learns as it goes.\n"
    "\n"
    "  -1, -2, -3     from quick to strong (default: -1)\n"
    "  -d             decompress FILE.rnz to FILE\n"
    "  -t             only test that FILE.rnz can be decompressed\n"
    "  -c             write to standard output\n"
    "  -o FILE        write to FILE\n"
    "  -f             overwrite an existing file\n"
    "  -q             print nothing but errors\n"
    "  --threads N    threads to compute with (default: as many as there are processors)\n"
    "  --help\n"
    "\n"
    "FILE stays as it is. Without FILE, or with -, compress reads standard input and writes to standard output.\n"
    "An archive can be decompressed with the same version of librnn, on any processor with fused multiply-add\n"
    "(AVX2, AVX-512, AArch64) if it was made on one.\n";

const char *program_name = "compress";

typedef struct settings {
    bool decompress, test, to_stdout, force, quiet;
    const char *output;
    int64_t threads, level; /* level: from 1 */
} settings;

/* A model of the bytes, which begins with the first block that is coded with it. */
typedef struct session {
    const level *level;
    int64_t streams;
    network *network;
    coder *coder;
    uint32_t position; /* in the coder's history */
} session;

typedef struct run {
    uint32_t kept, repeated;
} run;

/* The files, and how far it is */
typedef struct job {
    FILE *in, *out;   /* out: NULL in a test */
    const char *name; /* of the input, for messages */
    uint64_t in_size; /* 0: unknown */
    uint64_t total;   /* bytes of all blocks so far, as they are when not compressed */
    uint64_t packed;  /* bytes of the archive so far */
    uint64_t crc;     /* of the blocks' bytes */
    double started;
    progress_line line;
} job;

/* ---- Numbers and checksums ---- */

static void put(uint8_t *to, int size, uint64_t value)
{
    for (int i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *from, int size)
{
    uint64_t value = 0;
    for (int i = size; i-- > 0;)
        value = value << 8 | from[i];
    return value;
}

/* CRC-64 of ECMA-182, as in xz. `crc` is that of the bytes before; 0 at the start. */
static uint64_t checksum(uint64_t crc, const void *bytes, size_t size)
{
    static uint64_t table[BYTES];
    if (table[1] == 0)
        for (int i = 0; i < BYTES; i++) {
            table[i] = (uint64_t)i;
            for (int k = 0; k < 8; k++)
                table[i] = table[i] >> 1 ^ (table[i] & 1 ? UINT64_C(0xC96C5795D7870F42) : 0);
        }
    crc = ~crc;
    for (size_t i = 0; i < size; i++)
        crc = table[(crc ^ ((const uint8_t *)bytes)[i]) & 255] ^ crc >> 8;
    return ~crc;
}

static size_t put_number(uint8_t *to, uint32_t value)
{
    size_t size = 0;
    for (; value >= 128; value >>= 7)
        to[size++] = (uint8_t)(value | 128);
    to[size++] = (uint8_t)value;
    return size;
}

static bool get_number(const uint8_t *from, size_t size, size_t *at, uint32_t *value)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 7 * NUMBER_SIZE && *at < size; shift += 7) {
        uint8_t byte = from[(*at)++];
        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *value = (uint32_t)v;
            return v <= BLOCK;
        }
    }
    return false;
}

/* Describes the network's results in a short training: processors of another class, and other versions, differ. */
static uint64_t fingerprint(const level *l)
{
    enum { STREAMS = 4, CHUNKS = 2 };
    uint32_t shares[STREAMS * 2 * BYTES];
    int32_t bytes[STREAMS];
    uint64_t crc = 0;
    network *n = network_create(l, STREAMS);
    for (int64_t t = 0; t <= CHUNKS * l->steps; t++) {
        network_predict(n, shares);
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
            uint8_t number[4];
            put(number, sizeof number, shares[i]);
            crc = checksum(crc, number, sizeof number);
        }
        for (int64_t b = 0; b < STREAMS; b++)
            bytes[b] = (int32_t)((t * t + 50 * b) % BYTES);
        network_learn(n, bytes);
    }
    network_destroy(n);
    return crc;
}

/* ---- Files ---- */

static char unfinished[4096]; /* the name of the output until it is complete */

static void remove_unfinished(int status)
{
    if (unfinished[0])
        unlink(unfinished);
    _exit(status);
}

static void on_signal(int signal)
{
    remove_unfinished(128 + signal);
}

static size_t read_some(job *j, void *to, size_t size)
{
    size_t count = fread(to, 1, size, j->in);
    if (ferror(j->in))
        fail("can't read %s: %s", j->name, strerror(errno));
    return count;
}

static void read_all(job *j, void *to, size_t size)
{
    if (read_some(j, to, size) < size)
        fail("%s is truncated", j->name);
}

static void write_all(job *j, const void *from, size_t size)
{
    if (j->out && fwrite(from, 1, size, j->out) < size)
        fail("can't write the output: %s", strerror(errno));
}

/* Shows how far it is, after `more` bytes of a block and `packed` bytes of its archive. */
static void show(job *j, bool compresses, uint64_t more, uint64_t packed)
{
    char bar[BAR_SIZE] = "";
    if (!progress_is_due(&j->line))
        return;
    double seconds = now() - j->started, done = (double)(j->total + more), small = (double)(j->packed + packed);
    if (j->in_size > 0)
        progress_bar(bar, (compresses ? done : small) / (double)j->in_size, seconds);
    progress_show(&j->line, "%s  %.2f MB %s %.3f MB, %.3f bits per byte, %.1f KB/s", bar, done / 1e6,
                  compresses ? "->" : "<-", small / 1e6, 8 * small / done, done / 1e3 / seconds);
}

/* ---- Blocks ---- */

static void end_session(session *s)
{
    network_destroy(s->network);
    coder_destroy(s->coder);
    s->network = NULL;
    s->coder = NULL;
}

/* Fits the model to the size of its first block. */
static void start_session(session *s, uint32_t size)
{
    int bits = 10;
    if (s->coder)
        return;
    while (bits < s->level->table_bits && size >> (bits + 2) > 0)
        bits++;
    s->streams = 1 + size / STREAM_SIZE < MOST_STREAMS ? 1 + size / STREAM_SIZE : MOST_STREAMS;
    s->network = network_create(s->level, s->streams);
    s->coder = coder_create(bits);
    s->position = 1;
}

/* Codes a block's bytes: writes them, or reads them to `bytes`. The streams are parts of the block. */
static void code(session *s, job *j, uint8_t *bytes, uint32_t size, bool writes)
{
    uint32_t shares[MOST_STREAMS * 2 * BYTES];
    int32_t coded[MOST_STREAMS];
    uint32_t part = (uint32_t)((size + s->streams - 1) / s->streams);
    for (int64_t b = 0; b < s->streams; b++)
        coder_begin_stream(s->coder, b, s->position + (uint32_t)b * part);
    for (uint32_t t = 0; t < part; t++) {
        network_predict(s->network, shares);
        for (int64_t b = 0; b < s->streams; b++) {
            uint32_t i = (uint32_t)b * part + t;
            coded[b] = -1;
            if (i < size)
                coded[b] = coder_code(s->coder, b, shares + b * 2 * BYTES, writes ? bytes[i] : 0);
            if (i < size)
                bytes[i] = (uint8_t)coded[b];
        }
        network_learn(s->network, coded);
        show(j, writes, ((uint64_t)t + 1) * (uint64_t)s->streams, coder_size(s->coder));
    }
    s->position += size;
}

/* Takes long runs out of a block. Returns the number of bytes that remain. runs: [size / LEAST_RUN + 1] */
static uint32_t remove_runs(uint8_t *bytes, uint32_t size, run *runs, uint32_t *run_count)
{
    uint32_t kept = 0, last = 0;
    *run_count = 0;
    for (uint32_t i = 0, end; i < size; i = end) {
        for (end = i + 1; end < size && bytes[end] == bytes[i];)
            end++;
        uint32_t length = end - i, keep = length < LEAST_RUN ? length : RUN_KEPT;
        memmove(bytes + kept, bytes + i, keep);
        kept += keep;
        if (length > keep) {
            runs[(*run_count)++] = (run){kept - last, length - keep};
            last = kept;
        }
    }
    return kept;
}

static void write_block(job *j, int kind, const uint8_t *contents, uint32_t original, uint32_t size)
{
    uint8_t header[BLOCK_HEADER_SIZE];
    header[0] = (uint8_t)kind;
    put(header + 1, 4, original);
    put(header + 5, 4, size);
    put(header + 9, 8, checksum(checksum(0, header, 9), contents, size));
    write_all(j, header, sizeof header);
    write_all(j, contents, size);
    j->packed += sizeof header + size;
}

static void compress_block(session *s, job *j, const uint8_t *bytes, uint32_t size)
{
    uint32_t run_count, most_runs = size / LEAST_RUN + 1;
    uint8_t *work = allocate(size), *packed = allocate(size + NUMBER_SIZE * (2 * (size_t)most_runs + 1));
    run *runs = allocate(sizeof *runs * most_runs);
    memcpy(work, bytes, size);
    uint32_t kept = remove_runs(work, size, runs, &run_count);
    size_t at = put_number(packed, run_count);
    for (uint32_t i = 0; i < run_count; i++) {
        at += put_number(packed + at, runs[i].kept);
        at += put_number(packed + at, runs[i].repeated);
    }
    start_session(s, kept);
    coder_write(s->coder, packed + at, size > at ? size - at : 0);
    code(s, j, work, kept, true);
    at += coder_finish(s->coder);
    if (at < size) {
        write_block(j, CODED, packed, size, (uint32_t)at);
    } else {
        write_block(j, STORED, bytes, size, size);
        end_session(s);
    }
    j->crc = checksum(j->crc, bytes, size);
    j->total += size;
    free(runs);
    free(packed);
    free(work);
}

/* bytes: [size] */
static void decompress_block(session *s, job *j, uint8_t *bytes, uint32_t size, const uint8_t *packed,
                             size_t packed_size)
{
    size_t at = 0;
    uint32_t run_count = 0, repeated = 0, kept, to = 0, from = 0;
    bool valid = get_number(packed, packed_size, &at, &run_count) && run_count <= size / LEAST_RUN + 1;
    run *runs = allocate(sizeof *runs * (valid ? run_count : 0));
    for (uint32_t i = 0; valid && i < run_count; i++) {
        valid = get_number(packed, packed_size, &at, &runs[i].kept) &&
                get_number(packed, packed_size, &at, &runs[i].repeated) && runs[i].kept > 0 &&
                runs[i].kept <= size - repeated - from && runs[i].repeated <= size - repeated - from - runs[i].kept;
        if (valid) {
            repeated += runs[i].repeated;
            from += runs[i].kept;
        }
    }
    if (!valid)
        fail("%s is damaged: a block has runs that can't be", j->name);
    kept = size - repeated;
    uint8_t *work = allocate(kept);
    start_session(s, kept);
    coder_read(s->coder, packed + at, packed_size - at);
    code(s, j, work, kept, false);
    from = 0;
    for (uint32_t i = 0; i < run_count; i++) {
        memcpy(bytes + to, work + from, runs[i].kept);
        to += runs[i].kept;
        from += runs[i].kept;
        memset(bytes + to, work[from - 1], runs[i].repeated);
        to += runs[i].repeated;
    }
    memcpy(bytes + to, work + from, kept - from);
    free(work);
    free(runs);
}

/* ---- Archives ---- */

static void compress(job *j, int64_t number)
{
    uint8_t header[HEADER_SIZE] = {0}, end[16];
    session s = {.level = &levels[number - 1]};
    memcpy(header, magic, 4);
    header[4] = FORMAT;
    header[5] = (uint8_t)number;
    put(header + 8, 4, (uint64_t)rnn_version_number());
    put(header + 12, 8, fingerprint(s.level));
    put(header + 20, 8, checksum(0, header, 20));
    write_all(j, header, sizeof header);
    j->packed = sizeof header;
    uint8_t *bytes = allocate(BLOCK);
    for (size_t size; (size = read_some(j, bytes, BLOCK)) > 0;)
        compress_block(&s, j, bytes, (uint32_t)size);
    put(end, 8, j->total);
    put(end + 8, 8, j->crc);
    write_block(j, END, end, 0, sizeof end);
    free(bytes);
    end_session(&s);
}

/* Returns the level. */
static const level *read_header(job *j)
{
    uint8_t header[HEADER_SIZE];
    size_t size = read_some(j, header, sizeof header);
    if (size < 4 || memcmp(header, magic, 4) != 0)
        fail("%s isn't an archive of compress", j->name);
    if (size < sizeof header)
        fail("%s is truncated", j->name);
    if (get(header + 20, 8) != checksum(0, header, 20))
        fail("%s is damaged: its header has the wrong checksum", j->name);
    if (header[4] != FORMAT || header[5] < 1 || header[5] > LEVELS)
        fail("%s was made by a later version of compress", j->name);
    const level *l = &levels[header[5] - 1];
    int version = (int)get(header + 8, 4);
    if (get(header + 12, 8) != fingerprint(l)) {
        if (version != rnn_version_number())
            fail("%s was made with librnn %d.%d.%d, and this is librnn %s, whose results have other bits", j->name,
                 version / 10000, version / 100 % 100, version % 100, rnn_version());
        fail("%s was made on a processor whose results have other bits than this one's; to decompress it, both must "
             "have fused multiply-add (AVX2, AVX-512, AArch64), or both must lack it",
             j->name);
    }
    j->packed = sizeof header;
    return l;
}

static void decompress(job *j)
{
    uint8_t header[BLOCK_HEADER_SIZE], *bytes = allocate(BLOCK), *packed = allocate(BLOCK);
    session s = {.level = read_header(j)};
    for (;;) {
        read_all(j, header, sizeof header);
        uint32_t size = (uint32_t)get(header + 1, 4), packed_size = (uint32_t)get(header + 5, 4);
        if (size > BLOCK || packed_size > BLOCK)
            fail("%s is damaged: a block has an impossible size", j->name);
        read_all(j, packed, packed_size);
        if (get(header + 9, 8) != checksum(checksum(0, header, 9), packed, packed_size))
            fail("%s is damaged: a block has the wrong checksum", j->name);
        if (header[0] == END)
            break;
        if (header[0] == STORED && size == packed_size) {
            memcpy(bytes, packed, size);
            end_session(&s);
        } else if (header[0] == CODED && size > 0) {
            decompress_block(&s, j, bytes, size, packed, packed_size);
        } else {
            fail("%s is damaged: a block is of an unknown kind", j->name);
        }
        write_all(j, bytes, size);
        j->crc = checksum(j->crc, bytes, size);
        j->total += size;
        j->packed += sizeof header + packed_size;
    }
    if (get(packed, 8) != j->total || get(packed + 8, 8) != j->crc)
        fail("%s doesn't give the bytes that it was made from: their checksum is wrong", j->name);
    if (read_some(j, packed, 1) > 0)
        fail("%s is damaged: something follows its end", j->name);
    j->packed += sizeof header + 16;
    free(bytes);
    free(packed);
    end_session(&s);
}

/* ---- The program ---- */

static int take_level(void *context, int count, char **arguments)
{
    settings *s = context;
    (void)count;
    if (arguments[0][0] != '-' || arguments[0][1] < '1' || arguments[0][1] > '0' + LEVELS || arguments[0][2] != '\0')
        return 0;
    s->level = arguments[0][1] - '0';
    return 1;
}

/* Returns the operand, or NULL after --help. */
static char *read_settings(settings *s, int count, char **arguments)
{
    const option options[] = {
        {"-d", OPTION_FLAG, &s->decompress, 0, 0},
        {"-t", OPTION_FLAG, &s->test, 0, 0},
        {"-c", OPTION_FLAG, &s->to_stdout, 0, 0},
        {"-o", OPTION_TEXT, (void *)&s->output, 0, 0},
        {"-f", OPTION_FLAG, &s->force, 0, 0},
        {"-q", OPTION_FLAG, &s->quiet, 0, 0},
        {"--threads", OPTION_WHOLE, &s->threads, 1, 1024},
    };
    const command_line line = {"compress --help", options, sizeof options / sizeof *options, take_level, s};
    static char standard_input[] = "-";
    char **operands = allocate(sizeof *operands * (size_t)(count + 1));
    int operand_count = read_options(&line, count, arguments, operands);
    char *name = operand_count < 0 ? NULL : operand_count == 0 ? standard_input : operands[0];
    free(operands);
    if (operand_count > 1)
        fail("there are %d files; compress takes one", operand_count);
    if (s->to_stdout && s->output)
        fail("-c and -o can't be combined");
    if (s->test && (s->to_stdout || s->output))
        fail("-t writes nothing, so it can't be combined with -c and -o");
    return name;
}

/* Returns the name of the output, to free(), or NULL for standard output. */
static char *output_name(const settings *s, const char *name)
{
    const char *given = s->output ? s->output : name;
    size_t length = strlen(given), end = sizeof suffix - 1;
    if (s->to_stdout || (!s->output && strcmp(name, "-") == 0))
        return NULL;
    char *output = allocate(length + sizeof suffix);
    memcpy(output, given, length);
    if (s->output)
        return output;
    if (!s->decompress) {
        memcpy(output + length, suffix, sizeof suffix);
        return output;
    }
    if (length <= end || strcmp(name + length - end, suffix) != 0)
        fail("%s doesn't end in %s; name the output with -o", name, suffix);
    output[length - end] = '\0';
    return output;
}

/* Opens a temporary file beside `output`, which it will replace once it is complete. */
static void open_output(job *j, const settings *s, const char *output)
{
    struct stat status;
    char *inputs[] = {(char *)j->name};
    refuse_to_overwrite(output, inputs, 1);
    if (!s->force && lstat(output, &status) == 0)
        fail("%s exists; -f overwrites it", output);
    if (stat(output, &status) == 0 && !S_ISREG(status.st_mode))
        fail("%s isn't a regular file; use -c", output);
    if ((size_t)snprintf(unfinished, sizeof unfinished, "%s.XXXXXX", output) >= sizeof unfinished)
        fail("the name of the output is too long");
    int file = mkstemp(unfinished);
    if (file < 0) {
        unfinished[0] = '\0';
        fail("can't write %s: %s", output, strerror(errno));
    }
    mode_t mask = umask(0);
    umask(mask);
    mode_t mode = fstat(fileno(j->in), &status) == 0 && S_ISREG(status.st_mode) ? status.st_mode : 0666 & ~mask;
    j->out = fchmod(file, mode & 0777) == 0 ? fdopen(file, "wb") : NULL;
    if (!j->out)
        fail("can't write %s: %s", output, strerror(errno));
}

static void close_output(job *j, const char *output)
{
    if (!j->out)
        return;
    if (fflush(j->out) != 0 || (output && (fsync(fileno(j->out)) != 0 || fclose(j->out) != 0)))
        fail("can't write the output: %s", strerror(errno));
    if (output && rename(unfinished, output) != 0)
        fail("can't write %s: %s", output, strerror(errno));
    unfinished[0] = '\0';
}

int main(int argc, char **argv)
{
    settings s = {.level = 1};
    struct stat status;
    const char *name = read_settings(&s, argc - 1, argv + 1);
    if (!name) {
        fputs(help, stdout);
        flush_output();
        return EXIT_SUCCESS;
    }
    bool compresses = !s.decompress && !s.test, from_stdin = strcmp(name, "-") == 0;
    job j = {.name = from_stdin ? "standard input" : name, .started = now()};
    program_end = remove_unfinished;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    check(rnn_set_threads((int32_t)s.threads));
    j.in = from_stdin ? stdin : fopen(name, "rb");
    if (!j.in || fstat(fileno(j.in), &status) != 0)
        fail("can't read %s: %s", name, strerror(errno));
    if (S_ISDIR(status.st_mode))
        fail("%s is a directory; make a tar of it first", name);
    j.in_size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    char *output = s.test ? NULL : output_name(&s, name);
    if (output)
        open_output(&j, &s, output);
    else if (!s.test)
        j.out = stdout;
    if (compresses && !output && isatty(STDOUT_FILENO))
        fail("an archive can't be written to a terminal; redirect it, or use -o");
    progress_open(&j.line, s.quiet);
    if (compresses)
        compress(&j, s.level);
    else
        decompress(&j);
    close_output(&j, output);
    progress_clear(&j.line);
    if (!s.quiet)
        fprintf(stderr, "%s: %llu %s %llu bytes, %.3f bits per byte, %.1f s\n", j.name, (unsigned long long)j.total,
                compresses ? "->" : "<-", (unsigned long long)j.packed,
                8 * (double)j.packed / (double)(j.total > 0 ? j.total : 1), now() - j.started);
    if (!from_stdin)
        fclose(j.in);
    free(output);
    return EXIT_SUCCESS;
}
