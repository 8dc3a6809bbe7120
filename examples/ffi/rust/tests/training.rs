//! Trains, samples, saves, loads and fails. The tests read as the promises of the crate.

use rnn::*;
use std::path::PathBuf;
use std::{env, fs, process, thread};

const TEXT: &str = "Once upon a time a fisherman lived by the sea. ";

fn temporary(name: &str) -> PathBuf {
    env::temp_dir().join(format!("librnn-rust-{}-{name}", process::id()))
}

fn small<T: Real>(vocab: &Vocab) -> Result<Model<T>> {
    let options = ModelOptions::new(vocab.len(), vocab.len())?
        .cell(Cell::Gru)
        .hidden_size(32)
        .initialization(Initialization::Uniform)
        .reduction(Reduction::Mean)
        .seed(1);
    Model::new(&options)
}

/// Trains a model, and returns it with the loss of its last chunk.
fn train<T: Real>(vocab: &Vocab, text: &str, steps: usize) -> Result<(Model<T>, f64)> {
    let mut corpus = Corpus::from_text(vocab, text, 16, 4)?;
    let mut model = small::<T>(vocab)?;
    let mut state = State::new(&model, 4)?;
    let rule = OptimizerOptions::new(Rule::Adam)?.learning_rate(0.01).clip_norm(1.0);
    let mut optimizer = Optimizer::new(&model, &rule)?;
    let mut loss = Loss::default();
    for _ in 0..steps {
        let (chunk, restarted) = corpus.next_chunk()?;
        if restarted {
            state.reset()?;
        }
        loss = model.forward_backward(&mut state, &chunk)?;
        optimizer.step(&mut model)?;
    }
    Ok((model, loss.mean()))
}

#[test]
fn a_model_learns_a_text_and_continues_it() -> Result<()> {
    let text = TEXT.repeat(40);
    let vocab = Vocab::from_text(Kind::Bytes, &text)?;
    let (model, loss) = train::<f32>(&vocab, &text, 300)?;
    assert!(loss < 0.3, "the loss is {loss}");

    let corpus = Corpus::from_text(&vocab, &text, 16, 1)?;
    let result = model.evaluate(&corpus, 1)?;
    assert_eq!(result.loss.count as usize, text.len() - 1);
    assert!(result.hits > result.loss.count * 9 / 10);

    let mut sampler = Sampler::new(&SamplerOptions::new()?.temperature(0.0))?;
    let prompt = vocab.encode("Once upon a time a fish")?;
    let written = model.generate(&mut State::new(&model, 1)?, &mut sampler, &prompt, 30, None)?;
    assert_eq!(written.counts, [30]);
    let written = String::from_utf8(vocab.decode(&written.ids)?).unwrap();
    assert!(written.starts_with("erman lived"), "{written}");

    let stop = vocab.encode("d")?[0];
    let stopped = model.generate(&mut State::new(&model, 1)?, &mut sampler, &prompt, 30, Some(stop))?;
    assert!(stopped.counts[0] < 30 && stopped.ids[29] == -1);

    let mut state = State::new(&model, 2)?;
    let ids = model.sample(&mut state, &mut sampler, &vocab.encode("OO")?, 5)?;
    assert_eq!(vocab.decode(&ids)?, b"nnccee  uu");
    Ok(())
}

#[test]
fn a_saved_model_has_the_same_bits_when_loaded() -> Result<()> {
    let text = TEXT.repeat(20);
    let vocab = Vocab::from_text(Kind::Utf8, &text)?;
    let (mut model, _) = train::<f32>(&vocab, &text, 20)?;
    model.set_note("origin", Some("a test, größer"))?;

    let path = temporary("model");
    model.save(Some(&vocab), &path)?;
    let (loaded, its_vocab) = Model::<f32>::load(&path)?;
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(model.to_bytes(Some(&vocab))?, bytes);
    assert_eq!(loaded.to_bytes(its_vocab.as_ref())?, bytes);
    assert_eq!(loaded.note("origin"), Some("a test, größer"));
    assert_eq!(loaded.note("other"), None);
    assert_eq!(loaded.options().hidden_size, 32);

    let (copy, none) = Model::<f64>::from_bytes(&model.to_bytes(None)?)?;
    assert!(none.is_none());
    let (a, b) = (model.parameter("decoder.bias")?.values()?, copy.parameter("decoder.bias")?.values()?);
    assert!(a.iter().map(|&x| f64::from(x)).eq(b));
    Ok(())
}

#[test]
fn gradients_agree_with_differences_of_the_loss() -> Result<()> {
    let vocab = Vocab::from_text(Kind::Bytes, TEXT)?;
    let ids = vocab.encode(TEXT)?;
    let n = ids.len() - 1;
    let chunk = Chunk::ids(n, 1, &ids[..n], Some(&ids[1..]))?;
    let mut model = small::<f64>(&vocab)?;
    let mut state = State::new(&model, 1)?;
    assert_eq!(model.parameter("rnn.weight_hh_l0")?.gradient_at(0, 0), None);
    model.forward_backward(&mut state, &chunk)?;

    let weights = model.parameter("rnn.weight_hh_l0")?;
    assert_eq!(weights.shape(), [96, 32]);
    let (values, gradient) = (weights.values()?, weights.gradient()?);
    assert_eq!(weights.at(3, 5), Some(values[3 * 32 + 5]));
    assert_eq!(weights.gradient_at(3, 5), Some(gradient[3 * 32 + 5]));
    assert_eq!(weights.at(96, 0), None);
    for index in [0, 3 * 32 + 5, 95 * 32 + 31] {
        let mut loss = |change: f64| -> Result<f64> {
            let mut values = values.clone();
            values[index] += change;
            model.set_parameter("rnn.weight_hh_l0", &values)?;
            state.reset()?;
            Ok(model.loss(&mut state, &chunk)?.mean())
        };
        let difference = (loss(1e-5)? - loss(-1e-5)?) / 2e-5;
        assert!((difference - gradient[index]).abs() < 1e-7, "{difference} {}", gradient[index]);
    }
    model.set_gradient("decoder.bias", &vec![1.0; vocab.len()])?;
    assert!(model.clip_norm(1e9)? >= (vocab.len() as f64).sqrt());
    model.clip_value(0.5)?;
    assert_eq!(model.parameter("decoder.bias")?.gradient_at(0, 0), Some(0.5));
    model.zero_gradients()?;
    assert_eq!(model.parameter("decoder.bias")?.gradient_at(0, 0), Some(0.0));
    Ok(())
}

#[test]
fn a_model_of_vectors_checks_the_sizes_of_its_chunks() -> Result<()> {
    let options = ModelOptions::new(3, 2)?.input(Input::Vectors).loss(LossKind::SquaredError).hidden_size(4);
    let mut model = Model::<f32>::new(&options)?;
    let mut state = State::new(&model, 1)?;
    let (inputs, targets) = ([0.5f32; 15], [0.25f32; 10]);
    let loss = model.forward_backward(&mut state, &Chunk::vectors(5, 1, &inputs, Some(&targets))?)?;
    assert_eq!(loss.count, 5);
    assert_eq!(model.forward(&mut state, &Chunk::vectors(5, 1, &inputs, None)?)?.len(), 10);

    for chunk in [Chunk::vectors(5, 1, &inputs[1..], None)?, Chunk::vectors(5, 1, &inputs, Some(&targets[1..]))?] {
        assert_eq!(model.forward(&mut state, &chunk).unwrap_err().status(), Status::Argument);
    }
    let chunk = Chunk::vectors(5, 1, &[0.5f64; 15], None)?;
    assert_eq!(model.forward(&mut state, &chunk).unwrap_err().status(), Status::Mismatch);
    Ok(())
}

#[test]
fn errors_have_the_status_and_the_message_of_the_library() -> Result<()> {
    let error = Vocab::from_file(Kind::Bytes, "/no/such/file").err().unwrap();
    assert_eq!(error.status(), Status::Io);
    assert!(error.message().contains("/no/such/file"), "{error}");

    let error = Model::<f32>::new(&ModelOptions::new(2, 2)?.hidden_size(0)).err().unwrap();
    assert_eq!(error.to_string(), "hidden_size is 0; it must be 1 to 1048576");

    let vocab = Vocab::from_text(Kind::Bytes, "abc")?;
    assert_eq!(vocab.encode("abd").unwrap_err().status(), Status::Symbol);
    assert_eq!(vocab.with_unknown()?.encode("abd")?, [0, 1, 3]);
    assert_eq!(vocab.symbol(2)?, b"c");
    assert_eq!(vocab.symbol(3).unwrap_err().status(), Status::Symbol);
    assert_eq!(Corpus::from_text(&vocab, "ab", 16, 1).err().unwrap().status(), Status::Argument);
    assert_eq!(Model::<f32>::from_bytes(b"not a model").err().unwrap().status(), Status::Format);
    assert_eq!(Vocab::from_file(Kind::Bytes, "a\0b").err().unwrap().status(), Status::Argument);

    let (model, other) = (small::<f32>(&vocab)?, Model::<f32>::new(&ModelOptions::new(3, 3)?.hidden_size(5))?);
    let chunk = Chunk::ids(2, 1, &[0, 1], Some(&[1, 2]))?;
    assert_eq!(other.loss(&mut State::new(&model, 1)?, &chunk).unwrap_err().status(), Status::Mismatch);
    assert_eq!(Chunk::ids(2, 1, &[0], None).err().unwrap().status(), Status::Argument);
    let mut sampler = Sampler::new(&SamplerOptions::new()?)?;
    let error = model.sample(&mut State::new(&model, 2)?, &mut sampler, &[0], 5).unwrap_err();
    assert_eq!(error.message(), "first has 1 elements; it must have 2");
    assert!(model.parameter("nothing").is_err());
    Ok(())
}

#[test]
fn objects_outlive_the_objects_that_they_were_made_from() -> Result<()> {
    let text = TEXT.repeat(10);
    let vocab = Vocab::from_text(Kind::Bytes, &text)?;
    let model = small::<f32>(&vocab)?;
    let mut state = State::new(&model, 1)?;
    let mut corpus = Corpus::from_text(&vocab, &text, 16, 1)?;
    let validation = corpus.split(0.2)?;
    drop(vocab);
    let copy = model.try_clone()?;
    drop(model);
    let (chunk, restarted) = corpus.next_chunk()?;
    assert!(restarted && chunk.inputs()[1..] == chunk.targets()[..15]);
    assert_eq!(chunk.last_targets(), &chunk.targets()[15..]);
    copy.loss(&mut state, &chunk)?;
    let position = corpus.position();
    corpus.seek(0)?;
    corpus.seek(position)?;
    drop(corpus);
    copy.evaluate(&validation, 1)?;
    let values = state.values()?;
    state.reset()?;
    state.set_values(&values)?;
    let mut pair = State::new(&copy, 2)?;
    pair.copy_stream_from(1, &state, 0)?;
    assert_eq!(pair.values()?[32..], values[..]);
    Ok(())
}

#[test]
fn threads_share_a_model() -> Result<()> {
    fn shared<T: Sync>(_: &T) {}
    let vocab = Vocab::from_text(Kind::Bytes, TEXT)?;
    let model = small::<f32>(&vocab)?;
    shared(&vocab);
    shared(&model);
    let write = |seed| -> Result<Vec<i32>> {
        let mut sampler = Sampler::new(&SamplerOptions::new()?.seed(seed))?;
        model.sample(&mut State::new(&model, 1)?, &mut sampler, &[0], 50)
    };
    let alone: Vec<_> = (0..4).map(|seed| write(seed).unwrap()).collect();
    let write = &write;
    let together: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || write(seed).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
    Ok(())
}

#[test]
fn samplers_exclude_ids_and_draw_from_logits() -> Result<()> {
    let excluded = [1];
    let mut sampler = Sampler::new(&SamplerOptions::new()?.temperature(0.0).excluded(&excluded))?;
    assert_eq!(sampler.draw(&[0.0f32, 9.0, 1.0, 5.0, 0.0, 0.0], 2)?, [2, 0]);
    assert_eq!(sampler.draw(&[0.0f64; 3], 2).unwrap_err().status(), Status::Argument);
    Ok(())
}
