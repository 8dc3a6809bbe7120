//! Trains and runs recurrent networks with librnn.
//!
//! The types own the library's objects and release them when they are dropped. A failed call returns an [`Error`] with
//! the library's status and message. What the types don't cover can be called through [`sys`], the raw interface.
//!
//! ```
//! use rnn::{Corpus, Kind, Model, ModelOptions, Optimizer, OptimizerOptions, Rule, State, Vocab};
//!
//! fn main() -> rnn::Result<()> {
//!     let text = "to be or not to be ".repeat(40);
//!     let vocab = Vocab::from_text(Kind::Bytes, &text)?;
//!     let mut corpus = Corpus::from_text(&vocab, &text, 16, 2)?;
//!     let mut model = Model::<f32>::new(&ModelOptions::new(vocab.len(), vocab.len())?.hidden_size(16))?;
//!     let mut state = State::new(&model, 2)?;
//!     let mut optimizer = Optimizer::new(&model, &OptimizerOptions::new(Rule::Adam)?)?;
//!     for _ in 0..10 {
//!         let (chunk, restarted) = corpus.next_chunk()?;
//!         if restarted {
//!             state.reset()?;
//!         }
//!         model.forward_backward(&mut state, &chunk)?;
//!         optimizer.step(&mut model)?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Errors at compile time
//!
//! Lifetimes follow the rules in the library's header, so the compiler refuses programs that break them.
//! A chunk belongs to its corpus until the corpus is used again:
//!
//! ```compile_fail,E0499
//! # fn f(corpus: &mut rnn::Corpus) -> rnn::Result<()> {
//! let (first, _) = corpus.next_chunk()?;
//! let (second, _) = corpus.next_chunk()?;
//! println!("{:?}", first.inputs());
//! # Ok(()) }
//! ```
//!
//! A model's parameters can't change while a view of them exists:
//!
//! ```compile_fail,E0502
//! # fn f(optimizer: &mut rnn::Optimizer<f32>, model: &mut rnn::Model<f32>) -> rnn::Result<()> {
//! let weights = model.parameter("rnn.weight_hh_l0")?;
//! optimizer.step(model)?;
//! println!("{:?}", weights.at(0, 0));
//! # Ok(()) }
//! ```
//!
//! A chunk of your own data borrows the data:
//!
//! ```compile_fail,E0505
//! # fn f() -> rnn::Result<()> {
//! let ids = vec![0, 1, 2];
//! let chunk = rnn::Chunk::ids(3, 1, &ids, None)?;
//! drop(ids);
//! println!("{}", chunk.steps());
//! # Ok(()) }
//! ```
//!
//! An object can't be used after it was released:
//!
//! ```compile_fail,E0382
//! # fn f(model: rnn::Model<f32>) -> rnn::Result<()> {
//! drop(model);
//! model.check_finite()
//! # }
//! ```
//!
//! A model of `f64` doesn't accept the state of a model of `f32`:
//!
//! ```compile_fail,E0308
//! # fn f(model: &mut rnn::Model<f64>, state: &mut rnn::State<f32>, chunk: &rnn::Chunk) -> rnn::Result<()> {
//! model.forward_backward(state, chunk)?;
//! # Ok(()) }
//! ```
//!
//! Threads can share a model, but not a state:
//!
//! ```compile_fail,E0277
//! fn shared<T: Sync>() {}
//! shared::<rnn::State<f32>>();
//! ```
//!
//! A corpus may outlive its vocabulary, and a state its model. The library allows this, so these types have no
//! lifetimes.

#[rustfmt::skip] // a script writes it
pub mod sys;

mod chunk;
mod error;
mod model;
mod options;
mod text;

pub use chunk::{Chunk, Loss};
pub use error::{Error, Result, Status};
pub use model::{Evaluation, Generated, Model, Optimizer, Parameter, Sampler, State};
pub use options::{
    Bias, Cell, Initialization, Input, LossKind, ModelOptions, OptimizerOptions, Reduction, Rule, SamplerOptions,
};
pub use text::{Corpus, Kind, Vocab};

use std::ffi::{CStr, CString};
use std::os::raw::c_char;
use std::path::Path;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// The number format of a model: `f32` or `f64`.
pub trait Real: sealed::Sealed + Copy + Default + std::fmt::Debug + Send + Sync + 'static {
    /// `sys::RNN_FLOAT32` or `sys::RNN_FLOAT64`.
    const PRECISION: i32;
}

impl Real for f32 {
    const PRECISION: i32 = sys::RNN_FLOAT32;
}

impl Real for f64 {
    const PRECISION: i32 = sys::RNN_FLOAT64;
}

/// Returns the version of the library in use.
pub fn version() -> &'static str {
    // SAFETY: the library returns static memory.
    unsafe { CStr::from_ptr(sys::rnn_version()) }.to_str().unwrap_or("")
}

/// Sets the number of threads that a call may compute with; 0 is the library's choice.
pub fn set_threads(threads: i32) -> Result<()> {
    // SAFETY: the call takes no pointers.
    error::check(unsafe { sys::rnn_set_threads(threads) })
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::argument(format!("{text:?} contains a NUL")))
}

#[cfg(unix)]
fn c_path(path: &Path) -> Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::argument(format!("{path:?} contains a NUL")))
}

/// # Safety
/// `text` is NULL or a C string that lives as long as `'a`.
unsafe fn str_from<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    CStr::from_ptr(text).to_str().ok()
}
