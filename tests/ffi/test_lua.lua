-- Tests of examples/ffi/lua: luajit test_lua.lua EMPTY_DIRECTORY
local ffi = require("ffi")
local rnn = require("rnn")
local C, directory = rnn.C, (...)
local TEXT = ("the quick brown fox jumps over the lazy dog\n"):rep(40)

-- The call must raise the library's error with this status, and a message with this part.
local function refuses(status, part, call, ...)
    local done, failure = pcall(call, ...)
    assert(not done, "no error")
    assert(type(failure) == "table", tostring(failure))
    assert(failure.status == status and tostring(failure):find(part, 1, true), failure.name .. ": " .. failure.message)
end

local function begin(scope)
    local vocab = scope(rnn.vocab_from_text(TEXT))
    local corpus = scope(rnn.corpus_from_text(vocab, TEXT, 25))
    local model = scope(rnn.model {cell = C.RNN_CELL_GRU, input_size = vocab:size(), output_size = vocab:size(),
                                   hidden_size = 32})
    return vocab, corpus, model, scope(rnn.state(model)), scope(rnn.optimizer(model))
end

local tests = {}

function tests.training_lowers_the_loss(scope)
    local vocab, corpus, model, state, optimizer = begin(scope)
    local first, last
    for _ = 1, 300 do
        local chunk, restarted = corpus:next()
        if restarted then
            state:reset()
        end
        last = model:forward_backward(state, chunk)
        first = first or last
        model:clip_value(5)
        optimizer:step(model)
    end
    assert(math.abs(first - math.log(vocab:size())) < 0.1 and last < 0.5 * first)
    local drawn = {}
    for i = 1, 2 do
        state:reset()
        drawn[i] = vocab:decode(model:sample(state, scope(rnn.sampler {seed = 3}), {0}, 40))
    end
    assert(#drawn[1] == 40 and drawn[1] == drawn[2])
end

function tests.gradients_are_a_view(scope)
    local _, corpus, model, state = begin(scope)
    assert(#model:parameter_names() == C.rnn_model_parameter_count(model:handle()))
    assert(model:gradient("decoder.bias") == nil)
    model:forward_backward(state, (corpus:next()))
    local squares = 0
    for _, name in ipairs(model:parameter_names()) do
        local gradient, count = model:gradient(name)
        for i = 0, count - 1 do
            squares = squares + gradient[i] ^ 2
        end
    end
    assert(math.abs(math.sqrt(squares) / model:clip_norm(1e9) - 1) < 1e-5)
end

function tests.a_model_is_saved_and_loaded(scope)
    local vocab, _, model = begin(scope)
    model:save(directory .. "/model", vocab)
    local loaded, its_vocab = rnn.load(directory .. "/model")
    scope(loaded)
    assert(scope(its_vocab):size() == vocab:size())
    local values, count = model:parameter("rnn.weight_hh_l0")
    assert(ffi.string(values, 4 * count) == ffi.string((loaded:parameter("rnn.weight_hh_l0")), 4 * count))
    model:save(directory .. "/model")
    local bare, none = rnn.load(directory .. "/model")
    scope(bare)
    assert(none == nil)
end

function tests.a_checkpoint_resumes_the_same_training(scope)
    local vocab, corpus, model, state, optimizer = begin(scope)
    local function train(corpus, model, state, optimizer)
        for _ = 1, 5 do
            local chunk, restarted = corpus:next()
            if restarted then
                state:reset()
            end
            model:forward_backward(state, chunk)
            optimizer:step(model)
        end
    end
    train(corpus, model, state, optimizer)
    optimizer:set_learning_rate(0.05)
    rnn.save_checkpoint(directory .. "/checkpoint", {model = model, optimizer = optimizer, state = state, vocab = vocab,
                                                     corpus_position = corpus:position()})
    local loaded = rnn.load_checkpoint(directory .. "/checkpoint")
    for _, part in ipairs {"model", "optimizer", "state", "vocab"} do
        scope(loaded[part])
    end
    assert(loaded.sampler == nil and loaded.average == nil and loaded.optimizer:learning_rate() == 0.05)
    local again = scope(rnn.corpus_from_text(loaded.vocab, TEXT, 25))
    again:seek(loaded.corpus_position)
    train(corpus, model, state, optimizer)
    train(again, loaded.model, loaded.state, loaded.optimizer)
    local values, count = model:parameter("decoder.weight")
    local other = loaded.model:parameter("decoder.weight")
    assert(ffi.string(values, 4 * count) == ffi.string(other, 4 * count))
end

function tests.generate_ends_at_the_stop_symbol(scope)
    local vocab, _, model, state = begin(scope)
    local prompt, stop = vocab:encode("the"), (vocab:encode("q"))[0]
    local ids, counts, logs = model:generate(state, scope(rnn.sampler {seed = 1}),
                                             {prompt = prompt, prompt_steps = 3, most = 2000, stop = stop})
    local count = tonumber(counts[0])
    assert(count > 0 and count < 2000 and ids[count - 1] == stop and logs[0] < 0)
    for i = 0, count - 2 do
        assert(ids[i] ~= stop)
    end
end

function tests.errors_have_a_status_and_a_message(scope)
    local vocab, _, model, state = begin(scope)
    refuses(C.RNN_ERROR_ARGUMENT, "hidden_size is 0", rnn.model, {input_size = 3, output_size = 3, hidden_size = 0})
    refuses(C.RNN_ERROR_IO, "absent", rnn.load, "absent")
    refuses(C.RNN_ERROR_SYMBOL, "", vocab.encode, vocab, "\255")
    refuses(C.RNN_ERROR_ARGUMENT, "none", model.parameter, model, "none")
    refuses(C.RNN_ERROR_MISMATCH, "first has 2 ids", model.sample, model, state, scope(rnn.sampler()), {1, 2}, 1)
    assert(not pcall(rnn.model, {no_such_option = 1}))
end

function tests.a_closed_object_is_refused(scope)
    local _, _, model, state = begin(scope)
    model:close()
    model:close()
    refuses(C.RNN_ERROR_ARGUMENT, "the model is closed", model.clip_value, model, 1)
    state:reset() -- needs no model
end

function tests.with_closes_after_an_error()
    local kept
    refuses(C.RNN_ERROR_IO, "absent", rnn.with, function(scope)
        kept = scope(rnn.vocab_from_text(TEXT))
        rnn.load("absent")
    end)
    assert(kept.pointer == nil)
    assert(select("#", rnn.with(function() return 1, nil, 3 end)) == 3)
end

for name, test in pairs(tests) do
    rnn.with(test)
    print("ok: " .. name)
end
-- The library refuses another allocator while it holds memory. So everything has been released.
rnn.check(C.rnn_set_allocator(nil))
