-- librnn for LuaJIT. It is a thin layer over include/rnn/rnn.h, whose comments describe the calls.
--
-- Each object has a method close(), which releases it. Lua doesn't release objects by itself: finalizers run in no
-- fixed order when a program ends, perhaps after the library is gone. rnn.with(function(scope) ... end) closes all objects
-- that were created with scope(object), the last one first, even after an error.
--
-- A call that fails raises an error, a table with the fields `status`, `name` and `message`; tostring() gives the
-- message. Numbers of a model and ids are arrays of the ffi, which are passed and viewed without copying. They are
-- indexed from 0, like symbols and streams.
--
-- The library is the file that the environment variable LIBRNN names, or else the system's librnn.so.0.
local ffi = require("ffi")
require("declarations")
local C = ffi.load(os.getenv("LIBRNN") or (ffi.os == "OSX" and "librnn.0.dylib" or "librnn.so.0"))

local rnn = {C = C} -- rnn.C has the header's functions and constants, such as rnn.C.RNN_CELL_GRU

local Failure = {__tostring = function(failure) return failure.message end}

local function fail(status, message)
    error(setmetatable({status = status, name = ffi.string(C.rnn_status_name(status)), message = message}, Failure), 0)
end

local function check(status)
    if status ~= C.RNN_OK then
        fail(status, ffi.string(C.rnn_last_error()))
    end
end
rnn.check = check

function rnn.version()
    return ffi.string(C.rnn_version())
end

function rnn.set_threads(threads)
    check(C.rnn_set_threads(threads))
end

-- A struct of options with the library's defaults, except for the given fields
local function options(name, given, ...)
    local struct = ffi.new("rnn_" .. name)
    check(C["rnn_" .. name .. "_init"](struct, ffi.sizeof(struct), ...))
    for field, value in pairs(given or {}) do
        struct[field] = value
    end
    return struct
end
rnn.options = options

-- An array of ids from a table, or the array itself
local function ids_of(ids)
    if type(ids) ~= "table" then
        return ids, nil
    end
    return ffi.new("int32_t[?]", math.max(#ids, 1), ids), #ids
end

-- ---- Objects ----

local function class(name)
    local methods = {}
    methods.__index = methods
    local destroy = C["rnn_" .. name .. "_destroy"]
    -- The handle, for calls of rnn.C
    function methods:handle()
        if not self.pointer then
            fail(C.RNN_ERROR_ARGUMENT, "the " .. name .. " is closed")
        end
        return self.pointer
    end
    -- Releases the object. A second call does nothing.
    function methods:close()
        if self.pointer then
            destroy(self.pointer)
            self.pointer = nil
        end
    end
    local function own(pointer)
        return pointer ~= nil and setmetatable({pointer = pointer}, methods) or nil
    end
    -- Creates an object with a function of the library, which stores the handle in its last argument.
    local function create(call, ...)
        local result, arguments = ffi.new("rnn_" .. name .. " *[1]"), {...}
        arguments[select("#", ...) + 1] = result
        check(C[call](unpack(arguments, 1, select("#", ...) + 1)))
        return own(result[0])
    end
    return methods, create, own
end

-- Calls body(scope) and returns its results. scope(object) returns the object, which is closed at the end.
function rnn.with(body)
    local opened = {}
    local function scope(object)
        opened[#opened + 1] = object
        return object
    end
    local results = {xpcall(body, function(failure)
        return type(failure) == "string" and debug.traceback(failure, 2) or failure
    end, scope)}
    for i = #opened, 1, -1 do
        opened[i]:close()
    end
    if not results[1] then
        error(results[2], 0)
    end
    return unpack(results, 2, table.maxn(results))
end

local Vocab, new_vocab, own_vocab = class("vocab")

function rnn.vocab_from_text(text, kind)
    return new_vocab("rnn_vocab_create_from_text", kind or C.RNN_VOCAB_BYTES, text, #text)
end

function rnn.vocab_from_file(path, kind)
    return new_vocab("rnn_vocab_create_from_file", kind or C.RNN_VOCAB_BYTES, path)
end

function Vocab:size()
    return tonumber(C.rnn_vocab_size(self:handle()))
end

-- The ids of a text as an array, and their number
function Vocab:encode(text)
    local ids, count = ffi.new("int32_t[?]", math.max(#text, 1)), ffi.new("int64_t[1]")
    check(C.rnn_vocab_encode(self:handle(), text, #text, ids, #text, count))
    return ids, tonumber(count[0])
end

-- The text of ids: a table, or an array and its length
function Vocab:decode(ids, count)
    local array, length = ids_of(ids)
    count = count or length
    local size = ffi.new("size_t[1]")
    check(C.rnn_vocab_decode(self:handle(), array, count, nil, 0, size))
    local text = ffi.new("char[?]", size[0] + 1)
    check(C.rnn_vocab_decode(self:handle(), array, count, text, size[0], size))
    return ffi.string(text, size[0])
end

local Corpus, new_corpus = class("corpus")

function rnn.corpus_from_text(vocab, text, steps, streams)
    return new_corpus("rnn_corpus_create_from_text", vocab:handle(), text, #text, steps, streams or 1)
end

function rnn.corpus_from_file(vocab, path, steps, streams)
    return new_corpus("rnn_corpus_create_from_file", vocab:handle(), path, steps, streams or 1)
end

-- The next chunk, and whether it is the first of the text; if it is, reset the state. The chunk's arrays are the
-- corpus's, and valid until its next use.
function Corpus:next()
    local chunk, restarted = options("chunk"), ffi.new("int32_t[1]")
    check(C.rnn_corpus_next(self:handle(), chunk, restarted))
    return chunk, restarted[0] ~= 0
end

function Corpus:position()
    return tonumber(C.rnn_corpus_position(self:handle()))
end

function Corpus:seek(position)
    check(C.rnn_corpus_seek(self:handle(), position))
end

local Model, new_model, own_model = class("model")

-- given: the fields of rnn_model_options
function rnn.model(given)
    return new_model("rnn_model_create", options("model_options", given))
end

-- Loads a model from a file, and the vocabulary that was saved with it, or nil.
function rnn.load(path, given)
    local model, vocab = ffi.new("rnn_model *[1]"), ffi.new("rnn_vocab *[1]")
    check(C.rnn_model_load(path, options("load_options", given), model, vocab))
    return own_model(model[0]), own_vocab(vocab[0])
end

function Model:save(path, vocab)
    check(C.rnn_model_save(self:handle(), vocab and vocab:handle(), path))
end

-- Adds to the gradients. Returns the mean loss, and the number of positions.
function Model:forward_backward(state, chunk)
    local loss = ffi.new("rnn_loss")
    check(C.rnn_forward_backward(self:handle(), state:handle(), chunk, loss))
    return loss.sum / tonumber(loss.count), tonumber(loss.count)
end

function Model:clip_value(limit)
    check(C.rnn_model_clip_value(self:handle(), limit))
end

-- Scales the gradients down to a norm of at most `limit`. Returns the norm before.
function Model:clip_norm(limit)
    local norm = ffi.new("double[1]")
    check(C.rnn_model_clip_norm(self:handle(), limit, norm))
    return norm[0]
end

-- The names of all parameters
function Model:parameter_names()
    local names = {}
    for index = 0, tonumber(C.rnn_model_parameter_count(self:handle())) - 1 do
        local parameter = options("parameter")
        check(C.rnn_model_describe_parameter(self:handle(), index, parameter))
        names[index + 1] = ffi.string(parameter.name)
    end
    return names
end

local function find(model, name)
    local index, parameter = ffi.new("int64_t[1]"), options("parameter")
    check(C.rnn_model_find_parameter(model:handle(), name, index))
    check(C.rnn_model_describe_parameter(model:handle(), index[0], parameter))
    return parameter, parameter.precision == C.RNN_FLOAT32 and "const float *" or "const double *"
end

-- A parameter's values, and their number. The array is the model's own memory: don't use it after close().
function Model:parameter(name)
    local parameter, kind = find(self, name)
    return ffi.cast(kind, parameter.values), tonumber(parameter.count)
end

-- A parameter's gradient in the same way; nil until there are gradients
function Model:gradient(name)
    local parameter, kind = find(self, name)
    if parameter.gradient == nil then
        return nil
    end
    return ffi.cast(kind, parameter.gradient), tonumber(parameter.count)
end

-- Draws n symbols after each stream's first, a table of ids or an array. Returns an array [n][B], and its length.
function Model:sample(state, sampler, first, n)
    local streams = tonumber(C.rnn_state_streams(state:handle()))
    local array, length = ids_of(first)
    if length and length ~= streams then
        fail(C.RNN_ERROR_MISMATCH, ("first has %d ids; the state has %d streams"):format(length, streams))
    end
    local ids = ffi.new("int32_t[?]", math.max(n * streams, 1))
    check(C.rnn_sample(self:handle(), state:handle(), sampler:handle(), array, n, ids))
    return ids, n * streams
end

-- Lets each stream read its prompt, then draws at most `most` symbols, or until the id `stop`. given: the fields of
-- rnn_generate_options. Returns an array [most][B], an array [B] of the streams' counts, and an array [most][B] of the
-- symbols' log probabilities.
function Model:generate(state, sampler, given)
    local streams, filled = tonumber(C.rnn_state_streams(state:handle())), options("generate_options", given)
    local length = math.max(tonumber(filled.most) * streams, 1)
    local ids, logs = ffi.new("int32_t[?]", length), ffi.new("double[?]", length)
    local counts = ffi.new("int64_t[?]", streams)
    check(C.rnn_generate(self:handle(), state:handle(), sampler:handle(), filled, ids, counts, logs))
    return ids, counts, logs
end

local State, new_state, own_state = class("state")

function rnn.state(model, streams)
    return new_state("rnn_state_create", model:handle(), streams or 1)
end

function State:reset()
    check(C.rnn_state_reset(self:handle()))
end

local Optimizer, new_optimizer, own_optimizer = class("optimizer")

-- given: the fields of rnn_optimizer_options
function rnn.optimizer(model, given, rule)
    local filled = options("optimizer_options", given, rule or C.RNN_OPTIMIZER_ADAGRAD)
    return new_optimizer("rnn_optimizer_create", model:handle(), filled)
end

function Optimizer:step(model)
    check(C.rnn_optimizer_step(self:handle(), model:handle()))
end

function Optimizer:learning_rate()
    return C.rnn_optimizer_learning_rate(self:handle())
end

function Optimizer:set_learning_rate(rate)
    check(C.rnn_optimizer_set_learning_rate(self:handle(), rate))
end

local _, new_sampler, own_sampler = class("sampler")

-- given: the fields of rnn_sampler_options
function rnn.sampler(given)
    return new_sampler("rnn_sampler_create", options("sampler_options", given))
end

-- ---- Checkpoints ----

local PARTS = {model = own_model, optimizer = own_optimizer, state = own_state, sampler = own_sampler,
               vocab = own_vocab, average = own_model}

-- Saves all that a training run needs to resume. given: objects under the names of rnn_checkpoint's fields, and
-- corpus_position.
function rnn.save_checkpoint(path, given)
    local checkpoint = options("checkpoint")
    for field, value in pairs(given) do
        checkpoint[field] = PARTS[field] and value:handle() or value
    end
    check(C.rnn_checkpoint_save(checkpoint, path))
end

-- Loads a checkpoint. Returns a table with its objects, which the caller closes, and corpus_position.
function rnn.load_checkpoint(path)
    local checkpoint = options("checkpoint")
    check(C.rnn_checkpoint_load(path, checkpoint))
    local loaded = {corpus_position = tonumber(checkpoint.corpus_position)}
    for field, own in pairs(PARTS) do
        loaded[field] = own(checkpoint[field])
    end
    return loaded
end

return rnn
