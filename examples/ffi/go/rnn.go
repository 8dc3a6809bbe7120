// Package rnn trains and runs recurrent networks with librnn.
//
// Close releases an object. If a program forgets it, the garbage collector releases the object. Close may be called
// twice; every other use of a closed object returns ErrClosed. Objects can be closed in any order: a Corpus doesn't
// need its Vocab, and a State doesn't need its Model.
//
// A failed call returns an *Error. To find out the reason, compare it with a Status:
//
//	if errors.Is(err, rnn.ErrIO) { ... }
//
// All methods may be called from several goroutines. Calls that only read a Model run at once, each with a State of its
// own. Other calls on the same object wait for each other. C keeps no pointer to Go's memory.
package rnn

/*
#cgo pkg-config: librnn
#include "helpers.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A Status is the reason why a call failed.
type Status int32

// The reasons. The header describes them.
const (
	ErrArgument  Status = C.RNN_ERROR_ARGUMENT
	ErrMemory    Status = C.RNN_ERROR_MEMORY
	ErrIO        Status = C.RNN_ERROR_IO
	ErrSymbol    Status = C.RNN_ERROR_SYMBOL
	ErrMismatch  Status = C.RNN_ERROR_MISMATCH
	ErrNonfinite Status = C.RNN_ERROR_NONFINITE
	ErrFormat    Status = C.RNN_ERROR_FORMAT
)

// Error returns the name of the status.
func (s Status) Error() string {
	return C.GoString(C.rnn_status_name(C.rnn_status(s)))
}

// An Error is a failed call, with the library's message.
type Error struct {
	Status  Status
	Message string
}

func (e *Error) Error() string {
	return "rnn: " + e.Message
}

// Unwrap returns the status, for errors.Is.
func (e *Error) Unwrap() error {
	return e.Status
}

// ErrClosed is returned when a closed object is used.
var ErrClosed = errors.New("rnn: the object is closed")

func argumentError(format string, values ...any) error {
	return &Error{ErrArgument, fmt.Sprintf(format, values...)}
}

// call runs a call on one thread until its message has been read, because the message belongs to the thread.
func call(f func() C.rnn_status) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if status := f(); status != C.RNN_OK {
		return &Error{Status(status), C.GoString(C.rnn_last_error())}
	}
	return nil
}

// A handle holds the pointer to one of the library's objects.
type handle struct {
	mutex   sync.RWMutex
	number  uint64 // the order in which handles are locked
	pointer unsafe.Pointer
	destroy func(unsafe.Pointer)
}

var handles uint64

func newHandle(pointer unsafe.Pointer, destroy func(unsafe.Pointer)) *handle {
	h := &handle{number: atomic.AddUint64(&handles, 1), pointer: pointer, destroy: destroy}
	runtime.SetFinalizer(h, (*handle).close)
	return h
}

func (h *handle) close() {
	if h == nil { // of an object that no function has created
		return
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.pointer != nil {
		h.destroy(h.pointer)
		h.pointer = nil
		runtime.SetFinalizer(h, nil)
	}
}

// An access is what a call wants from a handle.
type access struct {
	*handle
	write bool
}

func read(h *handle) access  { return access{h, false} }
func write(h *handle) access { return access{h, true} }

// use locks the handles of a call, in the order of their numbers so that calls can't block one another. The function
// that it returns unlocks them. That also keeps the handles alive until the call has ended.
func use(accesses ...access) (func(), error) {
	for _, a := range accesses {
		if a.handle == nil {
			return nil, ErrClosed
		}
	}
	sort.Slice(accesses, func(i, j int) bool {
		a, b := accesses[i], accesses[j]
		return a.number < b.number || a.number == b.number && a.write && !b.write
	})
	var locked []access
	unlock := func() {
		for _, a := range locked {
			if a.write {
				a.mutex.Unlock()
			} else {
				a.mutex.RUnlock()
			}
		}
	}
	for i, a := range accesses {
		if i > 0 && a.handle == accesses[i-1].handle {
			continue
		}
		if a.write {
			a.mutex.Lock()
		} else {
			a.mutex.RLock()
		}
		locked = append(locked, a)
		if a.pointer == nil {
			unlock()
			return nil, ErrClosed
		}
	}
	return unlock, nil
}

// with runs a call while its handles are locked.
func with(f func() C.rnn_status, accesses ...access) error {
	unlock, err := use(accesses...)
	if err != nil {
		return err
	}
	defer unlock()
	return call(f)
}

// cString makes a C string, which the caller frees.
func cString(text string) (*C.char, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, argumentError("%q contains a NUL", text)
	}
	return C.CString(text), nil
}

func free(text *C.char) {
	C.free(unsafe.Pointer(text))
}

// first returns a pointer to a slice's elements, or nil if it has none.
func first[T any](slice []T) unsafe.Pointer {
	if len(slice) == 0 {
		return nil
	}
	return unsafe.Pointer(&slice[0])
}

func ids(slice []int32) *C.int32_t {
	return (*C.int32_t)(first(slice))
}

// product multiplies sizes, and returns an error if one is negative or the result is too large for a slice.
func product(sizes ...int) (int, error) {
	result := 1
	for _, size := range sizes {
		if size < 0 || size > 0 && result > math.MaxInt/8/size {
			return 0, argumentError("the sizes %v are out of range", sizes)
		}
		result *= size
	}
	return result, nil
}

func expect(name string, length, wanted int) error {
	if length != wanted {
		return argumentError("%s has %d elements; it must have %d", name, length, wanted)
	}
	return nil
}

// Version returns the version of the library in use.
func Version() string {
	return C.GoString(C.rnn_version())
}

// SetThreads sets the number of threads that a call may compute with; 0 is the library's choice.
func SetThreads(threads int) error {
	return call(func() C.rnn_status { return C.rnn_set_threads(C.int32_t(threads)) })
}
