// Uses the library from C++. Each handle is a unique_ptr, and each error is an exception. An LSTM learns a text and
// writes a sample.
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

template <auto destroy> struct Destroy {
    template <typename T> void operator()(T *object) const { destroy(object); }
};

template <typename T, auto destroy> using Handle = std::unique_ptr<T, Destroy<destroy>>;
using Vocab = Handle<rnn_vocab, rnn_vocab_destroy>;
using Corpus = Handle<rnn_corpus, rnn_corpus_destroy>;
using Model = Handle<rnn_model, rnn_model_destroy>;
using State = Handle<rnn_state, rnn_state_destroy>;
using Optimizer = Handle<rnn_optimizer, rnn_optimizer_destroy>;
using Sampler = Handle<rnn_sampler, rnn_sampler_destroy>;

// Calls a function that creates an object, and returns a handle that owns the object:
//     make<Vocab>(rnn_vocab_create_from_text, RNN_VOCAB_BYTES, text, size)
template <typename H, typename F, typename... A> static H make(F create, A... arguments)
{
    typename H::pointer object = nullptr;
    check(create(arguments..., &object));
    return H(object);
}

int main()
try {
    std::string text;
    for (int i = 0; i < 200; i++)
        text += "the quick brown fox jumps over the lazy dog\n";
    const auto vocab = make<Vocab>(rnn_vocab_create_from_text, RNN_VOCAB_BYTES, text.data(), text.size());
    const auto corpus = make<Corpus>(rnn_corpus_create_from_text, vocab.get(), text.data(), text.size(), 25, 4);
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_LSTM;
    options.input_size = options.output_size = rnn_vocab_size(vocab.get());
    const auto model = make<Model>(rnn_model_create, &options);
    const auto state = make<State>(rnn_state_create, model.get(), 4);
    const auto optimizer = make<Optimizer>(rnn_optimizer_create, model.get(), nullptr);
    rnn_chunk chunk;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int step = 0; step < 400; step++) {
        check(rnn_corpus_next(corpus.get(), &chunk, nullptr));
        check(rnn_forward_backward(model.get(), state.get(), &chunk, nullptr));
        check(rnn_optimizer_step(optimizer.get(), model.get()));
    }
    const auto sampler = make<Sampler>(rnn_sampler_create, nullptr);
    const auto writer = make<State>(rnn_state_create, model.get(), 1);
    int32_t first, ids[88];
    std::string written(88, ' ');
    check(rnn_vocab_encode(vocab.get(), "\n", 1, &first, 1, nullptr));
    check(rnn_sample(model.get(), writer.get(), sampler.get(), &first, 88, ids));
    check(rnn_vocab_decode(vocab.get(), ids, 88, &written[0], written.size(), nullptr));
    std::cout << written;
    return 0;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
