"""The declarations of rnn.h for ctypes. Written by examples/ffi/generate.py from include/rnn/rnn.h. Don't edit it."""

from ctypes import (CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64,
                    c_void_p)

OK = 0
ERROR_ARGUMENT = 1
ERROR_MEMORY = 2
ERROR_IO = 3
ERROR_SYMBOL = 4
ERROR_MISMATCH = 5
ERROR_NONFINITE = 6
ERROR_FORMAT = 7
CELL_TANH = 0
CELL_GRU = 1
CELL_LSTM = 2
INPUT_IDS = 0
INPUT_EMBEDDING = 1
INPUT_VECTORS = 2
LOSS_CROSS_ENTROPY = 0
LOSS_SQUARED_ERROR = 1
BIAS_INPUT = 0
BIAS_BOTH = 1
INIT_NORMAL = 0
INIT_UNIFORM = 1
FLOAT32 = 0
FLOAT64 = 1
REDUCTION_SUM = 0
REDUCTION_MEAN = 1
IGNORE = -1
STATE_HIDDEN = 0
STATE_MEMORY = 1
OPTIMIZER_ADAGRAD = 0
OPTIMIZER_SGD = 1
OPTIMIZER_RMSPROP = 2
OPTIMIZER_ADAM = 3
OPTIMIZER_ADAMW = 4
VOCAB_BYTES = 0
VOCAB_UTF8 = 1
VOCAB_WORDS = 2
BATCH_PADDED = 0
BATCH_PACKED = 1
TARGETS_EACH = 0
TARGETS_LAST = 1
TARGETS_NEXT = 2
PRECISION_STORED = -1
CHECKPOINT_NUMBERS = 8
OBSERVE_ACTIVATIONS = 1
OBSERVE_GRADIENT_NORMS = 2

__all__ = ["OK", "ERROR_ARGUMENT", "ERROR_MEMORY", "ERROR_IO", "ERROR_SYMBOL", "ERROR_MISMATCH",
           "ERROR_NONFINITE", "ERROR_FORMAT", "CELL_TANH", "CELL_GRU", "CELL_LSTM", "INPUT_IDS",
           "INPUT_EMBEDDING", "INPUT_VECTORS", "LOSS_CROSS_ENTROPY", "LOSS_SQUARED_ERROR", "BIAS_INPUT",
           "BIAS_BOTH", "INIT_NORMAL", "INIT_UNIFORM", "FLOAT32", "FLOAT64", "REDUCTION_SUM",
           "REDUCTION_MEAN", "IGNORE", "STATE_HIDDEN", "STATE_MEMORY", "OPTIMIZER_ADAGRAD", "OPTIMIZER_SGD",
           "OPTIMIZER_RMSPROP", "OPTIMIZER_ADAM", "OPTIMIZER_ADAMW", "VOCAB_BYTES", "VOCAB_UTF8",
           "VOCAB_WORDS", "BATCH_PADDED", "BATCH_PACKED", "TARGETS_EACH", "TARGETS_LAST", "TARGETS_NEXT",
           "PRECISION_STORED", "CHECKPOINT_NUMBERS", "OBSERVE_ACTIVATIONS", "OBSERVE_GRADIENT_NORMS"]


class rnn_status(c_int32):
    """The result of a call that can fail."""


class rnn_model(c_void_p):
    """A pointer to the header's rnn_model."""


class rnn_state(c_void_p):
    """A pointer to the header's rnn_state."""


class rnn_optimizer(c_void_p):
    """A pointer to the header's rnn_optimizer."""


class rnn_sampler(c_void_p):
    """A pointer to the header's rnn_sampler."""


class rnn_vocab(c_void_p):
    """A pointer to the header's rnn_vocab."""


class rnn_corpus(c_void_p):
    """A pointer to the header's rnn_corpus."""


class rnn_source(c_void_p):
    """A pointer to the header's rnn_source."""


class rnn_batcher(c_void_p):
    """A pointer to the header's rnn_batcher."""


class rnn_model_options(Structure):
    _fields_ = [("struct_size", c_size_t), ("input_size", c_int64), ("hidden_size", c_int64), ("output_size",
                c_int64), ("layers", c_int64), ("cell", c_int32), ("precision", c_int32), ("reduction",
                c_int32), ("input", c_int32), ("loss", c_int32), ("bias", c_int32), ("initialization",
                c_int32), ("orthogonal", c_int32), ("tied", c_int32), ("dropout_per_chunk", c_int32),
                ("embedding_size", c_int64), ("weight_scale", c_double), ("forget_bias", c_double),
                ("dropout", c_double), ("seed", c_uint64), ("dropout_input", c_double), ("dropout_output",
                c_double), ("dropout_recurrent", c_double), ("bidirectional", c_int32), ("learned_state",
                c_int32), ("layer_norm", c_int32), ("reserved", c_int32)]


class rnn_parameter(Structure):
    _fields_ = [("struct_size", c_size_t), ("name", c_char_p), ("shape", c_int64 * 2), ("strides",
                c_int64 * 2), ("count", c_int64), ("rank", c_int32), ("precision", c_int32), ("values",
                c_void_p), ("gradient", c_void_p), ("frozen", c_int32), ("reserved", c_int32)]


class rnn_chunk(Structure):
    _fields_ = [("struct_size", c_size_t), ("steps", c_int64), ("streams", c_int64), ("inputs", c_void_p),
                ("targets", c_void_p), ("input_vectors", c_void_p), ("target_vectors", c_void_p),
                ("target_mask", c_void_p), ("lengths", c_void_p), ("starts", c_void_p), ("losses", c_void_p),
                ("hits", c_void_p), ("last_only", c_int32), ("reserved", c_int32)]


class rnn_loss(Structure):
    _fields_ = [("sum", c_double), ("count", c_int64)]


class rnn_chunk_gradients(Structure):
    _fields_ = [("struct_size", c_size_t), ("outputs", c_void_p), ("final_state", c_void_p), ("input_vectors",
                c_void_p), ("initial_state", c_void_p)]


class rnn_optimizer_options(Structure):
    _fields_ = [("struct_size", c_size_t), ("rule", c_int32), ("nesterov", c_int32), ("learning_rate",
                c_double), ("epsilon", c_double), ("weight_decay", c_double), ("momentum", c_double),
                ("beta1", c_double), ("beta2", c_double), ("clip_value", c_double), ("clip_norm", c_double),
                ("spare_biases", c_int32), ("reserved", c_int32)]


class rnn_sampler_options(Structure):
    _fields_ = [("struct_size", c_size_t), ("temperature", c_double), ("seed", c_uint64), ("top_k", c_int64),
                ("top_p", c_double), ("min_p", c_double), ("repetition_penalty", c_double),
                ("repetition_window", c_int64), ("excluded", c_void_p), ("excluded_count", c_int64), ("vocab",
                rnn_vocab)]


class rnn_generate_options(Structure):
    _fields_ = [("struct_size", c_size_t), ("prompt", c_void_p), ("prompt_steps", c_int64), ("prompt_lengths",
                c_void_p), ("most", c_int64), ("stop", c_int32), ("reserved", c_int32)]


class rnn_beam_options(Structure):
    _fields_ = [("struct_size", c_size_t), ("prompt", c_void_p), ("prompt_steps", c_int64), ("most", c_int64),
                ("beams", c_int64), ("results", c_int64), ("length_penalty", c_double), ("excluded",
                c_void_p), ("excluded_count", c_int64), ("stop", c_int32), ("reserved", c_int32), ("vocab",
                rnn_vocab)]


class rnn_sequences(Structure):
    _fields_ = [("struct_size", c_size_t), ("count", c_int64), ("lengths", c_void_p), ("inputs", c_void_p),
                ("input_vectors", c_void_p), ("targets", c_void_p), ("target_vectors", c_void_p),
                ("target_mask", c_void_p), ("input_size", c_int64), ("output_size", c_int64), ("precision",
                c_int32), ("reserved", c_int32)]


class rnn_batcher_options(Structure):
    _fields_ = [("struct_size", c_size_t), ("streams", c_int64), ("steps", c_int64), ("layout", c_int32),
                ("target_kind", c_int32), ("shuffle", c_int32), ("reserved", c_int32), ("bucket", c_int64),
                ("seed", c_uint64)]


class rnn_save_options(Structure):
    _fields_ = [("struct_size", c_size_t), ("rnn_name", c_char_p), ("decoder_name", c_char_p),
                ("embedding_name", c_char_p)]


class rnn_load_options(Structure):
    _fields_ = [("struct_size", c_size_t), ("precision", c_int32), ("ignore_others", c_int32),
                ("configuration", POINTER(rnn_model_options)), ("rnn_name", c_char_p), ("decoder_name",
                c_char_p), ("embedding_name", c_char_p), ("infer", c_int32), ("reserved", c_int32)]


class rnn_checkpoint(Structure):
    _fields_ = [("struct_size", c_size_t), ("model", rnn_model), ("optimizer", rnn_optimizer), ("state",
                rnn_state), ("sampler", rnn_sampler), ("vocab", rnn_vocab), ("corpus_position", c_int64),
                ("counters", c_int64 * 8), ("values", c_double * 8), ("average", rnn_model)]


class rnn_allocator(Structure):
    _fields_ = [("allocate", CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)), ("release", CFUNCTYPE(None,
                c_void_p, c_void_p, c_size_t)), ("context", c_void_p)]


# For each function the type of its result, and the names and types of its parameters
FUNCTIONS = {
    "rnn_version": (c_char_p, {}),
    "rnn_version_number": (c_int32, {}),
    "rnn_last_error": (c_char_p, {}),
    "rnn_status_name": (c_char_p, {"status": rnn_status}),
    "rnn_enumerator_count": (c_int64, {}),
    "rnn_enumerator": (rnn_status, {"index": c_int64, "name": POINTER(c_char_p), "value": c_void_p}),
    "rnn_model_options_init": (rnn_status, {"options": POINTER(rnn_model_options), "struct_size": c_size_t}),
    "rnn_model_create": (rnn_status, {"options": POINTER(rnn_model_options), "model": POINTER(rnn_model)}),
    "rnn_model_copy": (rnn_status, {"model": rnn_model, "copy": POINTER(rnn_model)}),
    "rnn_model_average": (rnn_status, {"average": rnn_model, "model": rnn_model, "weight": c_double}),
    "rnn_model_destroy": (None, {"model": rnn_model}),
    "rnn_model_get_options": (rnn_status, {"model": rnn_model, "options": POINTER(rnn_model_options)}),
    "rnn_parameter_init": (rnn_status, {"parameter": POINTER(rnn_parameter), "struct_size": c_size_t}),
    "rnn_model_parameter_count": (c_int64, {"model": rnn_model}),
    "rnn_model_describe_parameter": (rnn_status, {"model": rnn_model, "index": c_int64,
        "parameter": POINTER(rnn_parameter)}),
    "rnn_model_find_parameter": (rnn_status, {"model": rnn_model, "name": c_char_p, "index": c_void_p}),
    "rnn_model_freeze": (rnn_status, {"model": rnn_model, "index": c_int64, "frozen": c_int32}),
    "rnn_model_get_parameter": (rnn_status, {"model": rnn_model, "index": c_int64, "values": c_void_p,
        "count": c_int64}),
    "rnn_model_set_parameter": (rnn_status, {"model": rnn_model, "index": c_int64, "values": c_void_p,
        "count": c_int64}),
    "rnn_model_get_gradient": (rnn_status, {"model": rnn_model, "index": c_int64, "values": c_void_p,
        "count": c_int64}),
    "rnn_model_set_gradient": (rnn_status, {"model": rnn_model, "index": c_int64, "values": c_void_p,
        "count": c_int64}),
    "rnn_model_check_finite": (rnn_status, {"model": rnn_model}),
    "rnn_model_zero_gradients": (rnn_status, {"model": rnn_model}),
    "rnn_model_clip_value": (rnn_status, {"model": rnn_model, "limit": c_double}),
    "rnn_model_clip_norm": (rnn_status, {"model": rnn_model, "limit": c_double, "norm": c_void_p}),
    "rnn_model_set_note": (rnn_status, {"model": rnn_model, "key": c_char_p, "value": c_char_p}),
    "rnn_model_note": (c_char_p, {"model": rnn_model, "key": c_char_p}),
    "rnn_model_note_count": (c_int64, {"model": rnn_model}),
    "rnn_model_note_at": (rnn_status, {"model": rnn_model, "index": c_int64, "key": POINTER(c_char_p),
        "value": POINTER(c_char_p)}),
    "rnn_chunk_init": (rnn_status, {"chunk": POINTER(rnn_chunk), "struct_size": c_size_t}),
    "rnn_state_create": (rnn_status, {"model": rnn_model, "streams": c_int64, "state": POINTER(rnn_state)}),
    "rnn_state_destroy": (None, {"state": rnn_state}),
    "rnn_state_streams": (c_int64, {"state": rnn_state}),
    "rnn_state_reset": (rnn_status, {"state": rnn_state}),
    "rnn_state_reset_stream": (rnn_status, {"state": rnn_state, "stream": c_int64}),
    "rnn_state_copy": (rnn_status, {"destination": rnn_state, "source": rnn_state}),
    "rnn_state_copy_stream": (rnn_status, {"destination": rnn_state, "destination_stream": c_int64,
        "source": rnn_state, "source_stream": c_int64}),
    "rnn_state_get": (rnn_status, {"state": rnn_state, "layer": c_int64, "what": c_int32, "values": c_void_p,
        "count": c_int64}),
    "rnn_state_set": (rnn_status, {"state": rnn_state, "layer": c_int64, "what": c_int32, "values": c_void_p,
        "count": c_int64}),
    "rnn_state_get_all": (rnn_status, {"state": rnn_state, "values": c_void_p, "count": c_int64}),
    "rnn_state_set_all": (rnn_status, {"state": rnn_state, "values": c_void_p, "count": c_int64}),
    "rnn_forward": (rnn_status, {"model": rnn_model, "state": rnn_state, "chunk": POINTER(rnn_chunk),
        "outputs": c_void_p, "outputs_count": c_int64, "loss": POINTER(rnn_loss)}),
    "rnn_forward_backward": (rnn_status, {"model": rnn_model, "state": rnn_state, "chunk": POINTER(rnn_chunk),
        "loss": POINTER(rnn_loss)}),
    "rnn_evaluate": (rnn_status, {"model": rnn_model, "corpus": rnn_corpus, "streams": c_int64,
        "loss": POINTER(rnn_loss), "hits": c_void_p}),
    "rnn_forward_training": (rnn_status, {"model": rnn_model, "state": rnn_state, "chunk": POINTER(rnn_chunk),
        "outputs": c_void_p, "outputs_count": c_int64}),
    "rnn_loss_gradient": (rnn_status, {"model": rnn_model, "chunk": POINTER(rnn_chunk), "outputs": c_void_p,
        "outputs_count": c_int64, "gradient": c_void_p, "loss": POINTER(rnn_loss)}),
    "rnn_softmax": (rnn_status, {"precision": c_int32, "logits": c_void_p, "rows": c_int64,
        "symbols": c_int64, "probabilities": c_void_p}),
    "rnn_chunk_gradients_init": (rnn_status, {"gradients": POINTER(rnn_chunk_gradients),
        "struct_size": c_size_t}),
    "rnn_backward": (rnn_status, {"model": rnn_model, "state": rnn_state,
        "gradients": POINTER(rnn_chunk_gradients)}),
    "rnn_optimizer_options_init": (rnn_status, {"options": POINTER(rnn_optimizer_options),
        "struct_size": c_size_t, "rule": c_int32}),
    "rnn_optimizer_create": (rnn_status, {"model": rnn_model, "options": POINTER(rnn_optimizer_options),
        "optimizer": POINTER(rnn_optimizer)}),
    "rnn_optimizer_destroy": (None, {"optimizer": rnn_optimizer}),
    "rnn_optimizer_step": (rnn_status, {"optimizer": rnn_optimizer, "model": rnn_model}),
    "rnn_optimizer_get_options": (rnn_status, {"optimizer": rnn_optimizer,
        "options": POINTER(rnn_optimizer_options)}),
    "rnn_optimizer_set_options": (rnn_status, {"optimizer": rnn_optimizer,
        "options": POINTER(rnn_optimizer_options)}),
    "rnn_optimizer_learning_rate": (c_double, {"optimizer": rnn_optimizer}),
    "rnn_optimizer_set_learning_rate": (rnn_status, {"optimizer": rnn_optimizer, "learning_rate": c_double}),
    "rnn_schedule_warmup": (c_double, {"step": c_int64, "steps": c_int64}),
    "rnn_schedule_cosine": (c_double, {"step": c_int64, "steps": c_int64, "least": c_double}),
    "rnn_schedule_step_decay": (c_double, {"step": c_int64, "every": c_int64, "factor": c_double}),
    "rnn_schedule_one_cycle": (c_double, {"step": c_int64, "steps": c_int64, "rise": c_int64,
        "first": c_double, "last": c_double}),
    "rnn_sampler_options_init": (rnn_status, {"options": POINTER(rnn_sampler_options),
        "struct_size": c_size_t}),
    "rnn_sampler_create": (rnn_status, {"options": POINTER(rnn_sampler_options),
        "sampler": POINTER(rnn_sampler)}),
    "rnn_sampler_get_options": (rnn_status, {"sampler": rnn_sampler,
        "options": POINTER(rnn_sampler_options)}),
    "rnn_sampler_set_options": (rnn_status, {"sampler": rnn_sampler,
        "options": POINTER(rnn_sampler_options)}),
    "rnn_sampler_draw": (rnn_status, {"sampler": rnn_sampler, "precision": c_int32, "logits": c_void_p,
        "streams": c_int64, "symbols": c_int64, "ids": c_void_p, "log_probabilities": c_void_p}),
    "rnn_sampler_destroy": (None, {"sampler": rnn_sampler}),
    "rnn_sample": (rnn_status, {"model": rnn_model, "state": rnn_state, "sampler": rnn_sampler,
        "first": c_void_p, "n": c_int64, "ids": c_void_p}),
    "rnn_generate_options_init": (rnn_status, {"options": POINTER(rnn_generate_options),
        "struct_size": c_size_t}),
    "rnn_generate": (rnn_status, {"model": rnn_model, "state": rnn_state, "sampler": rnn_sampler,
        "options": POINTER(rnn_generate_options), "ids": c_void_p, "counts": c_void_p,
        "log_probabilities": c_void_p}),
    "rnn_beam_options_init": (rnn_status, {"options": POINTER(rnn_beam_options), "struct_size": c_size_t}),
    "rnn_beam_search": (rnn_status, {"model": rnn_model, "state": rnn_state,
        "options": POINTER(rnn_beam_options), "ids": c_void_p, "counts": c_void_p,
        "log_probabilities": c_void_p, "scores": c_void_p}),
    "rnn_source_open": (rnn_status, {"paths": POINTER(c_char_p), "count": c_int64,
        "source": POINTER(rnn_source)}),
    "rnn_set_interrupt": (None, {"interrupted": CFUNCTYPE(c_int32, c_void_p), "context": c_void_p}),
    "rnn_source_destroy": (None, {"source": rnn_source}),
    "rnn_source_size": (c_int64, {"source": rnn_source}),
    "rnn_vocab_create_from_text": (rnn_status, {"kind": c_int32, "text": c_void_p, "size": c_size_t,
        "vocab": POINTER(rnn_vocab)}),
    "rnn_vocab_create_from_file": (rnn_status, {"kind": c_int32, "path": c_char_p,
        "vocab": POINTER(rnn_vocab)}),
    "rnn_vocab_create_from_source": (rnn_status, {"kind": c_int32, "source": rnn_source,
        "vocab": POINTER(rnn_vocab)}),
    "rnn_vocab_create_from_list": (rnn_status, {"kind": c_int32, "symbols": c_void_p, "size": c_size_t,
        "vocab": POINTER(rnn_vocab)}),
    "rnn_vocab_create_with_unknown": (rnn_status, {"known": rnn_vocab, "shown": c_void_p, "size": c_size_t,
        "vocab": POINTER(rnn_vocab)}),
    "rnn_vocab_create_frequent": (rnn_status, {"known": rnn_vocab, "most": c_int64, "least": c_int64,
        "vocab": POINTER(rnn_vocab)}),
    "rnn_vocab_destroy": (None, {"vocab": rnn_vocab}),
    "rnn_vocab_size": (c_int64, {"vocab": rnn_vocab}),
    "rnn_vocab_kind": (c_int32, {"vocab": rnn_vocab}),
    "rnn_vocab_unknown": (c_int32, {"vocab": rnn_vocab}),
    "rnn_vocab_encode": (rnn_status, {"vocab": rnn_vocab, "text": c_void_p, "size": c_size_t, "ids": c_void_p,
        "capacity": c_int64, "count": c_void_p}),
    "rnn_vocab_decode": (rnn_status, {"vocab": rnn_vocab, "ids": c_void_p, "count": c_int64, "text": c_void_p,
        "capacity": c_size_t, "size": c_void_p}),
    "rnn_vocab_symbol": (rnn_status, {"vocab": rnn_vocab, "id": c_int32, "symbol": POINTER(c_char_p),
        "size": c_void_p}),
    "rnn_corpus_create_from_text": (rnn_status, {"vocab": rnn_vocab, "text": c_void_p, "size": c_size_t,
        "steps": c_int64, "streams": c_int64, "corpus": POINTER(rnn_corpus)}),
    "rnn_corpus_create_from_file": (rnn_status, {"vocab": rnn_vocab, "path": c_char_p, "steps": c_int64,
        "streams": c_int64, "corpus": POINTER(rnn_corpus)}),
    "rnn_corpus_create_from_source": (rnn_status, {"vocab": rnn_vocab, "source": rnn_source, "steps": c_int64,
        "streams": c_int64, "corpus": POINTER(rnn_corpus)}),
    "rnn_corpus_create_from_ids": (rnn_status, {"ids": c_void_p, "count": c_int64, "symbols": c_int64,
        "steps": c_int64, "streams": c_int64, "corpus": POINTER(rnn_corpus)}),
    "rnn_corpus_create_from_id_file": (rnn_status, {"path": c_char_p, "id_size": c_int32, "symbols": c_int64,
        "steps": c_int64, "streams": c_int64, "corpus": POINTER(rnn_corpus)}),
    "rnn_corpus_split": (rnn_status, {"corpus": rnn_corpus, "share": c_double,
        "validation": POINTER(rnn_corpus)}),
    "rnn_corpus_set_drop_last": (rnn_status, {"corpus": rnn_corpus, "drop_last": c_int32}),
    "rnn_corpus_destroy": (None, {"corpus": rnn_corpus}),
    "rnn_corpus_size": (c_int64, {"corpus": rnn_corpus}),
    "rnn_corpus_chunks": (c_int64, {"corpus": rnn_corpus}),
    "rnn_corpus_next": (rnn_status, {"corpus": rnn_corpus, "chunk": POINTER(rnn_chunk),
        "restarted": c_void_p}),
    "rnn_corpus_position": (c_int64, {"corpus": rnn_corpus}),
    "rnn_corpus_seek": (rnn_status, {"corpus": rnn_corpus, "position": c_int64}),
    "rnn_corpus_rewind": (rnn_status, {"corpus": rnn_corpus}),
    "rnn_sequences_init": (rnn_status, {"sequences": POINTER(rnn_sequences), "struct_size": c_size_t}),
    "rnn_batcher_options_init": (rnn_status, {"options": POINTER(rnn_batcher_options),
        "struct_size": c_size_t}),
    "rnn_batcher_create": (rnn_status, {"sequences": POINTER(rnn_sequences),
        "options": POINTER(rnn_batcher_options), "batcher": POINTER(rnn_batcher)}),
    "rnn_batcher_destroy": (None, {"batcher": rnn_batcher}),
    "rnn_batcher_size": (c_int64, {"batcher": rnn_batcher}),
    "rnn_batcher_positions": (c_int64, {"batcher": rnn_batcher}),
    "rnn_batcher_steps": (c_int64, {"batcher": rnn_batcher}),
    "rnn_batcher_chunks": (c_int64, {"batcher": rnn_batcher}),
    "rnn_batcher_next": (rnn_status, {"batcher": rnn_batcher, "chunk": POINTER(rnn_chunk), "last": c_void_p}),
    "rnn_batcher_get_places": (rnn_status, {"batcher": rnn_batcher, "sequences": c_void_p,
        "elements": c_void_p, "count": c_int64}),
    "rnn_batcher_position": (c_int64, {"batcher": rnn_batcher}),
    "rnn_batcher_seek": (rnn_status, {"batcher": rnn_batcher, "position": c_int64}),
    "rnn_batcher_rewind": (rnn_status, {"batcher": rnn_batcher}),
    "rnn_model_save": (rnn_status, {"model": rnn_model, "vocab": rnn_vocab, "path": c_char_p}),
    "rnn_model_save_to_memory": (rnn_status, {"model": rnn_model, "vocab": rnn_vocab, "bytes": c_void_p,
        "capacity": c_size_t, "size": c_void_p}),
    "rnn_save_options_init": (rnn_status, {"options": POINTER(rnn_save_options), "struct_size": c_size_t}),
    "rnn_model_save_with": (rnn_status, {"model": rnn_model, "vocab": rnn_vocab,
        "options": POINTER(rnn_save_options), "path": c_char_p}),
    "rnn_model_save_to_memory_with": (rnn_status, {"model": rnn_model, "vocab": rnn_vocab,
        "options": POINTER(rnn_save_options), "bytes": c_void_p, "capacity": c_size_t, "size": c_void_p}),
    "rnn_load_options_init": (rnn_status, {"options": POINTER(rnn_load_options), "struct_size": c_size_t}),
    "rnn_model_load": (rnn_status, {"path": c_char_p, "options": POINTER(rnn_load_options),
        "model": POINTER(rnn_model), "vocab": POINTER(rnn_vocab)}),
    "rnn_model_load_from_memory": (rnn_status, {"bytes": c_void_p, "size": c_size_t,
        "options": POINTER(rnn_load_options), "model": POINTER(rnn_model), "vocab": POINTER(rnn_vocab)}),
    "rnn_checkpoint_init": (rnn_status, {"checkpoint": POINTER(rnn_checkpoint), "struct_size": c_size_t}),
    "rnn_checkpoint_save": (rnn_status, {"checkpoint": POINTER(rnn_checkpoint), "path": c_char_p}),
    "rnn_checkpoint_save_to_memory": (rnn_status, {"checkpoint": POINTER(rnn_checkpoint), "bytes": c_void_p,
        "capacity": c_size_t, "size": c_void_p}),
    "rnn_checkpoint_load": (rnn_status, {"path": c_char_p, "checkpoint": POINTER(rnn_checkpoint)}),
    "rnn_checkpoint_load_from_memory": (rnn_status, {"bytes": c_void_p, "size": c_size_t,
        "checkpoint": POINTER(rnn_checkpoint)}),
    "rnn_set_threads": (rnn_status, {"threads": c_int32}),
    "rnn_threads": (c_int32, {}),
    "rnn_set_allocator": (rnn_status, {"allocator": POINTER(rnn_allocator)}),
    "rnn_model_flat_parameters": (rnn_status, {"model": rnn_model, "values": POINTER(c_void_p),
        "count": c_void_p}),
    "rnn_model_flat_gradients": (rnn_status, {"model": rnn_model, "gradients": POINTER(c_void_p),
        "count": c_void_p}),
    "rnn_state_random_index": (c_uint64, {"state": rnn_state}),
    "rnn_state_set_random_index": (rnn_status, {"state": rnn_state, "index": c_uint64}),
    "rnn_state_observe": (rnn_status, {"state": rnn_state, "what": c_int32}),
    "rnn_state_get_activations": (rnn_status, {"state": rnn_state, "layer": c_int64, "values": c_void_p,
        "count": c_int64}),
    "rnn_state_get_gradient_norms": (rnn_status, {"state": rnn_state, "layer": c_int64, "norms": c_void_p,
        "count": c_int64}),
}
