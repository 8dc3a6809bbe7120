//! Chunks: the data of one pass, which the caller or a corpus owns.

use crate::error::check;
use crate::options::{int, product, size};
use crate::{sys, Error, Real, Result};
use std::marker::PhantomData;
use std::mem::{size_of, MaybeUninit};
use std::slice;

/// The loss of a chunk or of a text: a sum over the counted positions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// The sum of the losses.
    pub sum: f64,
    /// The number of positions that count.
    pub count: i64,
}

impl Loss {
    /// Returns the mean, or 0 if no position counts.
    pub fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.sum / self.count as f64
        }
    }
}

/// T steps of B streams, as ids or vectors in the order `[T][B]`. It borrows its data.
pub struct Chunk<'a> {
    pub(crate) raw: sys::rnn_chunk,
    /// The precision and the numbers of elements of the vectors, for the checks that need a model.
    pub(crate) precision: i32,
    pub(crate) input_values: usize,
    pub(crate) target_values: usize,
    data: PhantomData<&'a [i32]>,
}

impl<'a> Chunk<'a> {
    pub(crate) fn empty() -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call fills the struct if it succeeds.
        let raw = unsafe {
            check(sys::rnn_chunk_init(raw.as_mut_ptr(), size_of::<sys::rnn_chunk>()))?;
            raw.assume_init()
        };
        Ok(Chunk { raw, precision: -1, input_values: 0, target_values: 0, data: PhantomData })
    }

    fn shaped(steps: usize, streams: usize) -> Result<(Self, usize)> {
        let mut chunk = Self::empty()?;
        chunk.raw.steps = int(steps);
        chunk.raw.streams = int(streams);
        Ok((chunk, product(&[steps, streams])?))
    }

    /// Makes a chunk of ids with, for training, a target for each. A target of -1 doesn't count.
    pub fn ids(steps: usize, streams: usize, inputs: &'a [i32], targets: Option<&'a [i32]>) -> Result<Self> {
        let (mut chunk, count) = Self::shaped(steps, streams)?;
        expect("inputs", inputs.len(), count)?;
        chunk.raw.inputs = inputs.as_ptr();
        if let Some(targets) = targets {
            expect("targets", targets.len(), count)?;
            chunk.raw.targets = targets.as_ptr();
        }
        Ok(chunk)
    }

    /// Makes a chunk of vectors, `[T][B][I]`, with target vectors, `[T][B][O]`, for training.
    pub fn vectors<T: Real>(steps: usize, streams: usize, inputs: &'a [T], targets: Option<&'a [T]>) -> Result<Self> {
        let (mut chunk, _) = Self::shaped(steps, streams)?;
        chunk.precision = T::PRECISION;
        chunk.raw.input_vectors = inputs.as_ptr().cast();
        chunk.input_values = inputs.len();
        if let Some(targets) = targets {
            chunk.raw.target_vectors = targets.as_ptr().cast();
            chunk.target_values = targets.len();
        }
        Ok(chunk)
    }

    /// Gives each stream a length, after which it ends.
    pub fn lengths(mut self, lengths: &'a [i64]) -> Result<Self> {
        expect("lengths", lengths.len(), size(self.raw.streams))?;
        self.raw.lengths = lengths.as_ptr();
        Ok(self)
    }

    /// Returns the number of steps, T.
    pub fn steps(&self) -> usize {
        size(self.raw.steps)
    }

    /// Returns the number of streams, B.
    pub fn streams(&self) -> usize {
        size(self.raw.streams)
    }

    /// Returns the ids of the inputs; none if they are vectors.
    pub fn inputs(&self) -> &[i32] {
        self.slice(self.raw.inputs)
    }

    /// Returns the ids of the targets; none if they are vectors, or if there are none.
    pub fn targets(&self) -> &[i32] {
        self.slice(self.raw.targets)
    }

    /// Returns the targets of the last step, from which sampling can continue.
    pub fn last_targets(&self) -> &[i32] {
        let targets = self.targets();
        &targets[targets.len() - self.streams().min(targets.len())..]
    }

    fn slice(&self, ids: *const i32) -> &[i32] {
        if ids.is_null() {
            return &[];
        }
        // SAFETY: inputs and targets have T times B ids, which live as long as the chunk.
        unsafe { slice::from_raw_parts(ids, self.steps() * self.streams()) }
    }
}

pub(crate) fn expect(name: &str, length: usize, wanted: usize) -> Result<()> {
    if length == wanted {
        return Ok(());
    }
    Err(Error::argument(format!("{name} has {length} elements; it must have {wanted}")))
}
