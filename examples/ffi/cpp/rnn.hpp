// librnn for C++17 and later. Copy this header into your project, and link with librnn.
//
// It is a thin layer over <rnn/rnn.h>, whose comments describe the calls. There is one class for each kind of object:
// Source, Vocab, Corpus, Batcher, Model, State, Optimizer and Sampler. An object owns its handle and releases it in its
// destructor. It can be moved but not copied, and needs no other object to stay alive. After it has been moved from, it
// is empty, and its methods throw. A call that fails throws rnn::Error, with the library's message and status.
//
// Arrays are passed as spans: std::span in C++20, and in C++17 a small class that does the same. The functions check
// their lengths where the library can't. Numbers of a model are float or double. The type must be that of the model's
// precision, or the call throws.
//
// get() gives the handle, for calls of the C header that have no method here.
#ifndef RNN_RNN_HPP
#define RNN_RNN_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif

#include <rnn/rnn.h>

namespace rnn
{

class Error : public std::runtime_error
{
  public:
    Error(rnn_status status, const std::string &message) : std::runtime_error(message), status_(status) {}
    /// RNN_ERROR_ARGUMENT and so on
    rnn_status status() const noexcept
    {
        return status_;
    }
    const char *name() const noexcept
    {
        return rnn_status_name(status_);
    }

  private:
    rnn_status status_;
};

/// Throws an Error unless the status is RNN_OK.
inline void check(rnn_status status)
{
    if (status != RNN_OK)
        throw Error(status, rnn_last_error());
}

inline std::string version()
{
    return rnn_version();
}

inline void set_threads(int32_t threads)
{
    check(rnn_set_threads(threads));
}

#if __cplusplus >= 202002L
template <typename T> using span = std::span<T>;
#else
/// A view of the elements of an array or a vector, which it doesn't own.
template <typename T> class span
{
  public:
    constexpr span() noexcept = default;
    constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <std::size_t N> constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}
    template <typename Container,
              typename = std::enable_if_t<std::is_convertible_v<
                  std::remove_pointer_t<decltype(std::declval<Container &>().data())> (*)[], T (*)[]>>>
    constexpr span(Container &&container) noexcept : data_(container.data()), size_(container.size())
    {
    }
    constexpr T *data() const noexcept
    {
        return data_;
    }
    constexpr std::size_t size() const noexcept
    {
        return size_;
    }
    constexpr bool empty() const noexcept
    {
        return size_ == 0;
    }
    constexpr T &operator[](std::size_t index) const
    {
        return data_[index];
    }
    constexpr T *begin() const noexcept
    {
        return data_;
    }
    constexpr T *end() const noexcept
    {
        return data_ + size_;
    }

  private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};
#endif

/// The header's structs, filled with the library's defaults. Set their fields as in C.
struct ModelOptions : rnn_model_options {
    ModelOptions()
    {
        check(rnn_model_options_init(this, sizeof(rnn_model_options)));
    }
};
struct OptimizerOptions : rnn_optimizer_options {
    explicit OptimizerOptions(int32_t its_rule = RNN_OPTIMIZER_ADAGRAD)
    {
        check(rnn_optimizer_options_init(this, sizeof(rnn_optimizer_options), its_rule));
    }
};
struct SamplerOptions : rnn_sampler_options {
    SamplerOptions()
    {
        check(rnn_sampler_options_init(this, sizeof(rnn_sampler_options)));
    }
};
struct BeamOptions : rnn_beam_options {
    BeamOptions()
    {
        check(rnn_beam_options_init(this, sizeof(rnn_beam_options)));
    }
};
struct LoadOptions : rnn_load_options {
    LoadOptions()
    {
        check(rnn_load_options_init(this, sizeof(rnn_load_options)));
    }
};
struct SaveOptions : rnn_save_options {
    SaveOptions()
    {
        check(rnn_save_options_init(this, sizeof(rnn_save_options)));
    }
};
struct Sequences : rnn_sequences {
    Sequences()
    {
        check(rnn_sequences_init(this, sizeof(rnn_sequences)));
    }
};
struct BatcherOptions : rnn_batcher_options {
    BatcherOptions()
    {
        check(rnn_batcher_options_init(this, sizeof(rnn_batcher_options)));
    }
};
struct ChunkGradients : rnn_chunk_gradients {
    ChunkGradients()
    {
        check(rnn_chunk_gradients_init(this, sizeof(rnn_chunk_gradients)));
    }
};

/// A mean loss, from a sum over `count` positions
struct Loss : rnn_loss {
    Loss() : rnn_loss{0, 0} {}
    double mean() const
    {
        return sum / static_cast<double>(count);
    }
};

/// T steps of B streams. It refers to arrays that others own: those that you pass, or those of a corpus or batcher,
/// which are valid until that is used again.
struct Chunk : rnn_chunk {
    Chunk()
    {
        check(rnn_chunk_init(this, sizeof(rnn_chunk)));
    }
    /// Ids [T][B], and perhaps targets [T][B]
    explicit Chunk(span<const int32_t> ids, span<const int32_t> wanted = {}, int64_t count = 1) : Chunk()
    {
        if (count < 1 || ids.size() % static_cast<std::size_t>(count) != 0)
            throw Error(RNN_ERROR_ARGUMENT, "there are " + std::to_string(ids.size()) +
                                                " ids; their number must be a multiple of the number of streams, " +
                                                std::to_string(count));
        if (!wanted.empty() && wanted.size() != ids.size())
            throw Error(RNN_ERROR_ARGUMENT, "there are " + std::to_string(wanted.size()) + " targets for " +
                                                std::to_string(ids.size()) + " ids");
        streams = count;
        steps = static_cast<int64_t>(ids.size()) / count;
        inputs = ids.data();
        targets = wanted.empty() ? nullptr : wanted.data();
    }
    /// The targets of the last step: the first inputs of Model::sample() after this chunk
    span<const int32_t> last_targets() const
    {
        return targets ? span<const int32_t>(targets + (steps - 1) * streams, static_cast<std::size_t>(streams))
                       : span<const int32_t>();
    }
};

/// Owns a handle.
template <typename Handle, void (*Destroy)(Handle *)> class Object
{
  public:
    /// The handle, which stays the object's; null after the object has been moved from
    Handle *get() const noexcept
    {
        return handle_.get();
    }

  protected:
    explicit Object(Handle *owned) noexcept : handle_(owned) {}
    template <typename Create, typename... Arguments> static Handle *make(Create create, Arguments... arguments)
    {
        Handle *handle = nullptr;
        check(create(arguments..., &handle));
        return handle;
    }

  private:
    struct Deleter {
        void operator()(Handle *handle) const noexcept
        {
            Destroy(handle);
        }
    };
    std::unique_ptr<Handle, Deleter> handle_;
};

/// The bytes of a text: files in sequence, standard input ("-"), pipes
class Source : public Object<rnn_source, rnn_source_destroy>
{
  public:
    explicit Source(const std::vector<std::string> &paths) : Object(open(paths)) {}
    int64_t size() const noexcept
    {
        return rnn_source_size(get());
    }

  private:
    static rnn_source *open(const std::vector<std::string> &paths)
    {
        std::vector<const char *> names;
        for (const std::string &path : paths)
            names.push_back(path.c_str());
        return make(rnn_source_open, names.data(), static_cast<int64_t>(names.size()));
    }
};

/// The symbols of a text and their ids
class Vocab : public Object<rnn_vocab, rnn_vocab_destroy>
{
  public:
    /// Takes over a handle of the C functions.
    explicit Vocab(rnn_vocab *owned) noexcept : Object(owned) {}
    static Vocab from_text(std::string_view text, int32_t kind = RNN_VOCAB_BYTES)
    {
        return Vocab(make(rnn_vocab_create_from_text, kind, text.data(), text.size()));
    }
    static Vocab from_file(const std::string &path, int32_t kind = RNN_VOCAB_BYTES)
    {
        return Vocab(make(rnn_vocab_create_from_file, kind, path.c_str()));
    }
    static Vocab from_source(const Source &source, int32_t kind = RNN_VOCAB_BYTES)
    {
        return Vocab(make(rnn_vocab_create_from_source, kind, source.get()));
    }
    static Vocab from_list(std::string_view symbols, int32_t kind = RNN_VOCAB_BYTES)
    {
        return Vocab(make(rnn_vocab_create_from_list, kind, symbols.data(), symbols.size()));
    }
    /// A vocabulary with an additional symbol for all unknown ones, which is decoded as `shown`
    Vocab with_unknown(std::string_view shown = {}) const
    {
        return Vocab(make(rnn_vocab_create_with_unknown, get(), shown.data(), shown.size()));
    }
    /// A vocabulary of the frequent words, with an unknown symbol for the others
    Vocab frequent(int64_t most = 0, int64_t least = 1) const
    {
        return Vocab(make(rnn_vocab_create_frequent, get(), most, least));
    }
    int64_t size() const noexcept
    {
        return rnn_vocab_size(get());
    }
    int32_t kind() const noexcept
    {
        return rnn_vocab_kind(get());
    }
    /// The id of the unknown symbol, or -1
    int32_t unknown() const noexcept
    {
        return rnn_vocab_unknown(get());
    }
    std::vector<int32_t> encode(std::string_view text) const
    {
        std::vector<int32_t> ids(text.size());
        int64_t count = 0;
        check(rnn_vocab_encode(get(), text.data(), text.size(), ids.data(), static_cast<int64_t>(ids.size()), &count));
        ids.resize(static_cast<std::size_t>(count));
        return ids;
    }
    std::string decode(span<const int32_t> ids) const
    {
        const int64_t count = static_cast<int64_t>(ids.size());
        std::size_t size = 0;
        check(rnn_vocab_decode(get(), ids.data(), count, nullptr, 0, &size));
        std::string text(size, '\0');
        check(rnn_vocab_decode(get(), ids.data(), count, text.data(), text.size(), &size));
        return text;
    }
    std::string symbol(int32_t id) const
    {
        const char *symbol = nullptr;
        std::size_t size = 0;
        check(rnn_vocab_symbol(get(), id, &symbol, &size));
        return std::string(symbol, size);
    }
};

/// A text that is served chunk by chunk
class Corpus : public Object<rnn_corpus, rnn_corpus_destroy>
{
  public:
    explicit Corpus(rnn_corpus *owned) noexcept : Object(owned) {}
    static Corpus from_text(const Vocab &vocab, std::string_view text, int64_t steps, int64_t streams = 1)
    {
        return Corpus(make(rnn_corpus_create_from_text, vocab.get(), text.data(), text.size(), steps, streams));
    }
    static Corpus from_file(const Vocab &vocab, const std::string &path, int64_t steps, int64_t streams = 1)
    {
        return Corpus(make(rnn_corpus_create_from_file, vocab.get(), path.c_str(), steps, streams));
    }
    static Corpus from_source(const Vocab &vocab, const Source &source, int64_t steps, int64_t streams = 1)
    {
        return Corpus(make(rnn_corpus_create_from_source, vocab.get(), source.get(), steps, streams));
    }
    static Corpus from_ids(span<const int32_t> ids, int64_t symbols, int64_t steps, int64_t streams = 1)
    {
        return Corpus(
            make(rnn_corpus_create_from_ids, ids.data(), static_cast<int64_t>(ids.size()), symbols, steps, streams));
    }
    static Corpus from_id_file(const std::string &path, int32_t id_size, int64_t symbols, int64_t steps,
                               int64_t streams = 1)
    {
        return Corpus(make(rnn_corpus_create_from_id_file, path.c_str(), id_size, symbols, steps, streams));
    }
    /// Moves the last `share` of the symbols into a new corpus.
    Corpus split(double share)
    {
        return Corpus(make(rnn_corpus_split, get(), share));
    }
    void set_drop_last(bool drop_last)
    {
        check(rnn_corpus_set_drop_last(get(), drop_last));
    }
    /// Replaces the chunk by the next one. Returns whether it is the first of the text; then reset the state.
    bool next(Chunk &chunk)
    {
        int32_t restarted = 0;
        check(rnn_corpus_next(get(), &chunk, &restarted));
        return restarted != 0;
    }
    int64_t size() const noexcept
    {
        return rnn_corpus_size(get());
    }
    int64_t chunks() const noexcept
    {
        return rnn_corpus_chunks(get());
    }
    int64_t position() const noexcept
    {
        return rnn_corpus_position(get());
    }
    void seek(int64_t position)
    {
        check(rnn_corpus_seek(get(), position));
    }
    void rewind()
    {
        check(rnn_corpus_rewind(get()));
    }
};

/// Sequences of unequal length, served as chunks
class Batcher : public Object<rnn_batcher, rnn_batcher_destroy>
{
  public:
    explicit Batcher(const Sequences &sequences, const BatcherOptions &options = {})
        : Object(make(rnn_batcher_create, static_cast<const rnn_sequences *>(&sequences),
                      static_cast<const rnn_batcher_options *>(&options)))
    {
    }
    /// Replaces the chunk by the next one. Returns whether it is the last of its epoch.
    bool next(Chunk &chunk)
    {
        int32_t last = 0;
        check(rnn_batcher_next(get(), &chunk, &last));
        return last != 0;
    }
    int64_t size() const noexcept
    {
        return rnn_batcher_size(get());
    }
    int64_t positions() const noexcept
    {
        return rnn_batcher_positions(get());
    }
    int64_t steps() const noexcept
    {
        return rnn_batcher_steps(get());
    }
    int64_t chunks() const noexcept
    {
        return rnn_batcher_chunks(get());
    }
    int64_t position() const noexcept
    {
        return rnn_batcher_position(get());
    }
    void seek(int64_t position)
    {
        check(rnn_batcher_seek(get(), position));
    }
    void rewind()
    {
        check(rnn_batcher_rewind(get()));
    }
};

class State;
class Sampler;
struct LoadedModel;

/// What Model::generate() has drawn for one stream
struct Generated {
    std::vector<int32_t> ids;
    std::vector<double> log_probabilities;
};

/// A continuation that Model::beam_search() has found
struct BeamResult {
    std::vector<int32_t> ids;
    double log_probability;
    double score;
};

/// A network: its configuration, its parameters and, in training, their gradients
class Model : public Object<rnn_model, rnn_model_destroy>
{
  public:
    explicit Model(rnn_model *owned) noexcept : Object(owned) {}
    explicit Model(const ModelOptions &options)
        : Object(make(rnn_model_create, static_cast<const rnn_model_options *>(&options)))
    {
    }
    static LoadedModel load(const std::string &path, const LoadOptions &options = {});
    static LoadedModel from_bytes(span<const unsigned char> bytes, const LoadOptions &options = {});
    /// Saves the model, and a vocabulary if there is one, to a file, which is replaced as a whole.
    void save(const std::string &path, const Vocab *vocab = nullptr, const SaveOptions &options = {}) const
    {
        check(rnn_model_save_with(get(), vocab ? vocab->get() : nullptr, &options, path.c_str()));
    }
    void save(const std::string &path, const Vocab &vocab, const SaveOptions &options = {}) const
    {
        save(path, &vocab, options);
    }
    std::vector<unsigned char> to_bytes(const Vocab *vocab = nullptr, const SaveOptions &options = {}) const
    {
        const rnn_vocab *its = vocab ? vocab->get() : nullptr;
        std::size_t size = 0;
        check(rnn_model_save_to_memory_with(get(), its, &options, nullptr, 0, &size));
        std::vector<unsigned char> bytes(size);
        check(rnn_model_save_to_memory_with(get(), its, &options, bytes.data(), bytes.size(), &size));
        return bytes;
    }
    Model copy() const
    {
        return Model(make(rnn_model_copy, static_cast<const rnn_model *>(get())));
    }
    /// Moves the parameters towards another model's: this += weight (model - this).
    void average(const Model &model, double weight)
    {
        check(rnn_model_average(get(), model.get(), weight));
    }
    ModelOptions options() const
    {
        ModelOptions options;
        check(rnn_model_get_options(get(), &options));
        return options;
    }

    // ---- Parameters and gradients ----

    int64_t parameter_count() const noexcept
    {
        return rnn_model_parameter_count(get());
    }
    /// A description, whose pointers are valid as the header says
    rnn_parameter describe(int64_t index) const
    {
        rnn_parameter parameter;
        check(rnn_parameter_init(&parameter, sizeof parameter));
        check(rnn_model_describe_parameter(get(), index, &parameter));
        return parameter;
    }
    int64_t find(const std::string &name) const
    {
        int64_t index = 0;
        check(rnn_model_find_parameter(get(), name.c_str(), &index));
        return index;
    }
    std::vector<std::string> parameter_names() const
    {
        std::vector<std::string> names;
        for (int64_t i = 0; i < parameter_count(); i++)
            names.emplace_back(describe(i).name);
        return names;
    }
    /// A copy of a parameter's values
    template <typename T> std::vector<T> parameter(const std::string &name) const
    {
        return copied<T>(name, rnn_model_get_parameter);
    }
    /// A copy of a parameter's gradient
    template <typename T> std::vector<T> gradient(const std::string &name) const
    {
        return copied<T>(name, rnn_model_get_gradient);
    }
    template <typename T> void set_parameter(const std::string &name, span<const T> values)
    {
        need<T>();
        check(rnn_model_set_parameter(get(), find(name), values.data(), static_cast<int64_t>(values.size())));
    }
    template <typename T> void set_gradient(const std::string &name, span<const T> values)
    {
        need<T>();
        check(rnn_model_set_gradient(get(), find(name), values.data(), static_cast<int64_t>(values.size())));
    }
    void freeze(const std::string &name, bool frozen = true)
    {
        check(rnn_model_freeze(get(), find(name), frozen));
    }
    void zero_gradients()
    {
        check(rnn_model_zero_gradients(get()));
    }
    void clip_value(double limit)
    {
        check(rnn_model_clip_value(get(), limit));
    }
    /// Scales the gradients down to a norm of at most `limit`. Returns the norm before.
    double clip_norm(double limit)
    {
        double norm = 0;
        check(rnn_model_clip_norm(get(), limit, &norm));
        return norm;
    }
    void check_finite() const
    {
        check(rnn_model_check_finite(get()));
    }

    // ---- Notes ----

    void set_note(const std::string &key, const std::string &value)
    {
        check(rnn_model_set_note(get(), key.c_str(), value.c_str()));
    }
    std::optional<std::string> note(const std::string &key) const
    {
        const char *value = rnn_model_note(get(), key.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
    }

    // ---- Running ----

    /// The outputs [T][B][O]. Stores the loss if one is wanted, for which the chunk needs targets.
    template <typename T> std::vector<T> forward(State &state, const Chunk &chunk, Loss *loss = nullptr) const;
    /// Adds to the gradients, and returns the loss.
    Loss forward_backward(State &state, const Chunk &chunk);
    /// The loss over a whole corpus
    Loss evaluate(const Corpus &corpus, int64_t streams = 1, int64_t *hits = nullptr) const
    {
        Loss loss;
        check(rnn_evaluate(get(), corpus.get(), streams, &loss, hits));
        return loss;
    }
    /// For a loss of your own: the outputs [T][B][O]. The state keeps the activations for backward().
    template <typename T> std::vector<T> forward_training(State &state, const Chunk &chunk);
    /// The model's own loss for outputs of forward_training(), and its gradient for backward()
    template <typename T>
    std::vector<T> loss_gradient(const Chunk &chunk, span<const T> outputs, Loss *loss = nullptr) const
    {
        need<T>();
        std::vector<T> gradient(outputs.size());
        check(rnn_loss_gradient(get(), &chunk, outputs.data(), static_cast<int64_t>(outputs.size()), gradient.data(),
                                loss));
        return gradient;
    }
    /// The arrays of the gradients have the shapes that the header gives.
    void backward(State &state, const ChunkGradients &gradients);
    /// Draws n symbols after each stream's `first`: ids [n][B].
    std::vector<int32_t> sample(State &state, Sampler &sampler, span<const int32_t> first, int64_t n) const;
    /// Reads a prompt, then draws up to n symbols, or until `stop`. The state has one stream.
    Generated generate(State &state, Sampler &sampler, span<const int32_t> prompt, int64_t n,
                       int32_t stop = RNN_IGNORE) const;
    /// The most probable continuations, the best first. The state has one stream, and isn't changed.
    std::vector<BeamResult> beam_search(const State &state, const BeamOptions &options) const;

  private:
    /// Checks that the model's numbers have this type.
    template <typename T> void need() const
    {
        static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "numbers are float or double");
        if (options().precision != (std::is_same_v<T, float> ? RNN_FLOAT32 : RNN_FLOAT64))
            throw Error(RNN_ERROR_MISMATCH, std::string("the model's numbers are ") +
                                                (std::is_same_v<T, float> ? "double, not float" : "float, not double"));
    }
    template <typename T, typename Get> std::vector<T> copied(const std::string &name, Get get_values) const
    {
        need<T>();
        const int64_t index = find(name);
        std::vector<T> values(static_cast<std::size_t>(describe(index).count));
        check(get_values(get(), index, values.data(), static_cast<int64_t>(values.size())));
        return values;
    }
    std::size_t outputs_count(const Chunk &chunk) const
    {
        return static_cast<std::size_t>((chunk.last_only ? 1 : chunk.steps) * chunk.streams * options().output_size);
    }
};

/// A model from a file, and the vocabulary that was saved with it, if there was one
struct LoadedModel {
    Model model;
    std::optional<Vocab> vocab;
};

/// The hidden state of B streams
class State : public Object<rnn_state, rnn_state_destroy>
{
  public:
    explicit State(rnn_state *owned) noexcept : Object(owned) {}
    explicit State(const Model &model, int64_t streams = 1)
        : Object(make(rnn_state_create, static_cast<const rnn_model *>(model.get()), streams))
    {
    }
    int64_t streams() const noexcept
    {
        return rnn_state_streams(get());
    }
    void reset()
    {
        check(rnn_state_reset(get()));
    }
    void reset(int64_t stream)
    {
        check(rnn_state_reset_stream(get(), stream));
    }
    void copy_from(const State &source)
    {
        check(rnn_state_copy(get(), source.get()));
    }
    void copy_stream_from(int64_t stream, const State &source, int64_t source_stream)
    {
        check(rnn_state_copy_stream(get(), stream, source.get(), source_stream));
    }
#ifdef RNN_EXPERIMENTAL
    /// Chooses the data that later calls keep: a sum of RNN_OBSERVE_ values.
    void observe(int32_t what)
    {
        check(rnn_state_observe(get(), what));
    }
    /// How strongly the loss depends on a layer at each of the `steps` of the last chunk
    std::vector<double> gradient_norms(int64_t layer, int64_t steps) const
    {
        std::vector<double> norms(static_cast<std::size_t>(steps));
        check(rnn_state_get_gradient_norms(get(), layer, norms.data(), steps));
        return norms;
    }
#endif
};

/// An update rule and the values that it has accumulated
class Optimizer : public Object<rnn_optimizer, rnn_optimizer_destroy>
{
  public:
    explicit Optimizer(rnn_optimizer *owned) noexcept : Object(owned) {}
    explicit Optimizer(const Model &model, const OptimizerOptions &options = OptimizerOptions())
        : Object(make(rnn_optimizer_create, static_cast<const rnn_model *>(model.get()),
                      static_cast<const rnn_optimizer_options *>(&options)))
    {
    }
    /// Updates the parameters by the gradients, then sets the gradients to zero.
    void step(Model &model)
    {
        check(rnn_optimizer_step(get(), model.get()));
    }
    OptimizerOptions options() const
    {
        OptimizerOptions options;
        check(rnn_optimizer_get_options(get(), &options));
        return options;
    }
    void set_options(const OptimizerOptions &options)
    {
        check(rnn_optimizer_set_options(get(), &options));
    }
    double learning_rate() const noexcept
    {
        return rnn_optimizer_learning_rate(get());
    }
    void set_learning_rate(double learning_rate)
    {
        check(rnn_optimizer_set_learning_rate(get(), learning_rate));
    }
};

/// A reproducible way of drawing symbols
class Sampler : public Object<rnn_sampler, rnn_sampler_destroy>
{
  public:
    explicit Sampler(rnn_sampler *owned) noexcept : Object(owned) {}
    explicit Sampler(const SamplerOptions &options = {})
        : Object(make(rnn_sampler_create, static_cast<const rnn_sampler_options *>(&options)))
    {
    }
    void set_options(const SamplerOptions &options)
    {
        check(rnn_sampler_set_options(get(), &options));
    }
};

/// A training run. Objects that it doesn't have are empty.
struct Checkpoint {
    std::optional<Model> model;
    std::optional<Optimizer> optimizer;
    std::optional<State> state;
    std::optional<Sampler> sampler;
    std::optional<Vocab> vocab;
    std::optional<Model> average;
    int64_t corpus_position = 0;
    std::array<int64_t, RNN_CHECKPOINT_NUMBERS> counters{};
    std::array<double, RNN_CHECKPOINT_NUMBERS> values{};

    void save(const std::string &path) const
    {
        rnn_checkpoint c;
        check(rnn_checkpoint_init(&c, sizeof c));
        c.model = model ? model->get() : nullptr;
        c.optimizer = optimizer ? optimizer->get() : nullptr;
        c.state = state ? state->get() : nullptr;
        c.sampler = sampler ? sampler->get() : nullptr;
        c.vocab = vocab ? vocab->get() : nullptr;
        c.average = average ? average->get() : nullptr;
        c.corpus_position = corpus_position;
        for (std::size_t i = 0; i < counters.size(); i++) {
            c.counters[i] = counters[i];
            c.values[i] = values[i];
        }
        check(rnn_checkpoint_save(&c, path.c_str()));
    }
    static Checkpoint load(const std::string &path)
    {
        rnn_checkpoint c;
        Checkpoint loaded;
        check(rnn_checkpoint_init(&c, sizeof c));
        check(rnn_checkpoint_load(path.c_str(), &c));
        own(loaded.model, c.model);
        own(loaded.optimizer, c.optimizer);
        own(loaded.state, c.state);
        own(loaded.sampler, c.sampler);
        own(loaded.vocab, c.vocab);
        own(loaded.average, c.average);
        loaded.corpus_position = c.corpus_position;
        for (std::size_t i = 0; i < loaded.counters.size(); i++) {
            loaded.counters[i] = c.counters[i];
            loaded.values[i] = c.values[i];
        }
        return loaded;
    }

  private:
    template <typename T, typename Handle> static void own(std::optional<T> &object, Handle *handle) noexcept
    {
        if (handle)
            object.emplace(handle);
    }
};

// ---- Methods of Model that need the other classes ----

inline LoadedModel Model::load(const std::string &path, const LoadOptions &options)
{
    rnn_model *model = nullptr;
    rnn_vocab *vocab = nullptr;
    check(rnn_model_load(path.c_str(), &options, &model, &vocab));
    return {Model(model), vocab ? std::optional<Vocab>(Vocab(vocab)) : std::nullopt};
}

inline LoadedModel Model::from_bytes(span<const unsigned char> bytes, const LoadOptions &options)
{
    rnn_model *model = nullptr;
    rnn_vocab *vocab = nullptr;
    check(rnn_model_load_from_memory(bytes.data(), bytes.size(), &options, &model, &vocab));
    return {Model(model), vocab ? std::optional<Vocab>(Vocab(vocab)) : std::nullopt};
}

template <typename T> std::vector<T> Model::forward(State &state, const Chunk &chunk, Loss *loss) const
{
    need<T>();
    std::vector<T> outputs(outputs_count(chunk));
    check(rnn_forward(get(), state.get(), &chunk, outputs.data(), static_cast<int64_t>(outputs.size()), loss));
    return outputs;
}

inline Loss Model::forward_backward(State &state, const Chunk &chunk)
{
    Loss loss;
    check(rnn_forward_backward(get(), state.get(), &chunk, &loss));
    return loss;
}

template <typename T> std::vector<T> Model::forward_training(State &state, const Chunk &chunk)
{
    need<T>();
    std::vector<T> outputs(outputs_count(chunk));
    check(rnn_forward_training(get(), state.get(), &chunk, outputs.data(), static_cast<int64_t>(outputs.size())));
    return outputs;
}

inline void Model::backward(State &state, const ChunkGradients &gradients)
{
    check(rnn_backward(get(), state.get(), &gradients));
}

inline std::vector<int32_t> Model::sample(State &state, Sampler &sampler, span<const int32_t> first, int64_t n) const
{
    const int64_t streams = state.streams();
    if (static_cast<int64_t>(first.size()) != streams)
        throw Error(RNN_ERROR_MISMATCH, "first has " + std::to_string(first.size()) + " ids; the state has " +
                                            std::to_string(streams) + " streams");
    std::vector<int32_t> ids(n > 0 ? static_cast<std::size_t>(n * streams) : 0);
    check(rnn_sample(get(), state.get(), sampler.get(), first.data(), n, ids.data()));
    return ids;
}

inline Generated Model::generate(State &state, Sampler &sampler, span<const int32_t> prompt, int64_t n,
                                 int32_t stop) const
{
    if (state.streams() != 1)
        throw Error(RNN_ERROR_MISMATCH,
                    "the state has " + std::to_string(state.streams()) + " streams; generate() needs one");
    rnn_generate_options options;
    check(rnn_generate_options_init(&options, sizeof options));
    options.prompt = prompt.empty() ? nullptr : prompt.data();
    options.prompt_steps = static_cast<int64_t>(prompt.size());
    options.most = n;
    if (stop != RNN_IGNORE)
        options.stop = stop;
    Generated drawn;
    drawn.ids.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    drawn.log_probabilities.resize(drawn.ids.size());
    int64_t count = 0;
    check(rnn_generate(get(), state.get(), sampler.get(), &options, drawn.ids.data(), &count,
                       drawn.log_probabilities.data()));
    drawn.ids.resize(static_cast<std::size_t>(count));
    drawn.log_probabilities.resize(static_cast<std::size_t>(count));
    return drawn;
}

inline std::vector<BeamResult> Model::beam_search(const State &state, const BeamOptions &options) const
{
    const std::size_t most = options.most > 0 ? static_cast<std::size_t>(options.most) : 0;
    const std::size_t wanted = options.results > 0 ? static_cast<std::size_t>(options.results) : 0;
    std::vector<int32_t> ids(most * wanted);
    std::vector<int64_t> counts(wanted);
    std::vector<double> log_probabilities(wanted), scores(wanted);
    check(rnn_beam_search(get(), state.get(), &options, ids.data(), counts.data(), log_probabilities.data(),
                          scores.data()));
    std::vector<BeamResult> results;
    for (std::size_t k = 0; k < wanted && counts[k] > 0; k++) {
        const auto first = ids.begin() + static_cast<std::ptrdiff_t>(k * most);
        results.push_back({{first, first + counts[k]}, log_probabilities[k], scores[k]});
    }
    return results;
}

} // namespace rnn

#endif
