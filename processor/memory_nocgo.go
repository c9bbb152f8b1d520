//go:build !cgo

package processor

const outsideHeap = false
