// A Skyferry plugin in Go: adds one attribute to every resource that does not have it.
//
// Build it with cgo:
//
//	go build -buildmode=c-shared -o add_attribute.so .
//
// Its configuration is {"key": "deployment.environment.name", "value": "production"}.
package main

// #cgo CFLAGS: -std=c99 -I${SRCDIR}/../../include
// #include <stdlib.h>
// #include "plugin.h"
import "C"

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// An addAttribute does not change once it is made, so its calls may overlap.
type addAttribute struct {
	key string
	// What is appended to a message: in protobuf, what comes twice is one message in two parts, and the
	// resource is field 1 of the messages of all three signals.
	resource []byte
}

var errNoProtobuf = errors.New("the message is no protobuf")

func newAddAttribute(config []byte) (*addAttribute, error) {
	var attribute struct{ Key, Value string }
	if err := json.Unmarshal(config, &attribute); err != nil {
		return nil, err
	}
	if attribute.Key == "" {
		return nil, errors.New("`key` is empty, and has to name an attribute")
	}
	// resource { attributes { key, value { string_value } } }
	value := field(2, field(1, []byte(attribute.Value)))
	pair := append(field(1, []byte(attribute.Key)), value...)
	return &addAttribute{attribute.Key, field(1, field(1, pair))}, nil
}

// field is one of protobuf's fields that have a length; number is below 16.
func field(number byte, content []byte) []byte {
	header := binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(content)))
	return append(header, content...)
}

// next is the number and content of the field that a message begins with, and what comes after it. Only
// fields with a length have a content.
func next(message []byte) (number uint64, content, rest []byte, err error) {
	tag, read := binary.Uvarint(message)
	if read <= 0 {
		return 0, nil, nil, errNoProtobuf
	}
	message = message[read:]
	var size uint64
	switch tag & 7 {
	case 0:
		_, read = binary.Uvarint(message)
		size = uint64(read)
	case 1:
		size = 8
	case 2:
		size, read = binary.Uvarint(message)
		if read > 0 {
			message = message[read:]
		}
	case 5:
		size = 4
	default:
		return 0, nil, nil, errNoProtobuf
	}
	if read <= 0 || size > uint64(len(message)) {
		return 0, nil, nil, errNoProtobuf
	}
	if tag&7 == 2 {
		return tag >> 3, message[:size], message[size:], nil
	}
	return 0, nil, message[size:], nil
}

// hasKey tells whether a field 1 of message, depth levels down, is the key.
func (self *addAttribute) hasKey(message []byte, depth int) (bool, error) {
	for len(message) > 0 {
		number, content, rest, err := next(message)
		if err != nil {
			return false, err
		}
		message = rest
		if number != 1 {
			continue
		}
		found := depth == 0 && string(content) == self.key
		if depth > 0 {
			found, err = self.hasKey(content, depth-1)
		}
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// bytesOf is memory of the host's, lent for a call.
func bytesOf(bytes C.SkyferryBytes) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(bytes.data)), int(bytes.len))
}

func reason(instance *C.Instance, call *C.SkyferryCall, text string) {
	data := unsafe.Pointer(unsafe.StringData(text))
	C.host_reason(instance.host, call, data, C.size_t(len(text)))
}

func count(instance *C.Instance, name string) {
	data := unsafe.Pointer(unsafe.StringData(name))
	C.host_counter(instance.host, data, C.size_t(len(name)), 1)
}

//export goCreate
func goCreate(instance *C.Instance, call *C.SkyferryCall, config C.SkyferryBytes) C.SkyferryStatus {
	self, err := newAddAttribute(bytesOf(config))
	if err != nil {
		reason(instance, call, err.Error())
		return C.SKYFERRY_STATUS_REFUSED
	}
	instance.handle = C.uintptr_t(cgo.NewHandle(self))
	return C.SKYFERRY_STATUS_UNCHANGED
}

//export goProcess
func goProcess(
	instance *C.Instance, call *C.SkyferryCall, kind C.SkyferryKind, lent C.SkyferryBytes,
) (status C.SkyferryStatus) {
	// A panic that leaves an exported function ends the process.
	defer func() {
		if panicked := recover(); panicked != nil {
			reason(instance, call, fmt.Sprint("it panicked: ", panicked))
			status = C.SKYFERRY_STATUS_FAILED
		}
	}()
	self := cgo.Handle(instance.handle).Value().(*addAttribute)
	message := bytesOf(lent)
	// ResourceSpans.resource, Resource.attributes, KeyValue.key: each is field 1.
	found, err := self.hasKey(message, 2)
	if err != nil {
		reason(instance, call, err.Error())
		return C.SKYFERRY_STATUS_REFUSED
	}
	if found {
		count(instance, "resources_kept")
		return C.SKYFERRY_STATUS_UNCHANGED
	}
	// The host keeps it after the call, so it cannot be memory of Go's.
	size := len(message) + len(self.resource)
	made := C.malloc(C.size_t(size))
	copied := copy(unsafe.Slice((*byte)(made), size), message)
	copy(unsafe.Slice((*byte)(made), size)[copied:], self.resource)
	C.host_emit(instance.host, call, kind, made, C.size_t(size))
	count(instance, "resources_changed")
	return C.SKYFERRY_STATUS_REPLACED
}

//export goDestroy
func goDestroy(instance *C.Instance) {
	cgo.Handle(instance.handle).Delete()
}

func main() {}
