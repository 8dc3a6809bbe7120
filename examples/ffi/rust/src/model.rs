//! Models, and the objects that run, train and sample them.

use crate::chunk::{expect, Chunk, Loss};
use crate::error::check;
use crate::options::{int, product, size, ModelOptions, OptimizerOptions, SamplerOptions};
use crate::text::create;
use crate::{c_path, c_string, str_from, sys, Corpus, Error, Real, Result, Status, Vocab};
use std::marker::PhantomData;
use std::mem::{size_of, MaybeUninit};
use std::path::Path;
use std::ptr::{self, NonNull};

/// A network: its configuration, its parameters and, in training, their gradients.
///
/// Threads can share a model for reading, each with a state of its own. Calls that change it need `&mut`.
pub struct Model<T: Real> {
    object: NonNull<sys::rnn_model>,
    options: sys::rnn_model_options,
    precision: PhantomData<T>,
}

// SAFETY: any number of threads may read a model at once. Methods that change it take &mut self.
unsafe impl<T: Real> Send for Model<T> {}
unsafe impl<T: Real> Sync for Model<T> {}

impl<T: Real> Drop for Model<T> {
    fn drop(&mut self) {
        // SAFETY: the object is this value's own.
        unsafe { sys::rnn_model_destroy(self.object.as_ptr()) }
    }
}

/// The loss of a whole text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evaluation {
    /// The loss of all targets.
    pub loss: Loss,
    /// The number of targets that had the largest output.
    pub hits: i64,
}

/// The result of [`Model::generate`].
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// `[n][B]` ids; -1 after the end of a stream.
    pub ids: Vec<i32>,
    /// `[B]` The number of symbols of each stream.
    pub counts: Vec<i64>,
    /// `[n][B]` The logarithms of the symbols' probabilities; 0 after the end of a stream.
    pub log_probabilities: Vec<f64>,
}

impl<T: Real> Model<T> {
    fn from_object(object: NonNull<sys::rnn_model>) -> Result<Self> {
        let mut options = ModelOptions::new(1, 1)?.raw;
        // SAFETY: the object lives, and the struct knows its size.
        let status = check(unsafe { sys::rnn_model_get_options(object.as_ptr(), &mut options) });
        let model = Model { object, options, precision: PhantomData };
        status.map(|()| model)
    }

    /// Creates a model with its initial parameters.
    pub fn new(options: &ModelOptions) -> Result<Self> {
        let mut raw = options.raw;
        raw.precision = T::PRECISION;
        // SAFETY: the options aren't kept.
        Self::from_object(create(|out| unsafe { sys::rnn_model_create(&raw, out) })?)
    }

    /// Copies a model without its gradients.
    pub fn try_clone(&self) -> Result<Self> {
        // SAFETY: the object lives.
        Self::from_object(create(|out| unsafe { sys::rnn_model_copy(self.as_ptr(), out) })?)
    }

    fn load_with(
        call: impl FnOnce(*const sys::rnn_load_options, *mut *mut sys::rnn_model, *mut *mut sys::rnn_vocab) -> i32,
    ) -> Result<(Self, Option<Vocab>)> {
        let mut options = MaybeUninit::uninit();
        // SAFETY: the call fills the struct if it succeeds.
        let mut options: sys::rnn_load_options = unsafe {
            check(sys::rnn_load_options_init(options.as_mut_ptr(), size_of::<sys::rnn_load_options>()))?;
            options.assume_init()
        };
        options.precision = T::PRECISION;
        let mut vocab = ptr::null_mut();
        let object = create(|out| call(&options, out, &mut vocab))?;
        let vocab = NonNull::new(vocab).map(Vocab::from_object);
        Ok((Self::from_object(object)?, vocab))
    }

    /// Loads a model, and the vocabulary that was saved with it. Numbers of another precision are converted.
    pub fn load(path: impl AsRef<Path>) -> Result<(Self, Option<Vocab>)> {
        let path = c_path(path.as_ref())?;
        // SAFETY: path and options aren't kept.
        Self::load_with(|options, model, vocab| unsafe { sys::rnn_model_load(path.as_ptr(), options, model, vocab) })
    }

    /// Loads a model from the contents of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, Option<Vocab>)> {
        let (data, length) = (bytes.as_ptr().cast(), bytes.len());
        // SAFETY: bytes and options aren't kept.
        Self::load_with(|options, model, vocab| unsafe {
            sys::rnn_model_load_from_memory(data, length, options, model, vocab)
        })
    }

    /// Saves the model, with the vocabulary of its ids if there is one. An existing file is replaced as a whole.
    pub fn save(&self, vocab: Option<&Vocab>, path: impl AsRef<Path>) -> Result<()> {
        let path = c_path(path.as_ref())?;
        // SAFETY: the objects live.
        check(unsafe { sys::rnn_model_save(self.as_ptr(), vocab.map_or(ptr::null(), Vocab::as_ptr), path.as_ptr()) })
    }

    /// Returns the bytes that [`Model::save`] would write.
    pub fn to_bytes(&self, vocab: Option<&Vocab>) -> Result<Vec<u8>> {
        let vocab = vocab.map_or(ptr::null(), Vocab::as_ptr);
        let mut length = 0;
        // SAFETY: the first call only asks for the size; the second has room for as many bytes.
        unsafe {
            check(sys::rnn_model_save_to_memory(self.as_ptr(), vocab, ptr::null_mut(), 0, &mut length))?;
            let mut bytes = vec![0u8; length];
            let room = bytes.as_mut_ptr().cast();
            check(sys::rnn_model_save_to_memory(self.as_ptr(), vocab, room, bytes.len(), &mut length))?;
            bytes.truncate(length);
            Ok(bytes)
        }
    }

    /// Returns the handle for use with [`sys`].
    pub fn as_ptr(&self) -> *mut sys::rnn_model {
        self.object.as_ptr()
    }

    /// Returns the options that the model was created with, in the form of the header.
    pub fn options(&self) -> &sys::rnn_model_options {
        &self.options
    }

    /// Moves this model, a running average, towards another: average += weight (model - average).
    pub fn average(&mut self, model: &Model<T>, weight: f64) -> Result<()> {
        // SAFETY: the objects live, and they are two.
        check(unsafe { sys::rnn_model_average(self.as_ptr(), model.as_ptr(), weight) })
    }

    /// Returns a view of each parameter.
    pub fn parameters(&self) -> Result<Vec<Parameter<'_, T>>> {
        // SAFETY: the object lives.
        (0..unsafe { sys::rnn_model_parameter_count(self.as_ptr()) }).map(|index| self.describe(index)).collect()
    }

    /// Returns a view of the parameter of a name.
    pub fn parameter(&self, name: &str) -> Result<Parameter<'_, T>> {
        self.describe(self.find(name)?)
    }

    fn find(&self, name: &str) -> Result<i64> {
        let name = c_string(name)?;
        let mut index = 0;
        // SAFETY: the object lives, and the name isn't kept.
        check(unsafe { sys::rnn_model_find_parameter(self.as_ptr(), name.as_ptr(), &mut index) })?;
        Ok(index)
    }

    fn describe(&self, index: i64) -> Result<Parameter<'_, T>> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the first call fills the struct if it succeeds.
        unsafe {
            check(sys::rnn_parameter_init(raw.as_mut_ptr(), size_of::<sys::rnn_parameter>()))?;
            let mut raw = raw.assume_init();
            check(sys::rnn_model_describe_parameter(self.as_ptr(), index, &mut raw))?;
            Ok(Parameter { raw, index, model: self })
        }
    }

    /// Sets a parameter's values, row-major.
    pub fn set_parameter(&mut self, name: &str, values: &[T]) -> Result<()> {
        let index = self.find(name)?;
        // SAFETY: the library checks the number of values.
        check(unsafe { sys::rnn_model_set_parameter(self.as_ptr(), index, values.as_ptr().cast(), int(values.len())) })
    }

    /// Sets a parameter's gradient, row-major, for the next step.
    pub fn set_gradient(&mut self, name: &str, values: &[T]) -> Result<()> {
        let index = self.find(name)?;
        // SAFETY: the library checks the number of values.
        check(unsafe { sys::rnn_model_set_gradient(self.as_ptr(), index, values.as_ptr().cast(), int(values.len())) })
    }

    /// Freezes a parameter, so that steps don't change it, or unfreezes it.
    pub fn freeze(&mut self, name: &str, frozen: bool) -> Result<()> {
        let index = self.find(name)?;
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_model_freeze(self.as_ptr(), index, frozen.into()) })
    }

    /// Checks that all parameters are finite.
    pub fn check_finite(&self) -> Result<()> {
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_model_check_finite(self.as_ptr()) })
    }

    /// Sets all gradients to zero.
    pub fn zero_gradients(&mut self) -> Result<()> {
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_model_zero_gradients(self.as_ptr()) })
    }

    /// Limits each element of the gradients to ±limit.
    pub fn clip_value(&mut self, limit: f64) -> Result<()> {
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_model_clip_value(self.as_ptr(), limit) })
    }

    /// Scales the gradients down together if their norm exceeds a limit. Returns the norm before.
    pub fn clip_norm(&mut self, limit: f64) -> Result<f64> {
        let mut norm = 0.0;
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_model_clip_norm(self.as_ptr(), limit, &mut norm) })?;
        Ok(norm)
    }

    /// Stores a note under a key; `None` removes it.
    pub fn set_note(&mut self, key: &str, value: Option<&str>) -> Result<()> {
        let key = c_string(key)?;
        let value = value.map(c_string).transpose()?;
        let value = value.as_ref().map_or(ptr::null(), |value| value.as_ptr());
        // SAFETY: both strings are copied.
        check(unsafe { sys::rnn_model_set_note(self.as_ptr(), key.as_ptr(), value) })
    }

    /// Returns the note under a key.
    pub fn note(&self, key: &str) -> Option<&str> {
        let key = c_string(key).ok()?;
        // SAFETY: the note lives until the model changes or is released, and this borrows the model.
        unsafe { str_from(sys::rnn_model_note(self.as_ptr(), key.as_ptr())) }
    }

    /// Checks what the library can't: the numbers of elements that a chunk's vectors have.
    fn check_chunk(&self, chunk: &Chunk<'_>) -> Result<()> {
        if chunk.precision == -1 {
            return Ok(());
        }
        if chunk.precision != T::PRECISION {
            return Err(Error::new(Status::Mismatch, "the chunk's vectors don't have the model's precision"));
        }
        let positions = product(&[chunk.steps(), chunk.streams()])?;
        expect("input_vectors", chunk.input_values, product(&[positions, size(self.options.input_size)])?)?;
        if !chunk.raw.target_vectors.is_null() {
            expect("target_vectors", chunk.target_values, product(&[positions, size(self.options.output_size)])?)?;
        }
        Ok(())
    }

    /// Runs the model over a chunk, advances the state, and writes the outputs, `[T][B][O]`, to a slice.
    pub fn forward_into(&self, state: &mut State<T>, chunk: &Chunk<'_>, outputs: &mut [T]) -> Result<()> {
        self.check_chunk(chunk)?;
        let (room, count) = (outputs.as_mut_ptr().cast(), int(outputs.len()));
        // SAFETY: the library checks the number of outputs and the shapes of state and chunk.
        check(unsafe { sys::rnn_forward(self.as_ptr(), state.as_ptr(), &chunk.raw, room, count, ptr::null_mut()) })
    }

    /// Runs the model over a chunk, advances the state, and returns the outputs, `[T][B][O]`.
    pub fn forward(&self, state: &mut State<T>, chunk: &Chunk<'_>) -> Result<Vec<T>> {
        let count = product(&[chunk.steps(), chunk.streams(), size(self.options.output_size)])?;
        let mut outputs = vec![T::default(); count];
        self.forward_into(state, chunk, &mut outputs)?;
        Ok(outputs)
    }

    /// Runs the model over a chunk with targets, advances the state, and returns the loss.
    pub fn loss(&self, state: &mut State<T>, chunk: &Chunk<'_>) -> Result<Loss> {
        self.check_chunk(chunk)?;
        let mut loss = sys::rnn_loss { sum: 0.0, count: 0 };
        // SAFETY: the library checks the shapes of state and chunk.
        check(unsafe { sys::rnn_forward(self.as_ptr(), state.as_ptr(), &chunk.raw, ptr::null_mut(), 0, &mut loss) })?;
        Ok(loss.into())
    }

    /// Runs the model forward and backward over a chunk, advances the state, and adds to the gradients.
    pub fn forward_backward(&mut self, state: &mut State<T>, chunk: &Chunk<'_>) -> Result<Loss> {
        self.check_chunk(chunk)?;
        let mut loss = sys::rnn_loss { sum: 0.0, count: 0 };
        // SAFETY: the library checks the shapes of state and chunk.
        check(unsafe { sys::rnn_forward_backward(self.as_ptr(), state.as_ptr(), &chunk.raw, &mut loss) })?;
        Ok(loss.into())
    }

    /// Computes the loss over a whole corpus, whose position doesn't change.
    pub fn evaluate(&self, corpus: &Corpus, streams: usize) -> Result<Evaluation> {
        let (mut loss, mut hits) = (sys::rnn_loss { sum: 0.0, count: 0 }, 0);
        // SAFETY: the objects live.
        check(unsafe { sys::rnn_evaluate(self.as_ptr(), corpus.as_ptr(), int(streams), &mut loss, &mut hits) })?;
        Ok(Evaluation { loss: loss.into(), hits })
    }

    /// Draws `n` symbols in each stream, `[n][B]`. `first` has each stream's first input.
    pub fn sample(&self, state: &mut State<T>, sampler: &mut Sampler, first: &[i32], n: usize) -> Result<Vec<i32>> {
        expect("first", first.len(), state.streams())?;
        let mut ids = vec![0; product(&[n, state.streams()])?];
        let (room, n) = (ids.as_mut_ptr(), int(n));
        // SAFETY: `first` has an id for each stream, and `ids` has room for n.
        check(unsafe { sys::rnn_sample(self.as_ptr(), state.as_ptr(), sampler.as_ptr(), first.as_ptr(), n, room) })?;
        Ok(ids)
    }

    /// Reads a prompt, `[P][B]`, and continues it by at most `most` symbols in each stream, or until `stop`.
    pub fn generate(
        &self,
        state: &mut State<T>,
        sampler: &mut Sampler,
        prompt: &[i32],
        most: usize,
        stop: Option<i32>,
    ) -> Result<Generated> {
        let streams = state.streams();
        let steps = prompt.len() / streams;
        expect("prompt", prompt.len(), steps * streams)?;
        let mut options = MaybeUninit::uninit();
        let count = product(&[most, streams])?;
        let mut result =
            Generated { ids: vec![0; count], counts: vec![0; streams], log_probabilities: vec![0.0; count] };
        // SAFETY: the first call fills the struct if it succeeds; the arrays have the sizes that the header gives.
        unsafe {
            check(sys::rnn_generate_options_init(options.as_mut_ptr(), size_of::<sys::rnn_generate_options>()))?;
            let mut options = options.assume_init();
            options.prompt = if steps > 0 { prompt.as_ptr() } else { ptr::null() };
            options.prompt_steps = int(steps);
            options.most = int(most);
            options.stop = stop.unwrap_or(-1);
            check(sys::rnn_generate(
                self.as_ptr(),
                state.as_ptr(),
                sampler.as_ptr(),
                &options,
                result.ids.as_mut_ptr(),
                result.counts.as_mut_ptr(),
                result.log_probabilities.as_mut_ptr(),
            ))?;
        }
        Ok(result)
    }
}

impl From<sys::rnn_loss> for Loss {
    fn from(loss: sys::rnn_loss) -> Self {
        Loss { sum: loss.sum, count: loss.count }
    }
}

/// A view of one of a model's parameters. The model can't change while it exists.
pub struct Parameter<'m, T: Real> {
    raw: sys::rnn_parameter,
    index: i64,
    model: &'m Model<T>,
}

impl<'m, T: Real> Parameter<'m, T> {
    /// Returns the parameter's name.
    pub fn name(&self) -> &'m str {
        // SAFETY: the name lives as long as the model.
        unsafe { str_from(self.raw.name) }.unwrap_or("")
    }

    /// Returns the numbers of rows and columns; a vector has one column.
    pub fn shape(&self) -> [usize; 2] {
        self.raw.shape.map(size)
    }

    /// Returns whether the parameter is frozen.
    pub fn is_frozen(&self) -> bool {
        self.raw.frozen != 0
    }

    fn element(&self, values: *const T, row: usize, column: usize) -> Option<T> {
        let [rows, columns] = self.shape();
        if values.is_null() || row >= rows || column >= columns {
            return None;
        }
        let index = row * size(self.raw.strides[0]) + column * size(self.raw.strides[1]);
        // SAFETY: the element is in the matrix, which the model keeps as long as this borrows it.
        Some(unsafe { *values.add(index) })
    }

    /// Returns an element, or `None` outside the matrix.
    pub fn at(&self, row: usize, column: usize) -> Option<T> {
        self.element(self.raw.values.cast(), row, column)
    }

    /// Returns an element of the gradient; `None` outside the matrix, or until there are gradients.
    pub fn gradient_at(&self, row: usize, column: usize) -> Option<T> {
        self.element(self.raw.gradient.cast(), row, column)
    }

    /// Copies the values, row-major.
    pub fn values(&self) -> Result<Vec<T>> {
        let mut values = vec![T::default(); size(self.raw.count)];
        let (room, count) = (values.as_mut_ptr().cast(), self.raw.count);
        // SAFETY: there is room for all elements.
        check(unsafe { sys::rnn_model_get_parameter(self.model.as_ptr(), self.index, room, count) })?;
        Ok(values)
    }

    /// Copies the gradient, row-major. It is zero before the first backward pass.
    pub fn gradient(&self) -> Result<Vec<T>> {
        let mut values = vec![T::default(); size(self.raw.count)];
        let (room, count) = (values.as_mut_ptr().cast(), self.raw.count);
        // SAFETY: there is room for all elements.
        check(unsafe { sys::rnn_model_get_gradient(self.model.as_ptr(), self.index, room, count) })?;
        Ok(values)
    }
}

/// The values that a model carries from chunk to chunk. It may outlive its model.
pub struct State<T: Real> {
    object: NonNull<sys::rnn_state>,
    /// The number of values of all layers and streams.
    values: usize,
    precision: PhantomData<T>,
}

// SAFETY: one thread at a time may use a state.
unsafe impl<T: Real> Send for State<T> {}

impl<T: Real> Drop for State<T> {
    fn drop(&mut self) {
        // SAFETY: the object is this value's own.
        unsafe { sys::rnn_state_destroy(self.object.as_ptr()) }
    }
}

impl<T: Real> State<T> {
    /// Creates a state of zeros for a model and all models of its shape.
    pub fn new(model: &Model<T>, streams: usize) -> Result<Self> {
        let options = model.options();
        let kinds = if options.cell == sys::RNN_CELL_LSTM { 2 } else { 1 };
        let directions = if options.bidirectional != 0 { 2 } else { 1 };
        let values = product(&[kinds, directions, size(options.layers), streams, size(options.hidden_size)])?;
        // SAFETY: the model isn't kept.
        let object = create(|out| unsafe { sys::rnn_state_create(model.as_ptr(), int(streams), out) })?;
        Ok(State { object, values, precision: PhantomData })
    }

    /// Returns the handle for use with [`sys`].
    pub fn as_ptr(&self) -> *mut sys::rnn_state {
        self.object.as_ptr()
    }

    /// Returns the number of streams.
    pub fn streams(&self) -> usize {
        // SAFETY: the object lives.
        size(unsafe { sys::rnn_state_streams(self.as_ptr()) })
    }

    /// Resets all streams.
    pub fn reset(&mut self) -> Result<()> {
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_state_reset(self.as_ptr()) })
    }

    /// Resets one stream.
    pub fn reset_stream(&mut self, stream: usize) -> Result<()> {
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_state_reset_stream(self.as_ptr(), int(stream)) })
    }

    /// Copies all values from another state.
    pub fn copy_from(&mut self, source: &State<T>) -> Result<()> {
        // SAFETY: the objects live.
        check(unsafe { sys::rnn_state_copy(self.as_ptr(), source.as_ptr()) })
    }

    /// Copies one stream from another state.
    pub fn copy_stream_from(&mut self, stream: usize, source: &State<T>, source_stream: usize) -> Result<()> {
        let (to, from) = (int(stream), int(source_stream));
        // SAFETY: the objects live.
        check(unsafe { sys::rnn_state_copy_stream(self.as_ptr(), to, source.as_ptr(), from) })
    }

    /// Copies the values of all layers and streams, `[P][L][B][H]`: all h and then, for an LSTM, all c.
    pub fn values(&self) -> Result<Vec<T>> {
        let mut values = vec![T::default(); self.values];
        let room = values.as_mut_ptr().cast();
        // SAFETY: the library checks the number of values.
        check(unsafe { sys::rnn_state_get_all(self.as_ptr(), room, int(self.values)) })?;
        Ok(values)
    }

    /// Sets the values of all layers and streams.
    pub fn set_values(&mut self, values: &[T]) -> Result<()> {
        // SAFETY: the library checks the number of values.
        check(unsafe { sys::rnn_state_set_all(self.as_ptr(), values.as_ptr().cast(), int(values.len())) })
    }
}

/// An update rule and the values that it has accumulated. It may outlive its model.
pub struct Optimizer<T: Real> {
    object: NonNull<sys::rnn_optimizer>,
    precision: PhantomData<T>,
}

// SAFETY: one thread at a time may use an optimizer.
unsafe impl<T: Real> Send for Optimizer<T> {}

impl<T: Real> Drop for Optimizer<T> {
    fn drop(&mut self) {
        // SAFETY: the object is this value's own.
        unsafe { sys::rnn_optimizer_destroy(self.object.as_ptr()) }
    }
}

impl<T: Real> Optimizer<T> {
    /// Creates an optimizer for models of one shape.
    pub fn new(model: &Model<T>, options: &OptimizerOptions) -> Result<Self> {
        // SAFETY: neither model nor options are kept.
        let object = create(|out| unsafe { sys::rnn_optimizer_create(model.as_ptr(), &options.raw, out) })?;
        Ok(Optimizer { object, precision: PhantomData })
    }

    /// Returns the handle for use with [`sys`].
    pub fn as_ptr(&self) -> *mut sys::rnn_optimizer {
        self.object.as_ptr()
    }

    /// Updates the parameters with the gradients, and sets the gradients to zero.
    pub fn step(&mut self, model: &mut Model<T>) -> Result<()> {
        // SAFETY: the objects live.
        check(unsafe { sys::rnn_optimizer_step(self.as_ptr(), model.as_ptr()) })
    }

    /// Returns the learning rate.
    pub fn learning_rate(&self) -> f64 {
        // SAFETY: the object lives.
        unsafe { sys::rnn_optimizer_learning_rate(self.as_ptr()) }
    }

    /// Changes the learning rate from the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_optimizer_set_learning_rate(self.as_ptr(), learning_rate) })
    }
}

/// A reproducible way of drawing symbols.
pub struct Sampler {
    object: NonNull<sys::rnn_sampler>,
}

// SAFETY: one thread at a time may use a sampler.
unsafe impl Send for Sampler {}

impl Drop for Sampler {
    fn drop(&mut self) {
        // SAFETY: the object is this value's own.
        unsafe { sys::rnn_sampler_destroy(self.object.as_ptr()) }
    }
}

impl Sampler {
    /// Creates a sampler.
    pub fn new(options: &SamplerOptions<'_>) -> Result<Self> {
        // SAFETY: the options aren't kept.
        create(|out| unsafe { sys::rnn_sampler_create(&options.raw, out) }).map(|object| Sampler { object })
    }

    /// Returns the handle for use with [`sys`].
    pub fn as_ptr(&self) -> *mut sys::rnn_sampler {
        self.object.as_ptr()
    }

    /// Draws an id for each stream from logits, `[B][V]`.
    pub fn draw<T: Real>(&mut self, logits: &[T], streams: usize) -> Result<Vec<i32>> {
        let symbols = logits.len().checked_div(streams).unwrap_or(0);
        expect("logits", logits.len(), product(&[symbols, streams])?)?;
        let mut ids = vec![0; streams];
        let (streams, symbols) = (int(streams), int(symbols));
        // SAFETY: there are as many logits and ids as the sizes say.
        check(unsafe {
            let (data, room) = (logits.as_ptr().cast(), ids.as_mut_ptr());
            sys::rnn_sampler_draw(self.as_ptr(), T::PRECISION, data, streams, symbols, room, ptr::null_mut())
        })?;
        Ok(ids)
    }
}
