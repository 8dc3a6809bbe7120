package rnn

/*
#include "helpers.h"
*/
import "C"

import "unsafe"

// The choices of ModelOptions, which the header describes.
const (
	Tanh int32 = C.RNN_CELL_TANH
	GRU  int32 = C.RNN_CELL_GRU
	LSTM int32 = C.RNN_CELL_LSTM

	InputIDs       int32 = C.RNN_INPUT_IDS
	InputEmbedding int32 = C.RNN_INPUT_EMBEDDING
	InputVectors   int32 = C.RNN_INPUT_VECTORS

	CrossEntropy int32 = C.RNN_LOSS_CROSS_ENTROPY
	SquaredError int32 = C.RNN_LOSS_SQUARED_ERROR

	BiasInput int32 = C.RNN_BIAS_INPUT
	BiasBoth  int32 = C.RNN_BIAS_BOTH

	InitNormal  int32 = C.RNN_INIT_NORMAL
	InitUniform int32 = C.RNN_INIT_UNIFORM

	Float32         int32 = C.RNN_FLOAT32
	Float64         int32 = C.RNN_FLOAT64
	PrecisionStored int32 = C.RNN_PRECISION_STORED

	ReductionSum  int32 = C.RNN_REDUCTION_SUM
	ReductionMean int32 = C.RNN_REDUCTION_MEAN

	Adagrad int32 = C.RNN_OPTIMIZER_ADAGRAD
	SGD     int32 = C.RNN_OPTIMIZER_SGD
	RMSprop int32 = C.RNN_OPTIMIZER_RMSPROP
	Adam    int32 = C.RNN_OPTIMIZER_ADAM
	AdamW   int32 = C.RNN_OPTIMIZER_ADAMW
)

// ModelOptions is the configuration of a model. Begin with DefaultModelOptions.
type ModelOptions struct {
	InputSize, HiddenSize, OutputSize, Layers, EmbeddingSize       int
	Cell, Precision, Reduction, Input, Loss, Bias, Initialization  int32
	Orthogonal, Tied, DropoutPerChunk, Bidirectional, LearnedState bool
	LayerNorm                                                      bool
	WeightScale, ForgetBias                                        float64
	Dropout, DropoutInput, DropoutOutput, DropoutRecurrent         float64
	Seed                                                           uint64
}

func (o *ModelOptions) toC(raw *C.rnn_model_options) error {
	err := call(func() C.rnn_status { return C.rnn_model_options_init(raw, C.sizeof_rnn_model_options) })
	raw.input_size, raw.hidden_size = C.int64_t(o.InputSize), C.int64_t(o.HiddenSize)
	raw.output_size, raw.layers = C.int64_t(o.OutputSize), C.int64_t(o.Layers)
	raw.embedding_size = C.int64_t(o.EmbeddingSize)
	raw.cell, raw.precision, raw.reduction = C.int32_t(o.Cell), C.int32_t(o.Precision), C.int32_t(o.Reduction)
	raw.input, raw.loss, raw.bias = C.int32_t(o.Input), C.int32_t(o.Loss), C.int32_t(o.Bias)
	raw.initialization = C.int32_t(o.Initialization)
	raw.orthogonal, raw.tied, raw.dropout_per_chunk = flag(o.Orthogonal), flag(o.Tied), flag(o.DropoutPerChunk)
	raw.bidirectional, raw.learned_state = flag(o.Bidirectional), flag(o.LearnedState)
	raw.layer_norm = flag(o.LayerNorm)
	raw.weight_scale, raw.forget_bias = C.double(o.WeightScale), C.double(o.ForgetBias)
	raw.dropout, raw.dropout_input = C.double(o.Dropout), C.double(o.DropoutInput)
	raw.dropout_output, raw.dropout_recurrent = C.double(o.DropoutOutput), C.double(o.DropoutRecurrent)
	raw.seed = C.uint64_t(o.Seed)
	return err
}

func modelOptions(raw *C.rnn_model_options) ModelOptions {
	return ModelOptions{
		InputSize: int(raw.input_size), HiddenSize: int(raw.hidden_size), OutputSize: int(raw.output_size),
		Layers: int(raw.layers), EmbeddingSize: int(raw.embedding_size),
		Cell: int32(raw.cell), Precision: int32(raw.precision), Reduction: int32(raw.reduction),
		Input: int32(raw.input), Loss: int32(raw.loss), Bias: int32(raw.bias),
		Initialization: int32(raw.initialization),
		Orthogonal:     raw.orthogonal != 0, Tied: raw.tied != 0, DropoutPerChunk: raw.dropout_per_chunk != 0,
		Bidirectional: raw.bidirectional != 0, LearnedState: raw.learned_state != 0, LayerNorm: raw.layer_norm != 0,
		WeightScale: float64(raw.weight_scale), ForgetBias: float64(raw.forget_bias),
		Dropout: float64(raw.dropout), DropoutInput: float64(raw.dropout_input),
		DropoutOutput: float64(raw.dropout_output), DropoutRecurrent: float64(raw.dropout_recurrent),
		Seed: uint64(raw.seed),
	}
}

// DefaultModelOptions returns the library's defaults with the sizes of input and output.
func DefaultModelOptions(inputSize, outputSize int) ModelOptions {
	var raw C.rnn_model_options
	if C.rnn_model_options_init(&raw, C.sizeof_rnn_model_options) != C.RNN_OK {
		return ModelOptions{} // an older library, which refuses these options
	}
	options := modelOptions(&raw)
	options.InputSize, options.OutputSize = inputSize, outputSize
	return options
}

// A Loss is a sum over the positions that count.
type Loss struct {
	Sum   float64
	Count int64
}

// Mean returns the mean; 0 if no position counts.
func (l Loss) Mean() float64 {
	if l.Count == 0 {
		return 0
	}
	return l.Sum / float64(l.Count)
}

// A Model is a network: its configuration, its parameters and their gradients.
type Model struct {
	h       *handle
	options ModelOptions
}

func newModel(f func(out **C.rnn_model) C.rnn_status, accesses ...access) (*Model, error) {
	var out *C.rnn_model
	if err := with(func() C.rnn_status { return f(&out) }, accesses...); err != nil {
		return nil, err
	}
	destroy := func(p unsafe.Pointer) { C.rnn_model_destroy((*C.rnn_model)(p)) }
	m := &Model{h: newHandle(unsafe.Pointer(out), destroy)}
	raw := C.rnn_model_options{struct_size: C.sizeof_rnn_model_options}
	if err := with(func() C.rnn_status { return C.rnn_model_get_options(m.c(), &raw) }, read(m.h)); err != nil {
		m.h.close()
		return nil, err
	}
	m.options = modelOptions(&raw)
	return m, nil
}

func (m *Model) c() *C.rnn_model { return (*C.rnn_model)(m.h.pointer) }

// NewModel creates a model with its initial parameters.
func NewModel(options ModelOptions) (*Model, error) {
	var raw C.rnn_model_options
	if err := options.toC(&raw); err != nil {
		return nil, err
	}
	return newModel(func(out **C.rnn_model) C.rnn_status { return C.rnn_model_create(&raw, out) })
}

func load(path *C.char, bytes []byte, precision int32) (*Model, *Vocab, error) {
	var vocab *C.rnn_vocab
	model, err := newModel(func(out **C.rnn_model) C.rnn_status {
		return C.go_load(path, first(bytes), C.size_t(len(bytes)), C.int32_t(precision), out, &vocab)
	})
	if vocab == nil {
		return model, nil, err
	}
	return model, ownVocab(vocab), err
}

// LoadModel loads a model, and the vocabulary that was saved with it, or nil. precision is Float32, Float64 or
// PrecisionStored.
func LoadModel(path string, precision int32) (*Model, *Vocab, error) {
	name, err := cString(path)
	if err != nil {
		return nil, nil, err
	}
	defer free(name)
	return load(name, nil, precision)
}

// LoadModelFromBytes loads a model from the contents of a file.
func LoadModelFromBytes(bytes []byte, precision int32) (*Model, *Vocab, error) {
	return load(nil, bytes, precision)
}

// vocabulary returns the accesses of a model and of a vocabulary that may be nil.
func (m *Model) vocabulary(vocab *Vocab) (func() *C.rnn_vocab, []access) {
	if vocab == nil {
		return func() *C.rnn_vocab { return nil }, []access{read(m.h)}
	}
	return vocab.c, []access{read(m.h), read(vocab.h)}
}

// Save writes the model to a file, with the vocabulary of its ids unless that is nil.
func (m *Model) Save(path string, vocab *Vocab) error {
	name, err := cString(path)
	if err != nil {
		return err
	}
	defer free(name)
	symbols, accesses := m.vocabulary(vocab)
	return with(func() C.rnn_status { return C.rnn_model_save(m.c(), symbols(), name) }, accesses...)
}

// Bytes returns the bytes that Save would write.
func (m *Model) Bytes(vocab *Vocab) ([]byte, error) {
	symbols, accesses := m.vocabulary(vocab)
	var bytes []byte
	var size C.size_t
	save := func() C.rnn_status {
		return C.rnn_model_save_to_memory(m.c(), symbols(), first(bytes), C.size_t(len(bytes)), &size)
	}
	if err := with(save, accesses...); err != nil {
		return nil, err
	}
	bytes = make([]byte, size)
	if err := with(save, accesses...); err != nil {
		return nil, err
	}
	return bytes[:size], nil
}

// Close releases the model.
func (m *Model) Close() error {
	m.h.close()
	return nil
}

// Options returns the options that the model was created with.
func (m *Model) Options() ModelOptions { return m.options }

// Copy copies the model without its gradients.
func (m *Model) Copy() (*Model, error) {
	return newModel(func(out **C.rnn_model) C.rnn_status { return C.rnn_model_copy(m.c(), out) }, read(m.h))
}

// Average moves this model, a running average, towards another: average += weight (model - average).
func (m *Model) Average(model *Model, weight float64) error {
	return with(func() C.rnn_status {
		return C.rnn_model_average(m.c(), model.c(), C.double(weight))
	}, write(m.h), read(model.h))
}

// A Parameter describes one of a model's parameters.
type Parameter struct {
	Name   string
	Shape  [2]int // rows and columns; a vector has one column
	Count  int
	Frozen bool
}

// Parameters describes all parameters.
func (m *Model) Parameters() ([]Parameter, error) {
	unlock, err := use(read(m.h))
	if err != nil {
		return nil, err
	}
	defer unlock()
	parameters := make([]Parameter, C.rnn_model_parameter_count(m.c()))
	for i := range parameters {
		raw := C.rnn_parameter{struct_size: C.sizeof_rnn_parameter}
		err := call(func() C.rnn_status { return C.rnn_model_describe_parameter(m.c(), C.int64_t(i), &raw) })
		if err != nil {
			return nil, err
		}
		parameters[i] = Parameter{
			Name: C.GoString(raw.name), Shape: [2]int{int(raw.shape[0]), int(raw.shape[1])},
			Count: int(raw.count), Frozen: raw.frozen != 0,
		}
	}
	return parameters, nil
}

// parameter runs a call with the index of a parameter.
func (m *Model) parameter(name string, f func(index C.int64_t) C.rnn_status, a access) error {
	text, err := cString(name)
	if err != nil {
		return err
	}
	defer free(text)
	return with(func() C.rnn_status {
		var index C.int64_t
		if status := C.rnn_model_find_parameter(m.c(), text, &index); status != C.RNN_OK {
			return status
		}
		return f(index)
	}, a)
}

func (m *Model) precision(wanted int32) error {
	if m.options.Precision != wanted {
		return &Error{ErrMismatch, "the slice doesn't have the model's precision"}
	}
	return nil
}

type float interface{ float32 | float64 }

func precisionOf[F float]() int32 {
	if unsafe.Sizeof(F(0)) == 8 {
		return Float64
	}
	return Float32
}

func values[F float](m *Model, name string, gradient bool) ([]F, error) {
	if err := m.precision(precisionOf[F]()); err != nil {
		return nil, err
	}
	var result []F
	err := m.parameter(name, func(index C.int64_t) C.rnn_status {
		raw := C.rnn_parameter{struct_size: C.sizeof_rnn_parameter}
		if status := C.rnn_model_describe_parameter(m.c(), index, &raw); status != C.RNN_OK {
			return status
		}
		result = make([]F, raw.count)
		if gradient {
			return C.rnn_model_get_gradient(m.c(), index, first(result), raw.count)
		}
		return C.rnn_model_get_parameter(m.c(), index, first(result), raw.count)
	}, read(m.h))
	return result, err
}

func setValues[F float](m *Model, name string, numbers []F, gradient bool) error {
	if err := m.precision(precisionOf[F]()); err != nil {
		return err
	}
	return m.parameter(name, func(index C.int64_t) C.rnn_status {
		if gradient {
			return C.rnn_model_set_gradient(m.c(), index, first(numbers), C.int64_t(len(numbers)))
		}
		return C.rnn_model_set_parameter(m.c(), index, first(numbers), C.int64_t(len(numbers)))
	}, write(m.h))
}

// Values copies a parameter's values, row-major.
func (m *Model) Values(name string) ([]float32, error) { return values[float32](m, name, false) }

// Values64 is Values for a model of Float64.
func (m *Model) Values64(name string) ([]float64, error) { return values[float64](m, name, false) }

// SetValues sets a parameter's values, row-major.
func (m *Model) SetValues(name string, numbers []float32) error {
	return setValues(m, name, numbers, false)
}

// SetValues64 is SetValues for a model of Float64.
func (m *Model) SetValues64(name string, numbers []float64) error {
	return setValues(m, name, numbers, false)
}

// Gradient copies a parameter's gradient, row-major. It is zero before the first backward pass.
func (m *Model) Gradient(name string) ([]float32, error) { return values[float32](m, name, true) }

// Gradient64 is Gradient for a model of Float64.
func (m *Model) Gradient64(name string) ([]float64, error) { return values[float64](m, name, true) }

// SetGradient sets a parameter's gradient, row-major, for the next step.
func (m *Model) SetGradient(name string, numbers []float32) error {
	return setValues(m, name, numbers, true)
}

// SetGradient64 is SetGradient for a model of Float64.
func (m *Model) SetGradient64(name string, numbers []float64) error {
	return setValues(m, name, numbers, true)
}

// Freeze freezes a parameter, so that steps don't change it, or unfreezes it.
func (m *Model) Freeze(name string, frozen bool) error {
	return m.parameter(name, func(index C.int64_t) C.rnn_status {
		return C.rnn_model_freeze(m.c(), index, flag(frozen))
	}, write(m.h))
}

// CheckFinite checks that all parameters are finite.
func (m *Model) CheckFinite() error {
	return with(func() C.rnn_status { return C.rnn_model_check_finite(m.c()) }, read(m.h))
}

// ZeroGradients sets all gradients to zero.
func (m *Model) ZeroGradients() error {
	return with(func() C.rnn_status { return C.rnn_model_zero_gradients(m.c()) }, write(m.h))
}

// ClipValue limits each element of the gradients.
func (m *Model) ClipValue(limit float64) error {
	return with(func() C.rnn_status { return C.rnn_model_clip_value(m.c(), C.double(limit)) }, write(m.h))
}

// ClipNorm scales the gradients down together if their norm exceeds a limit. It returns the norm before.
func (m *Model) ClipNorm(limit float64) (float64, error) {
	var norm C.double
	err := with(func() C.rnn_status { return C.rnn_model_clip_norm(m.c(), C.double(limit), &norm) }, write(m.h))
	return float64(norm), err
}

// SetNote stores a note under a key.
func (m *Model) SetNote(key, value string) error {
	k, err := cString(key)
	if err != nil {
		return err
	}
	defer free(k)
	v, err := cString(value)
	if err != nil {
		return err
	}
	defer free(v)
	return with(func() C.rnn_status { return C.rnn_model_set_note(m.c(), k, v) }, write(m.h))
}

// Note returns the note under a key, and whether there is one.
func (m *Model) Note(key string) (string, bool) {
	k, err := cString(key)
	if err != nil {
		return "", false
	}
	defer free(k)
	unlock, err := use(read(m.h))
	if err != nil {
		return "", false
	}
	defer unlock()
	note := C.rnn_model_note(m.c(), k)
	return C.GoString(note), note != nil
}

// vectors returns a chunk's vectors, of one precision, after it has checked their number.
func vectors(name string, numbers []float32, numbers64 []float64, precision int32, wanted int) (unsafe.Pointer, error) {
	length, pointer := len(numbers), first(numbers)
	other := len(numbers64)
	if precision == Float64 {
		length, pointer, other = len(numbers64), first(numbers64), len(numbers)
	}
	if other > 0 {
		return nil, &Error{ErrMismatch, name + " don't have the model's precision"}
	}
	if length == 0 {
		return nil, nil
	}
	return pointer, expect(name, length, wanted)
}

type chunkArrays struct {
	shape           C.go_chunk
	inputs, targets *C.int32_t
	vectors         [2]unsafe.Pointer
	lengths         *C.int64_t
	outputs         int // the number of outputs
}

// arrays checks the lengths of a chunk's slices, which C can't know.
func (m *Model) arrays(chunk *Chunk) (a chunkArrays, err error) {
	positions, err := product(chunk.Steps, chunk.Streams)
	if err != nil {
		return a, err
	}
	counted := positions
	if chunk.LastOnly {
		counted = chunk.Streams
	}
	inputs, err := product(positions, m.options.InputSize)
	if err != nil {
		return a, err
	}
	if a.outputs, err = product(counted, m.options.OutputSize); err != nil {
		return a, err
	}
	for _, s := range []struct {
		name           string
		length, wanted int
	}{
		{"Inputs", len(chunk.Inputs), positions},
		{"Targets", len(chunk.Targets), counted},
		{"Lengths", len(chunk.Lengths), chunk.Streams},
	} {
		if s.length > 0 {
			if err := expect(s.name, s.length, s.wanted); err != nil {
				return a, err
			}
		}
	}
	p := m.options.Precision
	if a.vectors[0], err = vectors("InputVectors", chunk.InputVectors, chunk.InputVectors64, p, inputs); err != nil {
		return a, err
	}
	a.vectors[1], err = vectors("TargetVectors", chunk.TargetVectors, chunk.TargetVectors64, p, a.outputs)
	a.shape.steps, a.shape.streams = C.int64_t(chunk.Steps), C.int64_t(chunk.Streams)
	a.shape.last_only = flag(chunk.LastOnly)
	a.inputs, a.targets = ids(chunk.Inputs), ids(chunk.Targets)
	a.lengths = (*C.int64_t)(first(chunk.Lengths))
	return a, err
}

func (m *Model) forward(state *State, chunk *Chunk, outputs unsafe.Pointer, count int, loss *C.rnn_loss) error {
	a, err := m.arrays(chunk)
	if err != nil {
		return err
	}
	if outputs != nil {
		if err := expect("outputs", count, a.outputs); err != nil {
			return err
		}
	}
	return with(func() C.rnn_status {
		return C.go_forward(m.c(), state.c(), &a.shape, a.inputs, a.targets, a.vectors[0], a.vectors[1], a.lengths,
			outputs, C.int64_t(count), loss)
	}, read(m.h), write(state.h))
}

func outputs[F float](m *Model, state *State, chunk *Chunk) ([]F, error) {
	if err := m.precision(precisionOf[F]()); err != nil {
		return nil, err
	}
	a, err := m.arrays(chunk)
	if err != nil {
		return nil, err
	}
	result := make([]F, a.outputs)
	if err := m.forward(state, chunk, first(result), len(result), nil); err != nil {
		return nil, err
	}
	return result, nil
}

// Forward runs the model over a chunk, advances the state, and returns the outputs, [T][B][O].
func (m *Model) Forward(state *State, chunk *Chunk) ([]float32, error) {
	return outputs[float32](m, state, chunk)
}

// Forward64 is Forward for a model of Float64.
func (m *Model) Forward64(state *State, chunk *Chunk) ([]float64, error) {
	return outputs[float64](m, state, chunk)
}

// Loss runs the model over a chunk with targets, advances the state, and returns the loss.
func (m *Model) Loss(state *State, chunk *Chunk) (Loss, error) {
	var loss C.rnn_loss
	err := m.forward(state, chunk, nil, 0, &loss)
	return Loss{float64(loss.sum), int64(loss.count)}, err
}

// ForwardBackward runs the model forward and backward over a chunk, advances the state, and adds to the gradients.
func (m *Model) ForwardBackward(state *State, chunk *Chunk) (Loss, error) {
	a, err := m.arrays(chunk)
	if err != nil {
		return Loss{}, err
	}
	var loss C.rnn_loss
	err = with(func() C.rnn_status {
		return C.go_forward_backward(m.c(), state.c(), &a.shape, a.inputs, a.targets, a.vectors[0], a.vectors[1],
			a.lengths, &loss)
	}, write(m.h), write(state.h))
	return Loss{float64(loss.sum), int64(loss.count)}, err
}

// Evaluate computes the loss over a whole corpus, and the number of targets that had the largest output.
func (m *Model) Evaluate(corpus *Corpus, streams int) (Loss, int64, error) {
	var loss C.rnn_loss
	var hits C.int64_t
	err := with(func() C.rnn_status {
		return C.rnn_evaluate(m.c(), corpus.c(), C.int64_t(streams), &loss, &hits)
	}, read(m.h), write(corpus.h))
	return Loss{float64(loss.sum), int64(loss.count)}, int64(hits), err
}

// Sample draws n symbols in each stream, [n][B]. start has each stream's first input.
func (m *Model) Sample(state *State, sampler *Sampler, start []int32, n int) ([]int32, error) {
	if err := expect("start", len(start), state.streams); err != nil {
		return nil, err
	}
	count, err := product(n, state.streams)
	if err != nil {
		return nil, err
	}
	result := make([]int32, count)
	err = with(func() C.rnn_status {
		return C.rnn_sample(m.c(), state.c(), sampler.c(), ids(start), C.int64_t(n), ids(result))
	}, read(m.h), write(state.h), write(sampler.h))
	if err != nil {
		return nil, err
	}
	return result, nil
}

// A Generated is the result of Generate.
type Generated struct {
	IDs              []int32   // [n][B]; -1 after the end of a stream
	Counts           []int64   // [B] the number of symbols of each stream
	LogProbabilities []float64 // [n][B]; 0 after the end of a stream
}

// Generate reads a prompt, [P][B], and continues it by at most n symbols in each stream, or until the symbol stop. If
// stop is -1, all streams have n symbols.
func (m *Model) Generate(state *State, sampler *Sampler, prompt []int32, n int, stop int32) (*Generated, error) {
	if state.streams == 0 {
		return nil, ErrClosed
	}
	steps := len(prompt) / state.streams
	if err := expect("prompt", len(prompt), steps*state.streams); err != nil {
		return nil, err
	}
	count, err := product(n, state.streams)
	if err != nil {
		return nil, err
	}
	result := &Generated{make([]int32, count), make([]int64, state.streams), make([]float64, count)}
	counts, logs := (*C.int64_t)(first(result.Counts)), (*C.double)(first(result.LogProbabilities))
	room := ids(result.IDs)
	err = with(func() C.rnn_status {
		return C.go_generate(m.c(), state.c(), sampler.c(), ids(prompt), C.int64_t(steps), C.int64_t(n),
			C.int32_t(stop), room, counts, logs)
	}, read(m.h), write(state.h), write(sampler.h))
	if err != nil {
		return nil, err
	}
	return result, nil
}
