// The library from C++: each object has an owner, and each error is an exception. An LSTM learns a text and writes.
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include <rnn/rnn.h>

static void check(rnn_status status)
{
    if (status != RNN_OK)
        throw std::runtime_error(rnn_last_error());
}

// Creates an object and gives it an owner: make(rnn_state_destroy, rnn_state_create, model.get(), 4)
template <typename T, typename Create, typename... Arguments>
static std::unique_ptr<T, void (*)(T *)> make(void (*destroy)(T *), Create create, Arguments... arguments)
{
    T *object = nullptr;
    check(create(arguments..., &object));
    return {object, destroy};
}

int main()
try {
    std::string text;
    for (int i = 0; i < 200; i++)
        text += "the quick brown fox jumps over the lazy dog\n";
    const auto vocab = make(rnn_vocab_destroy, rnn_vocab_create_from_text, RNN_VOCAB_BYTES, text.data(), text.size());
    const auto corpus =
        make(rnn_corpus_destroy, rnn_corpus_create_from_text, vocab.get(), text.data(), text.size(), 25, 1);
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_LSTM;
    options.input_size = options.output_size = rnn_vocab_size(vocab.get());
    const auto model = make(rnn_model_destroy, rnn_model_create, &options);
    const auto state = make(rnn_state_destroy, rnn_state_create, model.get(), 1);
    const auto optimizer = make(rnn_optimizer_destroy, rnn_optimizer_create, model.get(), nullptr);
    const auto sampler = make(rnn_sampler_destroy, rnn_sampler_create, nullptr);
    rnn_chunk chunk;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int step = 0; step < 1000; step++) {
        check(rnn_corpus_next(corpus.get(), &chunk, nullptr));
        check(rnn_forward_backward(model.get(), state.get(), &chunk, nullptr));
        check(rnn_optimizer_step(optimizer.get(), model.get()));
    }
    int32_t ids[88];
    check(rnn_sample(model.get(), state.get(), sampler.get(), &chunk.targets[chunk.steps - 1], 88, ids));
    check(rnn_vocab_decode(vocab.get(), ids, 88, text.data(), text.size(), nullptr));
    std::cout << text.substr(0, 88) << '\n';
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
