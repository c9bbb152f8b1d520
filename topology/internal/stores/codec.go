package stores

import (
	"fmt"

	"github.com/kolkstream/kolk/serde"
	"github.com/kolkstream/kolk/topology/internal/operator"
)

// codec makes keys and values bytes, and back. It belongs to the goroutine of its task.
type codec[K, V any] struct {
	name  string
	key   serde.Serde[K]
	value serde.Serde[V]
	kbuf  []byte
	vbuf  []byte
	owner Owner
	fault error // of every call
}

func newCodec[K, V any](name string, k serde.Serde[K], v serde.Serde[V], o Owner) codec[K, V] {
	return codec[K, V]{name: name, key: k, value: v, owner: o, vbuf: make([]byte, 0, 64)}
}

// encodeKey makes kbuf the bytes of a key.
func (c *codec[K, V]) encodeKey(key K) error {
	if c.fault != nil {
		return c.fault
	}
	b, err := c.appendKey(c.kbuf[:0], key)
	if err == nil {
		c.kbuf = b
	}
	return err
}

// appendKey appends the bytes of a key.
func (c *codec[K, V]) appendKey(dst []byte, key K) ([]byte, error) {
	b, err := c.key.Append(dst, key)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", c.name, operator.EncodeError("key", c.key.Name(), err))
	}
	return b, nil
}

// encode makes kbuf and vbuf the bytes of a key and a value.
func (c *codec[K, V]) encode(key K, value V) error {
	if err := c.encodeKey(key); err != nil {
		return err
	}
	b, err := c.value.Append(c.vbuf[:0], value)
	if err != nil {
		return fmt.Errorf("store %s: %w", c.name, operator.EncodeError("value", c.value.Name(), err))
	}
	c.vbuf = b
	return nil
}

func (c *codec[K, V]) decodeKey(b []byte) (K, error) {
	k, err := c.key.Decode(operator.Present(b))
	if err != nil {
		return k, c.broken(operator.DecodeError("a stored key", c.key.Name(), err))
	}
	return k, nil
}

func (c *codec[K, V]) decode(b []byte) (V, error) {
	v, err := c.value.Decode(operator.Present(b))
	if err != nil {
		return v, c.broken(operator.DecodeError("a stored value", c.value.Name(), err))
	}
	return v, nil
}

// broken reports an error that stops the task, whatever the processor makes of it.
func (c *codec[K, V]) broken(err error) error {
	return c.failed(fmt.Errorf("store %s: %w", c.name, err))
}

// failed is broken for an error that names the store.
func (c *codec[K, V]) failed(err error) error {
	if err != nil {
		c.owner.Stop(err)
	}
	return err
}

// checkTime checks a time that a row is to have.
func (c *codec[K, V]) checkTime(ms int64) error {
	if err := operator.CheckTime(ms); err != nil {
		return fmt.Errorf("store %s: %w", c.name, err)
	}
	return nil
}
