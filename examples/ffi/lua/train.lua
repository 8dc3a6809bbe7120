-- Trains a small network on a text, saves it, loads it and lets it write, in this directory:
--   LIBRNN=path/to/librnn.so luajit train.lua FILE MODEL
local rnn = require("rnn")

local path, saved = ...
if not saved then
    io.stderr:write("usage: train.lua FILE MODEL\n")
    os.exit(1)
end
local done, failure = pcall(rnn.with, function(scope)
    local vocab = scope(rnn.vocab_from_file(path))
    local corpus = scope(rnn.corpus_from_file(vocab, path, 25))
    local model = scope(rnn.model {input_size = vocab:size(), output_size = vocab:size(), hidden_size = 100})
    local state, optimizer = scope(rnn.state(model)), scope(rnn.optimizer(model, {learning_rate = 0.1}))
    local total = 0
    for n = 1, 5000 do
        local chunk, restarted = corpus:next()
        if restarted then
            state:reset()
        end
        total = total + model:forward_backward(state, chunk)
        if n % 1000 == 0 then
            local norm = model:clip_norm(1e6)
            print(("step %d: %.3f nats per symbol, gradients of norm %.2f"):format(n, total / 1000, norm))
            total = 0
        end
        model:clip_value(5)
        optimizer:step(model)
    end
    model:save(saved, vocab)

    local loaded, its_vocab = rnn.load(saved)
    scope(loaded)
    scope(its_vocab)
    local first = its_vocab:encode("\n")
    print(its_vocab:decode(loaded:sample(scope(rnn.state(loaded)), scope(rnn.sampler {temperature = 0.8}), first, 200)))
end)
if not done then
    io.stderr:write("train.lua: ", tostring(failure), "\n")
    os.exit(1)
end
