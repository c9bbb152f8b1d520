package e2e

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// wire stands between a client and any broker: it sees every request and reply and can lose, change
// or hold them. It is a dialer for kgo.Dialer. Rules may come and go while it runs.
type wire struct {
	mu    sync.Mutex
	rules []*wireRule
}

// verdict is what a rule does with a message.
type verdict int

const (
	pass verdict = iota
	// cut closes the connection instead of passing the message on.
	cut
)

// wireRule looks at the requests of one key, and at their replies.
type wireRule struct {
	key kmsg.Key
	// request is called before the request goes to the broker; nil passes.
	request func(kmsg.Request) verdict
	// reply is called with the broker's reply, and may change it; nil passes. So the broker has
	// done the work.
	reply func(kmsg.Request, kmsg.Response) verdict
}

// add installs a rule and returns how to remove it. Rules are called by many goroutines.
func (w *wire) add(r wireRule) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &r
	w.rules = append(w.rules, p)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, x := range w.rules {
			if x == p {
				w.rules = append(w.rules[:i:i], w.rules[i+1:]...)
			}
		}
	}
}

func (w *wire) of(key int16) []*wireRule {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []*wireRule
	for _, r := range w.rules {
		if r.key.Int16() == key {
			some = append(some, r)
		}
	}
	return some
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &wireConn{Conn: c, wire: w, pending: map[int32]kmsg.Request{}}, nil
}

// wireConn is one connection of a wire. kgo writes each request with one call, and reads from one
// goroutine.
type wireConn struct {
	net.Conn
	wire *wire

	mu      sync.Mutex
	pending map[int32]kmsg.Request // requests that some rule wants the reply of, by correlation id

	in  []byte // the frame that is being read from the broker
	out []byte // what of it the client has not taken yet
}

func (c *wireConn) Write(b []byte) (int, error) {
	if len(b) < 12 || int(binary.BigEndian.Uint32(b)) != len(b)-4 {
		return c.Conn.Write(b)
	}
	rules := c.wire.of(int16(binary.BigEndian.Uint16(b[4:])))
	if len(rules) == 0 {
		return c.Conn.Write(b)
	}
	req := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(b[4:])))
	req.SetVersion(int16(binary.BigEndian.Uint16(b[6:])))
	r := kbin.Reader{Src: b[12:]}
	r.NullableString() // the client's id
	if req.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	if err := req.ReadFrom(r.Src); err != nil {
		panic(err)
	}
	for _, rule := range rules {
		if rule.request != nil && rule.request(req) == cut {
			c.Conn.Close()
			return 0, net.ErrClosed
		}
	}
	c.mu.Lock()
	c.pending[int32(binary.BigEndian.Uint32(b[8:]))] = req
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *wireConn) Read(b []byte) (int, error) {
	for len(c.out) == 0 {
		if err := c.frame(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	return n, nil
}

// frame reads one frame from the broker into out.
func (c *wireConn) frame() error {
	need := 4
	if len(c.in) >= 4 {
		need = 4 + int(binary.BigEndian.Uint32(c.in))
	}
	for len(c.in) < need {
		at := len(c.in)
		c.in = append(c.in, make([]byte, need-at)...)
		n, err := c.Conn.Read(c.in[at:])
		c.in = c.in[:at+n]
		if err != nil {
			return err
		}
		if need == 4 && len(c.in) == 4 {
			need += int(binary.BigEndian.Uint32(c.in))
		}
	}
	frame := c.in
	c.in = nil
	id := int32(binary.BigEndian.Uint32(frame[4:]))
	c.mu.Lock()
	req := c.pending[id]
	delete(c.pending, id)
	c.mu.Unlock()
	if req == nil {
		c.out = frame
		return nil
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	header := 8
	if resp.IsFlexible() && resp.Key() != kmsg.ApiVersions.Int16() {
		header++ // no tags
	}
	if err := resp.ReadFrom(frame[header:]); err != nil {
		panic(err)
	}
	for _, rule := range c.wire.of(resp.Key()) {
		if rule.reply != nil && rule.reply(req, resp) == cut {
			c.Conn.Close()
			return io.EOF
		}
	}
	c.out = resp.AppendTo(frame[:header:header])
	binary.BigEndian.PutUint32(c.out, uint32(len(c.out)-4))
	return nil
}
