// Train trains a model on a text, saves it, loads it and lets it write: train FILE MODEL
package main

import (
	"fmt"
	"log"
	"os"

	"librnn/rnn"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: train FILE MODEL")
	}
	vocab := must(rnn.NewVocabFromFile(rnn.Bytes, os.Args[1]))
	corpus := must(rnn.NewCorpusFromFile(vocab, os.Args[1], 25, 8))
	options := rnn.DefaultModelOptions(vocab.Size(), vocab.Size())
	options.Cell, options.HiddenSize = rnn.GRU, 64
	options.Initialization, options.Reduction = rnn.InitUniform, rnn.ReductionMean
	model := must(rnn.NewModel(options))
	defer model.Close()
	state := must(rnn.NewState(model, 8))
	rule := rnn.DefaultOptimizerOptions(rnn.Adam)
	rule.LearningRate, rule.ClipNorm = 0.01, 1
	optimizer := must(rnn.NewOptimizer(model, rule))

	var chunk rnn.Chunk
	for step := 1; step <= 1000; step++ {
		if must(corpus.Next(&chunk)) {
			check(state.Reset())
		}
		loss := must(model.ForwardBackward(state, &chunk))
		check(optimizer.Step(model))
		if step%200 == 0 {
			fmt.Printf("step %d: %.3f nats per symbol\n", step, loss.Mean())
		}
	}
	check(model.Save(os.Args[2], vocab))

	loaded, symbols, err := rnn.LoadModel(os.Args[2], rnn.Float32)
	check(err)
	sampler := must(rnn.NewSampler(rnn.DefaultSamplerOptions()))
	prompt := must(symbols.Encode([]byte("the ")))
	written := must(loaded.Generate(must(rnn.NewState(loaded, 1)), sampler, prompt, 200, -1))
	fmt.Printf("the %s\n", must(symbols.Decode(written.IDs)))
}
