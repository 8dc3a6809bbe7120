//! Trains a model on a text, lets it write, saves it and loads it: cargo run --release --example train FILE [MODEL]

use rnn::{
    Cell, Corpus, Initialization, Kind, Model, ModelOptions, Optimizer, OptimizerOptions, Reduction, Rule, Sampler,
    SamplerOptions, State, Vocab,
};
use std::{env, error::Error, process};

fn run(text: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let vocab = Vocab::from_file(Kind::Bytes, text)?;
    let mut corpus = Corpus::from_file(&vocab, text, 25, 8)?;
    let options = ModelOptions::new(vocab.len(), vocab.len())?
        .cell(Cell::Gru)
        .hidden_size(64)
        .initialization(Initialization::Uniform)
        .reduction(Reduction::Mean);
    let mut model = Model::<f32>::new(&options)?;
    let mut state = State::new(&model, 8)?;
    let rule = OptimizerOptions::new(Rule::Adam)?.learning_rate(0.01).clip_norm(1.0);
    let mut optimizer = Optimizer::new(&model, &rule)?;

    for step in 1..=1000 {
        let (chunk, restarted) = corpus.next_chunk()?;
        if restarted {
            state.reset()?;
        }
        let loss = model.forward_backward(&mut state, &chunk)?;
        optimizer.step(&mut model)?;
        if step % 200 == 0 {
            println!("step {step}: {:.3} nats per symbol", loss.mean());
        }
    }

    model.save(Some(&vocab), file)?;
    let (model, vocab) = Model::<f32>::load(file)?;
    let vocab = vocab.ok_or("the file has no vocabulary")?;
    let mut sampler = Sampler::new(&SamplerOptions::new()?.temperature(0.5).seed(1))?;
    let prompt = vocab.encode("the ")?;
    let written = model.generate(&mut State::new(&model, 1)?, &mut sampler, &prompt, 200, None)?;
    println!("the {}", String::from_utf8_lossy(&vocab.decode(&written.ids)?));
    Ok(())
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if arguments.len() < 2 {
        eprintln!("usage: train FILE [MODEL]");
        process::exit(2);
    }
    let file = arguments.get(2).map_or("model.safetensors", String::as_str);
    if let Err(error) = run(&arguments[1], file) {
        eprintln!("train: {error}");
        process::exit(1);
    }
}
