"""The package in examples/ffi/python, with numpy and without: LIBRNN=path/to/librnn.so python3 tests/ffi/test_python.py

Every test runs twice: on the module as it is where numpy is installed, and on the module as it is without numpy.
"""

import array
import contextlib
import copy
import ctypes
import gc
import importlib
import math
import mmap
import os
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
import unittest.mock
import weakref

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
PYTHON_DIR = SOURCE_DIR / "examples" / "ffi" / "python"
TEXT = b"the quick brown fox jumps over the lazy dog. " * 40

sys.dont_write_bytecode = True
sys.path.insert(0, str(PYTHON_DIR))


def load_module(hide_numpy):
    """A fresh copy of the package; None when it should have numpy and there is none."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "librnn"]:
        del sys.modules[name]
    saved = sys.modules.get("numpy")
    if hide_numpy:
        sys.modules["numpy"] = None  # makes `import numpy` raise ImportError
    try:
        module = importlib.import_module("librnn")
    finally:
        if hide_numpy:
            del sys.modules["numpy"]
            if saved is not None:
                sys.modules["numpy"] = saved
    return module if (module.numpy is None) == hide_numpy else None


def flat(values):
    """Nested sequences or an array as one list of numbers."""
    if hasattr(values, "__iter__"):
        return [number for value in values for number in flat(value)]
    return [values]


class Tests:
    rnn = None

    def setUp(self):
        if self.rnn is None:
            self.skipTest("numpy isn't installed")

    def test_a_run_goes_on_from_a_checkpoint(self):
        rnn = self.rnn
        vocab = rnn.Vocab.from_text(TEXT)
        model = rnn.Model(cell=rnn.CELL_LSTM, input_size=len(vocab), hidden_size=8, output_size=len(vocab))
        corpus, state = rnn.Corpus.from_text(vocab, TEXT, 5, 2), rnn.State(model, 2)
        optimizer, sampler = rnn.Optimizer(model, rnn.OPTIMIZER_ADAM), rnn.Sampler(seed=2**64 - 1)

        def go_on(model, optimizer, state, sampler, corpus):
            for _ in range(5):
                model.forward_backward(state, corpus.next()[0])
                optimizer.step(model)
            ids = model.sample(state, sampler, [1, 2], 20)
            return flat(ids), flat(model.parameter("decoder.weight")), flat(state.get(0, rnn.STATE_MEMORY))

        go_on(model, optimizer, state, sampler, corpus)
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "run"
            rnn.save_checkpoint(path, model, optimizer, state, sampler, vocab, corpus_position=corpus.position,
                                counters=[-2**63, 7], values=[0.1])
            c = rnn.load_checkpoint(path)
            rnn.save_checkpoint(path, model)
            bare = rnn.load_checkpoint(path)
            with self.assertRaises(TypeError):
                rnn.save_checkpoint(path, model, state)
            with self.assertRaises(ValueError):
                rnn.save_checkpoint(path, model, values=[0.0] * 9)
            with self.assertRaises(OverflowError):
                rnn.save_checkpoint(path, model, counters=[2**63])
            with self.assertRaises(rnn.RnnError) as raised:
                rnn.load_checkpoint(path / "missing")
            self.assertEqual(raised.exception.status, rnn.RnnError.IO)
        self.assertEqual((c.counters, c.values), ((-2**63, 7) + 6 * (0,), (0.1,) + 7 * (0.0,)))
        self.assertEqual((bare.optimizer, bare.state, bare.sampler, bare.vocab), 4 * (None,))
        resumed = rnn.Corpus.from_text(c.vocab, TEXT, 5, 2)
        resumed.seek(c.corpus_position)
        self.assertEqual(go_on(c.model, c.optimizer, c.state, c.sampler, resumed),
                         go_on(model, optimizer, state, sampler, corpus))
        optimizer.close()
        with self.assertRaises(ValueError):
            rnn.save_checkpoint("never", model, optimizer)

    def assert_fails(self, status, part, function, *arguments, **options):
        with self.assertRaises(self.rnn.RnnError) as caught:
            function(*arguments, **options)
        self.assertEqual(caught.exception.status, status, caught.exception)
        self.assertIn(part, str(caught.exception))

    def make(self, steps=25, streams=1, **options):
        """A vocabulary, a corpus, a model and a state for TEXT."""
        vocab = self.rnn.Vocab.from_text(TEXT)
        corpus = self.rnn.Corpus.from_text(vocab, TEXT, steps, streams)
        options = {"hidden_size": 32, "seed": 1, **options}
        model = self.rnn.Model(input_size=len(vocab), output_size=len(vocab), **options)
        return vocab, corpus, model, self.rnn.State(model, streams)

    def train(self, corpus, model, state, steps, **options):
        """The mean loss of each step; by default Adagrad's."""
        optimizer = self.rnn.Optimizer(model, **options)
        losses = []
        for _ in range(steps):
            chunk, restarted = corpus.next()
            if restarted:
                state.reset()
            losses.append(model.forward_backward(state, chunk).mean)
            model.clip_value(5)
            optimizer.step(model)
        return losses

    # ---- Training and sampling ----

    def test_training_lowers_the_loss_from_that_of_guessing(self):
        vocab, corpus, model, state = self.make()
        losses = self.train(corpus, model, state, 300)
        self.assertAlmostEqual(losses[0], math.log(len(vocab)), delta=0.05)
        self.assertLess(sum(losses[-20:]) / 20, 0.6 * losses[0])

    def test_training_runs_over_several_streams_and_layers(self):
        _, corpus, model, state = self.make(steps=10, streams=4, layers=2, weight_scale=0.1,
                                            reduction=self.rnn.REDUCTION_MEAN)
        losses = self.train(corpus, model, state, 300)
        self.assertLess(sum(losses[-20:]) / 20, 0.9 * losses[0])

    def test_the_same_seed_gives_the_same_losses(self):
        first, second = (self.train(*self.make()[1:], steps=20) for _ in range(2))
        self.assertEqual(first, second)

    def test_sampling_a_learned_text_writes_its_words(self):
        vocab, corpus, model, state = self.make()
        self.train(corpus, model, state, 600)
        with self.rnn.Sampler(temperature=0) as sampler:
            ids = model.sample(state, sampler, vocab.encode(b"t"), 100)
        self.assertEqual(len(ids), 100)
        self.assertIn(b"the ", vocab.decode(ids))

    def test_a_sampler_draws_by_filters_and_says_how(self):
        rnn = self.rnn
        sampler = rnn.Sampler(seed=3, top_k=2, excluded=[1, 1])
        self.assertEqual((sampler.options["top_k"], sampler.options["excluded"]), (2, [1]))
        for _ in range(20):
            ids, logs = sampler.draw([[0.0, 9.0, 1.0, 2.0], [3.0, 9.0, 1.0, 2.0]])
            self.assertIn(ids[0], (2, 3))
            self.assertIn(ids[1], (0, 3))
            self.assertAlmostEqual(logs[0], (0, 9, 1, 2)[ids[0]] - math.log(sum(map(math.exp, (0, 9, 1, 2)))))
        with rnn.Vocab.from_list(b"abc").with_unknown() as vocab:
            sampler.set_options(excluded=[1], vocab=vocab)
        self.assertEqual(sampler.options["excluded"], [1, 3])
        with self.assertRaisesRegex(TypeError, "vocab is 'abc'; it must be a Vocab"):
            sampler.set_options(vocab="abc")
        sampler.set_options(excluded=[], top_k=1)
        self.assertEqual(sampler.draw([[0.0, 9.0, 1.0, 2.0]])[0], [1])
        with self.assertRaisesRegex(rnn.RnnError, "top_p is 7"):
            sampler.set_options(top_p=7)
        with self.assertRaisesRegex(ValueError, "logits has the shape"):
            sampler.draw([1.0, 2.0])

    def test_prompts_of_unequal_length_are_read_and_continued(self):
        rnn = self.rnn
        model = rnn.Model(input_size=5, hidden_size=6, output_size=5, cell=rnn.CELL_GRU, weight_scale=1)
        texts = model.generate(rnn.State(model, 3), rnn.Sampler(), 7, [[1, 2, 3], [4], []], stop=0)
        for ids, logs in texts:
            self.assertEqual(len(ids), len(logs))
            self.assertTrue(0 < len(ids) <= 7 and 0 not in ids[:-1] and all(log < 0 for log in logs))
            self.assertTrue(len(ids) == 7 or ids[-1] == 0)
        state, greedy = rnn.State(model), rnn.Sampler(temperature=0)
        first = model.generate(state, greedy, 2, [[1, 2]])[0][0]
        rest = model.generate(state, greedy, 3)[0][0]
        self.assertEqual(model.generate(rnn.State(model), greedy, 5, [[1, 2]])[0][0], first + rest)
        with self.assertRaisesRegex(ValueError, "there are 2 prompts; the state has 1 streams"):
            model.generate(state, greedy, 2, [[1], [2]])
        with self.assertRaisesRegex(rnn.RnnError, r"prompt\[0\] is 9"):
            model.generate(state, greedy, 2, [[9]])

    def test_beam_search_finds_the_most_probable(self):
        rnn = self.rnn
        model = rnn.Model(input_size=3, hidden_size=6, output_size=3, cell=rnn.CELL_GRU, weight_scale=1)
        state, greedy = rnn.State(model), rnn.Sampler(temperature=0)
        all_texts = model.beam_search(4, state, [1, 2], beams=81, results=81)
        self.assertEqual(len({tuple(text.ids) for text in all_texts}), 81)
        self.assertAlmostEqual(sum(math.exp(text.log_probability) for text in all_texts), 1, 5)
        self.assertEqual([text.score for text in all_texts], sorted((text.score for text in all_texts), reverse=True))
        one, = model.beam_search(4, prompt=[1, 2], beams=1)
        ids, logs = model.generate(state, greedy, 4, [[1, 2]])[0]
        self.assertEqual((one.ids, one.log_probability), (ids, sum(logs)))
        short = model.beam_search(4, stop=0, excluded=[1], beams=100, results=100, length_penalty=0.6)
        self.assertEqual(len(short), 5)  # 0, 20, 220, 2220, 2222
        for text in short:
            self.assertAlmostEqual(text.score, text.log_probability / ((5 + len(text.ids)) / 6)**0.6)
        for options, sentence in (({"beams": 0}, "beams is 0"), ({"results": 9}, "results is 9; it must be 1 to 4")):
            self.assert_fails(rnn.RnnError.ARGUMENT, sentence, model.beam_search, 4, **options)
        self.assert_fails(rnn.RnnError.MISMATCH, "3 streams", model.beam_search, 4, rnn.State(model, 3))
        with self.assertRaisesRegex(TypeError, "unknown option: beam; did you mean beams"):
            model.beam_search(4, beam=2)

    def test_sampling_continues_where_the_state_stands(self):
        vocab, _, model, state = self.make(weight_scale=0.5)
        first = vocab.encode(b"q")
        whole = model.sample(state, self.rnn.Sampler(seed=7), first, 20)
        state.reset()
        sampler = self.rnn.Sampler(seed=7)
        start = model.sample(state, sampler, first, 8)
        rest = model.sample(state, sampler, start[-1], 12)
        self.assertEqual(flat(whole), flat(start) + flat(rest))

    def test_every_cell_input_and_rule_learns(self):
        rnn = self.rnn
        kinds = [
            ({"cell": rnn.CELL_GRU, "bias": rnn.BIAS_BOTH}, {"rule": rnn.OPTIMIZER_ADAM, "learning_rate": 0.01}),
            ({"cell": rnn.CELL_LSTM, "forget_bias": 1}, {"rule": rnn.OPTIMIZER_RMSPROP}),
            ({"input": rnn.INPUT_EMBEDDING, "embedding_size": 12, "orthogonal": 1},
             {"rule": rnn.OPTIMIZER_ADAMW, "learning_rate": 0.01}),
            ({"input": rnn.INPUT_EMBEDDING, "embedding_size": 32, "tied": 1},
             {"rule": rnn.OPTIMIZER_SGD, "momentum": 0.9, "nesterov": 1}),
            ({"layers": 2, "dropout": 0.1}, {"weight_decay": 1e-4}),
        ]
        for of_model, of_optimizer in kinds:
            _, corpus, model, state = self.make(initialization=rnn.INIT_UNIFORM, reduction=rnn.REDUCTION_MEAN,
                                                **of_model)
            losses = self.train(corpus, model, state, 400, **of_optimizer)
            self.assertLess(sum(losses[-20:]) / 20, 0.6 * losses[0], (of_model, of_optimizer))

    def test_an_lstm_learns_to_predict_a_sine(self):
        rnn = self.rnn
        model = rnn.Model(cell=rnn.CELL_LSTM, input=rnn.INPUT_VECTORS, loss=rnn.LOSS_SQUARED_ERROR, input_size=1,
                          hidden_size=16, output_size=1, initialization=rnn.INIT_UNIFORM,
                          reduction=rnn.REDUCTION_MEAN)
        optimizer = rnn.Optimizer(model, rule=rnn.OPTIMIZER_ADAM, learning_rate=0.01)
        state = rnn.State(model)
        wave = [[math.sin(t / 4)] for t in range(1101)]
        losses = []
        for n in range(300):
            start = 10 * n % 1000
            chunk = rnn.Chunk(input_vectors=wave[start:start + 50], target_vectors=wave[start + 1:start + 51])
            state.reset()
            losses.append(model.forward_backward(state, chunk).mean)
            model.clip_norm(1)
            optimizer.step(model)
        self.assertGreater(losses[0], 0.3)
        state.reset()
        outputs, loss = model.forward(state, rnn.Chunk(input_vectors=wave[1050:1100], target_vectors=wave[1051:]))
        self.assertLess(loss.mean, 0.01)
        for output, expected in zip(flat(outputs)[10:], flat(wave[1061:])):
            self.assertAlmostEqual(output, expected, delta=0.1)

    def test_train_py_trains_and_prints_a_sample(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "text")
            path.write_bytes(TEXT)
            output = subprocess.run([sys.executable, "-B", PYTHON_DIR / "train.py", path, path.with_name("model")],
                                    check=True, capture_output=True, text=True).stdout
            failed = subprocess.run([sys.executable, "-B", PYTHON_DIR / "train.py", path.with_name("none")],
                                    capture_output=True, text=True)
        self.assertIn("step 10000:", output)
        self.assertIn("quick brown fox", output)
        self.assertRegex(output, "gradient of rnn.weight_hh_l0: [0-9]")
        self.assertIn("fox", output[output.index("loaded from"):])
        self.assertEqual(failed.returncode, 1)
        self.assertIn("none", failed.stderr)
        self.assertNotIn("Traceback", failed.stderr)

    # ---- Gradients ----

    def test_each_gradient_is_the_slope_of_the_loss(self):
        _, corpus, model, state = self.make(steps=7, streams=2, layers=2, hidden_size=5, weight_scale=0.3,
                                            precision=self.rnn.FLOAT64)
        chunk, _ = corpus.next()
        model.forward_backward(state, chunk)
        inputs = flat(chunk.inputs)
        shift = 1e-5
        for name in model.parameter_names:
            values, gradient = flat(model.parameter(name)), flat(model.gradient(name))
            # of the input weights, an element whose symbol occurs
            i = inputs[0] if name == "rnn.weight_ih_l0" else len(values) // 2
            losses = []
            for value in (values[i] + shift, values[i] - shift):
                model.set_parameter(name, values[:i] + [value] + values[i + 1:])
                state.reset()
                losses.append(model.forward(state, chunk)[1].sum)
            model.set_parameter(name, values)
            self.assertNotEqual(gradient[i], 0, name)
            self.assertAlmostEqual((losses[0] - losses[1]) / (2 * shift), gradient[i], delta=1e-7, msg=name)

    def test_gradients_add_up_until_they_are_zeroed(self):
        _, corpus, model, state = self.make(precision=self.rnn.FLOAT64)
        chunk, _ = corpus.next()
        model.forward_backward(state, chunk)
        once = flat(model.gradient("decoder.bias"))
        state.reset()
        model.forward_backward(state, chunk)
        self.assertEqual(flat(model.gradient("decoder.bias")), [2 * number for number in once])
        model.zero_gradients()
        self.assertEqual(set(flat(model.gradient("decoder.bias"))), {0.0})

    def test_clip_value_limits_flat_gradients(self):
        _, corpus, model, state = self.make()
        model.forward_backward(state, corpus.next()[0])
        gradients = model.flat_gradients()
        self.assertGreater(max(map(abs, gradients)), 0.25)
        gradients[0] = -1e9
        model.clip_value(0.25)
        self.assertEqual(gradients[0], -0.25)
        self.assertEqual(max(map(abs, gradients)), 0.25)

    def test_clip_norm_scales_gradients_and_returns_their_norm(self):
        _, corpus, model, state = self.make(precision=self.rnn.FLOAT64)
        model.forward_backward(state, corpus.next()[0])
        gradients = model.flat_gradients()
        norm = math.hypot(*gradients)
        self.assertAlmostEqual(model.clip_norm(norm / 2), norm, delta=1e-9 * norm)
        self.assertAlmostEqual(model.clip_norm(norm), norm / 2, delta=1e-6 * norm)

    # ---- Vectors and masks ----

    def make_for_vectors(self, **options):
        """A model and a state for vectors of 2 numbers in and 3 out."""
        options = {"input": self.rnn.INPUT_VECTORS, "loss": self.rnn.LOSS_SQUARED_ERROR, **options}
        model = self.rnn.Model(input_size=2, hidden_size=4, output_size=3, weight_scale=0.5, **options)
        return model, self.rnn.State(model, 2)

    def test_vectors_are_taken_in_the_models_precision(self):
        inputs, targets = [[[0.5, -1], [2, 0.25]]] * 3, [[[1, 2, 3], [4, 5, 6]]] * 3
        for precision in (self.rnn.FLOAT32, self.rnn.FLOAT64):
            model, state = self.make_for_vectors(precision=precision)
            chunk = self.rnn.Chunk(input_vectors=inputs, target_vectors=targets, streams=2)
            self.assertEqual((chunk.steps, chunk.streams), (3, 2))
            self.assertEqual(flat(chunk.input_vectors), flat(inputs))
            self.assertEqual(flat(chunk.target_vectors), flat(targets))
            self.assertIsNone(chunk.inputs)
            outputs, loss = model.forward(state, chunk)
            expected = sum((y - k) ** 2 for y, k in zip(flat(outputs), flat(targets)))
            self.assertAlmostEqual(loss.sum, expected, delta=1e-5 * expected)
            state.reset()
            in_a_row = self.rnn.Chunk(input_vectors=inputs[0] * 3, streams=2)
            self.assertEqual(flat(model.forward(state, in_a_row)[0]), flat(outputs))

    def test_masked_targets_cost_nothing(self):
        model, state = self.make_for_vectors()
        nothing = [math.nan] * 3
        targets, mask = [[nothing, [1, 2, 3]], [nothing, nothing]], [[False, True], [False, False]]
        chunk = self.rnn.Chunk(input_vectors=[[[1, 2]] * 2] * 2, target_vectors=targets, target_mask=mask, streams=2)
        self.assertEqual(flat(chunk.target_mask), [0, 1, 0, 0])
        outputs, loss = model.forward(state, chunk)
        self.assertEqual(loss.count, 1)
        expected = sum((y - k) ** 2 for y, k in zip(flat(outputs)[3:6], (1, 2, 3)))
        self.assertAlmostEqual(loss.sum, expected, delta=1e-5 * expected)

    def test_vectors_of_another_length_than_the_models_are_refused(self):
        model, state = self.make_for_vectors()
        good = [[1, 2]] * 2
        for chunk in (self.rnn.Chunk(input_vectors=[[1, 2, 3]] * 2, streams=2),
                      self.rnn.Chunk(input_vectors=good, target_vectors=good, streams=2)):
            with self.assertRaisesRegex(ValueError, "vectors of"):
                model.forward(state, chunk)
            with self.assertRaisesRegex(ValueError, "vectors of"):
                model.forward_backward(state, chunk)
        for vectors in ([[1, 2], [3]], [1, 2], [[[1, 2]], [[3, 4, 5]]], [[], []], []):
            with self.assertRaises((TypeError, ValueError)):
                self.rnn.Chunk(input_vectors=vectors)
        with self.assertRaises(ValueError):
            self.rnn.Chunk(input_vectors=good, target_vectors=[[1, 2, 3]])
        with self.assertRaises(ValueError):
            self.rnn.Chunk(input_vectors=good, target_mask=[1])
        with self.assertRaises(TypeError):
            self.rnn.Chunk(targets=[1])

    def test_a_model_takes_one_kind_of_inputs(self):
        model, state = self.make_for_vectors()
        self.assert_fails(self.rnn.RnnError.ARGUMENT, "the model's inputs are vectors", model.forward, state,
                          self.rnn.Chunk([0, 1], streams=2))

    # ---- Seeing inside ----

    def gradient_norms(self, cell, **options):
        """How strongly the loss of the last of 40 steps depends on h at each."""
        model = self.rnn.Model(cell=cell, input_size=3, output_size=3, hidden_size=32,
                               initialization=self.rnn.INIT_UNIFORM, **options)
        state = self.rnn.State(model)
        state.observe(self.rnn.OBSERVE_GRADIENT_NORMS)
        model.forward_backward(state, self.rnn.Chunk([t % 3 for t in range(40)], [self.rnn.IGNORE] * 39 + [0]))
        return flat(state.gradient_norms())

    def test_gradients_vanish_in_a_vanilla_rnn_and_less_in_an_lstm(self):
        vanilla = self.gradient_norms(self.rnn.CELL_TANH)
        lstm = self.gradient_norms(self.rnn.CELL_LSTM, forget_bias=1)
        self.assertEqual(len(vanilla), 40)
        self.assertGreater(vanilla[-1], 0.01)
        self.assertLess(vanilla[0], 1e-6 * vanilla[-1])
        self.assertGreater(lstm[0], 100 * vanilla[0])

    def test_activations_are_those_of_the_last_chunk(self):
        vocab, corpus, model, state = self.make(steps=5, streams=2, layers=2)
        self.assert_fails(self.rnn.RnnError.ARGUMENT, "rnn_state_observe", state.activations)
        state.observe(self.rnn.OBSERVE_ACTIVATIONS + self.rnn.OBSERVE_GRADIENT_NORMS)
        chunk, _ = corpus.next()
        model.forward_backward(state, chunk)
        for layer in range(2):
            activations = state.activations(layer)
            self.assertEqual((len(activations), len(activations[0]), len(activations[0][0])), (5, 2, 32))
            self.assertEqual(flat(activations[-1]), flat(state.get(layer)))
            self.assertEqual(len(state.gradient_norms(layer)), 5)
        model.forward(state, self.rnn.Chunk([1, 2], streams=2))
        self.assertEqual(flat(state.activations()), flat(state.get()))

    def test_the_random_index_chooses_the_dropout_mask(self):
        _, corpus, model, state = self.make(layers=2, dropout=0.5, weight_scale=0.5)
        chunk, _ = corpus.next()
        losses = []
        for index in (5, 6, 5):
            state.reset()
            state.random_index = index
            losses.append(model.forward_backward(state, chunk).sum)
            self.assertEqual(state.random_index, index + 1)
        self.assertEqual(losses[0], losses[2])
        self.assertNotEqual(losses[0], losses[1])
        with self.assertRaises(OverflowError):
            state.random_index = -1
        with self.assertRaises(self.rnn.RnnError):
            state.random_index = 2**54

    # ---- Objects ----

    def test_vocab_encodes_and_decodes(self):
        vocab = self.rnn.Vocab.from_list(b"cab\0")
        self.assertEqual(len(vocab), 4)
        self.assertEqual(flat(vocab.encode(b"abc\0")), [1, 2, 0, 3])
        self.assertEqual(vocab.decode([3, 0, 2]), b"\0cb")
        self.assertEqual(vocab.symbol(2), b"b")
        self.assertEqual(vocab.symbol(3), b"\0")
        self.assertEqual(flat(vocab.encode(b"")), [])
        self.assertEqual(vocab.decode([]), b"")

    def test_vocab_of_code_points(self):
        text = "naïve 中文 🙂 中".encode()
        vocab = self.rnn.Vocab.from_text(text, self.rnn.VOCAB_UTF8)
        self.assertEqual((len(vocab), vocab.kind, vocab.unknown), (9, self.rnn.VOCAB_UTF8, -1))
        ids = vocab.encode(text)
        self.assertEqual(len(ids), 12)
        self.assertEqual(vocab.decode(ids), text)
        self.assert_fails(self.rnn.RnnError.SYMBOL, "U+56FD '国' at offset 1", vocab.encode, "a国".encode())
        self.assert_fails(self.rnn.RnnError.SYMBOL, "UTF-8", vocab.encode, b"\xff")
        for shown, decoded in ((None, "\ufffd"), ("<unk>".encode(), "<unk>")):
            extended = vocab.with_unknown(shown)
            self.assertEqual((len(extended), extended.unknown), (10, 9))
            self.assertEqual(extended.decode(extended.encode("a国".encode())), ("a" + decoded).encode())

    def test_vocab_of_words(self):
        text = b"the cat sat\nthe  dog\n"
        words = self.rnn.Vocab.from_text(text, self.rnn.VOCAB_WORDS)
        self.assertEqual([words.symbol(i) for i in range(len(words))], [b"\n", b"the", b"cat", b"dog", b"sat"])
        vocab = words.frequent(most=3)
        self.assertEqual((len(vocab), vocab.unknown), (4, 3))
        self.assertEqual(vocab.decode(vocab.encode(text)), b"the cat <unk>\nthe <unk>\n")
        listed = self.rnn.Vocab.from_list(b"cat\ndog", self.rnn.VOCAB_WORDS)
        self.assertEqual(flat(listed.encode(b"dog cat")), [1, 0])
        self.assert_fails(self.rnn.RnnError.SYMBOL, 'the word "cow" at offset 4', listed.encode, b"cat cow")

    def test_a_source_joins_files(self):
        with tempfile.TemporaryDirectory() as folder:
            first, second = pathlib.Path(folder, "first"), pathlib.Path(folder, "second")
            first.write_bytes(b"x\xe4\xb8")
            second.write_bytes(b"\xad" + "文x中".encode() * 10)
            with self.rnn.Source(first, second) as source:
                self.assertEqual(len(source), 74)
                vocab = self.rnn.Vocab.from_source(source, self.rnn.VOCAB_UTF8)
                corpus = self.rnn.Corpus.from_source(vocab, source, 3)
            self.assertEqual((len(vocab), len(corpus)), (3, 32))
            self.assertEqual(flat(corpus.next()[0].inputs), [0, 1, 2])
            corpus.seek(27)
            self.assertEqual(flat(corpus.next()[0].inputs), [0, 1, 2])
            self.assert_fails(self.rnn.RnnError.ARGUMENT, "position is 4", corpus.seek, 4)
            self.assert_fails(self.rnn.RnnError.IO, "absent", self.rnn.Source, first, "absent")

    def test_corpus_serves_streams_time_major(self):
        vocab = self.rnn.Vocab.from_list(b"0123456789")
        corpus = self.rnn.Corpus.from_text(vocab, b"0123456789" * 2, steps=3, streams=2)
        self.assertEqual((len(corpus), corpus.chunks, corpus.position), (20, 2, 0))
        chunk, restarted = corpus.next()
        self.assertEqual((chunk.steps, chunk.streams, restarted, corpus.position), (3, 2, True, 3))
        self.assertEqual(flat(chunk.inputs), [0, 9, 1, 0, 2, 1])
        self.assertEqual(flat(chunk.targets), [1, 0, 2, 1, 3, 2])
        later, restarted = corpus.next()
        self.assertFalse(restarted)
        self.assertEqual(flat(chunk.inputs), [0, 9, 1, 0, 2, 1], "a chunk is a copy")
        self.assertEqual(flat(later.inputs), [3, 2, 4, 3, 5, 4])
        self.assertTrue(corpus.next()[1])
        corpus.rewind()
        self.assertEqual(corpus.position, 0)

    def test_corpus_of_a_file_is_that_of_its_text(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "text")
            path.write_bytes(TEXT)
            with self.rnn.Vocab.from_file(path) as vocab:
                file = self.rnn.Corpus.from_file(vocab, path, 25)
                text = self.rnn.Corpus.from_text(vocab, TEXT, 25)
            for _ in range(3):
                self.assertEqual(flat(file.next()[0].inputs), flat(text.next()[0].inputs))
            validation = file.split(0.25)
            self.assertEqual((len(file), len(validation)), (1350, 450))

    def test_a_corpus_can_serve_its_last_symbols(self):
        corpus = self.rnn.Corpus.from_ids(range(12), 12, 4, 2)  # 11 targets: 6 and 5
        corpus.set_drop_last(False)
        self.assertEqual(corpus.chunks, 2)
        corpus.next()
        chunk, _ = corpus.next()
        self.assertEqual(flat(chunk.inputs), [4, 10, 5, 0])
        self.assertEqual(flat(chunk.targets), [5, 11, 6, -1])
        model = self.rnn.Model(input_size=12, hidden_size=4, output_size=12)
        self.assertEqual(model.forward_backward(self.rnn.State(model, 2), chunk).count, 3)

    def test_gradients_can_be_set(self):
        rnn = self.rnn
        model, other = (rnn.Model(input_size=9, hidden_size=4, output_size=9, seed=3) for _ in range(2))
        model.forward_backward(rnn.State(model), rnn.Chunk([1, 8], [8, 1]))
        for name in model.parameter_names:
            other.set_gradient(name, model.gradient(name))
        for each in (model, other):
            rnn.Optimizer(each).step(each)
        self.assertEqual(bytes(other.flat_parameters()), bytes(model.flat_parameters()))
        with self.assertRaisesRegex(rnn.RnnError, "count is 1; decoder.bias has 9 elements"):
            other.set_gradient("decoder.bias", [1])

    def test_the_own_loss_of_a_model_goes_back_as_in_one_call(self):
        rnn = self.rnn
        model = rnn.Model(input_size=5, hidden_size=4, output_size=5, precision=rnn.FLOAT64, seed=3)
        chunk = rnn.Chunk([0, 1, 2, 3, 4, 0], [1, 2, 3, -1, 0, 1], 2)
        expected = model.forward_backward(rnn.State(model, 2), chunk)
        gradients = {name: flat(model.gradient(name)) for name in model.parameter_names}
        model.zero_gradients()
        state = rnn.State(model, 2)
        outputs = model.forward_training(state, chunk)
        loss, gradient = model.loss_gradient(chunk, outputs)
        model.backward(state, gradient)
        self.assertEqual(loss, expected)
        for name, wanted in gradients.items():
            for number, other in zip(flat(model.gradient(name)), wanted):
                self.assertAlmostEqual(number, other, places=14)
        for row in rnn.softmax([[0, 1, 2], [5, 5, 5]]):
            self.assertAlmostEqual(sum(row), 1, places=15)
        with self.assertRaisesRegex(ValueError, r"\[rows\]\[symbols\]"):
            rnn.softmax([1, 2])
        with self.assertRaisesRegex(rnn.RnnError, "outputs_count is 4"):
            model.loss_gradient(chunk, [[1, 2], [3, 4]])

    def test_a_corpus_of_ids_is_served_and_evaluated(self):
        rnn = self.rnn
        ids = [i * i % 7 for i in range(100)]
        corpus = rnn.Corpus.from_ids(ids, 7, 4, 2)
        chunk, _ = corpus.next()
        self.assertEqual(flat(chunk.inputs), [ids[t + 49 * b] for t in range(4) for b in range(2)])
        model = rnn.Model(input_size=7, hidden_size=4, output_size=7)
        loss, hits = model.evaluate(corpus)
        self.assertEqual(loss.count, 99)
        self.assertAlmostEqual(loss.mean, math.log(7), places=2)
        self.assertIn(hits, range(100))
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "ids")
            pathlib.Path(path).write_bytes(array.array("H", ids).tobytes())
            self.assertEqual(model.evaluate(rnn.Corpus.from_id_file(path, 2, 7, 4, 2)), (loss, hits))
        with self.assertRaisesRegex(rnn.RnnError, r"ids\[2\] is 4; it must be 0 to 3"):
            rnn.Corpus.from_ids(ids, 4, 4)

    def test_model_says_what_it_is(self):
        _, _, model, _ = self.make(layers=2, precision=self.rnn.FLOAT64)
        self.assertEqual(model.options["hidden_size"], 32)
        self.assertEqual(model.options["layers"], 2)
        self.assertEqual(model.options["seed"], 1)
        self.assertEqual(model.parameter_names[:3], ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0"])
        self.assertEqual(len(model.parameter_names), 8)

    def test_parameters_are_set_and_read_back(self):
        vocab, _, model, _ = self.make()
        values = [[i - j / 8 for j in range(len(vocab))] for i in range(32)]
        model.set_parameter("rnn.weight_ih_l0", values)
        self.assertEqual(flat(model.parameter("rnn.weight_ih_l0")), flat(values))
        total = sum(len(flat(model.parameter(name))) for name in model.parameter_names)
        self.assertEqual(len(model.flat_parameters()), total)

    def test_forward_gives_logits_and_the_loss_if_there_are_targets(self):
        vocab, _, model, state = self.make()
        logits, loss = model.forward(state, self.rnn.Chunk([1, 2, 3]))
        self.assertEqual((len(logits), len(logits[0]), len(logits[0][0])), (3, 1, len(vocab)))
        self.assertIsNone(loss)
        _, loss = model.forward(state, self.rnn.Chunk([1, 2, 3], [2, self.rnn.IGNORE, 4]))
        self.assertEqual(loss.count, 2)
        self.assertAlmostEqual(loss.mean, math.log(len(vocab)), delta=0.05)

    def test_state_is_copied_set_and_reset(self):
        _, _, model, state = self.make(streams=2)
        state.set([0.25] * 64)
        other = self.rnn.State(model, 2)
        other.copy_from(state)
        self.assertEqual(flat(other.get()), [0.25] * 64)
        other.reset(stream=0)
        self.assertEqual(flat(other.get()), [0.0] * 32 + [0.25] * 32)
        other.copy_stream_from(0, state, 1)
        self.assertEqual(flat(other.get()), [0.25] * 64)
        other.reset()
        self.assertEqual(flat(other.get()), [0.0] * 64)

    def test_an_lstm_has_a_second_part_of_the_state(self):
        _, _, model, state = self.make(cell=self.rnn.CELL_LSTM)
        state.set([0.5] * 32, what=self.rnn.STATE_MEMORY)
        self.assertEqual(flat(state.get()), [0.0] * 32)
        self.assertEqual(flat(state.get(what=self.rnn.STATE_MEMORY)), [0.5] * 32)
        _, _, model, state = self.make(cell=self.rnn.CELL_GRU)
        self.assert_fails(self.rnn.RnnError.ARGUMENT, "what", state.get, what=self.rnn.STATE_MEMORY)

    def test_a_tied_model_has_one_parameter_less(self):
        _, _, model, _ = self.make(input=self.rnn.INPUT_EMBEDDING, embedding_size=32, tied=1, cell=self.rnn.CELL_GRU,
                                   bias=self.rnn.BIAS_BOTH)
        self.assertEqual(model.parameter_names, ["embedding.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0",
                                                 "rnn.bias_ih_l0", "rnn.bias_hh_l0", "decoder.bias"])
        self.assertEqual(len(flat(model.parameter("rnn.bias_hh_l0"))), 3 * 32)

    def test_optimizer_begins_with_the_rules_settings(self):
        _, _, model, _ = self.make()
        for rule, rate in ((self.rnn.OPTIMIZER_ADAGRAD, 0.1), (self.rnn.OPTIMIZER_SGD, 0.01),
                           (self.rnn.OPTIMIZER_RMSPROP, 0.01), (self.rnn.OPTIMIZER_ADAM, 0.001),
                           (self.rnn.OPTIMIZER_ADAMW, 0.001)):
            self.assertEqual(self.rnn.Optimizer(model, rule=rule).learning_rate, rate)

    def test_optimizer_options_can_be_read_and_changed(self):
        rnn = self.rnn
        model = rnn.Model(input_size=3, hidden_size=4, output_size=3)
        optimizer = rnn.Optimizer(model, rnn.OPTIMIZER_ADAMW, spare_biases=True, clip_norm=1)
        self.assertEqual(optimizer.options["weight_decay"], 0.01)
        self.assertEqual(optimizer.options["spare_biases"], 1)
        optimizer.set_options(learning_rate=0.5, clip_norm=2)
        self.assertEqual((optimizer.learning_rate, optimizer.options["clip_norm"]), (0.5, 2))
        with self.assertRaisesRegex(TypeError, "did you mean clip_norm"):
            optimizer.set_options(clip_nrom=2)
        with self.assertRaisesRegex(rnn.RnnError, "beta1 is 7"):
            optimizer.set_options(beta1=7)

    def test_schedules(self):
        rnn = self.rnn
        self.assertEqual([rnn.schedule_warmup(k, 4) for k in range(6)], [0.25, 0.5, 0.75, 1, 1, 1])
        self.assertEqual([rnn.schedule_cosine(k, 10, 0.5) for k in (0, 10, 11)], [1, 0.5, 0.5])
        self.assertEqual([rnn.schedule_step_decay(k, 2, 0.5) for k in range(5)], [1, 1, 0.5, 0.5, 0.25])
        self.assertEqual(rnn.schedule_one_cycle(3, 10, 3), 1)
        self.assertTrue(math.isnan(rnn.schedule_warmup(-1, 4)))

    def test_frozen_parameters_stay_and_averages_move(self):
        rnn = self.rnn
        model = rnn.Model(input_size=3, hidden_size=4, output_size=3)
        average, start = copy.copy(model), flat(model.parameter("decoder.weight"))
        model.freeze("rnn.weight_hh_l0")
        self.assertTrue(model.is_frozen("rnn.weight_hh_l0"))
        kept = flat(model.parameter("rnn.weight_hh_l0"))
        model.forward_backward(rnn.State(model), rnn.Chunk([0, 1, 2], [1, 2, 0]))
        rnn.Optimizer(model).step(model)
        self.assertEqual(flat(model.parameter("rnn.weight_hh_l0")), kept)
        self.assertNotEqual(flat(model.parameter("decoder.weight")), start)
        average.average(model, 1)
        for mine, theirs in zip(flat(average.parameter("decoder.weight")), flat(model.parameter("decoder.weight"))):
            self.assertAlmostEqual(mine, theirs, places=6)

    def test_a_state_goes_out_and_in_as_one_array(self):
        rnn = self.rnn
        model = rnn.Model(input_size=3, hidden_size=4, output_size=3, layers=2, cell=rnn.CELL_LSTM)
        state, other = rnn.State(model, 2), rnn.State(model, 2)
        state.set([0.5] * 8, layer=1, what=rnn.STATE_MEMORY)
        values = flat(state.get_all())
        self.assertEqual(values, [0] * 24 + [0.5] * 8)
        other.set_all(values)
        self.assertEqual(flat(other.get(1, rnn.STATE_MEMORY)), [0.5] * 8)
        again = rnn.checkpoint_from_bytes(rnn.checkpoint_to_bytes(state=state)).state
        self.assertEqual(flat(again.get_all()), values)

    def test_a_loss_of_ones_own(self):
        """The pinball loss of one quantile, against the gradient of each input by a small change of it."""
        rnn, quantile = self.rnn, 0.9
        model = rnn.Model(input_size=2, hidden_size=5, output_size=1, cell=rnn.CELL_GRU, input=rnn.INPUT_VECTORS,
                          loss=rnn.LOSS_SQUARED_ERROR, precision=rnn.FLOAT64, weight_scale=0.5)
        inputs, wanted = [[0.1, -0.2], [0.5, 0.3], [-0.4, 0.9]], [1.0, -1.0, 0.5]

        def pinball(inputs, state):
            outputs = flat(model.forward_training(state, rnn.Chunk(input_vectors=inputs)))
            cost = sum(max(quantile * (y - x), (quantile - 1) * (y - x)) for x, y in zip(outputs, wanted))
            return cost, [[-quantile if y > x else 1 - quantile] for x, y in zip(outputs, wanted)]

        state = rnn.State(model)
        _, gradients = pinball(inputs, state)
        of_inputs, of_state = model.backward(state, gradients)
        self.assertEqual(len(flat(of_state)), 5)
        self.assertTrue(any(flat(model.gradient("decoder.weight"))))
        for t in range(3):
            for i in range(2):
                costs = []
                for step in (1e-6, -1e-6):
                    moved = [list(row) for row in inputs]
                    moved[t][i] += step
                    costs.append(pinball(moved, rnn.State(model))[0])
                self.assertAlmostEqual(flat(of_inputs)[2 * t + i], (costs[0] - costs[1]) / 2e-6, places=7)
        with self.assertRaisesRegex(rnn.RnnError, "has no activations for the backward pass"):
            model.backward(state, gradients)
        model.forward_training(state, rnn.Chunk(input_vectors=inputs))
        with self.assertRaisesRegex(ValueError, r"outputs has 2 numbers; it must have the shape \(3, 1, 1\)"):
            model.backward(state, [0.5, 0.5])
        with self.assertRaisesRegex(ValueError, "final_state has 1 numbers"):
            model.backward(state, final_state=[0.5])

    def test_streams_of_unequal_length(self):
        rnn = self.rnn
        model = rnn.Model(input_size=4, hidden_size=5, output_size=4, cell=rnn.CELL_LSTM, weight_scale=0.5)
        padded = rnn.Chunk([[0, 1], [2, 3], [1, -9]], [[1, 2], [3, 0], [2, 77]], 2, lengths=[3, 2])
        self.assertEqual(padded.lengths, [3, 2])
        both, state = rnn.State(model, 2), rnn.State(model)
        outputs, loss = model.forward(both, padded)
        alone, _ = model.forward(state, rnn.Chunk([1, 3], [2, 0]))
        self.assertEqual(flat(alone), flat(outputs[0][1]) + flat(outputs[1][1]))
        self.assertEqual(flat(outputs[2][1]), [0] * 4)
        self.assertEqual(loss.count, 5)
        self.assertEqual(flat(both.get()[1]), flat(state.get()))
        packed = rnn.Chunk([1, 3, 1, 3], [2, 0, 2, 0], starts=[True, False, True, False])
        self.assertEqual(flat(model.forward(rnn.State(model), packed)[0]), flat(alone) * 2)
        losses, hits = model.score(rnn.State(model, 2), padded)
        self.assertAlmostEqual(sum(flat(losses)), loss.sum, places=6)
        self.assertIn(hits, range(6))

    def test_a_batcher_serves_each_sequence_once(self):
        rnn = self.rnn
        texts = [[0, 1, 2], [3], [1, 0, 1, 0, 1], [2, 2], [3, 1, 0]]
        model = rnn.Model(input_size=4, hidden_size=5, output_size=4, cell=rnn.CELL_GRU, weight_scale=0.5)
        for options in ({}, {"layout": rnn.BATCH_PACKED, "steps": 2}, {"bucket": 2}):
            batcher = rnn.Batcher(texts, [[3 - id for id in ids] for ids in texts], 2, shuffle=True, seed=5, **options)
            self.assertEqual((len(batcher), batcher.positions), (5, 14))
            state, served, chunks = rnn.State(model, 2), {}, 0
            for chunk in batcher.epoch():
                outputs, loss = model.forward(state, chunk)
                sequences, elements = batcher.places()
                for t in range(chunk.steps):
                    for b in range(2):
                        if sequences[t][b] < 0:
                            self.assertEqual(chunk.targets[t][b], rnn.IGNORE)
                            continue
                        self.assertEqual(chunk.inputs[t][b], 3 - chunk.targets[t][b])
                        self.assertIs(served.setdefault((int(sequences[t][b]), int(elements[t][b])), None), None)
                        served[int(sequences[t][b]), int(elements[t][b])] = int(chunk.inputs[t][b]), flat(outputs[t][b])
                chunks += 1
                self.assertLessEqual(chunk.steps, batcher.steps)
            self.assertEqual(chunks, batcher.chunks)
            self.assertEqual(batcher.position, 14)
            for index, ids in enumerate(texts):
                alone, _ = model.forward(rnn.State(model), rnn.Chunk(ids))
                self.assertEqual([served[index, n] for n in range(len(ids))],
                                 [(id, flat(row[0])) for id, row in zip(ids, alone)])
            expected = [flat(batcher.next()[0].inputs) for _ in range(5)]
            batcher.seek(14)
            self.assertEqual([flat(batcher.next()[0].inputs) for _ in range(5)], expected)
            batcher.rewind()
            self.assertEqual(batcher.position, 0)

    def test_a_batcher_serves_vectors_classes_and_language_models(self):
        rnn = self.rnn
        vectors = [[[0.1, 0.2]], [[0.3, 0.4], [0.5, 0.6]]]
        batcher = rnn.Batcher(input_vectors=vectors, target_vectors=[[[1.5]], [[2.5], [3.5]]],
                              target_mask=[[1], [0, 1]], streams=2)
        chunk, last = batcher.next()
        self.assertTrue(last)
        self.assertEqual(flat(chunk.input_vectors), [0.1, 0.2, 0.3, 0.4, 0, 0, 0.5, 0.6])
        self.assertEqual(flat(chunk.target_vectors), [1.5, 2.5, 0, 3.5])
        self.assertEqual([int(count) for count in flat(chunk.target_mask)], [1, 0, 0, 1])
        self.assertEqual(chunk.lengths, [1, 2])
        model = rnn.Model(input_size=2, hidden_size=3, output_size=1, input=rnn.INPUT_VECTORS,
                          loss=rnn.LOSS_SQUARED_ERROR)
        self.assertEqual(model.forward_backward(rnn.State(model, 2), chunk).count, 2)

        classes = rnn.Batcher([[1, 2], [3], [4, 5, 6]], [7, 8, 9], 2, target_kind=rnn.TARGETS_LAST)
        chunk, last = classes.next()
        self.assertEqual((chunk.last_only, flat(chunk.targets), last), (True, [7, 8], False))
        chunk, last = classes.next()
        self.assertEqual((flat(chunk.targets), chunk.lengths, last), ([9, rnn.IGNORE], [3, 0], True))
        scores = rnn.Batcher([[1, 2], [3]], target_vectors=[[7.5], [8.5]], streams=2, target_kind=rnn.TARGETS_LAST)
        self.assertEqual(flat(scores.next()[0].target_vectors), [7.5, 8.5])

        chunk, _ = rnn.Batcher([[1, 2, 3], [4, 5]], streams=2, target_kind=rnn.TARGETS_NEXT).next()
        self.assertEqual((flat(chunk.inputs), flat(chunk.targets)), ([1, 4, 2, 0], [2, 5, 3, rnn.IGNORE]))
        chunk, _ = rnn.Batcher(input_vectors=vectors[1:], target_kind=rnn.TARGETS_NEXT).next()
        self.assertEqual(flat(chunk.target_vectors), [0.5, 0.6])

    def test_a_batcher_refuses_what_does_not_fit(self):
        rnn = self.rnn
        for error, sentence, call in (
                (TypeError, "^a batcher needs either inputs or input_vectors$", rnn.Batcher),
                (TypeError, "^inputs is 3; it must be a sequence of sequences$", lambda: rnn.Batcher(3)),
                (TypeError, r"^inputs\[1\] is 2; it must be a sequence of whole numbers$",
                 lambda: rnn.Batcher([[1], 2])),
                (ValueError, r"^targets\[1\] has 1 elements; inputs\[1\] has 2$",
                 lambda: rnn.Batcher([[1], [2, 3]], [[1], [2]])),
                (ValueError, "^targets has 1 sequences; inputs has 2$", lambda: rnn.Batcher([[1], [2]], [[1]])),
                (ValueError, "^targets has 1 elements; there are 2 sequences$",
                 lambda: rnn.Batcher([[1], [2]], [1], target_kind=rnn.TARGETS_LAST)),
                (ValueError, r"^input_vectors\[1\] has vectors of 2 numbers; those of input_vectors\[0\] have 1$",
                 lambda: rnn.Batcher(input_vectors=[[[1.0]], [[1.0, 2.0]]])),
                (TypeError, "^unknown option: bukket; did you mean bucket", lambda: rnn.Batcher([[1]], bukket=2)),
                (rnn.RnnError, "^sequences->count is 0; ", lambda: rnn.Batcher([])),
                (rnn.RnnError, r"^sequences->lengths\[1\] is 0; ", lambda: rnn.Batcher([[1], []])),
                (rnn.RnnError, "has served no chunk", lambda: rnn.Batcher([[1]]).places()),
                (rnn.RnnError, "no chunk begins there", lambda: rnn.Batcher([[1, 2]]).seek(1))):
            with self.assertRaisesRegex(error, sentence):
                call()
        with self.assertRaisesRegex(TypeError, "a Batcher can't be copied or pickled"):
            copy.copy(rnn.Batcher([[1]]))

    def test_one_target_for_each_sequence(self):
        rnn = self.rnn
        model = rnn.Model(input_size=4, hidden_size=5, output_size=3, weight_scale=0.5)
        chunk = rnn.Chunk([[0, 1], [2, 3], [1, 0]], [2, 1], 2, lengths=[3, 2], last_only=True)
        self.assertEqual(flat(chunk.targets), [2, 1])
        outputs, loss = model.forward(rnn.State(model, 2), chunk)
        every, _ = model.forward(rnn.State(model, 2), rnn.Chunk([[0, 1], [2, 3], [1, 0]], streams=2))
        self.assertEqual(flat(outputs), flat(every[2][0]) + flat(every[1][1]))
        self.assertEqual(loss.count, 2)
        with self.assertRaisesRegex(ValueError, "targets must have one element for each of the 2 streams"):
            rnn.Chunk([[0, 1], [2, 3]], [0, 1, 2, 3], 2, last_only=True)
        with self.assertRaisesRegex(ValueError, "lengths has 1 numbers; there are 2 streams"):
            rnn.Chunk([[0, 1], [2, 3]], streams=2, lengths=[1])

    def test_optimizer_learning_rate_can_change(self):
        _, _, model, _ = self.make()
        optimizer = self.rnn.Optimizer(model)
        self.assertEqual(optimizer.learning_rate, 0.1)
        optimizer.learning_rate = 0.05
        self.assertEqual(optimizer.learning_rate, 0.05)

    # ---- Files ----

    def test_a_model_and_its_vocabulary_come_back_from_a_file(self):
        rnn = self.rnn
        vocab, corpus, model, state = self.make(cell=rnn.CELL_LSTM, layers=2, dropout=0.25)
        self.train(corpus, model, state, 3)
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "model.safetensors"
            model.save(path, vocab)
            self.assertEqual(path.read_bytes(), model.to_bytes(vocab))
            loaded, loaded_vocab = rnn.Model.load(path)
            self.assertEqual([file.name for file in path.parent.iterdir()], [path.name])
            self.assert_fails(rnn.RnnError.IO, "none", rnn.Model.load, path.parent / "none")
            self.assert_fails(rnn.RnnError.IO, "is a directory", model.save, path.parent)
        self.assertEqual(loaded.options, model.options)
        self.assertEqual(bytes(loaded.flat_parameters()), bytes(model.flat_parameters()))
        self.assertEqual(loaded_vocab.decode(range(len(vocab))), vocab.decode(range(len(vocab))))

    def test_a_model_comes_back_from_bytes_in_another_precision(self):
        rnn = self.rnn
        _, _, model, _ = self.make()
        data = model.to_bytes()
        wide, vocab = rnn.Model.from_bytes(data, precision=rnn.FLOAT64, configuration={**model.options, "seed": 9})
        self.assertIsNone(vocab)
        self.assertEqual((wide.options["precision"], wide.options["seed"]), (rnn.FLOAT64, 9))
        narrow, _ = rnn.Model.from_bytes(wide.to_bytes(), precision=rnn.FLOAT32, rnn_name="rnn")
        self.assertEqual(bytes(narrow.flat_parameters()), bytes(model.flat_parameters()))
        self.assert_fails(rnn.RnnError.FORMAT, "", rnn.Model.from_bytes, data[:-1])
        named = model.to_bytes(vocab, rnn_name="encoder", decoder_name="")
        self.assertIn(b'"encoder.weight_ih_l0"', named)
        self.assertEqual(rnn.Model.from_bytes(named, infer=True, ignore_others=True)[0].to_bytes(vocab), data)
        self.assert_fails(rnn.RnnError.ARGUMENT, "embedding_name", model.to_bytes, embedding_name="unused")
        with self.assertRaisesRegex(TypeError, "unknown option: rnnname; did you mean rnn_name"):
            model.to_bytes(rnnname="")
        self.assert_fails(rnn.RnnError.MISMATCH, "rnn_name", rnn.Model.from_bytes, data, rnn_name="unused")
        self.assert_fails(rnn.RnnError.MISMATCH, "hidden_size", rnn.Model.from_bytes, data,
                          configuration={**model.options, "hidden_size": 33})
        self.assert_fails(rnn.RnnError.MISMATCH, "vocabulary", model.to_bytes, rnn.Vocab.from_list(b"ab"))
        with self.assertRaises(TypeError):
            rnn.Model.from_bytes(data, hidden_size=32)

    def test_notes_are_a_mapping_that_travels_with_the_model(self):
        rnn = self.rnn
        model = self.make()[2]
        plain = model.to_bytes()
        model.notes["scale"] = "0.5"
        model.notes.update({"classes": "Katze\nHündin", "a": "", "scale": "2"})
        expected = {"a": "", "classes": "Katze\nHündin", "scale": "2"}
        self.assertEqual((len(model.notes), list(model.notes), dict(model.notes)), (3, sorted(expected), expected))
        self.assertEqual(repr(model.notes), repr(expected))
        loaded, _ = rnn.Model.from_bytes(model.to_bytes())
        for other in (loaded, copy.copy(model), rnn.checkpoint_from_bytes(rnn.checkpoint_to_bytes(model)).model):
            self.assertEqual(other.notes, expected)
        del model.notes["a"]
        self.assertNotIn("a", model.notes)
        with self.assertRaises(KeyError):
            del model.notes["a"]
        with self.assertRaises(KeyError):
            model.notes["none"]
        model.notes.clear()
        self.assertEqual(model.to_bytes(), plain)
        for key, value, error in (("k", None, TypeError), (3, "v", TypeError), ("k", "v\0", ValueError),
                                  ("", "v", rnn.RnnError), ("k", "v" * 2000000, rnn.RnnError)):
            with self.assertRaises(error):
                model.notes[key] = value
        self.assertEqual(len(model.notes), 0)
        model.close()
        with self.assertRaises(rnn.ClosedError):
            model.notes

    def test_a_weight_that_is_not_finite_is_found(self):
        rnn = self.rnn
        _, _, model, _ = self.make()
        model.check_finite()
        data = bytearray(model.to_bytes())
        data[-4:] = b"\x00\x00\xc0\x7f"
        loaded, _ = rnn.Model.from_bytes(bytes(data))
        self.assert_fails(rnn.RnnError.NONFINITE, "decoder.bias[", loaded.check_finite)

    # ---- The header ----

    def test_numbers_are_the_headers(self):
        header = (SOURCE_DIR / "include" / "rnn" / "rnn.h").read_text()
        enumerators = re.findall(r"^ *RNN_(\w+) = (-?\d+)\b", header, re.MULTILINE)
        self.assertGreater(len(enumerators), 30)
        for name, number in enumerators:
            if name.startswith("ERROR_"):
                self.assertEqual(getattr(self.rnn.RnnError, name[6:]), int(number), name)
            elif name != "OK":
                self.assertEqual(getattr(self.rnn, name), int(number), name)

    # ---- Errors ----

    def test_an_error_is_an_exception_with_the_librarys_sentence(self):
        error = self.rnn.RnnError
        vocab, _, model, state = self.make()
        self.assert_fails(error.ARGUMENT, "hidden_size", self.rnn.Model, input_size=3, output_size=3, hidden_size=0)
        self.assert_fails(error.IO, "no-such-file", self.rnn.Vocab.from_file, "no-such-file")
        self.assert_fails(error.SYMBOL, "", vocab.encode, b"the \xff")
        self.assert_fails(error.SYMBOL, "", vocab.decode, [len(vocab)])
        self.assert_fails(error.ARGUMENT, "rnn.none", model.parameter, "rnn.none")
        self.assert_fails(error.MISMATCH, "", model.forward_backward, state, self.rnn.Chunk([1, 1], [1, 1], streams=2))
        self.assert_fails(error.ARGUMENT, "nan", model.clip_value, math.nan)
        self.assert_fails(error.ARGUMENT, "limit", model.clip_norm, 0)
        sgd = self.rnn.OPTIMIZER_SGD
        self.assert_fails(error.ARGUMENT, "epsilon is 1e-08; it must be 0", self.rnn.Optimizer, model, rule=sgd,
                          epsilon=1e-8)
        self.assert_fails(error.ARGUMENT, "beta1", self.rnn.Optimizer, model, beta1=0.9)
        self.assert_fails(error.ARGUMENT, "rule is 5", self.rnn.Optimizer, model, rule=5)
        self.assertEqual(self.rnn.status_name(error.SYMBOL), "RNN_ERROR_SYMBOL")

    def test_what_c_cannot_see_is_refused_before_the_call(self):
        vocab, _, model, state = self.make()
        with self.assertRaises(OverflowError):
            self.rnn.Model(input_size=2**64 + 3, output_size=3)
        with self.assertRaises(OverflowError):
            self.rnn.Chunk([2**32])
        with self.assertRaises(OverflowError):
            vocab.symbol(2**32)
        with self.assertRaises(TypeError):
            self.rnn.Model(input_size=3, output_size=3, hiden_size=5)
        with self.assertRaises((TypeError, OverflowError)):
            self.rnn.Chunk([0.5])
        with self.assertRaises(ValueError):
            self.rnn.Chunk([1, 2], [1])
        with self.assertRaises(ValueError):
            self.rnn.Chunk([1, 2, 3], streams=2)
        with self.assertRaises(ValueError):
            model.sample(state, self.rnn.Sampler(), [1, 2], 5)
        with self.assertRaisesRegex(TypeError, "^text is 'a str'; it must be bytes"):
            vocab.encode("a str")
        with self.assertRaisesRegex(TypeError, "^state is an object of type Vocab; it must be a State$"):
            model.forward(vocab, self.rnn.Chunk([1]))

    # ---- Lives ----

    def test_a_closed_object_is_refused(self):
        _, _, model, state = self.make()
        with state:
            self.assertEqual(state.streams, 1)
        state.close()
        self.assert_fails(self.rnn.RnnError.ARGUMENT, "state", state.reset)
        with self.assertRaisesRegex(ValueError, "^the state is closed$"):
            state.streams
        model.close()
        self.assert_fails(self.rnn.RnnError.ARGUMENT, "model", model.clip_value, 5)

    def test_objects_outlive_what_they_were_made_from(self):
        vocab, corpus, model, state = self.make()
        vocab.close()
        chunk, _ = corpus.next()
        corpus.close()
        model.close()
        self.assertEqual(len(flat(chunk.inputs)), 25)
        self.assertEqual(len(flat(state.get())), 32)

    def test_a_view_outlives_the_model(self):
        _, _, model, _ = self.make()
        values = model.flat_parameters()
        before = list(values)
        model.close()
        del model
        gc.collect()
        self.assertEqual(list(values), before)
        with self.assertRaises(TypeError):
            values[0] = 1.0

    # ---- Copies ----

    def trained(self):
        """A vocabulary, a model, a state, an optimizer and a sampler in the middle of their work."""
        rnn = self.rnn
        vocab, corpus, model, state = self.make(steps=5, streams=2, cell=rnn.CELL_LSTM, layers=2, hidden_size=8,
                                                dropout=0.25)
        optimizer, sampler = rnn.Optimizer(model, rnn.OPTIMIZER_ADAM, learning_rate=0.25), rnn.Sampler(seed=3)
        for _ in range(3):
            model.forward_backward(state, corpus.next()[0])
            optimizer.step(model)
        optimizer.learning_rate = 0.01
        model.sample(state, sampler, [1, 2], 7)
        model.forward_backward(state, corpus.next()[0])  # leaves gradients
        return vocab, model, state, optimizer, sampler

    def work_on(self, vocab, model, state, optimizer, sampler):
        """Everything that the objects come to."""
        chunk = self.rnn.Chunk(vocab.encode(b"the quick "), vocab.encode(b"he quick b"), 2)
        losses = []
        for _ in range(3):
            optimizer.step(model)  # by the gradients that are there
            losses.append(model.forward_backward(state, chunk))
        text = vocab.decode(flat(model.sample(state, sampler, vocab.encode(b"tq"), 20)))
        gradients = [flat(model.gradient(name)) for name in model.parameter_names]
        return losses, text, state.random_index, bytes(model.flat_parameters()), gradients, flat(state.get(1, 1))

    def ways_to_copy(self):
        yield copy.copy
        yield copy.deepcopy
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            yield lambda thing, protocol=protocol: pickle.loads(pickle.dumps(thing, protocol))

    @contextlib.contextmanager
    def importable(self):
        """Pickles name the module, of which there are two here."""
        with unittest.mock.patch.dict(sys.modules, librnn=self.rnn):
            yield

    def test_copies_go_on_as_the_originals(self):
        with self.importable():
            for way in self.ways_to_copy():
                originals = self.trained()
                copies = [way(thing) for thing in originals]
                self.assertEqual([type(thing) for thing in copies], [type(thing) for thing in originals])
                self.assertEqual(copies[1].options, originals[1].options)
                expected = self.work_on(*originals)
                self.assertEqual(self.work_on(*copies), expected)  # and nothing is shared

    def test_a_checkpoint_keeps_an_average(self):
        rnn = self.rnn
        model, vocab = rnn.Model(input_size=3, hidden_size=4, output_size=3), None
        average = copy.copy(model)
        model.set_parameter("decoder.bias", [1.0, 2.0, 3.0])
        average.average(model, 0.5)
        found = rnn.checkpoint_from_bytes(rnn.checkpoint_to_bytes(model, average=average))
        self.assertEqual(list(found.average.parameter("decoder.bias")), list(average.parameter("decoder.bias")))
        self.assertNotEqual(list(found.average.parameter("decoder.bias")), list(model.parameter("decoder.bias")))
        self.assertIsNone(rnn.checkpoint_from_bytes(rnn.checkpoint_to_bytes(model)).average)

    def test_a_copy_of_a_whole_checkpoint_goes_on(self):
        rnn = self.rnn
        vocab, model, state, optimizer, sampler = self.trained()
        data = rnn.checkpoint_to_bytes(model, optimizer, state, sampler, vocab, corpus_position=5, counters=[-1, 2],
                                       values=[math.inf])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "run")
            rnn.save_checkpoint(path, model, optimizer, state, sampler, vocab, corpus_position=5, counters=[-1, 2],
                                values=[math.inf])
            self.assertEqual(path.read_bytes(), data)
        c = rnn.checkpoint_from_bytes(memoryview(data))
        self.assertEqual((c.corpus_position, c.counters[:3], c.values[:2]), (5, (-1, 2, 0), (math.inf, 0.0)))
        self.assertEqual(self.work_on(c.vocab, c.model, c.state, c.optimizer, c.sampler),
                         self.work_on(vocab, model, state, optimizer, sampler))
        self.assert_fails(rnn.RnnError.FORMAT, "", rnn.checkpoint_from_bytes, data[:-1])
        with self.assertRaisesRegex(TypeError, "^data is 'x'; it must be bytes"):
            rnn.checkpoint_from_bytes("x")

    def test_a_state_is_kept_without_its_model(self):
        for precision in (self.rnn.FLOAT32, self.rnn.FLOAT64):
            _, _, model, state = self.make(streams=2, layers=2, hidden_size=3, precision=precision)
            state.set([0.5, 1, 2, 3, 4, 5], layer=1)
            found = self.rnn.checkpoint_from_bytes(self.rnn.checkpoint_to_bytes(state=state))
            self.assertEqual(found.model, None)
            self.assertEqual(flat(found.state.get(1)), [0.5, 1, 2, 3, 4, 5])
            found.state.set([6] * 6)
            self.assertEqual(flat(found.state.get()), [6.0] * 6)

    def test_a_copied_state_does_not_observe(self):
        _, corpus, model, state = self.make()
        state.observe(self.rnn.OBSERVE_ACTIVATIONS + self.rnn.OBSERVE_GRADIENT_NORMS)
        model.forward_backward(state, corpus.next()[0])
        copied = copy.copy(state)
        model.forward_backward(copied, corpus.next()[0])
        self.assert_fails(self.rnn.RnnError.ARGUMENT, "has no activations to give", copied.activations)
        self.assert_fails(self.rnn.RnnError.ARGUMENT, "has no gradient norms to give", copied.gradient_norms)
        self.assertEqual(len(state.gradient_norms()), 25)

    def test_a_copy_keeps_its_class_and_the_attributes_that_it_was_given(self):
        class Named(self.rnn.Vocab):
            pass

        vocab = Named.from_text(b"abc")
        vocab.names = ["x"]
        shallow, deep = copy.copy(vocab), copy.deepcopy(vocab)
        self.assertEqual((type(shallow), type(deep), type(vocab.with_unknown())), (Named, Named, Named))
        self.assertIs(shallow.names, vocab.names)
        self.assertEqual(deep.names, ["x"])
        self.assertIsNot(deep.names, vocab.names)

    def test_a_copied_vocabulary_has_the_unknown_symbol(self):
        vocab = self.rnn.Vocab.from_text("né\0".encode(), self.rnn.VOCAB_UTF8).with_unknown(b"<?>")
        vocab = self.rnn.checkpoint_from_bytes(self.rnn.checkpoint_to_bytes(vocab=vocab)).vocab
        self.assertEqual((vocab.kind, vocab.unknown, vocab.decode(vocab.encode(b"n\0x"))), (1, 3, b"n\0<?>"))

    def test_sources_corpora_and_closed_objects_are_not_copied(self):
        _, corpus, model, state = self.make()
        source = self.rnn.Source(__file__)
        for thing, reason in ((source, "a Source can't be copied or pickled, since"),
                              (corpus, "a Corpus can't be copied or pickled, since")):
            for way in (copy.copy, copy.deepcopy, pickle.dumps):
                with self.assertRaisesRegex(TypeError, reason):
                    way(thing)
        for way in (copy.copy, copy.deepcopy, pickle.dumps):
            for thing in (model, state, self.rnn.Optimizer(model), self.rnn.Sampler(), self.rnn.Vocab.from_list(b"a")):
                closed = copy.copy(thing)
                closed.close()
                with self.assertRaisesRegex(ValueError, "is closed"):
                    way(closed)

    def test_copied_chunks_and_errors_are_whole(self):
        with self.importable():
            for way in self.ways_to_copy():
                model, state = self.make_for_vectors()
                chunk = self.rnn.Chunk(input_vectors=[[i, 0.5] for i in range(4000)], streams=2)
                expected = flat(model.forward(state, chunk)[0])
                copied = way(chunk)
                del chunk
                gc.collect()
                state.reset()
                self.assertEqual(flat(model.forward(state, copied)[0]), expected)
                error = way(self.rnn.RnnError(3, "a sentence"))
                self.assertEqual((type(error), error.status, str(error)), (self.rnn.RnnError, 3, "a sentence"))

    # ---- Bytes ----

    def bytes_like(self, data, folder):
        """Objects that hold these bytes."""
        path = pathlib.Path(folder, "bytes")
        path.write_bytes(data)
        with open(path, "rb") as file:
            yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        yield from (data, bytearray(data), memoryview(data), memoryview(bytearray(data)), array.array("B", data))
        yield memoryview(b"x" + data + b"y")[1:-1]
        yield memoryview(b"".join(bytes([byte]) + b"!" for byte in data))[::2]
        yield memoryview(data[::-1])[::-1]
        yield (ctypes.c_char * len(data))(*data)
        if self.rnn.numpy is not None:
            values = self.rnn.numpy.frombuffer(data, "uint8")
            yield from (values, self.rnn.numpy.repeat(values, 2)[::2])

    def test_all_objects_that_hold_bytes_are_taken(self):
        rnn = self.rnn
        text = b"a\0quick\0brown fox\0"
        plain = rnn.Vocab.from_text(text)
        symbols = plain.decode(range(len(plain)))
        model = rnn.Model(input_size=2, hidden_size=3, output_size=2, seed=5)
        with tempfile.TemporaryDirectory() as folder:
            for given in self.bytes_like(text, folder):
                vocab = rnn.Vocab.from_text(given)
                self.assertEqual(vocab.decode(range(len(vocab))), symbols, type(given))
                self.assertEqual(vocab.decode(vocab.encode(given)), text)
                corpus = rnn.Corpus.from_text(vocab, given, 3)
                self.assertEqual(vocab.decode(flat(corpus.next()[0].inputs)), text[:3])
            for given in self.bytes_like(symbols, folder):
                vocab = rnn.Vocab.from_list(given)
                self.assertEqual(vocab.decode(range(len(vocab))), symbols)
            for given in self.bytes_like(b"\0?", folder):
                self.assertEqual(plain.with_unknown(given).decode([len(plain)]), b"\0?")
            for given in self.bytes_like(model.to_bytes(), folder):
                loaded, _ = rnn.Model.from_bytes(given)
                self.assertEqual(bytes(loaded.flat_parameters()), bytes(model.flat_parameters()))
            for given in self.bytes_like(rnn.checkpoint_to_bytes(model), folder):
                loaded = rnn.checkpoint_from_bytes(given).model
                self.assertEqual(bytes(loaded.flat_parameters()), bytes(model.flat_parameters()))

    def test_bytes_are_released_after_the_call(self):
        text, vocab = bytearray(b"abc"), self.rnn.Vocab.from_list(b"abcd")
        vocab.encode(text)
        text.append(ord("d"))  # a BufferError while someone holds the bytes
        self.assertEqual(flat(vocab.encode(text)), [0, 1, 2, 3])
        before = sys.getrefcount(text)
        for _ in range(10):
            vocab.encode(text)
        self.assertEqual(sys.getrefcount(text), before)

    def test_what_holds_no_bytes_is_refused_by_name(self):
        rnn = self.rnn
        vocab = rnn.Vocab.from_list(b"ab")
        for name, function in (("text", rnn.Vocab.from_text), ("symbols", rnn.Vocab.from_list), ("text", vocab.encode),
                               ("shown", vocab.with_unknown), ("data", rnn.Model.from_bytes),
                               ("data", rnn.checkpoint_from_bytes),
                               ("text", lambda text: rnn.Corpus.from_text(vocab, text, 1))):
            for given, shown in (("é", "'é'"), (3, "3"), ([97], "an object of type list"), (1.5, "1.5")):
                with self.assertRaisesRegex(TypeError, f"^{name} is {shown}; it must be bytes"):
                    function(given)
            with self.assertRaisesRegex(TypeError, f"^{name} .* must be bytes"):
                function(array.array("i", [97]))
        with self.assertRaisesRegex(TypeError, "^text is None; it must be bytes"):
            vocab.encode(None)

    # ---- Arguments ----

    def test_a_wrong_option_is_named(self):
        rnn = self.rnn
        _, _, model, _ = self.make()
        huge = 2**70

        def refused(error, sentence, make=rnn.Model, **options):
            with self.assertRaisesRegex(error, "^" + sentence):
                make(**options)

        refused(TypeError, "hidden_size is 'x'; it must be a whole number$", hidden_size="x")
        refused(TypeError, "hidden_size is None; it must be a whole number$", hidden_size=None)
        refused(TypeError, "hidden_size is 2.0; it must be a whole number$", hidden_size=2.0)
        refused(TypeError, "hidden_size is True; it must be a whole number$", hidden_size=True)
        refused(TypeError, "hidden_size is an object of type list; ", hidden_size=[3])
        refused(OverflowError, f"hidden_size is {huge}; it must be -9223372036854775808 to 9223372036854775807$",
                hidden_size=huge)
        refused(OverflowError, "hidden_size is a number of 100001 bits; ", hidden_size=2**100000)
        refused(OverflowError, "seed is -1; it must be 0 to 18446744073709551615$", seed=-1)
        refused(OverflowError, "cell is 4294967296; ", cell=2**32)
        refused(TypeError, "cell is 'lstm'; it must be a whole number$", cell="lstm")
        refused(TypeError, "dropout is 'a'; it must be a number$", dropout="a")
        refused(TypeError, "dropout is None; it must be a number$", dropout=None)
        refused(TypeError, "dropout is False; it must be a number$", dropout=False)
        refused(TypeError, "dropout is 1j; it must be a number$", dropout=1j)
        refused(OverflowError, "dropout is a number of 100001 bits; ", dropout=2**100000)
        refused(TypeError, "unknown option: hiden_size; did you mean hidden_size.$", hiden_size=3)
        refused(TypeError, "unknown option: xyz; it must be one of input_size, hidden_size, ", xyz=3)
        refused(TypeError, "unknown option: struct_size; ", struct_size=3)
        refused(TypeError, "unknown option: learningrate; did you mean learning_rate.$",
                lambda **options: rnn.Optimizer(model, **options), learningrate=1)
        refused(TypeError, "rule is 'adam'; ", lambda **options: rnn.Optimizer(model, **options), rule="adam")
        refused(TypeError, "nesterov is 0.5; ", lambda **options: rnn.Optimizer(model, **options), nesterov=0.5)
        refused(TypeError, "temperature is '1'; ", rnn.Sampler, temperature="1")
        data = model.to_bytes()
        load = lambda **options: rnn.Model.from_bytes(data, **options)
        refused(TypeError, "unknown option: configuraton; did you mean configuration.$", load, configuraton={})
        refused(TypeError, "unknown option: rnnname; did you mean rnn_name.$", load, rnnname="")
        refused(TypeError, "rnn_name is 3; it must be a str$", load, rnn_name=3)
        refused(TypeError, "rnn_name is None; it must be a str$", load, rnn_name=None)
        refused(TypeError, "precision is None; it must be a whole number$", load, precision=None)
        refused(TypeError, "decoder_name is an object of type bytes; it must be a str$", load, decoder_name=b"x")
        refused(ValueError, r"embedding_name is 'a\\x00b'; it must not contain a NUL$", load, embedding_name="a\0b")
        refused(ValueError, r"rnn_name is '\\udc80'; ", load, rnn_name="\udc80")
        refused(TypeError, "configuration is 3; it must be a dictionary", load, configuration=3)
        refused(TypeError, "layers is 'x'; ", load, configuration={"layers": "x"})
        refused(TypeError, "precision is 'f'; ", load, precision="f")
        tied = {"input": rnn.INPUT_EMBEDDING, "embedding_size": 4, "hidden_size": 4, "input_size": 3, "output_size": 3}
        self.assertEqual(rnn.Model(**tied, tied=True, orthogonal=False).options["tied"], 1)

    def test_a_wrong_argument_is_named(self):
        rnn = self.rnn
        vocab, corpus, model, state = self.make(streams=2)
        sampler, optimizer, chunk = rnn.Sampler(), rnn.Optimizer(model), corpus.next()[0]
        never = "there is no such file"
        calls = [
            ("streams", "1", lambda value: rnn.State(model, value)),
            ("steps", "1", lambda value: rnn.Corpus.from_text(vocab, TEXT, value)),
            ("streams", "1", lambda value: rnn.Corpus.from_file(vocab, never, 1, value)),
            ("kind", "1", lambda value: rnn.Vocab.from_text(TEXT, value)),
            ("streams", "1", lambda value: rnn.Batcher([[1]], streams=value)),
            ("seed", "1", lambda value: rnn.Batcher([[1]], shuffle=True, seed=value)),
            ("position", "1", rnn.Batcher([[1]]).seek),
            ("position", "1", corpus.seek), ("share", "1", corpus.split), ("index", "1", vocab.symbol),
            ("limit", "1", model.clip_value), ("limit", "1", model.clip_norm), ("stream", "1", state.reset),
            ("stream", "1", lambda value: state.copy_stream_from(value, state, 0)),
            ("source_stream", "1", lambda value: state.copy_stream_from(0, state, value)),
            ("layer", "1", state.get), ("what", "1", lambda value: state.get(0, value)), ("what", "1", state.observe),
            ("layer", "1", lambda value: state.set([0] * 64, value)), ("layer", "1", state.activations),
            ("layer", "1", state.gradient_norms), ("n", "1", lambda value: model.sample(state, sampler, [0, 0], value)),
            ("random_index", "1", lambda value: setattr(state, "random_index", value)),
            ("learning_rate", "1", lambda value: setattr(optimizer, "learning_rate", value)),
            ("threads", "1", rnn.set_threads), ("status", "1", rnn.status_name),
            ("streams", "1", lambda value: rnn.Chunk([1], streams=value)),
            ("corpus_position", "1", lambda value: rnn.checkpoint_to_bytes(model, corpus_position=value)),
            (r"counters\[1\]", "1", lambda value: rnn.checkpoint_to_bytes(model, counters=[0, value])),
            (r"values\[0\]", "1", lambda value: rnn.checkpoint_to_bytes(model, values=[value])),
            ("path", 3, rnn.Vocab.from_file), ("path", 3, rnn.Source), ("path", 3, rnn.Model.load),
            ("path", 3, model.save), ("path", 3, rnn.load_checkpoint),
            ("path", 3, lambda value: rnn.save_checkpoint(value, model)),
            ("path", 3, lambda value: rnn.Corpus.from_file(vocab, value, 1)),
            ("name", 3, model.parameter), ("name", 3, model.gradient), ("name", b"x", model.parameter),
            ("name", 3, lambda value: model.set_parameter(value, [])),
            ("counters", 3, lambda value: rnn.checkpoint_to_bytes(model, counters=value)),
            ("vocab", model, lambda value: rnn.Corpus.from_text(value, TEXT, 1)),
            ("source", vocab, rnn.Vocab.from_source), ("model", state, rnn.State), ("model", state, rnn.Optimizer),
            ("model", None, rnn.State), ("model", state, optimizer.step), ("vocab", state, model.to_bytes),
            ("state", model, lambda value: model.forward(value, chunk)), ("state", 3, state.copy_from),
            ("state", None, lambda value: model.forward_backward(value, chunk)),
            ("chunk", [1], lambda value: model.forward(state, value)),
            ("chunk", None, lambda value: model.forward_backward(state, value)),
            ("sampler", state, lambda value: model.sample(state, value, [0, 0], 1)),
            ("state", optimizer, lambda value: model.sample(value, sampler, [0, 0], 1)),
            ("optimizer", state, lambda value: rnn.checkpoint_to_bytes(model, value)),
            ("model", None, lambda value: rnn.save_checkpoint(never, value)),
        ]
        for name, value, call in calls:
            with self.assertRaisesRegex(TypeError, f"^(source|{name}) is .*; it must be "):
                call(value)
        with self.assertRaisesRegex(ValueError, "^path is 'a.x00b'; it must not contain a NUL$"):
            rnn.Vocab.from_file("a\0b")
        with self.assertRaisesRegex(ValueError, "^there are 9 counters; a checkpoint has room for 8$"):
            rnn.checkpoint_to_bytes(model, counters=range(9))
        for make in (rnn.Vocab, rnn.Corpus):
            with self.assertRaisesRegex(TypeError, "from_text"):
                make(b"text")
        with self.assertRaisesRegex(TypeError, "path"):
            rnn.Source()
        self.assert_fails(rnn.RnnError.ARGUMENT, "n is -1", model.sample, state, sampler, [0, 0], -1)
        for n in (10**13, 2**62):
            with self.assertRaises(MemoryError):
                model.sample(state, sampler, [0, 0], n)

    def test_what_is_no_array_of_numbers_is_refused_by_name(self):
        rnn = self.rnn
        vocab, _, model, state = self.make(hidden_size=2)
        sampler = rnn.Sampler()
        ids = [("inputs", rnn.Chunk), ("targets", lambda value: rnn.Chunk([1, 2], value)), ("ids", vocab.decode),
               ("first", lambda value: model.sample(state, sampler, value, 1))]
        numbers = [("values", state.set), ("values", lambda value: model.set_parameter("decoder.bias", value))]
        vectors = [("input_vectors", lambda value: rnn.Chunk(input_vectors=value)),
                   ("target_vectors", lambda value: rnn.Chunk([1, 2], target_vectors=value))]

        def refused(calls, error, value, sentence):
            for name, call in calls:
                with self.assertRaisesRegex(error, f"^{name}{sentence}"):
                    call(value)

        for value in ("abc", b"abc", 3, {1: 2}, {1, 2}, iter([1])):
            refused(ids, TypeError, value, " is .*; it must be a sequence of whole numbers$")
            refused(numbers + vectors, TypeError, value, " is .*; it must be a sequence of numbers$")
        for value in ([1, 0.5], [1, 1.0], [1, math.nan], [1, "1"], [1, None], [1, 1j]):
            refused(ids, TypeError, value, r"\[1\] is .*; it must be a whole number$")
        for value in ([0.5, "1"], [1, None], [1, 1j], [1, b"1"]):
            refused(numbers, TypeError, value, r"\[1\] is .*; it must be a number$")
            refused(vectors, TypeError, [value, [1, 2]], r"\[1\] is .*; it must be a number$")
        refused(ids, TypeError, [True, True], r"\[0\] is True; it must be a whole number$")
        refused(numbers, TypeError, [True, True], r"\[0\] is True; it must be a number$")
        refused(ids, OverflowError, [0, 2**31], r"\[1\] is 2147483648; it must be -2147483648 to 2147483647$")
        refused(ids, OverflowError, [0, -2**70], r"\[1\] is -1180591620717411303424; it must be ")
        refused(numbers, OverflowError, [0, 10**400], r"\[1\] is a number of 1329 bits; it must be ")
        refused(numbers, OverflowError, [0, 1e300], " holds a number that is too large for the model's precision$")
        for value in ([[1, 2], [3]], [[1], 2], [1, [2]], [[[1]], [2]]):
            refused(ids + numbers + vectors, ValueError, value,
                    " has nested sequences of unequal lengths or depths; it must be ")
        for value in ([1, 2], [[], []], []):
            refused(vectors, ValueError, value, " must be a sequence of vectors, all of one length$")
        for mask in ("ab", 3, [None, 1], ["x", "y"]):
            with self.assertRaisesRegex(TypeError, r"^target_mask.* is .*; it must be "):
                rnn.Chunk(input_vectors=[[1], [2]], target_mask=mask)
        with self.assertRaisesRegex(TypeError, "^a chunk needs inputs or input_vectors$"):
            rnn.Chunk(None)
        with self.assertRaisesRegex(ValueError, "^a chunk needs at least one position$"):
            rnn.Chunk([])
        with self.assertRaisesRegex(TypeError, "^streams is '2'; it must be a whole number$"):
            rnn.Chunk([1, 2], streams="2")
        for streams in (0, -2):
            with self.assertRaisesRegex(ValueError, f"^streams is {streams}; it must be at least 1$"):
                rnn.Chunk([1, 2], streams=streams)
        narrow, narrow_state = self.make_for_vectors()
        with self.assertRaisesRegex(OverflowError, "^input_vectors holds a number that is too large"):
            narrow.forward(narrow_state, rnn.Chunk(input_vectors=[[1e300, 0]] * 2, streams=2))

    def test_sequences_of_any_kind_are_taken(self):
        model, state = self.make_for_vectors()
        expected = [1.0, 2.0, 3.0, 4.0]
        for vectors in ([[1, 2], [3, 4]], ((1.0, 2), (3, 4)), [array.array("f", [1, 2]), array.array("d", [3, 4])],
                        [range(1, 3), range(3, 5)],
                        memoryview(array.array("i", [1, 2, 3, 4])).cast("B").cast("i", (2, 2))):
            self.assertEqual(flat(self.rnn.Chunk(input_vectors=vectors, streams=2).input_vectors), expected)
        for ids in (range(1, 5), (1, 2, 3, 4), array.array("q", [1, 2, 3, 4]),
                    memoryview(array.array("h", [1, 2, 3, 4])), (ctypes.c_int64 * 4)(1, 2, 3, 4), [[1, 2], [3, 4]],
                    [array.array("B", [1, 2]), (3, 4)]):
            self.assertEqual(flat(self.rnn.Chunk(ids).inputs), expected)
        for mask in ([True, False], [1, 0], array.array("B", [255, 0]), [[0.5], [0]]):
            chunk = self.rnn.Chunk(input_vectors=[[1], [2]], target_mask=mask)
            self.assertEqual(flat(chunk.target_mask), [1, 0])

    def test_the_mean_of_nothing_is_nan(self):
        self.assertTrue(math.isnan(self.rnn.Loss(0, 0).mean))
        _, _, model, state = self.make()
        loss = model.forward_backward(state, self.rnn.Chunk([1, 2], [self.rnn.IGNORE] * 2))
        self.assertEqual((loss.count, math.isnan(loss.mean)), (0, True))

    def test_norms_are_those_of_the_last_chunk_that_went_back(self):
        rnn = self.rnn
        _, _, model, state = self.make(weight_scale=0.5)
        no_norms = (rnn.RnnError.ARGUMENT, "has no gradient norms to give", state.gradient_norms)
        no_activations = (rnn.RnnError.ARGUMENT, "has no activations to give", state.activations)
        model.forward_backward(state, rnn.Chunk([0, 1, 2], [1, 2, 3]))
        state.observe(rnn.OBSERVE_GRADIENT_NORMS + rnn.OBSERVE_ACTIVATIONS)
        self.assert_fails(*no_norms)  # switched on after the chunk
        self.assert_fails(*no_activations)
        model.forward(state, rnn.Chunk([0, 1]))
        self.assert_fails(*no_norms)
        self.assertEqual(len(state.activations()), 2)
        for steps in (5, 1, 4):
            model.forward_backward(state, rnn.Chunk([0] * steps, [1] * steps))
            norms = flat(state.gradient_norms())
            self.assertEqual((len(norms), len(state.activations())), (steps, steps))
            for other in (7, 1):
                model.forward(state, rnn.Chunk([1] * other))
                self.assertEqual(flat(state.gradient_norms()), norms)
                self.assertEqual(len(state.activations()), other)
            self.assert_fails(rnn.RnnError.SYMBOL, "", model.forward_backward, state, rnn.Chunk([99, 1], [1, 1]))
            model.sample(state, rnn.Sampler(), [0], 3)
            self.assertEqual(flat(state.gradient_norms()), norms)
            self.assertEqual(len(state.activations()), 1)
        state.observe(rnn.OBSERVE_ACTIVATIONS)
        model.forward_backward(state, rnn.Chunk([0] * 6, [1] * 6))
        self.assert_fails(*no_norms)
        self.assertEqual(len(state.activations()), 6)

    # ---- Waiting ----

    def waits(self, code, feed=None):
        """What a program prints, whose standard input is a pipe; `feed` may write to that, or wait for the end."""
        without = "sys.modules['numpy'] = None; " if self.rnn.numpy is None else ""
        code = f"import os, signal, sys, threading, time; {without}import librnn as rnn\n{textwrap.dedent(code)}"
        child = subprocess.Popen([sys.executable, "-B", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(PYTHON_DIR)})
        try:
            if feed:
                feed(child)
            output, errors = child.communicate(timeout=120)
        finally:
            child.kill()
            child.wait()
        self.assertEqual((child.returncode, errors), (0, ""))
        return output

    SIGNALS = """
        def later(number, action):
            # Sends signals while the main thread waits in the library.
            def send():
                time.sleep(0.3)
                for _ in range(number):
                    os.kill(os.getpid(), action)
                    time.sleep(0.15)
            thread = threading.Thread(target=send)
            thread.start()
            return thread
    """

    def test_ctrl_c_ends_waiting_for_a_pipe(self):
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "fifo")
            os.mkfifo(fifo)
            for path in ("-", fifo):
                code = textwrap.dedent(self.SIGNALS) + textwrap.dedent(f"""
                    for _ in range(2):
                        thread = later(1, signal.SIGINT)
                        try:
                            rnn.Source({path!r})
                        except KeyboardInterrupt as exception:
                            print("interrupted", exception.__context__)
                        thread.join()
                    print(len(rnn.Vocab.from_text(b"abc")), len(rnn.Source({__file__!r})) > 0)
                """)
                output = self.waits(code, lambda child: child.wait(120))  # its input stays open until it ends
                self.assertEqual(output, "interrupted None\n" * 2 + "3 True\n")

    def test_any_exception_of_a_handler_ends_waiting(self):
        code = textwrap.dedent(self.SIGNALS) + textwrap.dedent("""
            def handler(*arguments):
                raise LookupError("from the handler") from OSError("its cause")
            signal.signal(signal.SIGUSR1, handler)
            thread = later(1, signal.SIGUSR1)
            try:
                rnn.Source("-")
            except LookupError as exception:
                print(exception, exception.__cause__)
            thread.join()
            class Released:
                def __del__(self):
                    print("released")
            def wait():
                thing = Released()
                thread = later(1, signal.SIGINT)
                try:
                    rnn.Source("-")
                except KeyboardInterrupt:
                    pass
                thread.join()
            import gc
            gc.disable()
            wait()
            print("returned")
        """)
        self.assertEqual(self.waits(code, lambda child: child.wait(120)),
                         "from the handler its cause\nreleased\nreturned\n")

    def test_other_signals_do_not_disturb_waiting(self):
        code = textwrap.dedent(self.SIGNALS) + textwrap.dedent("""
            seen = []
            def handler(*arguments):
                seen.append(1)
                seen.append(len(rnn.Source(rnn.__file__)))  # which may use the library
            signal.signal(signal.SIGALRM, handler)
            thread = later(3, signal.SIGALRM)
            print("ready", flush=True)
            source = rnn.Source("-")
            vocab = rnn.Vocab.from_source(source)
            corpus = rnn.Corpus.from_source(vocab, source, len(source) - 1)
            print(vocab.decode([int(i) for i in [row[0] for row in corpus.next()[0].inputs]]).decode(), len(seen))
            thread.join()
        """)

        def feed(child):
            self.assertEqual(child.stdout.readline(), "ready\n")
            for piece in ("the quick ", "brown ", "fox", "."):
                child.stdin.write(piece)
                child.stdin.flush()
                time.sleep(0.3)

        self.assertEqual(self.waits(code, feed), "the quick brown fox 6\n")

    def test_other_threads_run_while_one_waits(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        fifo = os.path.join(folder.name, "fifo")
        os.mkfifo(fifo)
        code = textwrap.dedent(self.SIGNALS) + textwrap.dedent(f"""
            found = []
            waiting = threading.Thread(target=lambda: found.append(len(rnn.Source("-"))))
            waiting.start()
            thread = later(1, signal.SIGINT)
            try:
                rnn.Source({fifo!r})  # both wait: the main thread alone is interrupted
            except KeyboardInterrupt:
                print("interrupted", flush=True)
            thread.join()
            waiting.join()
            print(found)
        """)

        def feed(child):
            child.stdin.write("abc")
            child.stdin.flush()
            self.assertEqual(child.stdout.readline(), "interrupted\n")

        self.assertEqual(self.waits(code, feed), "[3]\n")

    # ---- Calls hold what they are given ----

    def test_a_call_outlives_close_in_another_thread(self):
        code = """
            rnn.set_threads(1)
            ids = [i % 50 for i in range(200 * 16)]
            options = dict(cell=rnn.CELL_LSTM, input_size=50, output_size=50, hidden_size=200, layers=2)
            def run(call, *objects):
                begun, done = threading.Event(), []
                def work():
                    begun.set()
                    try:
                        while True:
                            call(*objects)
                            done.append(1)
                    except ValueError as error:
                        print(error, len(done) > 0)
                thread = threading.Thread(target=work)
                thread.start()
                begun.wait()
                while not done:
                    time.sleep(0.001)
                time.sleep(0.01)  # within the second call or a later one
                for thing in objects:
                    thing.close()
                thread.join()
            model, state = rnn.Model(**options), rnn.State(rnn.Model(**options), 16)
            chunk = rnn.Chunk(ids, ids, streams=16)
            run(lambda model, state: model.forward(state, chunk), model, state)
            model, state = rnn.Model(**options), rnn.State(rnn.Model(**options), 16)
            run(lambda state, model: model.forward_backward(state, chunk), state, model)
            model, state, sampler = rnn.Model(**options), rnn.State(rnn.Model(**options), 16), rnn.Sampler()
            run(lambda sampler, state, model: model.sample(state, sampler, [0] * 16, 100), sampler, state, model)
            model = rnn.Model(**options)
            run(lambda model, optimizer: rnn.checkpoint_to_bytes(model, optimizer), model, rnn.Optimizer(model))
            corpus = rnn.Corpus.from_text(rnn.Vocab.from_list(b"ab"), b"ab" * 500000, 400000, 2)
            run(lambda corpus: corpus.next(), corpus)
            run(lambda model: model.parameter_names, rnn.Model(**options))
        """
        lines = self.waits(code).splitlines()
        self.assertEqual([line.split()[-3:] for line in lines], [["is", "closed", "True"]] * 6)

    def test_objects_go_without_the_garbage_collector(self):
        gc.disable()
        try:
            for way in (lambda thing: thing, copy.copy):
                objects = [way(thing) for thing in self.trained()]
                handles = [weakref.ref(thing._handle) for thing in objects]
                view = objects[1].flat_parameters()
                self.work_on(*objects)
                objects[0].close()
                del objects
                self.assertEqual([handle() is not None for handle in handles], [False, True, False, False, False])
                del view
                self.assertIsNone(handles[1]())
        finally:
            gc.enable()

    def test_a_program_may_end_while_threads_compute_or_wait(self):
        code = """
            model = rnn.Model(cell=rnn.CELL_LSTM, input_size=50, output_size=50, hidden_size=200)
            chunk = rnn.Chunk([1] * 2000, [2] * 2000)
            def compute():
                state = rnn.State(model)
                while True:
                    model.forward(state, chunk)
            threading.Thread(target=compute, daemon=True).start()
            threading.Thread(target=lambda: rnn.Source("-"), daemon=True).start()
            time.sleep(0.3)
            print("end")
        """
        self.assertEqual(self.waits(code, lambda child: child.wait(120)), "end\n")

    def test_reads_of_closed_objects_are_refused(self):
        rnn = self.rnn
        vocab, corpus, model, state = self.make()
        source, optimizer, sampler = rnn.Source(__file__), rnn.Optimizer(model), rnn.Sampler()
        whole, batcher = copy.copy(model), rnn.Batcher([[1]])
        for thing in (vocab, corpus, batcher, model, state, source, optimizer, sampler):
            thing.close()
            thing.close()
            with self.assertRaisesRegex(ValueError, "is closed"):
                with thing:
                    self.fail("it was entered")
        chunk = rnn.Chunk([1], [1])
        for read in (lambda: len(vocab), lambda: vocab.kind, lambda: vocab.unknown, lambda: vocab.symbol(0),
                     lambda: vocab.encode(b"a"), lambda: vocab.decode([0]), vocab.with_unknown, lambda: len(source),
                     lambda: len(corpus), lambda: corpus.chunks, lambda: corpus.position, corpus.next, corpus.rewind,
                     lambda: corpus.split(0.5), lambda: len(batcher), lambda: batcher.chunks, batcher.next,
                     batcher.places, batcher.rewind, lambda: model.options, lambda: model.parameter_names,
                     lambda: model.parameter("decoder.bias"), model.flat_parameters, model.to_bytes,
                     lambda: rnn.State(model), lambda: rnn.Optimizer(model), lambda: whole.to_bytes(vocab),
                     lambda: state.streams, state.get, state.activations, state.gradient_norms,
                     lambda: state.random_index, lambda: whole.forward(state, chunk),
                     lambda: whole.forward_backward(state, chunk), lambda: optimizer.learning_rate,
                     lambda: optimizer.step(whole), lambda: whole.sample(rnn.State(whole), sampler, [0], 1),
                     lambda: rnn.checkpoint_to_bytes(whole, sampler=sampler),
                     lambda: rnn.Vocab.from_source(source)):
            with self.assertRaisesRegex(rnn.ClosedError, "^the [a-z]+ is closed$"):
                read()


class WithoutNumpy(Tests, unittest.TestCase):
    rnn = load_module(hide_numpy=True)

    def test_results_are_lists(self):
        vocab, _, model, _ = self.make()
        self.assertIsInstance(vocab.encode(b"the"), list)
        self.assertIsInstance(model.parameter("decoder.weight")[0], list)

    def test_views_say_that_they_need_numpy(self):
        _, _, model, _ = self.make()
        with self.assertRaisesRegex(RuntimeError, "numpy"):
            model.parameter_view("decoder.weight")


class WithNumpy(Tests, unittest.TestCase):
    rnn = load_module(hide_numpy=False)

    def test_results_are_arrays(self):
        vocab, _, model, _ = self.make(precision=self.rnn.FLOAT64)
        self.assertEqual(vocab.encode(b"the").dtype, "int32")
        self.assertEqual(model.parameter("decoder.weight").shape, (len(vocab), 32))
        self.assertEqual(model.parameter("decoder.weight").dtype, "float64")

    def test_views_show_parameters_and_gradients_where_they_are(self):
        vocab, corpus, model, state = self.make()
        self.assertIsNone(model.gradient_view("rnn.weight_ih_l0"))
        model.forward_backward(state, corpus.next()[0])
        for name in model.parameter_names:
            values, gradient = model.parameter_view(name), model.gradient_view(name)
            self.assertEqual(values.shape, model.parameter(name).shape)
            self.assertTrue((values == model.parameter(name)).all(), name)
            self.assertTrue((gradient == model.gradient(name)).all(), name)
        self.assertEqual(model.parameter_view("rnn.weight_ih_l0").shape, (32, len(vocab)))
        before = model.parameter_view("decoder.bias").copy()
        self.rnn.Optimizer(model).step(model)
        self.assertFalse((before == model.parameter_view("decoder.bias")).any())

    def test_views_are_read_only_and_outlive_the_model(self):
        _, _, model, _ = self.make()
        view, copy = model.parameter_view("rnn.weight_ih_l0"), model.parameter("rnn.weight_ih_l0")
        with self.assertRaises(ValueError):
            view[0, 0] = 1
        model.close()
        del model
        gc.collect()
        self.assertTrue((view == copy).all())

    def test_arrays_of_all_types_that_are_numbers_are_taken(self):
        numpy, rnn = self.rnn.numpy, self.rnn
        vocab, _, model, state = self.make(hidden_size=2)
        for kind in ("int8", "uint8", "int16", ">i4", "uint32", "int64", "uint64"):
            ids = numpy.array([[1, 2], [3, 4]], kind)
            self.assertEqual(flat(rnn.Chunk(ids.T, ids, streams=2).inputs), [1, 3, 2, 4])
            self.assertEqual(vocab.decode(ids[0]), vocab.decode([1, 2]))
        for kind in ("int8", "uint64", "float16", "float32", ">f8"):
            values = numpy.array([[1, 2], [3, 4]], kind)
            self.assertEqual(flat(rnn.Chunk(input_vectors=values[:, ::-1]).input_vectors), [2.0, 1.0, 4.0, 3.0])
            state.set(values[0])
            self.assertEqual(flat(state.get()), [1.0, 2.0])
            model.set_parameter("rnn.weight_hh_l0", values)
            self.assertEqual(flat(model.parameter("rnn.weight_hh_l0")), [1.0, 2.0, 3.0, 4.0])

    def test_arrays_of_other_types_are_refused_by_name(self):
        numpy, rnn = self.rnn.numpy, self.rnn
        vocab, _, model, state = self.make(hidden_size=2)
        ids = [("inputs", rnn.Chunk), ("targets", lambda value: rnn.Chunk([1, 2], value)), ("ids", vocab.decode),
               ("first", lambda value: model.sample(state, rnn.Sampler(), value, 1))]
        numbers = [("values", state.set), ("values", lambda value: model.set_parameter("decoder.bias", value)),
                   ("input_vectors", lambda value: rnn.Chunk(input_vectors=value.reshape(1, 2)))]
        for kind in ("float16", "float32", "float64", "longdouble", "complex64", "bool", "object", "str", "S1"):
            for name, call in ids:
                with self.assertRaisesRegex(TypeError, f"^{name} has elements of the type .*; they must be whole"):
                    call(numpy.ones(2).astype(kind))
        for kind in ("longdouble", "complex64", "bool", "object", "str", "S1", "datetime64[s]"):
            for name, call in numbers:
                with self.assertRaisesRegex(TypeError, f"^{name} has elements of the type .*; they must be numbers"):
                    call(numpy.ones(2).astype(int).astype(kind))
        for name, call in ids:
            for kind, number in (("int64", -2**31 - 1), ("uint32", 2**31), ("uint64", 2**64 - 1)):
                with self.assertRaisesRegex(OverflowError, rf"^{name}\[1\] is {number}; it must be "):
                    call(numpy.array([0, number], kind))
            with self.assertRaisesRegex(TypeError, f"^{name} is 3; it must be a sequence"):
                call(numpy.array(3))
        with self.assertRaisesRegex(OverflowError, "^values holds a number that is too large"):
            state.set(numpy.array([1e300, 0]))

    def test_numpys_numbers_are_taken_as_options(self):
        numpy = self.rnn.numpy
        model = self.rnn.Model(input_size=numpy.int16(3), output_size=numpy.array(3), hidden_size=numpy.uint64(2),
                               weight_scale=numpy.float16(0.5), orthogonal=numpy.bool_(True))
        self.assertEqual(model.options["orthogonal"], 1)
        for value in (numpy.float32(2), numpy.bool_(True)):
            with self.assertRaisesRegex(TypeError, "^hidden_size is (2.0|True); it must be a whole number$"):
                self.rnn.Model(hidden_size=value)

    def test_arrays_of_the_librarys_type_are_used_in_place(self):
        rnn, numpy = self.rnn, self.rnn.numpy
        ids = numpy.array([[0, 1], [2, 3]], numpy.int32)
        chunk = rnn.Chunk(ids, streams=2)
        self.assertTrue(numpy.shares_memory(chunk.inputs, ids))
        self.assertFalse(numpy.shares_memory(rnn.Chunk(ids.T, streams=2).inputs, ids))
        self.assertFalse(numpy.shares_memory(rnn.Chunk(ids.astype(numpy.int64), streams=2).inputs, ids))
        for precision, kind in ((rnn.FLOAT32, numpy.float32), (rnn.FLOAT64, numpy.float64)):
            model = rnn.Model(input=rnn.INPUT_VECTORS, input_size=3, hidden_size=4, output_size=2, precision=precision)
            for given in (numpy.float32, numpy.float64):
                vectors = numpy.linspace(-1, 1, 12, dtype=given).reshape(4, 1, 3)
                chunk = rnn.Chunk(input_vectors=vectors)
                self.assertTrue(numpy.shares_memory(chunk.input_vectors, vectors))
                outputs, _ = model.forward(rnn.State(model), chunk)
                copied, _ = model.forward(rnn.State(model), rnn.Chunk(input_vectors=vectors.tolist()))
                numpy.testing.assert_array_equal(outputs, copied)
                same = chunk._fields["input_vectors"].address("", numpy.dtype(kind).char) == vectors.ctypes.data
                self.assertEqual(same, kind == given)

    def test_a_batcher_takes_arrays_of_either_precision(self):
        rnn, numpy = self.rnn, self.rnn.numpy
        chunks = []
        for kind in (numpy.float32, numpy.float64):
            vectors = [numpy.arange(6, dtype=kind).reshape(3, 2), numpy.arange(4, dtype=kind).reshape(2, 2)]
            batcher = rnn.Batcher(input_vectors=vectors, target_vectors=numpy.eye(2, dtype=kind), streams=2,
                                  target_kind=rnn.TARGETS_LAST)
            chunks.append(batcher.next()[0])
        for name in ("input_vectors", "target_vectors"):
            numpy.testing.assert_array_equal(*(getattr(chunk, name) for chunk in chunks))

    def test_a_parameter_is_set_from_its_own_view(self):
        _, _, model, _ = self.make()
        before = model.parameter("decoder.weight")
        model.set_parameter("decoder.weight", model.parameter_view("decoder.weight"))
        self.rnn.numpy.testing.assert_array_equal(model.parameter("decoder.weight"), before)

    def test_arrays_of_any_layout_are_taken(self):
        _, _, model, _ = self.make()
        transposed = model.parameter("rnn.weight_hh_l0").T
        model.set_parameter("rnn.weight_hh_l0", transposed)
        self.assertTrue((model.parameter("rnn.weight_hh_l0") == transposed).all())


if __name__ == "__main__":
    if "LIBRNN" not in os.environ:
        print("LIBRNN isn't set; using the system's librnn.so.0", file=sys.stderr)
    unittest.main()
