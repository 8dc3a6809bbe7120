//! The options of models, optimizers and samplers. Each begins with the library's defaults.

use crate::error::check;
use crate::{sys, Error, Result, Vocab};
use std::mem::{size_of, MaybeUninit};

macro_rules! c_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($value), "` in the header.")] $variant = sys::$value),*
        }

        impl From<$name> for i32 {
            fn from(value: $name) -> i32 {
                value as i32
            }
        }
    };
}
pub(crate) use c_enum;

c_enum!(/// The recurrence of a layer.
    Cell { Tanh = RNN_CELL_TANH, Gru = RNN_CELL_GRU, Lstm = RNN_CELL_LSTM });
c_enum!(/// The kind of input of the first layer.
    Input { Ids = RNN_INPUT_IDS, Embedding = RNN_INPUT_EMBEDDING, Vectors = RNN_INPUT_VECTORS });
c_enum!(/// The kind of targets, and the loss at one position.
    LossKind { CrossEntropy = RNN_LOSS_CROSS_ENTROPY, SquaredError = RNN_LOSS_SQUARED_ERROR });
c_enum!(/// The biases of a layer.
    Bias { Input = RNN_BIAS_INPUT, Both = RNN_BIAS_BOTH });
c_enum!(/// The initial values of the parameters.
    Initialization { Normal = RNN_INIT_NORMAL, Uniform = RNN_INIT_UNIFORM });
c_enum!(/// The loss that training minimises: a sum or a mean.
    Reduction { Sum = RNN_REDUCTION_SUM, Mean = RNN_REDUCTION_MEAN });
c_enum!(/// The rule that updates the parameters.
    Rule { Adagrad = RNN_OPTIMIZER_ADAGRAD, Sgd = RNN_OPTIMIZER_SGD, RmsProp = RNN_OPTIMIZER_RMSPROP,
        Adam = RNN_OPTIMIZER_ADAM, AdamW = RNN_OPTIMIZER_ADAMW });

/// A size as the library takes it. Sizes that don't fit become -1, which the library refuses.
pub(crate) fn int(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(-1)
}

fn same<T>(value: T) -> T {
    value
}

macro_rules! setters {
    ($($name:ident: $type:ty => $convert:path),* $(,)?) => {
        $(#[doc = concat!("Sets `", stringify!($name), "`, which the header describes.")]
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.raw.$name = $convert($name);
            self
        })*
    };
}

/// The configuration of a model.
#[derive(Clone)]
pub struct ModelOptions {
    pub(crate) raw: sys::rnn_model_options,
}

impl ModelOptions {
    /// Begins with the defaults and the sizes of input and output.
    pub fn new(input_size: usize, output_size: usize) -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call fills the struct if it succeeds.
        let mut raw: sys::rnn_model_options = unsafe {
            check(sys::rnn_model_options_init(raw.as_mut_ptr(), size_of::<sys::rnn_model_options>()))?;
            raw.assume_init()
        };
        raw.input_size = int(input_size);
        raw.output_size = int(output_size);
        Ok(ModelOptions { raw })
    }

    setters! {
        hidden_size: usize => int,
        layers: usize => int,
        cell: Cell => i32::from,
        reduction: Reduction => i32::from,
        input: Input => i32::from,
        loss: LossKind => i32::from,
        bias: Bias => i32::from,
        initialization: Initialization => i32::from,
        orthogonal: bool => i32::from,
        tied: bool => i32::from,
        dropout_per_chunk: bool => i32::from,
        embedding_size: usize => int,
        weight_scale: f64 => same,
        forget_bias: f64 => same,
        dropout: f64 => same,
        seed: u64 => same,
        dropout_input: f64 => same,
        dropout_output: f64 => same,
        dropout_recurrent: f64 => same,
        bidirectional: bool => i32::from,
        learned_state: bool => i32::from,
        layer_norm: bool => i32::from,
    }

    /// Returns all fields, in the form of the header.
    pub fn as_raw(&self) -> &sys::rnn_model_options {
        &self.raw
    }
}

/// The configuration of an optimizer.
#[derive(Clone)]
pub struct OptimizerOptions {
    pub(crate) raw: sys::rnn_optimizer_options,
}

impl OptimizerOptions {
    /// Begins with the usual settings of a rule.
    pub fn new(rule: Rule) -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        let size = size_of::<sys::rnn_optimizer_options>();
        // SAFETY: the call fills the struct if it succeeds.
        unsafe {
            check(sys::rnn_optimizer_options_init(raw.as_mut_ptr(), size, rule as i32))?;
            Ok(OptimizerOptions { raw: raw.assume_init() })
        }
    }

    setters! {
        nesterov: bool => i32::from,
        learning_rate: f64 => same,
        epsilon: f64 => same,
        weight_decay: f64 => same,
        momentum: f64 => same,
        beta1: f64 => same,
        beta2: f64 => same,
        clip_value: f64 => same,
        clip_norm: f64 => same,
        spare_biases: bool => i32::from,
    }

    /// Returns all fields, in the form of the header.
    pub fn as_raw(&self) -> &sys::rnn_optimizer_options {
        &self.raw
    }
}

/// The configuration of a sampler. It borrows the ids and the vocabulary that it excludes.
#[derive(Clone)]
pub struct SamplerOptions<'a> {
    pub(crate) raw: sys::rnn_sampler_options,
    borrowed: std::marker::PhantomData<&'a Vocab>,
}

impl<'a> SamplerOptions<'a> {
    /// Begins with the defaults.
    pub fn new() -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call fills the struct if it succeeds.
        unsafe {
            check(sys::rnn_sampler_options_init(raw.as_mut_ptr(), size_of::<sys::rnn_sampler_options>()))?;
            Ok(SamplerOptions { raw: raw.assume_init(), borrowed: std::marker::PhantomData })
        }
    }

    setters! {
        temperature: f64 => same,
        seed: u64 => same,
        top_k: usize => int,
        top_p: f64 => same,
        min_p: f64 => same,
        repetition_penalty: f64 => same,
        repetition_window: usize => int,
        vocab: &'a Vocab => Vocab::as_ptr,
    }

    /// Sets the ids that are never drawn.
    #[must_use]
    pub fn excluded(mut self, ids: &'a [i32]) -> Self {
        self.raw.excluded = if ids.is_empty() { std::ptr::null() } else { ids.as_ptr() };
        self.raw.excluded_count = int(ids.len());
        self
    }
}

pub(crate) fn size(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}

pub(crate) fn product(sizes: &[usize]) -> Result<usize> {
    sizes
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .filter(|&product| i64::try_from(product).is_ok())
        .ok_or_else(|| Error::argument(format!("{sizes:?} is too large")))
}
