package rnn

/*
#include "helpers.h"
*/
import "C"

import "unsafe"

// A State holds the values that a model carries from chunk to chunk. It may outlive its model.
type State struct {
	h         *handle
	streams   int
	precision int32
	values    int
}

// NewState creates a state of zeros for a model and all models of its shape.
func NewState(model *Model, streams int) (*State, error) {
	o := model.options
	kinds, directions := 1, 1
	if o.Cell == LSTM {
		kinds = 2
	}
	if o.Bidirectional {
		directions = 2
	}
	count, err := product(kinds, directions, o.Layers, streams, o.HiddenSize)
	if err != nil {
		return nil, err
	}
	var out *C.rnn_state
	err = with(func() C.rnn_status {
		return C.rnn_state_create(model.c(), C.int64_t(streams), &out)
	}, read(model.h))
	if err != nil {
		return nil, err
	}
	h := newHandle(unsafe.Pointer(out), func(p unsafe.Pointer) { C.rnn_state_destroy((*C.rnn_state)(p)) })
	return &State{h, streams, o.Precision, count}, nil
}

func (s *State) c() *C.rnn_state { return (*C.rnn_state)(s.h.pointer) }

// Close releases the state.
func (s *State) Close() error {
	s.h.close()
	return nil
}

// Streams returns the number of streams.
func (s *State) Streams() int { return s.streams }

// Reset resets all streams.
func (s *State) Reset() error {
	return with(func() C.rnn_status { return C.rnn_state_reset(s.c()) }, write(s.h))
}

// ResetStream resets one stream.
func (s *State) ResetStream(stream int) error {
	return with(func() C.rnn_status { return C.rnn_state_reset_stream(s.c(), C.int64_t(stream)) }, write(s.h))
}

// CopyFrom copies all values from another state.
func (s *State) CopyFrom(source *State) error {
	return with(func() C.rnn_status { return C.rnn_state_copy(s.c(), source.c()) }, write(s.h), write(source.h))
}

// CopyStreamFrom copies one stream from another state.
func (s *State) CopyStreamFrom(stream int, source *State, sourceStream int) error {
	return with(func() C.rnn_status {
		return C.rnn_state_copy_stream(s.c(), C.int64_t(stream), source.c(), C.int64_t(sourceStream))
	}, write(s.h), write(source.h))
}

func stateValues[F float](s *State) ([]F, error) {
	if s.precision != precisionOf[F]() {
		return nil, &Error{ErrMismatch, "the slice doesn't have the state's precision"}
	}
	result := make([]F, s.values)
	err := with(func() C.rnn_status {
		return C.rnn_state_get_all(s.c(), first(result), C.int64_t(len(result)))
	}, write(s.h))
	if err != nil {
		return nil, err
	}
	return result, nil
}

func setStateValues[F float](s *State, numbers []F) error {
	if s.precision != precisionOf[F]() {
		return &Error{ErrMismatch, "the slice doesn't have the state's precision"}
	}
	return with(func() C.rnn_status {
		return C.rnn_state_set_all(s.c(), first(numbers), C.int64_t(len(numbers)))
	}, write(s.h))
}

// Values copies the values of all layers and streams, [P][L][B][H]: all h and then, for an LSTM, all c.
func (s *State) Values() ([]float32, error) { return stateValues[float32](s) }

// Values64 is Values for a model of Float64.
func (s *State) Values64() ([]float64, error) { return stateValues[float64](s) }

// SetValues sets the values of all layers and streams.
func (s *State) SetValues(numbers []float32) error { return setStateValues(s, numbers) }

// SetValues64 is SetValues for a model of Float64.
func (s *State) SetValues64(numbers []float64) error { return setStateValues(s, numbers) }

// OptimizerOptions is the configuration of an optimizer. Begin with DefaultOptimizerOptions.
type OptimizerOptions struct {
	Rule                                                       int32
	Nesterov, SpareBiases                                      bool
	LearningRate, Epsilon, WeightDecay, Momentum, Beta1, Beta2 float64
	ClipValue, ClipNorm                                        float64
}

// DefaultOptimizerOptions returns the usual settings of a rule.
func DefaultOptimizerOptions(rule int32) OptimizerOptions {
	var raw C.rnn_optimizer_options
	if C.rnn_optimizer_options_init(&raw, C.sizeof_rnn_optimizer_options, C.int32_t(rule)) != C.RNN_OK {
		return OptimizerOptions{Rule: rule} // NewOptimizer refuses the rule
	}
	return OptimizerOptions{
		Rule: int32(raw.rule), LearningRate: float64(raw.learning_rate), Epsilon: float64(raw.epsilon),
		WeightDecay: float64(raw.weight_decay), Momentum: float64(raw.momentum),
		Beta1: float64(raw.beta1), Beta2: float64(raw.beta2),
	}
}

// An Optimizer is an update rule and the values that it has accumulated. It may outlive its model.
type Optimizer struct {
	h *handle
}

// NewOptimizer creates an optimizer for models of one shape.
func NewOptimizer(model *Model, o OptimizerOptions) (*Optimizer, error) {
	var raw C.rnn_optimizer_options
	size := C.size_t(C.sizeof_rnn_optimizer_options)
	err := call(func() C.rnn_status { return C.rnn_optimizer_options_init(&raw, size, C.int32_t(o.Rule)) })
	if err != nil {
		return nil, err
	}
	raw.nesterov, raw.spare_biases = flag(o.Nesterov), flag(o.SpareBiases)
	raw.learning_rate, raw.epsilon = C.double(o.LearningRate), C.double(o.Epsilon)
	raw.weight_decay, raw.momentum = C.double(o.WeightDecay), C.double(o.Momentum)
	raw.beta1, raw.beta2 = C.double(o.Beta1), C.double(o.Beta2)
	raw.clip_value, raw.clip_norm = C.double(o.ClipValue), C.double(o.ClipNorm)
	var out *C.rnn_optimizer
	err = with(func() C.rnn_status { return C.rnn_optimizer_create(model.c(), &raw, &out) }, read(model.h))
	if err != nil {
		return nil, err
	}
	destroy := func(p unsafe.Pointer) { C.rnn_optimizer_destroy((*C.rnn_optimizer)(p)) }
	return &Optimizer{newHandle(unsafe.Pointer(out), destroy)}, nil
}

func (o *Optimizer) c() *C.rnn_optimizer { return (*C.rnn_optimizer)(o.h.pointer) }

// Close releases the optimizer.
func (o *Optimizer) Close() error {
	o.h.close()
	return nil
}

// Step updates the model's parameters with its gradients, and sets the gradients to zero.
func (o *Optimizer) Step(model *Model) error {
	return with(func() C.rnn_status { return C.rnn_optimizer_step(o.c(), model.c()) }, write(o.h), write(model.h))
}

// LearningRate returns the learning rate; 0 after Close.
func (o *Optimizer) LearningRate() float64 {
	unlock, err := use(write(o.h))
	if err != nil {
		return 0
	}
	defer unlock()
	return float64(C.rnn_optimizer_learning_rate(o.c()))
}

// SetLearningRate changes the learning rate from the next step on.
func (o *Optimizer) SetLearningRate(rate float64) error {
	return with(func() C.rnn_status { return C.rnn_optimizer_set_learning_rate(o.c(), C.double(rate)) }, write(o.h))
}

// SamplerOptions is the configuration of a sampler. Begin with DefaultSamplerOptions.
type SamplerOptions struct {
	Temperature       float64
	Seed              uint64
	TopK              int
	TopP, MinP        float64
	RepetitionPenalty float64
	RepetitionWindow  int
	Excluded          []int32 // ids that are never drawn
	Vocab             *Vocab  // its unknown symbol is excluded; may be nil
}

// DefaultSamplerOptions returns the library's defaults.
func DefaultSamplerOptions() SamplerOptions {
	var raw C.rnn_sampler_options
	if C.rnn_sampler_options_init(&raw, C.sizeof_rnn_sampler_options) != C.RNN_OK {
		return SamplerOptions{} // an older library, which refuses these options
	}
	return SamplerOptions{
		Temperature: float64(raw.temperature), TopP: float64(raw.top_p),
		RepetitionPenalty: float64(raw.repetition_penalty),
	}
}

// A Sampler is a reproducible way of drawing symbols.
type Sampler struct {
	h *handle
}

// NewSampler creates a sampler.
func NewSampler(o SamplerOptions) (*Sampler, error) {
	var raw C.rnn_sampler_options
	err := call(func() C.rnn_status { return C.rnn_sampler_options_init(&raw, C.sizeof_rnn_sampler_options) })
	if err != nil {
		return nil, err
	}
	raw.temperature, raw.seed, raw.top_k = C.double(o.Temperature), C.uint64_t(o.Seed), C.int64_t(o.TopK)
	raw.top_p, raw.min_p = C.double(o.TopP), C.double(o.MinP)
	raw.repetition_penalty = C.double(o.RepetitionPenalty)
	raw.repetition_window = C.int64_t(o.RepetitionWindow)
	vocab := func() *C.rnn_vocab { return nil }
	var accesses []access
	if o.Vocab != nil {
		vocab, accesses = o.Vocab.c, []access{read(o.Vocab.h)}
	}
	var out *C.rnn_sampler
	err = with(func() C.rnn_status {
		return C.go_sampler(&raw, ids(o.Excluded), C.int64_t(len(o.Excluded)), vocab(), &out)
	}, accesses...)
	if err != nil {
		return nil, err
	}
	destroy := func(p unsafe.Pointer) { C.rnn_sampler_destroy((*C.rnn_sampler)(p)) }
	return &Sampler{newHandle(unsafe.Pointer(out), destroy)}, nil
}

func (s *Sampler) c() *C.rnn_sampler { return (*C.rnn_sampler)(s.h.pointer) }

// Close releases the sampler.
func (s *Sampler) Close() error {
	s.h.close()
	return nil
}
