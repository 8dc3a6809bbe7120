package rnn

/*
#include "helpers.h"
*/
import "C"

import "unsafe"

// A Kind is a kind of symbols.
type Kind int32

// The kinds of symbols.
const (
	Bytes Kind = C.RNN_VOCAB_BYTES
	UTF8  Kind = C.RNN_VOCAB_UTF8
	Words Kind = C.RNN_VOCAB_WORDS
)

// A Vocab is a set of symbols with ids.
type Vocab struct {
	h *handle
}

func newVocab(f func(out **C.rnn_vocab) C.rnn_status, accesses ...access) (*Vocab, error) {
	var out *C.rnn_vocab
	if err := with(func() C.rnn_status { return f(&out) }, accesses...); err != nil {
		return nil, err
	}
	return ownVocab(out), nil
}

func ownVocab(vocab *C.rnn_vocab) *Vocab {
	return &Vocab{newHandle(unsafe.Pointer(vocab), func(p unsafe.Pointer) { C.rnn_vocab_destroy((*C.rnn_vocab)(p)) })}
}

func (v *Vocab) c() *C.rnn_vocab { return (*C.rnn_vocab)(v.h.pointer) }

// NewVocab creates the vocabulary of the symbols that occur in a text.
func NewVocab(kind Kind, text []byte) (*Vocab, error) {
	return newVocab(func(out **C.rnn_vocab) C.rnn_status {
		return C.rnn_vocab_create_from_text(C.int32_t(kind), first(text), C.size_t(len(text)), out)
	})
}

// NewVocabFromFile creates the vocabulary of the text in a file.
func NewVocabFromFile(kind Kind, path string) (*Vocab, error) {
	name, err := cString(path)
	if err != nil {
		return nil, err
	}
	defer free(name)
	return newVocab(func(out **C.rnn_vocab) C.rnn_status {
		return C.rnn_vocab_create_from_file(C.int32_t(kind), name, out)
	})
}

// WithUnknown creates a vocabulary with these symbols and an unknown symbol.
func (v *Vocab) WithUnknown() (*Vocab, error) {
	return newVocab(func(out **C.rnn_vocab) C.rnn_status {
		return C.rnn_vocab_create_with_unknown(v.c(), nil, 0, out)
	}, read(v.h))
}

// Frequent creates a vocabulary of the frequent words and an unknown symbol. most is 0 for all words.
func (v *Vocab) Frequent(most, least int) (*Vocab, error) {
	return newVocab(func(out **C.rnn_vocab) C.rnn_status {
		return C.rnn_vocab_create_frequent(v.c(), C.int64_t(most), C.int64_t(least), out)
	}, read(v.h))
}

// Close releases the vocabulary.
func (v *Vocab) Close() error {
	v.h.close()
	return nil
}

// Size returns the number of symbols; 0 after Close.
func (v *Vocab) Size() int {
	unlock, err := use(read(v.h))
	if err != nil {
		return 0
	}
	defer unlock()
	return int(C.rnn_vocab_size(v.c()))
}

// Unknown returns the id of the unknown symbol; -1 if there is none, and after Close.
func (v *Vocab) Unknown() int32 {
	unlock, err := use(read(v.h))
	if err != nil {
		return -1
	}
	defer unlock()
	return int32(C.rnn_vocab_unknown(v.c()))
}

// Encode turns text into ids.
func (v *Vocab) Encode(text []byte) ([]int32, error) {
	room := make([]int32, len(text))
	var count C.int64_t
	err := with(func() C.rnn_status {
		return C.rnn_vocab_encode(v.c(), first(text), C.size_t(len(text)), ids(room), C.int64_t(len(room)), &count)
	}, read(v.h))
	if err != nil {
		return nil, err
	}
	return room[:count], nil
}

// Decode turns ids into text.
func (v *Vocab) Decode(symbols []int32) ([]byte, error) {
	var text []byte
	var size C.size_t
	decode := func() C.rnn_status {
		room, capacity := (*C.char)(first(text)), C.size_t(len(text))
		return C.rnn_vocab_decode(v.c(), ids(symbols), C.int64_t(len(symbols)), room, capacity, &size)
	}
	if err := with(decode, read(v.h)); err != nil || size == 0 {
		return nil, err
	}
	text = make([]byte, size)
	if err := with(decode, read(v.h)); err != nil {
		return nil, err
	}
	return text, nil
}

// A Chunk is T steps of B streams, in the order [T][B]. A model takes ids or vectors, as its options say. The vectors'
// element type is that of the model's precision; fields of the other type must be empty.
type Chunk struct {
	Steps, Streams int
	Inputs         []int32 // [T][B] ids
	Targets        []int32 // [T][B] ids, or -1 at positions that don't count
	InputVectors   []float32
	TargetVectors  []float32
	InputVectors64 []float64
	// TargetVectors64 is for models of Float64, like InputVectors64.
	TargetVectors64 []float64
	Lengths         []int64 // [B] the steps of each stream; empty if all have T
	LastOnly        bool    // only each stream's last position has outputs, and a target
}

// A Corpus is an encoded text and a position in it.
type Corpus struct {
	h *handle
}

func newCorpus(f func(out **C.rnn_corpus) C.rnn_status, accesses ...access) (*Corpus, error) {
	var out *C.rnn_corpus
	if err := with(func() C.rnn_status { return f(&out) }, accesses...); err != nil {
		return nil, err
	}
	destroy := func(p unsafe.Pointer) { C.rnn_corpus_destroy((*C.rnn_corpus)(p)) }
	return &Corpus{newHandle(unsafe.Pointer(out), destroy)}, nil
}

func (c *Corpus) c() *C.rnn_corpus { return (*C.rnn_corpus)(c.h.pointer) }

// NewCorpus opens a text in memory, which is copied, in chunks of steps for each of the streams.
func NewCorpus(vocab *Vocab, text []byte, steps, streams int) (*Corpus, error) {
	return newCorpus(func(out **C.rnn_corpus) C.rnn_status {
		t, b := C.int64_t(steps), C.int64_t(streams)
		return C.rnn_corpus_create_from_text(vocab.c(), first(text), C.size_t(len(text)), t, b, out)
	}, read(vocab.h))
}

// NewCorpusFromFile opens the text in a file.
func NewCorpusFromFile(vocab *Vocab, path string, steps, streams int) (*Corpus, error) {
	name, err := cString(path)
	if err != nil {
		return nil, err
	}
	defer free(name)
	return newCorpus(func(out **C.rnn_corpus) C.rnn_status {
		return C.rnn_corpus_create_from_file(vocab.c(), name, C.int64_t(steps), C.int64_t(streams), out)
	}, read(vocab.h))
}

// NewCorpusFromIDs opens a sequence of ids, which is copied. All ids must be less than symbols.
func NewCorpusFromIDs(sequence []int32, symbols, steps, streams int) (*Corpus, error) {
	return newCorpus(func(out **C.rnn_corpus) C.rnn_status {
		n, v, t, b := C.int64_t(len(sequence)), C.int64_t(symbols), C.int64_t(steps), C.int64_t(streams)
		return C.rnn_corpus_create_from_ids(ids(sequence), n, v, t, b, out)
	})
}

// Close releases the corpus and closes its file.
func (c *Corpus) Close() error {
	c.h.close()
	return nil
}

// Split moves a share of the text, at its end, to a second corpus.
func (c *Corpus) Split(share float64) (*Corpus, error) {
	return newCorpus(func(out **C.rnn_corpus) C.rnn_status {
		return C.rnn_corpus_split(c.c(), C.double(share), out)
	}, write(c.h))
}

// SetDropLast chooses whether the symbols at the ends of the streams may remain unused.
func (c *Corpus) SetDropLast(drop bool) error {
	return with(func() C.rnn_status { return C.rnn_corpus_set_drop_last(c.c(), flag(drop)) }, write(c.h))
}

func (c *Corpus) get(f func() C.int64_t) int64 {
	unlock, err := use(write(c.h))
	if err != nil {
		return 0
	}
	defer unlock()
	return int64(f())
}

// Size returns the number of symbols; 0 after Close.
func (c *Corpus) Size() int64 {
	return c.get(func() C.int64_t { return C.rnn_corpus_size(c.c()) })
}

// Chunks returns the number of chunks in one pass through the text; 0 after Close.
func (c *Corpus) Chunks() int64 {
	return c.get(func() C.int64_t { return C.rnn_corpus_chunks(c.c()) })
}

// Position returns the position of the next chunk, for SetPosition; 0 after Close.
func (c *Corpus) Position() int64 {
	return c.get(func() C.int64_t { return C.rnn_corpus_position(c.c()) })
}

// SetPosition sets the position of the next chunk.
func (c *Corpus) SetPosition(position int64) error {
	return with(func() C.rnn_status { return C.rnn_corpus_seek(c.c(), C.int64_t(position)) }, write(c.h))
}

// Next copies the next chunk to chunk, whose slices it uses again if they are large enough. restarted says that the
// chunk is the first of the text; reset the state then.
func (c *Corpus) Next(chunk *Chunk) (restarted bool, err error) {
	unlock, err := use(write(c.h))
	if err != nil {
		return false, err
	}
	defer unlock()
	var raw C.rnn_chunk
	var first C.int32_t
	if err := call(func() C.rnn_status { return C.go_next(c.c(), &raw, &first) }); err != nil {
		return false, err
	}
	n := int(raw.steps * raw.streams)
	next := Chunk{Steps: int(raw.steps), Streams: int(raw.streams)}
	next.Inputs = append(chunk.Inputs[:0], unsafe.Slice((*int32)(unsafe.Pointer(raw.inputs)), n)...)
	next.Targets = append(chunk.Targets[:0], unsafe.Slice((*int32)(unsafe.Pointer(raw.targets)), n)...)
	if raw.lengths != nil {
		lengths := unsafe.Slice((*int64)(unsafe.Pointer(raw.lengths)), next.Streams)
		next.Lengths = append(chunk.Lengths[:0], lengths...)
	}
	*chunk = next
	return first != 0, nil
}

func flag(value bool) C.int32_t {
	if value {
		return 1
	}
	return 0
}
