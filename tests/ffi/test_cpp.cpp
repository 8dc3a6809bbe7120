// Tests of examples/ffi/cpp/rnn.hpp: test_cpp EMPTY_DIRECTORY
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "rnn.hpp"
#include "rnn.hpp" // may be included twice

static int failures;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " << #condition << " is false\n";                           \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

template <typename Call> static void refuses(int line, rnn_status status, const std::string &part, Call call)
{
    try {
        call();
    } catch (const rnn::Error &error) {
        if (error.status() == status && std::string(error.what()).find(part) != std::string::npos)
            return;
        std::cerr << "line " << line << ": " << error.name() << ": " << error.what() << '\n';
        failures++;
        return;
    }
    std::cerr << "line " << line << ": no exception\n";
    failures++;
}
#define REFUSES(status, part, call) refuses(__LINE__, status, part, [&] { (void)(call); })

// Counts the library's memory.
static long allocated;

static void *allocate(void *, size_t alignment, size_t size)
{
    void *pointer = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    allocated += pointer != nullptr;
    return pointer;
}

static void release(void *, void *pointer, size_t)
{
    allocated--;
    std::free(pointer);
}

template <typename T>
constexpr bool moves_only = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> &&
                            std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;
static_assert(moves_only<rnn::Source> && moves_only<rnn::Vocab> && moves_only<rnn::Corpus> &&
              moves_only<rnn::Batcher> && moves_only<rnn::Model> && moves_only<rnn::State> &&
              moves_only<rnn::Optimizer> && moves_only<rnn::Sampler>);

struct Run {
    rnn::Vocab vocab;
    rnn::Corpus corpus;
    rnn::Model model;
    rnn::State state;
    rnn::Optimizer optimizer;
};

static std::string some_text()
{
    std::string text;
    for (int i = 0; i < 40; i++)
        text += "the quick brown fox jumps over the lazy dog\n";
    return text;
}

static Run begin(int32_t precision = RNN_FLOAT32)
{
    auto vocab = rnn::Vocab::from_text(some_text());
    auto corpus = rnn::Corpus::from_text(vocab, some_text(), 25, 2);
    rnn::ModelOptions options;
    options.cell = RNN_CELL_GRU;
    options.hidden_size = 24;
    options.precision = precision;
    options.input_size = options.output_size = vocab.size();
    rnn::Model model(options);
    rnn::State state(model, 2);
    rnn::Optimizer optimizer(model);
    return {std::move(vocab), std::move(corpus), std::move(model), std::move(state), std::move(optimizer)};
}

static double train(Run &run, int steps)
{
    rnn::Chunk chunk;
    double loss = 0;
    for (int i = 0; i < steps; i++) {
        if (run.corpus.next(chunk))
            run.state.reset();
        loss = run.model.forward_backward(run.state, chunk).mean();
        run.model.clip_value(5);
        run.optimizer.step(run.model);
    }
    return loss;
}

static void test_training_lowers_the_loss()
{
    Run run = begin();
    const double first = train(run, 1), last = train(run, 300);
    CHECK(std::fabs(first - std::log(static_cast<double>(run.vocab.size()))) < 0.1);
    CHECK(last < 0.5 * first);
    rnn::Chunk chunk;
    CHECK(!chunk.last_targets().size());
    run.corpus.next(chunk);
    rnn::Sampler one, other;
    rnn::State again(run.model, 2);
    again.copy_from(run.state);
    const auto ids = run.model.sample(run.state, one, chunk.last_targets(), 30);
    CHECK(ids.size() == 60);
    CHECK(ids == run.model.sample(again, other, chunk.last_targets(), 30));
    CHECK(run.vocab.decode(ids).size() == 60);
    rnn::State single(run.model);
    CHECK(run.model.generate(single, one, run.vocab.encode("the "), 10).ids.size() == 10);
    rnn::BeamOptions beam;
    const auto prompt = run.vocab.encode("the q");
    beam.prompt = prompt.data();
    beam.prompt_steps = static_cast<int64_t>(prompt.size());
    beam.most = 4;
    single.reset();
    const auto found = run.model.beam_search(single, beam);
    CHECK(!found.empty() && run.vocab.decode(found[0].ids) == "uick");
    CHECK(run.model.evaluate(run.corpus).mean() < 0.5 * first);
}

template <typename T> static void test_gradients_are_the_slope(int32_t precision, T step, double tolerance)
{
    Run run = begin(precision);
    const std::vector<int32_t> ids = {1, 2, 3, 4}, targets = {2, 3, 4, 5};
    const rnn::Chunk chunk(ids, targets, 2);
    const std::string name = "decoder.bias";
    run.model.forward_backward(run.state, chunk);
    const auto gradient = run.model.gradient<T>(name);
    auto values = run.model.parameter<T>(name);
    double losses[2];
    for (int side = 0; side < 2; side++) {
        values[2] += side ? 2 * step : -step;
        run.model.set_parameter<T>(name, values);
        run.state.reset();
        rnn::Loss loss;
        CHECK(run.model.forward<T>(run.state, chunk, &loss).size() == 4 * static_cast<std::size_t>(run.vocab.size()));
        losses[side] = loss.sum;
    }
    CHECK(std::fabs((losses[1] - losses[0]) / (2 * static_cast<double>(step)) - static_cast<double>(gradient[2])) <
          tolerance);
    CHECK(run.model.parameter_names().size() == static_cast<std::size_t>(run.model.parameter_count()));
    CHECK(run.model.clip_norm(1) > 0);
    run.model.zero_gradients();
    CHECK(run.model.gradient<T>(name)[2] == 0);
}

static void test_own_loss_gives_the_same_gradients()
{
    Run run = begin(RNN_FLOAT64);
    const std::vector<int32_t> ids = {1, 2, 3, 4}, targets = {2, 3, 4, 5};
    const rnn::Chunk chunk(ids, targets, 2);
    run.model.forward_backward(run.state, chunk);
    const auto expected = run.model.gradient<double>("rnn.weight_hh_l0");
    run.model.zero_gradients();
    run.state.reset();
    const auto outputs = run.model.forward_training<double>(run.state, chunk);
    const auto gradient = run.model.loss_gradient<double>(chunk, outputs);
    rnn::ChunkGradients gradients;
    gradients.outputs = gradient.data();
    run.model.backward(run.state, gradients);
    CHECK(run.model.gradient<double>("rnn.weight_hh_l0") == expected);
}

static void test_files(const std::string &directory)
{
    Run run = begin();
    train(run, 20);
    const std::string path = directory + "/model", name = "rnn.weight_hh_l0";
    run.model.set_note("classes", "cat dog");
    run.model.save(path, run.vocab);
    const auto loaded = rnn::Model::load(path);
    CHECK(loaded.vocab && loaded.vocab->size() == run.vocab.size());
    CHECK(loaded.model.note("classes") == "cat dog" && !loaded.model.note("none"));
    CHECK(loaded.model.parameter<float>(name) == run.model.parameter<float>(name));
    const auto from_bytes = rnn::Model::from_bytes(run.model.to_bytes());
    CHECK(!from_bytes.vocab && from_bytes.model.options().cell == RNN_CELL_GRU);
    REFUSES(RNN_ERROR_IO, "absent", rnn::Model::load(directory + "/absent"));

    rnn::Checkpoint c;
    c.corpus_position = run.corpus.position();
    c.counters[3] = 7;
    c.values[0] = 0.5;
    c.model = std::move(run.model);
    c.optimizer = std::move(run.optimizer);
    c.state = std::move(run.state);
    c.save(path);
    auto resumed = rnn::Checkpoint::load(path);
    CHECK(resumed.counters == c.counters && resumed.values == c.values && resumed.corpus_position == c.corpus_position);
    CHECK(resumed.model && resumed.optimizer && resumed.state && !resumed.sampler && !resumed.vocab &&
          !resumed.average);
    std::vector<std::vector<float>> results;
    for (rnn::Checkpoint *run_on : {&c, &resumed}) {
        rnn::Chunk chunk;
        run.corpus.seek(c.corpus_position);
        run.corpus.next(chunk);
        run_on->model->forward_backward(*run_on->state, chunk);
        run_on->optimizer->step(*run_on->model);
        results.push_back(run_on->model->parameter<float>(name));
    }
    CHECK(results[0] == results[1]);
}

static void test_batches()
{
    const int64_t lengths[] = {3, 2};
    const int32_t inputs[] = {1, 2, 3, 4, 5};
    rnn::Sequences sequences;
    sequences.count = 2;
    sequences.lengths = lengths;
    sequences.inputs = inputs;
    rnn::BatcherOptions options;
    options.streams = 2;
    options.target_kind = RNN_TARGETS_NEXT;
    rnn::Batcher batcher(sequences, options);
    rnn::Chunk chunk;
    CHECK(batcher.size() == 2 && batcher.next(chunk) && chunk.streams == 2);
}

static void test_errors()
{
    Run run = begin();
    rnn::ModelOptions options;
    options.input_size = options.output_size = 3;
    options.hidden_size = 0;
    REFUSES(RNN_ERROR_ARGUMENT, "hidden_size is 0", rnn::Model(options));
    REFUSES(RNN_ERROR_SYMBOL, "", run.vocab.encode("\xff"));
    REFUSES(RNN_ERROR_ARGUMENT, "none", run.model.parameter<float>("none"));
    REFUSES(RNN_ERROR_MISMATCH, "float, not double", run.model.parameter<double>("decoder.bias"));
    REFUSES(RNN_ERROR_IO, "absent", rnn::Source({"absent"}));
    rnn::Sampler sampler;
    const std::vector<int32_t> three = {1, 2, 3};
    REFUSES(RNN_ERROR_MISMATCH, "first has 3 ids", run.model.sample(run.state, sampler, three, 1));
    REFUSES(RNN_ERROR_ARGUMENT, "multiple", rnn::Chunk(three, {}, 2));
    REFUSES(RNN_ERROR_ARGUMENT, "targets", rnn::Chunk(three, rnn::span<const int32_t>(three.data(), 2)));
    const rnn::Model moved = std::move(run.model);
    CHECK(run.model.get() == nullptr && moved.get() != nullptr);
    REFUSES(RNN_ERROR_ARGUMENT, "model", run.model.clip_value(1));
}

int main(int argc, char **argv)
try {
    if (argc != 2)
        return 2;
    const rnn_allocator counting = {allocate, release, nullptr};
    rnn::check(rnn_set_allocator(&counting));
    rnn::set_threads(1);
    test_training_lowers_the_loss();
    test_gradients_are_the_slope<float>(RNN_FLOAT32, 1e-2F, 1e-2);
    test_gradients_are_the_slope<double>(RNN_FLOAT64, 1e-5, 1e-6);
    test_own_loss_gives_the_same_gradients();
    test_files(argv[1]);
    test_batches();
    test_errors();
    CHECK(allocated == 0);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
} catch (const std::exception &error) {
    std::cerr << "unexpected: " << error.what() << '\n';
    return EXIT_FAILURE;
}
