"""examples/ffi/python/rnn.py, with numpy and without: LIBRNN=path/to/librnn.so python3 tests/ffi/test_python.py

Every test runs twice: on the module as it is where numpy is installed, and on the module as it is without numpy.
"""

import gc
import importlib.util
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
PYTHON_DIR = SOURCE_DIR / "examples" / "ffi" / "python"
TEXT = b"the quick brown fox jumps over the lazy dog. " * 40

sys.dont_write_bytecode = True


def load_module(hide_numpy):
    """A fresh copy of rnn.py; None when it should have numpy and there is none."""
    spec = importlib.util.spec_from_file_location("rnn", PYTHON_DIR / "rnn.py")
    module = importlib.util.module_from_spec(spec)
    saved = sys.modules.get("numpy")
    if hide_numpy:
        sys.modules["numpy"] = None  # makes `import numpy` raise ImportError
    try:
        spec.loader.exec_module(module)
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
            output = subprocess.run([sys.executable, "-B", PYTHON_DIR / "train.py", path], check=True,
                                    capture_output=True, text=True).stdout
            failed = subprocess.run([sys.executable, "-B", PYTHON_DIR / "train.py", path.with_name("none")],
                                    capture_output=True, text=True)
        self.assertIn("step 10000:", output)
        self.assertIn("quick brown fox", output)
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
        self.assert_fails(self.rnn.RnnError.ARGUMENT, "vectors as inputs", model.forward, state,
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
        self.assert_fails(rnn.RnnError.MISMATCH, "rnn_name", rnn.Model.from_bytes, data, rnn_name="unused")
        self.assert_fails(rnn.RnnError.MISMATCH, "hidden_size", rnn.Model.from_bytes, data,
                          configuration={**model.options, "hidden_size": 33})
        self.assert_fails(rnn.RnnError.MISMATCH, "vocabulary", model.to_bytes, rnn.Vocab.from_list(b"ab"))
        with self.assertRaises(TypeError):
            rnn.Model.from_bytes(data, hidden_size=32)

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

    def test_arrays_of_any_layout_are_taken(self):
        _, _, model, _ = self.make()
        transposed = model.parameter("rnn.weight_hh_l0").T
        model.set_parameter("rnn.weight_hh_l0", transposed)
        self.assertTrue((model.parameter("rnn.weight_hh_l0") == transposed).all())


if __name__ == "__main__":
    if "LIBRNN" not in os.environ:
        print("LIBRNN isn't set; using the system's librnn.so.0", file=sys.stderr)
    unittest.main()
