// The library from C++, with ffi/cpp/rnn.hpp: an LSTM learns a text, goes through a file and writes.
//   raii [MODEL]
#include <exception>
#include <iostream>
#include <string>

#include "ffi/cpp/rnn.hpp"

static std::string some_text()
{
    std::string text;
    for (int i = 0; i < 200; i++)
        text += "the quick brown fox jumps over the lazy dog\n";
    return text;
}

static rnn::Model learn(const rnn::Vocab &vocab, const std::string &text)
{
    auto corpus = rnn::Corpus::from_text(vocab, text, 25);
    rnn::ModelOptions options;
    options.cell = RNN_CELL_LSTM;
    options.input_size = options.output_size = vocab.size();
    rnn::Model model(options);
    rnn::State state(model);
    rnn::Optimizer optimizer(model);
    rnn::Chunk chunk;
    for (int step = 1; step <= 1000; step++) {
        if (corpus.next(chunk))
            state.reset();
        const rnn::Loss loss = model.forward_backward(state, chunk);
        if (step % 250 == 0)
            std::cout << "step " << step << ": " << loss.mean() << " nats per symbol, gradients of norm "
                      << model.clip_norm(1000) << '\n';
        optimizer.step(model);
    }
    return model;
}

int main(int argc, char **argv)
try {
    const std::string text = some_text();
    const auto vocab = rnn::Vocab::from_text(text);
    rnn::Model model = learn(vocab, text);
    if (argc > 1) {
        model.save(argv[1], vocab);
        model = rnn::Model::load(argv[1]).model;
    }
    rnn::State state(model);
    rnn::Sampler sampler;
    std::cout << vocab.decode(model.sample(state, sampler, vocab.encode("\n"), 88)) << '\n';
    try {
        rnn::Model::load("no such file");
    } catch (const rnn::Error &error) {
        std::cout << error.name() << ": " << error.what() << '\n';
    }
} catch (const std::exception &error) {
    std::cerr << "raii: " << error.what() << '\n';
    return 1;
}
