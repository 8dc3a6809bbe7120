//! Texts: vocabularies and corpora.

use crate::error::check;
use crate::options::{c_enum, int, size};
use crate::{c_path, sys, Chunk, Result};
use std::os::raw::c_void;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::slice;

c_enum!(/// The kinds of symbols.
    Kind { Bytes = RNN_VOCAB_BYTES, Utf8 = RNN_VOCAB_UTF8, Words = RNN_VOCAB_WORDS });

/// Runs a call that stores a new object, and returns the object.
pub(crate) fn create<T>(call: impl FnOnce(*mut *mut T) -> sys::rnn_status) -> Result<NonNull<T>> {
    let mut object = ptr::null_mut();
    check(call(&mut object))?;
    Ok(NonNull::new(object).expect("librnn stores the object that it has created"))
}

/// A set of symbols with the ids 0 to `len() - 1`. Threads can share it.
pub struct Vocab {
    object: NonNull<sys::rnn_vocab>,
}

// SAFETY: a vocabulary never changes, and any number of threads may use it.
unsafe impl Send for Vocab {}
unsafe impl Sync for Vocab {}

impl Drop for Vocab {
    fn drop(&mut self) {
        // SAFETY: the object is this value's own.
        unsafe { sys::rnn_vocab_destroy(self.object.as_ptr()) }
    }
}

impl Vocab {
    pub(crate) fn from_object(object: NonNull<sys::rnn_vocab>) -> Self {
        Vocab { object }
    }

    /// Returns the handle for use with [`sys`].
    pub fn as_ptr(&self) -> *const sys::rnn_vocab {
        self.object.as_ptr()
    }

    /// Creates the vocabulary of the symbols that occur in a text.
    pub fn from_text(kind: Kind, text: impl AsRef<[u8]>) -> Result<Self> {
        let text = text.as_ref();
        // SAFETY: the text isn't kept.
        let make = |out| unsafe { sys::rnn_vocab_create_from_text(kind as i32, text.as_ptr().cast(), text.len(), out) };
        create(make).map(Self::from_object)
    }

    /// Creates the vocabulary of the text in a file.
    pub fn from_file(kind: Kind, path: impl AsRef<Path>) -> Result<Self> {
        let path = c_path(path.as_ref())?;
        // SAFETY: the path isn't kept.
        create(|out| unsafe { sys::rnn_vocab_create_from_file(kind as i32, path.as_ptr(), out) }).map(Self::from_object)
    }

    /// Creates a vocabulary from its symbols in the order of their ids. Words are separated by line ends.
    pub fn from_list(kind: Kind, symbols: impl AsRef<[u8]>) -> Result<Self> {
        let list = symbols.as_ref();
        // SAFETY: the list isn't kept.
        let make = |out| unsafe { sys::rnn_vocab_create_from_list(kind as i32, list.as_ptr().cast(), list.len(), out) };
        create(make).map(Self::from_object)
    }

    /// Creates a vocabulary with these symbols and an unknown symbol, which has the library's usual text.
    pub fn with_unknown(&self) -> Result<Self> {
        // SAFETY: the object lives; NULL stands for the usual text.
        let make = |out| unsafe { sys::rnn_vocab_create_with_unknown(self.as_ptr(), ptr::null(), 0, out) };
        create(make).map(Self::from_object)
    }

    /// Creates a vocabulary of the most frequent words and an unknown symbol. `most` is 0 for all words.
    pub fn frequent(&self, most: usize, least: usize) -> Result<Self> {
        // SAFETY: the object lives.
        let make = |out| unsafe { sys::rnn_vocab_create_frequent(self.as_ptr(), int(most), int(least), out) };
        create(make).map(Self::from_object)
    }

    /// Returns the number of symbols.
    #[allow(clippy::len_without_is_empty)] // it is never empty
    pub fn len(&self) -> usize {
        // SAFETY: the object lives.
        size(unsafe { sys::rnn_vocab_size(self.as_ptr()) })
    }

    /// Returns the id of the unknown symbol, if there is one.
    pub fn unknown(&self) -> Option<i32> {
        // SAFETY: the object lives.
        Some(unsafe { sys::rnn_vocab_unknown(self.as_ptr()) }).filter(|&id| id >= 0)
    }

    /// Turns text into ids.
    pub fn encode(&self, text: impl AsRef<[u8]>) -> Result<Vec<i32>> {
        let text = text.as_ref();
        let (bytes, length) = (text.as_ptr().cast::<c_void>(), text.len());
        let mut count = 0;
        // SAFETY: the first call only counts; the second has room for as many ids.
        unsafe {
            check(sys::rnn_vocab_encode(self.as_ptr(), bytes, length, ptr::null_mut(), 0, &mut count))?;
            let mut ids = vec![0; size(count)];
            if count > 0 {
                check(sys::rnn_vocab_encode(self.as_ptr(), bytes, length, ids.as_mut_ptr(), count, &mut count))?;
            }
            Ok(ids)
        }
    }

    /// Turns ids into text.
    pub fn decode(&self, ids: &[i32]) -> Result<Vec<u8>> {
        let mut length = 0;
        // SAFETY: the first call only counts; the second has room for as many bytes.
        unsafe {
            let (data, count) = (ids.as_ptr(), int(ids.len()));
            check(sys::rnn_vocab_decode(self.as_ptr(), data, count, ptr::null_mut(), 0, &mut length))?;
            let mut text = vec![0u8; length];
            if length > 0 {
                let room = text.as_mut_ptr().cast();
                check(sys::rnn_vocab_decode(self.as_ptr(), data, count, room, length, &mut length))?;
            }
            Ok(text)
        }
    }

    /// Returns the bytes of one symbol.
    pub fn symbol(&self, id: i32) -> Result<&[u8]> {
        let (mut symbol, mut length) = (ptr::null(), 0);
        // SAFETY: the symbol lives as long as the vocabulary.
        unsafe {
            check(sys::rnn_vocab_symbol(self.as_ptr(), id, &mut symbol, &mut length))?;
            Ok(slice::from_raw_parts(symbol.cast(), length))
        }
    }
}

/// An encoded text and a position in it. It may outlive its vocabulary.
pub struct Corpus {
    object: NonNull<sys::rnn_corpus>,
}

// SAFETY: one thread at a time may use a corpus.
unsafe impl Send for Corpus {}

impl Drop for Corpus {
    fn drop(&mut self) {
        // SAFETY: the object is this value's own.
        unsafe { sys::rnn_corpus_destroy(self.object.as_ptr()) }
    }
}

impl Corpus {
    /// Returns the handle for use with [`sys`].
    pub fn as_ptr(&self) -> *mut sys::rnn_corpus {
        self.object.as_ptr()
    }

    /// Opens a text in memory, which is copied, in chunks of `steps` for each of `streams`.
    pub fn from_text(vocab: &Vocab, text: impl AsRef<[u8]>, steps: usize, streams: usize) -> Result<Self> {
        let text = text.as_ref();
        let (bytes, length) = (text.as_ptr().cast(), text.len());
        // SAFETY: the text is copied.
        let object = create(|out| unsafe {
            sys::rnn_corpus_create_from_text(vocab.as_ptr(), bytes, length, int(steps), int(streams), out)
        })?;
        Ok(Corpus { object })
    }

    /// Opens the text in a file.
    pub fn from_file(vocab: &Vocab, path: impl AsRef<Path>, steps: usize, streams: usize) -> Result<Self> {
        let path = c_path(path.as_ref())?;
        // SAFETY: the path isn't kept.
        let object = create(|out| unsafe {
            sys::rnn_corpus_create_from_file(vocab.as_ptr(), path.as_ptr(), int(steps), int(streams), out)
        })?;
        Ok(Corpus { object })
    }

    /// Opens a sequence of ids, which is copied. All ids must be less than `symbols`.
    pub fn from_ids(ids: &[i32], symbols: usize, steps: usize, streams: usize) -> Result<Self> {
        let (data, count) = (ids.as_ptr(), int(ids.len()));
        // SAFETY: the ids are copied.
        let object = create(|out| unsafe {
            sys::rnn_corpus_create_from_ids(data, count, int(symbols), int(steps), int(streams), out)
        })?;
        Ok(Corpus { object })
    }

    /// Moves a share of the text, at its end, to a second corpus.
    pub fn split(&mut self, share: f64) -> Result<Corpus> {
        // SAFETY: the object lives.
        create(|out| unsafe { sys::rnn_corpus_split(self.as_ptr(), share, out) }).map(|object| Corpus { object })
    }

    /// Chooses whether the symbols at the ends of the streams may remain unused.
    pub fn set_drop_last(&mut self, drop_last: bool) -> Result<()> {
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_corpus_set_drop_last(self.as_ptr(), drop_last.into()) })
    }

    /// Returns the number of symbols.
    #[allow(clippy::len_without_is_empty)] // it is never empty
    pub fn len(&self) -> usize {
        // SAFETY: the object lives.
        size(unsafe { sys::rnn_corpus_size(self.as_ptr()) })
    }

    /// Returns the number of chunks in one pass through the text.
    pub fn chunks(&self) -> usize {
        // SAFETY: the object lives.
        size(unsafe { sys::rnn_corpus_chunks(self.as_ptr()) })
    }

    /// Serves the next chunk, and says whether it is the first of the text.
    pub fn next_chunk(&mut self) -> Result<(Chunk<'_>, bool)> {
        let mut chunk = Chunk::empty()?;
        let mut restarted = 0;
        // SAFETY: the chunk's arrays are valid until the corpus is used again, so the chunk borrows it.
        check(unsafe { sys::rnn_corpus_next(self.as_ptr(), &mut chunk.raw, &mut restarted) })?;
        Ok((chunk, restarted != 0))
    }

    /// Returns the position of the next chunk, for [`Corpus::seek`].
    pub fn position(&self) -> i64 {
        // SAFETY: the object lives.
        unsafe { sys::rnn_corpus_position(self.as_ptr()) }
    }

    /// Sets the position of the next chunk.
    pub fn seek(&mut self, position: i64) -> Result<()> {
        // SAFETY: the object lives.
        check(unsafe { sys::rnn_corpus_seek(self.as_ptr(), position) })
    }
}
