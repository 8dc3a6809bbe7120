package rnn_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"librnn/rnn"
	"librnn/rnn/internal/counting"
)

const sentence = "Once upon a time a fisherman lived by the sea. "

// TestMain checks that the tests leave no memory of the library behind, whether they close their objects or not.
func TestMain(m *testing.M) {
	if !counting.Install() {
		panic("the library holds memory before the tests")
	}
	status := m.Run()
	for n := 0; n < 100 && counting.Held() > 0; n++ {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	if held := counting.Held(); held != 0 {
		fmt.Printf("the library still holds %d blocks of memory\n", held)
		status = 1
	}
	os.Exit(status)
}

// must returns a value, or panics; the test then fails.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func wantStatus(t *testing.T, err error, status rnn.Status) {
	t.Helper()
	if !errors.Is(err, status) {
		t.Errorf("the error is %v; it should be %v", err, status)
	}
}

func small(vocab *rnn.Vocab, precision int32) *rnn.Model {
	options := rnn.DefaultModelOptions(vocab.Size(), vocab.Size())
	options.Cell, options.HiddenSize, options.Precision = rnn.GRU, 32, precision
	options.Initialization, options.Reduction, options.Seed = rnn.InitUniform, rnn.ReductionMean, 1
	return must(rnn.NewModel(options))
}

func train(vocab *rnn.Vocab, text []byte, steps int) (*rnn.Model, float64) {
	corpus := must(rnn.NewCorpus(vocab, text, 16, 4))
	defer corpus.Close()
	model := small(vocab, rnn.Float32)
	state := must(rnn.NewState(model, 4))
	defer state.Close()
	rule := rnn.DefaultOptimizerOptions(rnn.Adam)
	rule.LearningRate, rule.ClipNorm = 0.01, 1
	optimizer := must(rnn.NewOptimizer(model, rule))
	defer optimizer.Close()
	var chunk rnn.Chunk
	var loss rnn.Loss
	for step := 0; step < steps; step++ {
		if must(corpus.Next(&chunk)) {
			check(state.Reset())
		}
		loss = must(model.ForwardBackward(state, &chunk))
		check(optimizer.Step(model))
	}
	return model, loss.Mean()
}

func greedy() *rnn.Sampler {
	options := rnn.DefaultSamplerOptions()
	options.Temperature = 0
	return must(rnn.NewSampler(options))
}

func TestModelLearnsTextAndContinuesIt(t *testing.T) {
	text := bytes.Repeat([]byte(sentence), 40)
	vocab := must(rnn.NewVocab(rnn.Bytes, text))
	model, loss := train(vocab, text, 300)
	defer model.Close()
	if loss > 0.3 {
		t.Errorf("the loss is %v", loss)
	}
	total, hits, err := model.Evaluate(must(rnn.NewCorpus(vocab, text, 16, 1)), 1)
	if err != nil || total.Count != int64(len(text)-1) || hits < total.Count*9/10 {
		t.Errorf("evaluate: %v, %v, %v", total, hits, err)
	}
	sampler := greedy()
	prompt := must(vocab.Encode([]byte("Once upon a time a fish")))
	written := must(model.Generate(must(rnn.NewState(model, 1)), sampler, prompt, 30, -1))
	if text := must(vocab.Decode(written.IDs)); !strings.HasPrefix(string(text), "erman lived") {
		t.Errorf("the model writes %q", text)
	}
	stop := must(vocab.Encode([]byte("d")))[0]
	written = must(model.Generate(must(rnn.NewState(model, 1)), sampler, prompt, 30, stop))
	if written.Counts[0] >= 30 || written.IDs[29] != -1 {
		t.Errorf("the stream doesn't stop: %v", written)
	}
	start := must(vocab.Encode([]byte("OO")))
	ids := must(model.Sample(must(rnn.NewState(model, 2)), sampler, start, 5))
	if text := must(vocab.Decode(ids)); string(text) != "nnccee  uu" {
		t.Errorf("the model draws %q", text)
	}
}

func TestSavedModelHasTheSameBytesWhenLoaded(t *testing.T) {
	text := bytes.Repeat([]byte(sentence), 20)
	vocab := must(rnn.NewVocab(rnn.UTF8, text))
	model, _ := train(vocab, text, 20)
	check(model.SetNote("origin", "a test, größer"))
	path := filepath.Join(t.TempDir(), "größer.safetensors")
	check(model.Save(path, vocab))
	loaded, symbols, err := rnn.LoadModel(path, rnn.PrecisionStored)
	check(err)
	if !bytes.Equal(must(os.ReadFile(path)), must(loaded.Bytes(symbols))) {
		t.Error("the bytes differ")
	}
	if note, ok := loaded.Note("origin"); !ok || note != "a test, größer" {
		t.Errorf("the note is %q", note)
	}
	if _, ok := loaded.Note("other"); ok {
		t.Error("there is a note that nobody stored")
	}
	if loaded.Options() != model.Options() {
		t.Error("the options differ")
	}
	wide, none, err := rnn.LoadModelFromBytes(must(model.Bytes(nil)), rnn.Float64)
	check(err)
	if none != nil {
		t.Error("there is a vocabulary that nobody saved")
	}
	narrow := must(model.Values("decoder.bias"))
	for i, value := range must(wide.Values64("decoder.bias")) {
		if value != float64(narrow[i]) {
			t.Errorf("element %d is %v; it should be %v", i, value, narrow[i])
		}
	}
}

func TestGradientsAgreeWithDifferencesOfTheLoss(t *testing.T) {
	vocab := must(rnn.NewVocab(rnn.Bytes, []byte(sentence)))
	ids := must(vocab.Encode([]byte(sentence)))
	n := len(ids) - 1
	chunk := rnn.Chunk{Steps: n, Streams: 1, Inputs: ids[:n], Targets: ids[1:]}
	model := small(vocab, rnn.Float64)
	state := must(rnn.NewState(model, 1))
	must(model.ForwardBackward(state, &chunk))
	name := "rnn.weight_hh_l0"
	values, gradient := must(model.Values64(name)), must(model.Gradient64(name))
	loss := func(index int, change float64) float64 {
		values[index] += change
		check(model.SetValues64(name, values))
		values[index] -= change
		check(state.Reset())
		return must(model.Loss(state, &chunk)).Mean()
	}
	for _, index := range []int{0, 101, 95*32 + 31} {
		difference := (loss(index, 1e-5) - loss(index, -1e-5)) / 2e-5
		if math.Abs(difference-gradient[index]) > 1e-7 {
			t.Errorf("element %d: the difference is %v, and the gradient is %v", index, difference, gradient[index])
		}
	}
	ones := make([]float64, vocab.Size())
	for i := range ones {
		ones[i] = 1
	}
	check(model.SetGradient64("decoder.bias", ones))
	if norm := must(model.ClipNorm(1e9)); norm < math.Sqrt(float64(vocab.Size())) {
		t.Errorf("the norm is %v", norm)
	}
	check(model.ClipValue(0.5))
	if g := must(model.Gradient64("decoder.bias")); g[0] != 0.5 {
		t.Errorf("the clipped gradient is %v", g[0])
	}
	check(model.ZeroGradients())
	if g := must(model.Gradient64("decoder.bias")); g[0] != 0 {
		t.Errorf("the gradient is %v; it should be 0", g[0])
	}
	_, err := model.Values(name)
	wantStatus(t, err, rnn.ErrMismatch)
	found := false
	for _, p := range must(model.Parameters()) {
		found = found || p.Name == name && p.Shape == [2]int{96, 32} && p.Count == 96*32
	}
	if !found {
		t.Error("the parameters don't include " + name)
	}
}

func TestModelOfVectorsChecksTheSizesOfItsChunks(t *testing.T) {
	options := rnn.DefaultModelOptions(3, 2)
	options.Input, options.Loss, options.HiddenSize = rnn.InputVectors, rnn.SquaredError, 4
	model := must(rnn.NewModel(options))
	state := must(rnn.NewState(model, 1))
	chunk := rnn.Chunk{Steps: 5, Streams: 1, InputVectors: make([]float32, 15), TargetVectors: make([]float32, 10)}
	if loss := must(model.ForwardBackward(state, &chunk)); loss.Count != 5 {
		t.Errorf("%d positions count", loss.Count)
	}
	if outputs := must(model.Forward(state, &chunk)); len(outputs) != 10 {
		t.Errorf("there are %d outputs", len(outputs))
	}
	short := chunk
	short.InputVectors = chunk.InputVectors[1:]
	_, err := model.Forward(state, &short)
	wantStatus(t, err, rnn.ErrArgument)
	wide := rnn.Chunk{Steps: 5, Streams: 1, InputVectors64: make([]float64, 15)}
	_, err = model.Forward(state, &wide)
	wantStatus(t, err, rnn.ErrMismatch)
	_, err = model.Forward(state, &rnn.Chunk{Steps: -1, Streams: 1})
	wantStatus(t, err, rnn.ErrArgument)
}

func TestErrorsHaveTheStatusAndTheMessageOfTheLibrary(t *testing.T) {
	_, err := rnn.NewVocabFromFile(rnn.Bytes, "/no/such/file")
	wantStatus(t, err, rnn.ErrIO)
	var failure *rnn.Error
	if !errors.As(err, &failure) || !strings.Contains(failure.Message, "/no/such/file") {
		t.Errorf("the message is %v", err)
	}
	if text := rnn.ErrIO.Error(); text != "RNN_ERROR_IO" {
		t.Errorf("the status is called %v", text)
	}
	options := rnn.DefaultModelOptions(2, 2)
	options.HiddenSize = 0
	_, err = rnn.NewModel(options)
	if err == nil || err.Error() != "rnn: hidden_size is 0; it must be 1 to 1048576" {
		t.Errorf("the error is %v", err)
	}
	vocab := must(rnn.NewVocab(rnn.Bytes, []byte("abc")))
	_, err = vocab.Encode([]byte("abd"))
	wantStatus(t, err, rnn.ErrSymbol)
	if ids := must(must(vocab.WithUnknown()).Encode([]byte("abd"))); ids[2] != 3 {
		t.Errorf("the ids are %v", ids)
	}
	_, err = rnn.NewCorpus(vocab, []byte("ab"), 16, 1)
	wantStatus(t, err, rnn.ErrArgument)
	_, _, err = rnn.LoadModelFromBytes([]byte("not a model"), rnn.PrecisionStored)
	wantStatus(t, err, rnn.ErrFormat)
	_, err = rnn.NewVocabFromFile(rnn.Bytes, "a\x00b")
	wantStatus(t, err, rnn.ErrArgument)

	other := must(rnn.NewModel(rnn.DefaultModelOptions(3, 3)))
	state := must(rnn.NewState(small(vocab, rnn.Float32), 1))
	chunk := rnn.Chunk{Steps: 2, Streams: 1, Inputs: []int32{0, 1}, Targets: []int32{1, 2}}
	_, err = other.Loss(state, &chunk)
	wantStatus(t, err, rnn.ErrMismatch)
	_, err = other.Sample(state, greedy(), nil, 5)
	wantStatus(t, err, rnn.ErrArgument)
}

func TestUseAfterCloseIsAnError(t *testing.T) {
	text := bytes.Repeat([]byte(sentence), 10)
	vocab := must(rnn.NewVocab(rnn.Bytes, text))
	corpus := must(rnn.NewCorpus(vocab, text, 16, 1))
	model := small(vocab, rnn.Float32)
	state := must(rnn.NewState(model, 1))
	optimizer := must(rnn.NewOptimizer(model, rnn.DefaultOptimizerOptions(rnn.Adam)))
	check(vocab.Close())
	check(vocab.Close())

	var chunk rnn.Chunk
	must(corpus.Next(&chunk)) // doesn't need the vocabulary
	check(corpus.Close())
	must(model.Loss(state, &chunk)) // the chunk doesn't need the corpus
	check(model.Close())
	check(state.Reset()) // doesn't need the model

	_, err := vocab.Encode(text)
	_, err1 := corpus.Next(&chunk)
	_, err2 := model.Loss(state, &chunk)
	_, err3 := model.Bytes(vocab)
	_, err4 := model.Copy()
	_, err5 := rnn.NewState(model, 1)
	_, err6 := (&rnn.Vocab{}).Encode(text)
	errs := []error{err, err1, err2, err3, err4, err5, err6, optimizer.Step(model), model.CheckFinite()}
	check(state.Close())
	check(optimizer.Close())
	errs = append(errs, state.Reset(), optimizer.SetLearningRate(1))
	for i, err := range errs {
		if !errors.Is(err, rnn.ErrClosed) {
			t.Errorf("call %d: the error is %v", i, err)
		}
	}
	if vocab.Size() != 0 || corpus.Size() != 0 || optimizer.LearningRate() != 0 {
		t.Error("a closed object has a size")
	}
}

func TestGoroutinesShareModelWhichMayBeClosedMeanwhile(t *testing.T) {
	vocab := must(rnn.NewVocab(rnn.Bytes, []byte(sentence)))
	model := small(vocab, rnn.Float32)
	write := func(seed uint64) ([]int32, error) {
		options := rnn.DefaultSamplerOptions()
		options.Seed = seed
		state, err := rnn.NewState(model, 1)
		if err != nil {
			return nil, err
		}
		return model.Sample(state, must(rnn.NewSampler(options)), []int32{0}, 50)
	}
	alone := must(write(1))
	var group sync.WaitGroup
	for n := 0; n < 8; n++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				ids, err := write(1)
				if errors.Is(err, rnn.ErrClosed) {
					return
				}
				if err != nil || fmt.Sprint(ids) != fmt.Sprint(alone) {
					t.Errorf("a goroutine draws other symbols: %v", err)
					return
				}
			}
		}()
	}
	time.Sleep(50 * time.Millisecond)
	check(model.Close())
	group.Wait()
}

func TestObjectsCanBeBothArgumentsOfACall(t *testing.T) {
	model := must(rnn.NewModel(rnn.DefaultModelOptions(2, 2)))
	state := must(rnn.NewState(model, 2))
	check(state.CopyStreamFrom(0, state, 1))
	_ = state.CopyFrom(state)
	_ = model.Average(model, 0.5)
	values := must(state.Values())
	check(state.SetValues(values))
}
