//! Dropping the objects, in any order, releases all of the library's memory. This is the only test of its process,
//! because it sets the allocator.

use rnn::*;
use std::alloc::{alloc, dealloc, Layout};
use std::collections::HashMap;
use std::os::raw::c_void;
use std::sync::Mutex;

static BLOCKS: Mutex<Option<HashMap<usize, Layout>>> = Mutex::new(None);

unsafe extern "C" fn allocate(_: *mut c_void, alignment: usize, size: usize) -> *mut c_void {
    let layout = Layout::from_size_align(size, alignment).unwrap();
    let block = alloc(layout);
    BLOCKS.lock().unwrap().get_or_insert_with(HashMap::new).insert(block as usize, layout);
    block.cast()
}

unsafe extern "C" fn release(_: *mut c_void, block: *mut c_void, size: usize) {
    let layout = BLOCKS.lock().unwrap().as_mut().unwrap().remove(&(block as usize)).expect("a block of the library");
    assert_eq!(layout.size(), size);
    dealloc(block.cast(), layout);
}

#[test]
fn dropping_objects_releases_all_memory() {
    let allocator =
        sys::rnn_allocator { allocate: Some(allocate), release: Some(release), context: std::ptr::null_mut() };
    assert_eq!(unsafe { sys::rnn_set_allocator(&allocator) }, sys::RNN_OK);

    let use_all = || -> Result<()> {
        let text = "to be or not to be ".repeat(40);
        let vocab = Vocab::from_text(Kind::Bytes, &text)?;
        let mut corpus = Corpus::from_text(&vocab, &text, 16, 2)?;
        let mut model = Model::<f32>::new(&ModelOptions::new(vocab.len(), vocab.len())?)?;
        let mut state = State::new(&model, 2)?;
        let mut optimizer = Optimizer::new(&model, &OptimizerOptions::new(Rule::Adagrad)?)?;
        let sampler = Sampler::new(&SamplerOptions::new()?.vocab(&vocab))?;
        let (chunk, _) = corpus.next_chunk()?;
        model.forward_backward(&mut state, &chunk)?;
        optimizer.step(&mut model)?;
        let (copy, its_vocab) = Model::<f32>::from_bytes(&model.to_bytes(Some(&vocab))?)?;
        assert!(Model::<f32>::from_bytes(b"{}").is_err());
        drop((vocab, model, corpus));
        drop((its_vocab, copy));
        drop((sampler, optimizer, state));
        Ok(())
    };
    for _ in 0..3 {
        use_all().unwrap();
        let blocks = BLOCKS.lock().unwrap();
        let held: usize = blocks.as_ref().unwrap().values().map(Layout::size).sum();
        assert_eq!(held, 0, "the library still holds {held} bytes");
    }
}
